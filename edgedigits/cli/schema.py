"""The command `schema`: what the JSON is that commands print and stages write, for programs that read it."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from edgedigits.cli import completion
from edgedigits.cli.app import command

if TYPE_CHECKING:
    from edgedigits.records.schema import Schema

DOCUMENTS: Mapping[str, tuple[str, ...]] = {  # by their names: the records that they hold, imported when asked for
    "train": ("cli.documents.Training",),
    "adopt": ("cli.documents.AdoptedRun",),
    "export": ("cli.documents.Exported",),
    "verify": ("records.report.Verification",),
    "bench": ("bench.bench.Benchmark",),
    "inspect": ("runtime.inspection.Inspection", "runtime.finding.Found"),  # the second with --ask
    "predict": ("inference.predict.Predictions", "inference.numbers.Numbers"),  # the second with --number
    "score": ("inference.score.ScoreSummary",),
    "embed": ("cli.documents.EmbeddedFolder",),
    "card": ("cli.documents.Cards",),
    "reproduce": ("verify.reproduce.Reproduction",),
    "models": ("cli.documents.Models",),
    "data": ("cli.documents.DataFiles",),
    "manifest": ("records.artifact.Manifest",),
    "checkpoint": ("records.model.Checkpoint",),
    "parity": ("records.report.Verification",),
    "contract": ("records.artifact.Contract",),
}


@command("edgedigits schema verify", "edgedigits schema manifest")
def schema(
    name: Annotated[
        str,
        typer.Argument(
            autocompletion=completion.documents,
            help="A command, for what its --json prints; or manifest, checkpoint, parity, contract.",
        ),
    ],
) -> None:
    """Print the JSON Schema of a document that EdgeDigits writes."""
    from edgedigits.cli import tables

    tables.print_json(find_schema(name))


def find_schema(name: str) -> Schema:
    """The schema of a document, as `DOCUMENTS` names it. Raises UsageError where it names none so."""
    from edgedigits.errors import unknown
    from edgedigits.records.schema import document_schema

    if name not in DOCUMENTS:
        raise unknown("document", name, DOCUMENTS)
    places = (place.rpartition(".") for place in DOCUMENTS[name])
    kinds = (getattr(importlib.import_module(f"edgedigits.{module}"), kind) for module, _, kind in places)
    return document_schema(name, *kinds)
