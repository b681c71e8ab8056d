"""What stands around somebody else's graph, so that it takes and gives what our contract says.

    image, uint8 [batch, 28, 28] ──input's reading──> what the graph takes ──> its scores ──> logits, probabilities

In front stands what `runtime.readings.present` does to digits, in the same order and with the same rounding; behind, a
cast, the labels' order, and a softmax. The graph itself is copied as it is.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto

from edgedigits.export.onnx.graph import NETWORK, Graph, prune, tensor
from edgedigits.records.foreign import ForeignNetwork
from edgedigits.records.network import IMAGE_SHAPE, Input
from edgedigits.runtime.readings import SIDE, bilinear

BATCH, LIGHT = "batch", 255
LEAST = float(np.finfo(np.float32).tiny)  # of a probability, or its logarithm would be endless
LEAST_DEVIATION = 1e-6
FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16)


def wrapped(model: onnx.ModelProto, network: ForeignNetwork, classes: int) -> onnx.ModelProto:
    """A model whose one input takes any batch in the network's reading, behind our input and before our outputs.

    classes   scores that come out of it for an image
    """
    given = model.graph.input[0]
    graph = Graph()
    shown = _cast(graph, _presented(graph, network.input), given.type.tensor_type.elem_type)
    graph.include(model, NETWORK, **{given.name: shown})
    _answered(graph, f"{NETWORK}{network.scores}", network, classes)
    labels = len(network.columns)
    outputs = [tensor(name, BATCH, labels, kind=TensorProto.FLOAT) for name in ("logits", "probabilities")]
    made = graph.model([tensor("image", BATCH, *IMAGE_SHAPE)], outputs)
    prune(made.graph)  # what the graph's other outputs need alone
    return made


def _presented(graph: Graph, seen: Input) -> str:
    """Images as the graph takes them: `readings.present`."""
    image = graph.Transpose("image", perm=[0, 2, 1]) if seen.turned else "image"
    x = graph.Cast(image, to=TensorProto.FLOAT)  # (B, 28, 28)
    if seen.threshold is not None:
        x = graph.Mul(graph.Cast(graph.Greater(x, seen.threshold), to=TensorProto.FLOAT), LIGHT)
    if seen.ink == "dark":
        x = graph.Sub(LIGHT, x)
    if seen.fit == "pad":
        x = _padded(graph, x, seen.side, LIGHT if seen.ink == "dark" else 0)
    if seen.fit == "resize":
        rows = bilinear(seen.side).astype(np.float32)  # (side, 28)
        x = graph.Round(graph.MatMul(rows, x))
        x = graph.Round(graph.MatMul(x, np.ascontiguousarray(rows.T)))
    x = _normalized(graph, x, seen)
    x = _padded(graph, x, seen.side, 0) if seen.fit == "pad-last" else x
    return _laid_out(graph, x, seen)


def _normalized(graph: Graph, x: str, seen: Input) -> str:
    """Pixels in their range, less the mean, over the deviation: `[batch, side, side]`."""
    low, high = seen.range
    scale, offset = (high - low) / (255 * seen.std), (low - seen.mean) / seen.std
    if seen.own:
        scale, offset = (high - low) / 255, low
    x = graph.Mul(x, scale) if scale != 1 else x
    x = graph.Add(x, offset) if offset else x
    if not seen.own:
        return x
    apart = graph.Sub(x, graph.ReduceMean(x, axes=[1, 2]))
    deviation = graph.Sqrt(graph.ReduceMean(graph.Mul(apart, apart), axes=[1, 2]))
    return graph.Div(apart, graph.Max(deviation, LEAST_DEVIATION))


def _padded(graph: Graph, x: str, side: int, ground: float) -> str:
    before = (side - SIDE) // 2
    after = side - SIDE - before
    return graph.Pad(x, np.array([0, before, before, 0, after, after]), float(ground))


def _laid_out(graph: Graph, x: str, seen: Input) -> str:
    """Images `[batch, side, side]` in a layout."""
    if seen.layout == "nhw":
        return x
    if seen.layout == "rgb":
        x = graph.Unsqueeze(x, np.array([1]))
        return graph.Concat(x, x, x, axis=1)
    axes: dict[str, list[int]] = {"nchw": [1], "nhwc": [3]}
    if seen.layout in axes:
        return graph.Unsqueeze(x, np.array(axes[seen.layout]))
    return graph.Reshape(x, np.array([-1, seen.side**2]))


def _cast(graph: Graph, x: str, kind: int) -> str:
    """What the graph takes: floats, or the nearest whole numbers of pixels."""
    if kind == TensorProto.FLOAT:
        return x
    return graph.Cast(x if kind in FLOATS else graph.Clip(graph.Round(x), 0.0, float(LIGHT)), to=kind)


def _answered(graph: Graph, scores: str, network: ForeignNetwork, classes: int) -> None:
    """Scores as float32 in the order of the labels: logits, or the logarithms of probabilities, which are such too."""
    x = scores
    if network.columns != tuple(range(classes)):
        x = graph.Gather(x, _whole(network.columns), axis=1)
    if network.output == "probabilities":
        x = graph.Log(graph.Max(graph.Cast(x, to=TensorProto.FLOAT), LEAST))
    graph.Cast(x, to=TensorProto.FLOAT, output="logits")  # no Identity: some runtimes have none
    graph.Softmax("logits", axis=1, output="probabilities")


def _whole(values: Any) -> npt.NDArray[np.int64]:
    return np.array(values, np.int64)
