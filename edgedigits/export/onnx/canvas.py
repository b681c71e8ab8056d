"""ONNX for any canvas: the framing, then the network of the float or of the int8 ONNX file.

The input is a canvas uint8 `[height, width]` of any size from 8x8 to 2048x2048: a digit anywhere on it,
at any size, light on dark or dark on light. `seen` is the 28x28 image that the network was shown;
`logits` are those of the float file for it. `probabilities` are calibrated, so that one below the
contract's threshold means "no digit"; on a blank canvas all are equal.

What `verify` asks such a file are the test images pasted onto canvases. The network sees them scaled
back, not as they were, so some answers change: that costs at most half a point. What must be exact is
that the file answers as the torch model does for what it has `seen`.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto

from edgedigits.data.fitting import INVERTED
from edgedigits.data.framing import FRAME
from edgedigits.export.contracts import canvas_contract
from edgedigits.export.formats import Source
from edgedigits.export.onnx import fitting, framing, quantize_integer, quantize_weights
from edgedigits.export.onnx.convert import float_graph, save
from edgedigits.export.onnx.graph import NETWORK, Graph, prune, tensor
from edgedigits.records.artifact import Contract


def write(source: Source, path: Path) -> None:
    """Write the float network behind its framing: the same bytes for the same model in any folder."""
    _write(float_graph(source.model), source, path)


def write_int8(source: Source, path: Path) -> None:
    """Write the network of the int8 ONNX file behind the framing."""
    _write(quantize_weights.quantize(float_graph(source.model), source.bits), source, path)


def write_integer(source: Source, path: Path) -> None:
    """Write the network with integer products behind the framing."""
    _write(quantize_integer.quantize(float_graph(source.model), source.bits), source, path)


def _write(network: bytes, source: Source, path: Path) -> None:
    contract = canvas_contract(source)
    save(framed(network, contract).SerializeToString(), contract, path)


def _added(graph: Graph, how: str | None) -> str:
    """Add what makes 28x28 pixels of a canvas, as a contract's framing says."""
    return fitting.add_fit(graph, "image", INVERTED[how]) if how else framing.add_frame(graph, "image")


def framed(network: bytes, contract: Contract) -> onnx.ModelProto:
    """The framing, a network's ONNX model, and the calibrated probabilities, as one model."""
    classes = len(contract.labels)
    graph = Graph()
    digit = _added(graph, contract.framing)  # (28, 28)
    seen = graph.Cast(digit, to=TensorProto.UINT8, output="seen")
    image = graph.Reshape(seen, np.array([1, FRAME, FRAME]))
    graph.include(onnx.load_model_from_string(network), NETWORK, image=image)
    logits = graph.Reshape(f"{NETWORK}logits", np.array([classes]), output="logits")
    has_ink = graph.Cast(graph.Greater(graph.ReduceMax(digit, keepdims=0), 0.0), to=TensorProto.FLOAT)
    scores = graph.Mul(graph.Div(logits, contract.temperature), has_ink)
    graph.Softmax(scores, axis=0, output="probabilities")
    model = graph.model(
        [tensor("image", "height", "width")],
        [
            tensor("logits", classes, kind=TensorProto.FLOAT),
            tensor("probabilities", classes, kind=TensorProto.FLOAT),
            tensor("seen", FRAME, FRAME),
        ],
    )
    prune(model.graph)  # the network's own softmax
    return model
