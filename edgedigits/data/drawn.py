"""Digits that are drawn, not photographed: strokes of a pen, with seeded width, slant, size and place.

They stand for what a user draws on a screen. No image of a data set is in them.
"""

import numpy as np
import numpy.typing as npt

from edgedigits.records.arrays import Int64Array, Uint8Array
from edgedigits.records.model import IMAGE_SHAPE

Points = npt.NDArray[np.float64]
SEGMENTS = 24  # straight pieces to an arc


def _line(*points: tuple[float, float]) -> Points:
    return np.array(points)


def _arc(centre: tuple[float, float], radii: tuple[float, float], start: float, end: float) -> Points:
    """Part of an ellipse, angles in turns: 0 is right, 0.25 is down."""
    angles = 2 * np.pi * np.linspace(start, end, SEGMENTS + 1)
    return np.stack((centre[0] + radii[0] * np.cos(angles), centre[1] + radii[1] * np.sin(angles)), axis=1)


STROKES: tuple[tuple[Points, ...], ...] = (  # of 0 to 9: x to the right and y down, both 0 to 1
    (_arc((0.5, 0.5), (0.3, 0.5), 0, 1),),
    (_line((0.3, 0.2), (0.55, 0.0), (0.55, 1.0)),),
    (_arc((0.5, 0.28), (0.32, 0.28), -0.5, 0.1), _line((0.76, 0.44), (0.15, 1.0), (0.88, 1.0))),
    (_arc((0.45, 0.26), (0.32, 0.26), -0.42, 0.25), _arc((0.45, 0.75), (0.36, 0.25), -0.25, 0.42)),
    (_line((0.62, 0.0), (0.1, 0.65), (0.92, 0.65)), _line((0.66, 0.35), (0.66, 1.0))),
    (_line((0.82, 0.0), (0.28, 0.0), (0.24, 0.45)), _arc((0.46, 0.69), (0.36, 0.31), -0.37, 0.4)),
    (_line((0.68, 0.0), (0.3, 0.42)), _arc((0.5, 0.7), (0.3, 0.3), -0.5, 0.6)),
    (_line((0.12, 0.0), (0.88, 0.0), (0.4, 1.0)),),
    (_arc((0.5, 0.25), (0.27, 0.25), 0, 1), _arc((0.5, 0.75), (0.33, 0.25), 0, 1)),
    (_arc((0.5, 0.3), (0.3, 0.3), 0, 1), _line((0.8, 0.3), (0.72, 1.0))),
)


def draw(label: int, rng: np.random.Generator) -> Uint8Array:
    """A drawn digit as uint8 `[28, 28]`, background 0 and ink 255, 16 to 22 pixels high, centred by its mass."""
    strokes = STROKES[label]
    height, width = rng.uniform(16, 19), rng.uniform(12, 16)
    slant, pen = rng.uniform(-0.15, 0.25), rng.uniform(0.9, 1.7)  # pen: half its width, in pixels
    points = np.concatenate([_pieces(stroke) for stroke in strokes])  # (n, 2, 2): start and end of each piece
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
    labels = np.arange(count) % len(STROKES)
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
