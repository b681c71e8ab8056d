"""Masks of a square of cells, in ONNX's operators: what lies near what, beside what, and in how large windows.

A mask is `[SIDE, SIDE]` of 0 and 1, as float32. Windows go `reach` cells each way from their middle.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgedigits.data.operators import FLOAT, INT64, Operators, Value

SIDE = 80  # cells
INDEX = np.arange(SIDE, dtype=np.float32)
ROW, COLUMN = (1, SIDE), (SIDE, 1)
ALL = np.ones(COLUMN, np.float32)  # times this, rows are summed up
NONE = np.zeros(ROW, np.float32)  # before the first row
FIRST = np.array(0)  # axis: runtimes sum up along it fast, and turn what has another one
_PLANES = np.array([1, 1, SIDE, SIDE])
_SQUARE = np.array([SIDE, SIDE])

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Window:
    """Of each cell of an axis: how many cells lie before its window, and before the window's end, int64 `[SIDE]`."""

    first: Value
    last: Value


class Cells:
    """What can be done with masks, run or written down by operators.

    Sums are differences of sums up to a cell: a product with a matrix of all pairs of cells takes several times as
    long. What such matrices there are is made by operators, too, and takes no room in a file.
    """

    def __init__(self, operators: Operators) -> None:
        self.o = operators

    @functools.cached_property
    def behind(self) -> Value:
        """By how much cell i of an axis lies behind cell j, `[SIDE, SIDE]`."""
        return self.o.Sub(INDEX.reshape(COLUMN), INDEX.reshape(ROW))

    @functools.cached_property
    def previous(self) -> Value:
        """The cell before each of an axis, int64 `[SIDE]`; of the first, itself."""
        return self.o.Cast(self.o.Max(self.o.Sub(INDEX, 1.0), 0.0), to=INT64)

    @functools.cached_property
    def next(self) -> Value:
        """The cell after each of an axis, int64 `[SIDE]`; of the last, itself."""
        return self.o.Cast(self.o.Min(self.o.Add(INDEX, 1.0), SIDE - 1.0), to=INT64)

    @functools.cached_property
    def not_after(self) -> Value:
        """Where cell j of an axis is not after cell i, `[SIDE, SIDE]`."""
        return self.above(self.behind, -0.5)

    @functools.cached_property
    def not_before(self) -> Value:
        """Where cell j of an axis is not before cell i, `[SIDE, SIDE]`."""
        return self.above(0.5, self.behind)

    def above(self, one: Value, other: Value) -> Value:
        """Where one is more than the other."""
        return self.o.Cast(self.o.Greater(one, other), to=FLOAT)

    def equal(self, one: Value, other: Value) -> Value:
        """Where they are the same."""
        return self.o.Cast(self.o.Equal(one, other), to=FLOAT)

    def any(self, count: Value) -> Value:
        """Where a count, a whole number, is not 0."""
        return self.o.Min(count, 1.0)

    def all(self, *masks: Value) -> Value:
        """Where all of the masks are."""
        found, *others = masks
        for other in others:
            found = self.o.Mul(found, other)
        return found

    def without(self, mask: Value, other: Value) -> Value:
        """What of a mask is not of another, which may be larger."""
        return self.o.Mul(mask, self.o.Sub(1.0, other))

    def turned(self, values: Value) -> Value:
        """Rows for columns."""
        return self.o.Transpose(values, perm=[1, 0])

    def total(self, values: Value) -> Value:
        """The sum of them all."""
        return self.o.ReduceSum(values, keepdims=0)

    def most(self, values: Value) -> Value:
        """The largest of them all."""
        return self.o.ReduceMax(values, keepdims=0)

    def held(self, mask: Value, axis: int) -> Value:
        """Which rows (axis 0) or columns (axis 1) hold a cell, `[SIDE]`."""
        return self.o.ReduceMax(mask, axes=[1 - axis], keepdims=0)

    def window(self, reach: Value) -> Window:
        """The windows of an axis, as far as they lie on it."""
        first = self.o.Max(self.o.Sub(INDEX, reach), 0.0)
        last = self.o.Min(self.o.Add(INDEX, self.o.Add(reach, 1.0)), float(SIDE))
        return Window(*(self.o.Cast(end, to=INT64) for end in (first, last)))

    def down(self, values: Value, window: Window) -> Value:
        """The sum of values, whole numbers, in windows of a cell's own column: of those before their ends."""
        before = self.o.Concat(NONE, self.o.CumSum(values, FIRST), axis=0)  # [SIDE + 1, SIDE]
        return self.o.Sub(*(self.o.Gather(before, end, axis=0) for end in (window.last, window.first)))

    def counted(self, mask: Value, reach: int) -> Value:
        """How many cells of a mask, or the sum of values, lie in each window."""
        window = self.window(float(reach))
        return self.turned(self.down(self.turned(self.down(mask, window)), window))

    def widened(self, mask: Value, reach: int = 1) -> Value:
        """A mask and what is near it."""
        side = 2 * reach + 1
        found = self.pooled(self.o.Reshape(mask, _PLANES), (side, side), [reach] * 4)
        return self.o.Reshape(found, _SQUARE)

    def raised(self, mask: Value) -> Value:
        """A mask and the cells right above and below it."""
        return self.o.Max(mask, *(self.o.Gather(mask, cell, axis=0) for cell in (self.previous, self.next)))

    def pooled(self, planes: Value, window: tuple[int, int], pads: list[int], stride: int = 1) -> Value:
        """The largest value of each window of planes `[1, 1, rows, columns]`."""
        return self.o.MaxPool(planes, kernel_shape=[*window], pads=pads, strides=[stride] * 2)

    def opened(self, mask: Value, whole: Value, widened: Callable[[Value], Value]) -> Value:
        """What of a mask lies in a window, one cell widened, that it fills as far as that lies in `whole`."""
        spoilt = widened(self.o.Sub(whole, mask))
        return self.o.Mul(mask, widened(self.without(mask, spoilt)))

    def beside(self, mask: Value) -> tuple[Value, Value, Value, Value]:
        """The cells that have one of a mask above them, below, to the left, to the right, or are of it themselves."""
        left, right = map(self.turned, self._above_and_below(self.turned(mask)))
        return *self._above_and_below(mask), left, right

    def _above_and_below(self, mask: Value) -> tuple[Value, Value]:
        return self.any(self.o.CumSum(mask, FIRST)), self.any(self.o.CumSum(mask, FIRST, reverse=1))

    def extent(self, mask: Value, axis: int) -> Value:
        """From the first to the last row or column that holds a cell; 0 or less where none does."""
        o, held = self.o, self.held(mask, axis)
        from_first = self.most(o.Mul(held, SIDE - INDEX))
        to_last = self.most(o.Mul(held, INDEX + 1))
        return o.Sub(o.Add(from_first, to_last), float(SIDE))
