"""Two models' answers to the same images, compared: how many changed, which way, by how much, how surely."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from edgedigits.models import metrics
from edgedigits.records.arrays import Int64Array, Scores

LOGITS, LOG_PROBABILITIES, PROBABILITIES = "logits", "log-probabilities", "probabilities"
SCALES: Mapping[str, Callable[[Scores], Scores]] = {  # what scores [n, classes] are compared as, out of logits
    LOGITS: lambda scores: scores,
    LOG_PROBABILITIES: metrics.log_softmax,
    PROBABILITIES: metrics.softmax,
}


@dataclass(frozen=True)
class Flip:
    """An image whose predicted class differs. `margin` is torch's top probability minus its second: how sure it was."""

    index: int
    before: int
    after: int
    margin: float


@dataclass(frozen=True)
class Difference:
    """Absolute differences of the logits; `largest` is at image `worst`.

    Where a logit is not finite all are None, and `worst` is the first image that has one; where there was nothing to
    compare with, all are None.
    """

    largest: float | None
    mean: float | None
    p999: float | None
    worst: int | None


def flips(reference: Scores, scores: Scores) -> list[Flip]:
    """The images that two models answer otherwise, in order. Both logits are `[n, classes]`."""
    before, after = reference.argmax(1), scores.argmax(1)
    indices = np.flatnonzero(before != after)
    return [
        Flip(int(index), int(before[index]), int(after[index]), float(margin))
        for index, margin in zip(indices, margins(reference[indices]), strict=True)
    ]


def changed(reference: Scores, scores: Scores) -> int:
    """How many images two models answer otherwise. Both logits are `[n, classes]`."""
    return int((reference.argmax(1) != scores.argmax(1)).sum())


def margins(scores: Scores) -> Scores:
    """The top probability minus the second, `[n]`, of logits `[n, classes]`: how sure each answer is."""
    ordered: Scores = np.sort(metrics.softmax(scores), axis=1)
    return ordered[:, -1] - ordered[:, -2]


def unknown_difference(scores: Scores) -> Difference:
    """What is known of logits alone: the first image that has one that is not finite, if any has."""
    finite = np.isfinite(scores).all(axis=1)
    return Difference(None, None, None, worst=None if finite.all() else int(finite.argmin()))


def difference(reference: Scores, scores: Scores) -> Difference:
    """How far the logits are apart: largest, mean and 99.9th percentile of all, and the image with the largest."""
    unknown = unknown_difference(scores)
    if unknown.worst is not None:
        return unknown
    apart = np.abs(scores - reference)
    return Difference(
        largest=float(apart.max()),
        mean=float(apart.mean()),
        p999=float(np.quantile(apart, 0.999)),
        worst=int(apart.max(axis=1).argmax()),
    )


def softmax_difference(logits: Scores, probabilities: Scores) -> float | None:
    """How far the probabilities are from the softmax of the logits, at most; None where one is not finite."""
    largest = float(np.abs(probabilities - metrics.softmax(logits)).max())
    return largest if math.isfinite(largest) else None


def mcnemar(lost: int, gained: int) -> float:
    """The exact two-sided p-value of lost against gained answers (McNemar 1947, Psychometrika 12:153-157).

    How often a fair coin would divide the changed answers at least as unevenly. Integers until the
    last step, so that nothing is rounded away.
    """
    changed = lost + gained
    ways = combinations = 1
    for count in range(min(lost, gained)):  # `math.comb` anew for each of thousands takes seconds
        combinations = combinations * (changed - count) // (count + 1)
        ways += combinations
    chance: float = 2 * ways / 2**changed
    return min(1.0, chance)


def by_class(scores: Scores, labels: Int64Array) -> tuple[float | None, ...]:
    """The accuracy on the images of each class; None for a class without images."""
    right = scores.argmax(1) == labels
    members = [labels == label for label in range(scores.shape[1])]
    return tuple(float(right[member].mean()) if member.any() else None for member in members)
