"""Documents against their schemas, as a program of somebody else would check them: with the library `jsonschema`."""

import functools
import json
from typing import Any

from jsonschema import Draft202012Validator

from edgedigits.cli.schema import find_schema
from edgedigits.records.record import Record
from edgedigits.records.schema import document_schema


@functools.cache
def validator(name: str) -> Draft202012Validator:
    """Of a document that `edgedigits schema` knows."""
    return Draft202012Validator(find_schema(name))


@functools.cache
def record_validator(kind: type[Record]) -> Draft202012Validator:
    """Of any record."""
    return Draft202012Validator(document_schema(kind.__name__, kind))


def valid(name: str, text: str | bytes) -> Any:
    """The document in a text. Raises jsonschema.ValidationError where it is not as its schema says."""
    document = json.loads(text)
    validator(name).validate(document)
    return document
