"""Verify exported files: `verify(files)` compares every answer with the torch model's.

A gate, not advice: whatever a file does that the torch model does not is counted, and either stays
within its format's limits or fails, with the reason. Nothing here knows one format from another.
"""

import dataclasses
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgedigits.data.dataset import Dataset
from edgedigits.errors import CheckpointError, MissingCapability, ModelFileError
from edgedigits.export import manifest
from edgedigits.models import metrics
from edgedigits.records.arguments import OneOrMore, checked, several_or_all
from edgedigits.records.arrays import Images, Scores
from edgedigits.records.artifact import Artifact
from edgedigits.records.progress import Observer, Progress, ignore
from edgedigits.records.report import RECORDED, EngineRef, Limits, ParityReport, Verification
from edgedigits.runtime.engines import find_engine
from edgedigits.runtime.load import Opener
from edgedigits.runtime.predictor import Predictor, latency_us
from edgedigits.runtime.safety import BOUNDS
from edgedigits.system import files, locks
from edgedigits.system.tracked import tracked
from edgedigits.verify import deployment, gate, page, parity
from edgedigits.verify.candidates import Candidate, Opened, find_candidates, open_candidate
from edgedigits.verify.diagnose import diagnose
from edgedigits.verify.limits import replaced, require_possible
from edgedigits.verify.page import Evidence, write_page
from edgedigits.verify.references import Reference, References

if TYPE_CHECKING:
    from edgedigits.verify.torch_model import TorchModel

STEP = 1000  # test images between two words on progress; whole batches, so that nothing is computed otherwise
PARTS, ANSWERING = 100, 50  # of the work on a file, and those of them until all test images are answered


@checked
def verify(
    artifacts: OneOrMore[Artifact | str | Path] | None = None,
    *,
    dataset: str | Path | Dataset | None = None,
    data_dir: Path | None = None,
    limits: Limits | None = None,
    runs: str | Path = "runs",
    exports: str | Path = "exports",
    html: str | Path | None = None,
    opener: Opener = Opener(),  # noqa: B008 - it is frozen
    thorough: bool = False,
    force: bool = False,
    observer: Observer = ignore,
) -> Verification:
    """Compare exported files with the torch models they came from, on every image of a test split.

    artifacts   one or several: an Artifact, a model's name, or the path of a file or of a folder of them; all files
                below `exports` when none is given
    dataset     by default the one that each model was trained on
    data_dir    where published data sets lie, if not in the default place
    limits      replace the default limits of each format, field by field
    runs        where the checkpoints are; a file finds its own by SHA-256
    html        also write a page to look at, and measure each file's latency for it
    opener      how files are opened: in which engine, and whether those that can hold code are trusted
    thorough    in other settings of the runtime, too, compare every image, and not the first 1,000
    force       replace a `parity.json` that git tracks, and an `html` that is no page of ours or that git tracks

    A file that cannot be read, or that changed since its manifest, is reported as failed like any
    other. Where a checkpoint or torch is not at hand, its files are compared with the accuracy that their
    manifest recorded, and the report says so, and which limits could not be checked; of those, one that
    `limits` asks for is a failure. The reports of a folder are also written to its `parity.json`, beside those of
    its other files, unless an engine is named or git tracks it: then a note says so. Raises BadInput when there is
    nothing to verify, DataError
    when the data set is missing, does not fit the models, or has no two classes to tell apart, UsageError
    when there is no such engine or `html` is not to be replaced, and MissingCapability when this machine lacks it.
    """
    engine = find_engine(opener.engine, observer) if opener.engine else None
    if html is not None:
        page.require_writable(Path(html), force)
    targets = find_candidates(several_or_all(artifacts, "artifacts"), Path(exports), opener.engine, Path(runs))
    references = References(Path(runs), dataset, data_dir)
    options = _Options(limits or Limits(), opener, engine, timed=html is not None, thorough=thorough)
    reports, evidence = [], []
    for number, target in enumerate(targets):
        meter = _Meter(f"verify {target.path.name}", number, len(targets), observer)
        report, seen = _report(target, references, options, meter)
        reports.append(report)
        evidence.append(seen)
    observer(Progress("verify", len(targets) * PARTS, len(targets) * PARTS))
    if not engine:
        _record(targets, reports, force)
    summary = dataclasses.replace(Verification.of(reports), engine=engine)
    if html is not None:
        write_page(summary, evidence, Path(html))
    return summary


@dataclass(frozen=True)
class _Options:
    """How the files of one `verify` are judged.

    opener     opens them
    engine     that runs them; None where each container has its own
    timed      measure the latency of each, whether or not that has a limit
    thorough   compare every image in every setting of the runtime
    """

    limits: Limits
    opener: Opener
    engine: EngineRef | None
    timed: bool
    thorough: bool


@dataclass(frozen=True)
class _Meter:
    """Tells how far the file of that number is, of so many: a slow engine takes minutes for one."""

    task: str
    number: int
    count: int
    observer: Observer

    def at(self, part: float) -> None:
        """So many of its PARTS are done."""
        self.observer(Progress(self.task, round(PARTS * self.number + part), PARTS * self.count))


def _report(
    target: Candidate, references: References, options: _Options, meter: _Meter
) -> tuple[ParityReport, Evidence | None]:
    """Read one file, run it and judge it. What is wrong with the file becomes a failure in its report."""
    meter.at(0)
    try:
        return _judge(target, open_candidate(target, references, options.opener), options, meter)
    except (ModelFileError, CheckpointError) as error:
        kind = "checkpoint" if isinstance(error, CheckpointError) else "file"
        return dataclasses.replace(_blank(target, options), failures=(f"{kind}: {error}",), readable=False), None


def _judge(target: Candidate, file: Opened, options: _Options, meter: _Meter) -> tuple[ParityReport, Evidence | None]:
    answers = _run(file.predictor, file.reference.test.images, meter)
    limits = replaced(file.format.limits, options.limits)
    blank = dataclasses.replace(_blank(target, options), format=file.format.name, limits=limits)
    report = _compare(blank, file.reference, answers)
    require_possible(limits, report.reference_accuracy or 0.0, report.samples)
    if np.isfinite(answers.logits).all():
        timed = options.timed or limits.max_latency_us is not None
        report = dataclasses.replace(
            report,
            deployments=deployment.deployments(file, answers.logits, options.thorough),
            robustness=deployment.robustness(file),
            latency_us=latency_us(file.predictor) if timed else None,
        )
    report = dataclasses.replace(report, unchecked=gate.unchecked(report))
    failures = gate.judge(report, file.reference.checkpoint.spec.labels, options.limits)
    if failures and (cause := diagnose(file)):
        failures.append(f"cause: {cause}")
    report = dataclasses.replace(report, failures=tuple(failures), passed=not failures)
    return report, _evidence(target, file.reference, answers.logits)


def _blank(target: Candidate, options: _Options) -> ParityReport:
    exists = target.path.is_file()
    size = target.path.stat().st_size if exists else 0
    return ParityReport(
        name=target.artifact.name if target.artifact else target.path.name.partition(".")[0],
        format=target.artifact.format if target.artifact else "unknown",
        path=str(target.path),
        sha256=files.sha256(target.path) if exists and size <= BOUNDS.file_bytes else "",
        size_bytes=size,
        engine=options.engine,
    )


@dataclass(frozen=True)
class _Answers:
    """What a file answers to all test images.

    logits, probabilities   of the file
    shown                   what its network was shown of them, uint8 `[n, 28, 28]`
    prepared                the file prepared its input itself, so that this is not the test images
    tempered                the logits as the contract says that they become probabilities, by a softmax
    """

    logits: Scores
    probabilities: Scores
    shown: Images
    prepared: bool
    tempered: Scores


def _run(predictor: Predictor, images: Images, meter: _Meter) -> _Answers:
    """The answers to all test images. Raises ModelFileError unless they are as the contract says."""
    found = []
    for start in range(0, len(images), STEP):
        found.append(predictor.in_batches(images[start : start + STEP]))
        meter.at(ANSWERING * min(1.0, (start + STEP) / len(images)))
    logits, probabilities, shown = (np.concatenate(parts) for parts in zip(*found, strict=True))
    temperature = predictor.contract.temperature
    return _Answers(
        logits,
        probabilities,
        shown,
        prepared=not np.array_equal(shown, images),
        tempered=metrics.tempered(logits, shown, temperature) if temperature else logits,
    )


def _compare(blank: ParityReport, reference: Reference, answers: _Answers) -> ParityReport:
    """Put the figures of the whole test split into the report."""
    logits, labels = answers.logits, reference.test.labels
    right = logits.argmax(1) == labels
    report = dataclasses.replace(
        blank,
        dataset=reference.dataset,
        samples=len(labels),
        accuracy=float(right.mean()),
        interval=metrics.wilson(int(right.sum()), len(labels)),
        by_class=parity.by_class(logits, labels),
        softmax_diff=parity.softmax_difference(answers.tempered, answers.probabilities),
    )
    if reference.torch is None:
        return _compare_recorded(report, reference, logits)
    return _compare_answers(report, reference.torch, answers)


def _compare_answers(report: ParityReport, model: "TorchModel", answers: _Answers) -> ParityReport:
    """The torch model's figures, and each of its answers against the file's.

    Classes are compared with what torch answers to the test images; logits with what it answers to what
    the network was shown, which is the same but for files that prepare their input themselves.
    """
    logits, labels = answers.logits, model.dataset.test.labels
    was_right, is_right = model.logits.argmax(1) == labels, logits.argmax(1) == labels
    lost, gained = int((was_right & ~is_right).sum()), int((~was_right & is_right).sum())
    flips = parity.flips(model.logits, logits)
    apart = parity.difference(model.ask(answers.shown) if answers.prepared else model.logits, logits)
    return dataclasses.replace(
        report,
        reference_accuracy=float(was_right.mean()),
        reference_interval=metrics.wilson(int(was_right.sum()), len(labels)),
        reference_by_class=parity.by_class(model.logits, labels),
        flips=len(flips),
        flip_indices=tuple(flip.index for flip in flips),
        flip_margins=tuple(flip.margin for flip in flips),
        flip_answers=tuple((flip.before, flip.after) for flip in flips),
        lost=lost,
        gained=gained,
        mcnemar_p=parity.mcnemar(lost, gained),
        max_abs_diff=apart.largest,
        mean_abs_diff=apart.mean,
        p999_abs_diff=apart.p999,
        worst_image=apart.worst,
    )


def _compare_recorded(report: ParityReport, reference: Reference, logits: Scores) -> ParityReport:
    """All that a manifest knows of the torch model's answers is how many were right."""
    accuracy = reference.checkpoint.metrics.test_accuracy
    finite = np.isfinite(logits).all(axis=1)
    return dataclasses.replace(
        report,
        compared_with=RECORDED,
        missing=reference.missing,
        reference_accuracy=accuracy,
        reference_interval=metrics.wilson(round(accuracy * report.samples), report.samples),
        worst_image=None if finite.all() else int(finite.argmin()),
    )


def _evidence(target: Candidate, reference: Reference, logits: Scores) -> Evidence | None:
    """What the page shows of single answers, where there are the torch model's to compare with."""
    if reference.torch is None:
        return None
    return Evidence(reference.checkpoint, target.artifact, reference.test, reference.torch.logits, logits)


def _record(targets: Sequence[Candidate], reports: Sequence[ParityReport], force: bool) -> None:
    """Write the reports of each folder of exported files to its `parity.json`, with those of its other files."""
    for folder in dict.fromkeys(target.path.parent for target in targets if target.artifact):
        here = [report for report, target in zip(reports, targets, strict=True) if target.path.parent == folder]
        path = folder / manifest.PARITY_FILE
        if tracked([path]) and not force:
            warnings.warn(f"{path}: tracked by git, and left as it is; --force replaces it", stacklevel=3)
            continue
        try:
            with locks.held(folder, wait=True):
                files.write_text(path, Verification.of(manifest.beside(folder, here)).to_json())
        except MissingCapability as error:
            if not files.is_read_only(error):
                raise
            warnings.warn(f"{path}: the verdict is not kept there, since the folder is read-only", stacklevel=3)
