"""Thick lines along the sides of a picture, as of a table's cell: they are no ink, and a digit's own bars stay."""

import numpy as np
import pytest

from edgedigits.data import drawn
from edgedigits.data.framing import frame
from edgedigits.records.arrays import Uint8Array

SIDE, PAPER, INK, LINE = 220, 235, 110, 30


def page(label: int, seed: int = 0) -> Uint8Array:
    """A digit of our pen, five times as large, dark on paper."""
    digit = drawn.draw(label, np.random.default_rng(seed)).repeat(5, axis=0).repeat(5, axis=1)
    sheet = np.zeros((SIDE, SIDE))
    sheet[40:180, 40:180] = digit
    return (PAPER - (PAPER - INK) * sheet / 255).round().astype(np.uint8)


def ruled(sheet: Uint8Array, thick: int, inset: int, slope: float, sides: str) -> Uint8Array:
    """With lines near its sides, from end to end, which rise by so many pixels."""
    found = sheet.copy()
    for side in sides:
        turned = {"t": found, "b": found[::-1], "l": found.T, "r": found.T[::-1]}[side]
        for place in range(SIDE):
            top = round(inset + slope * place / SIDE)
            turned[top : top + thick, place] = LINE
    return found


@pytest.mark.parametrize("label", range(10))
@pytest.mark.parametrize(
    ("thick", "inset", "slope", "sides"),
    [(5, 8, 0, "tblr"), (8, 4, 0, "tblr"), (6, 10, 3, "tl"), (6, 6, 2, "b"), (5, 0, 0, "lr")],
)
def test_a_cell_of_a_table_shows_the_digit_alone(label: int, thick: int, inset: int, slope: float, sides: str) -> None:
    sheet = page(label)
    seen, alone = frame(ruled(sheet, thick, inset, slope, sides)), frame(sheet)
    assert np.corrcoef(seen.ravel(), alone.ravel())[0, 1] > 0.95


@pytest.mark.parametrize("sides", ["tblr", "tb", "l"])
def test_a_cell_without_a_digit_is_blank(sides: str) -> None:
    blank = np.full((SIDE, SIDE), PAPER, np.uint8)
    assert not frame(ruled(blank, 6, 8, 0, sides)).any()


@pytest.mark.parametrize("label", [3, 4, 6, 8, 9])
def test_bars_of_a_digit_that_fills_the_picture_are_its_own(label: int) -> None:
    sheet = page(label)
    rows, columns = (np.flatnonzero((sheet < PAPER - 40).any(axis=axis)) for axis in (1, 0))
    tight = sheet[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    seen, alone = frame(tight).astype(int), frame(sheet).astype(int)
    assert min(np.abs(np.roll(seen, move, (0, 1)) - alone).mean() for move in np.ndindex(2, 2)) < 13
