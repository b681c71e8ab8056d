"""What was measured, in `measured.json`; `make bench` measures it anew, on the machine at hand.

Training: every preset by its tutorial's published loop (`tutorial`), by our loop with the tutorial's recipe
and with the default one, and, where the published loop is short, by as few epochs of the default one
as reach its accuracy. Each run counts: no seed is chosen. Inference: one `bench` of all files. `edgedigits
models` and the README show these figures.
"""

import dataclasses
import platform
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgedigits.records import Benchmark, Record

if TYPE_CHECKING:
    from edgedigits.data import Dataset

FILE = Path(__file__).with_name("measured.json")
PUBLISHED, QUICK = "published", "quick"  # the tutorial's own loop; the default recipe with the epochs of QUICK_EPOCHS
QUICK_EPOCHS = {"fc": 1, "cnn": 2}
FORMATS = ("onnx", "torchscript")  # whose float and int8 files are measured


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


@dataclass(frozen=True)
class Plan:
    """What to train, and with which seeds."""

    model: str
    recipe: str
    dataset: str
    seeds: tuple[int, ...]


def read() -> Measured:
    """What ships with the package."""
    return Measured.read(FILE)


def find(model: str, recipe: str, dataset: str = "mnist") -> Measurement | None:
    """The measurement of a preset with a recipe on a data set, if there is one."""
    wanted = (model, recipe, dataset)
    return next((m for m in read().training if (m.model, m.recipe, m.dataset) == wanted), None)


def plans() -> list[Plan]:
    """All trainings, a preset's next to each other, so that what they are compared with was measured beside them."""
    from edgedigits.presets import PRESETS

    found = []
    for model, preset in PRESETS.items():
        several = tuple(range(10 if model in QUICK_EPOCHS else 3))
        found += [Plan(model, PUBLISHED, "mnist", (0,)), Plan(model, "default", "mnist", several)]
        if model in QUICK_EPOCHS:
            found.append(Plan(model, QUICK, "mnist", several))
        found.append(Plan(model, "tutorial", "mnist", (0,)))
        if preset.dataset != "mnist":
            found += [Plan(model, "default", preset.dataset, several), Plan(model, "tutorial", preset.dataset, (0,))]
    return found


def measure(plan: Plan, dataset: "Dataset", runs: Path) -> Measurement:
    """Train as planned, below `runs`, the first seed last: of runs by one name the last one stays."""
    epochs = epochs_of(plan)
    train = _published if plan.recipe == PUBLISHED else _ours
    figures = [train(plan, dataset, runs, seed, epochs) for seed in reversed(plan.seeds)][::-1]
    test_accuracy, train_accuracy, seconds = (tuple(column) for column in zip(*figures, strict=True))
    return Measurement(
        model=plan.model,
        recipe=plan.recipe,
        dataset=plan.dataset,
        epochs=epochs,
        seeds=plan.seeds,
        test_accuracy=test_accuracy,
        train_accuracy=train_accuracy,
        train_seconds=seconds,
        machine=machine(),
    )


def machine() -> str:
    """The processor and the number of threads, as far as figures depend on them."""
    import torch

    return f"{platform.machine()}, {torch.backends.cpu.get_cpu_capability()}, {torch.get_num_threads()} threads"


def epochs_of(plan: Plan) -> int:
    """Passes over the training images."""
    from edgedigits import presets

    if plan.recipe == QUICK:
        return QUICK_EPOCHS[plan.model]
    return presets.recipe(plan.model, "tutorial" if plan.recipe == PUBLISHED else plan.recipe).epochs


def _ours(plan: Plan, dataset: "Dataset", runs: Path, seed: int, epochs: int) -> tuple[float, float, float]:
    from edgedigits.train import train

    recipe = "default" if plan.recipe == QUICK else plan.recipe
    run = train(plan.model, dataset, recipe=recipe, seed=seed, epochs=epochs, runs=runs / plan.recipe, device="cpu")
    return run.metrics.test_accuracy, run.metrics.train_accuracy, run.metrics.train_seconds


def _published(plan: Plan, dataset: "Dataset", _: Path, seed: int, __: int) -> tuple[float, float, float]:
    from edgedigits import metrics, tutorial

    trained = tutorial.train(plan.model, plan.dataset, seed=seed)
    accuracies = (metrics.accuracy(trained.classifier, split) for split in (dataset.test, dataset.train))
    return (*accuracies, round(trained.seconds, 3))  # type: ignore[return-value]


def main(names: Sequence[str]) -> None:
    """Measure, print, and write to FILE: all trainings, or those of the named models while the others stay."""
    import tempfile

    from edgedigits import data, files, render
    from edgedigits.bench import bench, slower
    from edgedigits.export import export
    from edgedigits.presets import PRESETS

    sets = {name: data.load(name) for name in ("mnist", "fashion")}
    with tempfile.TemporaryDirectory() as folder:
        runs, exports = Path(folder) / "runs", Path(folder) / "exports"
        training = {}
        for plan in plans():
            known = None if plan.model in (names or PRESETS) else find(plan.model, plan.recipe, plan.dataset)
            training[plan] = known or measure(plan, sets[plan.dataset], runs)
            print(plan.model, plan.recipe, plan.dataset, training[plan].mean, training[plan].seconds, flush=True)
        trained = [path for path in sorted((runs / "default").iterdir()) if "-fashion" not in path.name]
        artifacts = [file for run in trained for file in export(run, FORMATS, quantize=True, exports=exports)]
        inference = bench(artifacts, runs=runs / "default")
    rows = [dataclasses.replace(row, path=Path(row.path).name) for row in inference.rows]
    rows += [row for row in read().inference.rows if names and row.name not in names]
    inference = dataclasses.replace(inference, rows=tuple(rows), slower=tuple(slower(rows)))
    found = Measured(tuple(training.values()), inference)
    files.write_text(FILE, found.to_json())
    render.print_table(render.trainings(found.training))
    render.print_table(render.benchmark(found.inference))


if __name__ == "__main__":
    main(sys.argv[1:])
