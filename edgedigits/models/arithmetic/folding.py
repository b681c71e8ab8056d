"""A network and its weights become a list of steps: `fold(network, tensors)` gives a Folded.

Batch norm goes into the weights before it, activations that cut off become clips, and pooling goes into the convolution
before it, wherever nothing else reads what lies between. What only moves values, like flatten, becomes the order of the
weights that follow. Raises UsageError, by the layer's name, where a layer has no such form.
"""

import dataclasses
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from edgedigits.errors import UsageError
from edgedigits.models.arithmetic import steps
from edgedigits.models.arithmetic.steps import Plane, Step, Tensor
from edgedigits.records.network import INPUT, Input, Layer, Network, refused
from edgedigits.system.plugins import resolved

Places = npt.NDArray[np.int64]
NO_CLIP = (-math.inf, math.inf)
LARGEST = float(np.finfo(np.float32).max)  # a step is written as JSON, which has no infinite numbers


@dataclass(frozen=True)
class Folded:
    """A network as steps, in the order in which they run; the last gives the scores.

    seen      how an image becomes what the first step reads
    scale, offset   what its pixels are multiplied by, and what is added then
    weights   by "<step>.weight" and "<step>.bias", float64
    clips     of each step by its number, what its values are cut off at
    trained   what training in few bits kept of a step, by its name
    ends      of each step by its number, the last layer that is part of it
    """

    seen: Input
    scale: float
    offset: float
    steps: tuple[Step, ...]
    weights: Mapping[str, Tensor]
    clips: tuple[tuple[float, float], ...]
    trained: Mapping[str, "Trained"] = field(default_factory=dict)
    ends: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trained:
    """What training in few bits kept of a step.

    range    the smallest and the largest of its values
    scales   `[channels]`: what one step of its weights is; None where it has none
    """

    range: tuple[float, float]
    scales: Tensor | None = None


@dataclass(frozen=True)
class Value:
    """What a layer gives, and where that lies.

    number   of the step that gives it, from 1; 0 is the image
    places   `[of one image, as the layer shapes it]`: where each of its values lies in the step's array
    """

    number: int
    places: Places

    @property
    def size(self) -> int:
        """How many values lie there."""
        return int(self.places.max()) + 1


@dataclass
class Draft:
    """A step that may still change: what the next layer does may become part of it; `end` is the last that did."""

    step: Step
    end: str
    weight: Tensor | None = None
    bias: Tensor | None = None
    clip: tuple[float, float] = NO_CLIP
    shared: bool = False
    trained: Trained | None = None


@dataclass
class Folding:
    """The steps so far, and the tensors of the state dict."""

    network: Network
    tensors: Mapping[str, Tensor]
    drafts: list[Draft] = field(default_factory=list)

    def tensor(self, layer: Layer, name: str) -> Tensor | None:
        """A tensor of a layer, as float64; None where it has no such one."""
        found = self.tensors.get(f"{layer.tied or layer.name}.{name}")
        return None if found is None else np.asarray(found, np.float64)

    def open(self, value: Value) -> Draft | None:
        """The step that gives a value, if it may still change."""
        draft = self.drafts[value.number - 1] if value.number else None
        return None if draft is None or draft.shared else draft

    def plane(self, layer: Layer, value: Value) -> Plane:
        """Height, width and channels of a value that lies as steps take it."""
        shape = value.places.shape
        height, width, channels = (*shape[1:], shape[0]) if len(shape) == 3 else (1, 1, math.prod(shape))
        wanted = np.arange(height * width * channels).reshape(height, width, channels)
        if not np.array_equal(value.places, wanted.transpose(2, 0, 1) if len(shape) == 3 else wanted.reshape(shape)):
            raise refused(layer.name, f"{layer.op} of values in another order has no form without a runtime")
        return height, width, channels

    def add(self, step: Step, shape: tuple[int, ...] | None = None, **changes: Any) -> Value:
        """One step more; what it gives lies in order, as `shape` (by default channels first)."""
        self.drafts.append(Draft(step, step.name, **changes))
        height, width, channels = step.plane
        places = np.arange(step.size).reshape(height, width, channels).transpose(2, 0, 1)
        return Value(len(self.drafts), places if shape is None else np.arange(step.size).reshape(shape))


def fold(network: Network, tensors: Mapping[str, Any]) -> Folded:
    """The steps of a network with the tensors of its state dict, as numpy arrays. Raises UsageError."""
    folding = Folding(network, tensors)
    readers = Counter(name for _, inputs in network.steps() for name in inputs)
    values = {INPUT: _image(network.input)}
    for layer, inputs in network.steps():
        values[layer.name] = _form(layer)(folding, layer, tuple(values[name] for name in inputs))
        if (kept := folding.tensor(layer, "range")) is not None:
            folding.drafts[-1].trained = Trained((float(kept[0]), float(kept[1])), folding.tensor(layer, "scale"))
        if readers[layer.name] > 1 and values[layer.name].number:
            folding.drafts[values[layer.name].number - 1].shared = True
    if not folding.drafts or values[layer.name].number != len(folding.drafts):
        raise refused(layer.name, "gives no scores of its own")
    return _folded(folding)


def _form(layer: Layer) -> Any:
    try:
        return resolved(layer.row.arithmetic_form)
    except AttributeError as error:
        raise refused(layer.name, f"{layer.op} has no form without a runtime") from error


def _image(seen: Input) -> Value:
    """Where an image's pixels lie. Raises UsageError where they are not simply scaled."""
    for name, default in {"turned": False, "own": False, "fit": None, "threshold": None, "ink": "light"}.items():
        if (found := getattr(seen, name)) != default:
            raise UsageError(f"the input: {name} {found!r} has no form without a runtime")
    pixels = np.arange(seen.side**2)
    return Value(0, np.resize(pixels, math.prod(seen.shape)).reshape(seen.shape))


def _folded(folding: Folding) -> Folded:
    seen = folding.network.input
    low, high = seen.range
    weights = {}
    for draft in folding.drafts:
        if draft.weight is not None and draft.bias is not None:
            weights[f"{draft.step.name}.weight"], weights[f"{draft.step.name}.bias"] = draft.weight, draft.bias
    return Folded(
        seen=seen,
        scale=(high - low) / (255 * seen.std),
        offset=(low - seen.mean) / seen.std,
        steps=tuple(draft.step for draft in folding.drafts),
        weights=weights,
        clips=tuple(draft.clip for draft in folding.drafts),
        trained={draft.step.name: draft.trained for draft in folding.drafts if draft.trained},
        ends=tuple(draft.end for draft in folding.drafts),
    )


def scaled(folding: Folding, layer: Layer, value: Value, factor: Tensor, term: Tensor) -> Value:
    """Each channel times a factor and plus a term: by the step before where that has weights, else one of its own."""
    vector = value.places.ndim == 1
    plane: Plane = (1, 1, value.size) if vector else folding.plane(layer, value)
    if vector:
        factor, term = _laid(factor, value.places), _laid(term, value.places)
    draft = folding.open(value)
    if draft and draft.weight is not None and draft.bias is not None and _commutes(draft, factor):
        draft.weight, draft.bias = draft.weight * factor, draft.bias * factor + term
        draft.end = layer.name
        if draft.trained and draft.trained.scales is not None:
            draft.trained = dataclasses.replace(draft.trained, scales=draft.trained.scales * np.abs(factor))
        return value
    step = steps.Convolve(layer.name, (value.number,), plane, seen=plane, kernel=(1, 1), groups=plane[2])
    added = folding.add(step, weight=factor.reshape(1, 1, 1, -1), bias=term)
    return dataclasses.replace(added, places=value.places)


def _laid(each: Tensor, places: Places) -> Tensor:
    """Numbers of a vector's values, as these lie."""
    found = np.empty_like(each)
    found[places] = each
    return found


def _commutes(draft: Draft, factor: Tensor) -> bool:
    """Whether a step's channels may be scaled before they are cut off or pooled."""
    pooled = isinstance(draft.step, steps.Convolve) and bool(draft.step.pool)
    return len(factor) == draft.step.plane[2] and draft.clip == NO_CLIP and (not pooled or bool((factor > 0).all()))


def clipped(folding: Folding, layer: Layer, value: Value, low: float, high: float) -> Value:
    """A value cut off: by the step that gives it, or one of its own."""
    draft = folding.open(value)
    if draft and not isinstance(draft.step, steps.Lookup | steps.MaxPool | steps.Concat | steps.Pad):
        before = draft.clip
        draft.clip = (min(max(before[0], low), high), max(min(before[1], high), low))
        draft.end = layer.name
        return value
    return looked_up(folding, layer, value, "clip", max(low, -LARGEST), min(high, LARGEST))


def looked_up(folding: Folding, layer: Layer, value: Value, function: str, *parameters: float) -> Value:
    """A function of each value."""
    plane = laid_out(folding, value)
    step = steps.Lookup(layer.name, (value.number,), plane, function=function, parameters=parameters)
    return dataclasses.replace(folding.add(step), places=value.places)


def laid_out(folding: Folding, value: Value) -> Plane:
    """How a value lies, whatever its layer shapes it to."""
    return folding.drafts[value.number - 1].step.plane if value.number else (1, 1, value.size)
