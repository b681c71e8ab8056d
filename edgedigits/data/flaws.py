"""Everyday flaws of pictures: digits, enlarged, dark on light, each with one flaw; and pages without a digit.

A page is float64 `[height, width]`, 0 to 255; a flaw makes another of it, with the random numbers of its own generator.
`flawed` and `blank` give canvases uint8.
"""

import io
from collections.abc import Callable, Iterator, Mapping
from functools import partial

import numpy as np
import numpy.typing as npt

from edgedigits.records.arrays import Uint8Array

PAPER, INK = 235, 40  # levels of 255
SIDE = 220  # of a page, in pixels
ENLARGED = 5  # times a 28x28 image
THIN = 110  # of 255: fainter ink is no line that is then made thin
DARK = 140  # of 255: ink of a page
Page = npt.NDArray[np.float64]
Flaw = Callable[[Page, np.random.Generator], Page]


def page_of(image: Uint8Array, thinner: int = 0) -> Page:
    """A 28x28 image in the middle of a page; with `thinner`, an odd number of pixels, its lines are so much thinner."""
    from PIL import Image, ImageFilter

    side = ENLARGED * len(image)
    scaled = Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)
    if thinner:
        scaled = scaled.point(lambda value: 255 if value > THIN else 0).filter(ImageFilter.MinFilter(thinner))
    ink = np.zeros((SIDE, SIDE))
    start = (SIDE - side) // 2
    ink[start : start + side, start : start + side] = np.asarray(scaled) / 255
    return PAPER + (INK - PAPER) * ink


def canvas_of(page: Page) -> Uint8Array:
    """The page as a camera gives it: whole levels, 0 to 255."""
    return page.clip(0, 255).round().astype(np.uint8)


def _none(page: Page, _: np.random.Generator) -> Page:
    return page


def _speck(side: int, page: Page, rng: np.random.Generator) -> Page:
    """A dark square near a corner."""
    page = page.copy()
    row, column = (
        int(rng.integers(6, 20)) if rng.integers(2) else SIDE - int(rng.integers(6, 20)) - side for _ in range(2)
    )
    page[row : row + side, column : column + side] = INK
    return page


def _pixels(count: int, page: Page, rng: np.random.Generator) -> Page:
    """Dark pixels anywhere."""
    page = page.copy()
    for _ in range(count):
        page[tuple(rng.integers(3, SIDE - 3, 2))] = INK
    return page


def _ruled(strength: float, page: Page, rng: np.random.Generator, step: int = 55, thick: int = 2) -> Page:
    """Lines across, `step` pixels apart, of part of the ink's contrast."""
    page = page.copy()
    for row in range(int(rng.integers(step)), SIDE, step):
        page[row : row + thick] = np.minimum(page[row : row + thick], PAPER - strength * (PAPER - INK))
    return page


def _squared(strength: float, page: Page, rng: np.random.Generator) -> Page:
    """Lines across and down."""
    return np.minimum(_ruled(strength, page, rng), _ruled(strength, page.T, rng).T)


def _box(inside: int, page: Page, _: np.random.Generator, thick: int = 3) -> Page:
    """A frame, so many pixels inside the page's edge."""
    page = page.copy()
    end = SIDE - inside
    for start in (inside, end - thick):
        page[start : start + thick, inside:end] = page[inside:end, start : start + thick] = INK
    return page


def _shade(low: float, page: Page, rng: np.random.Generator) -> Page:
    """Light that falls to a part of it across the page, or down."""
    light = np.linspace(1, low, SIDE)
    return page * (light[None, :] if rng.integers(2) else light[:, None])


def _vignette(low: float, page: Page, _: np.random.Generator) -> Page:
    """Light that falls to a part of it in the corners."""
    row, column = np.indices((SIDE, SIDE)) - SIDE / 2
    radius = np.hypot(row, column) / np.hypot(SIDE / 2, SIDE / 2)
    shaded: Page = page * (1 - (1 - low) * radius**2)
    return shaded


def _noise(deviation: float, page: Page, rng: np.random.Generator) -> Page:
    return page + rng.normal(0, deviation, page.shape)


def _jpeg(quality: int, page: Page, _: np.random.Generator) -> Page:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(canvas_of(page)).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file)).astype(np.float64)


def _desk(share: float, page: Page, rng: np.random.Generator) -> Page:
    """The page on a dark desk, whose side is so many times the page's."""
    side = round(SIDE * share)
    desk = 60 + rng.normal(0, 4, (side, side))
    start = (side - SIDE) // 2
    desk[start : start + SIDE, start : start + SIDE] = page
    return desk


def _bars(width: int, page: Page, _: np.random.Generator) -> Page:
    """Black bars left and right, as in videos."""
    return np.pad(page, [(0, 0), (width, width)])


def _tight(page: Page, _: np.random.Generator) -> Page:
    """Nothing but the box of the ink."""
    rows, columns = (np.flatnonzero((page < DARK).any(axis)) for axis in (1, 0))
    return page[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _pale(strength: float, page: Page, _: np.random.Generator) -> Page:
    return PAPER - (PAPER - page) * strength


FLAWS: Mapping[str, Flaw] = {
    "none": _none,
    "a speck of 1x1": partial(_speck, 1),
    "a speck of 4x4": partial(_speck, 4),
    "5 dark pixels": partial(_pixels, 5),
    "ruled, 35% dark": partial(_ruled, 0.35),
    "ruled, 60% dark": partial(_ruled, 0.6),
    "squared, 45% dark": partial(_squared, 0.45),
    "a box at the edge": partial(_box, 0),
    "a box 6 inside": partial(_box, 6),
    "a box 20 inside": partial(_box, 20),
    "shade to 65%": partial(_shade, 0.65),
    "shade to 50%": partial(_shade, 0.5),
    "vignette to 35%": partial(_vignette, 0.35),
    "noise of 20": partial(_noise, 20),
    "noise of 35": partial(_noise, 35),
    "JPEG of quality 10": partial(_jpeg, 10),
    "on a dark desk": partial(_desk, 1.3),
    "black bars": partial(_bars, 40),
    "cut to its ink": _tight,
    "pale, 25%": partial(_pale, 0.25),
}
THINNER: Mapping[str, int] = {"thin, by 2 pixels": 3, "thin, by 4 pixels": 5, "thin, by 6 pixels": 7}


def names() -> tuple[str, ...]:
    """Of all flaws that a digit can have."""
    return (*FLAWS, *THINNER)


def flawed(name: str, images: Uint8Array) -> Iterator[Uint8Array]:
    """A canvas of each of the images `[n, 28, 28]`, with the flaw of that name; always the same."""
    for seed, image in enumerate(images):
        page = page_of(image, THINNER.get(name, 0))
        yield canvas_of(FLAWS.get(name, _none)(page, np.random.default_rng(seed)))


def blank(name: str, count: int) -> Iterator[Uint8Array]:
    """So many blank pages with the flaw of that name, of BLANK."""
    for seed in range(count):
        yield canvas_of(FLAWS[name](np.full((SIDE, SIDE), float(PAPER)), np.random.default_rng(seed)))


BLANK = tuple(name for name in FLAWS if name != "cut to its ink")  # a blank page has none
