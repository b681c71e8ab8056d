"""Tensors as files store them: a piece of memory, an offset, a shape and strides; and how they become arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from edgedigits.records.arrays import Scores
from edgedigits.runtime.safety import BOUNDS, Refused

Array = npt.NDArray[Any]
MOST_SHOWN = 60  # characters of a name


def shown(name: object) -> str:
    """A name out of a file, short and in plain letters, for a message of one line."""
    text = str(name)
    return ascii(text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}...")


@dataclass(frozen=True)
class Element:
    """An element type: its name, and how numpy reads it; None where it does not."""

    name: str
    code: str | None
    size: int

    @property
    def is_float(self) -> bool:
        """Whether its values are real numbers, as weights are."""
        return self.code is not None and (self.name == "bfloat16" or self.code[0] == "f")

    @property
    def is_quantized(self) -> bool:
        """Whether its values are whole numbers that a scale makes real."""
        return self.name.startswith("q")


_PLAIN = (
    Element("float64", "f8", 8),
    Element("float32", "f4", 4),
    Element("float16", "f2", 2),
    Element("bfloat16", "u2", 2),  # the upper half of a float32
    Element("int64", "i8", 8),
    Element("int32", "i4", 4),
    Element("int16", "i2", 2),
    Element("int8", "i1", 1),
    Element("uint8", "u1", 1),
    Element("uint16", "u2", 2),
    Element("uint32", "u4", 4),
    Element("uint64", "u8", 8),
    Element("bool", "?", 1),
    Element("qint8", "i1", 1),
    Element("quint8", "u1", 1),
    Element("qint32", "i4", 4),
    Element("complex64", None, 8),
    Element("complex128", None, 16),
    Element("float8_e4m3fn", None, 1),
    Element("float8_e5m2", None, 1),
)
ELEMENTS = {element.name: element for element in _PLAIN}


@dataclass(eq=False)
class Storage:
    """A piece of memory in a file, which tensors look into.

    key        its name in the file
    count      elements, as the file declares it
    content    its bytes, once they have been found
    location   the device that it was saved from
    big        its numbers have the big end first
    """

    element: Element
    key: str
    count: int
    location: str = "cpu"
    content: bytes | memoryview = field(default=b"", repr=False)
    big: bool = False

    def fill(self, content: bytes | memoryview) -> None:
        """Give it its bytes. Raises Refused where they are fewer than declared."""
        if len(content) < self.count * self.element.size:
            raise Refused(
                f"storage {shown(self.key)}: {len(content):,} bytes, {self.count:,} {self.element.name} declared"
            )
        self.content = content


@dataclass(frozen=True, eq=False)
class Scale:
    """How whole numbers become real: (value - zero) * factor, one of each or one a channel along an axis."""

    factor: float | Tensor
    zero: int | Tensor
    axis: int = 0


@dataclass(frozen=True, eq=False)
class Tensor:
    """A stored tensor. Nothing of it is checked before it becomes an array.

    element   its type, which may be another than its storage's
    offset    of its first element in the storage, in elements
    strides   of each axis, in elements
    """

    storage: Storage
    element: Element
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    scale: Scale | None = None

    @property
    def count(self) -> int:
        """Its elements."""
        return math.prod(self.shape)


def contiguous(storage: Storage, element: Element, shape: tuple[int, ...]) -> Tensor:
    """A tensor that is its whole storage, row by row."""
    strides = [1]
    for side in reversed(shape[1:]):
        strides.append(strides[-1] * side)
    return Tensor(storage, element, 0, shape, tuple(reversed(strides[: len(shape)])))


def values(tensor: Tensor) -> Array:
    """A tensor's values as they are stored, row by row; bfloat16 as float32.

    Raises Refused where it leaves its storage, or is too large.
    """
    element = tensor.element
    if element.code is None:
        raise Refused(f"a tensor of {element.name}: real numbers wanted")
    _require_inside(tensor)
    order = ">" if tensor.storage.big else "<"
    code = element.code if element.size == 1 else f"{order}{element.code}"
    whole = np.frombuffer(tensor.storage.content, code, count=len(tensor.storage.content) // element.size)
    steps = tuple(stride * element.size for stride in tensor.strides)
    view = np.lib.stride_tricks.as_strided(whole[tensor.offset :], tensor.shape, steps, writeable=False)
    stored = np.ascontiguousarray(view).reshape(tensor.shape)
    if element.name == "bfloat16":
        return (stored.astype(np.uint32) << 16).view(np.float32)
    return stored.astype(stored.dtype.newbyteorder("="))


def real(tensor: Tensor) -> Scores:
    """A tensor's values as float32: halves and doubles rounded, whole numbers of a quantized tensor scaled.

    Raises Refused where they are no real numbers.
    """
    stored = values(tensor)
    if tensor.scale is not None:
        return _scaled(stored, tensor.scale)
    if not tensor.element.is_float:
        raise Refused(f"a tensor of {tensor.element.name}: real numbers wanted")
    with np.errstate(over="ignore"):  # what is no float32 becomes infinite, which whoever takes it refuses
        return stored.astype(np.float32)


def _scaled(stored: Array, scale: Scale) -> Scores:
    factor, zero = (_along(part, scale.axis, stored) for part in (scale.factor, scale.zero))
    scaled: Scores = ((stored.astype(np.float64) - zero) * factor).astype(np.float32)
    return scaled


def _along(part: float | Tensor, axis: int, stored: Array) -> Array:
    """A scale's factor or zero, such that it fits the values: one number, or one a channel."""
    if not isinstance(part, Tensor):
        return np.float64(part)  # type: ignore[return-value]
    found = values(part).astype(np.float64)
    if not 0 <= axis < stored.ndim or found.shape != (stored.shape[axis],):
        raise Refused(f"scales of shape {list(found.shape)} for a tensor of {list(stored.shape)}")
    return found.reshape([-1 if number == axis else 1 for number in range(stored.ndim)])


def _require_inside(tensor: Tensor) -> None:
    """Raise Refused unless all of a tensor's elements are in its storage, and they are not too many."""
    shape, strides = tensor.shape, tensor.strides
    if len(shape) != len(strides) or len(shape) > BOUNDS.rank:
        raise Refused(f"a tensor of {len(shape)} axes with {len(strides)} strides, at most {BOUNDS.rank} wanted")
    if min((*shape, *strides, tensor.offset), default=0) < 0:
        raise Refused(f"a tensor of shape {list(shape)}, strides {list(strides)}, offset {tensor.offset}")
    if max(tensor.count, *shape, 0) > BOUNDS.elements:  # an axis of 0 would hide the others
        raise Refused(f"a tensor of shape {list(shape)}: at most {BOUNDS.elements:,} elements wanted")
    last = tensor.offset + sum((side - 1) * stride for side, stride in zip(shape, strides, strict=True))
    held = len(tensor.storage.content) // tensor.element.size
    if (tensor.count and last >= held) or tensor.offset > held:
        raise Refused(f"a tensor of shape {list(shape)} that ends {last - held + 1:,} elements behind its storage")
