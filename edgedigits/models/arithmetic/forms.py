"""Each op as steps: the function of its name, from a layer and the values that it reads to the value that it gives.

Named by the rows of `records/ops.py`. What has no function here has no form without a runtime, and says so.
"""

import dataclasses
import math

import numpy as np

from edgedigits.models.arithmetic import steps
from edgedigits.models.arithmetic.folding import Folding, Value, clipped, laid_out, looked_up, scaled
from edgedigits.models.arithmetic.steps import Pair, Plane
from edgedigits.records.network import Layer, refused
from edgedigits.records.ops import as_pair

Inputs = tuple[Value, ...]


def dense(folding: Folding, layer: Layer, inputs: Inputs) -> Value:
    """A product with a matrix, its rows in the order in which the values lie."""
    (value,) = inputs
    weight, bias = folding.tensor(layer, "weight"), folding.tensor(layer, "bias")
    assert weight is not None, "a dense layer has weights"
    if value.places.ndim != 1:
        raise refused(layer.name, f"dense over {value.places.ndim} axes has no form without a runtime")
    rows = np.zeros((value.size, len(weight)))
    np.add.at(rows, value.places, weight.T)
    step = steps.Dense(layer.name, (value.number,), (1, 1, len(weight)), seen=value.size, bits=layer.values["bits"])
    added = np.zeros(len(weight)) if bias is None else bias
    return folding.add(step, (len(weight),), weight=rows, bias=added)


def conv(folding: Folding, layer: Layer, inputs: Inputs) -> Value:
    """A convolution, its weights with the channels last."""
    (value,) = inputs
    values = layer.values
    weight, bias = folding.tensor(layer, "weight"), folding.tensor(layer, "bias")
    assert weight is not None, "a convolution has weights"
    if value.number == 0 and values["groups"] == 1 and value.size * len(value.places) == value.places.size:
        weight, value = weight.sum(axis=1, keepdims=True), Value(0, value.places[:1])  # the same in each channel
    channels, height, width = folding.network.shapes[layer.name]
    step = steps.Convolve(
        layer.name,
        (value.number,),
        (height, width, channels),
        seen=folding.plane(layer, value),
        kernel=as_pair(values["kernel"]),
        stride=as_pair(values["stride"]),
        padding=as_pair(values["padding"]),
        dilation=as_pair(values["dilation"]),
        groups=values["groups"],
        bits=values["bits"],
    )
    added = np.zeros(channels) if bias is None else bias
    return folding.add(step, weight=weight.transpose(2, 3, 1, 0), bias=added)


def batch_norm(folding: Folding, layer: Layer, inputs: Inputs) -> Value:
    """A factor and a term a channel, as they were measured in training."""
    mean, variance = folding.tensor(layer, "running_mean"), folding.tensor(layer, "running_var")
    assert mean is not None, "batch norm has measured"
    assert variance is not None, "batch norm has measured"
    weight, bias = folding.tensor(layer, "weight"), folding.tensor(layer, "bias")
    factor = 1 / np.sqrt(variance + layer.values["eps"]) * (1 if weight is None else weight)
    return scaled(folding, layer, inputs[0], factor, (0 if bias is None else bias) - mean * factor)


def affine(folding: Folding, layer: Layer, inputs: Inputs) -> Value:
    """A factor and a term, each a number or one a channel."""
    channels = inputs[0].places.shape[0]
    factor, term = (np.broadcast_to(np.float64(layer.values[name]), channels) for name in ("factor", "term"))
    return scaled(folding, layer, inputs[0], factor, term)


def relu(folding: Folding, layer: Layer, inputs: Inputs) -> Value:
    """Cut off below 0."""
    return clipped(folding, layer, inputs[0], 0.0, math.inf)


def relu6(folding: Folding, layer: Layer, inputs: Inputs) -> Value:
    """Cut off below 0 and above 6."""
    return clipped(folding, layer, inputs[0], 0.0, 6.0)


def leaky_relu(folding: Folding, layer: Layer, inputs: Inputs) -> Value:
    """A table."""
    return looked_up(folding, layer, inputs[0], "leaky", layer.values["slope"])


def prelu(folding: Folding, layer: Layer, inputs: Inputs) -> Value:
    """A table, or one a channel."""
    slopes = folding.tensor(layer, "weight")
    assert slopes is not None, "prelu has slopes"
    value = looked_up(folding, layer, inputs[0], "leaky", *map(float, slopes))
    draft = folding.drafts[-1]
    if len(slopes) > 1:
        folding.plane(layer, inputs[0])
        assert isinstance(draft.step, steps.Lookup)
        draft.step = dataclasses.replace(draft.step, channels=True)
    return value


def elu(folding: Folding, layer: Layer, inputs: Inputs) -> Value:
    """A table."""
    return looked_up(folding, layer, inputs[0], "elu", layer.values["alpha"])


def gelu(folding: Folding, layer: Layer, inputs: Inputs) -> Value:
    """A table."""
    function = "gelu-tanh" if layer.values["approximate"] == "tanh" else "gelu"
    return looked_up(folding, layer, inputs[0], function)


def silu(folding: Folding, layer: Layer, inputs: Inputs) -> Value:
    """A table."""
    return looked_up(folding, layer, inputs[0], "silu")


def hardswish(folding: Folding, layer: Layer, inputs: Inputs) -> Value:
    """A table."""
    return looked_up(folding, layer, inputs[0], "hardswish")


def hardsigmoid(folding: Folding, layer: Layer, inputs: Inputs) -> Value:
    """A table."""
    return looked_up(folding, layer, inputs[0], "hardsigmoid")


def sigmoid(folding: Folding, layer: Layer, inputs: Inputs) -> Value:
    """A table."""
    return looked_up(folding, layer, inputs[0], "sigmoid")


def tanh(folding: Folding, layer: Layer, inputs: Inputs) -> Value:
    """A table."""
    return looked_up(folding, layer, inputs[0], "tanh")


def max_pool(folding: Folding, layer: Layer, inputs: Inputs) -> Value:
    """The largest sum of a convolution, where that is next to it, or the largest value."""
    (value,) = inputs
    values, (channels, height, width) = layer.values, folding.network.shapes[layer.name]
    kernel, stride, padding, dilation = _window(layer)
    draft, plane = folding.open(value), (height, width, channels)
    if draft and _pools(draft.step, kernel, stride, padding) and not values["ceil"]:
        assert isinstance(draft.step, steps.Convolve)
        draft.step, draft.end = dataclasses.replace(draft.step, plane=plane, pool=kernel), layer.name
        places = np.arange(draft.step.size).reshape(height, width, channels).transpose(2, 0, 1)
        return Value(value.number, places)
    seen = folding.plane(layer, value)
    step = steps.MaxPool(layer.name, (value.number,), plane, seen, kernel, stride, padding, dilation)
    return folding.add(step)


def _window(layer: Layer) -> list[Pair]:
    """Kernel, stride, padding and dilation of a layer that pools."""
    values = layer.values
    stride = values["stride"] or values["kernel"]
    return [as_pair(each) for each in (values["kernel"], stride, values["padding"], values.get("dilation", 1))]


def _pools(step: steps.Step, kernel: Pair, stride: Pair, padding: Pair) -> bool:
    """Whether a convolution's sums can be pooled before they are anything else."""
    return isinstance(step, steps.Convolve) and not step.pool and kernel == stride and padding == (0, 0)


def avg_pool(folding: Folding, layer: Layer, inputs: Inputs) -> Value:
    """The mean of each window."""
    values = layer.values
    _, *image = folding.network.shapes[layer.name]
    seen = folding.plane(layer, inputs[0])
    kernel, stride, padding, _ = _window(layer)
    edges = [
        _edges(size, places, k, s, p)
        for size, places, k, s, p in zip(seen, image, kernel, stride, padding, strict=False)
    ]
    divisor = math.prod(kernel) if values["count_padding"] else None
    if values["count_padding"] and values["ceil"]:
        raise refused(layer.name, "avg_pool with ceil, which counts padding, has no form without a runtime")
    return _averaged(folding, layer, inputs[0], seen, edges, divisor)


def _edges(size: int, places: int, kernel: int, stride: int, padding: int) -> tuple[int, ...]:
    """Where windows begin and end, in pairs, without what lies outside."""
    starts = [place * stride - padding for place in range(places)]
    return tuple(edge for start in starts for edge in (max(start, 0), min(start + kernel, size)))


def adaptive_avg_pool(folding: Folding, layer: Layer, inputs: Inputs) -> Value:
    """Means of windows that are as large as gives the size."""
    seen = folding.plane(layer, inputs[0])
    edges = [
        tuple(edge for i in range(count) for edge in (i * size // count, -(-(i + 1) * size // count)))
        for size, count in zip(seen[:2], as_pair(layer.values["size"]), strict=True)
    ]
    return _averaged(folding, layer, inputs[0], seen, edges)


def mean(folding: Folding, layer: Layer, inputs: Inputs) -> Value:
    """The mean of each channel."""
    if sorted(layer.values["axes"]) != [2, 3] or inputs[0].places.ndim != 3:
        raise refused(layer.name, f"mean over axes {list(layer.values['axes'])} has no form without a runtime")
    seen = folding.plane(layer, inputs[0])
    value = _averaged(folding, layer, inputs[0], seen, [(0, seen[0]), (0, seen[1])])
    return value if layer.values["keep"] else Value(value.number, np.arange(seen[2]))


def _averaged(
    folding: Folding,
    layer: Layer,
    value: Value,
    seen: Plane,
    edges: list[tuple[int, ...]],
    divisor: int | None = None,
) -> Value:
    rows, columns = edges
    plane = (len(rows) // 2, len(columns) // 2, seen[2])
    return folding.add(steps.Average(layer.name, (value.number,), plane, seen, rows, columns, divisor))


def flatten(folding: Folding, layer: Layer, inputs: Inputs) -> Value:
    """The same values: what reads them knows where they lie."""
    places = inputs[0].places.reshape(folding.network.shapes[layer.name])
    return dataclasses.replace(inputs[0], places=places)


reshape = flatten


def dropout(_: Folding, __: Layer, inputs: Inputs) -> Value:
    """Nothing, once a network is trained."""
    return inputs[0]


def softmax(folding: Folding, layer: Layer, inputs: Inputs) -> Value:
    """Nothing at the end, where it leaves the order of the scores as it is."""
    if layer.name != folding.network.layers[-1].name:
        raise refused(layer.name, f"{layer.op} before the end has no form without a runtime")
    return inputs[0]


log_softmax = softmax


def pad(folding: Folding, layer: Layer, inputs: Inputs) -> Value:
    """Zeros around each channel."""
    values = layer.values
    if values["mode"] != "constant" or values["value"] != 0:
        raise refused(layer.name, f"{values['mode']} padding with other values than 0 has no form without a runtime")
    channels, height, width = folding.network.shapes[layer.name]
    left, _, top, _ = values["padding"]
    seen = folding.plane(layer, inputs[0])
    return folding.add(steps.Pad(layer.name, (inputs[0].number,), (height, width, channels), seen, (top, left)))


def add(folding: Folding, layer: Layer, inputs: Inputs) -> Value:
    """The sum of values of one shape."""
    first = inputs[0]
    if not all(np.array_equal(first.places, other.places) for other in inputs):
        raise refused(layer.name, "add of values of several shapes has no form without a runtime")
    step = steps.Add(layer.name, tuple(value.number for value in inputs), laid_out(folding, first))
    return dataclasses.replace(folding.add(step), places=first.places)


def multiply(folding: Folding, layer: Layer, inputs: Inputs) -> Value:
    """The product of two values of one shape, or of values and their channels' gates."""
    if len(inputs) != 2:
        raise refused(layer.name, "multiply of more than two values has no form without a runtime")
    first, second = sorted(inputs, key=lambda value: -value.places.size)
    same = np.array_equal(first.places, second.places)
    gate = second.places.shape == (*first.places.shape[:1], 1, 1) and not same
    if not (same or gate):
        raise refused(layer.name, "multiply of values of such shapes has no form without a runtime")
    plane = folding.plane(layer, first) if gate else laid_out(folding, first)
    step = steps.Multiply(layer.name, (first.number, second.number), plane, gate)
    return dataclasses.replace(folding.add(step), places=first.places)


def concat(folding: Folding, layer: Layer, inputs: Inputs) -> Value:
    """Channels of several values, side by side."""
    if layer.values["axis"] != 1:
        raise refused(layer.name, "concat along another axis than the channels has no form without a runtime")
    planes = [folding.plane(layer, value) for value in inputs]
    channels = tuple(plane[2] for plane in planes)
    plane = (*planes[0][:2], sum(channels))
    step = steps.Concat(layer.name, tuple(value.number for value in inputs), plane, channels)
    shape = (plane[2],) if inputs[0].places.ndim == 1 else None
    return folding.add(step, shape)
