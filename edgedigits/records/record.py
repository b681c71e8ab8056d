"""What travels between the stages: frozen dataclasses that become JSON and come back.

    ModelSpec, Recipe ──train──> Checkpoint ──export──> Artifact ──verify──> ParityReport

Records are joined by SHA-256, never by file name. Fractions are fractions (0.99, not 99), sizes are
bytes, times are seconds. Fields marked LOCAL say where a record was found; they are never written.
Fields marked OPTIONAL are left out where they are None, () or {}, so that what does without them keeps its bytes.
Standard library only, so that reading a record costs nothing.
"""

import dataclasses
import json
import math
import os
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from edgedigits.errors import RecordError, UsageError
from edgedigits.system import files

LOCAL: Mapping[str, bool] = {"local": True}
OPTIONAL: Mapping[str, bool] = {"optional": True}
DEVICES = {"CON", "PRN", "AUX", "NUL", *(f"{port}{number}" for port in ("COM", "LPT") for number in range(1, 10))}
MOST_NAME = 255  # bytes of a file's name, on any system
MOST_BYTES = 64 << 20  # of a JSON file: the largest of ours, a page of flips, has a few


def require(holds: bool, name: str, wanted: str, value: object) -> None:
    """Raise UsageError, which says what was wanted of a field, unless it holds."""
    if not holds:
        raise UsageError(f"{name}: {wanted} wanted, {value!r} given")


def require_plain(name: str, value: str) -> None:
    """Names become files and folders: none may lead out of where it is used."""
    plain = value not in ("", ".", "..") and not set(value) & set("/\\\0") and not _reserved(value)
    encoded = value.encode(errors="ignore")
    fits = encoded.decode() == value and len(encoded) <= MOST_NAME
    require(plain and fits, name, "a name without folders", value[:MOST_NAME])


def _reserved(name: str) -> bool:
    """Whether it names a device or a stream on Windows: writing NUL writes nothing, a:b writes into a file a."""
    if os.name != "nt":
        return False
    stem = name.partition(".")[0].rstrip(" ").upper()
    return bool(set(name) & set('<>:"|?*')) or name[-1] in ". " or stem in DEVICES


class Record:
    """What all records can do: `to_dict`, `to_json`, and strictly back."""

    former: ClassVar[tuple[type["Record"], ...]] = ()  # whose JSON `modernized` reads as this kind's

    def to_dict(self) -> dict[str, Any]:
        """This record as JSON types, in the order of its fields, without the LOCAL ones."""
        values = {f: getattr(self, f.name) for f in written_fields(type(self))}
        written = {f.name: value for f, value in values.items() if not (is_optional(f) and value in (None, (), {}))}
        return {name: _encode(value) for name, value in written.items()}

    def to_json(self) -> str:
        """This record as an indented JSON document that ends with a newline."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def to_line(self) -> str:
        """This record as JSON on one line, without spaces."""
        return json.dumps(self.to_dict(), separators=(",", ":"), ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_dict(cls, data: object, where: str = "") -> Self:
        """The record that `to_dict` gave. Raises RecordError on a missing, unknown or ill-typed field.

        where   what errors call it, by default by its type
        """
        return typing.cast(Self, _decode(cls, data, where or cls.__name__))

    @classmethod
    def modernized(cls, data: dict[str, Any], where: str) -> dict[str, Any]:  # noqa: ARG003 - of those that changed
        """What `to_dict` gave in an earlier version, as it is today; `where` names it in errors. Raises RecordError."""
        return data

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The record that `to_json` gave. Raises RecordError."""
        try:
            data = json.loads(text, parse_constant=_no_constant)
            json.dumps(data, ensure_ascii=False).encode()  # or half a surrogate pair would break whoever writes it
            return cls.from_dict(data)
        except (ValueError, RecursionError) as error:
            raise RecordError(f"{cls.__name__}: not JSON ({error})") from error

    @classmethod
    def read(cls, path: Path) -> Self:
        """The record in a JSON file. Raises RecordError, which names the file."""
        try:
            return cls.from_json(files.read_bytes(path, MOST_BYTES))
        except OSError as error:
            raise RecordError(f"{path}: cannot be read ({error.strerror})") from error
        except RecordError as error:
            raise RecordError(f"{path}: {error}") from error


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")  # JSON knows no NaN and no infinity, Python's reader does


def written_fields(cls: type) -> tuple[dataclasses.Field[Any], ...]:
    """The fields of a record, without the LOCAL ones."""
    return tuple(f for f in dataclasses.fields(cls) if not f.metadata.get("local"))


def is_optional(f: dataclasses.Field[Any]) -> bool:
    """Whether a field is marked OPTIONAL."""
    return bool(f.metadata.get("optional"))


def _encode(value: Any) -> Any:
    if isinstance(value, Record):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {key: _encode(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_encode(item) for item in value]
    return value


def _decode(kind: Any, value: Any, where: str) -> Any:
    """`value`, which came from JSON, as the type `kind`; `where` names the field in errors."""
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return _frozen(value)
    if origin in (types.UnionType, typing.Union):
        return _decode_union(args, value, where)
    if origin is tuple:
        items = _expect(list, value, where)
        return tuple(_decode(args[0], item, f"{where}[{i}]") for i, item in enumerate(items))
    if origin is Mapping:
        entries = _expect(dict, value, where)
        return {key: _decode(args[1], item, f"{where}.{key}") for key, item in entries.items()}
    if isinstance(kind, type) and issubclass(kind, Record):
        return _decode_record(kind, _expect(dict, value, where), where)
    if kind is float:
        return _decode_float(value, where)
    return _expect(kind, value, where)


def _decode_float(value: Any, where: str) -> float:
    """A finite number: JSON does not tell 1 from 1.0, and Python's reader takes 1e999 for infinity."""
    try:
        number = float(value) if type(value) is int else _expect(float, value, where)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise RecordError(f"{where}: a finite number wanted")
    return number


def _decode_union(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and types.NoneType in kinds:
        return None
    present = [kind for kind in kinds if kind is not types.NoneType]
    fitting = [kind for kind in present if type(value) is kind or _names(kind, value)]
    return _decode((fitting or present)[0], value, where)


def _names(kind: Any, value: Any) -> bool:
    """Whether all that stands in a JSON object are fields of a record."""
    is_record = isinstance(kind, type) and issubclass(kind, Record) and isinstance(value, dict)
    return is_record and value.keys() <= {f.name for f in written_fields(kind)}


def _decode_record(cls: type[Record], data: dict[str, Any], where: str) -> Record:
    data = cls.modernized(data, where)
    known = {f.name: f for f in written_fields(cls)}
    if extra := data.keys() - known.keys():
        raise RecordError(f"{where}: unknown field '{min(extra)}'")
    optional = (dataclasses.MISSING, dataclasses.MISSING)
    required = {name for name, f in known.items() if (f.default, f.default_factory) == optional}
    if missing := required - data.keys():
        raise RecordError(f"{where}: field '{min(missing)}' is missing")
    hints = typing.get_type_hints(cls)
    values = {name: _decode(hints[name], item, f"{where}.{name}") for name, item in data.items()}
    try:
        return cls(**values)
    except UsageError as error:
        raise RecordError(f"{where}: {error}") from error


def _expect(kind: type, value: Any, where: str) -> Any:
    if type(value) is not kind:  # not isinstance: True is no int here
        raise RecordError(f"{where}: {kind.__name__} wanted, {type(value).__name__} found")
    return value


def _frozen(value: Any) -> Any:
    """JSON's lists as tuples, so that a record read back equals the one written."""
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    if isinstance(value, dict):
        return {key: _frozen(item) for key, item in value.items()}
    return value
