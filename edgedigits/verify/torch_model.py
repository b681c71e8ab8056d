"""A torch model that files are compared with. The one module of this package that imports torch."""

import copy
import functools

from edgedigits.data.dataset import Dataset
from edgedigits.models.classifier import reference_logits
from edgedigits.models.weights import load_reference
from edgedigits.records.arrays import Images, Scores
from edgedigits.records.model import Checkpoint
from edgedigits.verify.conditions import Condition, conditions


class TorchModel:
    """A torch model and what it answers on a test split and off it; it is asked once, when that is needed."""

    def __init__(self, record: Checkpoint, dataset: Dataset) -> None:
        self.classifier = load_reference(record)
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
        return reference_logits(self.classifier, images)

    def ask_normalized(self, images: Images, scale: float, offset: float) -> Scores:
        """The logits as they were if the network saw `pixel * scale + offset`."""
        other = copy.copy(self.classifier)
        other.scale, other.offset = scale, offset
        return reference_logits(other, images)
