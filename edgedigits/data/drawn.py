"""Digits that are drawn, not photographed: strokes of a pen, with seeded width, slant, size and place.

They stand for what a user draws on a screen. No image of a data set is in them.
"""

import numpy as np
import numpy.typing as npt

from edgedigits.data.pen import DIGITS, Points, Shape
from edgedigits.records.arrays import Int64Array, Uint8Array
from edgedigits.records.model import IMAGE_SHAPE


def draw(label: int, rng: np.random.Generator) -> Uint8Array:
    """A drawn digit as uint8 `[28, 28]`, background 0 and ink 255, 16 to 22 pixels high, centred by its mass."""
    return draw_shape(DIGITS[label], rng)


def draw_shape(shape: Shape, rng: np.random.Generator) -> Uint8Array:
    """The same of any shape of `pen`."""
    height, width = rng.uniform(16, 19), rng.uniform(12, 16)
    slant, pen = rng.uniform(-0.15, 0.25), rng.uniform(0.9, 1.7)  # pen: half its width, in pixels
    points = np.concatenate([_pieces(stroke) for stroke in shape])  # (n, 2, 2): start and end of each piece
    x = (points[..., 0] - 0.5) * width - slant * (points[..., 1] - 0.5) * height
    y = (points[..., 1] - 0.5) * height
    placed = np.stack((x, y), axis=-1) + 13.5
    image = _ink(placed, pen)
    rows, columns = np.indices(IMAGE_SHAPE)
    mass = image.sum()
    shift = np.array([(image * columns).sum() / mass, (image * rows).sum() / mass]) - 13.5
    return (255 * _ink(placed - shift, pen)).round().astype(np.uint8)


def digits(count: int, seed: int) -> tuple[Uint8Array, Int64Array]:
    """`count` drawn digits, uint8 `[count, 28, 28]`, with their labels 0..9 in turn."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % len(DIGITS)
    return np.stack([draw(int(label), rng) for label in labels]), labels


def _pieces(stroke: Points) -> npt.NDArray[np.float64]:
    return np.stack((stroke[:-1], stroke[1:]), axis=1)


def _ink(pieces: npt.NDArray[np.float64], pen: float) -> npt.NDArray[np.float64]:
    """Ink 0..1 of each pixel: full within the pen's reach of a piece, and fading over one pixel more."""
    rows, columns = np.indices(IMAGE_SHAPE)
    pixels = np.stack((columns, rows), axis=-1)[:, :, None, :]  # (28, 28, 1, 2)
    start, end = pieces[:, 0], pieces[:, 1]
    along = end - start
    length = np.maximum((along**2).sum(-1), 1e-9)
    position = np.clip(((pixels - start) * along).sum(-1) / length, 0, 1)  # (28, 28, n)
    nearest = start + position[..., None] * along
    distance = np.sqrt(((pixels - nearest) ** 2).sum(-1)).min(-1)
    ink: npt.NDArray[np.float64] = np.clip(pen + 0.5 - distance, 0, 1)
    return ink
