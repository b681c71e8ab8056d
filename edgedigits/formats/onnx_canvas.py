"""ONNX for any canvas: the framing of `edgedigits.framing`, then the network of the float ONNX file.

The input is a canvas uint8 `[height, width]` of any size from 8x8 to 2048x2048: a digit anywhere on it,
at any size, light on dark or dark on light. `seen` is the 28x28 image that the network was shown;
`logits` are those of the float file for it. `probabilities` are calibrated, so that one below the
contract's threshold means "no digit"; on a blank canvas all are equal.

What `verify` asks such a file are the test images pasted onto canvases. The network sees them scaled
back, not as they were, so some answers change: that costs at most half a point. What must be exact is
that the file answers as the torch model does for what it has `seen`.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import onnx
from onnx import TensorProto

from edgedigits import canvases, framing
from edgedigits.errors import UsageError
from edgedigits.formats import Description, Images, Inputs, Predictor, Scores, Source, onnx_int8
from edgedigits.formats import onnx as float_onnx
from edgedigits.framing import FRAME, SIDES
from edgedigits.records import Contract, Limits, TensorSpec

NAME = "onnx-canvas"
SUFFIX = ".canvas.onnx"
PACKAGES: tuple[str, ...] = float_onnx.PACKAGES
DATA_ONLY = True
CALIBRATED = False
INPUT = "canvas"
OPSET: int | None = float_onnx.OPSET
LIMITS = Limits(max_drop=0.005, max_logit_diff=1e-4)
SETTINGS = float_onnx.SETTINGS

NETWORK = "network."  # begins the names of all that comes from the network's own graph
CANVAS = (280, 280)  # height and width of the canvas to measure times with


@dataclass(frozen=True)
class Reading:
    """A canvas file's answer: logits and probabilities float32 `[classes]`, `seen` uint8 `[28, 28]`."""

    logits: Scores
    probabilities: Scores
    seen: Images


@dataclass(frozen=True)
class CanvasPredictor(Predictor):
    """A canvas file that is ready to answer.

    `read` takes one canvas. Called as every Predictor is, with images `[batch, 28, 28]`, it pastes each
    onto a canvas as `canvases.paste` does.
    """

    one_by_one: ClassVar[bool] = True

    def read(self, canvas: Images) -> Reading:
        """The answer to one canvas. Raises UsageError unless it is uint8 `[height, width]`, both within SIDES."""
        if canvas.dtype != np.uint8 or canvas.ndim != 2:
            raise UsageError(f"canvas: uint8 [height, width] wanted, {canvas.dtype} {list(canvas.shape)} given")
        if not all(SIDES[0] <= side <= SIDES[1] for side in canvas.shape):
            raise UsageError(f"canvas: sides of {SIDES[0]} to {SIDES[1]} pixels wanted, {list(canvas.shape)} given")
        return Reading(*self.call(canvas))

    def present(self, images: Images) -> Inputs:
        """Each image on a canvas."""
        return [canvases.paste(image) for image in images]

    def run(self, inputs: Inputs) -> tuple[Scores, Scores, Images]:
        """Logits and probabilities of canvases, and what the network is shown of them, as the file itself says."""
        readings = [Reading(*self.call(canvas)) for canvas in inputs]
        logits, probabilities, seen = zip(*((r.logits, r.probabilities, r.seen) for r in readings), strict=True)
        return np.stack(logits), np.stack(probabilities), np.stack(seen)

    def samples(self, count: int) -> Inputs:
        """One canvas of 280x280 pixels, a stroke on it, `count` times."""
        canvas = np.zeros(CANVAS, np.uint8)
        canvas[40:240, 130:150] = 255
        return [canvas] * count


PREDICTOR = CanvasPredictor


def unavailable() -> str | None:
    """Needs what the float format needs."""
    return float_onnx.unavailable()


def export(source: Source, path: Path) -> None:
    """Write the float network behind its framing: the same bytes for the same model in any folder."""
    write(float_onnx.graph(source.model), source, path)


def write(network: bytes, source: Source, path: Path) -> None:
    """Write a network's ONNX model behind the framing, with the contract of a canvas file."""
    contract = canvas_contract(source)
    float_onnx.save(framed(network, contract).SerializeToString(), contract, path)


def canvas_contract(source: Source) -> Contract:
    """A source's contract, made that of a canvas file."""
    refusal = source.require_refusal()
    classes = len(source.contract.labels)
    return dataclasses.replace(
        source.contract,
        input=TensorSpec("image", "uint8", ("height", "width")),
        outputs=(
            TensorSpec("logits", "float32", (classes,)),
            TensorSpec("probabilities", "float32", (classes,)),
            TensorSpec("seen", "uint8", (FRAME, FRAME)),
        ),
        polarity="either: the paper is what most of the border shows",
        sides=SIDES,
        temperature=refusal.temperature,
        threshold=refusal.threshold,
    )


def framed(network: bytes, contract: Contract) -> onnx.ModelProto:
    """The framing, a network's ONNX model, and the calibrated probabilities, as one model."""
    classes = len(contract.labels)
    graph = framing.Graph()
    digit = framing.add_frame(graph, "image")  # (28, 28)
    seen = graph.Cast(digit, to=TensorProto.UINT8, output="seen")
    image = graph.Reshape(seen, np.array([1, FRAME, FRAME]))
    graph.include(onnx.load_model_from_string(network), NETWORK, image=image)
    logits = graph.Reshape(f"{NETWORK}logits", np.array([classes]), output="logits")
    has_ink = graph.Cast(graph.Greater(graph.ReduceMax(digit, keepdims=0), 0.0), to=TensorProto.FLOAT)
    scores = graph.Mul(graph.Div(logits, contract.temperature), has_ink)
    graph.Softmax(scores, axis=0, output="probabilities")
    model = graph.model(
        [framing.tensor("image", "height", "width")],
        [
            framing.tensor("logits", classes, kind=TensorProto.FLOAT),
            framing.tensor("probabilities", classes, kind=TensorProto.FLOAT),
            framing.tensor("seen", FRAME, FRAME),
        ],
    )
    onnx_int8.prune(model.graph)  # the network's own softmax
    return model


def load(path: Path, setting: str | None = None) -> CanvasPredictor:
    """The file in ONNX Runtime, as the float format loads it. Raises ModelFileError."""
    return CanvasPredictor(*float_onnx.open_session(path, setting))


def describe(path: Path) -> Description:
    """What the file holds; of its tensors, those of the network: the framing's are none. Raises ModelFileError."""
    found = float_onnx.describe(path)
    return dataclasses.replace(found, tensors=tuple(t for t in found.tensors if t.name.startswith(NETWORK)))
