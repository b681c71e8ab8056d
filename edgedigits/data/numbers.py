"""Pictures of numbers, made of images of digits, on plain, ruled or boxed paper, apart or touching: always the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from edgedigits.data.shapes import Mask
from edgedigits.records.arrays import Int64Array, Uint8Array

PAPERS = ("plain", "ruled", "boxed")
DIGITS = (2, 6)  # of a number
INKED = 96  # of 255: pixels above are drawn
ENLARGED = (1.6, 4.0)  # times a 28x28 image
TALLER = (0.88, 1.12)  # times that, a digit beside the others
GAP = (0.1, 0.6)  # between two digits, in heights of one
OFF = 0.08  # of a height, up or down, a digit lies off the line
OVERLAP = (1, 3)  # pixels that digits which touch have in common, at least
PALE = (0.45, 0.8)  # of the ink's strength, a printed line


@dataclass(frozen=True)
class Written:
    """A picture uint8 `[height, width]` of a number, and its digits as text."""

    canvas: Uint8Array
    text: str


def write_numbers(
    images: Uint8Array, labels: Int64Array, count: int, seed: int, touching: float = 0.0
) -> list[Written]:
    """`count` numbers of 2 to 6 of the images uint8 `[n, 28, 28]`, a third of them on each of PAPERS.

    touching   so many of the pairs of neighbours touch, 0 to 1
    """
    rng = np.random.default_rng(seed)
    return [_written(images, labels, rng, touching, PAPERS[index % len(PAPERS)]) for index in range(count)]


def _written(images: Uint8Array, labels: Int64Array, rng: np.random.Generator, touching: float, paper: str) -> Written:
    chosen = rng.integers(0, len(images), rng.integers(DIGITS[0], DIGITS[1] + 1))
    side = rng.uniform(*ENLARGED) * 28
    digits = [_digit(images[index], side * rng.uniform(*TALLER)) for index in chosen]
    size = round(side * 20 / 28)  # of a digit
    margins = [round(size * rng.uniform(0.4, 1.2)) for _ in range(4)]
    width = sum(digit.shape[1] for digit in digits) + size * len(digits)
    ink = np.zeros((2 * size + margins[0] + margins[1], width + margins[2] + margins[3]))
    baseline = margins[0] + round(1.5 * size)
    spans, end = [], margins[2]
    for index, digit in enumerate(digits):
        top = baseline - len(digit) + round(size * rng.uniform(-OFF, OFF))
        gap = round(size * rng.uniform(*GAP)) if index else 0
        left = end + gap
        if index and rng.random() < touching:
            meets = meeting(ink[top : top + len(digit)] > INKED / 255, digit > INKED / 255)
            left = (end if meets is None else meets) - int(rng.integers(OVERLAP[0], OVERLAP[1] + 1))
        left = max(left, 0)
        place = ink[top : top + len(digit), left : left + digit.shape[1]]
        np.maximum(place, digit, out=place)
        spans.append((left, left + digit.shape[1]))
        end = max(end, left + digit.shape[1])
    ink = ink[:, : end + margins[3]]
    lines = _printed(ink.shape, rng, paper, spans, (baseline - size, baseline), size)
    return Written(_inked(np.maximum(ink, lines), rng), "".join(str(labels[index]) for index in chosen))


def _digit(image: Uint8Array, side: float) -> np.ndarray:
    """An image enlarged to so many pixels a side, without its empty rows and columns, 0 to 1."""
    from PIL import Image

    enlarged = Image.fromarray(image).resize((round(side), round(side)), Image.Resampling.BICUBIC)
    values = np.asarray(enlarged) / 255
    rows, columns = (np.flatnonzero((values > INKED / 255).any(axis=axis)) for axis in (1, 0))
    return values[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def meeting(left: Mask, right: Mask) -> int | None:
    """The column where the right one of two masks of as many rows begins, if strokes of both just meet.

    None, where they have no row in common.
    """
    used = left.any(axis=1) & right.any(axis=1)
    last = left.shape[1] - left[:, ::-1].argmax(axis=1)
    return int((last - right.argmax(axis=1))[used].max()) if used.any() else None


def _printed(
    shape: tuple[int, ...],
    rng: np.random.Generator,
    paper: str,
    spans: Sequence[tuple[int, int]],
    rows: tuple[int, int],
    size: int,
) -> np.ndarray:
    """Printed lines, 0 to 1: ruled across the paper, or a box around all or around each."""
    lines = np.zeros(shape)
    if paper == "plain":
        return lines
    strength, thick = rng.uniform(*PALE), max(1, round(size * rng.uniform(0.01, 0.04)))
    room = round(size * rng.uniform(0.15, 0.3))
    if paper == "ruled":
        step = round(size * rng.uniform(1.2, 1.6))
        for row in range((rows[1] + room // 2) % step, shape[0], step):
            lines[row : row + thick] = strength
        return lines
    top, bottom = max(0, rows[0] - room), min(shape[0], rows[1] + room)
    left, right = max(0, spans[0][0] - room), min(shape[1], spans[-1][1] + room)
    middles = [(one[1] + other[0]) // 2 for one, other in pairwise(spans)]
    apart = all(one[1] + 2 * thick < other[0] for one, other in pairwise(spans))
    for row in (top, bottom - thick):
        lines[row : row + thick, left:right] = strength
    for column in (left, right - thick, *(middles if apart and rng.integers(2) else ())):
        lines[top:bottom, column : column + thick] = strength
    return lines


def _inked(ink: np.ndarray, rng: np.random.Generator) -> Uint8Array:
    """Ink 0 to 1 on paper, dark on light or, of four one, light on dark, with a little grain."""
    paper, dark = rng.uniform(200, 255), rng.uniform(0, 90)
    values = paper + (dark - paper) * ink + rng.normal(0, rng.uniform(0, 4), ink.shape)
    canvas = values.round().clip(0, 255).astype(np.uint8)
    return canvas if rng.integers(4) else 255 - canvas
