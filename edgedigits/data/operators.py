"""ONNX's operators in numpy, as many as the first look at a canvas takes (`looking.py`).

What is said in them once is run here, and written into files by `export/onnx/graph.py`. Values are float32; what
Gather takes, int64.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Value = Any  # an array; or where operators are written down, the name of one
FLOAT, INT64 = 1, 7  # of onnx.TensorProto, what Cast makes


class Operators(Protocol):
    """What runs operators, or writes them down: `operators.Add(a, 1.0)` gives a sum, or the name of one."""

    def __getattr__(self, operator: str, /) -> Callable[..., Value]: ...


class Numpy:
    """Runs operators at once."""

    def __getattr__(self, operator: str, /) -> Callable[..., Value]:
        return NUMPY[operator]


def _reduced(reduce: Callable[..., Array]) -> Callable[..., Array]:
    """A reduction over all axes, or over some."""

    def run(value: Array, axes: Sequence[int] | None = None, keepdims: int = 1) -> Array:
        axis = None if axes is None else tuple(axes)
        return np.asarray(reduce(value, axis=axis, keepdims=bool(keepdims)), np.float32)

    return run


def _max_pool(planes: Array, kernel_shape: Sequence[int], pads: Sequence[int], strides: Sequence[int]) -> Array:
    """The largest value of each window of planes `[1, 1, rows, columns]`; around them is nothing."""
    widths = ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3]))
    found = np.pad(planes, widths, constant_values=-np.inf)
    for axis, (size, stride) in enumerate(zip(kernel_shape, strides, strict=True), start=2):
        count = (found.shape[axis] - size) // stride + 1
        parts = [found.take(range(first, first + stride * count, stride), axis) for first in range(size)]
        found = np.maximum.reduce(parts)
    return found


def _summed_up(values: Array, axis: Array, reverse: int = 0) -> Array:
    """The sum of all values up to each, along an axis; or of all from it on."""
    ordered = np.flip(values, int(axis)) if reverse else values
    found = np.cumsum(ordered, int(axis), dtype=np.float32)
    return np.flip(found, int(axis)) if reverse else found


def _cast(value: Array, to: int) -> Array:
    return np.asarray(value, {FLOAT: np.float32, INT64: np.int64}[to])


NUMPY: dict[str, Callable[..., Value]] = {
    "Abs": np.abs,
    "Add": np.add,
    "Cast": _cast,
    "Ceil": np.ceil,
    "Concat": lambda *values, axis: np.concatenate(values, axis),
    "CumSum": _summed_up,
    "Div": np.divide,
    "Equal": np.equal,
    "Floor": np.floor,
    "Gather": np.take,
    "Greater": np.greater,
    "Less": np.less,
    "MatMul": np.matmul,
    "Max": lambda *values: functools.reduce(np.maximum, values),
    "MaxPool": _max_pool,
    "Min": np.minimum,
    "Mul": np.multiply,
    "ReduceMax": _reduced(np.max),
    "ReduceSum": _reduced(np.sum),
    "Reshape": lambda value, shape: np.reshape(value, tuple(shape)),
    "Sub": np.subtract,
    "Transpose": lambda value, perm: np.transpose(value, perm),
    "Where": np.where,
}
