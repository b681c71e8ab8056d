"""What C files take of a microcontroller, as commands print it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from edgedigits.cli.sheet import Sheet
from edgedigits.records.words import size

if TYPE_CHECKING:
    from edgedigits.records.footprint import Footprint

HOW = (
    "Flash and stack: Cortex-M3, compiled for size; instructions of an image (a canvas: of 96 x 96 pixels), counted in "
    "an emulator: no cycles."
)


def device_tables(footprints: Mapping[str, Footprint | None]) -> list[RenderableType]:
    """A row for each C file, by its name; nothing where there is none. What is missing is said behind."""
    rows = {name: found for name, found in footprints.items() if found}
    if not rows:
        return []
    processors = list(dict.fromkeys(processor for found in rows.values() for processor in found.instructions))
    names = ("flash>", "code>", "tables>", "weights>", "scratch>", "stack>", "products>")
    sheet = Sheet(("before flashing", *names, *(f"{name.removeprefix('cortex-').upper()}>" for name in processors)))
    for name, found in rows.items():
        bytes_of = (found.flash, found.code, found.tables, found.weights, found.scratch, found.stack)
        counts = (found.products, *map(found.instructions.get, processors))
        sheet.add_row(name, *map(_bytes, bytes_of), *map(_count, counts))
    missing = dict.fromkeys(found.missing for found in rows.values() if found.missing)
    notes = [Text(f"not measured: {each}", style="yellow") for each in missing] or [Text(HOW, style="dim")]
    return ["", sheet, *notes]


def _bytes(count: int | None) -> str:
    return "-" if count is None else size(count)


def _count(count: int | None) -> str:
    return "-" if count is None else f"{count:,}"
