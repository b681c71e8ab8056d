"""TorchScript, float32: a traced and frozen module in one zip file, contract inside.

torch calls this format deprecated, and unsupported from Python 3.14 on.
"""

import contextlib
import io
import sys
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from edgedigits import formats
from edgedigits.errors import MissingCapability, ModelFileError
from edgedigits.formats import Images, Predictor, Scores
from edgedigits.models import Deployed
from edgedigits.records import Contract

NAME = "torchscript"
SUFFIX = ".torchscript.pt"
PACKAGES: tuple[str, ...] = ("torch",)
OPSET: int | None = None
LIMITS = formats.FLOAT_LIMITS

CONTRACT_FILE = "edgedigits.contract"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip file can hold


def unavailable() -> str | None:
    """torch gives TorchScript up with Python 3.14."""
    if sys.version_info >= (3, 14):
        return "torch does not support TorchScript on Python 3.14 and later; use --format onnx, or Python 3.13"
    return None


def export(model: Deployed, contract: Contract, path: Path) -> None:
    """Write the traced module. Raises MissingCapability.

    The bytes are the same in any folder, from every fresh process: torch numbers the classes that a
    process has traced before, and the numbers are in the file.
    """
    save(model, contract, path)


def save(model: torch.nn.Module, contract: Contract, path: Path) -> None:
    """Trace a module with the contract's signature and write it, with its contract, to `path`."""
    if reason := unavailable():
        raise MissingCapability(f"{contract.format}: {reason}.")
    example = torch.zeros(2, 28, 28, dtype=torch.uint8)
    buffer = io.BytesIO()  # a file's name would become part of the bytes
    with _quiet(), torch.no_grad():
        traced = torch.jit.trace(model.eval(), example, check_trace=False)
        frozen = torch.jit.freeze(traced)
        torch.jit.save(frozen, buffer, _extra_files={CONTRACT_FILE: contract.to_line()})
    path.write_bytes(_without_debug_files(buffer.getvalue()))


def _without_debug_files(archive: bytes) -> bytes:
    """The same archive less the files that map operators to lines of source, with the paths of this machine."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as source, zipfile.ZipFile(buffer, "w") as target:
        for entry in source.infolist():
            if not entry.filename.endswith(".debug_pkl"):
                target.writestr(zipfile.ZipInfo(entry.filename, EPOCH), source.read(entry))
    return buffer.getvalue()


def load(path: Path) -> Predictor:
    """The file in torch's TorchScript interpreter. Raises ModelFileError, and MissingCapability on Python 3.14."""
    if reason := unavailable():
        raise MissingCapability(f"{path}: {reason}.")
    extra: dict[str, Any] = {CONTRACT_FILE: ""}  # torch fills it with bytes
    try:
        with _quiet():
            module = torch.jit.load(io.BytesIO(formats.read_bytes(path)), map_location="cpu", _extra_files=extra)
    except RuntimeError as error:
        raise ModelFileError(f"{path}: not a valid TorchScript file ({formats.first_line(error)}).") from error
    contract = formats.parse_contract(path, extra[CONTRACT_FILE] or None)

    def run(images: Images) -> tuple[Scores, Scores]:
        with torch.inference_mode():
            logits, probabilities = module(torch.from_numpy(images))
        return logits.numpy(), probabilities.numpy()

    return Predictor(contract, run)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence torch's warnings that TorchScript is deprecated: `unavailable` says what follows from it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
