"""Figures of parity, against counts made by hand and published values."""

import math

import numpy as np
import pytest

from edgedigits.verify import parity


def scores(*answers: int, margin: float = 1.0) -> np.ndarray:
    """Logits whose largest is at the given classes of three, ahead by `margin`."""
    return np.eye(3, dtype=np.float32)[list(answers)] * np.float32(margin)


def test_a_flip_has_both_answers_and_how_sure_torch_was() -> None:
    reference = np.array([[2, 0, 0], [0, math.log(3), 0], [0, 0, 1]], dtype=np.float32)
    (flip,) = parity.flips(reference, scores(0, 2, 2))
    assert (flip.index, flip.before, flip.after) == (1, 1, 2)
    assert flip.margin == pytest.approx(3 / 5 - 1 / 5)


def test_equal_answers_are_no_flips() -> None:
    assert parity.flips(scores(0, 1, 2), scores(0, 1, 2, margin=9)) == []


def test_a_difference_is_the_largest_the_mean_and_the_percentile_of_all_logits() -> None:
    reference = np.zeros((1000, 10), dtype=np.float32)
    found = reference.copy()
    found[7, 3] = -2
    found[8, 4] = 1
    apart = parity.difference(reference, found)
    assert (apart.largest, apart.worst) == (2, 7)
    assert apart.mean == pytest.approx(3 / 10_000)
    assert apart.p999 == 0


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_difference_of_what_is_not_finite_is_none_and_names_the_image(value: float) -> None:
    found = np.zeros((5, 3), dtype=np.float32)
    found[3, 1] = value
    apart = parity.difference(np.zeros((5, 3), dtype=np.float32), found)
    assert (apart.largest, apart.mean, apart.p999, apart.worst) == (None, None, None, 3)
    assert parity.softmax_difference(found, found) is None


@pytest.mark.parametrize(
    ("lost", "gained", "p"),
    [(0, 0, 1.0), (1, 0, 1.0), (5, 5, 1.0), (10, 0, 2 / 2**10), (1, 9, 2 * 11 / 2**10), (2, 8, 2 * 56 / 2**10)],
)
def test_mcnemar_is_the_exact_binomial_test(lost: int, gained: int, p: float) -> None:
    assert parity.mcnemar(lost, gained) == pytest.approx(p)
    assert parity.mcnemar(gained, lost) == parity.mcnemar(lost, gained)


def test_mcnemar_of_many_changes_neither_overflows_nor_vanishes() -> None:
    assert parity.mcnemar(5000, 5000) == 1
    assert parity.mcnemar(4700, 5300) == pytest.approx(2.0760336959207247e-9, abs=0)  # 4,701 coefficients, anew each


def test_accuracy_by_class_has_no_figure_for_a_class_without_images() -> None:
    labels = np.array([0, 0, 1, 1])
    assert parity.by_class(scores(0, 1, 1, 1), labels) == (0.5, 1.0, None)


def test_probabilities_are_compared_with_the_softmax() -> None:
    logits = scores(0, 1)
    right = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    assert parity.softmax_difference(logits, right) == pytest.approx(0, abs=1e-6)
    assert parity.softmax_difference(logits, right + 0.25) == pytest.approx(0.25)
