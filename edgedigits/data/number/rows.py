"""Shapes put into lines of digits, from left to right, with the marks between them."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from edgedigits.data.number.constants import (
    ALIKE,
    BROKEN,
    CORNER,
    DOUBTED,
    FLAT,
    FREE,
    INSIDE,
    MARK,
    MOST_FRAMES,
    NEAR,
    SAME_DIGIT,
    SAME_ROW,
    SPACE,
    TALL,
    TALLER,
    WIDER,
)
from edgedigits.data.number.ink import Integers, Mask
from edgedigits.data.number.shapes import BOTTOM, LEFT, RIGHT, TOP, Shapes, joined

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

    kind   "point" (or comma), "minus" or "space"
    """

    kind: str
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
    height = _common(shapes.heights[candidates])
    groups = _whole(shapes, candidates[100 * shapes.heights[candidates] >= MARK * height], height)
    tall = [group for group in groups if 100 * group.height >= TALL * height]
    small = [group for group in groups if 100 * group.height < TALL * height]
    lines = [_row(line, small) for line in _lines(tall)]
    inside = [line for line in lines if not all(_on_border(group.box, shapes) for group in line.groups)]
    return tuple(sorted(inside or lines, key=lambda row: row.groups[0].box))


def _without_frames(shapes: Shapes) -> Integers:
    """Numbers of the shapes but for those that lie around others, or along a border: desks, bars, printed boxes."""
    boxes, heights = shapes.boxes, shapes.heights
    frames = _along_borders(shapes)
    for shape in np.argsort(-heights, kind="stable")[:MOST_FRAMES].tolist():
        top, left, bottom, right = boxes[shape]
        rows = (boxes[:, TOP] > top) & (boxes[:, BOTTOM] < bottom)
        within = rows & (boxes[:, LEFT] > left) & (boxes[:, RIGHT] < right)
        if (within & (100 * heights >= INSIDE * (bottom - top))).any() and _is_cornered(shapes, shape):
            frames[shape] = True
    return np.flatnonzero(~frames)


def _along_borders(shapes: Shapes) -> Mask:
    """Whether each shape touches the picture's border, and is too tall or wide for a digit beside those that do not."""
    (height, width), boxes = shapes.numbers.shape, shapes.boxes
    touching = (boxes[:, :BOTTOM] == 0).any(axis=1) | (boxes[:, BOTTOM] == height) | (boxes[:, RIGHT] == width)
    free = shapes.heights[~touching]
    tallest = int(free.max()) if len(free) else 0
    if 100 * tallest < FREE * height:
        return np.zeros(len(boxes), np.bool_)
    along: Mask = touching & ((100 * shapes.heights > TALLER * tallest) | (100 * shapes.widths > WIDER * tallest))
    return along


def _on_border(box: Box, shapes: Shapes) -> bool:
    height, width = shapes.numbers.shape
    return min(box[TOP], box[LEFT]) == 0 or box[BOTTOM] == height or box[RIGHT] == width


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


def _whole(shapes: Shapes, numbers: Integers, height: int) -> list[Group]:
    """Groups of shapes, from left to right: the parts of a digit whose strokes are broken lie above each other."""
    boxes = shapes.boxes[numbers]
    starts, ends = boxes[:, LEFT], boxes[:, RIGHT]
    across = np.minimum.outer(ends, ends) - np.maximum.outer(starts, starts)
    narrower = np.minimum.outer(ends - starts, ends - starts)
    down = np.maximum.outer(boxes[:, TOP], boxes[:, TOP]) - np.minimum.outer(boxes[:, BOTTOM], boxes[:, BOTTOM])
    belong = (100 * across >= SAME_DIGIT * narrower) & (100 * down <= BROKEN * height)
    roots = joined(len(numbers), *np.nonzero(belong))
    groups: dict[int, Group] = {}
    for index, root in enumerate(roots.tolist()):
        top, left, bottom, right = boxes[index].tolist()
        part = Group((int(numbers[index]),), (top, left, bottom, right))
        groups[root] = groups[root].joined(part) if root in groups else part
    return sorted(groups.values(), key=lambda group: (group.box[LEFT], group.box[TOP]))


def _lines(tall: list[Group]) -> list[list[Group]]:
    """Groups put into lines, each from left to right: one goes on where its neighbour to the left is as high."""
    lines: list[list[Group]] = []
    for group in tall:
        shared = [_shared(line[-1], group) for line in lines]
        if shared and max(shared) >= SAME_ROW:
            lines[shared.index(max(shared))].append(group)
        else:
            lines.append([group])
    return lines


def _shared(one: Group, other: Group) -> int:
    """How much of the shorter of two groups lies at the height of the other, in 100ths."""
    both = min(one.box[BOTTOM], other.box[BOTTOM]) - max(one.box[TOP], other.box[TOP])
    return 100 * both // min(one.height, other.height)


def _row(line: list[Group], small: list[Group]) -> Row:
    """A line of tall groups with the small ones beside them: parts of a digit, doubtful digits, or marks."""
    groups, height = list(line), _common(np.array([group.height for group in line]))
    marks: list[Mark] = []
    for part in small:
        host = _host(groups, part.box, height)
        kind = _kind(groups, part, height) if host is None else None
        if host is not None:
            groups[host] = groups[host].joined(part)
        elif kind == "digit":
            groups.append(part)
        elif kind is not None:
            marks.append(Mark(kind, part.box))
    groups.sort(key=lambda group: (group.box[LEFT], group.box[TOP]))
    marks = sorted([*marks, *_spaces(groups, height)], key=lambda mark: mark.box[LEFT])
    return Row(tuple(groups), height, tuple(marks))


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


def _kind(groups: list[Group], part: Group, height: int) -> str | None:
    """What a small group is that stands beside the digits; None for dust, and for what is above or below the line."""
    top, bottom = min(group.box[TOP] for group in groups), max(group.box[BOTTOM] for group in groups)
    middle = (part.box[TOP] + part.box[BOTTOM]) // 2
    if not top <= middle <= bottom + height // 4:
        return None
    if part.width >= FLAT * part.height:
        return "minus"
    if 3 * (middle - top) > 2 * (bottom - top):
        return "point"
    return "digit" if 100 * part.height >= DOUBTED * height else None


def _spaces(groups: list[Group], height: int) -> list[Mark]:
    """Gaps that are wider than those between the digits of a number."""
    marks = []
    for one, other in pairwise(groups):
        if 100 * (other.box[LEFT] - one.box[RIGHT]) >= SPACE * height:
            top, _, bottom, _ = one.joined(other).box
            marks.append(Mark("space", (top, one.box[RIGHT], bottom, other.box[LEFT])))
    return marks
