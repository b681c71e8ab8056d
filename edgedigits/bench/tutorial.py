"""The training loops of the published tutorials, written as they are and as slow, to measure ours against.

torchvision's Dataset and DataLoader convert one image at a time. Networks, transforms, batch sizes,
optimizers and epochs are the tutorials' own: ReLU stands before pooling, and on the output of `fc-deep`,
where it kills classes for good.
"""

import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
import torchvision
from torch import nn
from torch.utils.data import DataLoader
from torchvision import transforms

from edgedigits.data import published
from edgedigits.errors import unknown
from edgedigits.models.classifier import Classifier
from edgedigits.models.presets import find_preset, find_recipe


def _dense(*sizes: int) -> list[nn.Module]:
    """Linear layers from each size to the next, with ReLU between them."""
    pairs = ((nn.ReLU(), nn.Linear(inputs, outputs)) for inputs, outputs in itertools.pairwise(sizes))
    return list(itertools.chain.from_iterable(pairs))[1:]


def _fc_deep() -> nn.Module:
    return nn.Sequential(*_dense(784, 784, 500, 50, 10), nn.ReLU())


def _cnn() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        nn.Flatten(),
        nn.Linear(16 * 7 * 7, 10),
    )


def _cnn_deep() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        nn.Flatten(),
        *_dense(32 * 7 * 7, 100, 50, 10),
    )


NETWORKS: Mapping[str, Callable[[], nn.Module]] = {  # of normalized images [batch, 1, 28, 28]
    "fc": lambda: nn.Sequential(nn.Flatten(), *_dense(784, 50, 10)),
    "fc-28": lambda: nn.Sequential(nn.Flatten(), *_dense(784, 28, 10)),
    "fc-deep": lambda: nn.Sequential(nn.Flatten(), _fc_deep()),
    "cnn": _cnn,
    "cnn-deep": _cnn_deep,
}
DATASETS = {"mnist": torchvision.datasets.MNIST, "fashion": torchvision.datasets.FashionMNIST}


@dataclass(frozen=True)
class Trained:
    """A network after its tutorial's training, with its preprocessing, and the seconds that the loop took."""

    classifier: Classifier
    seconds: float


def train(model: str, dataset: str = "mnist", data_dir: Path | None = None, *, seed: int = 0) -> Trained:
    """Train a preset's network on the CPU as its tutorial does.

    dataset    "mnist" or "fashion", which must lie in `data_dir`, by default where published sets lie

    Raises UsageError on an unknown name and torchvision's RuntimeError where the data set is missing.
    """
    seen, recipe = find_preset(model).spec.network.input, find_recipe(model, "tutorial")
    if dataset not in DATASETS:
        raise unknown("data set of a tutorial", dataset, DATASETS)
    steps: list[object] = [transforms.ToTensor()]
    if (seen.mean, seen.std) != (0, 1):
        steps.append(transforms.Normalize((seen.mean,), (seen.std,)))
    torch.manual_seed(seed)
    images = DATASETS[dataset](data_dir or published.default_dir(), transform=transforms.Compose(steps))
    loader = DataLoader(images, batch_size=recipe.batch_size, shuffle=True)
    network, criterion = NETWORKS[model](), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(network.parameters(), lr=recipe.lr, betas=(recipe.betas[0], recipe.betas[1]))
    start = time.perf_counter()
    for _ in range(recipe.epochs):
        for batch, labels in loader:
            loss = criterion(network(batch), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    seconds = time.perf_counter() - start
    return Trained(Classifier(network, seen), seconds)
