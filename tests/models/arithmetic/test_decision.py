"""When there is no digit, in whole numbers: against the softmax that it stands for."""

import numpy as np
import pytest

from edgedigits.errors import UsageError
from edgedigits.models.arithmetic.decision import MOST_LIMIT, NONE, ONE, Decision
from edgedigits.models.metrics import softmax

UNIT = 2.0**-16


def scores(logits: np.ndarray) -> np.ndarray:
    return np.rint(logits / UNIT).astype(np.int32)


@pytest.mark.parametrize("temperature", [0.2, 1.0, 1.37, 5.0])
@pytest.mark.parametrize("threshold", [0.11, 0.5, 0.93, 0.99])
def test_it_is_the_softmax_against_the_threshold(temperature: float, threshold: float) -> None:
    """What is beside the largest may be off by 3 in 100,000, and each power is cut off."""
    rng = np.random.default_rng(0)
    logits = (rng.normal(0, 3, (20_000, 10)) * rng.uniform(0.05, 2, (20_000, 1))).astype(np.float32)
    found = Decision.of(UNIT, temperature, threshold).labels(scores(logits))
    probability = softmax(logits / np.float32(temperature)).max(axis=1)
    wanted = np.where(probability >= threshold, logits.argmax(axis=1), NONE)
    sure = np.abs(probability - threshold) > 5e-5 * probability * (1 - probability) + probability**2 * 10 / ONE
    np.testing.assert_array_equal(found[sure], wanted[sure])
    assert sure.mean() > 0.9995
    assert (found == NONE).sum() > 100 or threshold < 0.2


def test_of_several_largest_scores_it_is_the_first() -> None:
    decision = Decision.of(UNIT, 1.0, 0.01)
    assert decision.labels(np.array([[1, 7, 7], [-5, -5, -5]], np.int32)).tolist() == [1, 0]


def test_scores_may_be_as_far_apart_as_they_can_be() -> None:
    ends = np.array([[-(2**31) + 1, 2**31 - 1], [2**31 - 1, -(2**31) + 1]], np.int32)
    for unit in (2.0**-16, 1.0):
        assert Decision.of(unit, 1.0, 0.999).labels(ends).tolist() == [1, 0]


def test_scores_that_are_alike_share_what_there_is() -> None:
    alike = np.zeros((1, 10), np.int32)
    assert Decision.of(UNIT, 1.0, 0.11).labels(alike).tolist() == [NONE]
    assert Decision.of(UNIT, 1.0, 0.09).labels(alike).tolist() == [0]
    assert Decision.of(UNIT, 1.0, 0.0).limit == MOST_LIMIT


def test_numbers_that_c_would_not_hold_are_refused() -> None:
    for numbers in (
        (0, 20, ONE),
        (2**16, 20, ONE),
        (1, 0, ONE),
        (1, 64, ONE),
        (1, 20, ONE - 1),
        (1, 20, MOST_LIMIT + 1),
    ):
        with pytest.raises(UsageError, match="wanted"):
            Decision(*numbers)
    with pytest.raises(UsageError, match="layer 'scores'"):
        Decision.of(2.0**20, 1.0, 0.5)
