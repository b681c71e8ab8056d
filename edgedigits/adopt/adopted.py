"""A network that was adopted, before it is written: what every way to adopt one ends in."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from edgedigits.adopt.built import complete
from edgedigits.data.dataset import Dataset
from edgedigits.errors import BadInput, UsageError
from edgedigits.models.classifier import Classifier, build_classifier, compute_accuracy
from edgedigits.models.weights import write_checkpoint
from edgedigits.records.adoption import Adoption, Tried
from edgedigits.records.arrays import Scores
from edgedigits.records.model import Checkpoint, ModelSpec
from edgedigits.records.network import Network
from edgedigits.runtime.asking import Unknown
from edgedigits.runtime.finding import Found, find_input
from edgedigits.runtime.noticing import noticed
from edgedigits.system import environment


class NoReading(BadInput):
    """Training digits are read well in no way that was tried; `found` has the best."""

    def __init__(self, message: str, found: Found) -> None:
        super().__init__(message)
        self.found = found


@dataclass(frozen=True)
class Told:
    """What somebody says of a network: of its input in words, and its classes in the order of its outputs."""

    said: str
    labels: tuple[str, ...]

    def columns(self, dataset: Dataset) -> list[int] | None:
        """Where the data set's classes are among the network's; None where nothing is said. Raises UsageError."""
        if not self.labels:
            return None
        if missing := [label for label in dataset.labels if label not in self.labels]:
            raise UsageError(f"labels: no '{missing[0]}' among {', '.join(self.labels)}, as {dataset.ref.name} has it")
        return [self.labels.index(label) for label in dataset.labels]


@dataclass(frozen=True)
class Adopted:
    """A network with its input, its tensors by the names of its state dict, and what is recorded of it."""

    network: Network
    tensors: Mapping[str, Tensor | Scores]
    record: Adoption

    def classifier(self, labels: tuple[str, ...]) -> Classifier:
        """The same in torch, in evaluation mode."""
        classifier = build_classifier(ModelSpec(self.network, labels))
        state = complete(self.network, self.tensors)
        classifier.load_state_dict({f"network.{name}": tensor for name, tensor in state.items()})
        return classifier.eval()

    @property
    def versions(self) -> Mapping[str, str]:
        """Of what decided its answers."""
        return environment.versions("torch", "numpy")

    @property
    def threads(self) -> int:
        """Of torch."""
        return torch.get_num_threads()

    def test_accuracy(self, dataset: Dataset) -> float:
        """On all test images; its weights lie as those of a reference do, so that both answer alike."""
        classifier = self.classifier(dataset.labels).to(memory_format=torch.channels_last)
        return compute_accuracy(classifier, dataset.test.images, dataset.test.labels)

    def write(self, record: Checkpoint, folder: Path) -> Checkpoint:
        """Write weights and record; the record comes back with the weights' SHA-256."""
        return write_checkpoint(self.classifier(record.spec.labels), record, folder)


def found_input(model: Unknown, dataset: Dataset, said: str, tensors: Mapping[str, Tensor | Scores]) -> Found:
    """What a model's input is, and the mistakes in it. Raises NoReading where it reads digits well in no way."""
    images, labels = dataset.train.images, dataset.train.labels
    known = {name: np.asarray(tensor) for name, tensor in tensors.items()}
    found = noticed(model, find_input(model, images, labels, said), images, labels, said, known)
    if found.doubt:
        raise NoReading(found.doubt, found)
    return found


def as_tried(found: Found) -> tuple[Tried, ...]:
    """The best readings of an input, for a record."""
    return tuple(Tried(row.words, row.loss, row.accuracy) for row in found.rows)
