"""Which pixels of a picture are ink, on paper of any shade, darker here and lighter there."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgedigits.data.number.constants import (
    AROUND,
    CELL,
    CELLS,
    CONTRAST,
    DUST,
    GRAIN,
    INKED,
    LONGEST,
    MOST_INKED,
    PAPER,
    SAMPLES,
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
    values = _with_light_ink(shrunk(canvas, grain))
    strength = np.maximum(values - _paper(values), 0)
    off_paper = np.cumsum(np.bincount(strength.ravel(), minlength=256))
    darkest = _level(off_paper, strength.size - 1 - strength.size // DUST)
    grain_of_paper = GRAIN * _level(off_paper, strength.size * PAPER // 100)
    threshold = max(darkest * INKED // 100, min(grain_of_paper, darkest * MOST_INKED // 100))
    blank = darkest < CONTRAST
    mask = strength > (255 if blank else threshold)
    return Ink(grain, strength.astype(np.uint8), mask)


def shrunk(image: npt.NDArray[np.integer], grain: int) -> Integers:
    """The means, rounded down, of squares of `grain` pixels a side; what is left over at the right and below is not."""
    height, width = (side // grain for side in image.shape)
    whole = image[: height * grain, : width * grain].astype(np.int64)
    if grain == 1:
        return whole
    squares = whole.reshape(height, grain, width, grain)
    means: Integers = squares.sum(axis=(1, 3)) // grain**2
    return means


def _level(counts: Integers, rank: int) -> int:
    """The level of the pixel that has so many below it, from how many have at most each level."""
    return int(np.searchsorted(counts, rank, side="right"))


def _with_light_ink(pixels: Integers) -> Integers:
    """The picture, inverted where its ink is dark: most pixels are paper, and the ink is farther from them."""
    counts = np.cumsum(np.bincount(pixels.ravel(), minlength=256))
    dust = pixels.size // DUST
    low, paper, high = (_level(counts, rank) for rank in (dust, pixels.size // 2, pixels.size - 1 - dust))
    return 255 - pixels if paper - low >= high - paper else pixels


def _paper(values: Integers) -> Integers:
    """The paper's level at each pixel: cell by cell the median, of which the lower ones nearby count."""
    height, width = values.shape
    side = min(max(min(height, width) // CELLS, CELL[0]), CELL[1])
    rows, columns = -(-height // side), -(-width // side)
    within = np.arange(0, side, max(1, side // SAMPLES))
    each = len(within)
    places = [
        np.minimum((np.arange(count)[:, None] * side + within).ravel(), size - 1)
        for count, size in ((rows, height), (columns, width))
    ]
    samples = values[np.ix_(*places)].reshape(rows, each, columns, each).transpose(0, 2, 1, 3)
    cells = _ranked(samples.reshape(rows, columns, each * each), each * each // 2)
    window = 2 * AROUND + 1
    around = np.lib.stride_tricks.sliding_window_view(np.pad(cells, AROUND, mode="edge"), (window, window))
    levels = _ranked(around.reshape(rows, columns, window**2), window**2 // 4)
    return levels.repeat(side, axis=0)[:height].repeat(side, axis=1)[:, :width]


def _ranked(values: Integers, rank: int) -> Integers:
    """Of the last axis, the value that has so many below it."""
    found: Integers = np.partition(values, rank, axis=-1)[..., rank]
    return found
