"""What a person or a program sees: tables, JSON documents, progress."""

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from edgedigits import measured, presets
from edgedigits.data import FileStatus
from edgedigits.progress import Observer, Progress
from edgedigits.records import Artifact, Checkpoint, ParityReport, Recipe, Verification

PIPE_WIDTH = 10_000  # columns when stdout is no terminal: nothing is wrapped or cut


def print_json(document: dict[str, Any]) -> None:
    """Print exactly one JSON document on stdout, in ASCII: whatever the encoding of a pipe, it can be read."""
    sys.stdout.write(json.dumps(document, indent=2, allow_nan=False) + "\n")


def print_table(table: RenderableType) -> None:
    """Print a table on stdout; in colour only on a terminal without NO_COLOR."""
    width = None if sys.stdout.isatty() else PIPE_WIDTH
    Console(width=width, highlight=False, markup=False, emoji=False).print(table)  # a path may hold [brackets]


@contextlib.contextmanager
def progress(title: str) -> Iterator[Observer]:
    """An observer that draws a bar on stderr while it is a terminal, and draws nothing elsewhere."""
    console = Console(stderr=True)
    if not console.is_terminal or os.environ.get("TERM") == "dumb":
        yield lambda _: None
        return
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[figures]}"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=None, figures="")

        def show(event: Progress) -> None:
            bar.update(
                task,
                description=event.task or title,
                completed=event.done,
                total=event.total,
                figures=_figures(event.figures),
            )

        yield show


def _figures(figures: Any) -> str:
    formats = {"loss": "loss {:.4f}", "accuracy": "accuracy {:.2%}", "images_per_second": "{:,.0f} images/s"}
    return "  ".join(formats[name].format(value) for name, value in figures.items())


def training(checkpoints: Sequence[Checkpoint]) -> Table:
    """The table at the end of `train`."""
    table = _table("model", "data", "test accuracy>", "train accuracy>", "epochs>", "seconds>", "device", "files")
    for run in checkpoints:
        table.add_row(
            run.model,
            run.dataset.name,
            f"{run.metrics.test_accuracy:.2%}",
            f"{run.metrics.train_accuracy:.2%}",
            str(run.recipe.epochs),
            f"{run.metrics.train_seconds:.1f}",
            run.device,
            f"{run.folder}{os.sep}",
        )
    return table


def training_json(checkpoints: Sequence[Checkpoint]) -> dict[str, Any]:
    """The same for `--json`."""
    return {
        "runs": [
            {
                "name": run.name,
                "model": run.model,
                "dataset": run.dataset.name,
                "path": str(run.folder),
                "test_accuracy": run.metrics.test_accuracy,
                "train_accuracy": run.metrics.train_accuracy,
                "validation_accuracy": run.metrics.validation_accuracy,
                "train_seconds": run.metrics.train_seconds,
                "epochs": run.recipe.epochs,
                "seed": run.recipe.seed,
                "device": run.device,
                "threads": run.threads,
                "weights_sha256": run.weights_sha256,
            }
            for run in checkpoints
        ]
    }


def exported(artifacts: Sequence[Artifact]) -> Table:
    """The table at the end of `export`."""
    table = _table("file", "format", "size>", "SHA-256")
    for artifact in artifacts:
        table.add_row(str(artifact.path), artifact.format, size(artifact.size_bytes), f"{artifact.sha256[:12]}…")
    return table


def exported_json(artifacts: Sequence[Artifact]) -> dict[str, Any]:
    """The same for `--json`."""
    fields = ("name", "format", "size_bytes", "sha256", "checkpoint_sha256", "opset")
    return {
        "artifacts": [
            {"path": str(artifact.path)} | {field: getattr(artifact, field) for field in fields}
            for artifact in artifacts
        ]
    }


def verification(result: Verification) -> RenderableType:
    """The verdict table, every failure below it, and the verdict."""
    table = _table(
        "file", "size>", "torch>", "file>", "± 95%>", "flips>", "lost>", "gained>", "logits off by>", "verdict"
    )
    for report in result.reports:
        table.add_row(*_verification_row(report))
    failures = [
        Text(f"{report.path}\n  {failure}", style="red") for report in result.reports for failure in report.failures
    ]
    count = len(result.reports)
    failed = sum(not report.passed for report in result.reports)
    verdict = (
        f"passed: {count} {'file' if count == 1 else 'files'}, {result.samples:,} test images of {result.dataset}"
        if result.passed
        else f"FAILED: {failed} of {count} files"
    )
    return Group(table, *failures, Text(verdict, style="green" if result.passed else "bold red"))


def _verification_row(report: ParityReport) -> tuple[str | Text, ...]:
    verdict = Text("passed", style="green") if report.passed else Text("FAILED", style="bold red")
    if report.accuracy is None or report.interval is None:
        return (report.path, size(report.size_bytes), *["-"] * 7, verdict)
    low, high = report.interval
    return (
        report.path,
        size(report.size_bytes),
        f"{report.reference_accuracy:.2%}",
        f"{report.accuracy:.2%}",
        f"{50 * (high - low):.2f}",
        str(report.flips),
        str(report.lost),
        str(report.gained),
        "not finite" if report.max_abs_diff is None else f"{report.max_abs_diff:.1e}",
        verdict,
    )


def models() -> Table:
    """The table of presets."""
    table = _table("model", "network", "parameters>", "input", "recipe", "training", "test accuracy>", "seconds>")
    for row in models_json()["models"]:
        for index, (name, recipe) in enumerate(row["recipes"].items()):
            first = (row["name"], row["network"], f"{row['parameters']:,}", row["input"]) if index == 0 else ("",) * 4
            figures = measured.find(row["name"], name)
            table.add_row(*first, name, describe(Recipe.from_dict(recipe)), *_measured(figures))
    return table


def _measured(figures: measured.Measurement | None) -> tuple[str, str]:
    if figures is None:
        return "not measured", ""
    return f"{figures.mean:.2%} (n={len(figures.test_accuracy)})", f"{figures.seconds:.1f}"


def describe(recipe: Recipe) -> str:
    """A recipe in a few words."""
    words = [
        f"{recipe.optimizer} {recipe.lr:g}",
        f"batch {recipe.batch_size}",
        f"{recipe.epochs} {'epoch' if recipe.epochs == 1 else 'epochs'}",
    ]
    if recipe.schedule != "constant":
        words.append(recipe.schedule)
    if recipe.shift:
        words.append(f"shift {recipe.shift}")
    return ", ".join(words)


def models_json() -> dict[str, Any]:
    """The same for `--json`."""
    from edgedigits.models import parameter_count

    return {
        "models": [
            {
                "name": name,
                "network": preset.network,
                "parameters": parameter_count(preset.spec),
                "input": "uint8 28x28",
                "recipes": {kind: presets.recipe(name, kind).to_dict() for kind in presets.RECIPES},
                "measured": [entry.to_dict() for entry in measured.read() if entry.model == name],
            }
            for name, preset in presets.PRESETS.items()
        ]
    }


def statuses(files: Sequence[FileStatus]) -> RenderableType:
    """The table of raw data files, and advice below it."""
    table = _table("data set", "file", "state")
    styles = {"whole": "green", "missing": "yellow", "damaged": "bold red"}
    for status in files:
        table.add_row(status.dataset, str(status.path), Text(status.state, style=styles[status.state]))
    advice = dict.fromkeys(status.advice for status in files if status.advice)
    return Group(table, *(Text(line) for line in advice))


def statuses_json(files: Sequence[FileStatus]) -> dict[str, Any]:
    """The same for `--json`."""
    return {
        "files": [
            {"dataset": s.dataset, "path": str(s.path), "state": s.state, "advice": s.advice or None} for s in files
        ]
    }


def size(count: int) -> str:
    """A number of bytes for people: decimal units, as file managers show them."""
    for unit in ("B", "kB", "MB"):
        if count < 1000 or unit == "MB":
            return f"{count:,.1f} {unit}" if unit != "B" else f"{count} B"
        count /= 1000  # type: ignore[assignment]
    raise AssertionError


def _table(*columns: str) -> Table:
    """A table without lines; `>` behind a heading sets its column flush right."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.rstrip(">"), justify="right" if column.endswith(">") else "left", overflow="fold")
    return table
