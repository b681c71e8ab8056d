"""Pictures that are no digit, framed like digits, for a network to learn from that it does not know them.

Hendrycks, Mazeika, Dietterich 2019 (arXiv:1812.04606): what is shown with the uniform answer need not be what will be
seen. All of it is made here, by our pen or from parts of training digits; letters that have a digit's shape are not
among it, nor are halves that do.
"""

import itertools
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from edgedigits.data import canvases, drawn, handwriting, pen
from edgedigits.data.dataset import Split
from edgedigits.data.framing import find_by_border, frame
from edgedigits.records.arrays import Uint8Array
from edgedigits.records.model import IMAGE_SHAPE
from edgedigits.train.touching import together

Make = Callable[[np.random.Generator, Split], Uint8Array]  # a canvas, light ink on dark, to be framed
CANVAS = (120, 120)  # of noise, at most
PIECE = (12, 84)  # pixels of its sides that are taken
CANVASES = (90, 300)  # pixels of the sides of canvases to scribble on, at most
STROKES = (3, 7)  # of a sign of no script
LATTICE = 4  # points a side, that its strokes go between
ROUND = 0.4  # of its strokes
SIDE = 60  # pixels of a canvas of shapes
ROUNDED = 72  # points of an outline without corners
TOUCHING = 0.4  # of the pairs
HALVES = ((2, "top"), (2, "bottom"), (2, "left"), (4, "top"), (5, "top"), (3, "left"))
INK = 255


def make(count: int, split: Split, seed: int) -> Uint8Array:
    """So many pictures, uint8 `[count, 28, 28]`, background 0, none of them blank; `split` gives parts of digits."""
    rng = np.random.default_rng(seed)
    makers, weights = zip(*KINDS, strict=True)
    chosen = rng.choice(len(makers), size=count, p=np.array(weights) / sum(weights))
    made = [_seen(makers[kind], rng, split) for kind in chosen]
    return np.stack(made) if made else np.zeros((0, *IMAGE_SHAPE), np.uint8)


def national(count: int, seed: int) -> Split:
    """So many digits of our pen in the forms of other countries, in turn."""
    rng = np.random.default_rng(seed)
    forms = [form for _, form in zip(range(count), itertools.cycle(pen.FORMS.values()), strict=False)]
    labels = np.array([form.label for form in forms], dtype=np.int64)
    made = [drawn.draw_shape(form.shape, rng) for form in forms]
    return Split(np.stack(made) if made else np.zeros((0, *IMAGE_SHAPE), np.uint8), labels)


def _seen(maker: Make, rng: np.random.Generator, split: Split) -> Uint8Array:
    """What a network is shown of such a picture, made anew where it is blank."""
    while not (seen := frame(maker(rng, split), find_by_border)).any():
        pass
    return seen


def _noise(rng: np.random.Generator, _: Split) -> Uint8Array:
    """Of any shape: also upright and narrow, as a 1 is."""
    height, width = rng.integers(*PIECE, 2)
    return canvases.KINDS["noise"](rng, CANVAS)[:height, :width]


def _scribble(rng: np.random.Generator, _: Split) -> Uint8Array:
    height, width = rng.integers(*CANVASES, 2).tolist()
    return canvases.KINDS["scribbles"](rng, (height, width))


def _glyph(rng: np.random.Generator, _: Split) -> Uint8Array:
    """A sign of no script: strokes between points of a lattice, straight, bent or round. So few are no digit's own."""
    shape = [_stroke(rng) for _ in range(rng.integers(*STROKES))]
    return handwriting.on_paper(drawn.draw_shape(tuple(shape), rng))


def _stroke(rng: np.random.Generator) -> pen.Points:
    """From a point of the lattice to one or two others, or an ellipse around one, whole or in part."""
    if rng.random() < ROUND:
        centre, radii = rng.uniform(0.3, 0.7, 2).tolist(), rng.uniform(0.12, 0.45, 2).tolist()
        return pen.arc(centre, radii, *rng.uniform(0, 1, 2).cumsum().tolist())
    return rng.integers(0, LATTICE, (rng.integers(2, 4), 2)) / (LATTICE - 1)


def _letter(rng: np.random.Generator, _: Split) -> Uint8Array:
    return handwriting.on_paper(drawn.draw_shape(_one_of(rng, pen.LETTERS), rng))


def _mark(rng: np.random.Generator, _: Split) -> Uint8Array:
    return handwriting.on_paper(drawn.draw_shape(_one_of(rng, pen.MARKS), rng))


def _half(rng: np.random.Generator, split: Split) -> Uint8Array:
    """A half of a digit, of those that are no digit themselves."""
    label, side = HALVES[rng.integers(len(HALVES))]
    image = split.images[rng.choice(np.flatnonzero(split.labels == label))]
    cut = int(rng.integers(12, 16))
    kept = {"top": image[:cut], "bottom": image[cut:], "left": image[:, :cut], "right": image[:, cut:]}
    return handwriting.on_paper(kept[side])


def _pair(rng: np.random.Generator, split: Split) -> Uint8Array:
    """Two digits side by side, or three, apart, touching or overlapping; now and then one above the other."""
    if rng.random() < TOUCHING:
        left, right = split.images[rng.integers(len(split), size=2)]
        return handwriting.on_paper(np.maximum(*together(left, right, rng)))
    first, *others = (split.images[index] for index in rng.integers(len(split), size=rng.choice([2, 2, 2, 3])))
    sheet = first
    for image in others:
        sheet = handwriting.side_by_side(sheet, image, rng)
    return handwriting.on_paper(sheet if rng.random() < 0.85 else sheet.T)


def _lines(rng: np.random.Generator, _: Split) -> Uint8Array:
    """Lines across, in parallel or a grid, or a box; never a single one upright, which is a 1."""
    sheet = np.zeros((SIDE, SIDE), np.uint8)
    step, thick = int(rng.integers(6, 30)), int(rng.integers(1, 5))
    places = [place + offset for place in range(0, SIDE - thick, step) for offset in range(thick)]
    if rng.random() < 0.4:
        inside = sheet[: int(rng.integers(25, SIDE)), : int(rng.integers(25, SIDE))]
        inside[:] = INK
        inside[thick:-thick, thick:-thick] = 0
        return handwriting.on_paper(sheet)
    sheet[places] = INK
    if rng.random() < 0.5:
        sheet[:, places] = INK
    return handwriting.on_paper(sheet)


def _shape(rng: np.random.Generator, _: Split) -> Uint8Array:
    """A filled outline of three to nine corners."""
    corners = int(rng.integers(3, 10))
    angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
    return _textured(_filled(angles, rng.uniform(0.35, 1.0, corners), rng.uniform(0.4, 1.0, 2)), rng)


def _blob(rng: np.random.Generator, _: Split) -> Uint8Array:
    """A filled outline without corners: an oval, an egg, a bean, a splash. Never so narrow that it is a thick 1."""
    angles = np.linspace(0, 2 * np.pi, ROUNDED, endpoint=False)
    waves = np.arange(1, 6)[:, None]
    heights = rng.normal(0, 0.5 / (waves + 1)) * (rng.random() < 0.6)
    reach = (1 + heights * np.cos(waves * angles + rng.uniform(0, 2 * np.pi, waves.shape))).prod(0).clip(0.2)
    return _textured(_filled(angles, reach / reach.max(), rng.uniform(0.5, 1.0, 2)), rng)


def _mirrored(rng: np.random.Generator, _: Split) -> Uint8Array:
    """A filled outline that reaches as far to the left as to the right, now and then open in the middle; or lying."""
    heights = np.linspace(0, 1, SIDE)
    reach = np.interp(heights, np.linspace(0, 1, 6), rng.uniform(0.2, 1.0, 6)) * rng.uniform(0.5, 1.0)
    gap = reach * rng.uniform(0, 0.5) * (heights > rng.random())
    across = abs(np.linspace(-1, 1, SIDE))
    sheet = INK * ((across < reach[:, None]) & (across >= gap[:, None]))
    return _textured(sheet if rng.random() < 0.7 else sheet.T, rng)


def _filled(
    angles: npt.NDArray[np.float64], reach: npt.NDArray[np.float64], sides: npt.NDArray[np.float64]
) -> Uint8Array:
    """A shape `[60, 60]` that reaches from the middle, at each angle, a part 0 to 1 of its half sides."""
    from PIL import Image, ImageDraw

    points = SIDE / 2 * (1 + reach[:, None] * sides * np.stack((np.cos(angles), np.sin(angles)), axis=1))
    image = Image.new("L", (SIDE, SIDE))
    ImageDraw.Draw(image).polygon([(x, y) for x, y in points.tolist()], fill=INK)
    return np.asarray(image)


def _blocks(rng: np.random.Generator, _: Split) -> Uint8Array:
    """Rectangles of different greys one over another, mirrored or not."""
    sheet = np.zeros((SIDE, SIDE), np.uint8)
    for _layer in range(int(rng.integers(1, 5))):
        top, left = rng.integers(0, SIDE - 20, 2)
        height, width = rng.integers(10, SIDE, 2)
        sheet[top : top + height, left : left + width] = rng.integers(120, 256)
    if rng.random() < 0.6:
        sheet = np.maximum(sheet, sheet[:, ::-1])
    return _textured(sheet, rng)


def _patches(rng: np.random.Generator, _: Split) -> Uint8Array:
    """Clouds of a few random points, smooth or with hard edges."""
    from PIL import Image

    points = rng.integers(0, 256, tuple(rng.integers(3, 9, 2))).astype(np.uint8)
    clouds = np.asarray(Image.fromarray(points).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    if rng.random() < 0.6:
        clouds = np.where(clouds > rng.integers(90, 200), INK, 0).astype(np.uint8)
    return handwriting.on_paper(clouds)


def _textured(sheet: npt.NDArray[np.integer], rng: np.random.Generator) -> Uint8Array:
    """A shape `[60, 60]` on paper, with waves, gradients or grain inside."""
    rows, columns = np.indices((SIDE, SIDE)) / SIDE
    direction = rng.uniform(0, 2 * np.pi)
    along = np.cos(direction) * rows + np.sin(direction) * columns
    waves = np.cos(2 * np.pi * along * rng.uniform(0, 8))
    depth = rng.uniform(0, 0.35) * (1 + waves * rng.choice([0.0, 1.0]))
    return handwriting.on_paper((sheet * (1 - depth * rng.uniform(0.5, 1, (SIDE, SIDE)))).astype(np.uint8))


def _one_of(rng: np.random.Generator, named: Mapping[str, pen.Shape]) -> pen.Shape:
    return list(named.values())[rng.integers(len(named))]


KINDS: tuple[tuple[Make, float], ...] = (  # with how often they are made
    (_noise, 0.1),
    (_scribble, 0.22),
    (_letter, 0.17),
    (_mark, 0.07),
    (_glyph, 0.12),
    (_half, 0.07),
    (_pair, 0.25),
    (_lines, 0.05),
    (_shape, 0.05),
    (_blob, 0.08),
    (_mirrored, 0.08),
    (_blocks, 0.05),
    (_patches, 0.03),
)
