"""Masks of a square of cells, in ONNX's operators: what lies near what, beside what, and in how large windows.

A mask is `[SIDE, SIDE]` of 0 and 1, as float32. Windows go `reach` cells each way from their middle.
"""

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from edgedigits.data.operators import FLOAT, Operators, Value

SIDE = 80  # cells
INDEX = np.arange(SIDE, dtype=np.float32)
ROW, COLUMN = (1, SIDE), (SIDE, 1)
ALL = np.ones(COLUMN, np.float32)  # times this, rows are summed up
_PLANES = np.array([1, 1, SIDE, SIDE])
_SQUARE = np.array([SIDE, SIDE])

Array = npt.NDArray[Any]


class Cells:
    """What can be done with masks, run or written down by operators.

    Matrices of all pairs of cells are made by operators, too: so they take no room in a file.
    """

    def __init__(self, operators: Operators) -> None:
        self.o = operators

    @functools.cached_property
    def behind(self) -> Value:
        """By how much cell i of an axis lies behind cell j, `[SIDE, SIDE]`."""
        return self.o.Sub(INDEX.reshape(COLUMN), INDEX.reshape(ROW))

    @functools.cached_property
    def apart(self) -> Value:
        """How far cells of an axis lie from each other, `[SIDE, SIDE]`."""
        return self.o.Abs(self.behind)

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

    def total(self, values: Value) -> Value:
        """The sum of them all."""
        return self.o.ReduceSum(values, keepdims=0)

    def most(self, values: Value) -> Value:
        """The largest of them all."""
        return self.o.ReduceMax(values, keepdims=0)

    def held(self, mask: Value, axis: int) -> Value:
        """Which rows (axis 0) or columns (axis 1) hold a cell, `[SIDE]`."""
        return self.o.ReduceMax(mask, axes=[1 - axis], keepdims=0)

    def counted(self, mask: Value, reach: int) -> Value:
        """How many cells of a mask, or the sum of values, lie in each window."""
        return self.along(1, self.along(0, mask, reach), reach)

    def along(self, axis: int, values: Value, reach: int) -> Value:
        """The sum of values in windows of a cell's own column (axis 0) or row (axis 1)."""
        band = self.above(reach + 0.5, self.apart)
        return self.o.MatMul(band, values) if axis == 0 else self.o.MatMul(values, band)

    def widened(self, mask: Value, reach: int, axis: int | None = None) -> Value:
        """A mask and what is near it; along one axis alone, if that is said."""
        if axis is not None:
            return self.any(self.along(axis, mask, reach))
        side = 2 * reach + 1
        found = self.pooled(self.o.Reshape(mask, _PLANES), (side, side), [reach] * 4)
        return self.o.Reshape(found, _SQUARE)

    def pooled(self, planes: Value, window: tuple[int, int], pads: list[int], stride: int = 1) -> Value:
        """The largest value of each window of planes `[1, 1, rows, columns]`."""
        return self.o.MaxPool(planes, kernel_shape=[*window], pads=pads, strides=[stride] * 2)

    def opened(self, mask: Value, whole: Value, reach: int, axis: int | None = None) -> Value:
        """What of a mask lies in a window that it fills, as far as that lies in `whole`."""
        spoilt = self.widened(self.o.Sub(whole, mask), reach, axis)
        return self.o.Mul(mask, self.widened(self.without(mask, spoilt), reach, axis))

    def beside(self, mask: Value) -> tuple[Value, Value, Value, Value]:
        """The cells that have one of a mask above them, below, to the left, to the right, or are of it themselves."""
        o = self.o
        counts = (
            *(o.MatMul(self.not_after, mask), o.MatMul(self.not_before, mask)),
            *(o.MatMul(mask, self.not_before), o.MatMul(mask, self.not_after)),
        )
        above, below, left, right = (self.any(count) for count in counts)
        return above, below, left, right

    def extent(self, mask: Value, axis: int) -> Value:
        """From the first to the last row or column that holds a cell; 0 or less where none does."""
        o, held = self.o, self.held(mask, axis)
        from_first = self.most(o.Mul(held, SIDE - INDEX))
        to_last = self.most(o.Mul(held, INDEX + 1))
        return o.Sub(o.Add(from_first, to_last), float(SIDE))
