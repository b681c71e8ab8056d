"""Augmentation: what a change does to an image, and that a recipe that asks for none gets none."""

import dataclasses

import numpy as np
import pytest
import torch

from edgedigits.data.dataset import Dataset
from edgedigits.records.model import Recipe
from edgedigits.train.augmentation import BENT, Warps, draw_warps, warped
from edgedigits.train.batches import Batches

CPU = torch.device("cpu")


@pytest.fixture
def images(digits: Dataset) -> torch.Tensor:
    return torch.from_numpy(digits.train.images[:50])


def warp(images: torch.Tensor, degrees: float = 0.0, zoom: float = 1.0) -> np.ndarray:
    whole = torch.ones(len(images))
    found = warped(images, Warps(degrees * whole, zoom * whole))
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


def test_points_move_what_is_around_them_to_the_right_and_down(images: torch.Tensor) -> None:
    whole = torch.ones(len(images))
    bend = torch.zeros(len(images), 2, BENT, BENT)
    bend[:, 0], bend[:, 1] = 2.0, 3.0  # all points alike: nothing is bent, all of it moves
    found = warped(images, Warps(0 * whole, whole, bend=bend)).numpy()
    np.testing.assert_allclose(found[:, 3:, 2:], images.numpy()[:, :-3, :-2], atol=1e-2)


def test_one_point_bends_what_is_near_it_alone(images: torch.Tensor) -> None:
    whole = torch.ones(len(images))
    bend = torch.zeros(len(images), 2, BENT, BENT)
    bend[:, :, -1, -1] = 2.0
    found = warped(images, Warps(0 * whole, whole, bend=bend)).numpy()
    np.testing.assert_allclose(found[:, :9, :9], images.numpy()[:, :9, :9], atol=1e-2)
    assert np.abs(found - images.numpy()).max() > 10


@pytest.mark.parametrize("most", [{"rotate": 20.0}, {"zoom": 0.2}, {"shear": 0.1}, {"bend": 1.5}])
def test_warps_stay_within_the_recipe(most: dict[str, float]) -> None:
    recipe = Recipe(epochs=1, batch_size=100, lr=1, **most)  # type: ignore[arg-type]
    warps = draw_warps(recipe, 10_000, torch.Generator().manual_seed(0), CPU)
    assert warps is not None
    found = {"rotate": warps.degrees, "zoom": warps.zoom - 1, "shear": warps.shear, "bend": warps.bend}
    for name, drawn in found.items():
        if name not in most:
            assert drawn is None or not drawn.any()
            continue
        assert drawn is not None
        assert drawn.abs().max().item() == pytest.approx(most[name], rel=0.05)
        assert drawn.mean().item() == pytest.approx(0, abs=0.01 * most[name])


def test_a_recipe_without_warps_draws_none() -> None:
    generator = torch.Generator().manual_seed(0)
    before = generator.get_state()
    assert draw_warps(Recipe(epochs=1, batch_size=100, lr=1), 10, generator, CPU) is None
    assert torch.equal(generator.get_state(), before)
