"""How fast a GPU trains to an accuracy: `make record-gpu`, into `gpu.json`, with the card's name.

    warm    seconds of the training loop, in a process that has trained once before
    cold    seconds of a whole process: `edgedigits train`, from its start to its exit code

All seeds count, from 0. Beside them stands how many answers to the test images the device gives otherwise than the CPU,
of the weights of the last seed.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgedigits.data.load import load_data
from edgedigits.records.record import Record
from edgedigits.system.environment import machine

if TYPE_CHECKING:
    from edgedigits.data.dataset import Dataset
    from edgedigits.records.model import Checkpoint

FILE = Path(__file__).with_name("gpu.json")
SEEDS = 30


@dataclass(frozen=True)
class Race:
    """A preset, and the mean test accuracy that its recipe is to reach."""

    model: str
    recipe: str
    accuracy: float


RACES = (Race("fc", "long", 0.98), Race("cnn", "default", 0.99))


@dataclass(frozen=True)
class Raced(Record):
    """One race: a figure a seed.

    flips   test images to which the device answers otherwise than the CPU
    """

    model: str
    recipe: str
    goal: float
    test_accuracy: tuple[float, ...]
    warm_seconds: tuple[float, ...]
    cold_seconds: tuple[float, ...]
    flips: int

    @property
    def reached(self) -> bool:
        """Whether the mean of all seeds is what was wanted."""
        return statistics.fmean(self.test_accuracy) >= self.goal


@dataclass(frozen=True)
class Races(Record):
    """All of one run, the device's name, and the machine that it is in."""

    device: str
    machine: str
    rows: tuple[Raced, ...]


def race(
    device: str = "cuda", dataset: str = "mnist", seeds: Sequence[int] = range(SEEDS), races: Sequence[Race] = RACES
) -> Races:
    """Measure all races. Raises MissingCapability where there is no such device."""
    from edgedigits.system import environment
    from edgedigits.train.device import find_device

    find_device(device)
    digits = load_data(dataset)
    rows = tuple(_raced(each, device, dataset, digits, seeds) for each in races)
    return Races(environment.processor(device), machine(), rows)


def _raced(each: Race, device: str, dataset: str, digits: "Dataset", seeds: Sequence[int]) -> Raced:
    from edgedigits.train.trainer import train

    with tempfile.TemporaryDirectory() as runs:
        train(each.model, digits, recipe=each.recipe, device=device, runs=runs, epochs=1)  # loads what is loaded once
        warm = [
            train(each.model, digits, recipe=each.recipe, device=device, runs=Path(runs) / str(seed), seed=seed)
            for seed in seeds
        ]
        cold = [_process_seconds(each, device, dataset, seed, Path(runs) / "cold") for seed in seeds]
        return Raced(
            model=each.model,
            recipe=each.recipe,
            goal=each.accuracy,
            test_accuracy=tuple(run.metrics.test_accuracy for run in warm),
            warm_seconds=tuple(run.metrics.train_seconds for run in warm),
            cold_seconds=tuple(cold),
            flips=_flips(warm[-1], device, digits),
        )


def _process_seconds(each: Race, device: str, dataset: str, seed: int, runs: Path) -> float:
    chosen = {"model": each.model, "recipe": each.recipe, "device": device, "dataset": dataset}
    options = {**chosen, "seed": str(seed), "runs": str(runs)}
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "edgedigits", "train", *words], check=True, capture_output=True)
    return round(time.perf_counter() - began, 3)


def _flips(run: "Checkpoint", device: str, digits: "Dataset") -> int:
    from edgedigits.models.classifier import compute_logits
    from edgedigits.models.weights import load_reference

    classifier = load_reference(run)
    answers = [compute_logits(classifier.to(place), digits.test.images).argmax(1) for place in ("cpu", device)]
    return int((answers[0] != answers[1]).sum())
