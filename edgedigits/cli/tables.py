"""What all commands print with: tables, JSON documents, progress bars."""

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table

from edgedigits.cli.voice import VOICE
from edgedigits.records.progress import Observer, Progress

PIPE_WIDTH = 10_000  # columns when stdout is no terminal, and COLUMNS says nothing: nothing is wrapped or cut


def print_json(document: dict[str, Any]) -> None:
    """Print exactly one JSON document on stdout, in ASCII: whatever the encoding of a pipe, it can be read."""
    sys.stdout.write(json.dumps(document, indent=2, allow_nan=False) + "\n")


def print_table(table: RenderableType) -> None:
    """Print a table on stdout; in colour only on a terminal without NO_COLOR."""
    width = None if sys.stdout.isatty() or os.environ.get("COLUMNS") else PIPE_WIDTH
    Console(width=width, highlight=False, markup=False, emoji=False).print(table)  # a path may hold [brackets]


@contextlib.contextmanager
def progress(title: str, shown: bool = True) -> Iterator[Observer]:
    """An observer that draws a bar on stderr while it is a terminal, and draws nothing elsewhere, or with --quiet."""
    console = Console(stderr=True)
    if VOICE.quiet or not shown or not console.is_terminal or os.environ.get("TERM") == "dumb":
        yield lambda _: None
        return
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    class Line(Bar):
        """Says how long it takes still, or, where nobody knows, how long it has taken."""

        def get_renderables(self) -> Iterator[RenderableType]:
            for task in self.tasks:
                task.fields["time"] = _time(task.time_remaining, task.elapsed)
            yield from super().get_renderables()

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[figures]}"),
        TextColumn("{task.fields[time]}", style="dim"),
    )
    with Line(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=None, figures="", time="")

        def show(event: Progress) -> None:
            bar.update(
                task,
                description=event.task or title,
                completed=event.done,
                total=event.total,
                figures=_figures(event.figures),
            )

        yield show


def _time(remaining: float | None, elapsed: float | None) -> str:
    """An estimate, or what went by, in minutes and seconds."""
    minutes, seconds = divmod(round(elapsed or 0.0 if remaining is None else remaining), 60)
    return f"{minutes}:{seconds:02} {'so far' if remaining is None else 'left'}"


def _figures(figures: Any) -> str:
    formats = {"loss": "loss {:.4f}", "accuracy": "accuracy {:.2%}", "images_per_second": "{:,.0f} images/s"}
    return "  ".join(formats[name].format(value) for name, value in figures.items())


def facts_of(name: str, value: str) -> Table:
    """A table of facts, one a line, each with its name; it begins with this one. What does not fit is folded."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(name, no_wrap=True)
    table.add_column(value, overflow="fold")
    return table
