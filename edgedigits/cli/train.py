"""The commands `train`, `models` and `data`, and what they print."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from edgedigits.cli import completion
from edgedigits.cli.app import DATA, DATASET, DarkInk, DataDir, Force, Json, Runs, command, print_result
from edgedigits.cli.sheet import Sheet
from edgedigits.cli.voice import tell
from edgedigits.records.words import describe

if TYPE_CHECKING:
    from edgedigits.bench.figures import Measurement
    from edgedigits.cli.documents import Models
    from edgedigits.data.published import FileStatus
    from edgedigits.records.model import Checkpoint

TRAINING = "Training"  # a group of options in its help


@command("edgedigits train --model cnn --epochs 2", "edgedigits train --dataset mnist-5k --model fc --seed 1")
def train(
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-m",
            metavar="NAME",
            autocompletion=completion.presets,
            help="A preset; may be repeated. By default fc and cnn.",
        ),
    ] = None,
    dataset: Annotated[str, DATASET] = "mnist",
    data_dir: DataDir = None,
    dark_ink: DarkInk = False,
    recipe: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            autocompletion=completion.recipes,
            rich_help_panel=TRAINING,
            help="default, long (fc): slower and better, reader: for what people write, or tutorial: as published. "
            "Options replace it.",
        ),
    ] = "default",
    epochs: Annotated[
        int | None, typer.Option(min=1, rich_help_panel=TRAINING, help="Passes over the training images.")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, rich_help_panel=TRAINING, help="Images a step.")] = None,
    lr: Annotated[
        float | None,
        typer.Option(rich_help_panel=TRAINING, help="Learning rate; its peak in a one-cycle schedule."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, rich_help_panel=TRAINING, help="Seed of every random choice.")
    ] = None,
    average: Annotated[
        float | None,
        typer.Option(
            metavar="DECAY", rich_help_panel=TRAINING, help="Take a mean of the weights of all steps, such as 0.999."
        ),
    ] = None,
    teacher: Annotated[
        Path | None,
        typer.Option(metavar="RUN", rich_help_panel=TRAINING, help="Learn the probabilities of this run, too."),
    ] = None,
    device: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            rich_help_panel=TRAINING,
            help="auto, cpu, cuda or mps.",
        ),
    ] = "auto",
    resume: Annotated[
        bool,
        typer.Option("--resume", rich_help_panel=TRAINING, help="Go on where an interrupted training ended."),
    ] = False,
    save_every: Annotated[
        float,
        typer.Option(
            metavar="SECONDS", min=0, rich_help_panel=TRAINING, help="Seconds of training that a kill may cost."
        ),
    ] = 10.0,
    threads: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=1024,
            rich_help_panel=TRAINING,
            help="Of the CPU; by default all, or fewer where others keep it busy.",
        ),
    ] = None,
    force: Force = False,
    runs: Runs = Path("runs"),
    json: Json = False,
) -> None:
    """Train models on real digits and write them to runs/<name>/. By default: fc and cnn, on MNIST."""
    from edgedigits.cli import tables
    from edgedigits.models import presets
    from edgedigits.models.presets import find_recipe

    names = model or list(presets.DEFAULT_MODELS)
    given = {"epochs": epochs, "batch_size": batch_size, "lr": lr, "seed": seed, "average": average}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    for name in names:  # say what is wrong before anything is loaded
        dataclasses.replace(find_recipe(name, recipe), **changes)
    from edgedigits.system.environment import import_torch

    import_torch("edgedigits train")
    from edgedigits.data.load import load_data
    from edgedigits.train import distributed
    from edgedigits.train.device import find_device
    from edgedigits.train.trainer import train as train_model

    kept = {"teacher": teacher, "resume": resume, "save_every": save_every, "force": force, "threads": threads}
    options: dict[str, Any] = {"recipe": recipe, "device": device, "runs": runs, **kept, **changes}
    checkpoints = []
    with distributed.joined(find_device(device)) as world:
        world.require_same({"model": names})
        with tables.progress("data", shown=world.rank == 0) as observer:
            digits = world.one_first(lambda: load_data(dataset, data_dir, dark_ink, observer))
        for name in dict.fromkeys(names):
            with tables.progress(f"train {name}", shown=world.rank == 0) as observer:
                checkpoints.append(train_model(name, digits, observer=observer, world=world, **options))
    if world.rank == 0:
        print_result(training(checkpoints), training_json(checkpoints), json)
        tell("Next: edgedigits export --format onnx --quantize")


@command("edgedigits models", "edgedigits models --json")
def models(json: Json = False) -> None:
    """List what can be trained: parameters, input, recipes, and the accuracy measured."""
    print_result(models_table(), models_json(), json)
    tell("Next: edgedigits train --model NAME")


@command("edgedigits data", "edgedigits data --fetch mnist")
def data(
    dataset: Annotated[
        list[str] | None,
        typer.Argument(autocompletion=completion.datasets, help="mnist, fashion, mnist-5k; without any, all."),
    ] = None,
    fetch: Annotated[
        bool,
        typer.Option("--fetch", rich_help_panel=DATA, help="Fetch what is missing, replace what is damaged."),
    ] = False,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Show which data sets are where, and whether they are whole; exit code 3 when a named one is not."""
    from edgedigits.cli import tables
    from edgedigits.data import published

    names = dataset or list(published.KNOWN)
    statuses = [status for name in names for status in published.status(name, data_dir)]
    if fetch:
        with tables.progress("fetch") as observer:
            for name in dict.fromkeys(names):
                published.fetch(name, data_dir, observer)
        statuses = [status for name in names for status in published.status(name, data_dir)]
    print_result(status_table(statuses), statuses_json(statuses), json)
    if dataset and any(status.state != "whole" for status in statuses):
        raise typer.Exit(3)
    tell(f"Next: {_next_after_data(statuses)}")


def _next_after_data(statuses: Sequence[FileStatus]) -> str:
    """The command that works with the data sets that are whole."""
    lacking = {status.dataset for status in statuses if status.state != "whole"}
    whole = [name for name in dict.fromkeys(status.dataset for status in statuses) if name not in lacking]
    if not whole:
        return "edgedigits data --fetch mnist, with a network"
    return "edgedigits train" if "mnist" in whole else f"edgedigits train --dataset {whole[0]}"


def training(checkpoints: Sequence[Checkpoint]) -> Sheet:
    """The table at the end of `train`."""
    sheet = Sheet(("model", "test accuracy>", "train accuracy>", "data", "epochs>", "seconds>", "device", "files"))
    for run in checkpoints:
        sheet.add_row(
            run.model,
            f"{run.metrics.test_accuracy:.2%}",
            f"{run.metrics.train_accuracy:.2%}",
            run.dataset.name,
            str(run.setup().recipe.epochs),
            f"{run.metrics.train_seconds:.1f}",
            run.device,
            f"{run.folder}{os.sep}",
        )
    return sheet


def training_json(checkpoints: Sequence[Checkpoint]) -> dict[str, Any]:
    """The same for `--json`."""
    from edgedigits.cli.documents import TrainedRun, Training

    return Training(tuple(TrainedRun.of(run) for run in checkpoints)).to_dict()


def _measured(figures: Measurement | None) -> tuple[str, str]:
    if figures is None:
        return "not measured", ""
    return f"{figures.mean:.2%} (n={len(figures.test_accuracy)})", f"{figures.seconds:.1f}"


def models_table() -> Sheet:
    """The table of presets."""
    from edgedigits.bench.figures import find_figures

    sheet = Sheet(
        ("model", "recipe", "test accuracy>", "seconds>", "training", "network", "parameters>", "input"),
        prose=("training",),
    )
    for row in _models().models:
        for index, (name, recipe) in enumerate(row.recipes.items()):
            once = (row.network, f"{row.parameters:,}", row.input) if index == 0 else ("",) * 3
            sheet.add_row(row.name, name, *_measured(find_figures(row.name, name)), describe(recipe), *once)
    return sheet


def models_json() -> dict[str, Any]:
    """The same for `--json`."""
    return _models().to_dict()


def _models() -> Models:
    """What there is to train, and what was measured of it."""
    from edgedigits.bench.figures import read_figures
    from edgedigits.cli.documents import Models, PresetFacts
    from edgedigits.models import presets

    return Models(
        tuple(
            PresetFacts(
                name=name,
                network=preset.network,
                parameters=preset.spec.network.parameters,
                input="uint8 28x28",
                recipes=preset.recipes,
                measured=tuple(entry for entry in read_figures().training if entry.model == name),
            )
            for name, preset in presets.ALL.items()
        )
    )


def status_table(files: Sequence[FileStatus]) -> RenderableType:
    """The table of raw data files, and advice below it."""
    sheet = Sheet(("file", "state", "data set"))
    styles = {"whole": "green", "missing": "yellow", "damaged": "bold red"}
    for status in files:
        sheet.add_row(str(status.path), Text(status.state, style=styles[status.state]), status.dataset)
    advice = dict.fromkeys(status.advice for status in files if status.advice)
    return Group(sheet, *(Text(line) for line in advice))


def statuses_json(files: Sequence[FileStatus]) -> dict[str, Any]:
    """The same for `--json`."""
    from edgedigits.cli.documents import DataFile, DataFiles

    return DataFiles(tuple(DataFile(s.dataset, str(s.path), s.state, s.advice or None) for s in files)).to_dict()
