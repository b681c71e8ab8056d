"""What users send sooner or later: images off the test set, made from it and by a pen, always the same.

Each condition is a set of images; those that still show a digit keep its label.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from edgedigits.data import drawn
from edgedigits.data.dataset import Split
from edgedigits.records.arrays import Int64Array, Scores, Uint8Array
from edgedigits.records.model import IMAGE_SHAPE
from edgedigits.records.report import Robustness

SAMPLE = 500  # test images a condition is made from
SEED = 0
UNPROMISED = ("inverted",)  # a digit file's ground is 0; and a light square on a dark canvas is no paper


def promised(found: Sequence[Robustness]) -> list[Robustness]:
    """What can be shown without being taken for a fault: how files do on images that they promise to read.

    On the others file and torch model must agree all the same, and the gate sees to it.
    """
    return [each for each in found if each.condition not in UNPROMISED]


@dataclass(frozen=True)
class Condition:
    """Images uint8 `[n, 28, 28]`; `labels` int64 `[n]`, or None where the images show no digit."""

    name: str
    images: Uint8Array
    labels: Int64Array | None

    def accuracy(self, logits: Scores) -> float | None:
        """The fraction that logits `[n, classes]` get right; None where there is nothing to get right."""
        return None if self.labels is None else float((logits.argmax(1) == self.labels).mean())


def conditions(test: Split, labels: tuple[str, ...]) -> list[Condition]:
    """All conditions, from the first images of a test split. Drawn digits only where the classes are the ten digits."""
    rng = np.random.default_rng(SEED)
    images, known = test.images[:SAMPLE], test.labels[:SAMPLE]
    changed = [Condition(name, change(images, rng), known) for name, change in CHANGES.items()]
    empty = [
        Condition("blank", np.zeros((1, *IMAGE_SHAPE), np.uint8), None),
        Condition("all ink", np.full((1, *IMAGE_SHAPE), 255, np.uint8), None),
        Condition("noise", rng.integers(0, 256, (SAMPLE, *IMAGE_SHAPE), dtype=np.uint8), None),
    ]
    if labels != tuple("0123456789"):
        return [*changed, *empty]
    return [*changed, Condition("drawn", *_drawn()), *empty]


@functools.cache
def _drawn() -> tuple[Uint8Array, Int64Array]:
    """The drawn digits, drawn once in a process: that takes longer than most models take to read them."""
    return drawn.digits(SAMPLE, SEED)


def _shifted(images: Uint8Array, rng: np.random.Generator) -> Uint8Array:
    """Each image moved by up to 3 pixels each way; what leaves it is lost."""
    padded = np.pad(images, ((0, 0), (3, 3), (3, 3)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, IMAGE_SHAPE, axis=(1, 2))
    top, left = rng.integers(0, 7, (2, len(images)))
    return np.ascontiguousarray(windows[np.arange(len(images)), top, left])


def _scaled(images: Uint8Array, rng: np.random.Generator) -> Uint8Array:
    """Each image 0.7 to 1.3 times as large, around its centre."""
    import torch

    from edgedigits.train.augmentation import Warps, warped

    zoom = torch.from_numpy(rng.uniform(0.7, 1.3, len(images)).astype(np.float32))
    return warped(torch.from_numpy(images), Warps(0 * zoom, zoom)).round().to(torch.uint8).numpy()


def _inverted(images: Uint8Array, _: np.random.Generator) -> Uint8Array:
    return 255 - images


def _thick(images: Uint8Array, _: np.random.Generator) -> Uint8Array:
    """Each pixel takes the most ink of itself and its four neighbours (grey-scale dilation)."""
    most: Uint8Array = np.maximum.reduce(_neighbours(images))
    return most


def _thin(images: Uint8Array, _: np.random.Generator) -> Uint8Array:
    """Each pixel takes the least ink of itself and its four neighbours (grey-scale erosion)."""
    least: Uint8Array = np.minimum.reduce(_neighbours(images))
    return least


def _neighbours(images: Uint8Array) -> list[Uint8Array]:
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    height, width = IMAGE_SHAPE
    places = ((1, 1), (0, 1), (2, 1), (1, 0), (1, 2))
    return [padded[:, top : top + height, left : left + width] for top, left in places]


CHANGES: dict[str, Callable[[Uint8Array, np.random.Generator], Uint8Array]] = {
    "shifted": _shifted,
    "scaled": _scaled,
    "inverted": _inverted,
    "thin": _thin,
    "thick": _thick,
}
