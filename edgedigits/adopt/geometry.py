"""How an image may shrink on its way through convolutions, so that the first dense layer gets what it takes.

The tensors say kernels and channels. Padding, strides, pools and the side of the image are tried in all likely ways;
what ends in the size that the dense layer wants is a Geometry, the usual ones first.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgedigits.adopt.parts import NoFit, Stage, Trunk

SIDES = (28, 32)  # of digits as they are, and as LeNet-5 was made for
WINDOW = (2, 2)  # kernel and stride of the usual pool
WINDOWS = ((3, 3), (3, 2), (4, 4), (2, 1))  # of others, where that one fits nowhere
MOST = 8  # geometries that are kept
MOST_FREE = 6  # convolutions whose paddings are tried one by one; of more, all are padded alike
MOST_STRIDED = 4  # convolutions whose strides are tried

Window = tuple[int, int]


@dataclass(frozen=True)
class Place:
    """What is not in the tensors of a convolution: its padding and stride, and whether a pool stands behind it."""

    padding: int
    stride: int = 1
    pooled: bool = False


@dataclass(frozen=True)
class Geometry:
    """A way of an image through the convolutions.

    side     of the image, in pixels
    window   kernel and stride of the pools
    mean     whether the mean of each channel is taken at the end, else all values
    """

    side: int
    places: tuple[Place, ...] = ()
    window: Window = WINDOW
    mean: bool = False


def geometries(trunk: Trunk, settings: Mapping[str, Mapping[str, Any]], windows: Sequence[Window]) -> list[Geometry]:
    """The ways that fit, the usual ones first. Raises NoFit where none does.

    settings   of the convolutions that the file describes, by name
    windows    kernels and strides of pools, where the file says them
    """
    if not trunk.convs:
        return [Geometry(_square(trunk))]
    for window, strided in _rounds(windows):
        if strided and len(trunk.convs) > MOST_STRIDED:
            continue
        found = list(_fitting(trunk, settings, window, strided))
        if found:
            return sorted(found, key=lambda one: _strangeness(one, trunk))[:MOST]
    raise NoFit("no padding, strides and pools were found that lead from 28x28 or 32x32 to what its layers take")


def _rounds(windows: Sequence[Window]) -> Iterator[tuple[Window, bool]]:
    """What to try, until something fits: pools of that kind, and whether convolutions may have strides."""
    named = list(windows) or [WINDOW]
    others = [] if windows else WINDOWS
    yield from ((window, False) for window in named)
    yield from ((window, True) for window in named)
    yield from ((window, False) for window in others)


def _square(trunk: Trunk) -> int:
    """The side of the square that the first dense layer takes, row by row. Raises NoFit."""
    pixels = trunk.denses[0].part.weight.shape[1]
    side = math.isqrt(pixels)
    if side * side != pixels or not 8 <= side <= 64:
        raise NoFit(f"'{trunk.denses[0].part.name}' takes {pixels:,} values: no square of 8 to 64 pixels")
    return side


def _fitting(
    trunk: Trunk, settings: Mapping[str, Mapping[str, Any]], window: Window, strided: bool
) -> Iterator[Geometry]:
    alike = len(trunk.convs) > MOST_FREE
    for side in SIDES:
        for places, size in _ways(trunk.convs, side, settings, window, strided):
            if alike and len({place.padding > 0 for place in places}) > 1:
                continue
            for mean in _ends(trunk, size):
                yield Geometry(side, places, window, mean)


def _ways(
    convs: Sequence[Stage], size: int, settings: Mapping[str, Mapping[str, Any]], window: Window, strided: bool
) -> Iterator[tuple[tuple[Place, ...], int]]:
    """Places for the convolutions, and the side that is left behind the last one."""
    if not convs:
        yield (), size
        return
    for place in _places(convs[0], settings.get(convs[0].part.name, {}), strided):
        left = _left(size, convs[0].part.weight.shape[2], place, window)
        if left >= 1:
            for places, end in _ways(convs[1:], left, settings, window, strided):
                yield (place, *places), end


def _places(stage: Stage, known: Mapping[str, Any], strided: bool) -> Iterator[Place]:
    kernel = stage.part.weight.shape[2]
    paddings = _known(known, "padding") or ((0, kernel // 2) if kernel > 1 else (0,))
    strides = _known(known, "stride") or ((1, 2) if strided else (1,))
    for padding, stride, pooled in itertools.product(dict.fromkeys(paddings), strides, (True, False)):
        yield Place(padding, stride, pooled)


def _known(settings: Mapping[str, Any], name: str) -> tuple[int, ...]:
    """What a file says of a convolution, where it is the same for both sides."""
    value = settings.get(name)
    values = tuple(value) if isinstance(value, tuple | list) else (value,)
    return values[:1] if len(set(values)) == 1 and isinstance(values[0], int) else ()


def _left(size: int, kernel: int, place: Place, window: Window) -> int:
    """The side behind a convolution and its pool; below 1 where it does not fit."""
    rest = size + 2 * place.padding - kernel
    left = rest // place.stride + 1 if rest >= 0 else 0
    if not place.pooled:
        return left
    return (left - window[0]) // window[1] + 1 if left >= window[0] else 0


def _ends(trunk: Trunk, size: int) -> Iterator[bool]:
    """Whether a mean is taken: each way to end in what the first dense layer takes, or in one value a class."""
    channels = trunk.convs[-1].part.outputs
    wanted = trunk.denses[0].part.weight.shape[1] if trunk.denses else channels
    if channels * size * size == wanted:
        yield False
    if channels == wanted and size > 1:
        yield True


def _strangeness(geometry: Geometry, trunk: Trunk) -> float:
    """How far it is from what most people write; 0 is the usual."""
    places = geometry.places
    padded = [place.padding > 0 for place in places]
    mixed = 0.0 if len(set(padded)) == 1 else 1.0 if not any(padded[1:]) else 3.0
    against = sum(_is_against(stage, place) for stage, place in zip(trunk.convs, places, strict=True))
    unpooled = 0.5 * (not all(place.pooled for place in places))
    strided = sum(place.stride > 1 for place in places)
    return mixed + 3 * against + unpooled + 2 * strided + 1.5 * (geometry.side != SIDES[0]) + 2 * geometry.mean


def _is_against(stage: Stage, place: Place) -> bool:
    """Whether the numbers that are missing between names say otherwise: an activation leaves one, a pool another."""
    if stage.gap is None:
        return False
    return place.pooled != (stage.gap >= (1 if stage.slopes else 2))
