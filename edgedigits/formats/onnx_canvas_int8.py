"""ONNX for any canvas, with 8-bit weights: the framing, then the network of the int8 ONNX file."""

from pathlib import Path

from edgedigits.formats import Description, Source, onnx_canvas, onnx_int8
from edgedigits.formats import onnx as float_onnx
from edgedigits.formats.onnx_canvas import CanvasPredictor
from edgedigits.records import Limits

NAME = "onnx-canvas-int8"
SUFFIX = ".canvas.int8.onnx"
PACKAGES: tuple[str, ...] = onnx_int8.PACKAGES
DATA_ONLY = True
CALIBRATED = False
INPUT = "canvas"
PREDICTOR = CanvasPredictor
OPSET: int | None = onnx_canvas.OPSET
LIMITS = Limits(max_drop=onnx_canvas.LIMITS.max_drop)
SETTINGS = onnx_canvas.SETTINGS


def unavailable() -> str | None:
    """Needs what the float format needs."""
    return float_onnx.unavailable()


def export(source: Source, path: Path) -> None:
    """Write the quantized network behind its framing: the same bytes for the same model in any folder."""
    onnx_canvas.write(onnx_int8.quantize(float_onnx.graph(source.model)), source, path)


def load(path: Path, setting: str | None = None) -> CanvasPredictor:
    """The file in ONNX Runtime, as the float canvas format loads it. Raises ModelFileError."""
    return onnx_canvas.load(path, setting)


def describe(path: Path) -> Description:
    """What the file holds, as the float canvas format describes it. Raises ModelFileError."""
    return onnx_canvas.describe(path)
