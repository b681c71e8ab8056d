"""TorchScript with int8 weights: torch's dynamic quantization of the linear layers; convolutions stay float."""

import copy
from pathlib import Path

import torch

from edgedigits import formats
from edgedigits.errors import MissingCapability
from edgedigits.formats import Description, Predictor, Source, torchscript

NAME = "torchscript-int8"
SUFFIX = ".int8.torchscript.pt"
PACKAGES: tuple[str, ...] = torchscript.PACKAGES
DATA_ONLY = False
CALIBRATED = False
INPUT = "digit"
PREDICTOR = Predictor
OPSET: int | None = None
LIMITS = formats.INT8_LIMITS
SETTINGS = torchscript.SETTINGS


def unavailable() -> str | None:
    """As the float format, and torch must have a quantized engine for this processor."""
    if torch.backends.quantized.engine == "none":
        return "this build of torch has no engine for quantized layers"
    return torchscript.unavailable()


def export(source: Source, path: Path) -> None:
    """Write the quantized, traced module. Raises MissingCapability."""
    if reason := unavailable():
        raise MissingCapability(f"{NAME}: {reason}.")
    with formats.quiet():  # torch announces that this way to quantize will go
        model = copy.deepcopy(source.model)
        quantized = torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear}, dtype=torch.qint8)
    torchscript.save(quantized, source.contract, path)


def load(path: Path, setting: str | None = None) -> Predictor:
    """The file in torch's TorchScript interpreter. Raises ModelFileError, and MissingCapability."""
    return torchscript.load(path, setting)


def describe(path: Path) -> Description:
    """What the file holds, as the float format describes it. Raises ModelFileError."""
    return torchscript.describe(path)
