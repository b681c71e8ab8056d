"""TorchScript files, as the zip archives they are: torch is not asked, since to load one is to run what it holds."""

import io
import math
import pickle
import re
import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgedigits.errors import ModelFileError, first_line
from edgedigits.records.artifact import CONTRACT_KEY, Contract, TensorInfo
from edgedigits.runtime.readers import Description, parse_contract
from edgedigits.runtime.safety import BOUNDS
from edgedigits.system import archive

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


def read_contract(path: Path, content: bytes) -> Contract:
    """The contract, an extra file of the archive. What else it holds, only torch can tell. Raises ModelFileError."""
    try:
        records = archive.read(content, BOUNDS.file_bytes)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise ModelFileError(f"{path}: not a valid TorchScript file ({first_line(error)}).") from error
    return parse_contract(path, records.get(f"extra/{CONTRACT_KEY}"))


def describe(path: Path, content: bytes) -> Description:
    """The operators of its code, and the tensors of its pickles. Raises ModelFileError."""
    try:
        records = archive.read(content, BOUNDS.file_bytes)
        tensors = _tensors(records)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise ModelFileError(f"{path}: not a valid TorchScript file ({first_line(error)}).") from error
    code = [text.decode("utf-8", "replace") for name, text in records.items() if name.endswith(".py")]
    return Description(
        contract=parse_contract(path, records.get(f"extra/{CONTRACT_KEY}")),
        operators=Counter(OPERATOR.findall("\n".join(code))),
        tensors=tensors,
    )


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


def _tensors(records: Mapping[str, bytes]) -> tuple[TensorInfo, ...]:
    """The tensors of all pickled records. Raises RuntimeError when a record is damaged."""
    tensors: list[TensorInfo] = []
    for name in ("constants", "data"):  # a frozen module keeps everything in the first
        try:
            reader = _TensorReader(name, records[f"{name}.pkl"])
            reader.load()
        except Exception as error:  # damaged pickles raise whatever they meet
            raise RuntimeError(f"{name}.pkl: {first_line(error)}") from error
        tensors += reader.tensors
    return tuple(tensors)
