"""Verify exported files: `verify(files)` compares every answer with the torch model's.

A gate, not advice: whatever a file does that the torch model does not is counted, and either stays
within its format's limits or fails, with the reason. Nothing here knows one format from another.
"""

import dataclasses
import functools
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgedigits.data.dataset import Dataset
from edgedigits.errors import CheckpointError, MissingCapability, ModelFileError, UsageError
from edgedigits.export import manifest
from edgedigits.records.arguments import OneOrMore, checked, several_or_all
from edgedigits.records.arrays import Scores
from edgedigits.records.artifact import Artifact
from edgedigits.records.progress import Observer, Progress, ignore
from edgedigits.records.report import EngineRef, InSetting, Limits, ParityReport, Verification
from edgedigits.runtime.engines import find_engine
from edgedigits.runtime.footprint import footprint, is_for_devices
from edgedigits.runtime.load import Opener
from edgedigits.runtime.predictor import latency_us
from edgedigits.runtime.safety import BOUNDS
from edgedigits.system import files, locks
from edgedigits.system.tracked import tracked
from edgedigits.verify import comparison, deployment, gate, page
from edgedigits.verify.against import Named, open_against, reference_named
from edgedigits.verify.candidates import Candidate, Opened, alternative, find_candidates
from edgedigits.verify.diagnose import diagnose
from edgedigits.verify.limits import replaced, require_possible
from edgedigits.verify.page import Evidence, write_page
from edgedigits.verify.proving import open_proving
from edgedigits.verify.references import Reference, References
from edgedigits.verify.signature import require_signed

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
    sample: int | None = None,
    against: str | Path | None = None,
    said: str = "",
    signer: str | None = None,
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
    opener      how files are opened: in which engine, and whether those that can hold code are trusted; where it names
                no engine, C files are asked in WebAssembly, or their integers are computed in numpy, as a remark says
    thorough    in other settings of the runtime, too, compare every image, and not the first 1,000
    sample      ask so many of the test images, the same every time, and not all
    against     compare with this instead: a run, an exported file, or an ONNX file of somebody else. Then a file to be
                verified may be somebody else's, too: what its input is, is found by showing it training digits
    said        what is known of such a file's input: "mean/std, nchw"
    signer      who must have signed the manifest of every file (`signature.require_signed`)
    force       replace a `parity.json` that git tracks, and an `html` that is no page of ours or that git tracks

    A file that cannot be read, or that changed since its manifest, is reported as failed like any
    other. Where a checkpoint or torch is not at hand, its files are compared with the answers that export recorded
    beside them, or, where there are none, with the accuracy that their manifest recorded, and the report says so, and
    which limits could not be checked; of those, one that `limits` asks for is a failure. The reports of a folder are
    also written to its `parity.json`, beside those of its other files, unless an engine, a sample or something to
    compare with is named, or git tracks it: then a note says so. Raises BadInput when there is nothing to verify,
    DataError when the data set is missing, does not fit the models, or has no two classes to tell apart, UsageError
    when there is no such engine or `html` is not to be replaced, MissingCapability when this machine lacks it, and
    ModelFileError where a manifest is not signed by the `signer`.
    """
    _require_sense(artifacts, sample, against, said)
    engine = _engine(opener, observer)
    if html is not None:
        page.require_writable(Path(html), force)
    targets = find_candidates(several_or_all(artifacts, "artifacts"), Path(exports), opener.engine, Path(runs))
    if limits and limits.of_devices and not any(is_for_devices(target.path) for target in targets):
        raise UsageError("limits of flash, RAM and instructions are of C files: none is among these.")
    if signer is not None:
        require_signed(targets, signer)
    references = References(Path(runs), dataset, data_dir, sample)
    opening = functools.partial(open_proving, references=references, opener=opener)
    if against is not None:
        named = Named(str(against), said, Path(runs), Path(exports), opener)
        opening = functools.partial(open_against, named=named, reference=reference_named(named, references))
    options = _Options(limits or Limits(), opening, engine, timed=html is not None, thorough=thorough)
    reports, evidence = [], []
    for number, target in enumerate(targets):
        meter = _Meter(f"verify {target.path.name}", number, len(targets), observer)
        report, seen = _report(target, options, meter)
        reports.append(report)
        evidence.append(seen)
    observer(Progress("verify", len(targets) * PARTS, len(targets) * PARTS))
    if not (engine or sample or against):
        _record(targets, reports, force)
    together = Verification.of(reports)
    beside = None if against is None else str(against)
    summary = dataclasses.replace(together, engine=engine, against=beside, signer=signer)
    if html is not None:
        write_page(summary, evidence, Path(html))
    return summary


def _engine(opener: Opener, observer: Observer) -> EngineRef | None:
    """The engine that was named, in its setting; None where none was."""
    if opener.engine:
        return find_engine(opener.engine, opener.setting, observer)
    if opener.setting:
        raise UsageError(f"setting {opener.setting}: says how an engine is called, and none is named: add --engine.")
    return None


def _require_sense(artifacts: object, sample: int | None, against: object, said: str) -> None:
    """Raise UsageError where options ask for what there is not."""
    if sample is not None and sample < 1:
        raise UsageError(f"sample: at least 1 test image wanted, {sample} given")
    if against is not None and not artifacts:
        raise UsageError(f"against {against}: name the files to be compared with it.")
    if said and against is None:
        raise UsageError("--input says how somebody else's file takes images: with --against.")


@dataclass(frozen=True)
class _Options:
    """How the files of one `verify` are judged.

    opening    opens them, beside what they are compared with
    engine     that runs them; None where each container has its own
    timed      measure the latency of each, whether or not that has a limit
    thorough   compare every image in every setting of the runtime
    """

    limits: Limits
    opening: Callable[[Candidate], Opened]
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


def _report(target: Candidate, options: _Options, meter: _Meter) -> tuple[ParityReport, Evidence | None]:
    """Read one file, run it and judge it. What is wrong with the file becomes a failure in its report."""
    meter.at(0)
    try:
        return _judge(target, options.opening(target), options, meter)
    except (ModelFileError, CheckpointError) as error:
        kind = "checkpoint" if isinstance(error, CheckpointError) else "file"
        advice = alternative(target.path, options.engine.name) if options.engine and kind == "file" else ""
        failures = (f"{kind}: {error}{advice}",)
        return dataclasses.replace(_blank(target, options), failures=failures, readable=False), None


def _judge(target: Candidate, file: Opened, options: _Options, meter: _Meter) -> tuple[ParityReport, Evidence | None]:
    asked = comparison.ask(file.predictor, file.reference.test.images, lambda part: meter.at(ANSWERING * part))
    asked_for = options.limits if is_for_devices(target.path) else options.limits.without_devices()
    limits = replaced(file.limits, asked_for)
    blank = dataclasses.replace(_blank(target, options), format=file.format.name, limits=limits, **file.about)
    report = comparison.compare(blank, file, asked)
    require_possible(limits, report.reference_accuracy or 0.0, report.samples)
    if np.isfinite(asked.logits).all():
        timed = options.timed or limits.max_latency_us is not None
        report = dataclasses.replace(
            report,
            settings=_settings(file, blank, report),
            deployments=deployment.deployments(file, asked.logits, options.thorough),
            robustness=deployment.robustness(file),
            latency_us=latency_us(file.predictor) if timed else None,
            footprint=footprint(target.path, file.opener.trust) if limits.of_devices else None,
        )
    report = dataclasses.replace(report, unchecked=gate.unchecked(report))
    failures = gate.judge(report, file.reference.labels, asked_for)
    if wrong := comparison.travelling(file.reference):
        failures.append(wrong)
    if failures and (cause := diagnose(file, report)):
        failures.append(f"cause: {cause}")
    report = dataclasses.replace(report, failures=tuple(failures), passed=not failures)
    return report, _evidence(target, file.reference, asked.logits)


def _settings(file: Opened, blank: ParityReport, judged: ParityReport) -> tuple[InSetting, ...]:
    """The file in each setting of its engine, where that has several; what is judged is known already."""
    known, chosen = file.engine.settings, file.engine.setting(file.opener.setting)
    if len(known) == 1:
        return ()
    found = []
    for setting in known:
        report = judged if setting is chosen else comparison.compare(blank, file, _asked(file, setting.name))
        assert report.accuracy is not None
        found.append(
            InSetting(setting.name, report.accuracy, report.flips, report.max_abs_diff, judged=setting is chosen)
        )
    return tuple(found)


def _asked(file: Opened, setting: str) -> comparison.Asked:
    return comparison.ask(file.in_setting(setting), file.reference.test.images, lambda _: None)


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


def _evidence(target: Candidate, reference: Reference, logits: Scores) -> Evidence | None:
    """What the page shows of single answers, where there are others to compare with."""
    if reference.logits is None:
        return None
    return Evidence(
        labels=reference.labels,
        checkpoint=reference.checkpoint,
        artifact=target.artifact,
        test=reference.test,
        reference=reference.logits,
        logits=logits,
        places=reference.places,
    )


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
