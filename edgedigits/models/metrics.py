"""How good a classifier is: predictions, confusion matrices, accuracies and their intervals."""

import math

import numpy as np
import numpy.typing as npt

from edgedigits.records.arrays import Int64Array


def confusion(predicted: Int64Array, labels: Int64Array, classes: int) -> Int64Array:
    """Counts `[classes, classes]`: rows are the true classes, columns the predicted ones."""
    matrix = np.bincount(labels * classes + predicted, minlength=classes * classes)
    return matrix.reshape(classes, classes)


def cross_entropy(scores: npt.NDArray[np.float32], labels: Int64Array) -> float:
    """Mean cross-entropy, in nats, of logits `[n, classes]`."""
    shifted = scores.astype(np.float64) - scores.max(axis=1, keepdims=True)
    normalizers = np.log(np.exp(shifted).sum(axis=1))
    return float((normalizers - shifted[np.arange(len(labels)), labels]).mean())


def softmax(scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Probabilities float32 `[n, classes]` of logits."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities: npt.NDArray[np.float32] = powers / powers.sum(axis=1, keepdims=True)
    return probabilities


def log_softmax(scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The logarithms of the probabilities, float32 `[n, classes]`, of logits."""
    shifted = scores - scores.max(axis=1, keepdims=True)
    logarithms: npt.NDArray[np.float32] = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return logarithms


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
