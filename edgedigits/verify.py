"""Verify exported files: `verify(files)` compares every answer with the torch model's.

A gate, not advice: whatever a file does that the torch model does not is counted, and either stays
within its format's limits or fails, with the reason. Nothing here knows one format from another.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgedigits import checkpoint, data, files, formats, manifest, metrics
from edgedigits.data import Dataset, Split
from edgedigits.diagnose import diagnose
from edgedigits.errors import BadInput, CheckpointError, DataError, ModelFileError, RecordError
from edgedigits.formats import Predictor, Scores
from edgedigits.models import Classifier
from edgedigits.progress import Observer, Progress, ignore
from edgedigits.records import Artifact, Checkpoint, Limits, ParityReport, Verification

BATCH = 1000
SOFTMAX_TOLERANCE = 1e-5  # of float32, whatever the order of the sums


@dataclass(frozen=True)
class Target:
    """A file to verify, and its manifest entry; a `stray` one lies beside a manifest that does not list it."""

    path: Path
    artifact: Artifact | None = None
    stray: bool = False


@dataclass(frozen=True)
class Reference:
    """A torch model, the test split it is asked, and what it answers there: logits `[n, classes]`."""

    checkpoint: Checkpoint
    classifier: Classifier
    dataset: str
    test: Split
    logits: Scores


def verify(
    artifacts: Sequence[Artifact | str | Path] = (),
    *,
    dataset: str | Path | Dataset | None = None,
    data_dir: Path | None = None,
    limits: Limits | None = None,
    runs: str | Path = "runs",
    exports: str | Path = "exports",
    observer: Observer = ignore,
) -> Verification:
    """Compare exported files with the torch models they came from, on every image of a test split.

    artifacts   Artifacts, or paths of files or of their folders; all files below `exports` when none is given
    dataset     by default the one that each model was trained on
    data_dir    where published data sets lie, if not in the default place
    limits      replace the default limits of each format, field by field
    runs        where the checkpoints are; a file finds its own by SHA-256

    A file that cannot be read, or that changed since its manifest, is reported as failed like any
    other. The reports of a folder are also written to its `parity.json`. Raises BadInput when there
    is nothing to verify, and DataError when the data set is missing or does not fit the models.
    """
    targets = _find(artifacts, Path(exports))
    references = References(Path(runs), dataset, data_dir)
    reports = []
    for done, target in enumerate(targets):
        observer(Progress(f"verify {target.path.name}", done, len(targets)))
        reports.append(_report(target, references, limits or Limits()))
    observer(Progress("verify", len(targets), len(targets)))
    for folder in dict.fromkeys(target.path.parent for target in targets if target.artifact):
        here = [report for report, target in zip(reports, targets, strict=True) if target.path.parent == folder]
        files.write_text(folder / manifest.PARITY_FILE, _summary(here).to_json())
    return _summary(reports)


def _find(artifacts: Sequence[Artifact | str | Path], exports: Path) -> list[Target]:
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
            self.known[sha256] = Reference(record, classifier, dataset.ref.name, dataset.test, logits)
        return self.known[sha256]

    def _find(self, sha256: str) -> Checkpoint:
        for path in sorted(self.runs.glob(f"*/{checkpoint.RECORD}")):
            try:
                matches = Checkpoint.read(path).weights_sha256 == sha256
            except RecordError:
                continue  # another model's record: `edgedigits export` will name it
            if matches:
                return checkpoint.load(path.parent)
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


def _report(target: Target, references: References, limits: Limits) -> ParityReport:
    """Read one file, run it and judge it. What is wrong with the file becomes a failure in its report."""
    blank = _blank(target)
    try:
        _check_integrity(target)
        module = formats.of_file(target.path)
        if module is None:
            raise ModelFileError(f"no format has the suffix of {target.path.name}: {', '.join(formats.NAMES)}")
        predictor = module.load(target.path)
        reference = references.get(predictor.contract.checkpoint_sha256)
        _check_contract(predictor, reference.checkpoint, module.NAME)
        logits, probabilities = _run(predictor, reference.test)
    except (ModelFileError, CheckpointError) as error:
        kind = "checkpoint" if isinstance(error, CheckpointError) else "file"
        return dataclasses.replace(blank, failures=(f"{kind}: {error}",), readable=False)
    limits = _replaced(module.LIMITS, limits)
    report = _compare(dataclasses.replace(blank, format=module.NAME, limits=limits), reference, logits)
    failures = [*_exceeded(report, reference, logits), *_check_softmax(logits, probabilities)]
    if failures and (cause := diagnose(predictor, reference.classifier, reference.test.images)):
        failures.append(f"cause: {cause}")
    return dataclasses.replace(report, failures=tuple(failures), passed=not failures)


def _blank(target: Target) -> ParityReport:
    exists = target.path.is_file()
    return ParityReport(
        name=target.artifact.name if target.artifact else target.path.name.partition(".")[0],
        format=target.artifact.format if target.artifact else "unknown",
        path=str(target.path),
        sha256=files.sha256(target.path) if exists else "",
        size_bytes=target.path.stat().st_size if exists else 0,
    )


def _check_integrity(target: Target) -> None:
    """The file is there and is what its manifest recorded. Raises ModelFileError."""
    if not target.path.is_file():
        raise ModelFileError(f"{target.path} is missing. Export it anew.")
    if target.stray:
        raise ModelFileError(f"{target.path} is not in the {manifest.FILE} beside it. Export it anew or remove it.")
    if target.artifact and (found := files.sha256(target.path)) != target.artifact.sha256:
        raise ModelFileError(
            f"{target.path} changed since its {manifest.FILE} was written (SHA-256 {found[:12]}…, "
            f"recorded {target.artifact.sha256[:12]}…). Export it anew."
        )


def _check_contract(predictor: Predictor, record: Checkpoint, format_name: str) -> None:
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


def _run(predictor: Predictor, test: Split) -> tuple[Scores, Scores]:
    """Logits and probabilities of all test images. Raises ModelFileError unless both are as the contract says."""
    count, classes = len(test), len(predictor.contract.labels)
    batches = [predictor(test.images[start : start + BATCH]) for start in range(0, count, BATCH)]
    logits, probabilities = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    for name, found in (("logits", logits), ("probabilities", probabilities)):
        if found.shape != (count, classes) or found.dtype != np.float32:
            raise ModelFileError(f"{name}: {found.dtype} {found.shape} came out, float32 {(count, classes)} wanted")
    return logits, probabilities


def _compare(blank: ParityReport, reference: Reference, logits: Scores) -> ParityReport:
    labels = reference.test.labels
    wanted, found = reference.logits.argmax(1), logits.argmax(1)
    was_right, is_right = wanted == labels, found == labels
    flipped = np.flatnonzero(wanted != found)
    largest = float(np.abs(logits - reference.logits).max())
    return dataclasses.replace(
        blank,
        dataset=reference.dataset,
        samples=len(labels),
        reference_accuracy=float(was_right.mean()),
        reference_interval=metrics.wilson(int(was_right.sum()), len(labels)),
        accuracy=float(is_right.mean()),
        interval=metrics.wilson(int(is_right.sum()), len(labels)),
        flips=len(flipped),
        flip_indices=tuple(int(index) for index in flipped),
        lost=int((was_right & ~is_right).sum()),
        gained=int((~was_right & is_right).sum()),
        max_abs_diff=largest if np.isfinite(largest) else None,
    )


def _exceeded(report: ParityReport, reference: Reference, logits: Scores) -> list[str]:
    """A sentence for each limit that does not hold, with the worst case. What is not finite never holds."""
    if not np.isfinite(logits).all():
        return [f"logits: not finite; image {int(np.argwhere(~np.isfinite(logits))[0][0])} first"]
    limits = report.limits
    failures = []
    if limits.max_flips is not None and len(report.flip_indices) > limits.max_flips:
        first = report.flip_indices[0]
        labels = reference.checkpoint.spec.labels
        before, after = (labels[int(scores[first].argmax())] for scores in (reference.logits, logits))
        failures.append(
            f"flips: {report.flips:,} of {report.samples:,} answers changed, limit {limits.max_flips:,}; "
            f"image {first} first, from {before} to {after}"
        )
    drop = (report.reference_accuracy or 0) - (report.accuracy or 0)
    if limits.max_drop is not None and drop > limits.max_drop + 1e-12:  # 2 of 1,000 is 0.002, less an ulp
        failures.append(f"accuracy: {100 * drop:.2f} points lost, limit {100 * limits.max_drop:.2f}")
    differences = np.abs(logits - reference.logits).max(axis=1)
    if limits.max_logit_diff is not None and differences.max() > limits.max_logit_diff:
        worst = f"image {differences.argmax()} worst"
        failures.append(f"logits: off by {differences.max():.2g}, limit {limits.max_logit_diff:g}; {worst}")
    return failures


def _check_softmax(logits: Scores, probabilities: Scores) -> list[str]:
    difference = np.abs(probabilities - metrics.softmax(logits)).max()
    if difference <= SOFTMAX_TOLERANCE:  # false for NaN too
        return []
    return [f"probabilities: off by {difference:.2g} from the softmax of the logits, limit {SOFTMAX_TOLERANCE:g}"]


def _replaced(limits: Limits, changes: Limits) -> Limits:
    """The limits, with the fields that `changes` sets."""
    return dataclasses.replace(limits, **{name: value for name, value in vars(changes).items() if value is not None})


def _summary(reports: Sequence[ParityReport]) -> Verification:
    used = {report.dataset: report.samples for report in reports if report.dataset}
    return Verification(
        passed=all(report.passed for report in reports),
        dataset=", ".join(sorted(used)),
        samples=sum(used.values()),
        reports=tuple(reports),
    )
