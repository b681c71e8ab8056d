"""The numbers on many pictures, as rows of a score: a row a picture, with its number or why there is none."""

import functools
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgedigits.errors import UsageError
from edgedigits.inference.numbers import Number, numbers_in
from edgedigits.inference.sinks import Answers
from edgedigits.inference.sources import Batch, Files, Ids, Source
from edgedigits.records.model import IMAGE_SHAPE
from edgedigits.runtime.predictor import CanvasPredictor

UNSURE = "unsure"  # among the doubts of a number of which a digit is not sure: that is "?" in its label


@dataclass(frozen=True)
class Scored:
    """A batch with its answers: these are classes of `labels`.

    doubts   the words of each item's
    """

    batch: Batch
    labels: tuple[str, ...]
    answers: Answers
    doubts: Sequence[Sequence[str]]


def require_pictures(source: Source, images: Path) -> None:
    """Raise UsageError unless a source is of picture files: 28x28 pixels hold no line of digits."""
    if not isinstance(source, Files):
        raise UsageError(f"{images}: numbers are read on pictures. Name a folder of them, or a text file of paths.")


def read_numbers(ids: Ids, predictor: CanvasPredictor, pool: Executor) -> Scored:
    """The number on each picture file: its probability is that of its least sure digit."""
    found = list(pool.map(functools.partial(_read, predictor=predictor), map(str, ids)))
    errors = {position: _reason(number) for position, number in enumerate(found) if number.error is not None}
    sureness = [min((digit.probability for digit in number.digits), default=0.0) for number in found]
    return Scored(
        batch=Batch(ids, np.zeros((0, *IMAGE_SHAPE), np.uint8), errors),
        labels=tuple(number.text or "" for number in found),
        answers=Answers(np.arange(len(found)), np.array(sureness, np.float32)),
        doubts=[_words(number) for number in found],
    )


def _read(path: str, predictor: CanvasPredictor) -> Number:
    (number,) = numbers_in(path, predictor)
    return number


def _reason(number: Number) -> str:
    return (number.error or "").removeprefix(f"{number.picture}: ")


def _words(number: Number) -> tuple[str, ...]:
    unsure = () if number.number is not None or number.error else (UNSURE,)
    return (*unsure, *dict.fromkeys(doubt.word for doubt in number.doubts))
