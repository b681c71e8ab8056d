"""Flaws: each changes a page as its name says, always alike, and leaves the digit or the blank page recognizable."""

import numpy as np
import pytest

from edgedigits.data import drawn, flaws
from edgedigits.records.arrays import Uint8Array

IMAGES = drawn.digits(4, seed=0)[0]
PLAIN = list(flaws.flawed("none", IMAGES))


def of(name: str) -> list[Uint8Array]:
    return list(flaws.flawed(name, IMAGES))


def differing(name: str) -> list[int]:
    """How many pixels of each page a flaw changes."""
    return [int((page != plain).sum()) for page, plain in zip(of(name), PLAIN, strict=True)]


def test_a_page_is_dark_on_light_with_the_digit_five_times_as_large_in_its_middle() -> None:
    for page, image in zip(PLAIN, IMAGES, strict=True):
        assert page.shape == (flaws.SIDE, flaws.SIDE)
        assert (page.max(), page.min()) == (flaws.PAPER, flaws.INK)
        assert (page[:40] == flaws.PAPER).all()
        inked = (page < flaws.DARK).sum() / (image > 127).sum()
        assert 0.9 * flaws.ENLARGED**2 < inked < 1.1 * flaws.ENLARGED**2


@pytest.mark.parametrize("name", flaws.names())
def test_a_flaw_is_always_the_same_and_differs_from_none(name: str) -> None:
    first, again = of(name), of(name)
    for page, other, plain in zip(first, again, PLAIN, strict=True):
        np.testing.assert_array_equal(page, other)
        assert page.dtype == np.uint8
        assert np.array_equal(page, plain) == (name == "none")


def test_specks_and_pixels_are_as_many_as_they_say() -> None:
    assert differing("a speck of 1x1") == [1] * 4
    assert differing("a speck of 4x4") == [16] * 4
    assert all(3 <= count <= 5 for count in differing("5 dark pixels"))  # one may fall on ink


def test_lines_cross_the_whole_page() -> None:
    for page in of("ruled, 60% dark"):
        assert (page < flaws.PAPER).all(axis=1).sum() == 8
    for page in of("squared, 45% dark"):
        assert (page < flaws.PAPER).all(axis=1).sum() >= 6
        assert (page < flaws.PAPER).all(axis=0).sum() >= 6


def test_a_box_has_four_sides_and_paper_outside() -> None:
    for page in of("a box 6 inside"):
        assert (page[6:9, 6:-6] == flaws.INK).all()
        assert (page[6:-6, -9:-6] == flaws.INK).all()
        assert (page[:6] == flaws.PAPER).all()


def test_light_falls_to_what_it_says() -> None:
    for page in of("shade to 50%"):
        assert page[[0, 0, -1, -1], [0, -1, 0, -1]].min() == round(flaws.PAPER / 2 + 1e-9)
    for page in of("vignette to 35%"):
        assert page[0, 0] == pytest.approx(0.35 * flaws.PAPER, abs=1)


def test_a_desk_and_bars_lie_around_the_page() -> None:
    for page, plain in zip(of("on a dark desk"), PLAIN, strict=True):
        assert page.shape == (286, 286)
        np.testing.assert_array_equal(page[33:-33, 33:-33], plain)
        assert page[:33].max() < 90
    for page, plain in zip(of("black bars"), PLAIN, strict=True):
        np.testing.assert_array_equal(page[:, 40:-40], plain)
        assert page[:, :40].max() == 0


def test_what_is_cut_to_its_ink_has_ink_on_every_side() -> None:
    for page in of("cut to its ink"):
        sides = (page[0], page[-1], page[:, 0], page[:, -1])
        assert all((side < flaws.DARK).any() for side in sides)


def test_thin_lines_are_the_thinner_the_more_is_taken() -> None:
    ink = [sum((page < flaws.DARK).sum() for page in of(name)) for name in ("none", *flaws.THINNER)]
    assert ink == sorted(ink, reverse=True)
    assert 0 < ink[-1] < ink[0] / 2


def test_blank_pages_have_the_flaw_and_no_digit() -> None:
    assert all((page == flaws.PAPER).all() for page in flaws.blank("none", 3))
    for page in flaws.blank("a speck of 4x4", 5):
        assert (page < flaws.DARK).sum() == 16
    first, second = flaws.blank("ruled, 35% dark", 2)
    assert (first != second).any()
