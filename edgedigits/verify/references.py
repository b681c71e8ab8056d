"""What files are compared with: the torch models that they came from, or what manifests recorded of those."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgedigits.data.dataset import Dataset, Split
from edgedigits.data.load import dataset_of
from edgedigits.errors import CheckpointError, DataError
from edgedigits.export import manifest
from edgedigits.models.checkpoint import find_run, read_checkpoint
from edgedigits.records.model import Checkpoint

if TYPE_CHECKING:
    from edgedigits.verify.torch_model import TorchModel

AWAY, NO_TORCH = "its checkpoint is not at hand", "torch is not installed here"  # why answers cannot be compared
REMEDIES = {AWAY: "name the folder of its run with --runs", NO_TORCH: "with a network: pip install torch torchvision"}


@dataclass(frozen=True)
class Reference:
    """What a file is compared with, on a test split.

    torch     None where only what the manifest recorded of it is known
    missing   why that is so: AWAY or NO_TORCH
    """

    checkpoint: Checkpoint
    dataset: str
    test: Split
    torch: "TorchModel | None"
    missing: str = ""


class References:
    """The torch models and test splits to compare with: each is loaded, and asked, once.

    compared   whether something must be known to compare with: the torch model, or its accuracy on these very images
    """

    def __init__(
        self, runs: Path, dataset: str | Path | Dataset | None, data_dir: Path | None, compared: bool = True
    ) -> None:
        self.runs = runs
        self.dataset = dataset
        self.data_dir = data_dir
        self.compared = compared
        self.datasets: dict[tuple[str, bool], Dataset] = {}
        self.known: dict[str, Reference] = {}

    def get(self, sha256: str, recorded: Checkpoint | None = None) -> Reference:
        """The reference for a checkpoint's SHA-256. Raises CheckpointError and DataError.

        recorded   what a manifest says of that checkpoint: all there is to compare with where it is not at hand
        """
        if sha256 not in self.known:
            folder = find_run(sha256, self.runs)
            asked = folder and importlib.util.find_spec("torch")
            self.known[sha256] = self._asked(folder) if folder and asked else self._recorded(sha256, recorded, folder)
        return self.known[sha256]

    def _asked(self, folder: Path) -> Reference:
        from edgedigits.verify.torch_model import TorchModel

        record = read_checkpoint(folder)
        dataset = self._dataset(record)
        return Reference(record, dataset.ref.name, dataset.test, TorchModel(record, dataset))

    def _recorded(self, sha256: str, record: Checkpoint | None, folder: Path | None) -> Reference:
        missing = f"its checkpoint {sha256[:12]}… is not in {self.runs}: name the folder with --runs, or export anew"
        if folder:  # what it recorded itself will do
            record, missing = read_checkpoint(folder), NO_TORCH
        if record is None or record.weights_sha256 != sha256:
            raise CheckpointError(missing)
        dataset = self._dataset(record)
        if self.compared and dataset.ref.sha256 != record.dataset.sha256:
            raise CheckpointError(f"{missing}. Its {manifest.FILE} recorded the accuracy on other images than these.")
        return Reference(record, dataset.ref.name, dataset.test, None, NO_TORCH if folder else AWAY)

    def _dataset(self, record: Checkpoint) -> Dataset:
        key = ("" if self.dataset else record.dataset.source, record.dataset.dark_ink)  # one that is named serves all
        if key not in self.datasets:
            self.datasets[key] = dataset_of(record, self.dataset, self.data_dir)
        chosen = self.datasets[key]
        if len(chosen.labels) != len(record.spec.labels):
            raise DataError(
                f"data set {chosen.ref.name} has {len(chosen.labels)} classes, model {record.name} has "
                f"{len(record.spec.labels)}. Verify it on its own with --dataset {record.dataset.source}."
            )
        _require_variety(chosen)
        return chosen


def _require_variety(dataset: Dataset) -> None:
    """Raise DataError when the test images can tell no good model from a bad one."""
    if len(np.unique(dataset.test.labels)) < 2:
        what = f"only images of '{dataset.labels[dataset.test.labels[0]]}'" if len(dataset.test) else "no images"
        raise DataError(f"data set {dataset.ref.name} has {what} in its test split: two classes wanted, at least.")
