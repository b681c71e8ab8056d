"""What hangs together in a mask: shapes, with their boxes. Pixels are neighbours also across corners."""

from dataclasses import dataclass

import numpy as np

from edgedigits.data.number.constants import MOST_RUNS, MOST_SHAPES, SPECK
from edgedigits.data.number.ink import Integers, Mask

TOP, LEFT, BOTTOM, RIGHT = range(4)  # of a box; what is at the bottom and right is outside of it


class NoNumber(Exception):
    """Why a picture shows no number, in words."""

    def __str__(self) -> str:
        return f"no number: {self.args[0]}"


@dataclass(frozen=True)
class Shapes:
    """The shapes of a mask, in the order of their first pixels.

    numbers   of each pixel's shape, int64 `[height, width]`; -1 where there is none
    boxes     int64 `[n, 4]`: top, left, bottom, right
    areas     in pixels, int64 `[n]`
    """

    numbers: Integers
    boxes: Integers
    areas: Integers

    @property
    def heights(self) -> Integers:
        """Of each shape."""
        return self.boxes[:, BOTTOM] - self.boxes[:, TOP]

    @property
    def widths(self) -> Integers:
        """Of each shape."""
        return self.boxes[:, RIGHT] - self.boxes[:, LEFT]


def find_shapes(mask: Mask) -> Shapes:
    """The shapes of a mask `[height, width]`, without specks. Raises NoNumber where there are too many."""
    rows, starts, ends = runs_of(mask)
    if len(rows) > MOST_RUNS:
        raise NoNumber(f"more than {MOST_SHAPES:,} separate shapes: no line of digits")
    roots = joined(len(rows), *_touching(rows, starts, ends, mask.shape[1]))
    first, shape = np.unique(roots, return_inverse=True)
    count, lengths = len(first), ends - starts
    areas = np.bincount(shape, weights=lengths, minlength=count).astype(np.int64)
    boxes = np.stack([np.full(count, 1 << 30), np.full(count, 1 << 30), np.zeros(count), np.zeros(count)], axis=1)
    boxes = boxes.astype(np.int64)
    for side, values, extreme in (
        (TOP, rows, np.minimum),
        (LEFT, starts, np.minimum),
        (BOTTOM, rows + 1, np.maximum),
        (RIGHT, ends, np.maximum),
    ):
        extreme.at(boxes[:, side], shape, values)
    kept = areas >= SPECK
    if kept.sum() > MOST_SHAPES:
        raise NoNumber(f"{kept.sum():,} separate shapes, {MOST_SHAPES:,} at most: no line of digits")
    renumbered = np.where(kept, np.cumsum(kept) - 1, -1)
    numbers = np.full(mask.shape, -1, np.int64)
    numbers[mask] = renumbered[shape].repeat(lengths)
    return Shapes(numbers, boxes[kept], areas[kept])


def runs_of(mask: Mask) -> tuple[Integers, Integers, Integers]:
    """Runs of pixels in rows, in reading order: their rows, starts, and ends, which are outside."""
    edges = np.diff(np.pad(mask, [(0, 0), (1, 1)]).astype(np.int8), axis=1)
    rows, starts = np.nonzero(edges == 1)
    return rows, starts, np.nonzero(edges == -1)[1]


def _touching(rows: Integers, starts: Integers, ends: Integers, width: int) -> tuple[Integers, Integers]:
    """Pairs of runs that touch: one of a row, and one of the next row."""
    stride = width + 2
    below = (rows + 1) * stride
    first = np.searchsorted(rows * stride + ends, below + starts, side="left")
    last = np.searchsorted(rows * stride + starts, below + ends, side="right")
    counts = np.maximum(last - first, 0)
    upper = np.arange(len(rows)).repeat(counts)
    offsets = np.arange(len(upper)) - (np.cumsum(counts) - counts).repeat(counts)
    return upper, first.repeat(counts) + offsets


def joined(count: int, upper: Integers, lower: Integers) -> Integers:
    """For each of so many things, the first that pairs join it with: the smallest number spreads along them."""
    roots = np.arange(count)
    while True:
        smaller = np.minimum(roots[upper], roots[lower])
        spread = roots.copy()
        np.minimum.at(spread, roots[upper], smaller)
        np.minimum.at(spread, roots[lower], smaller)
        spread = spread[spread]
        if np.array_equal(spread, roots):
            return roots
        roots = spread
