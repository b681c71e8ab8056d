"""What `verify` and `bench` compare: exported files, and the torch models that they came from.

A file is found by its manifest or its name, its torch model by the SHA-256 in its contract. Nothing
here knows one format from another.
"""

import functools
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from edgedigits import checkpoint, data, engines, files, formats, manifest, metrics
from edgedigits.conditions import Condition, conditions
from edgedigits.data import Dataset, Split
from edgedigits.errors import BadInput, CheckpointError, DataError, ModelFileError, RecordError, UsageError
from edgedigits.formats import Format, Images, Predictor, Scores
from edgedigits.load import open_file, require_format
from edgedigits.models import Classifier
from edgedigits.records import Artifact, Checkpoint
from edgedigits.safety import BOUNDS, require_recorded


@dataclass(frozen=True)
class Target:
    """A file to verify, its manifest entry, and the checkpoint that the manifest names.

    stray   it lies beside a manifest that does not list it
    """

    path: Path
    artifact: Artifact | None = None
    recorded: Checkpoint | None = None
    stray: bool = False


class TorchModel:
    """A torch model and what it answers on a test split and off it; it is asked once, when that is needed.

    On one thread, so that the answers to compare with do not depend on how many the machine has.
    """

    def __init__(self, classifier: Classifier, dataset: Dataset) -> None:
        self.classifier = classifier.to(memory_format=torch.channels_last)  # up to 4 times as fast
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
        with formats.torch_threads(1):
            return metrics.logits(self.classifier, images)


@dataclass(frozen=True)
class Reference:
    """What a file is compared with, on a test split.

    torch   None where the checkpoint is not at hand, and only what the manifest recorded of it is known
    """

    checkpoint: Checkpoint
    dataset: str
    test: Split
    torch: TorchModel | None


@dataclass(frozen=True)
class Opened:
    """A file that is what its manifest and its contract say, ready to answer, and what it is compared with.

    engine   that runs it; None where that is what runs files of its format by default
    trust    it may hold code, recorded or not
    """

    path: Path
    module: Format
    predictor: Predictor
    reference: Reference
    engine: str | None = None
    trust: bool = False

    @property
    def other_settings(self) -> tuple[str, ...]:
        """How what runs it can be set otherwise."""
        return (engines.get(self.engine) if self.engine else self.module).SETTINGS[1:]

    def in_setting(self, setting: str) -> Predictor:
        """The file in another setting of what runs it."""
        return open_file(self.path, setting, engine=self.engine, trust=self.trust)


def find(artifacts: Sequence[Artifact | str | Path], exports: Path, engine: str | None = None) -> list[Target]:
    """The files to verify, each with its manifest entry.

    engine   that must be able to run them: of a folder, files that are no ONNX are left out, with a note

    Raises BadInput when there is none, and UsageError when one is named that the engine does not run.
    """
    named = [artifact.path if isinstance(artifact, Artifact) else Path(artifact) for artifact in artifacts]
    targets = []
    for place in named or sorted(exports.glob("*/")):
        paths = _runnable(_exported(place), engine) if place.is_dir() else [place]
        targets += [_target(path) for path in paths]
    for path in named if engine else ():
        if _is_no_onnx(path):
            raise UsageError(f"{path}: engines run ONNX files, and this is none. Verify it without --engine.")
    if not targets:
        where = ", ".join(map(str, named or [exports]))
        raise BadInput(f"{where}: no exported files here. Run edgedigits export, or name files or --exports.")
    return targets


def _exported(folder: Path) -> list[Path]:
    """What a folder's manifest lists, and model files in it that it does not list."""
    listing = manifest.read(folder)
    listed = {folder / artifact.file for artifact in listing.artifacts} if listing else set()
    return sorted(listed | {path for path in folder.iterdir() if formats.of_file(path)})


def _runnable(paths: list[Path], engine: str | None) -> list[Path]:
    """Of the files in a folder, those that the engine runs."""
    left_out = [path.name for path in paths if engine and _is_no_onnx(path)]
    if left_out:
        warnings.warn(f"{', '.join(left_out)} left out: engines run ONNX files", stacklevel=4)
    return [path for path in paths if path.name not in left_out]


def _is_no_onnx(path: Path) -> bool:
    """Whether a file has a known format, and another one."""
    module = formats.of_file(path)
    return module is not None and module.OPSET is None


def _target(path: Path) -> Target:
    listing = manifest.read(path.parent)
    if listing is None:
        return Target(path)
    entries = [artifact for artifact in listing.artifacts if artifact.file == path.name]
    return Target(path, entries[0], listing.checkpoint) if entries else Target(path, stray=True)


def open_target(target: Target, references: "References", trust: bool = False, engine: str | None = None) -> Opened:
    """Check a file against its manifest, load it, and check its contract against its checkpoint.

    trust    load a file that can hold code although no manifest beside it lists it
    engine   load it in this engine

    Raises ModelFileError and CheckpointError, and DataError where there is nothing to ask it.
    """
    check_integrity(target)
    module = require_format(target.path)
    predictor = open_file(target.path, engine=engine, trust=trust)
    reference = references.get(predictor.contract.checkpoint_sha256, target.recorded)
    check_contract(predictor, reference.checkpoint, module.NAME)
    if target.recorded:
        check_record(target.path, target.recorded, reference.checkpoint)
    return Opened(target.path, module, predictor, reference, engine, trust)


def find_run(sha256: str, runs: Path) -> Path | None:
    """The run folder below `runs` whose record names the weights of that SHA-256; None where there is none."""
    for folder in checkpoint.find(runs):
        try:
            matches = Checkpoint.read(folder / checkpoint.RECORD).weights_sha256 == sha256
        except RecordError:
            continue  # another model's record: `edgedigits export` will name it
        if matches:
            return folder
    return None


class References:
    """The torch models and test splits to compare with: each is loaded, and asked, once."""

    def __init__(self, runs: Path, dataset: str | Path | Dataset | None, data_dir: Path | None) -> None:
        self.runs = runs
        self.dataset = dataset
        self.data_dir = data_dir
        self.datasets: dict[tuple[str, bool], Dataset] = {}
        self.known: dict[str, Reference] = {}

    def get(self, sha256: str, recorded: Checkpoint | None = None) -> Reference:
        """The reference for a checkpoint's SHA-256. Raises CheckpointError and DataError.

        recorded   what a manifest says of that checkpoint: all there is to compare with where it is not at hand
        """
        if sha256 not in self.known:
            folder = find_run(sha256, self.runs)
            self.known[sha256] = self._asked(checkpoint.load(folder)) if folder else self._recorded(sha256, recorded)
        return self.known[sha256]

    def _asked(self, record: Checkpoint) -> Reference:
        dataset = self._dataset(record)
        model = TorchModel(checkpoint.load_model(record), dataset)
        return Reference(record, dataset.ref.name, dataset.test, model)

    def _recorded(self, sha256: str, record: Checkpoint | None) -> Reference:
        missing = f"its checkpoint {sha256[:12]}… is not in {self.runs}: name the folder with --runs, or export anew"
        if record is None or record.weights_sha256 != sha256:
            raise CheckpointError(missing)
        dataset = self._dataset(record)
        if dataset.ref.sha256 != record.dataset.sha256:
            raise CheckpointError(f"{missing}. Its {manifest.FILE} recorded the accuracy on other images than these.")
        return Reference(record, dataset.ref.name, dataset.test, None)

    def _dataset(self, record: Checkpoint) -> Dataset:
        if isinstance(self.dataset, Dataset):
            chosen = self.dataset
        else:
            key = (str(self.dataset or record.dataset.source), record.dataset.dark_ink)
            if key not in self.datasets:
                self.datasets[key] = data.load(key[0], self.data_dir, dark_ink=key[1])
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


def check_integrity(target: Target) -> None:
    """The file is there and is what its manifest recorded. Raises ModelFileError."""
    if not target.path.is_file():
        raise ModelFileError(f"{target.path} is missing. Export it anew.")
    if target.stray:
        raise ModelFileError(f"{target.path} is not in the {manifest.FILE} beside it. Export it anew or remove it.")
    if (size := target.path.stat().st_size) > BOUNDS.file_bytes:
        raise ModelFileError(f"{target.path} has {size:,} bytes, at most {BOUNDS.file_bytes:,} wanted.")
    if target.artifact:
        require_recorded(target.path, files.sha256(target.path), size, target.artifact)


def check_record(path: Path, recorded: Checkpoint, checkpoint: Checkpoint) -> None:
    """A manifest says of a checkpoint what decided its bytes, as its own record does. Raises ModelFileError."""
    pairs = {
        "model": (recorded.model, checkpoint.model),
        "spec": (recorded.spec, checkpoint.spec),
        "recipe": (recorded.recipe, checkpoint.recipe),
        "dataset": (recorded.dataset.sha256, checkpoint.dataset.sha256),
        "test_accuracy": (recorded.metrics.test_accuracy, checkpoint.metrics.test_accuracy),
    }
    for field, (found, wanted) in pairs.items():
        if found != wanted:
            raise ModelFileError(
                f"{path.parent / manifest.FILE}: its checkpoint has another {field} than {checkpoint.folder} has. "
                "Export it anew."
            )


def check_contract(predictor: Predictor, record: Checkpoint, format_name: str) -> None:
    """The file says of itself what its checkpoint says. Raises ModelFileError."""
    contract = predictor.contract
    pairs = {
        "format": (contract.format, format_name),
        "labels": (contract.labels, record.spec.labels),
        "dataset": (contract.dataset, record.dataset.name),
        "test_accuracy": (contract.test_accuracy, record.metrics.test_accuracy),
    }
    for field, (found, wanted) in pairs.items():
        if found != wanted:
            raise ModelFileError(f"contract: its {field} is {found!r}, its checkpoint's {wanted!r}. Export it anew.")
