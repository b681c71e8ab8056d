"""TorchScript, float32: a traced and frozen module in one zip file, contract inside.

torch calls this format deprecated, and unsupported from Python 3.14 on.
"""

import contextlib
import copy
import io
import math
import pickle
import re
import sys
import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from edgedigits import archive, formats
from edgedigits.errors import MissingCapability, ModelFileError
from edgedigits.formats import Description, Images, Predictor, Scores, Source
from edgedigits.records import Contract, TensorInfo

NAME = "torchscript"
SUFFIX = ".torchscript.pt"
PACKAGES: tuple[str, ...] = ("torch",)
DATA_ONLY = False
CALIBRATED = False
INPUT = "digit"
PREDICTOR = Predictor
OPSET: int | None = None
LIMITS = formats.FLOAT_LIMITS
SETTINGS: tuple[str, ...] = ("optimized, 1 thread", "optimized, 2 threads", "not optimized, 1 thread")

CONTRACT_FILE = "edgedigits.contract"
OPERATOR = re.compile(r"\b(?:torch|ops)\.([\w.]+)\(")  # in the code of an archive: torch.linear(...)
ELEMENTS = {  # torch's storage types: element type and its bytes
    "DoubleStorage": ("float64", 8),
    "FloatStorage": ("float32", 4),
    "HalfStorage": ("float16", 2),
    "BFloat16Storage": ("bfloat16", 2),
    "LongStorage": ("int64", 8),
    "IntStorage": ("int32", 4),
    "ShortStorage": ("int16", 2),
    "CharStorage": ("int8", 1),
    "ByteStorage": ("uint8", 1),
    "BoolStorage": ("bool", 1),
    "QInt8Storage": ("qint8", 1),
    "QUInt8Storage": ("quint8", 1),
    "QInt32Storage": ("qint32", 4),
}


def unavailable() -> str | None:
    """torch gives TorchScript up with Python 3.14."""
    if sys.version_info >= (3, 14):
        return "torch does not support TorchScript on Python 3.14 and later; use --format onnx, or Python 3.13"
    return None


def export(source: Source, path: Path) -> None:
    """Write the traced module. Raises MissingCapability.

    The bytes are the same in any folder, from every fresh process: torch numbers the classes that a
    process has traced before, and the numbers are in the file.
    """
    save(source.model, source.contract, path)


def save(model: torch.nn.Module, contract: Contract, path: Path) -> None:
    """Trace a module with the contract's signature and write it, with its contract, to `path`."""
    if reason := unavailable():
        raise MissingCapability(f"{contract.format}: {reason}.")
    example = torch.zeros(2, 28, 28, dtype=torch.uint8)
    model = copy.deepcopy(model).to(memory_format=torch.channels_last)  # convolutions run twice as fast in batches
    buffer = io.BytesIO()  # a file's name would become part of the bytes
    with formats.quiet(), torch.no_grad():
        traced = torch.jit.trace(model.eval(), example, check_trace=False)
        frozen = torch.jit.freeze(traced)
        torch.jit.save(frozen, buffer, _extra_files={CONTRACT_FILE: contract.to_line()})
    path.write_bytes(archive.bare(buffer.getvalue()))


def load(path: Path, setting: str | None = None) -> Predictor:
    """The file in torch's TorchScript interpreter. Raises ModelFileError, and MissingCapability on Python 3.14."""
    if reason := unavailable():
        raise MissingCapability(f"{path}: {reason}.")
    extra: dict[str, Any] = {CONTRACT_FILE: ""}  # torch fills it with bytes
    try:
        with formats.quiet():
            module = torch.jit.load(io.BytesIO(formats.read_bytes(path)), map_location="cpu", _extra_files=extra)
    except RuntimeError as error:
        raise ModelFileError(f"{path}: not a valid TorchScript file ({formats.first_line(error)}).") from error
    contract = formats.parse_contract(path, extra[CONTRACT_FILE] or None)

    optimized, threads = _parse(setting or SETTINGS[0])

    def run(images: Images) -> tuple[Scores, Scores]:
        with torch.inference_mode(), formats.torch_threads(threads), _executed(optimized):
            logits, probabilities = module(torch.from_numpy(images))
        return logits.numpy(), probabilities.numpy()

    return Predictor(contract, run)


def _executed(optimized: bool) -> contextlib.AbstractContextManager[None]:
    """torch's executor with its optimizations, or without."""
    context: contextlib.AbstractContextManager[None] = torch.jit.optimized_execution(optimized)  # type: ignore[attr-defined]
    return context


def describe(path: Path) -> Description:
    """The file as a zip archive: torch is not asked, since to load TorchScript is to run what it holds.

    Raises ModelFileError.
    """
    try:
        records = archive.read(formats.read_bytes(path))
        tensors = _tensors(records)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise ModelFileError(f"{path}: not a valid TorchScript file ({formats.first_line(error)}).") from error
    code = [text.decode("utf-8", "replace") for name, text in records.items() if name.endswith(".py")]
    return Description(
        contract=formats.parse_contract(path, records.get(f"extra/{CONTRACT_FILE}")),
        operators=Counter(OPERATOR.findall("\n".join(code))),
        tensors=tensors,
    )


def _tensors(records: Mapping[str, bytes]) -> tuple[TensorInfo, ...]:
    """The tensors of all pickled records. Raises RuntimeError when a record is damaged."""
    tensors: list[TensorInfo] = []
    for name in ("constants", "data"):  # a frozen module keeps everything in the first
        try:
            reader = _TensorReader(name, records[f"{name}.pkl"])
            reader.load()
        except Exception as error:  # damaged pickles raise whatever they meet
            raise RuntimeError(f"{name}.pkl: {formats.first_line(error)}") from error
        tensors += reader.tensors
    return tuple(tensors)


class _Inert:
    """Stands for every class and function that a pickle names: it takes anything and does nothing."""

    def __new__(cls, *_: object) -> "_Inert":
        return super().__new__(cls)

    def __setstate__(self, state: object) -> None:
        pass

    def __setitem__(self, key: object, value: object) -> None:
        pass


class _TensorReader(pickle._Unpickler):
    """Reads which tensors a pickle describes, and runs nothing that it names.

    Python's own reader, not the one in C: that one makes room for as many objects as a pickle claims to hold.
    """

    def __init__(self, folder: str, content: bytes) -> None:
        super().__init__(io.BytesIO(content))
        self.folder = folder
        self.tensors: list[TensorInfo] = []

    def find_class(self, _: str, name: str) -> Any:
        """The storage type's name, the collector of tensors, or what does nothing."""
        if name in ELEMENTS:
            return name
        return self._collect if name.startswith("_rebuild_") else _Inert

    def persistent_load(self, pid: Any) -> Any:
        """A storage: its type and its key, which is the name of the record that holds it."""
        _, storage, key, *_ = pid
        return storage, key

    def _collect(self, storage: tuple[str, str], _offset: int, shape: tuple[int, ...], *_: object) -> None:
        dtype, size = ELEMENTS[storage[0]]
        self.tensors.append(TensorInfo(f"{self.folder}/{storage[1]}", dtype, shape, size * math.prod(shape)))


def _parse(setting: str) -> tuple[bool, int]:
    """Whether to optimize and how many threads to use, from a line of SETTINGS."""
    optimized, threads = setting.split(", ")
    return optimized == "optimized", int(threads.split()[0])
