"""The records: the best digit network for a number of bytes, as means over seeds that nobody chose.

    RECORDS of models/presets.py ──queue, two at a time──> records/<preset>-<seed>.json ──> exports/README.md

`make records` goes on where it was stopped: a training from its last state, the queue with what has no file yet. A file
counts for as long as its preset trains by the recipe and the network that it was measured with.
"""

import hashlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent import futures
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from edgedigits.data.dataset import Dataset
from edgedigits.data.load import load_data
from edgedigits.errors import EdgeDigitsError
from edgedigits.models.presets import RECORDS, find_preset
from edgedigits.models.small import products, weight_bytes
from edgedigits.records.footprint import Footprint
from edgedigits.records.model import Recipe
from edgedigits.records.record import OPTIONAL, Record
from edgedigits.records.report import ParityReport
from edgedigits.runtime.footprint import footprint
from edgedigits.system import files
from edgedigits.system.environment import machine

if TYPE_CHECKING:
    from edgedigits.records.model import Checkpoint

FOLDER = Path(__file__).with_name("records")
AT_ONCE = 2  # trainings, each on one thread
FORMATS = ("c-int8", "onnx", "onnx-int8", "torchscript")  # whose flips are counted
BITNETMCU = "[BitNetMCU](https://github.com/cpldcpu/BitNetMCU/blob/main/mcu/readme.md)"
BITNETMCU_CNN = "[BitNetMCU](https://github.com/cpldcpu/BitNetMCU/blob/main/docs/documentation_cnn.md)"


@dataclass(frozen=True)
class Goal:
    """What a preset is to reach.

    bytes      of weights at most, with the bias, multiplier and shift of each channel; None: any
    accuracy   mean on the test images at least
    seeds      from 0, so many; none is left out
    public     the best figure that others published at about that size, and where
    """

    bytes: int | None
    accuracy: float
    seeds: int
    public: str


GOALS = {
    "cnn-2k": Goal(2_000, 0.9925, 5, "none found"),
    "cnn-5k": Goal(5_000, 0.9952, 5, f"99.06% at 5.4 kB, one run, {BITNETMCU}"),
    "cnn-8k": Goal(8_000, 0.9961, 5, f"99.28% at 7.3 kB, one run, {BITNETMCU}"),
    "cnn-16k": Goal(16_000, 0.9968, 5, f"99.58% at 13 kB, one run, {BITNETMCU_CNN}"),
    "cnn-best": Goal(None, 0.9973, 3, "99.641% ± 0.047 at 100 kB (n=1,500)"),
    "fc-best": Goal(16_000, 0.9920, 5, f"99.02% at 12.3 kB, one run, {BITNETMCU}"),
}


@dataclass(frozen=True)
class RecordRun(Record):
    """One training of a preset, measured once, after its last epoch.

    network          SHA-256 of the layers, so that a figure of others does not count
    test_accuracy    of the integers, as the C file gives them
    float_accuracy   of the torch model, whose values are floats
    weight_bytes     packed, with the bias, multiplier and shift of each channel
    scratch_bytes    of RAM that the C file asks for
    minutes          of training, on one thread, as a clock counts them on a machine that others may keep busy
    core_minutes     of a processor's time, to train; None of a training that was gone on with
    footprint        what the C file takes of a microcontroller; None of early runs
    flips            by format: test digits whose answer in the exported file differs from the torch model's; as above
    """

    preset: str
    seed: int
    recipe: Recipe
    network: str
    test_accuracy: float
    float_accuracy: float
    weight_bytes: int
    scratch_bytes: int
    products: int
    minutes: float
    weights_sha256: str
    machine: str
    core_minutes: float | None = field(default=None, metadata=OPTIONAL)
    footprint: Footprint | None = field(default=None, metadata=OPTIONAL)
    flips: Mapping[str, int] | None = field(default=None, metadata=OPTIONAL)

    @property
    def cost(self) -> float:
        """Minutes of one core."""
        return self.minutes if self.core_minutes is None else self.core_minutes

    @property
    def current(self) -> bool:
        """Whether its preset is still trained so."""
        preset = find_preset(self.preset)
        recipe = _seeded(preset.default, self.seed, self.recipe)
        return (self.network, self.recipe) == (network_sha256(self.preset), recipe)


def _seeded(recipe: Recipe, seed: int, found: Recipe) -> Recipe:
    """A preset's recipe as it is written down: with its seed, and the precision of the machine at hand."""
    precision = found.precision if recipe.precision == "auto" else recipe.precision
    return Recipe.from_dict({**recipe.to_dict(), "seed": seed, "precision": precision})


def network_sha256(name: str) -> str:
    """Of a preset's network, as JSON."""
    return hashlib.sha256(find_preset(name).spec.to_line().encode()).hexdigest()


@dataclass(frozen=True)
class Standing:
    """What was measured of a preset, all seeds together."""

    goal: Goal
    runs: tuple[RecordRun, ...]

    @property
    def mean(self) -> float:
        """Of the test accuracy."""
        return statistics.fmean(run.test_accuracy for run in self.runs)

    @property
    def deviation(self) -> float:
        """Of the test accuracy, standard; 0 of one run."""
        return statistics.stdev(run.test_accuracy for run in self.runs) if len(self.runs) > 1 else 0.0


def standings(folder: Path = FOLDER) -> dict[str, Standing]:
    """Each preset's, of the files in a folder; runs in the order of their seeds."""
    found = [RecordRun.read(path) for path in sorted(folder.glob("*.json"))]
    counted = sorted((run for run in found if run.current), key=lambda run: run.seed)
    return {name: Standing(goal, tuple(run for run in counted if run.preset == name)) for name, goal in GOALS.items()}


def queue(folder: Path = FOLDER) -> list[tuple[str, int]]:
    """Presets and seeds that are not measured yet; first all first seeds, so that each preset soon has a figure."""
    known = {(run.preset, run.seed) for standing in standings(folder).values() for run in standing.runs}
    wanted = [(name, seed) for name in RECORDS for seed in range(GOALS[name].seeds)]
    return sorted((each for each in wanted if each not in known), key=lambda each: each[1])


def work_off(runs: Path, folder: Path = FOLDER) -> Iterator[tuple[str, int, int]]:
    """Train what is not measured yet, each in a process of its own; yields preset, seed and exit code as they end."""
    command = [sys.executable, "-m", "edgedigits.cli.measure", "record", "--runs", str(runs), "--into", str(folder)]
    with futures.ThreadPoolExecutor(AT_ONCE) as pool:
        begun = {
            pool.submit(subprocess.call, [*command, name, str(seed)]): (name, seed) for name, seed in queue(folder)
        }
        for done in futures.as_completed(begun):
            yield *begun[done], done.result()


def measure(name: str, seed: int, runs: Path, folder: Path = FOLDER, dataset: str = "mnist") -> RecordRun:
    """Train a preset, or go on with it, measure it, and write down what it reached."""
    from edgedigits.train.trainer import run_name, train

    digits, runs, path = load_data(dataset), runs / str(seed), folder / f"{name}-{seed}.json"
    at_once, began = not (runs / run_name(name, digits.ref)).exists(), time.process_time()
    run = train(name, digits, seed=seed, runs=runs, threads=1, resume=True)
    if run.recipe is None:
        raise EdgeDigitsError(f"{run.folder}: was not trained here")
    minutes = round((time.process_time() - began) / 60, 2)
    takes, reports = _exported(run, digits)
    in_c = reports["c-int8"]
    if in_c.accuracy is None:
        raise EdgeDigitsError(f"{run.folder}: its C file cannot be asked: {'; '.join(in_c.failures)}")
    found = RecordRun(
        preset=name,
        seed=seed,
        recipe=run.recipe,
        network=network_sha256(name),
        test_accuracy=in_c.accuracy,
        float_accuracy=run.metrics.test_accuracy,
        weight_bytes=weight_bytes(run.spec.listed),
        scratch_bytes=takes.scratch,
        products=products(run.spec.listed),
        minutes=round(run.metrics.train_seconds / 60, 2),
        weights_sha256=run.weights_sha256,
        machine=machine(),
        core_minutes=minutes if at_once else _known_minutes(path, run.weights_sha256),
        footprint=takes,
        flips={name: report.flips for name, report in reports.items() if report.flips is not None},
    )
    folder.mkdir(parents=True, exist_ok=True)
    files.write_text(path, found.to_json())
    return found


def _known_minutes(path: Path, weights_sha256: str) -> float | None:
    """What the same training took when it was measured before."""
    known = RecordRun.read(path) if path.exists() else None
    return known.core_minutes if known and known.weights_sha256 == weights_sha256 else None


def _exported(run: "Checkpoint", digits: Dataset) -> tuple[Footprint, Mapping[str, ParityReport]]:
    """What a run's C file takes of a microcontroller, and what each of FORMATS answers."""
    from edgedigits.export.exporter import export
    from edgedigits.verify.verifier import verify

    with tempfile.TemporaryDirectory(prefix="edgedigits-") as exports:
        artifacts = {each.format: each for each in export(run, FORMATS, dataset=digits, exports=exports)}
        takes = footprint(artifacts["c-int8"].path)
        assert takes is not None
        reports = verify(list(artifacts.values()), dataset=digits, runs=run.folder.parent).reports
    return takes, {report.format: report for report in reports}
