"""How a canvas file reads numbers: `count(predictor, write_numbers(...))`."""

from collections.abc import Sequence
from dataclasses import dataclass

from edgedigits.data.numbers import Written
from edgedigits.inference.numbers import read_number
from edgedigits.records.record import Record
from edgedigits.runtime.predictor import CanvasPredictor


@dataclass(frozen=True)
class Counts(Record):
    """Of numbers: read as written; read as another one; and not read as a whole, for a doubtful digit or none."""

    exact: int
    wrong: int
    refused: int


def count(predictor: CanvasPredictor, written: Sequence[Written]) -> Counts:
    """How many of some numbers a canvas file reads, at its own threshold."""
    read = [read_number(number.canvas, model=predictor).number for number in written]
    exact = sum(found == number.text for found, number in zip(read, written, strict=True))
    refused = read.count(None)
    return Counts(exact, len(written) - exact - refused, refused)
