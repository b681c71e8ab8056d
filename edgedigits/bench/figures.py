"""The figures that ship, in `measured.json`: how presets train, and how fast their files answer.

`edgedigits models` and the README show them; `training` says how they are measured anew.
"""

import statistics
from dataclasses import dataclass
from pathlib import Path

from edgedigits.bench.bench import Benchmark
from edgedigits.records.record import Record

FILE = Path(__file__).with_name("measured.json")
PUBLISHED, QUICK = "published", "quick"  # the tutorial's own loop; the default recipe with the epochs of QUICK_EPOCHS


@dataclass(frozen=True)
class Measurement(Record):
    """One preset, recipe and data set: a figure per seed. Seconds are those of the training loop alone."""

    model: str
    recipe: str
    dataset: str
    epochs: int
    seeds: tuple[int, ...]
    test_accuracy: tuple[float, ...]
    train_accuracy: tuple[float, ...]
    train_seconds: tuple[float, ...]
    machine: str

    @property
    def mean(self) -> float:
        """Mean test accuracy."""
        return statistics.fmean(self.test_accuracy)

    @property
    def spread(self) -> float:
        """Standard deviation of the test accuracy over the seeds; 0 for one seed."""
        return statistics.stdev(self.test_accuracy) if len(self.seeds) > 1 else 0.0

    @property
    def seconds(self) -> float:
        """Median training time."""
        return statistics.median(self.train_seconds)


@dataclass(frozen=True)
class Measured(Record):
    """All that `make bench` measures."""

    training: tuple[Measurement, ...]
    inference: Benchmark


def read_figures() -> Measured:
    """What ships with the package."""
    return Measured.read(FILE)


def find_figures(model: str, recipe: str, dataset: str = "mnist") -> Measurement | None:
    """The measurement of a preset with a recipe on a data set, if there is one."""
    wanted = (model, recipe, dataset)
    return next((m for m in read_figures().training if (m.model, m.recipe, m.dataset) == wanted), None)
