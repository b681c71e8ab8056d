"""What an exported file is, without running it: `inspect(path)` gives an Inspection."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgedigits.errors import ModelFileError
from edgedigits.export import manifest
from edgedigits.export.formats import require_format
from edgedigits.models.checkpoint import find_run
from edgedigits.records.arguments import checked
from edgedigits.records.artifact import Contract, TensorInfo
from edgedigits.records.record import Record
from edgedigits.runtime.compatibility import Runtime, loading_runtimes
from edgedigits.runtime.load import Opener
from edgedigits.system import files

EIGHT_BITS = ("int8", "uint8", "qint8", "quint8")


@dataclass(frozen=True)
class Inspection(Record):
    """What a file is, read without running it.

    checkpoint        the run folder of the checkpoint it came from; None where it is not at hand
    operators         how often the graph has each
    opset, ir_version of ONNX; None in other formats
    tensors           what is stored, the largest first
    parameters        elements of the tensors that hold weights, biases or scales
    quantized_share   the part of these that is stored in 8 bits, 0 to 1
    verified          what the parity report beside it says of it; None where there is none
    """

    path: str
    format: str
    size_bytes: int
    sha256: str
    contract: Contract
    checkpoint: str | None
    operators: Mapping[str, int]
    opset: int | None
    ir_version: int | None
    tensors: tuple[TensorInfo, ...]
    parameters: int
    quantized_share: float
    runtimes: tuple[Runtime, ...]
    verified: str | None = None


@checked
def inspect(
    path: str | Path,
    *,
    runs: str | Path = "runs",
    opener: Opener = Opener(),  # noqa: B008 - it is frozen
) -> Inspection:
    """Contract, operators, tensors, versions, hash and origin of an exported file, and what can load it.

    runs     where its checkpoint is looked for, by SHA-256
    opener   how it is opened

    Nothing in the file is executed. Raises ModelFileError when it is no exported file, carries no
    contract or is damaged.
    """
    path = Path(path)
    row = require_format(path)
    found = opener.describe(path)
    if found.contract.format != row.name:
        raise ModelFileError(f"{path}: its name says {row.name}, its contract {found.contract.format}.")
    run = find_run(found.contract.checkpoint_sha256, Path(runs))
    return Inspection(
        path=str(path),
        format=row.name,
        size_bytes=path.stat().st_size,
        sha256=files.sha256(path),
        contract=found.contract,
        checkpoint=str(run) if run else None,
        operators=dict(sorted(found.operators.items())),
        opset=found.opset,
        ir_version=found.ir_version,
        tensors=tuple(sorted(found.tensors, key=lambda tensor: (-tensor.bytes, tensor.name))),
        parameters=sum(map(_elements, _parameters(found.tensors))),
        quantized_share=quantized_share(found.tensors),
        runtimes=loading_runtimes(found.opset, found.ir_version, found.operators),
        verified=_verified(path),
    )


def _verified(path: Path) -> str | None:
    """What was verified of these very bytes, in words. Raises ModelFileError where the report is of others."""
    found = manifest.read_parity(path.parent)
    for report in found.reports if found else ():
        if Path(report.path).name == path.name:
            changed = "" if report.flips is None else f", {report.flips} answers changed"
            verdict = "passed" if report.passed else "FAILED"
            return f"{verdict} on {report.samples:,} test images of {report.dataset}{changed}"
    return None


def quantized_share(tensors: Sequence[TensorInfo]) -> float:
    """The part of the parameters that is stored in 8 bits, 0 to 1; 0 where there are none."""
    parameters = _parameters(tensors)
    quantized = [tensor for tensor in parameters if tensor.dtype in EIGHT_BITS]
    return sum(map(_elements, quantized)) / max(1, sum(map(_elements, parameters)))


def _parameters(tensors: Sequence[TensorInfo]) -> list[TensorInfo]:
    """Weights, biases and their scales; shapes are integers, and a scalar is a constant of the arithmetic."""
    return [tensor for tensor in tensors if tensor.shape and ("float" in tensor.dtype or tensor.dtype in EIGHT_BITS)]


def _elements(tensor: TensorInfo) -> int:
    return math.prod(tensor.shape)
