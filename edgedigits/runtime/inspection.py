"""What an exported file is, without running it: `inspect(path)` gives an Inspection."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edgedigits.data.load import load_data
from edgedigits.errors import ModelFileError, UsageError
from edgedigits.export import manifest
from edgedigits.export.formats import require_format
from edgedigits.models.checkpoint import find_run
from edgedigits.records.arguments import checked
from edgedigits.records.artifact import Contract, TensorInfo, TensorSpec
from edgedigits.records.footprint import Footprint
from edgedigits.records.model import IMAGE_SHAPE
from edgedigits.records.record import OPTIONAL, Record
from edgedigits.runtime.compatibility import Runtime, loading_runtimes
from edgedigits.runtime.finding import Found
from edgedigits.runtime.footprint import footprint
from edgedigits.runtime.load import Opener
from edgedigits.runtime.names import find_file
from edgedigits.runtime.noticing import find_in_file
from edgedigits.runtime.readers import Description, require_named
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
    contract          None in a file that EdgeDigits did not export
    inputs, outputs   as the file declares them; empty where its format declares none
    missing           in words, what such a file lacks to be asked
    footprint         what a C file takes of a microcontroller
    """

    path: str
    format: str
    size_bytes: int
    sha256: str
    contract: Contract | None
    checkpoint: str | None
    operators: Mapping[str, int]
    opset: int | None
    ir_version: int | None
    tensors: tuple[TensorInfo, ...]
    parameters: int
    quantized_share: float
    runtimes: tuple[Runtime, ...]
    verified: str | None = None
    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()
    missing: tuple[str, ...] = ()
    footprint: Footprint | None = field(default=None, metadata=OPTIONAL)


@checked
def inspect(
    path: str | Path,
    *,
    runs: str | Path = "runs",
    exports: str | Path = "exports",
    opener: Opener = Opener(),  # noqa: B008 - it is frozen
) -> Inspection:
    """Contract, operators, tensors, versions, hash and origin of an exported file, and what can load it.

    path      a file, or the name of a model below `exports`
    runs      where its checkpoint is looked for, by SHA-256
    opener    how it is opened

    Nothing in the file is executed, but for the code of a C file that a manifest lists, in an emulator. A file of
    somebody else, without a contract, is shown as far as it can be read.
    Raises ModelFileError when it is of no known format, or damaged.
    """
    path = find_file(path, exports=Path(exports), runs=Path(runs))
    row = require_format(path)
    found = opener.describe(path)
    contract = found.contract
    if contract and contract.format != row.name:
        require_named(path, row, contract)
        raise ModelFileError(
            f"{path}: its name says {row.name}, its contract {contract.format}. Rename it as exported."
        )
    run = find_run(contract.checkpoint_sha256, Path(runs)) if contract else None
    return Inspection(
        path=str(path),
        format=row.name,
        size_bytes=path.stat().st_size,
        sha256=files.sha256(path),
        contract=contract,
        checkpoint=str(run) if run else None,
        operators=dict(sorted(found.operators.items())),
        opset=found.opset,
        ir_version=found.ir_version,
        tensors=tuple(sorted(found.tensors, key=lambda tensor: (-tensor.bytes, tensor.name))),
        parameters=sum(map(_elements, _parameters(found.tensors))),
        quantized_share=quantized_share(found.tensors),
        runtimes=loading_runtimes(found),
        verified=_verified(path),
        inputs=found.inputs,
        outputs=found.outputs,
        missing=_missing(found),
        footprint=footprint(path, opener.trust),
    )


@checked
def ask_input(
    path: str | Path,
    *,
    said: str = "",
    dataset: str | Path = "mnist",
    data_dir: Path | None = None,
    exports: str | Path = "exports",
    opener: Opener = Opener(),  # noqa: B008 - it is frozen
) -> Found:
    """What the input of somebody else's ONNX file is, found by showing it training digits in each likely reading.

    said      what is known of it: "mean/std, nchw"
    dataset   whose training images it is shown
    opener    how it is opened

    Raises ModelFileError where it cannot be asked, UsageError where it says itself what its input is or words are none,
    and what `load_data` raises.
    """
    path = find_file(path, exports=Path(exports))
    if opener.describe(path).contract:
        raise UsageError(f"{path}: its contract says what its input is, and only files without one are asked.")
    train = load_data(dataset, data_dir).train
    return find_in_file(path, train.images, train.labels, said, opener)


def _missing(found: Description) -> tuple[str, ...]:
    """What a file without a contract lacks, in words."""
    if found.contract:
        return ()
    lacks = ["a contract: labels, polarity, the checkpoint it came from"]
    wanted = TensorSpec("image", "uint8", ("batch", *IMAGE_SHAPE))
    if found.inputs and [_kind(spec) for spec in found.inputs] != [_kind(wanted)]:
        lacks.append("one input of uint8 [batch, 28, 28]: how pixels become its input is not in the file")
    if found.refused:
        lacks.append(f"what is safe to run here: {found.refused}")
    return tuple(lacks)


def _kind(spec: TensorSpec) -> tuple[str, tuple[str | int, ...]]:
    """Element type and shape, without the batch."""
    return spec.dtype, spec.shape[1:]


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
