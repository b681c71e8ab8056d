"""Digits that touch: two as near as their strokes let them, and pieces of such."""

import numpy as np

from edgedigits.data import shapes
from edgedigits.data.dataset import Dataset, Split
from edgedigits.data.numbers import INKED
from edgedigits.train.touching import parted, together


def test_two_digits_are_one_shape_and_both_are_there(digits: Dataset) -> None:
    rng = np.random.default_rng(0)
    for left, right in zip(digits.train.images[:40:2], digits.train.images[1:40:2], strict=True):
        sheets = together(left, right, rng)
        assert [(sheet > 0).sum() for sheet in sheets] == [4 * (image > 0).sum() for image in (left, right)]
        assert shapes.count(np.maximum(*sheets) > INKED) < sum(shapes.count(sheet > INKED) for sheet in sheets)
        middles = [(sheet.sum(0) * np.arange(sheet.shape[1])).sum() / sheet.sum() for sheet in sheets]
        assert middles[0] < middles[1]


def test_beside_nothing_a_digit_is_as_it_was(digits: Dataset) -> None:
    blank = np.zeros((28, 28), np.uint8)
    for pair in ((digits.train.images[0], blank), (blank, blank)):
        assert np.maximum(*together(*pair, np.random.default_rng(0))).sum() == 4 * pair[0].sum()


def test_pieces_are_framed_and_no_more_than_asked_for(digits: Dataset) -> None:
    made, again = (parted(60, digits.train, 1) for _ in range(2))
    assert 10 < len(made) <= 60
    assert made.images.shape == (len(made), 28, 28)
    assert np.array_equal(made.images, again.images)
    assert (made.images.max(axis=(1, 2)) == 255).all()
    assert (made.images.any(axis=1).sum(axis=1) <= 20).all()
    assert set(made.labels) <= set(digits.train.labels)
    assert len(parted(0, digits.train, 0)) == 0


def test_what_cannot_be_parted_gives_no_piece(digits: Dataset) -> None:
    full = Split(np.full((4, 28, 28), 255, np.uint8), digits.train.labels[:4])
    blank = Split(np.zeros((4, 28, 28), np.uint8), digits.train.labels[:4])
    for split in (full, blank):
        assert parted(10, split, 0).images.shape == (0, 28, 28)


def test_a_piece_looks_like_a_digit_of_its_label(digits: Dataset) -> None:
    means = np.stack([digits.train.images[digits.train.labels == label].mean(0) for label in range(10)])
    made = parted(100, digits.train, 0)
    nearest = ((made.images[:, None] - means) ** 2).sum((2, 3)).argmin(1)
    assert (nearest == made.labels).mean() > 0.8
