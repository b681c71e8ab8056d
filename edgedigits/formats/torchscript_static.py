"""TorchScript with 8-bit weights and activations: torch's static quantization of the network, in FX graph mode.

torch announces that torch.ao.quantization will go, and names torchao as its successor, whose output
TorchScript cannot save: this format lasts as long as TorchScript does.
"""

import copy
from pathlib import Path
from typing import Any

import torch
from torch import nn

from edgedigits import formats
from edgedigits.errors import MissingCapability
from edgedigits.formats import Description, Predictor, Source, onnx_static, torchscript, torchscript_int8

NAME = "torchscript-static"
SUFFIX = ".static.torchscript.pt"
PACKAGES: tuple[str, ...] = torchscript.PACKAGES
DATA_ONLY = False
CALIBRATED = True
INPUT = "digit"
PREDICTOR = Predictor
OPSET: int | None = None
LIMITS = formats.INT8_LIMITS
SETTINGS = torchscript.SETTINGS


def unavailable() -> str | None:
    """As the dynamic format: torch must have a quantized engine for this processor."""
    return torchscript_int8.unavailable()


def export(source: Source, path: Path) -> None:
    """Write the quantized, traced module. Raises MissingCapability, and UsageError without calibration."""
    if reason := unavailable():
        raise MissingCapability(f"{NAME}: {reason}.")
    images = torch.from_numpy(source.require_calibration())
    model = copy.deepcopy(source.model)
    classifier: Any = model.classifier
    with formats.quiet(), torch.no_grad():
        classifier.network = _quantized(classifier.network, classifier.normalized(images))
    torchscript.save(model, source.contract, path)


def load(path: Path, setting: str | None = None) -> Predictor:
    """The file in torch's TorchScript interpreter. Raises ModelFileError, and MissingCapability on Python 3.14."""
    return torchscript.load(path, setting)


def describe(path: Path) -> Description:
    """What the file holds, as the float format describes it. Raises ModelFileError."""
    return torchscript.describe(path)


def _quantized(network: nn.Module, pixels: torch.Tensor) -> nn.Module:
    """A network in 8 bits, its scales from normalized images float32 `[n, 1, 28, 28]`."""
    from torch.ao.quantization import MinMaxObserver, PerChannelMinMaxObserver, QConfig, QConfigMapping
    from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx

    # As in ONNX, weights go to 64 so that products do not overflow, where torch's default halves the
    # activations instead: so pixels keep their 8 bits, and of training images fewer answers flip (22 to 14 with `fc`).
    weights = PerChannelMinMaxObserver.with_args(
        dtype=torch.qint8,
        qscheme=torch.per_channel_symmetric,
        quant_min=-onnx_static.LEVELS,
        quant_max=onnx_static.LEVELS - 1,
    )
    activations = MinMaxObserver.with_args(dtype=torch.quint8)
    mapping = QConfigMapping().set_global(QConfig(activation=activations, weight=weights))
    prepared = prepare_fx(network, mapping, (pixels[:1],))
    prepared(pixels)
    quantized: nn.Module = convert_fx(prepared)
    return quantized
