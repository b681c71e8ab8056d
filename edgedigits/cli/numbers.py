"""What `predict --number` prints: a row a number, and where the pictures of their boxes are."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from edgedigits.cli.sheet import Sheet

if TYPE_CHECKING:
    from edgedigits.inference.numbers import Number, Numbers


def number_rows(result: Numbers, boxes: Mapping[str, Path]) -> Sheet:
    """A row for each number that could be read; with the file in which its boxes are, where there is one."""
    sheet = Sheet(("picture", "number", "least sure>", "doubts", *(["boxes"] if boxes else [])), prose=("doubts",))
    for found in result.numbers:
        if found.error is None:
            file = [str(boxes[found.picture])] if boxes else []
            sheet.add_row(found.picture, _number(found), _least_sure(found), "; ".join(map(str, found.doubts)), *file)
    return sheet


def write_boxes(result: Numbers) -> dict[str, Path]:
    """Pictures of the boxes, in the current folder, for the pictures that have any."""
    from edgedigits.inference.boxes import write_boxes as write

    pictures = groupby(result.numbers, lambda number: number.picture)
    numbers = {picture: [number for number in some if number.error is None] for picture, some in pictures}
    return {picture: write(picture, some, Path()) for picture, some in numbers.items() if some}


def _number(found: Number) -> Text:
    """The number, or in another colour what of it is sure."""
    return Text(found.text or "", style="" if found.number else "yellow")


def _least_sure(found: Number) -> str:
    """The digit that is the least sure, and how sure it is."""
    digit = min(found.digits, key=lambda digit: digit.probability)
    return f"{digit.label} {digit.probability:.1%}"
