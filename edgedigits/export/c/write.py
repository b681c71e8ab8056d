"""C files, written: from the layers of a network and its weights; those in integers, calibrated on training images."""

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

from edgedigits.errors import UsageError
from edgedigits.export.c import UNSEALED
from edgedigits.export.c.canvas import CanvasNetwork, print_canvas
from edgedigits.export.c.floats_source import print_floats
from edgedigits.export.c.source import About, print_source
from edgedigits.export.c.tables import stem_of
from edgedigits.export.contracts import canvas_contract
from edgedigits.export.formats import Source
from edgedigits.models.arithmetic.decision import Decision
from edgedigits.models.arithmetic.folding import Folded, fold
from edgedigits.models.arithmetic.quantizing import quantize
from edgedigits.models.classifier import Classifier, Deployed


def write(source: Source, path: Path) -> None:
    """Write the network in float: the same bytes for the same model, under the same name.

    Raises UsageError where a layer has no form in C, by its name, and where C does not take a name or a label.
    """
    _write(source, path, print_floats)


def write_int8(source: Source, path: Path) -> None:
    """Write the network in integers: the same bytes for the same model and images, under the same name.

    Raises UsageError as `write` does, and where 32 bits do not hold a layer's sums.
    """
    images = source.require_calibration()
    _write(source, path, lambda folded, about: print_source(quantize(folded, images), about))


def write_canvas_int8(source: Source, path: Path) -> None:
    """Write the network of the int8 file behind the framing, and when its answer is none, all in integers.

    Raises UsageError as `write_int8` does.
    """
    images, refusal = source.require_calibration(), source.require_refusal()
    if refusal.framing:
        raise UsageError(
            f"{source.contract.format}: its framing looks for a digit, and this network learnt from pictures as a "
            "whole. Scale them to 28x28 pixels yourself, and take c-int8."
        )

    def text_of(folded: Folded, about: About) -> str:
        network = quantize(folded, images)
        decision = Decision.of(network.unit, refusal.temperature, refusal.threshold)
        return print_canvas(CanvasNetwork(network, decision), about)

    _write(dataclasses.replace(source, contract=canvas_contract(source)), path, text_of)


def _write(source: Source, path: Path, text_of: Callable[[Folded, About], str]) -> None:
    classifier = source.model.classifier if isinstance(source.model, Deployed) else None
    if source.spec is None or not isinstance(classifier, Classifier):
        raise UsageError(f"{source.contract.format}: the layers of the model wanted, none given")
    tensors = {name: tensor.numpy() for name, tensor in classifier.network.state_dict().items()}
    contract = dataclasses.replace(source.contract, source_sha256=UNSEALED)
    about = About(stem_of(path.name), contract.labels, json.dumps(contract.to_dict(), separators=(",", ":")))
    text = text_of(fold(source.spec.listed, tensors), about)
    path.write_text(sealed(text), encoding="ascii", newline="\n")


def sealed(text: str) -> str:
    """A file's text with its own SHA-256, before that was in it, in its contract."""
    return text.replace(UNSEALED, hashlib.sha256(text.encode()).hexdigest())
