"""Outliers: what is no digit, framed as digits are."""

import numpy as np
import pytest

from edgedigits.data import handwriting, pen
from edgedigits.data.dataset import Dataset
from edgedigits.train import outliers


def test_none_is_blank_and_each_is_framed(digits: Dataset) -> None:
    made = outliers.make(300, digits.train, 0)
    assert made.shape == (300, 28, 28)
    assert made.dtype == np.uint8
    assert (made.max(axis=(1, 2)) == 255).all()
    for inked in (made.any(axis=2), made.any(axis=1)):
        assert inked.sum(axis=1).max() <= 20


def test_the_same_seed_makes_the_same(digits: Dataset) -> None:
    first, again, other = (outliers.make(40, digits.train, seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert outliers.make(0, digits.train, 0).shape == (0, 28, 28)


@pytest.mark.parametrize("maker", [maker for maker, _ in outliers.KINDS], ids=lambda maker: maker.__name__)
def test_each_kind_makes_many_different_ones(maker: outliers.Make, digits: Dataset) -> None:
    rng = np.random.default_rng(0)
    made = {maker(rng, digits.train).tobytes() for _ in range(20)}
    assert len(made) > 15


def test_a_half_is_less_than_its_digit(digits: Dataset) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        half = outliers._half(rng, digits.train)
        assert min(half.shape) - 2 * handwriting.EDGE <= 16


def test_national_digits_come_in_turn_with_their_labels() -> None:
    made = outliers.national(2 * len(pen.FORMS), 0)
    assert made.labels.tolist() == 2 * [form.label for form in pen.FORMS.values()]
    assert made.images.any(axis=(1, 2)).all()
    assert len(outliers.national(0, 0)) == 0
