"""Numbers on pictures: `read_number("photo.jpg")` gives a Number, `predict_numbers` those of many pictures.

A number is read from its digits, found and told apart by `edgedigits.data.number`, by the canvas file alone. It is one
only if every digit is sure; points, minus signs and spaces are said, and change no digit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from edgedigits.data.doubts import Doubt
from edgedigits.data.images import find_pictures, read_picture
from edgedigits.data.kinds import Skipped, Skips
from edgedigits.data.number.reading import Line, Piece, read_lines
from edgedigits.data.number.rows import Mark
from edgedigits.data.number.shapes import LEFT, NoNumber
from edgedigits.errors import DataError, UsageError
from edgedigits.inference.predict import find_canvas_file, open_canvas_file
from edgedigits.records.arguments import OneOrMore, checked, several
from edgedigits.records.arrays import Uint8Array
from edgedigits.records.progress import Observer, Progress, ignore
from edgedigits.records.record import LOCAL, Record
from edgedigits.runtime.inputs import as_canvas
from edgedigits.runtime.load import Opener
from edgedigits.runtime.predictor import CanvasPredictor, Reading

DOUBTFUL = "?"  # in a text, where a digit is not sure
MEMORY = "picture"  # what a picture is called that has no name
MARKS: Mapping[str, str] = {
    "point": "a point or a comma",
    "minus": "a minus or a dash",
    "space": "a space",
}


@dataclass(frozen=True)
class Box(Record):
    """Where something is in a picture, in pixels; what is at the bottom and right is outside of it."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(frozen=True)
class Digit(Record):
    """A digit of a number.

    label         the likeliest, whether or not it is sure enough, and its probability
    sure          whether that reaches the file's threshold
    seen          what the network was shown, uint8 `[28, 28]`
    """

    box: Box
    label: str
    probability: float
    sure: bool
    seen: Uint8Array | None = field(default=None, compare=False, metadata=LOCAL)


@dataclass(frozen=True)
class Number(Record):
    """What a line of digits on a picture says.

    number   its digits; None unless all are sure
    text     the same with "?" for each that is not
    digits   from left to right
    doubts   what else is there: points, minus signs, spaces
    error    why there is no line of digits, or why the picture could not be read; then nothing else is there
    """

    picture: str
    number: str | None = None
    text: str | None = None
    digits: tuple[Digit, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    error: str | None = None


@dataclass(frozen=True)
class Numbers(Record):
    """Numbers on pictures, in their order; of a sheet one a line, from top to bottom."""

    model: str
    threshold: float | None
    numbers: tuple[Number, ...]
    skipped: tuple[Skipped, ...] = ()


@checked
def read_number(
    picture: Any,
    *,
    model: str | Path | CanvasPredictor | None = None,
    exports: str | Path = "exports",
    opener: Opener = Opener(),  # noqa: B008 - it is frozen
) -> Number:
    """The number on a picture: a path, a picture of Pillow's, an array or tensor, as `load(...).read` takes them.

    model     a canvas file, the name of a model below `exports`, or what `load` gave of one, which saves opening
              it again; without it the one that `predict` asks

    Raises UsageError where it is no picture, DataError where it cannot be read, and what `predict` raises.
    """
    canvas = as_canvas(picture)
    predictor = (
        model if isinstance(model, CanvasPredictor) else open_canvas_file(find_canvas_file(model, exports), opener)
    )
    name = str(picture) if isinstance(picture, str | Path) else MEMORY
    return numbers_on(canvas, predictor, name)[0]


@checked
def predict_numbers(
    sources: OneOrMore[str | Path],
    *,
    sheet: bool = False,
    model: str | Path | None = None,
    exports: str | Path = "exports",
    opener: Opener = Opener(),  # noqa: B008 - it is frozen
    observer: Observer = ignore,
) -> Numbers:
    """The numbers on pictures, one each, or, of a `sheet`, one a line: else as `predict`, and it raises the same."""
    named: list[str | Path] = several(sources)
    skips = Skips()
    found = find_pictures([str(source) for source in named], skips)
    path = find_canvas_file(model, exports)
    predictor = open_canvas_file(path, opener)
    numbers: list[Number] = []
    for index, source in enumerate(found):
        observer(Progress("predict", index, len(found)))
        numbers += numbers_in(source, predictor, sheet)
    return Numbers(str(path), predictor.contract.threshold, tuple(numbers), skips.all())


def numbers_in(source: str, predictor: CanvasPredictor, sheet: bool = False) -> Sequence[Number]:
    """The number in a picture file, or those of a sheet's lines; at least one, perhaps with an error."""
    try:
        picture = read_picture(source)
    except DataError as error:
        return (Number(source, error=str(error)),)
    return numbers_on(picture.canvas, predictor, source, sheet, picture.remarks)


def numbers_on(
    canvas: Uint8Array, predictor: CanvasPredictor, name: str, sheet: bool = False, remarks: tuple[Doubt, ...] = ()
) -> Sequence[Number]:
    """The number on a canvas uint8 `[height, width]`, or those of a sheet's lines; at least one, perhaps with an error.

    name      what the picture is called
    remarks   doubts about it that are known already
    """
    contract = predictor.contract
    if contract.framing:
        raise UsageError(
            "this model is shown pictures as a whole. A canvas file that finds digits on them reads numbers."
        )
    threshold = contract.threshold or 0.0
    try:
        lines = read_lines(canvas, predictor.read, threshold, sheet)
    except NoNumber as error:
        return (Number(name, error=f"{name}: {error}."),)
    return tuple(_number(name, line, contract.labels, threshold, remarks) for line in lines)


def _number(
    name: str, line: Line[Reading], labels: Sequence[str], threshold: float, remarks: tuple[Doubt, ...]
) -> Number:
    digits = tuple(_digit(piece, labels, threshold) for piece in line.pieces)
    text = "".join(digit.label if digit.sure else DOUBTFUL for digit in digits)
    doubts = (*remarks, *(_said(mark, line) for mark in line.marks))
    return Number(name, None if DOUBTFUL in text else text, text, digits, doubts)


def _digit(piece: Piece[Reading], labels: Sequence[str], threshold: float) -> Digit:
    best = int(np.argmax(piece.answer.probabilities))
    return Digit(Box(*piece.box), labels[best], piece.probability, piece.probability >= threshold, piece.answer.seen)


def _said(mark: Mark, line: Line[Reading]) -> Doubt:
    before = sum(piece.box[LEFT] < mark.box[LEFT] for piece in line.pieces)
    return Doubt(mark.kind, f"{MARKS[mark.kind]} {f'after digit {before}' if before else 'before the first digit'}")
