"""Which side of a picture is paper and which is ink, light or dark: the one place that decides it outside a graph.

A canvas file decides it inside its ONNX graph, by the same rule and the same numbers (`export/onnx/framing.py`).
"""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgedigits.records.arrays import Uint8Array

CONTRAST = 16  # levels of 255 between ink and paper: below, a canvas counts as blank
BOX = 0.4019  # of the contrast: weaker pixels do not widen the box. Of 1 to 255 levels it is no whole number: no ties
MIDDLE = 127.5


def find_ink(canvas: Uint8Array) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """How much of each pixel of a canvas is ink, 0 to 1, and the levels between ink and paper.

    The paper is the side, light or dark, on which most of the border lies. Of canvases `[..., height, width]` of one
    size, the levels are `[...]`.
    """
    pixels = canvas.astype(np.float64)
    low, high = pixels.min(axis=(-2, -1), keepdims=True), pixels.max(axis=(-2, -1), keepdims=True)
    sides = (pixels[..., [0, -1], :], pixels[..., [0, -1]].swapaxes(-2, -1))
    border = np.concatenate([side.reshape(*canvas.shape[:-2], 1, -1) for side in sides], axis=-1)
    light = border > (low + high) / 2
    paper_is_light = light.mean(axis=-1, keepdims=True) > 0.5
    paper = border.mean(axis=-1, keepdims=True, where=light == paper_is_light)
    contrast = np.where(paper_is_light, low, high) - paper
    return (pixels - paper) / np.where(contrast == 0, 1, contrast), np.abs(contrast[..., 0, 0])


def ink_is_light(gray: Uint8Array, visible: Uint8Array) -> bool:
    """Whether what is visible of a transparent picture is light, so that black is the paper to put it on.

    visible   how much of each pixel is, 0 to 255; where nothing is, the paper is black too
    """
    return bool(np.average(gray, weights=visible) > MIDDLE) if visible.any() else True


def warn_of_polarity(source: Path, images: Sequence[Uint8Array] | Uint8Array, dark_ink: bool) -> None:
    """Warn where the upper and lower borders of digits, which should be paper and so dark by now, are light."""
    if np.asarray(images)[:, [0, -1]].mean() > MIDDLE:
        hint = "without --dark-ink" if dark_ink else "with --dark-ink"
        warnings.warn(f"{source}: the ground seems light after reading; try {hint}.", stacklevel=2)
