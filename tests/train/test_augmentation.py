"""Augmentation: what a change does to an image, and that a recipe that asks for none gets none."""

import dataclasses

import numpy as np
import pytest
import torch

from edgedigits.data.dataset import Dataset
from edgedigits.records.model import Recipe
from edgedigits.train import augmentation
from edgedigits.train.batches import Batches

CPU = torch.device("cpu")


@pytest.fixture
def images(digits: Dataset) -> torch.Tensor:
    return torch.from_numpy(digits.train.images[:50])


def warp(images: torch.Tensor, degrees: float = 0.0, zoom: float = 1.0) -> np.ndarray:
    whole = torch.ones(len(images))
    found = augmentation.warped(images, degrees * whole, zoom * whole)
    assert found.dtype == torch.float32
    assert found.shape == images.shape
    return found.numpy()


def test_no_turn_and_no_zoom_leave_images_as_they_are(images: torch.Tensor) -> None:
    np.testing.assert_allclose(warp(images), images.numpy(), atol=1e-2)


@pytest.mark.parametrize(("degrees", "quarters"), [(90, 1), (-90, -1), (180, 2)])
def test_quarters_of_a_turn_are_exact(degrees: float, quarters: int, images: torch.Tensor) -> None:
    np.testing.assert_allclose(warp(images, degrees), np.rot90(images.numpy(), quarters, axes=(1, 2)), atol=1e-2)


def test_zoom_changes_the_ink_by_its_square(images: torch.Tensor) -> None:
    ink = images.float().sum().item()
    for zoom in (0.5, 0.8):  # smaller, so that nothing leaves the image
        assert warp(images, zoom=zoom).sum() / ink == pytest.approx(zoom**2, rel=0.05)


def test_what_comes_in_from_outside_is_background() -> None:
    inked = torch.full((1, 28, 28), 255, dtype=torch.uint8)
    corners = warp(inked, degrees=45)[0][[0, 0, -1, -1], [0, -1, 0, -1]]
    assert not corners.any()


def test_each_image_of_a_pass_is_turned_and_zoomed_by_its_own(digits: Dataset) -> None:
    same = dataclasses.replace(digits.train, images=np.repeat(digits.train.images[:1], len(digits.train), axis=0))
    recipe = Recipe(epochs=1, batch_size=100, lr=1, rotate=15, zoom=0.1)
    batches, again = Batches(same, recipe, CPU), Batches(same, recipe, CPU)
    first = [images for images, _, _ in batches]
    assert all(images.dtype == torch.float32 for images in first)
    assert len(torch.cat(first).unique(dim=0)) == len(same)
    assert torch.equal(torch.cat(first), torch.cat([images for images, _, _ in again]))  # by the seed alone
    assert not torch.equal(torch.cat(first), torch.cat([images for images, _, _ in batches]))  # each pass anew


@pytest.mark.parametrize("recipe", [{"rotate": 20.0}, {"zoom": 0.2}])
def test_warps_stay_within_the_recipe(recipe: dict[str, float], digits: Dataset) -> None:
    batches = Batches(digits.train, Recipe(epochs=1, batch_size=100, lr=1, **recipe), CPU)  # type: ignore[arg-type]
    warps = batches._warps(10_000)
    assert warps is not None
    rotate, zoom = recipe.get("rotate", 0.0), recipe.get("zoom", 0.0)
    assert warps[0].abs().max().item() == pytest.approx(rotate, abs=0.05 * rotate)
    assert (warps[1] - 1).abs().max().item() == pytest.approx(zoom, abs=0.05 * zoom)
    assert warps[1].mean().item() == pytest.approx(1, abs=0.01)
