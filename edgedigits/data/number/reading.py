"""Lines of digits on a picture, read: what a reader of single digits is surest of decides how they are told apart.

    read_lines(canvas, ask, threshold)

`ask` is a reader: a function of one picture uint8 `[height, width]`, light ink on black, that returns an answer with
its `probabilities`. It is asked each group of shapes as a whole, and where it is not sure of one, the pieces between
the cuts of that group, of which the likeliest row is taken.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from edgedigits.data.number.constants import (
    CUT,
    DOUBT,
    LEAST,
    MARGIN,
    MOST_ASKED,
    MOST_DIGITS,
    NARROWEST,
    NEAR,
    PIECE,
    SHORT,
    SPLIT,
    SURE,
    WIDE,
    WIDEST,
)
from edgedigits.data.number.cuts import find_cuts
from edgedigits.data.number.ink import Ink, Mask, Uint8, find_ink, shrunk
from edgedigits.data.number.rows import Box, Group, Mark, Row, find_rows
from edgedigits.data.number.ruling import without_rulings
from edgedigits.data.number.shapes import LEFT, RIGHT, TOP, NoNumber, Shapes, find_shapes


class Answered(Protocol):
    """What a reader answers."""

    @property
    def probabilities(self) -> Any:
        """Of each label, floats `[labels]`."""


A = TypeVar("A", bound=Answered)
Ask = Callable[[Uint8], A]


@dataclass(frozen=True)
class Piece(Generic[A]):
    """What is taken for a digit: its box in pixels of the picture, and the reader's answer to it."""

    box: Box
    answer: A

    @property
    def probability(self) -> float:
        """Of the likeliest label."""
        return float(max(self.answer.probabilities))


@dataclass(frozen=True)
class Line(Generic[A]):
    """A line of digits, from left to right, and the marks beside them."""

    pieces: tuple[Piece[A], ...]
    marks: tuple[Mark, ...]

    def is_of_digits(self, threshold: float) -> bool:
        """Whether one of SURE digits is sure, or more."""
        return SURE * sum(piece.probability >= threshold for piece in self.pieces) >= len(self.pieces)


def read_lines(canvas: Uint8, ask: Ask[A], threshold: float, sheet: bool = False) -> tuple[Line[A], ...]:
    """The line of digits on a picture, or those of a sheet, from top to bottom: one at least.

    threshold   below it, the reader takes a piece for no digit

    Raises NoNumber where there is no such line, or something else than lines of digits.
    """
    ink = find_ink(canvas)
    shapes = find_shapes(without_rulings(ink.mask))
    rows = find_rows(shapes)
    if not rows:
        raise NoNumber("the paper is empty")
    _require_short(max(len(row.groups) for row in rows))
    page = _Page(ink, shapes, ask, threshold)
    lines = [page.read(row) for row in rows]
    kept = tuple(line for line in lines if line.is_of_digits(threshold))
    if not kept:
        count = sum(len(line.pieces) for line in lines)
        raise NoNumber(f"{count:,} shape{'s' if count > 1 else ''}, and no line of digits")
    if len(kept) > 1 and not sheet:
        raise NoNumber(f"{len(kept)} lines of digits: read them as a sheet")
    _require_short(max(len(line.pieces) for line in kept))
    return kept


def _require_short(digits: int) -> None:
    if digits > MOST_DIGITS:
        raise NoNumber(f"{digits} shapes in a line: a number has {MOST_DIGITS} digits at most")


@dataclass(frozen=True)
class _Page(Generic[A]):
    """A picture whose shapes are found, and its reader, with how many pieces it was asked."""

    ink: Ink
    shapes: Shapes
    ask: Ask[A]
    threshold: float
    asked: list[int] = field(default_factory=lambda: [0])

    def read(self, row: Row) -> Line[A]:
        """The digits of a row."""
        digits: list[tuple[Group, list[Piece[A]]]] = []
        for group in row.groups:
            whole = self._whole(group)
            if digits and (joined := self._joined(*digits[-1], group, whole, row.height)):
                digits[-1] = joined
            elif whole.probability >= self.threshold and 100 * group.width <= WIDE * row.height:
                digits.append((group, [whole]))
            else:
                digits.append((group, self._parted(group, whole, row.height)))
        marks = (Mark(mark.kind, self._scaled(mark.box)) for mark in row.marks)
        return Line(tuple(piece for _, pieces in digits for piece in pieces), tuple(marks))

    def _joined(
        self, before: Group, pieces: list[Piece[A]], group: Group, whole: Piece[A], height: int
    ) -> tuple[Group, list[Piece[A]]] | None:
        """Two neighbours as one digit, where the reader is sure of that, and surer than of each of them."""
        least = min(whole.probability, pieces[0].probability)
        gap, width = group.box[LEFT] - before.box[RIGHT], group.box[RIGHT] - before.box[LEFT]
        near = 100 * gap <= NEAR * height and 100 * width <= WIDE * height
        if len(pieces) > 1 or least >= self.threshold or not near:
            return None
        both = before.joined(group)
        joined = self._whole(both)
        surest = max(self.threshold, whole.probability, pieces[0].probability)
        return (both, [joined]) if joined.probability >= surest else None

    def _parted(self, group: Group, whole: Piece[A], height: int) -> list[Piece[A]]:
        """A group that is no digit as a whole, in the pieces that the reader is surest of."""
        if 100 * group.width < SPLIT * height or self.asked[0] > MOST_ASKED:
            return [whole]
        mask = self._mask(group)
        first = np.zeros(group.height, np.int64)
        ends = [first, *(cut.columns for cut in find_cuts(mask, height)), first + group.width]
        best: list[tuple[float, list[Piece[A]]]] = [(0.0, [])]
        for end in range(1, len(ends)):
            ways = [(math.inf, [whole])]
            for start in range(end):
                if end - start == len(ends) - 1:
                    ways.append((self._cost(whole, height), [whole]))
                elif piece := self._between(mask, ends[start], ends[end], group, height):
                    cost, pieces = best[start]
                    ways.append((cost + self._cost(piece, height) + CUT / 100, [*pieces, piece]))
            best.append(min(ways, key=lambda way: way[0]))
        return best[-1][1]

    def _cost(self, piece: Piece[A], height: int) -> float:
        """How unlikely it is that a piece is one digit, by its height and width, and by what the reader says."""
        top, left, bottom, right = (side / self.ink.grain / height for side in piece.box)
        odd = max(0.0, right - left - WIDE / 100) + max(0.0, SHORT / 100 - (bottom - top))
        return DOUBT * odd - math.log(max(piece.probability, LEAST / 100))

    def _between(self, mask: Mask, start: Any, end: Any, group: Group, height: int) -> Piece[A] | None:
        """What of a mask lies between two cuts; None where that can be no digit."""
        columns = np.arange(mask.shape[1])
        part = mask & (columns >= start[:, None]) & (columns < end[:, None])
        rows, used = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
        if not len(rows):
            return None
        top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(used[0]), int(used[-1]) + 1
        wide, tall = 100 * (right - left), 100 * (bottom - top)
        if not NARROWEST * height <= wide <= WIDEST * height or tall < NARROWEST * height * 4:
            return None
        first, before = group.box[TOP], group.box[LEFT]
        box = (first + top, before + left, first + bottom, before + right)
        return self._piece(part[top:bottom, left:right], box)

    def _mask(self, group: Group) -> Mask:
        """The pixels of a group in its box."""
        top, left, bottom, right = group.box
        own: Mask = np.isin(self.shapes.numbers[top:bottom, left:right], group.members)
        return own

    def _whole(self, group: Group) -> Piece[A]:
        """A group as one digit."""
        return self._piece(self._mask(group), group.box)

    def _piece(self, own: Mask, box: Box) -> Piece[A]:
        """A piece by its pixels within a box, asked."""
        self.asked[0] += 1
        return Piece(self._scaled(box), self.ask(self._picture(own, box)))

    def _picture(self, own: Mask, box: Box) -> Uint8:
        """A piece alone, on black, with the soft edges of its strokes."""
        margin = max(MARGIN, max(own.shape) // 4)
        picture = np.zeros([side + 2 * margin for side in own.shape], np.uint8)
        near = np.zeros(picture.shape, np.bool_)
        near[margin:-margin, margin:-margin] = own
        there, here = _overlap(box, margin, self.ink.mask.shape)
        others = self.ink.mask[there] & ~near[here]
        grow(near)
        grow(near)
        picture[here] = self.ink.strength[there] * (near[here] & ~others)
        return shrunk(picture, -(-max(picture.shape) // PIECE)).astype(np.uint8)

    def _scaled(self, box: Box) -> Box:
        top, left, bottom, right = (side * self.ink.grain for side in box)
        return top, left, bottom, right


def _overlap(box: Box, margin: int, shape: tuple[int, ...]) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Where a box with a margin around it lies in a picture, and where what of the picture is in it lies in there."""
    spans = []
    for axis, size in enumerate(shape):
        start, end = box[axis] - margin, box[axis + 2] + margin
        low, high = max(start, 0), min(end, size)
        spans.append((slice(low, high), slice(low - start, high - start)))
    return tuple(span[0] for span in spans), tuple(span[1] for span in spans)


def grow(mask: Mask) -> None:
    """Add to a mask the neighbours of its pixels, also across corners; at its border there are none."""
    rows = mask[:-2] | mask[1:-1] | mask[2:]
    mask[1:-1] = rows
    mask[:, 1:-1] |= mask[:, :-2] | mask[:, 2:]
