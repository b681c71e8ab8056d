"""A Folded, asked in floats: what its steps give of images, from which scales are calibrated."""

from collections.abc import Iterator

import numpy as np

from edgedigits.models.arithmetic import steps
from edgedigits.models.arithmetic.folding import Folded
from edgedigits.models.arithmetic.steps import Tensor, Values
from edgedigits.records.arrays import Images

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
