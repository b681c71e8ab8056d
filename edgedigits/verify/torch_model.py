"""A torch model that files are compared with. The one module of this package that imports torch."""

import copy
import functools

import torch

from edgedigits.data.dataset import Dataset
from edgedigits.models.classifier import compute_logits
from edgedigits.models.weights import load_classifier
from edgedigits.records.arrays import Images, Scores
from edgedigits.records.model import Checkpoint
from edgedigits.system import environment
from edgedigits.verify.conditions import Condition, conditions


class TorchModel:
    """A torch model and what it answers on a test split and off it; it is asked once, when that is needed.

    On one thread, so that the answers to compare with do not depend on how many the machine has.
    """

    def __init__(self, record: Checkpoint, dataset: Dataset) -> None:
        self.classifier = load_classifier(record).to(memory_format=torch.channels_last)  # up to 4 times as fast
        self.dataset = dataset

    @functools.cached_property
    def logits(self) -> Scores:
        """Of all test images, `[n, classes]`."""
        return self.ask(self.dataset.test.images)

    @functools.cached_property
    def conditions(self) -> list[tuple[Condition, Scores]]:
        """Images off the test set, with their logits."""
        found = conditions(self.dataset.test, self.dataset.labels)
        return [(condition, self.ask(condition.images)) for condition in found]

    def ask(self, images: Images) -> Scores:
        """The logits `[n, classes]` of images uint8 `[n, 28, 28]`."""
        with environment.torch_threads(1):
            return compute_logits(self.classifier, images)

    def ask_normalized(self, images: Images, scale: float, offset: float) -> Scores:
        """The logits as they were if the network saw `pixel * scale + offset`."""
        other = copy.copy(self.classifier)
        other.scale, other.offset = scale, offset
        with environment.torch_threads(1):
            return compute_logits(other, images)
