"""The classifier: a network with its preprocessing, built from its description."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgedigits.errors import RecordError, UsageError
from edgedigits.models.network import Walk
from edgedigits.records.arrays import EVALUATION_BATCH, Int64Array
from edgedigits.records.model import ModelSpec
from edgedigits.records.network import IMAGE_SHAPE, Input
from edgedigits.system import environment

PLAIN = Input()  # pixels scaled to 0..1


class Classifier(nn.Module):
    """A network with its preprocessing: uint8 images `[batch, 28, 28]` to logits `[batch, classes]`.

    Scaling and normalization happen here and nowhere else, so what trains, what is measured and what
    is exported cannot differ in it.

    gives   what the network gives: "logits", "log-probabilities" or "probabilities"
    """

    rows: Tensor  # where images are resized

    def __init__(self, network: nn.Module, seen: Input = PLAIN, gives: str = "logits") -> None:
        super().__init__()
        self.network = network
        self.input = seen
        self.gives = gives
        if seen.fit == "resize":
            self.register_buffer("rows", _resizing(seen.side), persistent=False)
        low, high = seen.range
        self.scale = (high - low) / (255 * seen.std)  # all that is done to a pixel's value, as one product and one sum
        self.offset = (low - seen.mean) / seen.std

    def forward(self, image: Tensor) -> Tensor:
        """Logits of images; the logarithms of probabilities are such, since their softmax gives them back."""
        logits: Tensor = self.network(self.normalized(image))  # (B, classes)
        return logits.clamp_min(torch.finfo(torch.float32).tiny).log() if self.gives == "probabilities" else logits

    def normalized(self, image: Tensor) -> Tensor:
        """What the network sees of images: float32, `[batch, 1, 28, 28]` unless its Input says otherwise."""
        x = self._drawn(image) * self.scale  # (B, 1, side, side)
        x = x + self.offset if self.offset else x
        return self._laid_out(self._own(x))

    def _drawn(self, image: Tensor) -> Tensor:
        """Images turned, in black and white, inverted or resized: float32 `[batch, 1, side, side]`, 0 to 255."""
        seen = self.input
        image = image.transpose(1, 2) if seen.turned else image
        image = image if seen.threshold is None else (image > seen.threshold) * 255
        x = image.unsqueeze(1).to(torch.float32)  # (B, 1, 28, 28)
        x = 255 - x if seen.ink == "dark" else x
        if seen.fit == "pad":
            return F.pad(x, _margins(seen.side), value=255.0 if seen.ink == "dark" else 0.0)
        if seen.fit == "resize":
            return self.rows @ x @ self.rows.T  # (side, 28) @ (B, 1, 28, 28) @ (28, side)
        return x

    def _own(self, x: Tensor) -> Tensor:
        """Each image by its own mean and deviation, and padded with zeros, where its Input says so."""
        if self.input.own:
            deviation, mean = torch.std_mean(x, dim=(2, 3), keepdim=True)
            x = (x - mean) / deviation.clamp_min(1e-6)  # an image of one value has none
        return F.pad(x, _margins(self.input.side)) if self.input.fit == "pad-last" else x

    def _laid_out(self, x: Tensor) -> Tensor:
        """Images `[batch, 1, side, side]` in the layout that the first layer takes."""
        layout = self.input.layout
        if layout == "nchw":
            return x
        if layout == "rgb":
            return x.expand(-1, 3, -1, -1)
        return x.reshape(-1, *self.input.shape)


def _resizing(side: int) -> Tensor:
    """What resizing does to each column of an image, bilinear and smoothed where it shrinks: a matrix `[side, 28]`.

    As a product, since every runtime has that, to the last bit, and few of them torch's resizing.
    """
    identity = torch.eye(IMAGE_SHAPE[0])[None, None]
    return F.interpolate(identity, (side, IMAGE_SHAPE[0]), mode="bilinear", antialias=side < IMAGE_SHAPE[0])[0, 0]


def _margins(side: int) -> tuple[int, int, int, int]:
    """Pixels to the left, right, top and bottom of 28 by 28, to fill a square of that side."""
    before = (side - IMAGE_SHAPE[0]) // 2
    after = side - IMAGE_SHAPE[0] - before
    return before, after, before, after


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
    """A fresh, randomly initialized classifier. Raises RecordError on layers that torch does not take."""
    try:
        walk = Walk(spec.listed)
    except (UsageError, TypeError, ValueError, RuntimeError) as error:
        raise RecordError(f"network '{spec.network.describe():.200}' cannot be built: {error}") from error
    return Classifier(walk, spec.network.input, spec.network.output)


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


def reference_logits(classifier: Classifier, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """The logits that files are compared with, `[n, classes]` of images `[n, 28, 28]`.

    On one thread, so that they do not depend on how many the machine has.
    """
    with environment.torch_threads(1):
        return compute_logits(classifier, images)


def compute_accuracy(classifier: nn.Module, images: npt.NDArray[np.uint8], labels: Int64Array) -> float:
    """The fraction of images `[n, 28, 28]` that the classifier answers with their labels `[n]`."""
    return float((compute_logits(classifier, images).argmax(1) == labels).mean())
