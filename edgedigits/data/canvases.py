"""Canvases to ask a canvas file: digits enlarged and pasted somewhere, and what is no digit. Always the same.

A canvas is uint8 `[height, width]`, of any size that `SIDES` allows, in either polarity.
"""

import zlib

import numpy as np

from edgedigits.records.arrays import Uint8Array

ENLARGED = (3.0, 12.0)  # times a 28x28 image
LARGEST = (480, 640)  # height and width of a canvas to paste on
POINTS = 40  # of a stroke of a scribble
SIDES = (8, 2048)  # of a canvas, in pixels


def paste(
    image: Uint8Array, enlarged: tuple[float, float] = ENLARGED, largest: tuple[int, int] = LARGEST
) -> Uint8Array:
    """An image uint8 `[28, 28]`, enlarged 3 to 12 times, at a random place of a canvas of random size.

    Half of the canvases are inverted: dark ink on light paper. All of it depends on the image's own
    pixels alone, so that the same image always lies on the same canvas.
    """
    from PIL import Image

    rng = np.random.default_rng(zlib.crc32(image.tobytes()))
    side = round(rng.uniform(*enlarged) * len(image))
    height, width = (int(rng.integers(side, longest + 1)) for longest in largest)
    top, left = rng.integers(0, height - side + 1), rng.integers(0, width - side + 1)
    canvas = np.zeros((height, width), np.uint8)
    scaled = Image.fromarray(image).resize((side, side), Image.Resampling.BILINEAR)
    canvas[top : top + side, left : left + side] = np.asarray(scaled)
    return canvas if rng.integers(2) else 255 - canvas


def enlarge(image: Uint8Array, inverted: bool | None = None) -> Uint8Array:
    """An image uint8 `[28, 28]` as it is, but 3 to 12 times as large; all of them inverted, none, or a half."""
    rng = np.random.default_rng(zlib.crc32(image.tobytes()))
    times = round(rng.uniform(*ENLARGED))
    drawn = bool(rng.integers(2))
    canvas = image.repeat(times, axis=0).repeat(times, axis=1)
    return 255 - canvas if (drawn if inverted is None else inverted) else canvas


def no_digits(count: int, seed: int, largest: tuple[int, int] = LARGEST) -> dict[str, list[Uint8Array]]:
    """`count` canvases of each kind that shows no digit: blank, noise, scribbles. Their sides are 84 pixels or more."""
    rng = np.random.default_rng(seed)
    return {kind: [make(rng, largest) for _ in range(count)] for kind, make in KINDS.items()}


def _blank(rng: np.random.Generator, largest: tuple[int, int]) -> Uint8Array:
    return np.full(size_of(rng, largest), rng.integers(256), np.uint8)


def _noise(rng: np.random.Generator, largest: tuple[int, int]) -> Uint8Array:
    """Specks on paper, pixels or coarse, or a grey grain."""
    grain = int(rng.integers(1, 9))
    height, width = (max(2, side // grain) for side in size_of(rng, largest))
    if rng.integers(2):
        pixels = 255 * (rng.random((height, width)) < rng.uniform(0.02, 0.5))
    else:
        pixels = rng.normal(128, rng.uniform(10, 60), (height, width)).clip(0, 255)
    return pixels.astype(np.uint8).repeat(grain, axis=0).repeat(grain, axis=1)


def _scribble(rng: np.random.Generator, largest: tuple[int, int]) -> Uint8Array:
    """Strokes of a pen that wander: straight, curved or in circles."""
    from PIL import Image, ImageDraw

    height, width = size_of(rng, largest)
    paper, ink = rng.permutation([rng.integers(0, 80), rng.integers(176, 256)])
    image = Image.new("L", (width, height), int(paper))
    pen = ImageDraw.Draw(image)
    thickness = max(2, round(min(height, width) * rng.uniform(0.02, 0.08)))
    for _ in range(rng.integers(2, 7)):
        turns = rng.normal(rng.normal(0, 0.2), rng.uniform(0.1, 0.9), POINTS)
        headings = rng.uniform(0, 2 * np.pi) + turns.cumsum()
        steps = min(height, width) * rng.uniform(0.02, 0.06) * np.stack((np.cos(headings), np.sin(headings)), axis=1)
        path = steps.cumsum(axis=0) + rng.uniform(0.25, 0.75, 2) * (width, height)
        pen.line([(x, y) for x, y in path.tolist()], fill=int(ink), width=thickness, joint="curve")
    return np.asarray(image)


def size_of(rng: np.random.Generator, largest: tuple[int, int]) -> tuple[int, int]:
    """Height and width of a canvas, at random."""
    height, width = (int(rng.integers(84, longest + 1)) for longest in largest)
    return height, width


KINDS = {"blank": _blank, "noise": _noise, "scribbles": _scribble}
