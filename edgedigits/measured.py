"""The accuracies that were measured, in `measured.json`; `python -m edgedigits.measured` measures them anew.

Every preset is trained with both recipes on several seeds, on the data set of its tutorial too, and
each run counts: none is chosen. `edgedigits models` and the README show these figures.
"""

import json
import platform
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgedigits.records import Record

FILE = Path(__file__).with_name("measured.json")
SEEDS = {"default": (0, 1, 2), "tutorial": (0,)}


@dataclass(frozen=True)
class Measurement(Record):
    """One preset, recipe and data set: a figure per seed. Seconds are those of the training loop alone."""

    model: str
    recipe: str
    dataset: str
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


def read() -> tuple[Measurement, ...]:
    """All measurements that ship with the package."""
    return tuple(Measurement.from_dict(entry) for entry in json.loads(FILE.read_text(encoding="utf-8")))


def find(model: str, recipe: str, dataset: str = "mnist") -> Measurement | None:
    """The measurement of a preset with a recipe on a data set, if there is one."""
    return next((m for m in read() if (m.model, m.recipe, m.dataset) == (model, recipe, dataset)), None)


def measure() -> Iterator[Measurement]:
    """Train every preset with every recipe, in a temporary folder."""
    import tempfile

    from edgedigits import data, presets
    from edgedigits.train import train

    sets = {name: data.load(name) for name in ("mnist", "fashion")}
    for model, preset in presets.PRESETS.items():
        for recipe, seeds in SEEDS.items():
            for dataset in dict.fromkeys(("mnist", preset.dataset)):
                with tempfile.TemporaryDirectory() as runs:
                    done = [train(model, sets[dataset], recipe=recipe, seed=seed, runs=runs) for seed in seeds]
                yield Measurement(
                    model=model,
                    recipe=recipe,
                    dataset=dataset,
                    seeds=seeds,
                    test_accuracy=tuple(run.metrics.test_accuracy for run in done),
                    train_accuracy=tuple(run.metrics.train_accuracy for run in done),
                    train_seconds=tuple(run.metrics.train_seconds for run in done),
                    machine=f"{platform.machine()}, {done[0].device}, {done[0].threads} threads",
                )


if __name__ == "__main__":
    found = []
    for measurement in measure():
        print(f"{measurement.model} {measurement.recipe} {measurement.dataset} {measurement.mean:.2%}", flush=True)
        found.append(measurement.to_dict())
    FILE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
