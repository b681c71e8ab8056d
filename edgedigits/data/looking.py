"""The first look at a canvas: where its paper is, how light that is, and which cells of it hold the digit.

The canvas is averaged down to at most SIDE cells each way, each a square of whole pixels. There all is found that is no
digit: the ground around a sheet, shade, lines across the paper, specks. The second look (`framing.py`) goes back to the
pixels of what remains. This one is written once, in ONNX's operators, which numpy runs and files hold.

    cells   the mean of each, a whole level; those beyond the picture are nothing
    crop    a picture that a digit fills (`crops.py`) has nothing else: what follows is for all others
    paper   the side, light or dark, that has most of the picture and of its border. But where the other side is a
            sheet, a filled rectangle that takes a good part of the picture, that is the paper
    sheet   the picture, without what lies between a side of it that shows no paper and the first paper
    level   of the paper, cell by cell: what is left when all strokes are filled; on grainy paper, the local mean
    grain   how much lighter than that paper is on average: it is darker by as much
    digit   of what is darker, the strokes (`strokes.py`), and the cells around them

All of it is whole numbers below 2 ** 24, and comparisons of them: float32 holds these exactly, and so every runtime, in
whatever order it adds, finds the same cells.
"""

from dataclasses import dataclass

import numpy as np

from edgedigits.data.cells import COLUMN, FIRST, INDEX, ROW, SIDE, Cells
from edgedigits.data.crops import is_crop
from edgedigits.data.marks import Ink, find_digit
from edgedigits.data.operators import INT64, Operators, Value

NUDGE = 1e-4  # decides what hangs on the last bit of a quotient alike in all runtimes
FINE_NUDGE = 2.5e-5  # likewise, where a quotient by up to as many as all cells is cut off
SHEET_FILLED = 0.8  # of a sheet's hull, that it fills
SHEET_SQUARE = 0.85  # of its box, that the hull fills: digits fill less, sheets turned by 5 degrees so much
SHEET_SIDE = 0.4  # of each of the picture's sides, that it takes at least
BARE = 0.9  # of a side of the picture that shows no paper
EDGE = 2  # cells of the sheet's edge, which are neither paper nor ground
BLOCK = 4  # cells a side of what strokes are filled in
FILLED = 7  # blocks: the thickest stroke that is filled
ROUGH, ROUGH_MEAN = 0.35, 2.0  # of the most that anything is darker, and times the mean: surely ink
NEAR = 2  # cells around that, which say nothing of the paper
LOCAL = 8  # cells each way, that the paper's mean is taken of
FLAT = 3  # levels: where less of the paper than half is as near to what filling leaves, it is grainy
DEVIATION = 2.5  # times the mean of its positive part: the deviation of a normal distribution
BLOCKS = SIDE // BLOCK
BEYOND = FILLED - 1  # blocks around them all, so that nothing is lost at the border


@dataclass(frozen=True)
class Axis:
    """An axis of the canvas in cells.

    cell      the number of the cell that each pixel lies in, `[pixels]`
    last      the number of each cell's last pixel, `[SIDE]`; of those behind the last cell, the last pixel of all
    lacking   how many pixels each cell lacks, `[SIDE]`: 0 but of the last
    count     how many cells there are
    """

    cell: Value
    last: Value
    lacking: Value
    count: Value


@dataclass(frozen=True)
class Look:
    """What the first look finds.

    level      of the paper in the digit's cells, `[SIDE, SIDE]`, above 0 where there can be ink; 0 in all others
    is_light   1 where the paper is light; 0 where it is dark, and levels are those of the negative
    rows, columns   the cells along each axis
    """

    level: Value
    is_light: Value
    rows: Axis
    columns: Axis


def look(operators: Operators, pixels: Value, positions: tuple[Value, Value]) -> Look:
    """Look at a canvas, float32 `[height, width]`; `positions` are 0, 1, 2 ... along each axis, float32."""
    return _Looking(operators).look(pixels, positions)


@dataclass(frozen=True)
class _Picture:
    """The levels of cells, which of them are in the picture, and which light; how many rows and columns there are."""

    levels: Value
    inside: Value
    light: Value
    sides: tuple[Value, Value]


@dataclass(frozen=True)
class _Crop:
    """Of a picture that a digit fills: whether the paper is light, and the cells at the border that show it."""

    is_light: Value
    paper: Value


class _Looking(Cells):
    """The steps, in their order."""

    def look(self, pixels: Value, positions: tuple[Value, Value]) -> Look:
        o = self.o
        lengths = [o.Add(self.most(along), 1.0) for along in positions]
        size = o.Ceil(o.Sub(o.Div(o.Max(*lengths), float(SIDE)), NUDGE))  # of a cell, in pixels
        rows, columns = (self._axis(along, length, size) for along, length in zip(positions, lengths, strict=True))
        sums = self.turned(self._summed(self.turned(self._summed(pixels, rows)), columns))
        picture = self._picture(
            o.Floor(o.Add(o.Div(sums, o.Mul(size, size)), 0.5 + NUDGE)), (rows.count, columns.count)
        )
        cropped, of_crop = self._crop(picture)
        is_light = o.Where(cropped, of_crop.is_light, self._is_light(picture))
        paper = o.Abs(o.Sub(picture.light, self.without(picture.inside, is_light)))
        negative = o.Mul(255.0, o.Sub(1.0, is_light))
        levels = o.Mul(picture.inside, o.Abs(o.Sub(picture.levels, negative)))  # as if the paper were light
        level, ink = self._ink(levels, self._sheet(paper, picture))
        found = o.Where(cropped, self._mean(levels, of_crop.paper), o.Mul(level, find_digit(o, ink)))
        return Look(o.Mul(picture.inside, found), is_light, rows, columns)

    def _axis(self, positions: Value, length: Value, size: Value) -> Axis:
        o = self.o
        count = o.Ceil(o.Sub(o.Div(length, size), NUDGE))
        lacking = o.Mul(self.equal(INDEX, o.Sub(count, 1.0)), o.Sub(o.Mul(count, size), length))
        last = o.Sub(o.Min(o.Mul(size, o.Add(INDEX, 1.0)), length), 1.0)
        cell = o.Floor(o.Div(o.Add(positions, 0.5), size))
        return Axis(o.Cast(cell, to=INT64), o.Cast(last, to=INT64), lacking, count)

    def _summed(self, values: Value, axis: Axis) -> Value:
        """The sums of the rows of each cell, `[SIDE, ...]`: differences of the sums of all rows up to its last.

        The last row of all stands for those that the last cell lacks, too.
        """
        o = self.o
        until = o.Gather(o.CumSum(values, FIRST), axis.last, axis=0)
        before = o.Mul(o.Gather(until, self.previous, axis=0), o.Min(INDEX.reshape(COLUMN), 1.0))
        beyond = o.Mul(o.Gather(values, axis.last, axis=0), o.Reshape(axis.lacking, np.array(COLUMN)))
        return o.Add(o.Sub(until, before), beyond)

    def _picture(self, levels: Value, sides: tuple[Value, Value]) -> _Picture:
        """Cells are light where they are nearer to the lightest than to the darkest one."""
        o = self.o
        inside = o.Mul(self.above(sides[0], INDEX.reshape(COLUMN)), self.above(sides[1], INDEX.reshape(ROW)))
        levels = o.Mul(inside, levels)
        darkest = o.Sub(255.0, self.most(o.Sub(o.Mul(inside, 255.0), levels)))
        light = self.above(o.Mul(2.0, levels), o.Add(darkest, self.most(levels)))
        return _Picture(levels, inside, o.Mul(inside, light), sides)

    def _crop(self, picture: _Picture) -> tuple[Value, _Crop]:
        """Whether a digit fills the picture, as a condition; and the paper, if so: what most of the border is."""
        o, light = self.o, picture.light
        first, last = self._ends(picture.sides)
        border = o.Mul(picture.inside, o.Max(o.Max(*first), o.Max(*last)))
        is_light = self.above(o.Mul(2.0, self.total(o.Mul(light, border))), self.total(border))
        ink = o.Abs(o.Sub(light, o.Mul(picture.inside, is_light)))
        cropped = is_crop(o, ink, picture.sides, [*first, *last])
        return o.Greater(cropped, 0.5), _Crop(is_light, self.without(border, ink))

    def _mean(self, levels: Value, mask: Value) -> Value:
        """Of the levels of a mask's cells, a whole number."""
        o = self.o
        mean = o.Div(self.total(o.Mul(levels, mask)), o.Max(self.total(mask), 1.0))
        return o.Floor(o.Add(mean, 0.5 + NUDGE))

    def _is_light(self, picture: _Picture) -> Value:
        """Whether the paper is: by vote, or because there is a light sheet; not where there is a dark one."""
        o, inside, light = self.o, picture.inside, picture.light
        first, last = self._ends(picture.sides)
        ends = [o.Max(*both) for both in zip(first, last, strict=True)]
        border = o.Mul(inside, o.Max(*ends))
        of_all, of_border = self.total(inside), self.total(border)
        votes = o.Add(o.Mul(self.total(light), of_border), o.Mul(self.total(o.Mul(light, border)), of_all))
        voted = self.above(votes, o.Mul(of_all, of_border))  # more than half, on average of both
        other = o.Abs(o.Sub(light, o.Mul(inside, voted)))
        return o.Abs(o.Sub(voted, self._is_sheet(other, picture)))

    def _ends(self, sides: tuple[Value, Value]) -> tuple[tuple[Value, Value], tuple[Value, Value]]:
        """The first row and column, and the last ones: `[SIDE, 1]` and `[1, SIDE]`."""
        shapes = (COLUMN, ROW)
        first = [(INDEX == 0).astype(np.float32).reshape(shape) for shape in shapes]
        last = [
            self.equal(self.o.Sub(side, 1.0), INDEX.reshape(shape)) for side, shape in zip(sides, shapes, strict=True)
        ]
        return (first[0], first[1]), (last[0], last[1])

    def _is_sheet(self, region: Value, picture: _Picture) -> Value:
        """Whether it is a filled rectangle that takes a good part of the picture."""
        o = self.o
        region = self.opened(region, picture.inside, self.widened)
        hull = self.total(self.all(*self.beside(region)))
        extents = [self.extent(region, axis) for axis in (0, 1)]
        large = [
            self.above(extent, o.Mul(SHEET_SIDE, side)) for extent, side in zip(extents, picture.sides, strict=True)
        ]
        filled = self.above(self.total(region), o.Mul(SHEET_FILLED, hull))
        return self.all(filled, self.above(hull, o.Mul(SHEET_SQUARE, o.Mul(*extents))), *large)

    def _sheet(self, paper: Value, picture: _Picture) -> Value:
        """The picture without the ground around a sheet, which begins at sides that show no paper."""
        o, inside = self.o, picture.inside
        bare = o.Sub(inside, paper)
        paper = self.opened(paper, inside, self.widened)  # no light speck of the ground
        (top, left), (bottom, right) = self._ends(picture.sides)
        rows, columns = picture.sides
        lines = (
            (o.Mul(bare, line), side) for line, side in ((top, columns), (bottom, columns), (left, rows), (right, rows))
        )
        grounds = [
            self.without(self.above(self.total(line), o.Mul(BARE, side)), beside)
            for (line, side), beside in zip(lines, self.beside(paper), strict=True)
        ]
        ground = o.Mul(inside, o.Max(*grounds))
        return self.without(inside, self.widened(ground, EDGE))

    def _ink(self, levels: Value, sheet: Value) -> tuple[Value, Ink]:
        """The paper's level, less its grain; and how much darker the cells of the sheet are."""
        o = self.o
        filled = o.Mul(sheet, self._filled(o.Mul(levels, sheet)))
        darker = o.Max(o.Sub(filled, o.Mul(sheet, levels)), 0.0)
        rough = self.all(
            self.above(darker, o.Mul(ROUGH, self.most(darker))),
            self.above(o.Mul(darker, self.total(sheet)), o.Mul(ROUGH_MEAN, self.total(darker))),
        )
        plain = self.without(sheet, self.widened(rough, NEAR))
        flat = self.without(plain, self.above(darker, FLAT + 0.5))
        count = self.counted(plain, LOCAL)
        mean = o.Div(self.counted(o.Mul(plain, levels), LOCAL), o.Max(count, 1.0))
        mean = o.Floor(o.Add(mean, 0.5 + NUDGE))
        level = o.Where(o.Greater(count, o.Mul(2.0, self.counted(flat, LOCAL))), mean, filled)
        lighter = self.total(o.Mul(plain, o.Max(o.Sub(levels, level), 0.0)))
        cells = o.Max(self.total(plain), 1.0)
        grain = o.Floor(o.Add(o.Div(o.Mul(DEVIATION, lighter), cells), FINE_NUDGE))
        ink = o.Mul(sheet, o.Max(o.Sub(level, levels), 0.0))
        return o.Sub(level, grain), Ink(ink, sheet, lighter, cells)

    def _filled(self, levels: Value) -> Value:
        """The levels, with all that is darker than what is around it filled: a closing, by blocks of cells."""
        o = self.o
        block, width = np.arange(BLOCKS, dtype=np.float32), BLOCKS + 2 * BEYOND
        around = self.equal(np.arange(-BEYOND, BLOCKS + BEYOND, dtype=np.float32).reshape(-1, 1), block)
        of_cell = self.equal(np.floor(INDEX / BLOCK).reshape(COLUMN), block)
        planes = o.Reshape(levels, np.array([1, 1, SIDE, SIDE]))
        lightest = o.Reshape(self.pooled(planes, (BLOCK, BLOCK), [0] * 4, BLOCK), np.array([BLOCKS, BLOCKS]))
        wide = o.MatMul(o.MatMul(around, lightest), o.Transpose(around, perm=[1, 0]))
        wide = o.Reshape(wide, np.array([1, 1, width, width]))
        dilated = self.pooled(wide, (FILLED, FILLED), [0] * 4)
        closed = o.Sub(255.0, self.pooled(o.Sub(255.0, dilated), (FILLED, FILLED), [0] * 4))
        closed = o.Reshape(closed, np.array([BLOCKS, BLOCKS]))
        return o.MatMul(o.MatMul(of_cell, closed), o.Transpose(of_cell, perm=[1, 0]))
