"""Measure files against their model and each other: `bench(files)` gives a Benchmark.

Everything is measured in one run, on one thread, in interleaved rounds, so that a machine that slows
down slows all rows alike: compare the ratios, not the microseconds of two runs.
"""

import contextlib
import dataclasses
import platform
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edgedigits.data.dataset import Dataset
from edgedigits.errors import CheckpointError, ModelFileError
from edgedigits.export.formats import get_format, sibling
from edgedigits.records.arguments import OneOrMore, checked, several_or_all
from edgedigits.records.artifact import Artifact
from edgedigits.records.footprint import Footprint
from edgedigits.records.foreign import ORIGINAL
from edgedigits.records.progress import Observer, Progress, ignore
from edgedigits.records.record import OPTIONAL, Record
from edgedigits.runtime.footprint import footprint
from edgedigits.runtime.load import Opener, load
from edgedigits.runtime.predictor import Predictor
from edgedigits.system import environment
from edgedigits.system.processors import Load, look
from edgedigits.verify import parity
from edgedigits.verify.candidates import Candidate, Opened, find_candidates
from edgedigits.verify.file_model import FileModel
from edgedigits.verify.proving import open_proving
from edgedigits.verify.references import References

THREADS = 1
ROUNDS = 20
CALLS = 100  # of one image, in each round
BATCH = 256
LARGE_CALLS = 2  # of a large batch, in each round
WARM_UP = 20  # calls before each round's measurement, until the caches hold this row's weights
SLOWER = 1.05  # an int8 file is called slower than its float file from this ratio on: less is noise
BUSY = 0.3  # processors that others keep busy: from here on a benchmark says so
LOOK = 0.05  # seconds of a look at them, once a round
TORCH, ADOPTED = "torch", "adopted"  # the format of the row of a torch model, and of an ONNX file that was adopted
MODELS = (TORCH, ADOPTED)
PACKAGES = ("torch", "onnxruntime", "numpy")


@dataclass(frozen=True)
class Ratios(Record):
    """Figures of one benchmark row over those of another: 2 is twice as many bytes, microseconds or images a second."""

    size: float
    latency: float
    latency_p99: float
    throughput: float


@dataclass(frozen=True)
class BenchRow(Record):
    """A file, or the model it came from, measured beside the others.

    format                       of a file; of a model "torch", or "adopted": an ONNX file, as it was found
    path                         of the file, or of the model's weights
    flips                        answers that differ from the model's; None where that is not at hand
    latency_us, latency_p99_us   median and 99th percentile of one image a call, in microseconds
    images_per_second            in large batches, median
    to_torch, to_float           these figures over those of the model, and of its float file; None where that was not
                                 measured
    footprint                    what a C file takes of a microcontroller
    """

    name: str
    format: str
    path: str
    checkpoint_sha256: str
    size_bytes: int
    accuracy: float
    flips: int | None
    latency_us: float = 0.0
    latency_p99_us: float = 0.0
    images_per_second: float = 0.0
    to_torch: Ratios | None = None
    to_float: Ratios | None = None
    footprint: Footprint | None = field(default=None, metadata=OPTIONAL)


@dataclass(frozen=True)
class Benchmark(Record):
    """All rows of one `bench`, measured in one run; `slower` says which int8 files take longer than their float ones.

    busy                    processors that others kept busy between rounds, on average; None where nothing tells
    threads, batch, calls   of every row: threads used, images of a large batch, timed calls of one image
    """

    dataset: str
    samples: int
    threads: int
    batch: int
    calls: int
    machine: str
    versions: Mapping[str, str]
    rows: tuple[BenchRow, ...]
    slower: tuple[str, ...] = ()
    busy: float | None = field(default=None, metadata=OPTIONAL)

    @property
    def disturbed(self) -> bool:
        """Whether the machine was so busy that the times may be its, not the files'."""
        return (self.busy or 0.0) >= BUSY


@dataclasses.dataclass(frozen=True)
class Contestant:
    """What is measured: a file or its model, and what is already known of it."""

    row: BenchRow
    predictor: Predictor


@dataclasses.dataclass
class Times:
    """Seconds a call took: of one image, and of a large batch."""

    alone: list[float] = dataclasses.field(default_factory=list)
    large: list[float] = dataclasses.field(default_factory=list)


@checked
def bench(
    artifacts: OneOrMore[Artifact | str | Path] | None = None,
    *,
    dataset: str | Path | Dataset | None = None,
    data_dir: Path | None = None,
    runs: str | Path = "runs",
    exports: str | Path = "exports",
    opener: Opener = Opener(),  # noqa: B008 - it is frozen
    observer: Observer = ignore,
) -> Benchmark:
    """Measure exported files and the models they came from: size, accuracy, flips, latency, throughput.

    A model is one in torch, or the ONNX file that was adopted, as it was found. Where it is not at hand, or torch is
    not installed, its files are measured alone: there is no row of it, and nothing is compared with it.

    artifacts   one or several: an Artifact, a model's name, or the path of a file or of a folder of them; all files
                below `exports` when none is given
    dataset     for accuracy and flips, by default the one that each model was trained on
    data_dir    where published data sets lie, if not in the default place
    runs        where the checkpoints are; a file finds its own by SHA-256
    opener      how files are opened; where it names no engine, C files run in WebAssembly, as for `verify`

    Raises ModelFileError for a file that is damaged, changed since its manifest or at odds with its
    checkpoint, CheckpointError where neither that nor a manifest says what a file should be, BadInput when
    there is nothing to measure, and DataError when the data set is missing or does not fit.
    """
    references = References(Path(runs), dataset, data_dir, compared=False)
    with environment.torch_threads(THREADS):
        contestants = _contestants(
            find_candidates(several_or_all(artifacts, "artifacts"), Path(exports), runs=Path(runs)),
            references,
            opener,
            observer,
        )
        loads: list[Load] = []
        rows = compare(measure(contestants, observer, loads))
    used = {reference.dataset: len(reference.test) for reference in references.known.values()}
    return Benchmark(
        dataset=", ".join(sorted(used)),
        samples=sum(used.values()),
        threads=THREADS,
        batch=BATCH,
        calls=ROUNDS * CALLS,
        machine=platform.machine(),
        versions=environment.versions(*PACKAGES),
        rows=tuple(rows),
        slower=tuple(slower(rows)),
        busy=round(statistics.mean(load.busy for load in loads), 2) if loads else None,
    )


def measure(
    contestants: Sequence[Contestant], observer: Observer = ignore, loads: list[Load] | None = None
) -> list[BenchRow]:
    """The rows of all contestants with their times, taken in interleaved rounds.

    loads   takes what a look at the processors saw before each round, where the system tells
    """
    times = [Times() for _ in contestants]
    for done in range(ROUNDS):
        observer(Progress("bench", done, ROUNDS))
        if loads is not None and (load := look(LOOK)):
            loads.append(load)
        for contestant, spent in zip(contestants, times, strict=True):
            predictor = contestant.predictor
            spent.alone += predictor.seconds(predictor.samples(1), WARM_UP + CALLS)[WARM_UP:]
            spent.large += predictor.seconds(predictor.samples(BATCH), 1 + LARGE_CALLS)[1:]
    observer(Progress("bench", ROUNDS, ROUNDS))
    return [
        timed(contestant.row, spent, contestant.predictor.fixed or BATCH)
        for contestant, spent in zip(contestants, times, strict=True)
    ]


def timed(row: BenchRow, spent: Times, batch: int = BATCH) -> BenchRow:
    """The row with what its times amount to; `batch` images were in a large batch."""
    return dataclasses.replace(
        row,
        latency_us=1e6 * statistics.median(spent.alone),
        latency_p99_us=1e6 * float(np.quantile(spent.alone, 0.99)),
        images_per_second=batch / statistics.median(spent.large),
    )


def compare(rows: Sequence[BenchRow]) -> list[BenchRow]:
    """The rows with their ratios to the model and to the float file of the same checkpoint."""
    known = {(row.checkpoint_sha256, row.format): row for row in rows}
    models = {row.checkpoint_sha256: row for row in rows if row.format in MODELS}
    return [
        dataclasses.replace(
            row,
            to_torch=_ratios(row, models.get(row.checkpoint_sha256)),
            to_float=_ratios(row, known.get((row.checkpoint_sha256, _float_format(row))))
            if row.format not in MODELS
            else None,
        )
        for row in rows
    ]


def slower(rows: Sequence[BenchRow]) -> list[str]:
    """A sentence for each int8 file that takes longer than its float file, for one image or for a large batch."""
    sentences = []
    for row in rows:
        if row.to_float is None:
            continue
        worse = {"an image": row.to_float.latency, f"a batch of {BATCH}": 1 / row.to_float.throughput}
        found = [f"{ratio:.2f} times as long for {what}" for what, ratio in worse.items() if ratio >= SLOWER]
        if found:
            sentences.append(f"{row.path} is slower than its {_float_format(row)} file: {' and '.join(found)}.")
    return sentences


def _contestants(
    targets: Sequence[Candidate], references: References, opener: Opener, observer: Observer
) -> list[Contestant]:
    """Model by model, as they come up: itself where it is at hand, then its files, float before int8."""
    models: dict[str, list[Opened]] = {}
    for done, target in enumerate(targets):
        observer(Progress(f"bench: open {target.path.name}", done, len(targets)))
        with _named(target.path):
            file = open_proving(target, references, opener)
        models.setdefault(file.reference.record.weights_sha256, []).append(file)
    found = []
    for opened in models.values():
        if opened[0].reference.torch:
            found.append(_contestant(_torch_model(opened[0]), TORCH))
        if isinstance(other := opened[0].reference.other, FileModel):
            found.append(_contestant(_adopted(opened[0], other), ADOPTED))
        found += [_contestant(file, file.format.name) for file in sorted(opened, key=lambda file: file.format.name)]
    return found


def _torch_model(file: Opened) -> Opened:
    """The torch model that a file came from, in the file's place."""
    record = file.reference.record
    return dataclasses.replace(file, path=record.folder / record.weights, predictor=load(record.folder))


def _adopted(file: Opened, other: FileModel) -> Opened:
    """The ONNX file that was adopted, as it was found, in the place of one that was exported of it."""
    return dataclasses.replace(file, path=file.reference.record.folder / ORIGINAL, predictor=other.predictor)


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Let every error of a file name it."""
    try:
        yield
    except (ModelFileError, CheckpointError) as error:
        raise error if str(path) in str(error) else type(error)(f"{path}: {error}") from error


def _contestant(file: Opened, format_name: str) -> Contestant:
    record, test, model = file.reference.record, file.reference.test, file.reference.model
    logits = file.predictor.in_batches(test.images)[0]
    row = BenchRow(
        name=record.name,
        format=format_name,
        path=str(file.path),
        checkpoint_sha256=record.weights_sha256,
        size_bytes=file.path.stat().st_size,
        accuracy=float((logits.argmax(1) == test.labels).mean()),
        flips=parity.changed(model.logits, logits) if model else None,
        footprint=None if format_name == TORCH else footprint(file.path, file.opener.trust),
    )
    return Contestant(row, file.predictor)


def _float_format(row: BenchRow) -> str:
    """The name of the format that a row's is the quantized form of; its own where it is float."""
    found = sibling(get_format(row.format), precision="float")
    return found.name if found else row.format


def _ratios(row: BenchRow, base: BenchRow | None) -> Ratios | None:
    if base is None:
        return None
    return Ratios(
        size=row.size_bytes / base.size_bytes,
        latency=row.latency_us / base.latency_us,
        latency_p99=row.latency_p99_us / base.latency_p99_us,
        throughput=row.images_per_second / base.images_per_second,
    )
