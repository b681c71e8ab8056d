"""What is doubtful about a canvas, whatever a network answers: empty, low contrast, cut off, several digits."""

import numpy as np
import numpy.typing as npt

from edgedigits.data.paper import BOX, CONTRAST, find_ink
from edgedigits.records.arrays import Uint8Array

LOW_CONTRAST = 64  # levels of 255 between ink and paper
TALL = 0.5  # of the tallest shape: smaller ones may be parts of a digit, or specks
GRID = 96  # cells of the longer side in which shapes are told apart
Mask = npt.NDArray[np.bool_]


def doubts(canvas: Uint8Array) -> tuple[str, ...]:
    """What a person should look at in a canvas uint8 `[height, width]`; nothing when all is well."""
    strength, contrast = find_ink(canvas)
    if contrast < CONTRAST:
        return ("empty: nothing differs from the paper",)
    inked = strength > BOX
    found = []
    if contrast < LOW_CONTRAST:
        found.append(f"low contrast: {contrast:.0f} of 255 between ink and paper")
    if np.concatenate([inked[[0, -1]].ravel(), inked[:, [0, -1]].ravel()]).any():
        found.append("touches the border: part of it may be missing")
    if (count := _shapes(_reduced(inked))) > 1:
        found.append(f"several digits: {count} separate shapes")
    return tuple(found)


def _reduced(inked: Mask) -> Mask:
    """The mask in at most GRID cells each way; a cell has ink where any of its pixels has."""
    grain = -(-max(inked.shape) // GRID)
    rest = [(0, -side % grain) for side in inked.shape]
    padded = np.pad(inked, rest)
    height, width = (side // grain for side in padded.shape)
    reduced: Mask = padded.reshape(height, grain, width, grain).max(axis=(1, 3))
    return reduced


def _shapes(inked: Mask) -> int:
    """How many connected shapes are tall enough to be digits. Cells are neighbours also across corners."""
    names = np.pad(np.where(inked, np.arange(1, inked.size + 1).reshape(inked.shape), 0), 1)
    inside = np.s_[1:-1, 1:-1]
    while True:  # the largest name spreads over its shape
        windows = np.lib.stride_tricks.sliding_window_view(names, (3, 3))
        spread = np.where(inked, windows.max(axis=(2, 3)), 0)
        if (spread == names[inside]).all():
            break
        names[inside] = spread
    heights = [int((spread == name).any(axis=1).sum()) for name in np.unique(spread[inked])]
    return sum(height >= TALL * max(heights) for height in heights)
