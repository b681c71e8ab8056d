"""What is computed, one record a kind: its sizes, and its sums in numpy, for floats and for integers alike.

A value is an array `[height, width, channels]`, channels side by side, so that what a window sees of a row lies in one
piece; a vector is `[1, 1, n]`. Value 0 is the image, value n what the n-th step gives. Sums are computed in float64,
which holds every integer below 2 ** 53: so integers stay exact, and products are fast.
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from edgedigits.records.record import OPTIONAL, Record

Plane = tuple[int, ...]  # height, width, channels
Pair = tuple[int, ...]  # of height and width
Values = npt.NDArray[np.float64]  # [images, height, width, channels]
Tensor = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Step(Record):
    """What all kinds have.

    name    of the layer that it comes from
    reads   numbers of the values that it reads
    plane   what it gives of one image
    """

    name: str
    reads: tuple[int, ...]
    plane: Plane

    @property
    def size(self) -> int:
        """How many values it gives of one image."""
        return math.prod(self.plane)

    @property
    def products(self) -> int:
        """Multiply-accumulates of one image."""
        return 0


@dataclass(frozen=True)
class Convolve(Step):
    """A convolution; of each window of `pool` places, the largest sum is kept. Weights `[height, width, in, out]`.

    seen   height, width and channels of what it reads
    bits   of a weight, where it was trained with few; None: 8
    """

    seen: Plane
    kernel: Pair
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1
    pool: Pair = field(default=(), metadata=OPTIONAL)
    bits: int | None = field(default=None, metadata=OPTIONAL)

    @property
    def window(self) -> Pair:
        """Places that the largest is kept of."""
        return self.pool or (1, 1)

    @property
    def places(self) -> Pair:
        """Rows and columns of sums that are computed."""
        return tuple(size * window for size, window in zip(self.plane[:2], self.window, strict=True))

    @property
    def channels(self) -> Pair:
        """Of a group: those it reads, those it gives."""
        return self.seen[2] // self.groups, self.plane[2] // self.groups

    @property
    def weights_shape(self) -> tuple[int, ...]:
        """Of its weights."""
        return (*self.kernel, self.channels[0], self.plane[2])

    @property
    def products(self) -> int:
        """Of each weight as many as there are places."""
        return math.prod(self.weights_shape) * math.prod(self.places)

    def sums(self, values: Values, weights: Tensor, bias: Tensor) -> Values:
        """The sums, and of each window of them the largest."""
        windows = _windows(values, self.kernel, self.stride, self.padding, self.dilation, self.places, 0.0)
        inside, outside = self.channels
        parts = []
        for group in range(self.groups):
            seen = windows[..., group * inside : (group + 1) * inside, :, :]  # (N, rows, columns, in, kh, kw)
            kept = weights[..., group * outside : (group + 1) * outside].transpose(2, 0, 1, 3).reshape(-1, outside)
            parts.append(seen.reshape(-1, len(kept)) @ kept)
        found = np.concatenate(parts, axis=1).reshape(len(values), *self.places, -1) + bias
        rows, columns = self.window
        height, width, channels = self.plane
        largest: Values = found.reshape(-1, height, rows, width, columns, channels).max(axis=(2, 4))
        return largest


@dataclass(frozen=True)
class Dense(Step):
    """A product with a matrix `[in, out]`; bits as of a convolution."""

    seen: int
    bits: int | None = field(default=None, metadata=OPTIONAL)

    @property
    def weights_shape(self) -> tuple[int, ...]:
        """Of its weights."""
        return self.seen, self.size

    @property
    def products(self) -> int:
        """One a weight."""
        return self.seen * self.size

    def sums(self, values: Values, weights: Tensor, bias: Tensor) -> Values:
        """The sums."""
        return (values.reshape(len(values), -1) @ weights + bias).reshape(-1, *self.plane)


@dataclass(frozen=True)
class MaxPool(Step):
    """The largest value of each window; what lies outside is not looked at."""

    seen: Plane
    kernel: Pair
    stride: Pair
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)

    def largest(self, values: Values) -> Values:
        """The largest of each window."""
        windows = _windows(values, self.kernel, self.stride, self.padding, self.dilation, self.plane[:2], -np.inf)
        largest: Values = windows.max(axis=(-2, -1))
        return largest


@dataclass(frozen=True)
class Average(Step):
    """The mean of each window.

    rows, columns   where each window begins and ends, in pairs
    divisor         what sums are divided by, where that is not how many values a window sees
    """

    seen: Plane
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    divisor: int | None = field(default=None, metadata=OPTIONAL)

    @property
    def counts_seen(self) -> npt.NDArray[np.int64]:
        """How many values each window sees, `[rows, columns]`."""
        heights, widths = (np.diff(np.reshape(edges, (-1, 2)), axis=1)[:, 0] for edges in (self.rows, self.columns))
        return np.outer(heights, widths).astype(np.int64)

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """What the sum of each window is divided by, `[rows, columns]`."""
        seen = self.counts_seen
        return seen if self.divisor is None else np.full_like(seen, self.divisor)

    @property
    def whole(self) -> int:
        """The least number that all counts divide."""
        return math.lcm(*map(int, np.unique(self.counts)))

    def sums(self, values: Values) -> Values:
        """The sums, each times `whole` divided by its count: integers of integers."""
        edges = [list(zip(each[::2], each[1::2], strict=True)) for each in (self.rows, self.columns)]
        found = np.stack(
            [
                values[:, top:bottom, left:right].sum(axis=(1, 2))
                for (top, bottom), (left, right) in itertools.product(*edges)
            ],
            axis=1,
        ).reshape(-1, *self.plane)
        return found * (self.whole // self.counts)[:, :, None]


@dataclass(frozen=True)
class Lookup(Step):
    """A function of each value by itself.

    function     one of FUNCTIONS
    parameters   of it
    channels     whether the first parameter is one a channel
    """

    function: str
    parameters: tuple[float, ...] = field(default=(), metadata=OPTIONAL)
    channels: bool = False

    def apply(self, values: Values) -> Values:
        """The function's values."""
        given = (np.array(self.parameters),) if self.channels else self.parameters
        return FUNCTIONS[self.function](values, *given)


@dataclass(frozen=True)
class Add(Step):
    """The sum of values of one shape, each times a weight."""

    def sums(self, values: Sequence[Values], weights: Sequence[float]) -> Values:
        """The sums."""
        found: Values = sum(value * weight for value, weight in zip(values, weights, strict=True))  # type: ignore[assignment]
        return found


@dataclass(frozen=True)
class Multiply(Step):
    """The product of two values; the second has one value a channel, or as many as the first."""

    gate: bool = False

    def sums(self, first: Values, second: Values) -> Values:
        """The products."""
        return first.reshape(-1, *self.plane) * (second if self.gate else second.reshape(-1, *self.plane))


@dataclass(frozen=True)
class Concat(Step):
    """Values side by side, of each pixel all channels of the first, then of the second, ...

    channels   of each
    """

    channels: tuple[int, ...]


@dataclass(frozen=True)
class Pad(Step):
    """Zeros around a value; `corner` is where it lies in them, rows and columns from the top and the left."""

    seen: Plane
    corner: Pair

    def placed(self, values: Values, ground: float) -> Values:
        """The values in their frame."""
        found = np.full((len(values), *self.plane), ground)
        (top, left), (height, width, _) = self.corner, self.seen
        found[:, top : top + height, left : left + width] = values
        return found


KINDS: Mapping[str, type[Step]] = {
    "convolve": Convolve,
    "dense": Dense,
    "max-pool": MaxPool,
    "average": Average,
    "lookup": Lookup,
    "add": Add,
    "multiply": Multiply,
    "concat": Concat,
    "pad": Pad,
}
NAMES: Mapping[type[Step], str] = {kind: name for name, kind in KINDS.items()}


def weighs(step: Step) -> bool:
    """Whether it has weights."""
    return isinstance(step, Convolve | Dense)


def _windows(
    values: Values, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, places: Pair, outside: float
) -> Values:
    """What each window sees, `[images, rows, columns, channels, kernel height, kernel width]`."""
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    needed = [s * (p - 1) + span for p, s, span in zip(places, stride, spans, strict=True)]
    behind = [max(0, n - p - size) for n, p, size in zip(needed, padding, values.shape[1:3], strict=True)]
    margins = [(0, 0), *zip(padding, behind, strict=True), (0, 0)]
    padded = np.pad(values, margins, constant_values=outside)
    seen = np.lib.stride_tricks.sliding_window_view(padded, spans, axis=(1, 2))
    rows, columns = (slice(None, s * p, s) for s, p in zip(stride, places, strict=True))
    return seen[:, rows, columns, :, :: dilation[0], :: dilation[1]]


def _elu(x: Values, alpha: float) -> Values:
    found: Values = np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))
    return found


def _gelu(x: Values) -> Values:
    found: Values = x * 0.5 * (1 + _erf(x / math.sqrt(2)))
    return found


def _gelu_tanh(x: Values) -> Values:
    found: Values = 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return found


def _sigmoid(x: Values) -> Values:
    return 0.5 * (1 + np.tanh(0.5 * x))


def _hardsigmoid(x: Values) -> Values:
    return np.clip(x / 6 + 0.5, 0, 1)


_erf: Callable[[Any], Any] = np.vectorize(math.erf, otypes=[np.float64])
FUNCTIONS: Mapping[str, Callable[..., Values]] = {
    "clip": lambda x, low, high: np.clip(x, low, high),
    "leaky": lambda x, slope: np.where(x > 0, x, x * slope),
    "elu": _elu,
    "gelu": _gelu,
    "gelu-tanh": _gelu_tanh,
    "silu": lambda x: x * _sigmoid(x),
    "hardswish": lambda x: x * _hardsigmoid(x),
    "hardsigmoid": _hardsigmoid,
    "sigmoid": _sigmoid,
    "tanh": np.tanh,
}
