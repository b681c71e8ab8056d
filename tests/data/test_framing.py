"""The framing in whole numbers: against the same in fractions, cell by cell, and against that of ONNX files."""

import math
from fractions import Fraction

import numpy as np
import pytest

from edgedigits.data.canvases import SIDES
from edgedigits.data.framing import (
    DIGIT_BITS,
    FIELD,
    FRAME,
    TIE,
    Finder,
    Span,
    find_by_border,
    find_by_looking,
    find_paper,
    frame,
    rounding_margin,
)
from edgedigits.data.paper import BOX, CONTRAST, find_ink
from edgedigits.embed.golden import SURE
from edgedigits.export.onnx import framing as floats
from edgedigits.records.arrays import Uint8Array
from tests.export.test_framing import some_canvases
from tests.helpers.canvases import fuzzed

FINDERS = pytest.mark.parametrize("find", [find_by_border, find_by_looking], ids=lambda find: find.__name__)


def exactly(canvas: Uint8Array) -> list[list[Fraction]]:
    """The ink of each cell, 0 to 1 of the contrast: what the head of framing.py says, in words of its own."""
    border = [*canvas[0], *canvas[-1], *canvas[:, 0], *canvas[:, -1]]
    middle = Fraction(int(canvas.min()) + int(canvas.max()), 2)
    light = sum(value > middle for value in border) * 2 > len(border)
    kept = [int(value) for value in border if (value > middle) == light]
    paper = Fraction(sum(kept), len(kept))
    contrast = int(canvas.min() if light else canvas.max()) - paper
    if abs(contrast) <= CONTRAST - Fraction(1, 2):
        return []
    strength = [[(int(value) - paper) / contrast for value in row] for row in canvas]
    inked = np.array([[part > Fraction(str(BOX)) for part in row] for row in strength])
    spans = [np.flatnonzero(inked.any(axis=axis))[[0, -1]].tolist() for axis in (1, 0)]
    longest = max(last + 1 - first for first, last in spans)
    rows, columns = (
        [edges(first, last + 1 - first, cell, longest) for cell in range(count(last + 1 - first, longest))]
        for first, last in spans
    )
    found = []
    for top, bottom in rows:
        found.append([Fraction(0)] * len(columns))
        for cell, (left, right) in enumerate(columns):
            for y in range(math.floor(top), math.ceil(bottom)):
                for x in range(math.floor(left), math.ceil(right)):
                    area = (min(bottom, y + 1) - max(top, y)) * (min(right, x + 1) - max(left, x))
                    found[-1][cell] += area * strength[y][x]
    return [[max(ink, Fraction(0)) for ink in row] for row in found]


def count(extent: int, longest: int) -> int:
    """How many cells an extent fills."""
    return max(1, math.floor(Fraction(FIELD * extent, longest) + Fraction(1, 2)))


def edges(first: int, extent: int, cell: int, longest: int) -> tuple[Fraction, Fraction]:
    """Where a cell begins and ends."""
    step = Fraction(extent, count(extent, longest))
    width = max(step, Fraction(1))
    start = min(max(step * cell + step / 2 - width / 2, Fraction(0)), extent - width)
    return first + start, first + start + width


def test_it_is_what_its_description_says() -> None:
    """No value is off by more than what DIGIT_BITS of the largest sum leave: as good as a half, it goes up."""
    blank = 0
    for canvas in fuzzed(60, seed=0, largest=20):
        seen, wanted = frame(canvas, find_by_border), exactly(canvas)
        most = max((ink for row in wanted for ink in row), default=Fraction(0))
        if most == 0:
            blank += 1
            assert not seen.any()
            continue
        rows, columns = (np.flatnonzero(seen.any(axis=axis)) for axis in (1, 0))
        assert seen.max() == 255
        digit = np.array([[float(255 * ink / most) for ink in row] for row in wanted])
        kept = np.flatnonzero(digit.round().any(axis=1)), np.flatnonzero(digit.round().any(axis=0))
        assert (len(kept[0]), len(kept[1])) == (len(rows), len(columns))
        top, left = rows[0] - kept[0][0], columns[0] - kept[1][0]
        found = seen[top : top + digit.shape[0], left : left + digit.shape[1]]
        assert np.abs(found - digit).max() <= 0.5 + 1 / TIE + 2 * 255 / 2 ** (DIGIT_BITS - 1)
    assert 0 < blank < 30


def test_onnx_files_see_the_same_but_for_a_last_bit() -> None:
    """Where theirs is not exact, a value in the middle of two whole ones may be the other one, and move a digit."""
    canvases = [*some_canvases(), *fuzzed(300, seed=1, largest=90)]
    apart = np.stack([frame(canvas).astype(int) - floats.frame(canvas) for canvas in canvases])
    moved = np.abs(apart).reshape(len(canvases), -1).max(axis=1) > 1
    assert moved.sum() <= 2
    assert (apart[~moved] != 0).mean() < 1e-3


def test_the_margin_says_how_near_a_value_is_to_being_rounded_otherwise() -> None:
    for canvas in fuzzed(20, seed=4, largest=20):
        values = [255 * ink / max(map(max, found)) for found in [exactly(canvas)] for row in found for ink in row]
        halves = (value + Fraction(1, 2) + Fraction(1, TIE) for value in values)
        nearest = min((abs(half - round(half)) for half in halves), default=Fraction(1, 2))
        assert rounding_margin(canvas, find_by_border) == pytest.approx(float(nearest), abs=1e-9)


def test_a_tie_has_the_margin_that_decides_it() -> None:
    canvas = np.zeros((60, 60), np.uint8)
    canvas[10:50, 10:50] = 255
    canvas[10, 10:12] = 0  # half of a cell of 2 by 2 pixels: 127.5
    assert rounding_margin(canvas, find_by_border) == pytest.approx(1 / TIE, rel=1e-6)


@pytest.mark.lengthy
def test_onnx_files_see_the_same_where_the_margin_is_more_than_float32_is_off() -> None:
    sure = [canvas for canvas in fuzzed(600, seed=5, largest=110) if rounding_margin(canvas) >= SURE]
    assert len(sure) > 60
    for canvas in sure:
        np.testing.assert_array_equal(frame(canvas), floats.frame(canvas))


def test_paper_is_what_other_code_takes_for_it() -> None:
    for canvas in some_canvases():
        paper = find_paper(canvas)
        mean = paper.total / paper.count
        ink, contrast = find_ink(canvas)
        level = (255 - mean if paper.inverted else mean) + ink * contrast * (-1 if paper.inverted else 1)
        np.testing.assert_allclose(level, canvas, atol=1e-6)


def test_cells_cover_every_pixel_once_or_are_a_pixel_wide() -> None:
    for extent, cells in ((20, 20), (2048, 20), (2048, 1), (37, 13), (21, 20)):
        parts = Span(0, extent, cells).coverage()
        assert (parts.sum(axis=0) == 2 * cells).all()
        assert (parts.sum(axis=1) == 2 * extent).all()
    for extent in (1, 2, 7, 19):
        parts = Span(0, extent, FIELD).coverage()
        assert (parts.sum(axis=1) == 2 * FIELD).all()


@FINDERS
@pytest.mark.parametrize("value", [0, 128, 255])
@pytest.mark.parametrize("shape", [(8, 8), (280, 280), (SIDES[1], 8)])
def test_a_canvas_of_one_colour_is_blank(find: Finder, value: int, shape: tuple[int, int]) -> None:
    assert not frame(np.full(shape, value, np.uint8), find).any()


@FINDERS
def test_faint_grain_is_blank_and_more_is_not(find: Finder) -> None:
    canvas = np.full((100, 100), 200, np.uint8)
    canvas[40:60, 40:60] -= CONTRAST - 1
    assert not frame(canvas, find).any()
    canvas[40:60, 40:60] -= 1
    assert frame(canvas, find).max() == 255


@FINDERS
def test_polarity_makes_no_difference(find: Finder) -> None:
    """But for what has no side: a pixel in the middle, and a border half of which is light, count as dark."""
    alike = 0
    for canvas in fuzzed(100, seed=2, largest=60):
        has_middle = (2 * canvas.astype(int) == int(canvas.min()) + int(canvas.max())).any()
        if not has_middle and find_paper(canvas).inverted != find_paper(255 - canvas).inverted:
            np.testing.assert_array_equal(frame(canvas, find), frame(255 - canvas, find))
            alike += 1
    assert alike > 50


@FINDERS
def test_a_digit_of_mnists_kind_is_seen_as_it_is(find: Finder) -> None:
    digit = np.zeros((FRAME, FRAME), np.uint8)
    digit[4:24, 12:16] = 255
    np.testing.assert_array_equal(frame(digit, find), digit)
