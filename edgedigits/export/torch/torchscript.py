"""TorchScript, float32: a traced and frozen module in one zip file, contract inside.

torch calls this format deprecated, and unsupported from Python 3.14 on.
"""

import copy
import io
import sys
from pathlib import Path

import torch

from edgedigits.errors import MissingCapability
from edgedigits.export.formats import Source
from edgedigits.records.artifact import CONTRACT_KEY, Contract
from edgedigits.system import archive, environment


def hindrance() -> str | None:
    """torch gives TorchScript up with Python 3.14."""
    if sys.version_info >= (3, 14):
        return "torch does not support TorchScript on Python 3.14 and later; use --format onnx, or Python 3.13"
    return None


def write(source: Source, path: Path) -> None:
    """Write the traced module. Raises MissingCapability.

    The bytes are the same in any folder, from every fresh process: torch numbers the classes that a
    process has traced before, and the numbers are in the file.
    """
    save(source.require_torch(), source.contract, path)


def save(model: torch.nn.Module, contract: Contract, path: Path) -> None:
    """Trace a module with the contract's signature and write it, with its contract, to `path`."""
    if reason := hindrance():
        raise MissingCapability(f"{contract.format}: {reason}.")
    example = torch.zeros(2, 28, 28, dtype=torch.uint8)
    model = copy.deepcopy(model).to(memory_format=torch.channels_last)  # convolutions run twice as fast in batches
    buffer = io.BytesIO()  # a file's name would become part of the bytes
    with environment.quiet(), torch.no_grad():
        traced = torch.jit.trace(model.eval(), example, check_trace=False)
        frozen = torch.jit.freeze(traced)
        torch.jit.save(frozen, buffer, _extra_files={CONTRACT_KEY: contract.to_line()})
    path.write_bytes(archive.bare(buffer.getvalue()))
