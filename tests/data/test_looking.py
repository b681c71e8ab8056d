"""The first look: a digit is seen as on a clean page whatever else is on the page, and a page without one is blank."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from edgedigits.data import drawn
from edgedigits.data.framing import find_paper, frame
from edgedigits.records.arrays import Uint8Array

SIDE, PAPER, INK = 200, 230, 40
Page = npt.NDArray[np.float64]
Flaw = Callable[[Page], Page]


def page(label: int | None = 3) -> Page:
    """A digit as large as half of a page, dark on light; or none."""
    canvas = np.full((SIDE, SIDE), float(PAPER))
    if label is not None:
        digit = np.kron(drawn.draw(label, np.random.default_rng(7)), np.ones((5, 5))) / 255
        canvas[30:170, 30:170] += (INK - PAPER) * digit
    return canvas


def canvas_of(made: Page) -> Uint8Array:
    return made.clip(0, 255).round().astype(np.uint8)


def inked(*places: tuple[slice, slice], level: float = INK) -> Flaw:
    """A page with more ink on it."""

    def spoil(made: Page) -> Page:
        for place in places:
            made[place] = np.minimum(made[place], level)
        return made

    return spoil


def ruled(step: int, thick: int, level: float, both: bool = False) -> Flaw:
    """A page with lines across it, and down it too."""
    across = [np.s_[first : first + thick, :] for first in range(9, SIDE, step)]
    return inked(*across, *(np.s_[:, first : first + thick] for first in range(9, SIDE, step) if both), level=level)


def box(margin: int, thick: int) -> Flaw:
    """A page with a frame printed on it."""
    end = SIDE - margin
    spans = [slice(margin, margin + thick), slice(end - thick, end)]
    return inked(*((span, slice(margin, end)) for span in spans), *((slice(margin, end), span) for span in spans))


def dusty(flaw: Flaw) -> Flaw:
    """Specks on the paper, some of them beside what the flaw prints."""
    places = [np.s_[row : row + 3, column : column + 3] for row, column in ((17, 60), (150, 14), (182, 120), (40, 183))]
    return lambda made: inked(*places)(flaw(made))


def on_ground(margin: int, level: float, sides: str = "tblr") -> Flaw:
    """A page on a ground, which shows at some sides."""
    widths = [[margin * (side in sides) for side in pair] for pair in ("tb", "lr")]
    return lambda made: np.pad(made, widths, constant_values=level)


def noisy(deviation: float) -> Flaw:
    return lambda made: made + np.random.default_rng(5).normal(0, deviation, made.shape)


def shaded(low: float) -> Flaw:
    return lambda made: made * np.linspace(1, low, SIDE)[:, None]


def dark_corners(made: Page) -> Page:
    y, x = np.indices(made.shape) - SIDE / 2
    return made * (1 - 0.6 * (x**2 + y**2) / (2 * (SIDE / 2) ** 2))


def turned_on_ground(made: Page) -> Page:
    from PIL import Image

    wide = Image.fromarray(canvas_of(np.pad(made, 40, constant_values=60)))
    turned: Page = np.asarray(wide.rotate(4, Image.Resampling.BILINEAR, fillcolor=60)).astype(np.float64)
    return turned


EXACT = {  # what leaves every pixel of the digit as it is
    "a dark pixel in a corner": inked(np.s_[8:9, 190:191]),
    "a speck": inked(np.s_[185:190, 7:12]),
    "punch holes": inked(np.s_[50:58, 5:13], np.s_[140:148, 5:13], level=0),
    "a box at the edge": box(0, 3),
    "a box": box(7, 3),
    "a box among dust": dusty(box(7, 7)),
    "dark ground": on_ground(30, 60),
    "dark ground at two sides": on_ground(40, 30, "tl"),
    "black bars": on_ground(40, 0, "lr"),
    "ground that is a little darker": on_ground(30, 170),
}
NEAR = {  # and what touches it
    "ruled": ruled(50, 2, 120),
    "squared": ruled(50, 2, 150, both=True),
    "squared, small": ruled(24, 1, 160, both=True),
    "shade": shaded(0.5),
    "dark corners": dark_corners,
    "noise": noisy(20),
    "turned on dark ground": turned_on_ground,
}
MOST = 16  # levels, that a pixel of what is seen may be off in the mean
BLANK = {
    name: {**EXACT, **NEAR}[name]
    for name in (
        *("a box at the edge", "a box", "dark ground", "dark ground at two sides", "black bars"),
        *("ground that is a little darker", "ruled", "squared", "shade", "noise", "turned on dark ground"),
    )
}


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("label", [3, 7])
@pytest.mark.parametrize("light", [False, True])
def test_a_digit_is_seen_as_on_a_clean_page(name: str, label: int, light: bool) -> None:
    spoilt = canvas_of(EXACT[name](page(label)))
    wanted = frame(canvas_of(page(label)))
    assert wanted.any()
    np.testing.assert_array_equal(frame(255 - spoilt if light else spoilt), wanted)


def off(found: Uint8Array, wanted: Uint8Array) -> float:
    """How many levels pixels are off in the mean, where the one may lie a pixel beside the other."""
    moved = [np.roll(found, (down, right), (0, 1)) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    return min(float(np.abs(one.astype(int) - wanted).mean()) for one in moved)


@pytest.mark.parametrize("name", NEAR)
@pytest.mark.parametrize("label", [2, 8])
def test_a_digit_is_seen_nearly_so(name: str, label: int) -> None:
    """It may lie a pixel beside: its centre of mass is rounded to whole ones."""
    found, wanted = (frame(canvas_of(made)) for made in (NEAR[name](page(label)), page(label)))
    assert off(found, wanted) <= MOST


@pytest.mark.parametrize("name", BLANK)
def test_without_a_digit_nothing_is_seen(name: str) -> None:
    made = canvas_of(BLANK[name](page(None)))
    assert not frame(made).any()
    assert not frame(255 - made).any()


def cropped(label: int, scale: int, rest: int = 0) -> Uint8Array:
    """A digit with no more paper around it than so much."""
    digit = drawn.draw(label, np.random.default_rng(7))
    rows, columns = (np.flatnonzero((digit > 128).any(axis)) for axis in (1, 0))
    box = digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return canvas_of(PAPER + (INK - PAPER) / 255 * np.pad(np.kron(box, np.ones((scale, scale))), rest))


@pytest.mark.parametrize("label", [0, 2, 3, 4, 5, 6, 7, 8, 9])
@pytest.mark.parametrize("scale", [1, 3, 8, 40])
def test_a_digit_that_fills_its_picture_is_seen_as_with_paper_around(label: int, scale: int) -> None:
    made = cropped(label, scale)
    found, wanted = frame(made), frame(cropped(label, scale, rest=20 * scale))
    assert off(found, wanted) <= MOST
    assert off(frame(255 - made), wanted) <= MOST


def test_a_bar_along_a_side_is_the_digit_s() -> None:
    """A 7 whose bar fills the upper side: cut off, it were a 1."""
    seven = np.full((120, 80), float(PAPER))
    seven[:14] = INK
    for row in range(14, 120):
        middle = 70 - 60 * (row - 14) / 106
        seven[row, int(max(middle - 6, 0)) : int(middle + 6)] = INK
    seen = frame(canvas_of(seven))
    assert (seen > 128).sum(axis=1).max() > 10


def test_a_digit_that_touches_its_box_is_parted_from_it() -> None:
    made = canvas_of(box(7, 7)(inked(np.s_[14:186, 90:104])(page(None))))
    seen = frame(made) > 0
    assert (seen.any(axis=1).sum(), seen.any(axis=0).sum()) == (20, 2)


def test_a_dot_alone_is_a_digit() -> None:
    assert frame(canvas_of(inked(np.s_[90:96, 90:96])(page(None)))).max() == 255


def test_a_stroke_as_long_as_most_of_the_page_is_no_line() -> None:
    """A 1 on a narrow page: thin, straight, and three quarters as long as that."""
    made = canvas_of(inked(np.s_[25:175, 98:106])(page(None)))
    assert (frame(made).any(axis=1)).sum() == 20


def test_a_part_of_a_digit_that_stands_apart_is_kept() -> None:
    bar, body = np.s_[40:52, 60:130], np.s_[70:150, 90:102]
    found = frame(canvas_of(inked(bar, body)(page(None)))).any(axis=1)
    assert np.count_nonzero(np.diff(found.astype(int)) == 1) == 2


def test_two_digits_stay_two() -> None:
    both = np.concatenate([page(3), page(8)], axis=1)
    found = frame(canvas_of(both)).any(axis=0)
    assert np.count_nonzero(np.diff(found.astype(int)) == 1) == 2


@pytest.mark.parametrize("shape", [(8, 8), (8, 2048), (2048, 8), (81, 160), (161, 79), (1, 1)])
def test_any_shape_is_looked_at(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    for made in (rng.integers(0, 256, shape, dtype=np.uint8), np.full(shape, 7, np.uint8)):
        assert frame(made).shape == (28, 28)


def test_paper_is_light_where_most_of_picture_and_border_is() -> None:
    for label in range(10):
        made = canvas_of(page(label))
        assert find_paper(made).inverted
        np.testing.assert_array_equal(frame(made), frame(255 - made))
