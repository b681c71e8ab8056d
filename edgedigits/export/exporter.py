"""Export checkpoints: `export(run, ["onnx"], quantize=True)` gives Artifacts and their manifest."""

import dataclasses
import functools
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgedigits.data.dataset import Dataset
from edgedigits.data.load import trained_on
from edgedigits.errors import DataError, MissingCapability, UsageError
from edgedigits.export import answers, calibration, formats, kept, manifest
from edgedigits.export.calibration import calibration_images
from edgedigits.export.formats import Format, Source
from edgedigits.export.rejection import Ask, fit_rejection
from edgedigits.models.checkpoint import read_checkpoint, run_folder
from edgedigits.models.classifier import Deployed, compute_logits, reference_logits
from edgedigits.models.weights import load_classifier, load_reference
from edgedigits.records.arguments import OneOrMore, checked, several
from edgedigits.records.artifact import ANSWERS, Answers, Artifact, Contract
from edgedigits.records.model import Checkpoint
from edgedigits.records.progress import Observer, Progress, ignore
from edgedigits.system import environment, files, locks


@checked
def export(
    run: OneOrMore[Checkpoint | str | Path],
    format: OneOrMore[str] = (),  # noqa: A002 - the word that the command line uses
    *,
    quantize: bool = False,
    method: str | None = None,
    input: str = "digit",  # noqa: A002 - likewise
    dataset: Dataset | None = None,
    data_dir: Path | None = None,
    exports: str | Path = "exports",
    force: bool = False,
    observer: Observer = ignore,
) -> list[Artifact]:
    """Export trained models to `<exports>/<name>/`, one self-contained file a format.

    run         a Checkpoint, the folder of one, or its name below `runs/`; or several
    format      one name of a format, or several; ONNX, and TorchScript where it can be written, when none is given
    quantize    also write the int8 file of each
    method      how to quantize: "weights", multiplied in float, is a format's own where it has it; "integer" products;
                or "static", which calibrates on training images
    input       what an image shows: a "digit" as MNIST has them, or a "canvas" with one anywhere on it
    dataset     the one that the model was trained on, where it is in memory; else it is loaded
    data_dir    where published data sets lie, if not in the default place
    force       replace files that git tracks, or that the folder's manifest does not list

    Beside the files goes `answers.safetensors`, what the torch model answers to the test split, so that a device
    without torch can verify them; where the images are not at hand, a note says that it is left out. A run that was
    adopted as an ONNX graph gives that graph: the float formats of ONNX, and of its answers those that were recorded.

    The folder belongs to one checkpoint: files that its manifest lists of an earlier one are removed, and a note says
    so. The same checkpoint gives the same ONNX bytes, always and in any folder. Raises UsageError on an unknown
    format, method or input, where a file is not to be replaced, and where a model has no form in a format: then nothing
    is written of any. Raises CheckpointError, DataError where the images to calibrate on cannot be had, and
    MissingCapability where a format that was asked for cannot be written here.
    """
    given: list[Checkpoint | str | Path] = several(run)
    sources = [one if isinstance(one, Checkpoint) else read_checkpoint(run_folder(one)) for one in given]
    names: list[str] = several(format)
    chosen = choose_formats(names, quantize, method, input)
    rows = [_possible(source, chosen, named=bool(names) or quantize) for source in sources]
    rows = [_keeping(source, possible, named=bool(names)) for source, possible in zip(sources, rows, strict=True)]
    for source, possible in zip(sources, rows, strict=True):
        manifest.require_own(Path(exports) / source.name, [f"{source.name}{row.suffix}" for row in possible], force)
    jobs = [_Job(source, possible, *_asked(source)) for source, possible in zip(sources, rows, strict=True)]
    for job in jobs:
        _require_forms(job)
    written: list[Artifact] = []
    for job in jobs:
        written += _export_model(job, _Data(dataset, data_dir), Path(exports), observer)
    return written


@dataclass(frozen=True)
class _Job:
    """A checkpoint, the formats to write, its model as they take it, and what gives its logits."""

    source: Checkpoint
    rows: Sequence[Format]
    model: Deployed | bytes
    ask: Ask


@dataclass(frozen=True)
class _Data:
    """The data set that models were trained on, where it is in memory; and where published ones lie."""

    dataset: Dataset | None
    folder: Path | None


def _possible(source: Checkpoint, chosen: Sequence[Format], named: bool) -> Sequence[Format]:
    """Of the formats, those that a run can be written in. Raises UsageError where one that was `named` cannot."""
    if kept.is_kept(source):
        return kept.possible(source, chosen, named)
    _require_layers(source, chosen)
    return chosen


def _keeping(source: Checkpoint, chosen: Sequence[Format], named: bool) -> Sequence[Format]:
    """Of the formats, those that keep weights of few bits as they were trained; all, where there are no such weights.

    Raises UsageError where one that was `named` does not.
    """
    if kept.is_kept(source) or source.spec.listed.bits is None:
        return chosen
    others = [row for row in chosen if not row.rounds]
    for row in chosen:
        if row.rounds:
            keeping = ", ".join(other.name for other in formats.FORMATS if not other.rounds)
            reason = f"would round anew the weights of {source.name}, which were trained with few bits"
            if named:
                raise UsageError(f"{row.name}: {reason}. Formats that keep them: {keeping}.")
            warnings.warn(f"format {row.name} left out: it {reason}", stacklevel=4)
    return others


def _require_forms(job: _Job) -> None:
    """Raise UsageError where a model has no form in one of the formats. Graphs are written as they are."""
    if isinstance(job.model, bytes):
        return
    for row in job.rows:
        if reason := row.lacking(job.model):
            raise UsageError(f"{job.source.name} has no {row.name} form: {reason}. Nothing was written.")


def _export_model(job: _Job, data: _Data, exports: Path, observer: Observer) -> list[Artifact]:
    """Write a model in all formats, its folder as a whole or not at all."""
    source, rows = job.source, job.rows
    calibrated = any(row.calibrated for row in rows)
    refusing = any(row.input == "canvas" for row in rows)
    images = calibration_images(source, data.dataset, data.folder) if calibrated else None
    refusal = fit_rejection(source, job.ask, data.dataset, data.folder) if refusing else None
    folder, written = exports / source.name, []
    with locks.held(folder), files.staged(folder) as stage:
        for done, row in enumerate(rows):
            observer(Progress(f"export {source.name} to {row.name}", done, len(rows)))
            origin = Source(
                job.model,
                Contract.of(source, row.name),
                calibration=images if row.calibrated else None,
                refusal=refusal if row.input == "canvas" else None,
                spec=source.spec,
            )
            written.append(_export_one(origin, source, row, stage))
        observer(Progress(f"export {source.name}", len(rows), len(rows)))
        listing = manifest.merged(folder, source, written, _write_answers(source, stage, data))
        (stage / manifest.FILE).write_text(listing.to_json(), encoding="utf-8", newline="\n")
        manifest.remove_superseded(folder, listing, stage)
    return [dataclasses.replace(artifact, folder=folder) for artifact in written]


def _asked(source: Checkpoint) -> tuple[Deployed | bytes, Ask]:
    """A run's model as formats take it, and what gives its logits. Raises CheckpointError."""
    if kept.is_kept(source):
        graph = kept.read_graph(source)
        return graph, functools.partial(kept.logits_of, graph)
    classifier = load_classifier(source)
    return Deployed(classifier).eval(), functools.partial(compute_logits, classifier)


def choose_formats(
    names: Sequence[str], quantize: bool, method: str | None = None, input_name: str = "digit"
) -> list[Format]:
    """The formats to write: those named, or the default ones that can be written here, and their int8 forms.

    Where the input is a canvas, ONNX is the default.

    Raises UsageError on an unknown name, MissingCapability on one that was named and cannot be written.
    """
    formats.require_method(method)
    usable = []
    for row in formats.for_input(tuple(names), input_name, quantize, method):
        reason = row.unavailable()
        if reason and names:
            raise MissingCapability(f"format {row.name}: {reason}.")
        if reason:
            warnings.warn(f"format {row.name} left out: {reason}", stacklevel=3)
        else:
            usable.append(row)
    return formats.with_quantized(usable, method) if quantize else usable


def _require_layers(source: Checkpoint, chosen: Sequence[Format]) -> None:
    """Raise UsageError where a format is quantized, for which layers must be known, and the network is kept whole."""
    quantized = next((row for row in chosen if row.precision != "float"), None)
    if source.spec.listed.opaque and quantized:
        raise UsageError(
            f"{quantized.name}: needs the list of layers, and {source.name} is kept whole as a graph, since its layers "
            "cannot be listed. Formats in float do without."
        )


def _write_answers(source: Checkpoint, folder: Path, data: _Data) -> Answers | None:
    """Ask the torch model the test split, and write what it answers; None where that is not at hand."""
    if kept.is_kept(source):
        return kept.copy_answers(source, folder)
    try:
        digits = trained_on(source, data.dataset, data.folder)
    except (DataError, MissingCapability) as error:
        said = f"{ANSWERS} left out: {error} Without it, a device that has no torch compares accuracies alone"
        warnings.warn(said, stacklevel=4)
        return None
    logits = reference_logits(load_reference(source), digits.test.images)
    path = folder / ANSWERS
    path.write_bytes(answers.packed(logits, answers.Origin(source.weights_sha256, digits.ref.sha256)))
    return Answers(
        size_bytes=path.stat().st_size,
        sha256=files.sha256(path),
        checkpoint_sha256=source.weights_sha256,
        dataset_sha256=digits.ref.sha256,
        samples=len(digits.test),
    )


def _export_one(origin: Source, source: Checkpoint, row: Format, folder: Path) -> Artifact:
    path = folder / f"{source.name}{row.suffix}"
    row.write(origin, path)
    return Artifact(
        name=source.name,
        format=row.name,
        file=path.name,
        size_bytes=path.stat().st_size,
        sha256=files.sha256(path),
        checkpoint_sha256=source.weights_sha256,
        opset=row.box.opset,
        versions=environment.versions(*row.packages),
        calibration=None if origin.calibration is None else calibration.describe(origin.calibration),
        refusal=origin.refusal,
        processor=environment.processor(),
    )
