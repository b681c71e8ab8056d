"""Which pixels of a picture are ink, on paper of any shade, darker here and lighter there."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgedigits.data.number.constants import (
    CONTRAST,
    DIMMEST,
    DUST,
    GRAIN,
    INKED,
    LONGEST,
    MOST_INKED,
    PAPER,
    THICKEST,
)

Uint8 = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Ink:
    """A picture as it is looked at.

    grain      how many of its pixels, each way, became one
    strength   uint8 `[height, width]`: how far each pixel is off the paper around it, towards the ink
    mask       of the same shape: where there is ink; nowhere, on a blank sheet
    """

    grain: int
    strength: Uint8
    mask: Mask


def find_ink(canvas: Uint8) -> Ink:
    """The ink of a picture uint8 `[height, width]`, light on dark or dark on light, whichever there is less of."""
    grain = -(-max(canvas.shape) // LONGEST)
    strength = _strength(shrunk(canvas, grain))
    counts = _counts(strength)
    darkest = _level(counts, strength.size - 1 - strength.size // DUST)
    grain_of_paper = GRAIN * _level(counts, strength.size * PAPER // 100)
    threshold = max(darkest * INKED // 100, min(grain_of_paper, darkest * MOST_INKED // 100))
    return Ink(grain, strength, strength > (255 if darkest < CONTRAST else threshold))


def shrunk(image: Uint8, grain: int) -> Uint8:
    """The means, rounded down, of squares of `grain` pixels a side; what is left over at the right and below is not."""
    if grain == 1:
        return image
    height, width = (side // grain for side in image.shape)
    rows = image[: height * grain, : width * grain].reshape(height, grain, -1).sum(axis=1, dtype=np.uint32)
    means: Uint8 = (rows.reshape(height, width, grain).sum(axis=2) // grain**2).astype(np.uint8)
    return means


def _strength(pixels: Uint8) -> Uint8:
    """How far pixels are off their paper. Ink that is dark is the stronger, the less light falls there."""
    dark = _has_dark_ink(pixels)
    values = 255 - pixels if dark else pixels
    paper = _opened(values, max(1, min(values.shape) // THICKEST))
    off = values - paper
    middle = _level(_counts(off), off.size // 2)  # what noise takes from the paper's level
    strength: Uint8 = np.maximum(off, middle) - middle
    if not dark:
        return strength
    lit = strength.astype(np.uint16) * 255 // np.maximum(255 - paper, DIMMEST)
    found: Uint8 = np.minimum(lit, 255).astype(np.uint8)
    return found


def _counts(pixels: Uint8) -> Integers:
    """How many pixels have at most each level, int64 `[256]`."""
    return np.cumsum(np.bincount(pixels.ravel(), minlength=256))


def _level(counts: Integers, rank: int) -> int:
    """The level of the pixel that has so many below it."""
    return int(np.searchsorted(counts, rank, side="right"))


def _has_dark_ink(pixels: Uint8) -> bool:
    """Whether ink is dark: most pixels are paper, and the ink is farther from them."""
    counts, dust = _counts(pixels), pixels.size // DUST
    low, paper, high = (_level(counts, rank) for rank in (dust, pixels.size // 2, pixels.size - 1 - dust))
    return paper - low >= high - paper


def _opened(values: Uint8, reach: int) -> Uint8:
    """The picture without all that is light and narrower than twice the reach: its paper, with the edges of shadows."""
    for axis in (0, 1):
        values = _extreme(values, reach, axis, np.minimum)
    for axis in (0, 1):
        values = _extreme(values, reach, axis, np.maximum)
    return values


def _extreme(values: Uint8, reach: int, axis: int, pick: np.ufunc) -> Uint8:
    """Of each pixel and those no farther than the reach along an axis, the least or the largest value."""
    edge = [(0, 0), (0, 0)]
    edge[axis] = (reach, reach)
    found = np.moveaxis(np.pad(values, edge, mode="edge"), axis, 0)
    size, window = 1, 2 * reach + 1
    while size < window:  # of windows of a size, twice as large ones, and at last of the size that is wanted
        step = min(size, window - size)
        found = pick(found[:-step], found[step:])
        size += step
    return np.moveaxis(found, 0, axis)
