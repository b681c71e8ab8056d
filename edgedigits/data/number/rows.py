"""Shapes put into lines of digits, from left to right, with the marks between them."""

from dataclasses import dataclass

import numpy as np

from edgedigits.data.number.constants import (
    ALIKE,
    CORNER,
    FLAT,
    INSIDE,
    MARK,
    MOST_FRAMES,
    NEAR,
    SAME_DIGIT,
    SAME_ROW,
    SPACE,
    SPANNING,
    TALL,
)
from edgedigits.data.number.ink import Integers, Mask
from edgedigits.data.number.shapes import BOTTOM, LEFT, RIGHT, TOP, Shapes

Box = tuple[int, int, int, int]  # top, left, bottom, right


@dataclass(frozen=True)
class Group:
    """Shapes that are one digit, or digits that touch.

    members   numbers of shapes
    """

    members: tuple[int, ...]
    box: Box

    @property
    def height(self) -> int:
        """In pixels."""
        return self.box[BOTTOM] - self.box[TOP]

    @property
    def width(self) -> int:
        """In pixels."""
        return self.box[RIGHT] - self.box[LEFT]

    def joined(self, other: "Group") -> "Group":
        """This group and another one as one."""
        top, left = map(min, self.box[:BOTTOM], other.box[:BOTTOM])
        bottom, right = map(max, self.box[BOTTOM:], other.box[BOTTOM:])
        return Group((*self.members, *other.members), (top, left, bottom, right))


@dataclass(frozen=True)
class Mark:
    """What stands beside digits and is none.

    kind    "point" (or comma), "minus", "space" or "stroke"
    after   how many digit groups stand before it in the row
    """

    kind: str
    after: int
    box: Box


@dataclass(frozen=True)
class Row:
    """A line of digits: groups from left to right, the height of its digits, and marks."""

    groups: tuple[Group, ...]
    height: int
    marks: tuple[Mark, ...]


def find_rows(shapes: Shapes) -> tuple[Row, ...]:
    """The lines of digits, from top to bottom; none where there are no shapes."""
    candidates = _without_frames(shapes)
    if not len(candidates):
        return ()
    heights = shapes.heights[candidates]
    height = _common(heights)
    tall = candidates[100 * heights >= TALL * height]
    small = candidates[(100 * heights < TALL * height) & (100 * heights + 100 >= MARK * height)]
    lines = _lines(shapes.boxes, tall)
    rows = [_row(shapes, line, small) for line in lines]
    return tuple(sorted(rows, key=lambda row: row.groups[0].box))


def _without_frames(shapes: Shapes) -> Integers:
    """Numbers of the shapes but for those that lie around others, or along a border: desks, bars, printed boxes."""
    boxes, heights = shapes.boxes, shapes.heights
    frames = _spanning(shapes)
    for shape in np.argsort(-heights, kind="stable")[:MOST_FRAMES].tolist():
        top, left, bottom, right = boxes[shape]
        within = (boxes[:, TOP] > top) & (boxes[:, BOTTOM] < bottom) & (boxes[:, LEFT] > left) & (boxes[:, RIGHT] < right)
        if (within & (100 * heights >= INSIDE * (bottom - top))).any() and _is_cornered(shapes, shape):
            frames[shape] = True
    return np.flatnonzero(~frames)


def _spanning(shapes: Shapes) -> Mask:
    """Whether each shape goes from border to border, beside others that do not, and are digits by their height."""
    height, width = shapes.numbers.shape
    upright, across = shapes.heights == height, shapes.widths == width
    others = shapes.heights[~upright & ~across]
    tallest = int(others.max()) if len(others) else 0
    if 100 * tallest < INSIDE * height:
        return np.zeros(len(upright), np.bool_)
    return across | (upright & (100 * tallest <= SPANNING * height))


def _is_cornered(shapes: Shapes, shape: int) -> bool:
    """Whether a shape has ink in all four corners of its box, as boxes have, and digits have not."""
    top, left, bottom, right = shapes.boxes[shape].tolist()
    own = shapes.numbers[top:bottom, left:right] == shape
    rows, columns = (max(1, side // CORNER) for side in own.shape)
    corners = (own[:rows, :columns], own[:rows, -columns:], own[-rows:, :columns], own[-rows:, -columns:])
    return all(corner.any() for corner in corners)


def _common(heights: Integers) -> int:
    """The height of digits: in the middle of those that are not much less than the tallest."""
    alike = np.sort(heights[100 * heights >= ALIKE * heights.max()])
    return int(alike[len(alike) // 2])


def _lines(boxes: Integers, tall: Integers) -> list[list[int]]:
    """Tall shapes put into lines, each from left to right: a shape goes on where its neighbour to the left is as high."""
    lines: list[list[int]] = []
    for shape in tall[np.lexsort((boxes[tall, TOP], boxes[tall, LEFT]))].tolist():
        shared = [_shared(boxes[line[-1]], boxes[shape], TOP, BOTTOM) for line in lines]
        if shared and max(shared) >= SAME_ROW:
            lines[shared.index(max(shared))].append(shape)
        else:
            lines.append([shape])
    return lines


def _shared(one: Integers, other: Integers, start: int, end: int) -> int:
    """How much of the shorter of two boxes lies beside the other along an axis, in 100ths."""
    both = int(min(one[end], other[end]) - max(one[start], other[start]))
    return 100 * both // int(min(one[end] - one[start], other[end] - other[start]))


def _row(shapes: Shapes, line: list[int], small: Integers) -> Row:
    """A line of tall shapes with the small ones beside them: parts of a digit, or marks."""
    height = _common(shapes.heights[line])
    groups = _grouped(shapes, line)
    marks = []
    for shape in small.tolist():
        box = _box(shapes, shape)
        host = _host(groups, box, height)
        if host is not None:
            groups[host] = groups[host].joined(Group((shape,), box))
        elif (kind := _kind(groups, box, height)) is not None:
            after = sum(group.box[LEFT] < box[LEFT] for group in groups)
            marks.append(Mark(kind, after, box))
    return Row(tuple(groups), height, tuple(sorted([*marks, *_spaces(groups, height)], key=lambda mark: mark.after)))


def _grouped(shapes: Shapes, line: list[int]) -> list[Group]:
    """Tall shapes, those joined that lie above each other."""
    groups: list[Group] = []
    for shape in line:
        found = Group((shape,), _box(shapes, shape))
        if groups and _is_above(groups[-1].box, found.box):
            groups[-1] = groups[-1].joined(found)
        else:
            groups.append(found)
    return groups


def _is_above(one: Box, other: Box) -> bool:
    both = min(one[RIGHT], other[RIGHT]) - max(one[LEFT], other[LEFT])
    return 100 * both >= SAME_DIGIT * min(one[RIGHT] - one[LEFT], other[RIGHT] - other[LEFT])


def _host(groups: list[Group], box: Box, height: int) -> int | None:
    """The group that a small shape is part of: it lies above or below it, or next to it, but not at its foot alone."""
    best, found = NEAR * height, None
    for index, group in enumerate(groups):
        across = max(group.box[LEFT] - box[RIGHT], box[LEFT] - group.box[RIGHT], 0)
        down = max(group.box[TOP] - box[BOTTOM], box[TOP] - group.box[BOTTOM], 0)
        beside = across > 0 or not _is_above(group.box, box)
        foot = beside and 3 * (box[TOP] - group.box[TOP]) > 2 * group.height
        if not foot and 100 * max(across, down) <= best and (100 * max(across, down) < best or found is None):
            best, found = 100 * max(across, down), index
    return found


def _kind(groups: list[Group], box: Box, height: int) -> str | None:
    """What a small shape is that stands beside the digits: None for what is above or below the line."""
    top, bottom = min(group.box[TOP] for group in groups), max(group.box[BOTTOM] for group in groups)
    middle = (box[TOP] + box[BOTTOM]) // 2
    if not top <= middle <= bottom + height // 4:
        return None
    if box[RIGHT] - box[LEFT] >= FLAT * (box[BOTTOM] - box[TOP]):
        return "minus"
    return "point" if 3 * (middle - top) > 2 * (bottom - top) else "stroke"


def _spaces(groups: list[Group], height: int) -> list[Mark]:
    """Gaps that are wider than those between the digits of a number."""
    marks = []
    for after, (one, other) in enumerate(zip(groups, groups[1:], strict=False), start=1):
        if 100 * (other.box[LEFT] - one.box[RIGHT]) >= SPACE * height:
            box = (
                min(one.box[TOP], other.box[TOP]),
                one.box[RIGHT],
                max(one.box[BOTTOM], other.box[BOTTOM]),
                other.box[LEFT],
            )
            marks.append(Mark("space", after, box))
    return marks


def _box(shapes: Shapes, shape: int) -> Box:
    top, left, bottom, right = shapes.boxes[shape].tolist()
    return top, left, bottom, right
