"""From a canvas to 28x28 pixels as a whole, as pictures of one's own classes are read for training (`images.py`).

Nothing is cut away and nothing moved: what is learnt from whole pictures may lie anywhere on them, at any size. Like
`framing.py`, in whole numbers; ONNX files do it in float32 (`export/onnx/fitting.py`).

    values   those of the canvas, or of its negative where the paper is light: it is dark in training
    pixels   means of the values in each cell, as many that the longer side fills 28, in the middle; around them is 0
"""

import numpy as np

from edgedigits.data.framing import FRAME, TIE, Exact, Span, find_paper
from edgedigits.data.paper import CONTRAST
from edgedigits.records.arrays import Uint8Array
from edgedigits.records.artifact import ON_DARK, ON_LIGHT, WHOLE

INVERTED = {WHOLE: None, ON_DARK: False, ON_LIGHT: True}  # by the framing in a contract: whether the paper is light


def fit(canvas: Uint8Array, inverted: bool | None = None) -> Uint8Array:
    """What a network is shown of a canvas uint8 `[height, width]`: uint8 `[28, 28]`, all 0 where it is blank.

    inverted   whether the paper is light; None: what most of the border is
    """
    seen = np.zeros((FRAME, FRAME), np.uint8)
    if not is_blank(canvas):
        means = _means(canvas, inverted)
        top, left = (round((FRAME - cells) / 2) for cells in means.shape)  # of halves the even one, as Pillow
        rounded = np.floor(means + 0.5 + 1 / TIE).astype(np.uint8)
        seen[top : top + means.shape[0], left : left + means.shape[1]] = rounded
    return seen


def rounding_margin(canvas: Uint8Array) -> float:
    """How far off the means may be, before they are rounded, and none is rounded otherwise: 0 to 0.5 levels.

    Of a canvas or its negative: but for the part of a level that decides ties, it is the same.
    """
    if is_blank(canvas):
        return 0.5
    levels = _means(canvas, inverted=None) + 0.5 + 1 / TIE
    return float(np.abs(levels - levels.round()).min())


def is_blank(canvas: Uint8Array) -> bool:
    """Whether nothing stands out from the paper."""
    return int(canvas.max()) - int(canvas.min()) < CONTRAST


def _means(canvas: Uint8Array, inverted: bool | None) -> Exact:
    """The mean of the values in each cell, `[rows, columns]`, the longer of which are 28."""
    light = find_paper(canvas).inverted if inverted is None else inverted
    values = (255 - canvas if light else canvas).astype(np.float64)
    longest = max(canvas.shape)
    cells = [max(1, (2 * FRAME * side + longest) // (2 * longest)) for side in canvas.shape]
    rows, columns = (Span(0, side, count) for side, count in zip(canvas.shape, cells, strict=True))
    means: Exact = rows.coverage() @ values @ columns.coverage().T / (rows.width * columns.width)
    return means
