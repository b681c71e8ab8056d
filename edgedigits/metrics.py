"""How good a classifier is: predictions, confusion matrices, accuracies and their intervals."""

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from edgedigits.data import Int64Array, Split
from edgedigits.formats import EVALUATION_BATCH


def logits(classifier: nn.Module, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Logits float32 `[n, classes]` of uint8 images `[n, 28, 28]`, in evaluation mode, on the classifier's device."""
    device = next(classifier.parameters()).device
    training = classifier.training
    classifier.eval()
    with torch.inference_mode():
        batches = torch.from_numpy(images).split(EVALUATION_BATCH)
        result = torch.cat([classifier(batch.to(device)).float().cpu() for batch in batches])
    classifier.train(training)
    return result.numpy()


def confusion(predicted: Int64Array, labels: Int64Array, classes: int) -> Int64Array:
    """Counts `[classes, classes]`: rows are the true classes, columns the predicted ones."""
    matrix = np.bincount(labels * classes + predicted, minlength=classes * classes)
    return matrix.reshape(classes, classes)


def accuracy(classifier: nn.Module, split: Split) -> float:
    """The fraction of a split that the classifier gets right."""
    return float((logits(classifier, split.images).argmax(1) == split.labels).mean())


def cross_entropy(scores: npt.NDArray[np.float32], labels: Int64Array) -> float:
    """Mean cross-entropy, in nats, of logits `[n, classes]`."""
    return float(torch.nn.functional.cross_entropy(torch.from_numpy(scores), torch.from_numpy(labels)))


def softmax(scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Probabilities float32 `[n, classes]` of logits."""
    probabilities: npt.NDArray[np.float32] = torch.softmax(torch.from_numpy(scores), dim=1).numpy()
    return probabilities


def tempered(
    scores: npt.NDArray[np.float32], seen: npt.NDArray[np.uint8], temperature: float
) -> npt.NDArray[np.float32]:
    """The logits whose softmax a canvas file gives: divided by the temperature, and 0 where nothing was seen.

    seen   what the network was shown, uint8 `[n, 28, 28]`
    """
    has_ink = seen.reshape(len(seen), -1).max(axis=1, keepdims=True) > 0
    divided: npt.NDArray[np.float32] = np.where(has_ink, scores / np.float32(temperature), np.float32(0))
    return divided


def wilson(successes: int, trials: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's score interval of a proportion, 95% by default (Wilson 1927, JASA 22:209-212)."""
    share = successes / trials
    denominator = 1 + z * z / trials
    centre = (share + z * z / (2 * trials)) / denominator
    half = z / denominator * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))  # holds the share, despite rounding
