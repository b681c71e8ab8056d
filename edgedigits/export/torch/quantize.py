"""TorchScript with int8 weights by torch's own quantization: dynamic of the linear layers, static of the network.

Dynamic leaves convolutions in float; static, in FX graph mode, has activations in 8 bits too. torch announces that
torch.ao.quantization will go, and names torchao as its successor, whose output TorchScript cannot save: these formats
last as long as TorchScript does.
"""

import copy
from pathlib import Path
from typing import Any

import torch
from torch import nn

from edgedigits.errors import MissingCapability
from edgedigits.export.formats import Source
from edgedigits.export.onnx.quantize_static import LEVELS
from edgedigits.export.torch import torchscript
from edgedigits.system import environment


def hindrance() -> str | None:
    """As for float files, and torch must have a quantized engine for this processor."""
    if torch.backends.quantized.engine == "none":
        return "this build of torch has no engine for quantized layers"
    return torchscript.hindrance()


def write_dynamic(source: Source, path: Path) -> None:
    """Write the module, quantized dynamically and traced. Raises MissingCapability."""
    _require_possible(source)
    with environment.quiet():  # torch announces that this way to quantize will go
        model = copy.deepcopy(source.require_torch())
        quantized = torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear}, dtype=torch.qint8)
    torchscript.save(quantized, source.contract, path)


def write_static(source: Source, path: Path) -> None:
    """Write the module, quantized statically and traced. Raises MissingCapability; UsageError without calibration."""
    _require_possible(source)
    images = torch.from_numpy(source.require_calibration())
    model = copy.deepcopy(source.require_torch())
    classifier: Any = model.classifier
    with environment.quiet(), torch.no_grad():
        classifier.network = _quantized(classifier.network, classifier.normalized(images))
    torchscript.save(model, source.contract, path)


def _require_possible(source: Source) -> None:
    if reason := hindrance():
        raise MissingCapability(f"{source.contract.format}: {reason}.")


def _quantized(network: nn.Module, pixels: torch.Tensor) -> nn.Module:
    """A network in 8 bits, its scales from normalized images float32 `[n, 1, 28, 28]`."""
    from torch.ao.quantization import MinMaxObserver, PerChannelMinMaxObserver, QConfig, QConfigMapping
    from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx

    # As in ONNX, weights go to 64 so that products do not overflow, where torch's default halves the
    # activations instead: so pixels keep their 8 bits, and of training images fewer answers flip (22 to 14 with `fc`).
    weights = PerChannelMinMaxObserver.with_args(
        dtype=torch.qint8,
        qscheme=torch.per_channel_symmetric,
        quant_min=-LEVELS,
        quant_max=LEVELS - 1,
    )
    activations = MinMaxObserver.with_args(dtype=torch.quint8)
    mapping = QConfigMapping().set_global(QConfig(activation=activations, weight=weights))
    prepared = prepare_fx(network, mapping, (pixels[:1],))
    prepared(pixels)
    quantized: nn.Module = convert_fx(prepared)
    return quantized
