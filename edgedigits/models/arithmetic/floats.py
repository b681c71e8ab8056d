"""A Folded, asked in floats: what its steps give of images, from which scales are calibrated.

As a plan, one line of JSON a step, and its weights it stands in C files in float.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from edgedigits.errors import RecordError
from edgedigits.models.arithmetic import steps
from edgedigits.models.arithmetic.folding import NO_CLIP, Folded
from edgedigits.models.arithmetic.steps import KINDS, NAMES, Step, Tensor, Values
from edgedigits.records.arrays import Images
from edgedigits.records.network import Input

BATCH = 50  # images whose values are in memory at a time


def evaluated(folded: Folded, images: Images) -> Values:
    """The scores `[n, classes]` of images uint8 `[n, 28, 28]`."""
    found = [values[-1].reshape(len(values[-1]), -1) for values in each_batch(folded, images)]
    return np.concatenate(found)


def each_batch(folded: Folded, images: Images) -> Iterator[list[Values]]:
    """Of each batch of images, what the network sees and what each step gives."""
    for start in range(0, len(images), BATCH):
        pixels = images[start : start + BATCH, :, :, None].astype(np.float64)
        values = [pixels * folded.scale + folded.offset]
        for number, step in enumerate(folded.steps):
            values.append(np.clip(_given(folded, step, [values[read] for read in step.reads]), *folded.clips[number]))
        yield values


def _given(folded: Folded, step: steps.Step, inputs: list[Values]) -> Values:
    """What a step gives, before it is cut off."""
    match step:
        case steps.Convolve():
            return step.sums(inputs[0].reshape(-1, *step.seen), *_weights(folded, step))
        case steps.Dense():
            return step.sums(inputs[0], *_weights(folded, step))
        case steps.MaxPool():
            return step.largest(inputs[0].reshape(-1, *step.seen))
        case steps.Average():
            return step.sums(inputs[0].reshape(-1, *step.seen)) / step.whole
        case steps.Lookup():
            return step.apply(inputs[0].reshape(-1, *step.plane))
        case steps.Add():
            return step.sums([each.reshape(-1, *step.plane) for each in inputs], [1.0] * len(inputs))
        case steps.Multiply():
            return step.sums(*inputs)
        case steps.Concat():
            places = step.plane[:2]
            shaped = [each.reshape(-1, *places, count) for each, count in zip(inputs, step.channels, strict=True)]
            return np.concatenate(shaped, axis=3)
        case steps.Pad():
            return step.placed(inputs[0].reshape(-1, *step.seen), 0.0)
    raise TypeError(f"{type(step).__name__} is no kind of step")


def _weights(folded: Folded, step: steps.Step) -> tuple[Tensor, Tensor]:
    """Weights and bias of a step."""
    return folded.weights[f"{step.name}.weight"], folded.weights[f"{step.name}.bias"]


def plan_of(folded: Folded) -> str:
    """Its steps as JSON, one a line; with the weights, it is the network."""
    lines = []
    for step, clip in zip(folded.steps, folded.clips, strict=True):
        data = {"kind": NAMES[type(step)]} | step.to_dict()
        ends = [None if np.isinf(end) else end for end in clip]
        lines.append(json.dumps(data if clip == NO_CLIP else data | {"clip": ends}, separators=(", ", ": ")))
    head = f'{{"scale": {folded.scale!r}, "offset": {folded.offset!r}, "steps": [\n'
    return head + ",\n".join(lines) + "\n]}"


def of_plan(plan: str, weights: Mapping[str, Tensor]) -> Folded:
    """The Folded of a plan and its weights, in their shapes or flat. Raises RecordError."""
    try:
        data = json.loads(plan)
        found = [_step(each) for each in data["steps"]]
        scale, offset = float(data["scale"]), float(data["offset"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise RecordError(f"no network in floats ({error})") from error
    shapes = {f"{step.name}.weight": step.weights_shape for step, _ in found if steps.weighs(step)}  # type: ignore[attr-defined]
    shaped = {name: each.reshape(shapes.get(name, (-1,))) for name, each in weights.items()}
    return Folded(Input(), scale, offset, tuple(each for each, _ in found), shaped, tuple(clip for _, clip in found))


def _step(data: Mapping[str, Any]) -> tuple[Step, tuple[float, float]]:
    """A step of a plan, and what its values are cut off at."""
    rest = dict(data)
    low, high = rest.pop("clip", (None, None))
    kind = KINDS[rest.pop("kind")]
    return kind.from_dict(rest), (-np.inf if low is None else float(low), np.inf if high is None else float(high))
