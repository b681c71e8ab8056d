"""Schemas of records: every example keeps its own, and nothing that is changed in it does."""

import copy
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from edgedigits.errors import RecordError
from edgedigits.records.record import OPTIONAL, Record
from edgedigits.records.schema import DIALECT, document_schema
from tests.helpers.documents import record_validator, valid
from tests.records.test_records import CHECKPOINT, EARLIER, EXAMPLES

SHELF = Path(__file__).parents[2] / "exports"
OPEN = {"attributes", "params", "arguments", "options"}  # hold any JSON: what ops, graphs and plug-ins say
Place = tuple[str | int, ...]


def places(value: Any, place: Place = ()) -> Iterator[Place]:
    """Every value in a document, but those in fields that hold any."""
    yield place
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        if place and place[-1] in OPEN:
            return
        yield from places(item, (*place, key))


def changed(document: Any, place: Place, change: Callable[[Any, Any], None]) -> Any:
    """A copy of a document; `change` takes what holds the value at a place, and its key there."""
    found = [copy.deepcopy(document)]
    holder: Any = found
    for key in (0, *place[:-1]) if place else ():
        holder = holder[key]
    change(holder, place[-1] if place else 0)
    return found[0]


def of_another_type(holder: Any, key: Any) -> None:
    holder[key] = [[]] if isinstance(holder[key], dict) else {"other": {}}


def one_more(holder: Any, key: Any) -> None:
    holder[key]["other"] = {"other": []}


def gone(holder: Any, key: Any) -> None:
    del holder[key]


@pytest.mark.parametrize("record", EXAMPLES, ids=lambda record: type(record).__name__)
class TestExamples:
    def test_an_example_keeps_its_schema(self, record: Record) -> None:
        check = record_validator(type(record))
        check.check_schema(check.schema)
        check.validate(record.to_dict())

    def test_a_value_of_another_type_is_rejected_wherever_it_stands(self, record: Record) -> None:
        document = record.to_dict()
        for place in places(document):
            other = changed(document, place, of_another_type)
            assert not record_validator(type(record)).is_valid(other), place
            with pytest.raises(RecordError):
                type(record).from_dict(other)

    def test_an_unknown_field_is_rejected_in_every_object(self, record: Record) -> None:
        document = record.to_dict()
        objects = [place for place in places(document) if isinstance(at(document, place), dict)]
        for place in objects:
            if not (place and place[-1] in OPEN):
                other = changed(document, place, one_more)
                assert not record_validator(type(record)).is_valid(other), place

    def test_a_field_may_be_missing_only_where_it_is_optional(self, record: Record) -> None:
        check, document = record_validator(type(record)), record.to_dict()
        for f in dataclasses.fields(record):
            if f.name in document:
                optional = f.metadata == OPTIONAL
                assert check.is_valid(changed(document, (f.name,), gone)) == optional, f.name

    def test_no_field_that_is_left_out_may_be_null(self, record: Record) -> None:
        for f in dataclasses.fields(record):
            if f.metadata == OPTIONAL:
                assert not record_validator(type(record)).is_valid(record.to_dict() | {f.name: None})


def at(document: Any, place: Place) -> Any:
    for key in place:
        document = document[key]
    return document


def test_what_earlier_versions_wrote_keeps_the_schema_too() -> None:
    document = CHECKPOINT.to_dict()
    assert CHECKPOINT.from_dict(document | {"spec": EARLIER.to_dict()}) == CHECKPOINT
    record_validator(type(CHECKPOINT)).validate(document | {"spec": EARLIER.to_dict()})
    assert not record_validator(type(CHECKPOINT)).is_valid(document | {"spec": {}})


@pytest.mark.parametrize("folder", sorted(path.parent for path in SHELF.glob("*/manifest.json")), ids=lambda f: f.name)
def test_the_shelf_keeps_its_schemas(folder: Path) -> None:
    for name in ("manifest", "parity"):
        valid(name, (folder / f"{name}.json").read_bytes())


@dataclasses.dataclass(frozen=True)
class Tree(Record):
    """Anything below anything.

    leaves, names   as words: None where
                    it has none
    """

    leaves: tuple[str | int, ...]
    names: Mapping[str, float] | None
    below: "tuple[Tree, ...]"
    note: str | None = dataclasses.field(default=None, metadata=OPTIONAL)


def test_a_schema_says_what_docstrings_say() -> None:
    assert document_schema("tree", Tree) == {
        "$schema": DIALECT,
        "title": "edgedigits tree",
        "$ref": "#/$defs/Tree",
        "$defs": {
            "Tree": {
                "description": "Anything below anything.",
                "type": "object",
                "properties": {
                    "leaves": {
                        "type": "array",
                        "items": {"type": ["string", "integer"]},
                        "description": "as words: null where it has none",
                    },
                    "names": {
                        "anyOf": [{"type": "object", "additionalProperties": {"type": "number"}}, {"type": "null"}],
                        "description": "as words: null where it has none",
                    },
                    "below": {"type": "array", "items": {"$ref": "#/$defs/Tree"}},
                    "note": {"type": "string"},
                },
                "required": ["leaves", "names", "below"],
                "additionalProperties": False,
            }
        },
    }
    check = Draft202012Validator(document_schema("tree", Tree))
    check.validate(Tree(("a", 1), None, (Tree((), {"b": 0.5}, (), note="deep"),)).to_dict())
