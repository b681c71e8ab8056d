"""How an image may shrink on its way through convolutions, so that the first dense layer gets what it takes.

The tensors say kernels and channels. Padding, strides, pools and the side of the image are tried in all likely ways;
what ends in the size that the dense layer wants is a Geometry, the usual ones first. Sizes leave some ways alike: a
stride halves an image as a pool does, and a global mean ends in one value a channel whatever came before. So each kind
of way has its own places among those that are kept, and none crowds another out; digits tell which is right.
"""

import itertools
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from edgedigits.adopt.parts import NoFit, Stage, Trunk

SIDES = (28, 32)  # of digits as they are, and as LeNet-5 was made for
WINDOW = (2, 2)  # kernel and stride of the usual pool
WINDOWS = ((3, 3), (3, 2), (4, 4), (2, 1))  # of others, where that one fits nowhere
MOST = 16  # geometries that are kept of each kind
MOST_FREE = 6  # convolutions whose paddings are tried one by one; of more, all are padded alike
MOST_STRIDED = 4  # convolutions whose strides are tried one by one

Window = tuple[int, int]
Shrinking = tuple[bool, ...]  # behind which convolutions an image is smaller, by a pool or a stride
Settings = Mapping[str, Mapping[str, Any]]  # of convolutions, by name, where the file says them


@dataclass(frozen=True)
class Place:
    """What is not in the tensors of a convolution: its padding and stride, and whether a pool stands behind it."""

    padding: int
    stride: int = 1
    pooled: bool = False

    @property
    def shrinks(self) -> bool:
        """Whether an image is smaller behind it."""
        return self.pooled or self.stride > 1


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


def geometries(trunk: Trunk, settings: Settings, windows: Sequence[Window]) -> list[Geometry]:
    """The ways that fit, the usual ones first. Raises NoFit where none does.

    settings   of the convolutions that the file describes, by name
    windows    kernels and strides of pools, where the file says them
    """
    if not trunk.convs:
        return [Geometry(_square(trunk))]
    kinds = (_flattened(trunk, settings, windows), _averaged(trunk, settings, windows), _strided(trunk, settings))
    kept = [one for found in kinds for one in _usual(found, trunk)[:MOST]]
    if not kept:
        raise NoFit("no padding, strides and pools were found that lead from 28x28 or 32x32 to what its layers take")
    return _usual(kept, trunk)


@dataclass(frozen=True)
class _Choices:
    """What convolutions and pools may be.

    window    kernel and stride of the pools
    strided   whether convolutions may have strides
    padded    whether all convolutions are padded; None where each may be
    """

    settings: Settings
    window: Window = WINDOW
    strided: bool = False
    padded: bool | None = None

    def places(self, stage: Stage) -> Iterator[Place]:
        """Those that a convolution may have."""
        kernel, known = _kernel(stage), self.settings.get(stage.part.name, {})
        free = [kernel // 2 * padded for padded in (False, True) if self.padded in (None, padded)]
        paddings = _known(known, "padding") or dict.fromkeys(free)
        strides = _known(known, "stride") or ((1, 2) if self.strided else (1,))
        yield from (Place(*values) for values in itertools.product(paddings, strides, (True, False)))


def _flattened(trunk: Trunk, settings: Settings, windows: Sequence[Window]) -> list[Geometry]:
    """Those that end in all values of all channels, with the pools that fit: 2x2 where they do."""
    named = list(windows) or [WINDOW]
    others = [] if windows else WINDOWS
    rounds = itertools.chain(
        (_Choices(settings, window) for window in named),
        (_Choices(settings, window, strided=True) for window in named if len(trunk.convs) <= MOST_STRIDED),
        (_Choices(settings, window) for window in others),
    )
    return next(filter(None, (list(_fitting(trunk, choices)) for choices in rounds)), [])


def _averaged(trunk: Trunk, settings: Settings, windows: Sequence[Window]) -> list[Geometry]:
    """Those that end in the mean of each channel: where one value a channel is wanted, sizes say no more."""
    if not _ends(trunk, SIDES[0], mean=True):
        return []
    tried = (list(_fitting(trunk, _Choices(settings, window), mean=True)) for window in windows or [WINDOW])
    return next(filter(None, tried), [])


def _strided(trunk: Trunk, settings: Settings) -> Iterator[Geometry]:
    """Those with strides in the usual places instead of pools: they end in the same sizes."""
    likely = [set(_Choices(settings, strided=True).places(stage)) for stage in trunk.convs]
    for side, shrinking, padded in itertools.product(SIDES, _shrinkings(trunk), (False, True)):
        pairs = zip(trunk.convs, shrinking, strict=True)
        places = tuple(Place(_kernel(stage) // 2 * padded, 1 + shrinks) for stage, shrinks in pairs)
        if any(shrinking) and all(place in known for place, known in zip(places, likely, strict=True)):
            size = _size(trunk, side, places)
            yield from (Geometry(side, places, mean=mean) for mean in (False, True) if _ends(trunk, size, mean))


def _square(trunk: Trunk) -> int:
    """The side of the square that the first dense layer takes, row by row. Raises NoFit."""
    pixels = trunk.denses[0].part.weight.shape[1]
    side = math.isqrt(pixels)
    if side * side != pixels or not 8 <= side <= 64:
        raise NoFit(f"'{trunk.denses[0].part.name}' takes {pixels:,} values: no square of 8 to 64 pixels")
    return side


def _fitting(trunk: Trunk, choices: _Choices, mean: bool = False) -> Iterator[Geometry]:
    for side, padded in itertools.product(SIDES, (None,) if len(trunk.convs) <= MOST_FREE else (False, True)):
        for places, size in _ways(trunk.convs, side, replace(choices, padded=padded)):
            if _ends(trunk, size, mean):
                yield Geometry(side, places, choices.window, mean)


def _ways(convs: Sequence[Stage], size: int, choices: _Choices) -> Iterator[tuple[tuple[Place, ...], int]]:
    """Places for the convolutions, and the side that is left behind the last one."""
    if not convs:
        yield (), size
        return
    for place in choices.places(convs[0]):
        left = _left(size, _kernel(convs[0]), place, choices.window)
        if left >= 1:
            for places, end in _ways(convs[1:], left, choices):
                yield (place, *places), end


def _size(trunk: Trunk, side: int, places: Sequence[Place]) -> int:
    """The side that is left of an image; 0 where a convolution does not fit."""
    for stage, place in zip(trunk.convs, places, strict=True):
        side = _left(side, _kernel(stage), place, WINDOW) if side else 0
    return side


def _kernel(stage: Stage) -> int:
    return int(stage.part.weight.shape[2])


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


def _ends(trunk: Trunk, size: int, mean: bool) -> bool:
    """Whether that ends in what the first dense layer takes, or in one value a class: all values, or means of more."""
    channels = trunk.convs[-1].part.outputs
    wanted = trunk.denses[0].part.weight.shape[1] if trunk.denses else channels
    return (size > 1 and channels == wanted) if mean else channels * size * size == wanted


def _usual(found: Iterable[Geometry], trunk: Trunk) -> list[Geometry]:
    """The same, each once, those first that most people would write."""
    usual = _shrinkings(trunk)
    return sorted(dict.fromkeys(found), key=lambda one: _strangeness(one, trunk, usual))


def _shrinkings(trunk: Trunk) -> list[Shrinking]:
    """Where people make an image smaller: everywhere, nowhere, everywhere but at one end, at each second convolution,
    and where the channels become more, which a pool stands before and a stride at."""
    count, widths = len(trunk.convs), [stage.part.outputs for stage in trunk.convs]
    more = [after > before for before, after in itertools.pairwise(widths)]
    patterns = [
        *([True] * count, [False] * count),
        *([True] * (count - 1) + [False], [False] + [True] * (count - 1)),
        *([False, *more], [True, *more], [*more, True], [*more, False]),
        *([bool(place % 2) for place in range(count)], [not place % 2 for place in range(count)]),
    ]
    return list(dict.fromkeys(map(tuple, patterns)))


def _strangeness(geometry: Geometry, trunk: Trunk, usual: Collection[Shrinking]) -> float:
    """How far it is from what most people write; 0 is the usual."""
    places = geometry.places
    padded = [place.padding > 0 for stage, place in zip(trunk.convs, places, strict=True) if _kernel(stage) > 1]
    mixed = 0.0 if len(set(padded)) < 2 else 1.0 if not any(padded[1:]) else 3.0
    against = sum(_is_against(stage, place) for stage, place in zip(trunk.convs, places, strict=True))
    shrinking = tuple(place.shrinks for place in places)
    uneven = 0.0 if len(set(shrinking)) == 1 else 0.5 if shrinking in usual else 1.5
    strided = any(place.stride > 1 for place in places)
    both = strided and any(place.pooled for place in places)
    return mixed + 3 * against + uneven + strided + both + 1.5 * (geometry.side != SIDES[0])


def _is_against(stage: Stage, place: Place) -> bool:
    """Whether the numbers that are missing between names say otherwise: an activation leaves one, a pool another."""
    if stage.gap is None:
        return False
    return place.pooled != (stage.gap >= (1 if stage.slopes else 2))
