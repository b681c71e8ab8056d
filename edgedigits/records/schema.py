"""JSON Schema (2020-12) of records, made from the records themselves, so that the two cannot drift.

    document_schema("verify", Verification) -> {"$schema": ..., "$ref": "#/$defs/Verification", "$defs": {...}}

A schema is as strict as the documents are regular: every field that is always written is required, one that is marked
OPTIONAL is never null, and no other field is there. What fields mean is taken from the records' docstrings.
"""

import dataclasses
import re
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from edgedigits.records.record import Record, is_optional, written_fields

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TYPES: Mapping[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean", types.NoneType: "null"}
EXPLAINED = re.compile(r"(\w+(?:, \w+)*) {2,}(\S.*)")  # in a docstring: names of fields, then what they mean
Schema = dict[str, Any]


def document_schema(name: str, *kinds: type[Record]) -> Schema:
    """The schema of a document: a record of one of `kinds`, as `to_dict` gives it; `name` is its title."""
    known: dict[str, Schema] = {}
    wanted = _one_of([_reference(kind, known) for kind in kinds])
    return {"$schema": DIALECT, "title": f"edgedigits {name}", **wanted, "$defs": dict(sorted(known.items()))}


def _reference(kind: type[Record], known: dict[str, Schema]) -> Schema:
    """Names a record's schema, which stands in `known` from then on; what it was in earlier versions is as good."""
    name = kind.__name__
    if name not in known:
        known[name] = {}  # for records that hold their own kind
        known[name] = _object(kind, known)
    return _one_of([{"$ref": f"#/$defs/{name}"}, *(_reference(former, known) for former in kind.former)])


def _object(kind: type[Record], known: dict[str, Schema]) -> Schema:
    fields, hints, text = written_fields(kind), typing.get_type_hints(kind), kind.__doc__ or ""
    meanings = dict(_explained(text))
    properties = {f.name: _field(f, hints[f.name], known) | _meaning(f, meanings) for f in fields}
    return {
        "description": text.partition("\n\n")[0],
        "type": "object",
        "properties": properties,
        "required": [f.name for f in fields if not is_optional(f)],
        "additionalProperties": False,
    }


def _field(f: dataclasses.Field[Any], kind: Any, known: dict[str, Schema]) -> Schema:
    """OPTIONAL fields are left out instead of null."""
    present = [arg for arg in typing.get_args(kind) if arg is not types.NoneType]
    union = typing.get_origin(kind) in (types.UnionType, typing.Union)
    return _union(present, known) if union and is_optional(f) else _schema(kind, known)


def _meaning(f: dataclasses.Field[Any], meanings: Mapping[str, str]) -> Schema:
    """What a field means; what is None in Python is null in JSON, or left out."""
    nothing = "absent" if is_optional(f) else "null"
    return {"description": meanings[f.name].replace("None", nothing)} if f.name in meanings else {}


def _schema(kind: Any, known: dict[str, Schema]) -> Schema:
    """What JSON holds for a value of type `kind`."""
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return {}
    if origin in (types.UnionType, typing.Union):
        return _union(args, known)
    if origin is tuple:
        return {"type": "array", "items": _schema(args[0], known)}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": _schema(args[1], known)}
    if isinstance(kind, type) and issubclass(kind, Record):
        return _reference(kind, known)
    return {"type": TYPES[kind]}


def _union(kinds: Sequence[Any], known: dict[str, Schema]) -> Schema:
    """One of several types: where all of them are plain, in JSON Schema's short form."""
    if len(kinds) > 1 and set(kinds) <= TYPES.keys():
        return {"type": [TYPES[kind] for kind in kinds]}
    return _one_of([_schema(kind, known) for kind in kinds])


def _one_of(schemas: list[Schema]) -> Schema:
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _explained(text: str) -> Iterator[tuple[str, str]]:
    """What a record's docstring says of its fields, by name: `name   what it means`, on further lines indented."""
    names, words = "", ""
    for line in (*(line.removeprefix("    ") for line in text.splitlines()), ""):
        if names and line.startswith(" "):
            words += f" {line.strip()}"
            continue
        yield from ((name, words) for name in names.split(", ") if name)
        found = EXPLAINED.match(line)
        names, words = found.groups() if found else ("", "")
