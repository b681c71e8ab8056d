"""Thinning: lines of one pixel are left, where the digit was, in one piece."""

import numpy as np
import pytest

from edgedigits.data import drawn
from edgedigits.train.thinning import INK, thinned


@pytest.mark.parametrize("thick", [1, 2, 3, 6])
def test_a_bar_becomes_a_line_of_one_pixel(thick: int) -> None:
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, 4:24, 10 : 10 + thick] = 255
    found = thinned(image)[0] > 0
    assert found.sum(1).max() == 1
    assert found.any(1).sum() >= 20 - thick


def test_a_ring_stays_a_ring() -> None:
    zero = np.stack([drawn.draw(0, np.random.default_rng(seed)) for seed in range(10)])
    for found in thinned(zero):
        assert not found[14, 14]
        left, right = found[14, :14], found[14, 14:]
        assert left.any()
        assert right.any()
        assert found[:14, 14].any()
        assert found[14:, 14].any()


def test_a_filled_shape_stays_as_it_is() -> None:
    shapes = np.zeros((2, 28, 28), np.uint8)
    shapes[0, 4:24, 6:22] = 200
    rows, columns = np.indices((28, 28)) - 13.5
    shapes[1][(rows / 10) ** 2 + (columns / 6) ** 2 < 1] = 255
    assert np.array_equal(thinned(shapes), shapes)


def test_what_is_left_was_ink_and_less_of_it() -> None:
    images = drawn.digits(100, seed=0)[0]
    found = thinned(images)
    assert set(np.unique(found)) == {0, 255}
    assert not found[images <= INK].any()
    assert (found > 0).any(axis=(1, 2)).all()
    assert (found > 0).mean() < 0.6 * (images > INK).mean()


def test_a_skeleton_is_its_own() -> None:
    once = thinned(drawn.digits(50, seed=0)[0])
    assert np.array_equal(thinned(once), once)
