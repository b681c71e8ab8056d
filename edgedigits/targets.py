"""What `verify` and `bench` compare: exported files, and the torch models that they came from.

A file is found by its manifest or its name, its torch model by the SHA-256 in its contract. Nothing
here knows one format from another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgedigits import checkpoint, data, files, formats, manifest, metrics
from edgedigits.conditions import Condition, conditions
from edgedigits.data import Dataset, Split
from edgedigits.errors import BadInput, CheckpointError, DataError, ModelFileError, RecordError
from edgedigits.formats import Predictor, Scores
from edgedigits.models import Classifier
from edgedigits.records import Artifact, Checkpoint
from edgedigits.safety import BOUNDS


@dataclass(frozen=True)
class Target:
    """A file to verify, and its manifest entry; a `stray` one lies beside a manifest that does not list it."""

    path: Path
    artifact: Artifact | None = None
    stray: bool = False


@dataclass(frozen=True)
class Reference:
    """A torch model, the images it is asked, and what it answers: logits `[n, classes]`."""

    checkpoint: Checkpoint
    classifier: Classifier
    dataset: str
    test: Split
    logits: Scores
    conditions: tuple[tuple[Condition, Scores], ...]


def find(artifacts: Sequence[Artifact | str | Path], exports: Path) -> list[Target]:
    """The files to verify, each with its manifest entry. Raises BadInput when there is none."""
    named = [artifact.path if isinstance(artifact, Artifact) else Path(artifact) for artifact in artifacts]
    targets = []
    for place in named or sorted(exports.glob("*/")):
        targets += [_target(path) for path in (_exported(place) if place.is_dir() else [place])]
    if not targets:
        where = ", ".join(map(str, named or [exports]))
        raise BadInput(f"{where}: no exported files here. Run edgedigits export, or name files or --exports.")
    return targets


def _exported(folder: Path) -> list[Path]:
    """What a folder's manifest lists, and model files in it that it does not list."""
    listing = manifest.read(folder)
    listed = {folder / artifact.file for artifact in listing.artifacts} if listing else set()
    return sorted(listed | {path for path in folder.iterdir() if formats.of_file(path)})


def _target(path: Path) -> Target:
    listing = manifest.read(path.parent)
    if listing is None:
        return Target(path)
    entries = [artifact for artifact in listing.artifacts if artifact.file == path.name]
    return Target(path, entries[0]) if entries else Target(path, stray=True)


def find_run(sha256: str, runs: Path) -> Path | None:
    """The run folder below `runs` whose record names the weights of that SHA-256; None where there is none."""
    for path in sorted(runs.glob(f"*/{checkpoint.RECORD}")):
        try:
            matches = Checkpoint.read(path).weights_sha256 == sha256
        except RecordError:
            continue  # another model's record: `edgedigits export` will name it
        if matches:
            return path.parent
    return None


class References:
    """The torch models and test splits to compare with: each is loaded, and asked, once."""

    def __init__(self, runs: Path, dataset: str | Path | Dataset | None, data_dir: Path | None) -> None:
        self.runs = runs
        self.dataset = dataset
        self.data_dir = data_dir
        self.datasets: dict[tuple[str, bool], Dataset] = {}
        self.known: dict[str, Reference] = {}

    def get(self, sha256: str) -> Reference:
        """The reference for a checkpoint's SHA-256. Raises CheckpointError and DataError."""
        if sha256 not in self.known:
            record = self._find(sha256)
            dataset = self._dataset(record)
            classifier = checkpoint.load_model(record)
            logits = metrics.logits(classifier, dataset.test.images)
            off = [(c, metrics.logits(classifier, c.images)) for c in conditions(dataset.test, dataset.labels)]
            self.known[sha256] = Reference(record, classifier, dataset.ref.name, dataset.test, logits, tuple(off))
        return self.known[sha256]

    def _find(self, sha256: str) -> Checkpoint:
        if folder := find_run(sha256, self.runs):
            return checkpoint.load(folder)
        raise CheckpointError(
            f"its checkpoint {sha256[:12]}… is not in {self.runs}: name the folder with --runs, or export anew"
        )

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
        return chosen


def check_integrity(target: Target) -> None:
    """The file is there and is what its manifest recorded. Raises ModelFileError."""
    if not target.path.is_file():
        raise ModelFileError(f"{target.path} is missing. Export it anew.")
    if target.stray:
        raise ModelFileError(f"{target.path} is not in the {manifest.FILE} beside it. Export it anew or remove it.")
    if (size := target.path.stat().st_size) > BOUNDS.file_bytes:
        raise ModelFileError(f"{target.path} has {size:,} bytes, at most {BOUNDS.file_bytes:,} wanted.")
    if target.artifact and (found := files.sha256(target.path)) != target.artifact.sha256:
        raise ModelFileError(
            f"{target.path} changed since its {manifest.FILE} was written (SHA-256 {found[:12]}…, "
            f"recorded {target.artifact.sha256[:12]}…). Export it anew."
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
