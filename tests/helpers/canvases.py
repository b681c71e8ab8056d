"""Canvases to try a framing with: of every kind that decides something in it, on a ground of any level."""

from collections.abc import Iterator

import numpy as np

from edgedigits.data import drawn
from edgedigits.data.canvases import SIDES
from edgedigits.data.paper import CONTRAST
from edgedigits.records.arrays import Uint8Array


def fuzzed(count: int, seed: int, largest: int) -> Iterator[Uint8Array]:
    """So many canvases, of 8 to `largest` pixels a side, the same every time."""
    rng = np.random.default_rng(seed)
    digits = drawn.digits(10, seed)[0]
    for _ in range(count):
        height, width = (int(side) for side in rng.integers(SIDES[0], largest + 1, 2))
        made = KINDS[rng.integers(len(KINDS))](rng, height, width, digits)
        yield made if rng.integers(2) else 255 - made


def _noise(rng: np.random.Generator, height: int, width: int, _: Uint8Array) -> Uint8Array:
    return rng.integers(0, 256, (height, width), dtype=np.uint8)


def _levels(rng: np.random.Generator, height: int, width: int, _: Uint8Array) -> Uint8Array:
    """A few levels: many pixels tie."""
    return rng.choice(rng.integers(0, 256, 3, dtype=np.uint8), (height, width), p=(0.8, 0.1, 0.1))


def _faint(rng: np.random.Generator, height: int, width: int, _: Uint8Array) -> Uint8Array:
    """A rectangle whose contrast is about the least that counts."""
    paper = int(rng.integers(0, 256 - CONTRAST - 2))
    canvas = np.full((height, width), paper, np.uint8)
    top, left = rng.integers(0, (height - 1, width - 1))
    bottom, right = rng.integers((top + 1, left + 1), (height + 1, width + 1))
    canvas[top:bottom, left:right] = paper + CONTRAST + rng.integers(-2, 3)
    return canvas


def _dots(rng: np.random.Generator, height: int, width: int, _: Uint8Array) -> Uint8Array:
    """One to three pixels of ink, wherever they are."""
    canvas = np.zeros((height, width), np.uint8)
    places = rng.integers(0, (height, width), (rng.integers(1, 4), 2))
    canvas[places[:, 0], places[:, 1]] = rng.integers(16, 256, len(places))
    return canvas


def _full(_rng: np.random.Generator, height: int, width: int, _: Uint8Array) -> Uint8Array:
    """All ink but for most of the border: the largest sums that there are."""
    canvas = np.full((height, width), 255, np.uint8)
    canvas[[0, -1]] = canvas[:, [0, -1]] = 0
    canvas[:, width // 2] = canvas[height // 2] = 255
    return canvas


def _slope(rng: np.random.Generator, height: int, width: int, _: Uint8Array) -> Uint8Array:
    """Light from one corner, and grain."""
    across, down = rng.uniform(0, 200, 2)
    slope = across * np.linspace(0, 1, width) + down * np.linspace(0, 1, height)[:, None]
    return np.clip(slope + rng.normal(0, rng.uniform(0, 10), slope.shape), 0, 255).astype(np.uint8)


def _digit(rng: np.random.Generator, height: int, width: int, digits: Uint8Array) -> Uint8Array:
    """A digit that fills the canvas, stretched as that is, brighter or fainter."""
    rows, columns = np.arange(height) * 28 // height, np.arange(width) * 28 // width
    strength = rng.uniform(0.05, 1)
    return (digits[rng.integers(len(digits))][np.ix_(rows, columns)] * strength).astype(np.uint8)


KINDS = (_noise, _levels, _faint, _dots, _full, _slope, _digit)
