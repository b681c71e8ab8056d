"""What our own pen writes: on canvases as they are promised, whole, each time otherwise; and what its shapes are."""

import numpy as np
import pytest

from edgedigits.data import drawn, handwriting, pen
from edgedigits.data.canvases import LARGEST
from edgedigits.data.framing import frame
from edgedigits.data.paper import find_ink

SHAPES = {
    **{str(label): shape for label, shape in enumerate(pen.DIGITS)},
    **{name: form.shape for name, form in pen.FORMS.items()},
    **pen.LETTERS,
    **pen.MARKS,
    **pen.SIGNS,
}
WITH_A_DIGITS_SHAPE = set("OoDIliJjZzSsBbqgG")


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_lies_in_its_box_and_fills_it_one_way(name: str) -> None:
    points = np.concatenate(SHAPES[name])
    assert points.min() >= -0.05
    assert points.max() <= 1.1
    assert max(np.ptp(points, axis=0)) > 0.75


def test_no_letter_has_a_digits_shape() -> None:
    assert not set(pen.LETTERS) & WITH_A_DIGITS_SHAPE


def test_a_form_is_another_than_its_digit() -> None:
    assert {form.label for form in pen.FORMS.values()} == {0, 1, 3, 4, 7, 9}
    for form in pen.FORMS.values():
        plain, other = (
            drawn.draw_shape(shape, np.random.default_rng(0)) for shape in (pen.DIGITS[form.label], form.shape)
        )
        assert (plain != other).sum() > 20


def test_what_is_written_is_whole_with_paper_around_it() -> None:
    dark = 0
    for canvas in handwriting.written(pen.LETTERS.values(), 60, seed=0):
        assert canvas.dtype == np.uint8
        assert all(84 <= side <= longest for side, longest in zip(canvas.shape, LARGEST, strict=True))
        ink, contrast = find_ink(canvas)
        assert contrast > 55
        assert 0.002 < (ink > 0.5).mean() < 0.3
        assert not (ink[[0, -1]] > 0.5).any()
        dark += int(canvas[0, 0] < 128)
    assert 15 <= dark <= 45


def test_each_is_written_in_turn_and_otherwise_for_another_seed() -> None:
    first, again, other = (list(handwriting.written(pen.DIGITS, 20, seed)) for seed in (1, 1, 2))
    for one, same, another in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(one, same)
        assert one.shape != another.shape or (one != another).any()
    assert (frame(first[7]) != frame(first[17])).any()


def test_a_pair_is_wider_than_its_digits_and_always_the_same() -> None:
    images = drawn.digits(40, seed=0)[0]
    pairs = list(handwriting.pairs(images, seed=0))
    assert len(pairs) == 20
    widths = [np.ptp(np.flatnonzero((find_ink(pair)[0] > 0.4).any(axis=0))) for pair in pairs]
    heights = [np.ptp(np.flatnonzero((find_ink(pair)[0] > 0.4).any(axis=1))) for pair in pairs]
    assert np.mean(np.array(widths) > np.array(heights)) > 0.5
    for one, same in zip(pairs, handwriting.pairs(images, seed=0), strict=True):
        np.testing.assert_array_equal(one, same)


def test_a_digit_without_a_partner_is_left_over_and_a_blank_one_takes_its_room() -> None:
    images = drawn.digits(3, seed=0)[0]
    assert len(list(handwriting.pairs(images, seed=0))) == 1
    blank = np.zeros_like(images[0])
    assert handwriting.side_by_side(images[0], blank, np.random.default_rng(0)).shape[0] == len(blank)
