"""Training images, changed a little at random, so that a network learns what a digit is and not where it stands.

All images of a pass or a batch at once, on their own device.
"""

import torch
from torch import Tensor, nn

from edgedigits.records.model import IMAGE_SHAPE


def shifted(padded: Tensor, order: Tensor, shift: int) -> Tensor:
    """Images `[n, 28, 28]` in an order, each moved by up to `shift` pixels, each way.

    padded   the images with `shift` pixels of background around them
    order    a random order, `[n]`: the (2s+1)^2 places are dealt out in turn along it, so which image stands
             where is random, each place is taken as often, and the work is one copy a place
    """
    images = padded.new_empty(len(order), *IMAGE_SHAPE)
    side, (height, width) = 2 * shift + 1, IMAGE_SHAPE
    for place in range(side * side):
        top, left = divmod(place, side)
        dealt = padded.index_select(0, order[place :: side * side])
        images[place :: side * side] = dealt[:, top : top + height, left : left + width]
    return images


def warped(images: Tensor, degrees: Tensor, zoom: Tensor, shear: Tensor | None = None) -> Tensor:
    """Images uint8 `[n, 28, 28]` as float32 0..255, turned by `degrees`, `zoom` times as large, slanted by `shear`.

    All three `[n]`. Around the centre, bilinear; what comes in from outside is background.
    """
    angle = torch.deg2rad(degrees)
    cos, sin = torch.cos(angle) / zoom, torch.sin(angle) / zoom
    right, down = (-sin, cos) if shear is None else (cos * shear - sin, sin * shear + cos)
    x, y = (_centres(length, images.device) for length in (images.shape[2], images.shape[1]))
    column, row = x[None, None, :], y[None, :, None]
    cos, sin, right, down = (factor[:, None, None] for factor in (cos, sin, right, down))
    grid = torch.stack(
        (cos * column + right * row, sin * column + down * row), dim=3
    )  # (n, 28, 28, 2), output to input
    return nn.functional.grid_sample(images[:, None].float(), grid, align_corners=False)[:, 0]


def _centres(length: int, device: torch.device) -> Tensor:
    """Where pixels lie along a side from -1 to 1, `[length]`, as `grid_sample` counts."""
    return torch.linspace(-1, 1, length, device=device) * (length - 1) / length
