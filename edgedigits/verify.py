"""Verify exported files: `verify(files)` compares every answer with the torch model's.

A gate, not advice: whatever a file does that the torch model does not is counted, and either stays
within its format's limits or fails, with the reason. Nothing here knows one format from another.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgedigits import deployed, files, formats, gate, manifest, metrics, parity
from edgedigits import report as page
from edgedigits.bench import latency_us
from edgedigits.data import Dataset
from edgedigits.diagnose import diagnose
from edgedigits.errors import CheckpointError, ModelFileError
from edgedigits.formats import Images, Predictor, Scores
from edgedigits.limits import replaced, require_possible
from edgedigits.progress import Observer, Progress, ignore
from edgedigits.records import Artifact, Limits, ParityReport, Verification
from edgedigits.report import Evidence
from edgedigits.targets import Reference, References, Target, check_contract, check_integrity, find

BATCH = 1000


def verify(
    artifacts: Sequence[Artifact | str | Path] = (),
    *,
    dataset: str | Path | Dataset | None = None,
    data_dir: Path | None = None,
    limits: Limits | None = None,
    runs: str | Path = "runs",
    exports: str | Path = "exports",
    html: str | Path | None = None,
    thorough: bool = False,
    observer: Observer = ignore,
) -> Verification:
    """Compare exported files with the torch models they came from, on every image of a test split.

    artifacts   Artifacts, or paths of files or of their folders; all files below `exports` when none is given
    dataset     by default the one that each model was trained on
    data_dir    where published data sets lie, if not in the default place
    limits      replace the default limits of each format, field by field
    runs        where the checkpoints are; a file finds its own by SHA-256
    html        also write a page to look at, and measure each file's latency for it
    thorough    in other settings of the runtime, too, compare every image, and not the first 2,000

    A file that cannot be read, or that changed since its manifest, is reported as failed like any
    other. The reports of a folder are also written to its `parity.json`. Raises BadInput when there
    is nothing to verify, and DataError when the data set is missing or does not fit the models.
    """
    if html is not None:
        page.require_writable(Path(html))
    targets = find(artifacts, Path(exports))
    references = References(Path(runs), dataset, data_dir)
    reports, evidence = [], []
    for done, target in enumerate(targets):
        observer(Progress(f"verify {target.path.name}", done, len(targets)))
        report, seen = _report(target, references, limits or Limits(), timed=html is not None, thorough=thorough)
        reports.append(report)
        evidence.append(seen)
    observer(Progress("verify", len(targets), len(targets)))
    for folder in dict.fromkeys(target.path.parent for target in targets if target.artifact):
        here = [report for report, target in zip(reports, targets, strict=True) if target.path.parent == folder]
        files.write_text(folder / manifest.PARITY_FILE, _summary(here).to_json())
    if html is not None:
        page.write(_summary(reports), evidence, Path(html))
    return _summary(reports)


def _report(
    target: Target, references: References, limits: Limits, timed: bool, thorough: bool
) -> tuple[ParityReport, Evidence | None]:
    """Read one file, run it and judge it. What is wrong with the file becomes a failure in its report.

    timed      measure its latency, whether or not that has a limit
    thorough   compare every image in every setting of the runtime
    """
    blank = _blank(target)
    try:
        check_integrity(target)
        module = formats.of_file(target.path)
        if module is None:
            raise ModelFileError(f"no format has the suffix of {target.path.name}: {', '.join(formats.NAMES)}")
        predictor = module.load(target.path)
        reference = references.get(predictor.contract.checkpoint_sha256)
        check_contract(predictor, reference.checkpoint, module.NAME)
        answers = _run(predictor, reference)
    except (ModelFileError, CheckpointError) as error:
        kind = "checkpoint" if isinstance(error, CheckpointError) else "file"
        return dataclasses.replace(blank, failures=(f"{kind}: {error}",), readable=False), None
    limits = replaced(module.LIMITS, limits)
    report = _compare(dataclasses.replace(blank, format=module.NAME, limits=limits), reference, answers)
    require_possible(limits, report.reference_accuracy or 0.0, report.samples)
    if report.max_abs_diff is not None:
        report = dataclasses.replace(
            report,
            deployments=deployed.deployments(module, target.path, reference, answers.logits, thorough),
            robustness=deployed.robustness(predictor, reference),
            latency_us=latency_us(predictor) if timed or limits.max_latency_us is not None else None,
        )
    failures = gate.judge(report, reference.checkpoint.spec.labels)
    if failures and (cause := diagnose(predictor, reference.classifier, reference.test.images)):
        failures.append(f"cause: {cause}")
    evidence = Evidence(reference.checkpoint, target.artifact, reference.test, reference.logits, answers.logits)
    return dataclasses.replace(report, failures=tuple(failures), passed=not failures), evidence


def _blank(target: Target) -> ParityReport:
    exists = target.path.is_file()
    return ParityReport(
        name=target.artifact.name if target.artifact else target.path.name.partition(".")[0],
        format=target.artifact.format if target.artifact else "unknown",
        path=str(target.path),
        sha256=files.sha256(target.path) if exists else "",
        size_bytes=target.path.stat().st_size if exists else 0,
    )


@dataclasses.dataclass(frozen=True)
class Answers:
    """What a file answers to all test images, and what it should answer to what its network was shown of them.

    logits, probabilities   of the file
    wanted                  the torch model's logits
    tempered                the file's logits as its contract says that they become probabilities, by a softmax
    """

    logits: Scores
    probabilities: Scores
    wanted: Scores
    tempered: Scores


def _run(predictor: Predictor, reference: Reference) -> Answers:
    """The answers to all test images. Raises ModelFileError unless they are as the contract says."""
    images = reference.test.images
    contract = predictor.contract
    count, classes = len(images), len(contract.labels)
    batches = [_run_batch(predictor, images[start : start + BATCH]) for start in range(0, count, BATCH)]
    logits, probabilities, shown = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    for name, found in (("logits", logits), ("probabilities", probabilities)):
        if found.shape != (count, classes) or found.dtype != np.float32:
            raise ModelFileError(f"{name}: {found.dtype} {found.shape} came out, float32 {(count, classes)} wanted")
    as_given = np.array_equal(shown, images)
    return Answers(
        logits,
        probabilities,
        wanted=reference.logits if as_given else metrics.logits(reference.classifier, shown),
        tempered=metrics.tempered(logits, shown, contract.temperature) if contract.temperature else logits,
    )


def _run_batch(predictor: Predictor, images: Images) -> tuple[Scores, Scores, Images]:
    inputs = predictor.present(images)
    return *predictor.run(inputs), predictor.shown(inputs)


def _compare(blank: ParityReport, reference: Reference, answers: Answers) -> ParityReport:
    """Put the figures of the whole test split into the report.

    Classes are compared with what torch answers to the test images, logits with what it answers to what
    the network was shown, which is the same but for files that prepare their input themselves.
    """
    logits = answers.logits
    labels = reference.test.labels
    was_right, is_right = reference.logits.argmax(1) == labels, logits.argmax(1) == labels
    lost, gained = int((was_right & ~is_right).sum()), int((~was_right & is_right).sum())
    flips = parity.flips(reference.logits, logits)
    apart = parity.difference(answers.wanted, logits)
    return dataclasses.replace(
        blank,
        dataset=reference.dataset,
        samples=len(labels),
        reference_accuracy=float(was_right.mean()),
        reference_interval=metrics.wilson(int(was_right.sum()), len(labels)),
        reference_by_class=parity.by_class(reference.logits, labels),
        accuracy=float(is_right.mean()),
        interval=metrics.wilson(int(is_right.sum()), len(labels)),
        by_class=parity.by_class(logits, labels),
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
        softmax_diff=parity.softmax_difference(answers.tempered, answers.probabilities),
    )


def _summary(reports: Sequence[ParityReport]) -> Verification:
    used = {report.dataset: report.samples for report in reports if report.dataset}
    return Verification(
        passed=all(report.passed for report in reports),
        dataset=", ".join(sorted(used)),
        samples=sum(used.values()),
        reports=tuple(reports),
    )
