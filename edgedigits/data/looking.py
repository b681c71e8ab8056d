"""The first look at a canvas: where its paper is, how light that is, and which cells of it hold the digit.

The canvas is averaged down to at most SIDE cells each way, a square of whole pixels each. There all is found that is no
digit: the ground around a sheet, shade, lines across the paper, specks. The second look (`framing.py`) goes back to the
pixels of what remains. It is written once, in ONNX's operators (`operators.py`), for numpy and for files.

    cells    the mean of each, a whole level; those outside the picture are nothing
    paper    the side, light or dark, that has most of the picture and of its border; but where the other side is a sheet,
             a filled rectangle that takes a good part of the picture, that is the paper
    sheet    the picture, without what lies between a side that shows no paper at all and the first paper
    level    of the paper, cell by cell: what a closing leaves, which fills all strokes; in grain, the local mean
    ink      what is darker than the level, by more than the grain is lighter
    lines    ink a few cells thin, nearly straight, that runs along most of the sheet, and so no stroke
    specks   small ink with nothing near it, of which there is much more elsewhere
    digit    the rest, where it is strong, and what weaker ink lies next to that

All of it is whole numbers below 2 ** 24, or their comparison: float32 holds them exactly, and so every runtime that adds
in an order of its own finds the same cells.
"""

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgedigits.data.operators import Operators

SIDE = 96  # cells
COARSE = 4  # cells a side of the blocks in which the level is closed
CLOSED = 7  # blocks a side: a stroke as thick as this is filled
FLOAT = 1  # onnx.TensorProto.FLOAT
NUDGE = 1e-4  # decides ties, and what hangs on a last bit, alike everywhere

NEAR_INK = 2  # cells around rough ink that say nothing of the paper
LOCAL = 8  # cells each way that the local mean of the paper is taken over
FLAT = 3  # levels that the closing may lie above most of the paper, where there is no grain to speak of
ROUGH = 0.35  # of the most: what is surely ink
STRONG = 0.35
GRAIN = 8  # times the mean that paper is lighter than its level: ink is darker by more, and
STRONG_GRAIN = 12  # strong ink by this
LEAST = 3  # levels, of ink
THIN = 3  # cells: a stroke of fewer may be a line, where the sheet is
LINED = 40  # cells long, at least
LINE = 0.85  # of the sheet, that a line runs along
GAPS = 0.92  # of a line that is there
PLAIN = 0.25  # of a line that is no stroke's
STRONGER = 2.0  # times a line's mean: ink of a stroke that crosses it
SPECKS = ((1, 2), (3, 2))  # cells each way from a speck's middle, and around that where nothing is
SPECK = 0.08  # of all ink, at most
TOGETHER = 6  # cells from strong ink to what belongs to it
MARGIN = 2  # cells around the digit, and around what is no sheet

SHEET_FULL, SHEET_SQUARE, SHEET_SIDE = 0.75, 0.85, 0.4  # of its hull that is light; of its box that is hull; of a side
BARE = 0.9  # of a side of the picture that shows no paper: there the sheet does not reach it

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Axis:
    """Along an axis: which pixels lie in which cell, `[SIDE, pixels]`, how often they count, and how many cells it has."""

    inside: Any
    weights: Any
    count: Any


@dataclass(frozen=True)
class Look:
    """What the first look finds, in arrays or by name.

    level        of the paper, `[SIDE, SIDE]`, in cells of the digit; 0 in others
    is_light     1 where the paper is light, else 0; then levels are those of the negative
    rows, columns    the cells along each axis
    """

    level: Any
    is_light: Any
    rows: Axis
    columns: Axis


def band(reach: int) -> Array:
    """Which cells lie at most so far from each other, `[SIDE, SIDE]` of 0 and 1."""
    index = np.arange(SIDE)
    return (np.abs(index[:, None] - index) <= reach).astype(np.float32)


INDEX = np.arange(SIDE, dtype=np.float32)
BEFORE = (INDEX[:, None] >= INDEX).astype(np.float32)  # [i, j]: j comes before i, or is it
BLOCKS = np.kron(np.eye(SIDE // COARSE, dtype=np.float32), np.ones((COARSE, 1), np.float32))  # [SIDE, SIDE / COARSE]


def look(o: Operators, pixels: Any, positions: tuple[Any, Any]) -> Look:
    """Look at a canvas, float32 `[height, width]`; `positions` are 0, 1, 2 ... along each axis, float32."""
    return _Looking(o).look(pixels, positions)


class _Looking:
    """The steps. Masks are of 0 and 1, `[SIDE, SIDE]`."""

    def __init__(self, o: Operators) -> None:
        self.o = o

    def look(self, pixels: Any, positions: tuple[Any, Any]) -> Look:
        o = self.o
        lengths = [o.Add(o.ReduceMax(along, keepdims=0), 1.0) for along in positions]
        size = o.Ceil(o.Sub(o.Div(o.Max(*lengths), float(SIDE)), NUDGE))  # of a cell, in pixels
        rows, columns = (self._axis(along, length, size) for along, length in zip(positions, lengths, strict=True))
        sums = o.MatMul(o.MatMul(rows.weights, pixels), o.Transpose(columns.weights, perm=[1, 0]))
        cells = o.Floor(o.Add(o.Div(sums, o.Mul(size, size)), 0.5 + NUDGE))
        inside = o.MatMul(self._within(rows.count, (SIDE, 1)), self._within(columns.count, (1, SIDE)))
        seen = _Picture(cells, inside, rows.count, columns.count)
        is_light = self._is_light(seen)
        values = o.Mul(inside, o.Abs(o.Sub(cells, o.Mul(255.0, o.Sub(1.0, is_light)))))  # the paper is light
        sheet = self._sheet(seen, is_light)
        level, grain = self._paper(values, sheet)
        ink = o.Mul(sheet, o.Max(o.Sub(level, values), 0.0))
        digit = self._digit(ink, sheet, grain)
        return Look(o.Mul(level, digit), is_light, rows, columns)

    # numbers of cells

    def _axis(self, positions: Any, length: Any, size: Any) -> Axis:
        o = self.o
        cell = o.Floor(o.Div(o.Add(positions, 0.5), size))  # of each pixel
        inside = self._truth(o.Equal(INDEX[:, None], cell))
        count = o.Ceil(o.Sub(o.Div(length, size), NUDGE))
        missing = o.Sub(o.Mul(count, size), length)  # pixels of the last cell, which the last one stands for
        last = self._above(positions, o.Sub(length, 1.5))
        return Axis(inside, o.Mul(inside, o.Add(1.0, o.Mul(last, missing))), count)

    def _within(self, count: Any, shape: tuple[int, int]) -> Any:
        return self._above(count, INDEX.reshape(shape))

    def _truth(self, found: Any) -> Any:
        return self.o.Cast(found, to=FLOAT)

    def _above(self, one: Any, other: Any) -> Any:
        return self._truth(self.o.Greater(one, other))

    def _sum(self, value: Any) -> Any:
        return self.o.ReduceSum(value, keepdims=0)

    def _not(self, mask: Any, whole: Any = 1.0) -> Any:
        return self.o.Sub(whole, mask)

    def _largest(self, value: Any, rows: int, columns: int) -> Any:
        """Of each window of so many cells, the largest value."""
        o = self.o
        planes = o.Reshape(value, np.array([1, 1, SIDE, SIDE]))
        pads = [rows // 2, columns // 2] * 2
        return o.Reshape(o.MaxPool(planes, kernel_shape=[rows, columns], pads=pads), np.array([SIDE, SIDE]))

    def _opened(self, mask: Any, whole: Any, rows: int, columns: int) -> Any:
        """What of a mask holds a whole window, or as much of one as lies in `whole`."""
        kept = self._not(self._largest(self._not(mask, whole), rows, columns), 1.0)
        return self.o.Mul(mask, self._largest(self.o.Mul(kept, mask), rows, columns))

    def _around(self, mask: Any, reach: int) -> Any:
        """How many cells of a mask are at most so far away, each way."""
        return self.o.MatMul(self.o.MatMul(band(reach), mask), band(reach))

    # paper

    def _is_light(self, seen: "_Picture") -> Any:
        """Whether the paper is light: by vote of border and picture, or because a light sheet lies on dark ground."""
        o, inside = self.o, seen.inside
        low = o.Sub(255.0, o.ReduceMax(o.Mul(inside, o.Sub(255.0, seen.cells)), keepdims=0))
        high = o.ReduceMax(o.Mul(inside, seen.cells), keepdims=0)
        light = o.Mul(inside, self._above(o.Mul(2.0, seen.cells), o.Add(low, high)))
        seen.light = light
        ends = [self._ends(count) for count in (seen.rows, seen.columns)]
        border = o.Mul(inside, o.Max(o.Reshape(ends[0], np.array([SIDE, 1])), o.Reshape(ends[1], np.array([1, SIDE]))))
        cells, edge = self._sum(inside), self._sum(border)
        votes = o.Add(o.Mul(self._sum(o.Mul(light, border)), cells), o.Mul(self._sum(light), edge))
        voted = self._above(votes, o.Mul(cells, edge))
        other = o.Where(o.Greater(voted, 0.5), o.Sub(inside, light), light)
        return o.Abs(o.Sub(voted, self._is_sheet(other, seen)))

    def _ends(self, count: Any) -> Any:
        """The first and the last cell along an axis, `[SIDE]`."""
        o = self.o
        last = self._truth(o.Equal(INDEX, o.Sub(count, 1.0)))
        return o.Max(last, (INDEX == 0).astype(np.float32))

    def _is_sheet(self, region: Any, seen: "_Picture") -> Any:
        """Whether a region is a filled rectangle that takes a good part of the picture."""
        o = self.o
        opened = self._opened(region, seen.inside, 3, 3)
        left, right, above, below = self._sides(opened)
        hull = o.Mul(o.Mul(left, right), o.Mul(above, below))
        columns, rows = (self._extent(opened, axis) for axis in (0, 1))
        full = self._above(o.Add(self._sum(opened), 0.5), o.Mul(SHEET_FULL, self._sum(hull)))
        square = self._above(o.Add(self._sum(hull), 0.5), o.Mul(SHEET_SQUARE, o.Mul(rows, columns)))
        high = self._above(rows, o.Mul(SHEET_SIDE, seen.rows))
        wide = self._above(columns, o.Mul(SHEET_SIDE, seen.columns))
        return o.Mul(o.Mul(full, square), o.Mul(high, wide))

    def _sides(self, mask: Any) -> tuple[Any, Any, Any, Any]:
        """Where a cell of a mask lies to the left, to the right, above, below; a cell lies on all sides of itself."""
        o = self.o
        after = BEFORE.T.copy()
        found = (o.MatMul(mask, after), o.MatMul(mask, BEFORE), o.MatMul(BEFORE, mask), o.MatMul(after, mask))
        left, right, above, below = (o.Min(count, 1.0) for count in found)
        return left, right, above, below

    def _extent(self, mask: Any, axis: int) -> Any:
        """From the first to the last row or column that holds a cell."""
        o = self.o
        held = o.ReduceMax(mask, axes=[axis], keepdims=0)  # [SIDE]
        last = o.ReduceMax(o.Mul(held, INDEX + 1), keepdims=0)
        return o.Sub(last, o.Sub(float(SIDE), o.ReduceMax(o.Mul(held, SIDE - INDEX), keepdims=0)))

    def _sheet(self, seen: "_Picture", is_light: Any) -> Any:
        """The picture without the ground around a sheet, and without the sheet's edge."""
        o, inside = self.o, seen.inside
        paper = o.Where(o.Greater(is_light, 0.5), seen.light, o.Sub(inside, seen.light))
        paper = self._opened(paper, inside, 3, 3)
        bare = o.Sub(inside, paper)
        left, right, above, below = (self._not(side) for side in self._sides(paper))
        first = (INDEX == 0).astype(np.float32)
        ends = [first, self._truth(o.Equal(INDEX, o.Sub(seen.columns, 1.0)))]
        tops = [first, self._truth(o.Equal(INDEX, o.Sub(seen.rows, 1.0)))]
        ground = 0.0
        for beyond, line, across in zip((left, right), ends, (seen.rows,) * 2, strict=True):
            ground = o.Max(ground, o.Mul(beyond, self._is_bare(o.MatMul(bare, o.Reshape(line, np.array([SIDE, 1]))), across)))
        for beyond, line, across in zip((above, below), tops, (seen.columns,) * 2, strict=True):
            ground = o.Max(ground, o.Mul(beyond, self._is_bare(o.MatMul(o.Reshape(line, np.array([1, SIDE])), bare), across)))
        ground = self._largest(o.Mul(ground, inside), 2 * MARGIN + 1, 2 * MARGIN + 1)
        return o.Mul(inside, self._not(ground))

    def _is_bare(self, cells: Any, across: Any) -> Any:
        return self._above(self._sum(cells), self.o.Mul(BARE, across))

    def _paper(self, values: Any, sheet: Any) -> tuple[Any, Any]:
        """The paper's level, and its grain: how much of it lies above the level, and of how many cells."""
        o = self.o
        closing = o.Mul(sheet, self._closed(o.Mul(values, sheet)))
        above = o.Mul(sheet, o.Max(o.Sub(closing, values), 0.0))
        rough = self._above(above, o.Mul(ROUGH, o.Max(o.ReduceMax(above, keepdims=0), 1.0)))
        near = self._largest(rough, 2 * NEAR_INK + 1, 2 * NEAR_INK + 1)
        plain = o.Mul(sheet, self._not(near))
        count = self._around(plain, LOCAL)
        mean = o.Div(self._around(o.Mul(plain, values), LOCAL), o.Max(count, 1.0))
        mean = o.Floor(o.Add(mean, 0.5 + NUDGE))
        flat = o.Mul(plain, self._above(FLAT + 0.5, o.Sub(closing, values)))
        grainy = o.Greater(count, o.Mul(2.0, self._around(flat, LOCAL)))
        level = o.Where(grainy, mean, closing)
        lighter = self._sum(o.Mul(plain, o.Max(o.Sub(values, level), 0.0)))
        return level, (lighter, o.Max(self._sum(plain), 1.0))

    def _closed(self, values: Any) -> Any:
        """The values with all darker than their surroundings filled, up to the thickness of a stroke."""
        o, blocks, reach = self.o, SIDE // COARSE, CLOSED // 2
        planes = o.Reshape(values, np.array([1, 1, SIDE, SIDE]))
        coarse = o.MaxPool(planes, kernel_shape=[COARSE] * 2, pads=[0] * 4, strides=[COARSE] * 2)
        # beyond the picture, too: so that its border counts as any other place
        wide = o.MaxPool(coarse, kernel_shape=[CLOSED] * 2, pads=[2 * reach] * 4)
        closed = o.Sub(255.0, o.MaxPool(o.Sub(255.0, wide), kernel_shape=[CLOSED] * 2, pads=[0] * 4))
        flat = o.Reshape(closed, np.array([blocks, blocks]))
        return o.MatMul(o.MatMul(BLOCKS, flat), BLOCKS.T.copy())

    # ink

    def _digit(self, ink: Any, sheet: Any, grain: tuple[Any, Any]) -> Any:
        """The cells of the digit, and those around it."""
        o = self.o
        lighter, count = grain
        times = o.Mul(ink, count)
        inked = self._above(times, o.Add(o.Mul(float(GRAIN), lighter), o.Mul(float(LEAST), count)))
        lines = self._lines(inked, ink, sheet)
        strokes = self._without_specks(o.Mul(inked, self._not(lines)))
        most = o.ReduceMax(o.Mul(ink, strokes), keepdims=0)
        strong = o.Mul(strokes, o.Mul(
            self._above(ink, o.Mul(STRONG, most)),
            self._above(times, o.Mul(float(STRONG_GRAIN), lighter)),
        ))
        kept = o.Mul(strokes, o.Min(self._around(strong, TOGETHER), 1.0))
        digit = self._largest(kept, 2 * MARGIN + 1, 2 * MARGIN + 1)
        return o.Mul(digit, o.Mul(sheet, self._not(lines)))

    def _lines(self, inked: Any, ink: Any, sheet: Any) -> Any:
        """Of the ink, the cells of lines, and where those cross."""
        o = self.o
        columns, rows = (self._sum(o.ReduceMax(sheet, axes=[axis], keepdims=0)) for axis in (0, 1))
        across = self._line(inked, ink, self._opened(inked, sheet, THIN, 1), columns, along=1)
        down = self._line(inked, ink, self._opened(inked, sheet, 1, THIN), rows, along=0)
        crossings = o.Mul(inked, o.Mul(across[1], down[1]))
        return o.Max(o.Max(across[0], down[0]), crossings)

    def _line(self, inked: Any, ink: Any, thick: Any, length: Any, along: int) -> tuple[Any, Any]:
        """What is thin and belongs to a line along most of the sheet; and where such a line runs.

        Strokes may cross it, and it may be a cell higher or lower here and there. Ink much stronger than the rest of it
        is a stroke's.
        """
        o = self.o
        shape = (3, 1) if along else (1, 3)
        thin = o.Sub(inked, thick)
        reach = o.Floor(o.Mul(LINE / 2, length))
        cells = o.Add(o.Mul(2.0, reach), 1.0)
        run = self._truth(o.Less(np.abs(INDEX[:, None] - INDEX), o.Add(reach, 0.5)))

        def count(mask: Any) -> Any:
            return o.MatMul(mask, run) if along else o.MatMul(run, mask)

        full = o.Mul(
            self._above(count(self._largest(inked, *shape)), o.Mul(GAPS, cells)),
            self._above(count(self._largest(thin, *shape)), o.Mul(PLAIN, cells)),
        )
        full = o.Mul(full, self._above(length, LINED - 0.5))
        place = o.Min(count(full), 1.0)
        weak = self._not(self._above(o.Mul(ink, count(thin)), o.Mul(STRONGER, count(o.Mul(ink, thin)))))
        return o.Mul(o.Mul(thin, place), weak), place

    def _without_specks(self, inked: Any) -> Any:
        o = self.o
        most = o.Mul(SPECK, self._sum(inked))
        for reach, gap in SPECKS:
            here, around = self._around(inked, reach), self._around(inked, reach + gap)
            alone = o.Mul(self._above(here, 0.5), self._above(0.5, o.Sub(around, here)))
            speck = o.Mul(alone, self._above(most, here))
            inked = o.Mul(inked, self._not(o.Min(self._around(speck, reach), 1.0)))
        return inked


@dataclass
class _Picture:
    """The cells of a picture, which of them lie inside, and how many rows and columns it has."""

    cells: Any
    inside: Any
    rows: Any
    columns: Any
    light: Any = None
