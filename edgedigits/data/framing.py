"""From a canvas to the 28x28 digit that a network is shown, in whole numbers.

MNIST was made by scaling each digit into 20x20 pixels, keeping its aspect, and placing its centre of mass at the centre
of 28x28 pixels (LeCun, Bottou, Bengio, Haffner 1998). ONNX files do it in float32 (`export/onnx/framing.py`, which says
the same in other words); here every number is whole, so that all machines see the same.

    ink     how far each pixel is from the paper, in levels; that of the strongest is the contrast. There is none where
            that is less than CONTRAST
    box     the rows and columns that hold a pixel with at least BOX of the contrast
    cells   how many of 20 the box fills each way; a cell is at least a pixel wide
    sums    of each cell, ink times what of each pixel lies in it; none is below 0
    digit   the sums, times 255, divided by the largest and rounded
    seen    the digit on 28x28 pixels, its centre of mass within half a pixel of (14, 14)

Ink is found in one of two ways. By looking, which ONNX files do: what is no digit is told from it on a coarse grid
first (`looking.py`), and the paper has a level of its own in each cell. By the border, which C files do: the paper is
the majority of the border's pixels, dark or light, and their mean its level; all else is ink.

Places along an axis are counted in parts of a pixel, `2 * cells` each: then cells begin and end at whole numbers. With
sides of up to 2048 pixels, a cell is at most 4096 parts each way. The border has at most 8192 pixels, of which ink is
counted in parts there: 2 ** 21 of them at most. So sums stay below 2 ** 45.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgedigits.data.looking import look
from edgedigits.data.operators import Numpy
from edgedigits.data.paper import BOX, CONTRAST
from edgedigits.records.arrays import Uint8Array

FIELD = 20  # pixels of the digit's longer side
FRAME = 28
CENTRE = 14  # row and column of the centre of mass, where MNIST's digits have it
TIE = 10_000  # a part of 1 / TIE decides ties, which whole numbers often make, alike in all runtimes
PARTS = 10_000  # of the contrast, that BOX is given in
DIGIT_BITS = 23  # of the largest sum: times 2 * 255, it fits in 32 bits
Integers = npt.NDArray[np.int64]
Exact = npt.NDArray[np.float64]  # whole numbers below 2 ** 53: their products are exact, and fast


@dataclass(frozen=True)
class Ink:
    """How much ink each pixel has, `[height, width]`, `unit` for a level; below 0 where it is beyond the paper."""

    strength: Exact
    unit: int = 1


Finder = Callable[[Uint8Array], Ink]


@dataclass(frozen=True)
class Paper:
    """Pixels of the paper.

    total, count   their sum, and how many they are
    inverted       ink is dark, so that values are 255 less what a pixel has
    """

    total: int
    count: int
    inverted: bool


@dataclass(frozen=True)
class Span:
    """The part of an axis that holds ink, and the cells that it is divided into."""

    first: int
    extent: int
    cells: int

    @property
    def width(self) -> int:
        """Of a cell, in parts of a pixel."""
        return 2 * max(self.extent, self.cells)

    def coverage(self) -> Exact:
        """How many parts of each pixel lie in each cell, `[cells, extent]`."""
        last = 2 * self.extent * self.cells - self.width
        starts = np.clip((2 * np.arange(self.cells) + 1) * self.extent - self.width // 2, 0, last)[:, None]
        edges = 2 * self.cells * np.arange(self.extent + 1)
        inside = np.minimum(starts + self.width, edges[1:]) - np.maximum(starts, edges[:-1])
        parts: Exact = np.maximum(inside, 0).astype(np.float64)
        return parts


def find_by_looking(canvas: Uint8Array) -> Ink:
    """The ink in the cells of the digit, as the first look finds them, and none elsewhere."""
    height, width = (np.arange(side, dtype=np.float32) for side in canvas.shape)
    found = look(Numpy(), canvas.astype(np.float32), (height, width))
    level = found.level[np.ix_(found.rows.cell, found.columns.cell)]
    values = canvas if found.is_light else 255 - canvas
    return Ink(np.maximum(level.astype(np.float64) - values, 0))


def find_by_border(canvas: Uint8Array) -> Ink:
    """All that differs from the mean of the paper at the border."""
    paper = find_paper(canvas)
    values = 255 - canvas if paper.inverted else canvas
    return Ink(values.astype(np.float64) * paper.count - paper.total, unit=paper.count)


def find_paper(canvas: Uint8Array) -> Paper:
    """The paper at the border of a canvas: the majority there; corners count twice."""
    border = np.concatenate([canvas[0], canvas[-1], canvas[:, 0], canvas[:, -1]]).astype(np.int64)
    light = 2 * border > int(canvas.min()) + int(canvas.max())
    inverted = bool(2 * light.sum() > len(border))
    kept = border[light == inverted]
    return Paper(int((255 - kept if inverted else kept).sum()), len(kept), inverted)


def frame(canvas: Uint8Array, find: Finder = find_by_looking) -> Uint8Array:
    """What a network is shown of a canvas uint8 `[height, width]`: uint8 `[28, 28]`, all 0 where it is blank."""
    seen = np.zeros((FRAME, FRAME), np.uint8)
    if boxed := _boxed(find(canvas)):
        rows, columns, sums = boxed
        digit = _digit(sums)
        top, left = (_placed(digit.sum(axis=1 - axis), span.cells) for axis, span in enumerate((rows, columns)))
        seen[top : top + rows.cells, left : left + columns.cells] = digit
    return seen


def rounding_margin(canvas: Uint8Array, find: Finder = find_by_looking) -> float:
    """How far off the digit's values may be, before they are rounded, and none is rounded otherwise: 0 to 0.5 levels.

    Runtimes that frame it in float32 (`export/onnx/framing.py`) are certain to agree where that is more than their
    error; the rest is whole numbers to them, too. A blank canvas has no digit: 0.5.
    """
    if (boxed := _boxed(find(canvas))) is None:
        return 0.5
    *_, sums = boxed
    levels = 255 * sums / sums.max() + 0.5 + 1 / TIE
    return float(np.abs(levels - levels.round()).min())


def _boxed(ink: Ink) -> tuple[Span, Span, Integers] | None:
    """The rows and columns with ink, and the sums of their cells; None where the canvas is blank."""
    contrast = int(ink.strength.max())
    if 2 * contrast <= (2 * CONTRAST - 1) * ink.unit:
        return None
    rows, columns = _spans(ink.strength * PARTS > round(BOX * PARTS) * contrast)
    box = ink.strength[rows.first : rows.first + rows.extent, columns.first : columns.first + columns.extent]
    sums = (rows.coverage() @ box @ columns.coverage().T).astype(np.int64)
    return rows, columns, np.maximum(sums, 0)


def _spans(inked: npt.NDArray[np.bool_]) -> tuple[Span, Span]:
    """Where rows and columns hold ink; the longer one fills the field, the other as many cells as keep the aspect."""
    ends = [np.flatnonzero(inked.any(axis=axis))[[0, -1]].tolist() for axis in (1, 0)]
    extents = [last + 1 - first for first, last in ends]
    cells = [max(1, (2 * FIELD * extent + max(extents)) // (2 * max(extents))) for extent in extents]
    rows, columns = (Span(first, *sizes) for (first, _), *sizes in zip(ends, extents, cells, strict=True))
    return rows, columns


def _digit(sums: Integers) -> Integers:
    """The sums as 0 to 255; of the largest, DIGIT_BITS are kept."""
    shift = max(0, int(sums.max()).bit_length() - DIGIT_BITS)
    largest = int(sums.max()) >> shift
    if largest == 0:
        return sums
    found: Integers = (2 * 255 * (sums >> shift) + largest + largest * 2 // TIE) // (2 * largest)
    return found


def _placed(masses: Integers, cells: int) -> int:
    """Where the first cell goes, that the centre of mass is as near as can be to CENTRE, and the digit inside."""
    mass, moment = int(masses.sum()), int((masses * np.arange(cells)).sum())
    away = (2 * CENTRE - 1) * mass - 2 * moment  # CENTRE - 1/2 - moment / mass, times 2 * mass
    if away <= 0:
        return 0
    whole, rest = divmod(away, 2 * mass)
    return min(whole + (rest * TIE > 2 * mass), FRAME - cells)
