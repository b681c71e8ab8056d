"""ONNX's operators in numpy, as many as the first look takes: what it says in them is run here, and written to files.

Values are float32 arrays, truth values apart. All that is computed of a picture is in whole numbers below 2 ** 24, which
float32 holds exactly: so every runtime finds the same, in whatever order it adds.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Operators(Protocol):
    """What runs operators, or writes them down: `operators.Add(a, 1.0)` gives the sum, or the name that it will have."""

    def __getattr__(self, operator: str) -> Callable[..., Any]: ...


def _reduced(reduce: Callable[..., Array]) -> Callable[..., Array]:
    """A reduction, over all axes or some."""

    def run(value: Array, axes: Any = None, keepdims: int = 1) -> Array:
        axis = None if axes is None else tuple(int(axis) for axis in axes)
        return np.asarray(reduce(value, axis=axis, keepdims=bool(keepdims)), np.float32)

    return run


def _pooled(value: Array, kernel_shape: Sequence[int], pads: Sequence[int], strides: Sequence[int] = (1, 1)) -> Array:
    """The largest value of each window of `[1, 1, rows, columns]`; what is added around is no value."""
    padded = np.pad(
        value, ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])), constant_values=np.float32(-np.inf)
    )
    for axis, (size, stride) in enumerate(zip(kernel_shape, strides, strict=True), 2):
        windows = np.lib.stride_tricks.sliding_window_view(padded, size, axis)
        padded = windows.max(axis=-1)
        padded = padded[(slice(None),) * axis + (slice(None, None, stride),)]
    return padded


def _matmul(one: Array, other: Array) -> Array:
    found: Array = one @ other
    return found


NUMPY: dict[str, Callable[..., Any]] = {
    "Abs": np.abs,
    "Add": np.add,
    "Cast": lambda value, to: np.asarray(value, np.float32),
    "Ceil": np.ceil,
    "Div": np.divide,
    "Equal": np.equal,
    "Floor": np.floor,
    "Greater": np.greater,
    "Less": np.less,
    "MatMul": _matmul,
    "Max": np.maximum,
    "MaxPool": _pooled,
    "Min": np.minimum,
    "Mul": np.multiply,
    "ReduceMax": _reduced(np.max),
    "ReduceSum": _reduced(np.sum),
    "Reshape": lambda value, shape: np.reshape(value, tuple(shape)),
    "Sub": np.subtract,
    "Transpose": lambda value, perm: np.transpose(value, perm),
    "Where": np.where,
}


class Numpy:
    """Runs operators at once."""

    def __getattr__(self, operator: str) -> Callable[..., Any]:
        return NUMPY[operator]
