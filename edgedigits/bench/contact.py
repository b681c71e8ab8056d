"""Contact sheets: the pictures that a canvas file reads wrongly or refuses, small, to be looked at.

a set of `pictures` ──the file──> misses ──> a PNG file: each picture, what the network saw of it, what was said
"""

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgedigits.bench.pictures import NO_DIGIT, NOTHING, NUMBER, Pictures
from edgedigits.inference.numbers import numbers_on
from edgedigits.records.arrays import Images, Uint8Array
from edgedigits.runtime.predictor import CanvasPredictor
from edgedigits.system import files

if TYPE_CHECKING:
    from PIL.Image import Image

MOST, COLUMNS = 60, 10  # pictures on a sheet, and beside each other
SIDE, SEEN, LINE = 132, 42, 14  # pixels of a picture, of what was seen of it, and of a line below
WRONG, REFUSED = (190, 30, 50), (40, 40, 40)  # colours of what was said, which says it, too


@dataclass(frozen=True)
class Miss:
    """A picture that was not read as it should be; what was seen of it: `[28, 28]`, None of a number."""

    canvas: Uint8Array
    seen: Images | None
    said: str
    wrong: bool


def write_sheets(predictor: CanvasPredictor, sets: Iterable[Pictures], folder: Path) -> Iterator[Path]:
    """A sheet for each set that has misses; yields each as it is written."""
    folder.mkdir(parents=True, exist_ok=True)
    for pictures in sets:
        if found := worst(misses(predictor, pictures)):
            path = folder / f"{_plain(pictures.group)}-{_plain(pictures.name)}.png"
            with files.staged(folder) as stage:
                draw(found).save(stage / path.name, "PNG")
            yield path


def misses(predictor: CanvasPredictor, pictures: Pictures) -> Iterator[Miss]:
    """Those of a set, in its order."""
    for canvas, truth in pictures.make():
        found = _number(predictor, canvas, str(truth)) if pictures.show == NUMBER else _digit(predictor, canvas, truth)
        if found and (found.wrong or pictures.show != NOTHING):
            yield found


def worst(found: Iterable[Miss]) -> list[Miss]:
    """MOST of them, the wrong ones first."""
    return sorted(found, key=lambda miss: not miss.wrong)[:MOST]


def _number(predictor: CanvasPredictor, canvas: Uint8Array, truth: str) -> Miss | None:
    (found, *_) = numbers_on(canvas, predictor, "")
    if found.number == truth:
        return None
    return Miss(canvas, None, f"{truth}: {found.text or found.error}", found.number is not None)


def _digit(predictor: CanvasPredictor, canvas: Uint8Array, truth: int | str) -> Miss | None:
    reading = predictor.read(canvas)
    label, sure = int(reading.probabilities.argmax()), float(reading.probabilities.max())
    refused = sure < (predictor.contract.threshold or 0.0)
    if label == truth and not refused:
        return None
    written = "" if truth == NO_DIGIT else f"{truth}: "
    return Miss(canvas, reading.seen, f"{written}{label} {sure:.0%}{' refused' if refused else ''}", not refused)


def draw(found: Sequence[Miss]) -> "Image":
    """Misses beside and below each other."""
    from PIL import Image, ImageDraw, ImageFont

    rows = -(-len(found) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * SIDE, rows * (SIDE + LINE)), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(LINE - 3)
    for miss, (row, column) in zip(found, itertools.product(range(rows), range(COLUMNS)), strict=False):
        left, top = column * SIDE, row * (SIDE + LINE)
        picture = Image.fromarray(miss.canvas)
        picture.thumbnail((SIDE - 4, SIDE - 4))
        sheet.paste(picture, (left, top))
        if miss.seen is not None:
            corner = left + SIDE - SEEN - 4, top + SIDE - SEEN - 4
            sheet.paste(Image.fromarray(miss.seen).resize((SEEN, SEEN)), corner)
        pen.text((left, top + SIDE - 2), miss.said[: SIDE // 6], WRONG if miss.wrong else REFUSED, font)
    return sheet


def _plain(words: str) -> str:
    """A part of a file's name."""
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")
