"""Digits that are drawn, not photographed: strokes of a pen, with seeded width, slant, size and place.

They stand for what a user draws on a screen. No image of a data set is in them. So are digits in the forms of other
countries, and letters and marks that have no digit's shape.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from edgedigits.records.arrays import Int64Array, Uint8Array
from edgedigits.records.model import IMAGE_SHAPE

Points = npt.NDArray[np.float64]
Strokes = tuple[Points, ...]
SEGMENTS = 24  # straight pieces to an arc


def _line(*points: tuple[float, float]) -> Points:
    return np.array(points)


def _arc(centre: tuple[float, float], radii: tuple[float, float], start: float, end: float) -> Points:
    """Part of an ellipse, angles in turns: 0 is right, 0.25 is down."""
    angles = 2 * np.pi * np.linspace(start, end, SEGMENTS + 1)
    return np.stack((centre[0] + radii[0] * np.cos(angles), centre[1] + radii[1] * np.sin(angles)), axis=1)


def _spiral(turns: float) -> Points:
    """Around the middle, outwards."""
    part = np.linspace(0.05, 1, round(SEGMENTS * turns))
    angles = 2 * np.pi * turns * part
    return 0.5 + 0.5 * part[:, None] * np.stack((np.cos(angles), np.sin(angles)), axis=1)


STROKES: tuple[Strokes, ...] = (  # of 0 to 9: x to the right and y down, both 0 to 1
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


FORMS: Mapping[str, tuple[int, Strokes]] = {  # of digits, with their labels
    "1 with a flag": (1, (_line((0.15, 0.4), (0.6, 0.0), (0.6, 1.0)),)),
    "1 with flag and foot": (1, (_line((0.2, 0.3), (0.52, 0.0), (0.52, 1.0)), _line((0.2, 1.0), (0.84, 1.0)))),
    "7 with a bar": (7, (_line((0.12, 0.0), (0.88, 0.0), (0.42, 1.0)), _line((0.28, 0.5), (0.86, 0.5)))),
    "open 4": (4, (_line((0.2, 0.0), (0.12, 0.58), (0.88, 0.58)), _line((0.74, 0.05), (0.66, 1.0)))),
    "9 with a straight foot": (9, (_arc((0.48, 0.3), (0.3, 0.3), 0, 1), _line((0.78, 0.1), (0.78, 1.0)))),
    "9 with a curled foot": (
        9,
        (
            _arc((0.5, 0.28), (0.29, 0.28), 0, 1),
            _line((0.79, 0.25), (0.78, 0.72)),
            _arc((0.5, 0.72), (0.28, 0.28), 0, 0.4),
        ),
    ),
    "0 with a slash": (0, (_arc((0.5, 0.5), (0.34, 0.5), 0, 1), _line((0.82, 0.04), (0.18, 0.96)))),
}
LETTERS: Mapping[str, Strokes] = {  # that have no digit's shape
    "A": (_line((0.1, 1.0), (0.5, 0.0), (0.9, 1.0)), _line((0.25, 0.62), (0.75, 0.62))),
    "C": (_arc((0.55, 0.5), (0.4, 0.5), 0.13, 0.87),),
    "E": (_line((0.85, 0.0), (0.2, 0.0), (0.2, 1.0), (0.85, 1.0)), _line((0.2, 0.5), (0.7, 0.5))),
    "F": (_line((0.85, 0.0), (0.2, 0.0), (0.2, 1.0)), _line((0.2, 0.48), (0.7, 0.48))),
    "H": (_line((0.15, 0.0), (0.15, 1.0)), _line((0.85, 0.0), (0.85, 1.0)), _line((0.15, 0.5), (0.85, 0.5))),
    "K": (_line((0.2, 0.0), (0.2, 1.0)), _line((0.85, 0.0), (0.2, 0.55)), _line((0.38, 0.42), (0.88, 1.0))),
    "L": (_line((0.2, 0.0), (0.2, 1.0), (0.85, 1.0)),),
    "M": (_line((0.08, 1.0), (0.15, 0.0), (0.5, 0.6), (0.85, 0.0), (0.92, 1.0)),),
    "N": (_line((0.15, 1.0), (0.15, 0.0), (0.85, 1.0), (0.85, 0.0)),),
    "P": (
        _line((0.2, 1.0), (0.2, 0.0), (0.5, 0.0)),
        _arc((0.5, 0.26), (0.34, 0.26), -0.25, 0.25),
        _line((0.5, 0.52), (0.2, 0.52)),
    ),
    "R": (
        _line((0.2, 1.0), (0.2, 0.0), (0.5, 0.0)),
        _arc((0.5, 0.25), (0.32, 0.25), -0.25, 0.25),
        _line((0.5, 0.5), (0.2, 0.5)),
        _line((0.45, 0.5), (0.88, 1.0)),
    ),
    "T": (_line((0.05, 0.0), (0.95, 0.0)), _line((0.5, 0.0), (0.5, 1.0))),
    "U": (_line((0.15, 0.0), (0.15, 0.65)), _arc((0.5, 0.65), (0.35, 0.35), 0, 0.5), _line((0.85, 0.0), (0.85, 0.65))),
    "V": (_line((0.1, 0.0), (0.5, 1.0), (0.9, 0.0)),),
    "W": (_line((0.02, 0.0), (0.25, 1.0), (0.5, 0.3), (0.75, 1.0), (0.98, 0.0)),),
    "X": (_line((0.12, 0.0), (0.88, 1.0)), _line((0.88, 0.0), (0.12, 1.0))),
    "Y": (_line((0.1, 0.0), (0.5, 0.45), (0.9, 0.0)), _line((0.5, 0.45), (0.5, 1.0))),
    "a": (_arc((0.45, 0.62), (0.33, 0.36), 0, 1), _line((0.78, 0.28), (0.78, 0.9), (0.95, 1.0))),
    "e": (_line((0.15, 0.5), (0.85, 0.5)), _arc((0.5, 0.5), (0.35, 0.48), -1.0, -0.12)),
    "h": (_line((0.2, 0.0), (0.2, 1.0)), _arc((0.5, 0.7), (0.3, 0.25), -0.5, 0), _line((0.8, 0.7), (0.8, 1.0))),
    "k": (_line((0.22, 0.0), (0.22, 1.0)), _line((0.8, 0.35), (0.22, 0.7)), _line((0.42, 0.6), (0.85, 1.0))),
    "m": (
        _line((0.05, 0.3), (0.05, 1.0)),
        _arc((0.27, 0.55), (0.22, 0.25), -0.5, 0),
        _line((0.49, 0.55), (0.49, 1.0)),
        _arc((0.71, 0.55), (0.22, 0.25), -0.5, 0),
        _line((0.93, 0.55), (0.93, 1.0)),
    ),
    "n": (_line((0.2, 0.2), (0.2, 1.0)), _arc((0.5, 0.55), (0.3, 0.33), -0.5, 0), _line((0.8, 0.55), (0.8, 1.0))),
    "r": (_line((0.3, 0.2), (0.3, 1.0)), _arc((0.62, 0.55), (0.32, 0.33), -0.5, -0.12)),
    "w": (_line((0.02, 0.3), (0.27, 1.0), (0.5, 0.45), (0.73, 1.0), (0.98, 0.3)),),
    "x": (_line((0.18, 0.25), (0.82, 1.0)), _line((0.82, 0.25), (0.18, 1.0))),
}
MARKS: Mapping[str, Strokes] = {
    "plus": (_line((0.1, 0.5), (0.9, 0.5)), _line((0.5, 0.15), (0.5, 0.85))),
    "minus": (_line((0.1, 0.5), (0.9, 0.5)),),
    "equals": (_line((0.1, 0.38), (0.9, 0.38)), _line((0.1, 0.62), (0.9, 0.62))),
    "hash": (
        _line((0.35, 0.0), (0.25, 1.0)),
        _line((0.75, 0.0), (0.65, 1.0)),
        _line((0.1, 0.35), (0.95, 0.35)),
        _line((0.05, 0.68), (0.9, 0.68)),
    ),
    "star": (_line((0.1, 0.5), (0.9, 0.5)), _line((0.25, 0.15), (0.75, 0.85)), _line((0.75, 0.15), (0.25, 0.85))),
    "tick": (_line((0.1, 0.55), (0.38, 0.95), (0.92, 0.1)),),
    "arrow": (_line((0.05, 0.5), (0.95, 0.5)), _line((0.65, 0.25), (0.95, 0.5), (0.65, 0.75))),
    "triangle": (_line((0.5, 0.1), (0.95, 0.9), (0.05, 0.9), (0.5, 0.1)),),
    "wave": (_arc((0.28, 0.5), (0.22, 0.2), -0.5, 0), _arc((0.72, 0.5), (0.22, 0.2), -0.5, -1.0)),
    "dots": (_line((0.2, 0.5), (0.22, 0.5)), _line((0.5, 0.5), (0.52, 0.5)), _line((0.8, 0.5), (0.82, 0.5))),
    "question": (
        _arc((0.5, 0.25), (0.3, 0.25), -0.5, 0.2),
        _line((0.58, 0.48), (0.5, 0.72)),
        _line((0.5, 0.97), (0.5, 1.0)),
    ),
    "smile": (
        _arc((0.5, 0.45), (0.4, 0.5), 0.05, 0.45),
        _line((0.3, 0.2), (0.3, 0.25)),
        _line((0.7, 0.2), (0.7, 0.25)),
    ),
}
UNSEEN: Mapping[str, Strokes] = {  # letters and marks that no recipe learns from
    "Q": (_arc((0.5, 0.48), (0.42, 0.48), 0, 1), _line((0.55, 0.68), (0.98, 1.08))),
    "d": (_arc((0.42, 0.68), (0.32, 0.32), 0, 1), _line((0.76, 0.0), (0.76, 1.0))),
    "f": (
        _arc((0.62, 0.22), (0.22, 0.22), -0.08, -0.5),
        _line((0.4, 0.22), (0.4, 1.0)),
        _line((0.15, 0.42), (0.72, 0.42)),
    ),
    "p": (_line((0.22, 0.0), (0.22, 1.0)), _arc((0.55, 0.32), (0.32, 0.3), 0, 1)),
    "t": (_line((0.45, 0.0), (0.45, 0.78)), _arc((0.67, 0.78), (0.22, 0.22), 0.5, 0.1), _line((0.15, 0.3), (0.8, 0.3))),
    "u": (
        _line((0.12, 0.05), (0.12, 0.65)),
        _arc((0.45, 0.65), (0.33, 0.33), 0.5, 0.0),
        _line((0.78, 0.05), (0.78, 0.85), (0.95, 1.0)),
    ),
    "y": (_line((0.1, 0.0), (0.48, 0.55)), _line((0.9, 0.0), (0.25, 1.0))),
    "pentagram": (_line((0.5, 0.0), (0.81, 0.95), (0.02, 0.36), (0.98, 0.36), (0.19, 0.95), (0.5, 0.0)),),
    "percent": (
        _line((0.85, 0.0), (0.15, 1.0)),
        _arc((0.22, 0.22), (0.18, 0.2), 0, 1),
        _arc((0.78, 0.78), (0.18, 0.2), 0, 1),
    ),
    "spiral": (_spiral(2.5),),
    "zigzag": (_line((0.0, 0.7), (0.17, 0.3), (0.33, 0.7), (0.5, 0.3), (0.67, 0.7), (0.83, 0.3), (1.0, 0.7)),),
    "heart": (
        _arc((0.26, 0.25), (0.26, 0.25), 0.4, 1.0),
        _arc((0.74, 0.25), (0.26, 0.25), 0.5, 1.1),
        _line((0.05, 0.4), (0.5, 1.0), (0.95, 0.4)),
    ),
    "house": (_line((0.1, 0.45), (0.5, 0.0), (0.9, 0.45), (0.9, 1.0), (0.1, 1.0), (0.1, 0.45), (0.9, 0.45)),),
    "face": (
        _arc((0.5, 0.5), (0.5, 0.5), 0, 1),
        _line((0.35, 0.35), (0.35, 0.42)),
        _line((0.65, 0.35), (0.65, 0.42)),
        _arc((0.5, 0.55), (0.25, 0.2), 0.05, 0.45),
    ),
}


def draw(label: int, rng: np.random.Generator) -> Uint8Array:
    """A drawn digit as uint8 `[28, 28]`, background 0 and ink 255, 16 to 22 pixels high, centred by its mass."""
    return draw_strokes(STROKES[label], rng)


def draw_strokes(strokes: Strokes, rng: np.random.Generator) -> Uint8Array:
    """The same of any strokes."""
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
