"""The command `adopt`, and what it prints."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from edgedigits.cli.app import DATASET, DataDir, Force, Json, Runs, command, print_result
from edgedigits.cli.bench import readings
from edgedigits.cli.sheet import Sheet
from edgedigits.cli.voice import tell
from edgedigits.errors import BadInput
from edgedigits.records.words import percent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edgedigits.records.adoption import Adoption, Tried
    from edgedigits.records.model import Checkpoint


CLASS = "Class"  # a group of options in its help


@command('edgedigits adopt model.pt --net net.py:Net --input "mean/std, nchw"', "edgedigits adopt model.onnx")
def adopt(
    weights: Annotated[
        Path,
        typer.Argument(help="Weights (.pt, .pth, .safetensors, .ckpt, ...), of which nothing is run, or an ONNX file."),
    ],
    net: Annotated[
        str | None,
        typer.Option(
            "--net",
            metavar="FILE:NAME",
            rich_help_panel=CLASS,
            help="Its class, or a function that makes it: net.py:Net, net.ipynb:Net. It runs in a process of its own.",
        ),
    ] = None,
    args: Annotated[
        str,
        typer.Option(metavar="JSON", rich_help_panel=CLASS, help="Arguments of --net, by name: '{\"classes\": 10}'."),
    ] = "",
    timeout: Annotated[
        float,
        typer.Option(metavar="SECONDS", min=1, rich_help_panel=CLASS, help="What --net may take."),
    ] = 60.0,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Of the run; by default the file's.")
    ] = None,
    said: Annotated[
        str, typer.Option("--input", metavar="WORDS", help='What is known of its input: "mean/std, nchw".')
    ] = "",
    labels: Annotated[
        str | None,
        typer.Option(
            "--labels", metavar="A,B,...", help="Its classes in the order of its outputs, where they are not 0 to 9."
        ),
    ] = None,
    dataset: Annotated[str, DATASET] = "mnist",
    data_dir: DataDir = None,
    force: Force = False,
    runs: Runs = Path("runs"),
    json: Json = False,
) -> None:
    """Make a run of a network that somebody else trained: its layers and its input are found out by asking digits."""
    from edgedigits.cli import tables
    from edgedigits.system.environment import import_torch

    import_torch("edgedigits adopt")
    from edgedigits.adopt.adopter import adopt as adopt_weights

    named = tuple(part.strip() for part in labels.split(",")) if labels else ()
    try:
        with tables.progress(f"adopt {weights}") as observer:
            run = adopt_weights(
                weights,
                net=net,
                args=args,
                timeout=timeout,
                name=name,
                dataset=dataset,
                said=said,
                labels=named,
                data_dir=data_dir,
                runs=runs,
                force=force,
                observer=observer,
            )
    except BadInput as error:
        if (found := getattr(error, "found", None)) and not json:
            tables.print_table(readings(found))
        raise
    print_result(adoption(run), adoption_json(run), json)
    tell(f"Next: edgedigits export --model {run.name} && edgedigits verify {run.name}")


def adoption(run: Checkpoint) -> RenderableType:
    """What was found of an adopted model: its input, its layers, what they were chosen from, and its accuracy."""
    made = _made(run)
    structures = [Text(f"structure {made.structure}: {made.layers}")]
    rivals: list[RenderableType] = []
    if len(made.rivals) > 1:
        rivals = ["", _tried("structure tried", made.rivals), ""]
    notes = [Text(remark, style="yellow") for remark in made.remarks]
    accuracy = percent(run.metrics.test_accuracy)
    done = f"{run.folder}{os.sep}: {accuracy} of the test images of {run.dataset.name}"
    how = Text(f"{made.digits:,} training digits, {made.container}", style="dim")
    return Group(_tried("input read as", made.readings), "", *structures, *rivals, *notes, how, Text(done))


def _tried(heading: str, found: Iterable[Tried]) -> Sheet:
    sheet = Sheet((heading, "loss>", "accuracy>"), prose=(heading,))
    for one in found:
        sheet.add_row(one.words, "-" if one.loss is None else f"{one.loss:.4f}", percent(one.accuracy))
    return sheet


def _made(run: Checkpoint) -> Adoption:
    assert run.adopted
    return run.adopted


def adoption_json(run: Checkpoint) -> dict[str, Any]:
    """The same for `--json`."""
    from edgedigits.cli.documents import AdoptedRun

    return AdoptedRun.of(run, _made(run)).to_dict()
