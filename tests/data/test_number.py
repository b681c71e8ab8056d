"""Lines of digits on paper: what is found, how it is parted, and what is said where there is none."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from edgedigits.data import canvases, drawn
from edgedigits.data.number.ink import find_ink
from edgedigits.data.number.reading import read_lines
from edgedigits.data.number.rows import Row, find_rows
from edgedigits.data.number.ruling import without_rulings
from edgedigits.data.number.shapes import NoNumber, find_shapes
from edgedigits.data.numbers import PAPERS, Written, write_numbers
from edgedigits.records.arrays import Uint8Array
from tests.helpers import pages

IMAGES, LABELS = drawn.digits(60, seed=1)
SIZE = 40  # of a digit, in pixels
Floats = npt.NDArray[np.float64]


def line(labels: str = "4071", gap: int = 2) -> Floats:
    """Digits on a line of white paper, 0 to 255."""
    page = np.full((120, 60 + len(labels) * (SIZE + gap)), 235.0)
    for index, label in enumerate(labels):
        image = Image.fromarray(drawn.draw(int(label), np.random.default_rng(index))).resize((56, 56))
        left = 20 + index * (SIZE + gap)
        page[32:88, left : left + 56] -= np.asarray(image) * 0.75
    return page


def rows(page: Floats | Uint8Array) -> tuple[Row, ...]:
    canvas = page.round().clip(0, 255).astype(np.uint8)
    return find_rows(find_shapes(without_rulings(find_ink(canvas).mask)))


@dataclass(frozen=True)
class Answer:
    probabilities: npt.NDArray[np.float32]


def reader(probability: Callable[[Uint8Array], float] = lambda _: 0.99) -> Callable[[Uint8Array], Answer]:
    """A reader that takes everything for a 0, as surely as is told."""

    def ask(canvas: Uint8Array) -> Answer:
        assert canvas.dtype == np.uint8
        assert min(canvas.shape) >= canvases.SIDES[0]
        sure = probability(canvas)
        return Answer(np.array([sure, *[(1 - sure) / 9] * 9], np.float32))

    return ask


def shaded(page: Floats) -> Floats:
    return page * np.linspace(1, 0.5, page.shape[1])


def in_shadow(page: Floats) -> Floats:
    dark = np.add.outer(0.4 * np.arange(page.shape[0]), np.arange(page.shape[1])) > page.shape[1] / 2
    return np.where(dark, 0.6 * page, page)


def on_a_desk(page: Floats) -> Floats:
    desk = 60 + np.random.default_rng(1).normal(0, 4, (page.shape[0] + 60, page.shape[1] + 60))
    desk[30:-30, 30:-30] = page
    return desk


def ruled(page: Floats, strength: float = 0.6, step: int = 30) -> Floats:
    page = page.copy()
    for row in range(11, page.shape[0], step):
        page[row : row + 2] = np.minimum(page[row : row + 2], 235 - strength * 180)
    return page


def boxed(page: Floats) -> Floats:
    page = page.copy()
    for side in (np.s_[20:23, 10:-10], np.s_[97:100, 10:-10], np.s_[20:100, 10:13], np.s_[20:100, -13:-10]):
        page[side] = 90
    return page


def in_fields(page: Floats) -> Floats:
    page = boxed(page)
    for column in range(20 + SIZE + 7, page.shape[1] - 60, SIZE + 2):
        page[20:100, column : column + 2] = 90
    return page


PAPER: dict[str, Callable[[Floats], Floats]] = {
    "plain": lambda page: page,
    "dark": lambda page: 255 - page,
    "pale": lambda page: 235 - (235 - page) / 4,
    "grain": lambda page: page + np.random.default_rng(0).normal(0, 20, page.shape),
    "shade": shaded,
    "a shadow's edge": in_shadow,
    "a desk": on_a_desk,
    "bars": lambda page: np.pad(page, [(0, 0), (40, 40)]),
    "ruled": ruled,
    "ruled aslant": lambda page: np.asarray(Image.fromarray(ruled(page)).rotate(2, fillcolor=235)),
    "squared": lambda page: np.minimum(ruled(page), ruled(page.T).T),
    "boxed": boxed,
    "in fields": in_fields,
    "large": lambda page: page.repeat(9, axis=0).repeat(9, axis=1)[:, :2048],
}


@pytest.mark.parametrize("paper", PAPER)
def test_digits_are_found_on_any_paper(paper: str) -> None:
    (row,) = rows(PAPER[paper](line()))
    assert len(row.groups) == 4
    lefts = [group.box[1] for group in row.groups]
    assert lefts == sorted(lefts)
    assert row.marks == ()


def closely_boxed(page: Floats, thick: int = 3) -> Floats:
    """In a box whose upper line runs through the top of the digits."""
    page, (top, *_, bottom) = page.copy(), np.flatnonzero((page < 120).any(axis=1))
    for side in (np.s_[top : top + thick], np.s_[bottom + 25 : bottom + 25 + thick]):
        page[side, 10:-10] = 90
    page[top : bottom + 25, 10 : 10 + thick] = page[top : bottom + 25, -10 - thick : -10] = 90
    return page


@pytest.mark.parametrize("labels", ["41", "63", "908", "4071"])
def test_a_digit_that_touches_the_box_around_it_is_found(labels: str) -> None:
    (row,) = rows(closely_boxed(line(labels)))
    assert len(row.groups) == len(labels)


def test_a_thin_side_of_a_box_with_gaps_is_no_digit() -> None:
    page = closely_boxed(line("4071", gap=12), thick=1)
    some = page[50:80:8]
    some[some == 90] = 235
    (row,) = rows(page)
    assert len(row.groups) == 4


def test_a_wide_stroke_alone_is_no_line() -> None:
    page = np.full((120, 160), 235.0)
    page[40:43, 20:140] = page[43:103, 76:80] = 30
    mask = find_ink(page.astype(np.uint8)).mask
    assert (without_rulings(mask) == mask).all()


@pytest.mark.parametrize("label", range(10))
def test_a_digit_is_one_group_however_many_strokes_it_has(label: int) -> None:
    (row,) = rows(line(str(label) * 3))
    assert len(row.groups) == 3


def test_a_broken_stroke_is_joined() -> None:
    page = line("888")
    page[57:60, 65:105] = 235
    (row,) = rows(page)
    assert [len(group.members) for group in row.groups] == [1, 2, 1]


def test_marks_and_spaces_are_told_apart() -> None:
    page = line("4071", gap=12)
    page[80:85, 79:84] = 40  # behind the 4
    page = np.hstack([page[:, :130], np.full((120, 40), 235), page[:, 130:]])  # behind the 0
    page[58:62, 8:24] = 40
    (row,) = rows(page)
    assert [mark.kind for mark in row.marks] == ["minus", "point", "space"]
    assert len(row.groups) == 4


def test_lines_are_read_from_top_to_bottom() -> None:
    found = rows(np.vstack([line("123"), line("456"), line("789")]))
    assert [len(row.groups) for row in found] == [3, 3, 3]
    assert [row.groups[0].box[0] // 120 for row in found] == [0, 1, 2]


def test_a_line_may_rise() -> None:
    page = Image.fromarray(line("123456")).rotate(8, expand=True, fillcolor=235)
    (row,) = rows(np.asarray(page))
    assert len(row.groups) == 6


def test_touching_digits_are_parted_where_the_reader_is_surest() -> None:
    """Two rings that touch: a reader that is sure of what is no wider than high is shown each of them."""
    y, x = np.indices((120, 220))
    page = np.full(y.shape, 235.0)
    for centre in (80, 130):
        page[np.abs(np.hypot((x - centre) / 0.75, y - 60) - 30) < 4] = 30
    assert len(rows(page)[0].groups) == 1

    def sure(canvas: Uint8Array) -> float:
        inked = np.flatnonzero((canvas > 100).any(axis=0)), np.flatnonzero((canvas > 100).any(axis=1))
        width, height = (int(places[-1] - places[0] + 1) for places in inked)
        return 0.99 if 0.6 < width / height < 0.95 else 0.3

    (found,) = read_lines(page.astype(np.uint8), reader(sure), 0.9)
    assert [piece.probability > 0.9 for piece in found.pieces] == [True, True]
    middles = [(piece.box[1] + piece.box[3]) / 2 for piece in found.pieces]
    assert middles == pytest.approx([80, 130], abs=5)


def test_a_doubtful_digit_is_not_parted_in_narrow_pieces() -> None:
    (found,) = read_lines(line("888").round().astype(np.uint8), reader(lambda _: 0.8), 0.75)
    assert len(found.pieces) == 3
    with pytest.raises(NoNumber, match="3 shapes, and no line of digits"):
        read_lines(line("888").round().astype(np.uint8), reader(lambda _: 0.8), 0.9)


def test_a_piece_is_shown_alone_on_black() -> None:
    shown: list[Uint8Array] = []

    def ask(canvas: Uint8Array) -> Answer:
        shown.append(canvas)
        return reader()(canvas)

    read_lines(ruled(line("41", gap=4)).round().astype(np.uint8), ask, 0.9)
    assert len(shown) == 2
    for canvas in shown:
        border = np.concatenate([canvas[0], canvas[-1], canvas[:, 0], canvas[:, -1]])
        assert border.max() == 0
        assert canvas.max() > 150


OTHERS = {
    "blank": (np.full((2000, 2000), 200, np.uint8), "the paper is empty"),
    "small": (np.zeros((8, 8), np.uint8), "the paper is empty"),
    "text": (pages.text(40, 22), "shapes"),
    "a line of text": (pages.text(1, 22), r"\d+ shapes in a line: a number has 12 digits at most"),
    "a code": (pages.code(), "no line of digits"),
    "a photograph": (pages.photograph(), "no line of digits"),
    "specks": (np.kron(np.indices((200, 200)).prod(0) % 3 == 1, np.ones((5, 5))).astype(np.uint8) * 255, "2,000"),
    "a long number": (line("1234567890123").round().astype(np.uint8), "13 shapes in a line: a number has 12 digits"),
    "two lines": (np.vstack([line("12"), line("34")]).round().astype(np.uint8), "2 lines of digits: read them as a"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_number_is_said(name: str) -> None:
    canvas, reason = OTHERS[name]
    unsure = name in ("text", "a code", "a photograph")
    asked = []

    def sure(shown: Uint8Array) -> float:
        asked.append(shown)
        return 0.2 if unsure else 0.99

    with pytest.raises(NoNumber, match=f"no number: .*{reason}"):
        read_lines(canvas, reader(sure), 0.9)
    assert len(asked) < 1000


def test_a_sheet_may_have_several_lines() -> None:
    found = read_lines(np.vstack([line("12"), line("34")]).round().astype(np.uint8), reader(), 0.9, sheet=True)
    assert [len(each.pieces) for each in found] == [2, 2]


def written(**options: Any) -> list[Written]:
    return write_numbers(IMAGES, LABELS, 30, seed=2, **options)


def test_numbers_are_written_the_same_each_time() -> None:
    for one, other in zip(written(), written(), strict=True):
        assert one.text == other.text
        np.testing.assert_array_equal(one.canvas, other.canvas)
    assert {len(number.text) for number in written()} == {2, 3, 4, 5, 6}


def test_written_digits_are_apart_unless_they_shall_touch() -> None:
    def groups(numbers: list[Written]) -> list[int]:
        return [sum(len(row.groups) for row in rows(number.canvas)) for number in numbers]

    apart = groups(written())
    assert sum(count == len(number.text) for count, number in zip(apart, written(), strict=True)) >= 28
    together = groups(written(touching=1.0))
    assert all(count < len(number.text) for count, number in zip(together, written(touching=1.0), strict=True))


def test_a_third_of_the_numbers_is_on_each_paper() -> None:
    for index, number in enumerate(written()[:6]):
        mask = find_ink(number.canvas).mask
        assert (PAPERS[index % 3] == "plain") == bool((without_rulings(mask) == mask).all())
