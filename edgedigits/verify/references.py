"""What files are compared with: the torch models that they came from, or what was recorded of those.

Answer by answer where torch is at hand, or where `answers.safetensors` lies beside the files; else by the accuracy that
their manifest recorded.
"""

import dataclasses
import importlib.util
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from edgedigits.data.dataset import Dataset, Split
from edgedigits.data.load import dataset_of
from edgedigits.errors import CheckpointError, DataError
from edgedigits.export import manifest
from edgedigits.export.answers import unpacked
from edgedigits.models.checkpoint import find_run, read_checkpoint
from edgedigits.records.arrays import Images, Int64Array, Scores
from edgedigits.records.artifact import Answers
from edgedigits.records.foreign import ForeignNetwork
from edgedigits.records.model import Checkpoint
from edgedigits.records.report import ADOPTED_FILE, ANSWERS, OTHER_FILE, RECORDED, TORCH_MODEL
from edgedigits.runtime.safety.trust import read_listed
from edgedigits.verify.conditions import Condition
from edgedigits.verify.file_model import FileModel, original

if TYPE_CHECKING:
    from edgedigits.verify.torch_model import TorchModel

AWAY, NO_TORCH = "its checkpoint is not at hand", "torch is not installed here"  # why torch cannot be asked
REMEDIES = {AWAY: "name the folder of its run with --runs", NO_TORCH: "with a network: pip install torch torchvision"}


class Model(Protocol):
    """What can be asked for the answers to compare with."""

    dataset: Dataset

    @property
    def logits(self) -> Scores:
        """Of all test images, `[n, classes]`."""

    @property
    def conditions(self) -> list[tuple[Condition, Scores]]:
        """Images off the test set, with their logits."""

    def ask(self, images: Images) -> Scores:
        """The logits `[n, classes]` of images uint8 `[n, 28, 28]`."""


@dataclass(frozen=True)
class Reference:
    """What a file is compared with, on a test split.

    labels       of the classes
    checkpoint   whose answers they are; None where that is another file
    places       of the images in the whole test split, where they are a sample of it
    whole        images of that split
    torch        None where the torch model is not asked
    missing      why that is so: AWAY or NO_TORCH
    answers      of the torch model to `test`, `[n, classes]`, as export recorded them
    other        a file that is asked in its place; with a checkpoint, the one that this was adopted from
    """

    labels: tuple[str, ...]
    dataset: str
    test: Split
    checkpoint: Checkpoint | None = None
    places: Int64Array | None = None
    whole: int = 0
    torch: "TorchModel | None" = None
    missing: str = ""
    answers: Scores | None = None
    other: Model | None = None

    @property
    def compared_with(self) -> str:
        """What of a model there is, in the words of a ParityReport."""
        if self.other:
            return ADOPTED_FILE if self.checkpoint else OTHER_FILE
        return TORCH_MODEL if self.torch else RECORDED if self.answers is None else ANSWERS

    @property
    def model(self) -> Model | None:
        """What can be asked anything."""
        return self.torch or self.other

    @property
    def logits(self) -> Scores | None:
        """The answers to `test`, `[n, classes]`, where they are known one by one."""
        return self.model.logits if self.model else self.answers

    @property
    def record(self) -> Checkpoint:
        """The checkpoint, of files that have one."""
        assert self.checkpoint
        return self.checkpoint

    def place(self, index: int) -> int:
        """Where the image of that index stands in the whole test split."""
        return index if self.places is None else int(self.places[index])


class Chosen(NamedTuple):
    """A data set whose test split is what files are asked, and where that stands in the whole one, if it is a part.

    whole   images of the whole test split
    """

    dataset: Dataset
    places: Int64Array | None
    whole: int


class References:
    """The torch models and test splits to compare with: each is loaded, and asked, once.

    sample     how many of the test images are asked; None: all
    compared   whether something must be known to compare with: the torch model, its answers, or its accuracy on these
               very images
    """

    def __init__(
        self,
        runs: Path,
        dataset: str | Path | Dataset | None,
        data_dir: Path | None,
        sample: int | None = None,
        compared: bool = True,
    ) -> None:
        self.runs = runs
        self.dataset = dataset
        self.data_dir = data_dir
        self.sample = sample
        self.compared = compared
        self.datasets: dict[tuple[str, bool], Chosen] = {}
        self.known: dict[tuple[str, str], Reference] = {}

    def get(self, sha256: str, recorded: Checkpoint | None = None, answers: Answers | None = None) -> Reference:
        """The reference for a checkpoint's SHA-256. Raises CheckpointError, DataError and ModelFileError.

        recorded, answers   what a manifest says of that checkpoint, and lists as its answers: all there is to compare
                            with where it is not at hand
        """
        key = sha256, answers.sha256 if answers else ""
        if key not in self.known:
            folder = find_run(sha256, self.runs)
            found = self.asked(folder) if folder and _can_ask(folder) else None
            found = found or self._recorded(sha256, recorded, folder, answers)
            self.known[key] = dataclasses.replace(found, answers=self._answers(found, answers))
        return self.known[key]

    def asked(self, folder: Path) -> Reference:
        """The model of a run folder: in torch, or the file that it was adopted from.

        Raises CheckpointError and DataError, and ModelFileError where that file cannot be asked.
        """
        record = read_checkpoint(folder)
        chosen, network = self._chosen(record), record.spec.network
        if isinstance(network, ForeignNetwork):
            file = FileModel(original(record, network), chosen.dataset)
            return dataclasses.replace(_reference(record, chosen), other=file)
        from edgedigits.verify.torch_model import TorchModel

        return _reference(record, chosen, torch=TorchModel(record, chosen.dataset))

    def _recorded(
        self, sha256: str, record: Checkpoint | None, folder: Path | None, answers: Answers | None
    ) -> Reference:
        missing = f"its checkpoint {sha256[:12]}… is not in {self.runs}: name the folder with --runs, or export anew"
        if folder:  # what it recorded itself will do
            record, missing = read_checkpoint(folder), NO_TORCH
        if record is None or record.weights_sha256 != sha256:
            raise CheckpointError(missing)
        chosen = self._chosen(record)
        if self.compared and chosen.dataset.ref.sha256 != record.dataset.sha256:
            raise CheckpointError(f"{missing}. Its {manifest.FILE} recorded the accuracy on other images than these.")
        if self.compared and chosen.places is not None and not (answers and answers.path.is_file()):
            raise CheckpointError(
                f"{missing}. Its {manifest.FILE} recorded the accuracy on all images, not on a sample."
            )
        return _reference(record, chosen, missing=NO_TORCH if folder else AWAY)

    def _answers(self, reference: Reference, answers: Answers | None) -> Scores | None:
        """What a manifest lists as the answers to these images; None where there is none. Raises ModelFileError."""
        chosen = self._chosen(reference.record)
        these = chosen.dataset.ref.sha256, chosen.whole
        if answers is None or (answers.dataset_sha256, answers.samples) != these:
            return None
        if not answers.path.exists():
            if reference.torch is None:
                said = f"{answers.path} is missing, though {manifest.FILE} lists it: copy it, too, to compare answers"
                warnings.warn(said, stacklevel=2)
            return None
        logits = unpacked(answers, read_listed(answers), len(reference.labels))
        return logits if chosen.places is None else logits[chosen.places]

    def _chosen(self, record: Checkpoint) -> Chosen:
        key = ("" if self.dataset else record.dataset.source, record.dataset.dark_ink)  # one that is named serves all
        if key not in self.datasets:
            self.datasets[key] = chosen_of(dataset_of(record, self.dataset, self.data_dir), self.sample)
        chosen = self.datasets[key]
        labels = chosen.dataset.labels
        if len(labels) != len(record.spec.labels):
            raise DataError(
                f"data set {chosen.dataset.ref.name} has {len(labels)} classes, model {record.name} has "
                f"{len(record.spec.labels)}. Verify it on its own with --dataset {record.dataset.source}."
            )
        return chosen


def _can_ask(folder: Path) -> bool:
    """Whether a run's model can be asked here: torch models by torch alone."""
    if importlib.util.find_spec("torch"):
        return True
    return isinstance(read_checkpoint(folder).spec.network, ForeignNetwork)


def _reference(record: Checkpoint, chosen: Chosen, torch: "TorchModel | None" = None, missing: str = "") -> Reference:
    dataset, places, whole = chosen
    return Reference(record.spec.labels, dataset.ref.name, dataset.test, record, places, whole, torch, missing)


def chosen_of(dataset: Dataset, sample: int | None) -> Chosen:
    """A data set with all of its test images, or so many, in their order, the same every time. Raises DataError."""
    places, whole = None, len(dataset.test)
    if sample is not None and sample < whole:
        places = np.sort(np.random.default_rng(0).permutation(whole)[:sample])
        test = Split(dataset.test.images[places], dataset.test.labels[places])
        dataset = dataclasses.replace(dataset, test=test)
    _require_variety(dataset)
    return Chosen(dataset, places, whole)


def _require_variety(dataset: Dataset) -> None:
    """Raise DataError when the test images can tell no good model from a bad one."""
    if len(np.unique(dataset.test.labels)) < 2:
        what = f"only images of '{dataset.labels[dataset.test.labels[0]]}'" if len(dataset.test) else "no images"
        raise DataError(f"data set {dataset.ref.name} has {what} in its test split: two classes wanted, at least.")
