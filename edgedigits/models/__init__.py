"""The networks, one file per family, and the classifier around them.

A family is a file here with a class `Network(classes, **params)`, a torch module from float images
`[batch, 1, 28, 28]` to logits `[batch, classes]`. A new family is a new file; nothing else changes.
"""

import importlib
import itertools
import pkgutil

import torch
from torch import Tensor, nn

from edgedigits.errors import RecordError, unknown
from edgedigits.records import ModelSpec

FAMILIES = tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


class Classifier(nn.Module):
    """A network with its preprocessing: uint8 images `[batch, 28, 28]` to logits `[batch, classes]`.

    Scaling and normalization happen here and nowhere else, so what trains, what is measured and what
    is exported cannot differ in it.
    """

    def __init__(self, network: nn.Module, mean: float, std: float) -> None:
        super().__init__()
        self.network = network
        self.scale = 1 / (255 * std)  # (x / 255 - mean) / std as one product and one sum
        self.offset = -mean / std

    def forward(self, image: Tensor) -> Tensor:
        """Logits of images."""
        logits: Tensor = self.network(self.normalized(image))  # (B, classes)
        return logits

    def normalized(self, image: Tensor) -> Tensor:
        """What the network sees of images: float32 `[batch, 1, 28, 28]`."""
        x = image.unsqueeze(1).to(torch.float32) * self.scale  # (B, 1, 28, 28)
        return x + self.offset if self.offset else x


class Deployed(nn.Module):
    """What an exported file computes: uint8 images to logits and probabilities, both `[batch, classes]`."""

    def __init__(self, classifier: nn.Module) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and probabilities of images."""
        logits = self.classifier(image)
        return logits, torch.softmax(logits, dim=1)


def build(spec: ModelSpec) -> Classifier:
    """A fresh, randomly initialized classifier.

    Raises UsageError on an unknown family, RecordError on parameters that it does not take.
    """
    if spec.family not in FAMILIES:
        raise unknown("model family", spec.family, FAMILIES)
    family = importlib.import_module(f"{__name__}.{spec.family}")
    try:
        network = family.Network(len(spec.labels), **spec.params)
    except (TypeError, ValueError, RuntimeError) as error:
        raise RecordError(f"family '{spec.family}' cannot take the parameters {dict(spec.params)}: {error}") from error
    return Classifier(network, spec.mean, spec.std)


def parameter_count(spec: ModelSpec) -> int:
    """How many weights and biases the network has; built on torch's `meta` device, so nothing is allocated."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in build(spec).parameters())


def dense(sizes: tuple[int, ...]) -> list[nn.Module]:
    """Linear layers from each size to the next, with ReLU between them and none on the output."""
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [nn.ReLU(), nn.Linear(inputs, outputs)]
    return layers[1:]
