"""Ways of an image through convolutions: those that people write are among those that are tried, whatever they share
their sizes with."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from edgedigits.adopt.geometry import MOST, Geometry, geometries
from edgedigits.adopt.guess import candidates
from edgedigits.adopt.parts import read_trunk
from edgedigits.adopt.weights import Weights, read_weights

POOL = nn.MaxPool2d(2)


def conv(before: int, after: int, stride: int = 1, padding: int = 1, groups: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(before, after, 3, stride, padding, groups=groups), nn.BatchNorm2d(after), nn.ReLU()]


def separable(before: int, after: int, stride: int) -> list[nn.Module]:
    """Depthwise, then pointwise, as MobileNet has them."""
    pointwise = [nn.Conv2d(before, after, 1), nn.BatchNorm2d(after), nn.ReLU()]
    return [*conv(before, before, stride, groups=before), *pointwise]


def averaged(*layers: nn.Module, width: int) -> nn.Module:
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10))


def flattened(*layers: nn.Module, width: int) -> nn.Module:
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(width, 10))


NETWORKS: dict[str, tuple[Callable[[], nn.Module], str]] = {  # and how its places are written below
    "a mean over whole planes": (
        lambda: averaged(*conv(1, 4, 1, 0), *conv(4, 4, 1, 0), *conv(4, 8, 1, 0), *conv(8, 16, 1, 0), width=16),
        "28 mean: 0 0 0 0",
    ),
    "the same, padded": (
        lambda: averaged(*conv(1, 4), *conv(4, 4), *conv(4, 8), *conv(8, 16), width=16),
        "28 mean: 1 1 1 1",
    ),
    "strides instead of pools, and a mean": (
        lambda: averaged(*conv(1, 4, 2), *conv(4, 8, 2), *conv(8, 16, 2), width=16),
        "28 mean: 1/2 1/2 1/2",
    ),
    "strides where channels become more, and a mean": (
        lambda: averaged(
            *conv(1, 4), *conv(4, 4), *conv(4, 8, 2), *conv(8, 8), *conv(8, 16, 2), *conv(16, 16), width=16
        ),
        "28 mean: 1 1 1/2 1 1/2 1",
    ),
    "depthwise convolutions with strides": (
        lambda: averaged(*conv(1, 4), *separable(4, 8, 2), *separable(8, 16, 2), *separable(16, 32, 2), width=32),
        "28 mean: 1 1/2 0 1/2 0 1/2 0",
    ),
    "pools, and a mean": (
        lambda: averaged(*conv(1, 4), POOL, *conv(4, 8), POOL, *conv(8, 16), width=16),
        "28 mean: 1p 1p 1",
    ),
    "strides instead of pools": (
        lambda: flattened(*conv(1, 4, 2), *conv(4, 8, 2), width=8 * 49),
        "28 flat: 1/2 1/2",
    ),
    "pools": (
        lambda: flattened(*conv(1, 4), POOL, *conv(4, 8), POOL, width=8 * 49),
        "28 flat: 1p 1p",
    ),
    "pairs": (
        lambda: flattened(*conv(1, 4), *conv(4, 4), POOL, *conv(4, 8), *conv(8, 8), POOL, width=8 * 49),
        "28 flat: 1 1p 1 1p",
    ),
    "one value a channel without a mean": (
        lambda: nn.Sequential(
            *(nn.Conv2d(1, 6, 5), nn.ReLU(), POOL, nn.Conv2d(6, 16, 5), nn.ReLU(), POOL, nn.Conv2d(16, 120, 5)),
            *(nn.ReLU(), nn.Flatten(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
        ),
        "32 flat: 0p 0p 0",
    ),
}


def unnumbered(module: nn.Module, folder: Path) -> Weights:
    """The tensors under names that say nothing of what stands between them."""
    torch.save({f"layer{name}": tensor for name, tensor in module.state_dict().items()}, folder / "model.pt")
    return read_weights(folder / "model.pt")


def written(geometry: Geometry) -> str:
    places = [
        f"{place.padding}{f'/{place.stride}' if place.stride > 1 else ''}{'p' if place.pooled else ''}"
        for place in geometry.places
    ]
    return f"{geometry.side} {'mean' if geometry.mean else 'flat'}: {' '.join(places)}"


@pytest.mark.parametrize("name", NETWORKS)
def test_what_people_write_is_among_those_that_are_tried(name: str, tmp_path: Path) -> None:
    network, wanted = NETWORKS[name]
    found = geometries(read_trunk(unnumbered(network(), tmp_path)), {}, [])
    assert wanted in [written(one) for one in found]
    assert len(found) == len(set(found)) <= 3 * MOST


def test_each_is_a_family_of_networks_that_compute_different_things(tmp_path: Path) -> None:
    for family in candidates(unnumbered(NETWORKS["pools"][0](), tmp_path)):
        words = [one.words for one in family]
        assert len(words) == len(set(words)) > 1
        assert [one.words for one in family] == words
