"""TorchScript with int8 weights: torch's dynamic quantization of the linear layers; convolutions stay float."""

import copy
import warnings
from pathlib import Path

import torch

from edgedigits import formats
from edgedigits.errors import MissingCapability
from edgedigits.formats import Predictor, torchscript
from edgedigits.models import Deployed
from edgedigits.records import Contract

NAME = "torchscript-int8"
SUFFIX = ".int8.torchscript.pt"
PACKAGES: tuple[str, ...] = torchscript.PACKAGES
OPSET: int | None = None
LIMITS = formats.INT8_LIMITS


def unavailable() -> str | None:
    """As the float format, and torch must have a quantized engine for this processor."""
    if torch.backends.quantized.engine == "none":
        return "this build of torch has no engine for quantized layers"
    return torchscript.unavailable()


def export(model: Deployed, contract: Contract, path: Path) -> None:
    """Write the quantized, traced module. Raises MissingCapability."""
    if reason := unavailable():
        raise MissingCapability(f"{NAME}: {reason}.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch announces that this way to quantize will go
        quantized = torch.ao.quantization.quantize_dynamic(copy.deepcopy(model), {torch.nn.Linear}, dtype=torch.qint8)
    torchscript.save(quantized, contract, path)


def load(path: Path) -> Predictor:
    """The file in torch's TorchScript interpreter. Raises ModelFileError, and MissingCapability."""
    return torchscript.load(path)
