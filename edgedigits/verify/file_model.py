"""A file that is asked in the place of a torch model: one that is named, or one that was adopted as it is."""

import functools
import importlib.util

from edgedigits.data.dataset import Dataset
from edgedigits.errors import CheckpointError
from edgedigits.records.arrays import Images, Scores
from edgedigits.records.foreign import ORIGINAL, ForeignNetwork
from edgedigits.records.model import Checkpoint
from edgedigits.runtime.finding import Found, Row
from edgedigits.runtime.foreign_predictor import ForeignPredictor
from edgedigits.runtime.load import Opener
from edgedigits.runtime.predictor import Predictor
from edgedigits.system import files
from edgedigits.verify.conditions import Condition, conditions


class FileModel:
    """A file that is asked in the place of a torch model."""

    def __init__(self, predictor: Predictor, dataset: Dataset) -> None:
        self.predictor = predictor
        self.dataset = dataset

    @functools.cached_property
    def logits(self) -> Scores:
        """Of all test images, `[n, classes]`."""
        return self.ask(self.dataset.test.images)

    @functools.cached_property
    def conditions(self) -> list[tuple[Condition, Scores]]:
        """Images off the test set, with their logits; none where torch, which makes some of them, is not installed."""
        if importlib.util.find_spec("torch") is None:
            return []
        found = conditions(self.dataset.test, self.dataset.labels)
        return [(condition, self.ask(condition.images)) for condition in found]

    def ask(self, images: Images) -> Scores:
        """The logits `[n, classes]` of images uint8 `[n, 28, 28]`."""
        return self.predictor.in_batches(images)[0]


def original(record: Checkpoint, network: ForeignNetwork) -> Predictor:
    """The file that a run was adopted from, as it was found, in a process of its own, asked as it was found then.

    Raises CheckpointError where it is gone or changed, and what opening it raises.
    """
    assert record.adopted  # no other run has such a network
    path = record.folder / ORIGINAL
    if not path.is_file() or files.sha256(path) != record.adopted.sha256:
        raise CheckpointError(f"{path}: missing, or changed since it was adopted. Adopt it anew.")
    best = record.adopted.readings[0]
    row = Row(network.input, best.words, best.loss, best.accuracy)
    found = Found(
        name=str(path),
        rows=(row,),
        digits=record.adopted.digits,
        classes=len(network.columns),
        columns=network.columns,
        output=network.kind,
        remarks=record.adopted.remarks,
        enough=0.0,  # it was right when it was adopted
    )
    return ForeignPredictor.open(path, found, Opener())
