"""Canvases: of the promised sizes, in both polarities, always the same."""

import numpy as np

from edgedigits.data import drawn
from edgedigits.data.canvases import KINDS, LARGEST, no_digits, paste


def test_a_digit_lies_whole_on_a_canvas_of_the_promised_size() -> None:
    images = drawn.digits(100, seed=0)[0]
    sizes, dark = [], 0
    for image in images:
        canvas = paste(image)
        inverted = canvas[0, 0] == 255
        ink = 255 - canvas if inverted else canvas
        enlarged = (ink.sum() / image.sum()) ** 0.5
        assert canvas.dtype == np.uint8
        assert 2.9 < enlarged < 12.1
        sizes.append(canvas.shape)
        dark += int(inverted)
    assert 35 <= dark <= 65
    assert np.max(sizes, axis=0).tolist() <= list(LARGEST)
    assert len(set(sizes)) > 90


def test_the_same_image_lies_on_the_same_canvas() -> None:
    first, second = drawn.digits(2, seed=0)[0]
    np.testing.assert_array_equal(paste(first), paste(first.copy()))
    assert paste(first).shape != paste(second).shape


def test_what_is_no_digit_is_the_same_for_a_seed_and_another_for_another() -> None:
    first, again, other = (no_digits(5, seed) for seed in (1, 1, 2))
    assert first.keys() == KINDS.keys() == {"blank", "noise", "scribbles"}
    for kind in KINDS:
        assert len(first[kind]) == 5
        for one, same in zip(first[kind], again[kind], strict=True):
            np.testing.assert_array_equal(one, same)
        assert any(one.shape != another.shape for one, another in zip(first[kind], other[kind], strict=True))
    assert all(canvas.min() == canvas.max() for canvas in first["blank"])
    assert all(canvas.min() < canvas.max() for kind in ("noise", "scribbles") for canvas in first[kind])


def test_smaller_canvases_can_be_asked_for() -> None:
    image = drawn.digits(1, seed=0)[0][0]
    assert max(paste(image, (0.6, 2.0), (60, 70)).shape) <= 70
    found = no_digits(5, 1, (90, 110))
    assert all(84 <= side <= 110 for canvases in found.values() for canvas in canvases for side in canvas.shape[:1])
