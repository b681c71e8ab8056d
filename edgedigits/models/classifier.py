"""The classifier: a network with its preprocessing, built from its description.

A network is a class `Network(classes, **params)` in `networks/`, a torch module from float images
`[batch, 1, 28, 28]` to logits `[batch, classes]`. A new one is a file there and a row here; a plug-in adds one by an
entry point in the group `edgedigits.networks` (`edgedigits/system/plugins.py`).
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from edgedigits.errors import RecordError
from edgedigits.records.arrays import EVALUATION_BATCH, Int64Array
from edgedigits.records.model import ModelSpec
from edgedigits.system.plugins import Registry

NETWORKS: Registry[type] = Registry(
    "network",
    {name: f"edgedigits.models.networks.{name}:Network" for name in ("cnn", "fc")},
    type,
)


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


def build_classifier(spec: ModelSpec) -> Classifier:
    """A fresh, randomly initialized classifier.

    Raises UsageError on an unknown network, RecordError on parameters that it does not take.
    """
    network_type = NETWORKS[spec.family]
    try:
        network = network_type(len(spec.labels), **spec.params)
    except (TypeError, ValueError, RuntimeError) as error:
        raise RecordError(f"network '{spec.family}' cannot take the parameters {dict(spec.params)}: {error}") from error
    return Classifier(network, spec.mean, spec.std)


def parameter_count(spec: ModelSpec) -> int:
    """How many weights and biases the network has; built on torch's `meta` device, so nothing is allocated."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in build_classifier(spec).parameters())


def compute_logits(classifier: nn.Module, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Logits float32 `[n, classes]` of uint8 images `[n, 28, 28]`, in evaluation mode, on the classifier's device."""
    device = next(classifier.parameters()).device
    training = classifier.training
    classifier.eval()
    with torch.inference_mode():
        batches = torch.from_numpy(images).split(EVALUATION_BATCH)
        result = torch.cat([classifier(batch.to(device)).float().cpu() for batch in batches])
    classifier.train(training)
    return result.numpy()


def compute_accuracy(classifier: nn.Module, images: npt.NDArray[np.uint8], labels: Int64Array) -> float:
    """The fraction of images `[n, 28, 28]` that the classifier answers with their labels `[n]`."""
    return float((compute_logits(classifier, images).argmax(1) == labels).mean())
