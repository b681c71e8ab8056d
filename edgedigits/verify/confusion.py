"""Confusion matrices as the page of a verification shows them: of the model, of a file, and their difference."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgedigits.models import metrics
from edgedigits.records.arrays import Int64Array, Scores

MAX_CLASSES = 40  # of a confusion matrix; beyond, nobody reads the cells
SHADES = 6  # of a cell, as the template's style sheet has them


@dataclass(frozen=True)
class Cell:
    """One cell of a matrix; `shade` is its class in the style sheet."""

    text: str
    shade: str


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix, or the difference of two: rows are the true classes, columns the predicted ones."""

    title: str
    labels: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def matrices(labels: Sequence[str], truth: Int64Array, reference: Scores, logits: Scores) -> tuple[Matrix, ...]:
    """The model's confusion matrix, the file's, and their difference.

    labels               of the classes
    truth                of the images, `[n]`
    reference, logits    of the model and of the file, `[n, classes]`
    """
    before, after = (metrics.confusion(scores.argmax(1), truth, len(labels)) for scores in (reference, logits))
    shown = _shown_classes(before + after)
    before, after = (matrix[np.ix_(shown, shown)] for matrix in (before, after))
    names = tuple(labels[index] for index in shown)
    most = max(int(_mistakes(matrix).max()) for matrix in (before, after))
    return (
        Matrix("reference", names, _counted(before, most)),
        Matrix("file", names, _counted(after, most)),
        Matrix("difference", names, _changed(after - before)),
    )


def _shown_classes(matrix: Int64Array) -> list[int]:
    """All classes, or, of too many, those with the most mistakes."""
    mistakes = _mistakes(matrix)
    order = np.argsort(-(mistakes.sum(0) + mistakes.sum(1)), kind="stable")
    return sorted(order[:MAX_CLASSES].tolist())


def _mistakes(matrix: Int64Array) -> Int64Array:
    return np.where(np.eye(len(matrix), dtype=bool), 0, matrix)


def _counted(matrix: Int64Array, most: int) -> tuple[tuple[Cell, ...], ...]:
    """Counts; only mistakes are shaded, since right answers would drown them."""
    return tuple(
        tuple(
            Cell(str(value) if value else "", "right" if row == column else _shade("worse", value, most))
            for column, value in enumerate(values)
        )
        for row, values in enumerate(matrix.tolist())
    )


def _changed(matrix: Int64Array) -> tuple[tuple[Cell, ...], ...]:
    """Signed differences. Fewer right answers and more mistakes are worse."""
    most = int(np.abs(matrix).max())
    return tuple(
        tuple(
            Cell(_signed(value), _shade("better" if (value > 0) == (row == column) else "worse", abs(value), most))
            for column, value in enumerate(values)
        )
        for row, values in enumerate(matrix.tolist())
    )


def _shade(kind: str, value: int, most: int) -> str:
    """A class of the style sheet. By the square root, so that single mistakes can be seen beside a hundred."""
    return f"{kind}-{math.ceil(SHADES * math.sqrt(value / most))}" if value else "none"


def _signed(value: int) -> str:
    return f"{value:+,}".replace("-", "−") if value else ""  # noqa: RUF001 - a minus sign is as wide as a plus
