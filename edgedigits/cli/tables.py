"""What all commands print with: tables, JSON documents, progress bars."""

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table

from edgedigits.records.progress import Observer, Progress

PIPE_WIDTH = 10_000  # columns when stdout is no terminal: nothing is wrapped or cut


def print_json(document: dict[str, Any]) -> None:
    """Print exactly one JSON document on stdout, in ASCII: whatever the encoding of a pipe, it can be read."""
    sys.stdout.write(json.dumps(document, indent=2, allow_nan=False) + "\n")


def print_table(table: RenderableType) -> None:
    """Print a table on stdout; in colour only on a terminal without NO_COLOR."""
    width = None if sys.stdout.isatty() else PIPE_WIDTH
    Console(width=width, highlight=False, markup=False, emoji=False).print(table)  # a path may hold [brackets]


@contextlib.contextmanager
def progress(title: str, shown: bool = True) -> Iterator[Observer]:
    """An observer that draws a bar on stderr while it is a terminal, and draws nothing elsewhere."""
    console = Console(stderr=True)
    if not shown or not console.is_terminal or os.environ.get("TERM") == "dumb":
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


def table_of(*columns: str) -> Table:
    """A table without lines; `>` behind a heading sets its column flush right."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.rstrip(">"), justify="right" if column.endswith(">") else "left", overflow="fold")
    return table
