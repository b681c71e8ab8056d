"""Training images, changed a little at random, so that a network learns what a digit is and not where it stands.

All images of a pass or a batch at once, on their own device.
"""

import functools
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgedigits.records.model import IMAGE_SHAPE, Recipe

BENT = 4  # points of a side that an image is bent at


@dataclass(frozen=True)
class Warps:
    """What happens to each of n images, around its centre, bilinear.

    degrees   turned by, `[n]`
    zoom      times as large, `[n]`
    shear     slanted by, per height, `[n]`
    bend      pixels to the right and down that BENT by BENT points of it are moved by, `[n, 2, BENT, BENT]`
    """

    degrees: Tensor
    zoom: Tensor
    shear: Tensor | None = None
    bend: Tensor | None = None

    def of(self, chosen: slice) -> "Warps":
        """Those of some of the images."""
        return Warps(*(None if each is None else each[chosen] for each in vars(self).values()))  # type: ignore[arg-type]


def draw_warps(recipe: Recipe, count: int, generator: torch.Generator, device: torch.device) -> Warps | None:
    """Those of so many images, as a recipe says; None where it has none."""
    if not (recipe.rotate or recipe.zoom or recipe.shear or recipe.bend):
        return None
    rows = _swing(generator, 3 if recipe.shear else 2, count).to(device)
    shear = recipe.shear * rows[2] if recipe.shear else None
    bend = recipe.bend * _swing(generator, count, 2, BENT, BENT).to(device) if recipe.bend else None
    return Warps(recipe.rotate * rows[0], 1 + recipe.zoom * rows[1], shear, bend)


def _swing(generator: torch.Generator, *shape: int) -> Tensor:
    """Random numbers from -1 to 1."""
    return 2 * torch.rand(shape, generator=generator) - 1


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


def warped(images: Tensor, warps: Warps) -> Tensor:
    """Images uint8 `[n, 28, 28]` as float32 0..255, warped. What comes in from outside is background."""
    angle = torch.deg2rad(warps.degrees)
    cos, sin = torch.cos(angle) / warps.zoom, torch.sin(angle) / warps.zoom
    right, down = (-sin, cos) if warps.shear is None else (cos * warps.shear - sin, sin * warps.shear + cos)
    x, y = (_centres(length, images.device) for length in (images.shape[2], images.shape[1]))
    column, row = x[None, None, :], y[None, :, None]
    cos, sin, right, down = (factor[:, None, None] for factor in (cos, sin, right, down))
    grid = torch.stack(
        (cos * column + right * row, sin * column + down * row), dim=3
    )  # (n, 28, 28, 2), output to input
    if warps.bend is not None:
        grid -= _bends(warps.bend, images)
    return nn.functional.grid_sample(images[:, None].float(), grid, align_corners=False)[:, 0]


def _bends(points: Tensor, images: Tensor) -> Tensor:
    """How far each pixel is moved, `[n, 28, 28, 2]`, as `grid_sample` counts (Simard et al. 2003, coarse points)."""
    height, width = images.shape[1:]
    rows, columns = (smooth(BENT, side).to(images.device) for side in (height, width))
    found = rows @ points @ columns.T  # (n, 2, 28, 28)
    return found.permute(0, 2, 3, 1) * torch.tensor([2 / width, 2 / height], device=images.device)


@functools.cache
def smooth(points: int, pixels: int) -> Tensor:
    """What points along an axis are at each pixel, `[pixels, points]`: cubic, without edges (Keys 1981)."""
    unit = torch.eye(points)[:, None, None]  # (points, 1, 1, points)
    wide = nn.functional.interpolate(unit, (1, pixels), mode="bicubic", align_corners=True)
    return wide[:, 0, 0].T.contiguous()


def _centres(length: int, device: torch.device) -> Tensor:
    """Where pixels lie along a side from -1 to 1, `[length]`, as `grid_sample` counts."""
    return torch.linspace(-1, 1, length, device=device) * (length - 1) / length
