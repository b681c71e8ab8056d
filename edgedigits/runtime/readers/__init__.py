"""What is in a model file, one reader a container. A reader never runs what it reads; an engine never parses.

checked    a file's bytes, fit to be given to an engine, with their contract
describe   what they hold: operators, tensors, versions

Both take bytes that `safety.trust.read_model` read: of bounded size, as the manifest beside them recorded them.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from edgedigits.errors import ModelFileError, RecordError
from edgedigits.export.formats import FORMATS, Format
from edgedigits.records.artifact import Contract, TensorInfo, TensorSpec
from edgedigits.records.record import Record
from edgedigits.runtime.predictor import ModelFile


@dataclass(frozen=True)
class Description(Record):
    """What a file holds, read without running it; opset, IR version, inputs and outputs are ONNX's, empty elsewhere.

    contract   None in an ONNX file that EdgeDigits did not export
    refused    why such a file would not be run
    uses       of operators, on which it depends what loads it (`runtime/uses.py`)
    """

    contract: Contract | None
    operators: Mapping[str, int]
    tensors: tuple[TensorInfo, ...]
    opset: int | None = None
    ir_version: int | None = None
    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()
    refused: str | None = None
    uses: tuple[str, ...] = ()


class Reader(Protocol):
    """What a file in this folder provides; `path` names the file in errors."""

    def read_contract(self, path: Path, content: bytes) -> Contract:
        """The contract of a file that is safe to give to an engine. Raises ModelFileError where it is not."""

    def describe(self, path: Path, content: bytes) -> Description:
        """What a file holds. Raises ModelFileError when it is damaged, or no ONNX file and without a contract."""


def checked(path: Path, row: Format, content: bytes) -> ModelFile:
    """The bytes of a file of a format, checked. Raises ModelFileError."""
    contract = _reader(row).read_contract(path, content)
    require_named(path, row, contract)
    return ModelFile(path, row, content, contract)


def require_named(path: Path, row: Format, contract: Contract) -> None:
    """Raise ModelFileError where a file's name says that it takes another input than its contract says."""
    if contract.format not in FORMATS:
        return
    known = FORMATS[contract.format]
    if known.input != row.input:
        better = path.name.removesuffix(row.suffix) + known.suffix
        raise ModelFileError(
            f"{path}: its name says that it takes a {row.input}, its contract a {known.input}. Rename it to {better}."
        )


def checked_foreign(path: Path, row: Format, content: bytes) -> ModelFile:
    """The bytes of somebody else's file, checked, with what stands for its contract. Raises ModelFileError."""
    from edgedigits.runtime.readers import onnx

    if row.container != "onnx":
        raise ModelFileError(f"{path}: carries no contract of EdgeDigits, and without one ONNX files alone are asked.")
    contract, tidy = onnx.stand_in(path, content)
    return ModelFile(path, row, tidy, contract)


def describe(path: Path, row: Format, content: bytes) -> Description:
    """What the bytes of a file of a format hold, without running them. Raises ModelFileError."""
    return _reader(row).describe(path, content)


def parse_contract(path: Path, text: str | bytes | None) -> Contract:
    """The contract that a model file carries. Raises ModelFileError when there is none, or it is none of ours."""
    if text is None:
        raise ModelFileError(
            f"{path}: carries no contract of EdgeDigits, so it cannot be asked. An ONNX file of somebody else's "
            "becomes a run by edgedigits adopt FILE; edgedigits verify FILE --against NAME compares it as it is."
        )
    try:
        return Contract.from_json(text)
    except RecordError as error:
        raise ModelFileError(f"{path}: its contract is damaged ({error}).") from error


def _reader(row: Format) -> Reader:
    return cast(Reader, importlib.import_module(f"{__name__}.{row.container}"))
