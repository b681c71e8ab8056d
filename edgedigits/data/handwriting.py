"""Canvases that a pen of our own writes, shapes of `pen`, each time otherwise; and two digits, one asked for.

A canvas is uint8 `[height, width]`, in either polarity. No image of a data set is in what the pen writes.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from edgedigits.data.canvases import LARGEST, size_of
from edgedigits.data.pen import Points, Shape
from edgedigits.records.arrays import Uint8Array

FINER = 2  # drawn at so many times the size, then made smaller: soft edges
HEIGHT = (0.25, 0.8)  # of what is written, of the canvas's shorter side
ASPECT = (0.5, 0.9)  # its width, of its height
PEN = (0.03, 0.13)  # the line's width, of the height
SLANT = (-0.15, 0.35)  # to the right, of the height
TURN = 8.0  # degrees, each way
WOBBLE = 0.05  # of height and width, that a hand is off by
WAVES = 3  # in which the hand wobbles along all that it writes
LEVELS = ((0, 100), (156, 256))  # of paper and ink, dark and light
APART = (-0.3, 0.4)  # between the boxes of two digits, of the narrower one's width; below 0 they overlap
PAIR_ENLARGED = (2.0, 6.0)  # times a 28x28 image
FAINT = 64  # of 255: less is no ink of a digit beside another
EDGE = 8  # pixels of paper around


def write(shape: Shape, rng: np.random.Generator, largest: tuple[int, int] = LARGEST) -> Uint8Array:
    """A shape written somewhere on a canvas of random size, with random pen, slant and wobble."""
    from PIL import Image, ImageDraw

    height, width = size_of(rng, largest)
    paper, ink = rng.permutation([rng.integers(*levels) for levels in LEVELS])
    tall = min(height, width) * rng.uniform(*HEIGHT)
    pen = max(1.5, tall * rng.uniform(*PEN)) * FINER
    lines = _by_hand(shape, tall, rng)
    low, high = (np.concatenate(lines).min(0) - pen, np.concatenate(lines).max(0) + pen)
    room = np.maximum((width, height) - (high - low) / FINER, 0) * FINER
    place = rng.uniform(0, 1, 2) * room - low
    image = Image.new("L", (width * FINER, height * FINER), int(paper))
    draw = ImageDraw.Draw(image)
    for line in lines:
        path = [(x, y) for x, y in (line + place).tolist()]
        draw.line(path, fill=int(ink), width=round(pen), joint="curve")
        for x, y in (path[0], path[-1]):
            draw.ellipse((x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2), fill=int(ink))
    return np.asarray(image.resize((width, height), Image.Resampling.BOX))


def _by_hand(shape: Shape, tall: float, rng: np.random.Generator) -> list[Points]:
    """The strokes in pixels of the finer canvas, around (0, 0): wobbled, slanted, and turned."""
    angle = np.radians(rng.uniform(-TURN, TURN))
    turned = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    slanted = np.array([[rng.uniform(*ASPECT), 0], [-rng.uniform(*SLANT), 1]])
    phases, sizes = rng.uniform(0, 2 * np.pi, (WAVES, 2)), rng.normal(0, WOBBLE / WAVES, (WAVES, 2))
    found = []
    for stroke in shape:
        points = _in_steps(stroke) - 0.5
        waves = [sizes[n] * np.sin((n + 1) * np.pi * points[:, ::-1] + phases[n]) for n in range(WAVES)]
        off = rng.normal(0, WOBBLE / 2, 2)  # where the pen was put down
        found.append(tall * FINER * (points + sum(waves) + off) @ slanted @ turned)
    return found


def _in_steps(stroke: Points) -> Points:
    """A stroke with points in between, so that straight pieces can bend."""
    steps = 6
    along = np.arange((len(stroke) - 1) * steps + 1) / steps
    places = np.arange(len(stroke))
    return np.stack([np.interp(along, places, stroke[:, axis]) for axis in (0, 1)], axis=1)


def written(shapes: Iterable[Shape], count: int, seed: int) -> Iterator[Uint8Array]:
    """So many canvases of the shapes, in turn."""
    rng = np.random.default_rng(seed)
    turns = list(shapes)
    for index in range(count):
        yield write(turns[index % len(turns)], rng)


def pairs(images: Uint8Array, seed: int) -> Iterator[Uint8Array]:
    """Canvases of the next two digits each, of images `[n, 28, 28]`: apart, touching, or overlapping."""
    from PIL import Image

    rng = np.random.default_rng(seed)
    for left, right in zip(images[::2], images[1::2], strict=False):  # one may be left over
        both = side_by_side(left, right, rng)
        enlarged = rng.uniform(*PAIR_ENLARGED)
        size = [max(1, round(enlarged * side)) for side in both.shape[::-1]]
        scaled = np.asarray(Image.fromarray(both).resize(size, Image.Resampling.BILINEAR))
        canvas = np.pad(scaled, rng.integers(8, 120, (2, 2)))
        yield canvas if rng.integers(2) else 255 - canvas


def side_by_side(left: Uint8Array, right: Uint8Array, rng: np.random.Generator) -> Uint8Array:
    """Two images of light ink on dark as one, no larger than their ink: their middles on a line, APART as it falls."""
    crops = [_cropped(image) for image in (left, right)]
    heights, widths = zip(*(crop.shape for crop in crops), strict=True)
    start = max(0, widths[0] + round(min(widths) * rng.uniform(*APART)))
    both = np.zeros((max(heights), max(widths[0], start + widths[1])), np.uint8)
    for crop, across in zip(crops, (0, start), strict=True):
        down = (len(both) - len(crop)) // 2
        place = both[down : down + crop.shape[0], across : across + crop.shape[1]]
        np.maximum(place, crop, out=place)
    return both


def on_paper(sheet: Uint8Array) -> Uint8Array:
    """A sheet of light ink on dark with paper around, as framing looks for."""
    return np.pad(sheet, EDGE)


def _cropped(image: Uint8Array) -> Uint8Array:
    """The box of an image's ink; all of one without."""
    inked = image > FAINT
    if not inked.any():
        return image
    rows, columns = (np.flatnonzero(inked.any(axis)) for axis in (1, 0))
    return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
