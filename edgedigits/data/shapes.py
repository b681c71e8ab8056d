"""How many connected shapes a picture has that are tall enough to be digits; pixels are neighbours also across corners.

A row of pixels is a number, a bit each: Python's own, of any width, for one picture, or numpy's of 32 bits for a row of
many 28x28 images at once. What the bits do is the same.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from edgedigits.records.arrays import Int64Array

TALL = 0.5  # of the tallest shape: smaller ones may be parts of a digit, or specks
WORD = 32  # bits
Mask = npt.NDArray[np.bool_]
Row = TypeVar("Row", int, npt.NDArray[Any])


def count(inked: Mask) -> int:
    """The number of tall shapes of a mask `[height, width]`."""
    rows = [int.from_bytes(np.packbits(line).tobytes(), "big") for line in inked]
    heights = []
    while any(rows):
        shape = _first_shape(rows, inked.shape[1])
        heights.append(sum(map(bool, shape)))
        rows = [row & ~taken for row, taken in zip(rows, shape, strict=True)]
    return sum(height >= TALL * max(heights) for height in heights)


def count_each(inked: Mask) -> Int64Array:
    """The same of many masks `[n, 28, 28]` at once."""
    padded = np.pad(inked, [(0, 0), (0, 0), (0, WORD - inked.shape[2])])
    rows = np.packbits(padded, axis=2).view(">u4")[..., 0].T.astype(np.uint32)  # (28, n)
    heights, tallest = [np.zeros(len(inked), np.int64)], np.zeros(len(inked), np.int64)
    which = np.flatnonzero(rows.any(axis=0))
    while which.size:
        shape = np.stack(_first_shape(list(rows[:, which]), inked.shape[2]))
        rows[:, which] &= ~shape
        heights.append(np.zeros(len(inked), np.int64))
        heights[-1][which] = (shape != 0).sum(axis=0)
        tallest = np.maximum(tallest, heights[-1])
        extent = _extent(rows[:, which] != 0)
        which = which[(extent > 0) & (extent >= TALL * tallest[which])]  # elsewhere no tall shape can be left
    tall = [(height > 0) & (height >= TALL * tallest) for height in heights]
    return np.asarray(np.sum(tall, axis=0), np.int64)


def _extent(used: Mask) -> Int64Array:
    """How far it is from the first True to the last of each column, both counted; 0 where there is none."""
    length = len(used) - used[::-1].argmax(axis=0) - used.argmax(axis=0)
    return np.where(used.any(axis=0), length, 0)


def _first_shape(rows: Sequence[Row], width: int) -> list[Row]:
    """The shape of the last pixel in the first row that has any, as rows."""
    runs = [_runs(row, width) for row in rows]
    above: Row = rows[0] & 0
    shape = []
    for row in rows:
        shape.append((row & -row) * (above == 0))
        above = above | row
    while True:
        grown = _spread(_spread(shape, runs)[::-1], runs[::-1])[::-1]
        changed = rows[0] & 0
        for now, before in zip(grown, shape, strict=True):
            changed = changed | (now ^ before)
        if not np.any(changed):
            return grown
        shape = grown


def _runs(row: Row, width: int) -> list[Row]:
    """Of a row: the pixels with 1, 2, 4 and so on pixels in a run from there upwards."""
    runs = [row]
    while 1 << len(runs) <= width:
        step = 1 << (len(runs) - 1)
        runs.append(runs[-1] & (runs[-1] >> step))
    return runs


def _spread(shape: Sequence[Row], runs: Sequence[Sequence[Row]]) -> list[Row]:
    """A shape with all that it touches in each row, and then in the next one, down to the last."""
    spread: list[Row] = []
    above: Row = shape[0] & 0
    for own, here in zip(shape, runs, strict=True):
        above = _along(own | ((above | above << 1 | above >> 1) & here[0]), here)
        spread.append(above)
    return spread


def _along(pixels: Row, runs: Sequence[Row]) -> Row:
    """All pixels of the runs in which some of these lie."""
    row = runs[0]
    pixels = pixels | (((row + pixels) ^ row) & row)  # upwards a carry runs to the end
    for power, run in enumerate(runs):  # downwards a step is twice as long each time
        pixels = pixels | (run & (pixels >> (1 << power)))
    return pixels
