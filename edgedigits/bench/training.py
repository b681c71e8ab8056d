"""How the figures of `measured.json` are measured; `make bench` does it anew, on the machine at hand.

Training: every preset by its tutorial's published loop (`tutorial`), by our loop with the tutorial's recipe
and with the default one, the long one where there is one, and, where the published loop is shortest, by as few
epochs of the default one as reach its accuracy. Each run counts: no seed is chosen. Inference: one `bench` of all
files.
"""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgedigits.bench.figures import PUBLISHED, QUICK, Measurement
from edgedigits.system.environment import machine

if TYPE_CHECKING:
    from edgedigits.data.dataset import Dataset

QUICK_EPOCHS = {"fc": 1}
FORMATS = ("onnx", "torchscript")  # whose float and int8 files are measured
GAINING = ("fc-deep",)  # models that gain by integer products, whose files are measured too
LONG = {"reader": 1, "reader-deep": 1}  # models that take half an hour and more, and how often they are trained
FOR_DEVICES = ("fc", "fc-28", "cnn")  # models that a microcontroller holds, whose C files are measured too


@dataclass(frozen=True)
class Plan:
    """What to train, and with which seeds."""

    model: str
    recipe: str
    dataset: str
    seeds: tuple[int, ...]


def plans() -> list[Plan]:
    """All trainings, a preset's next to each other, so that what they are compared with was measured beside them."""
    from edgedigits.models.presets import DEFAULT_MODELS, PRESETS

    found = []
    for model, preset in PRESETS.items():
        several = tuple(range(10 if model in DEFAULT_MODELS else LONG.get(model, 3)))
        found += [Plan(model, PUBLISHED, "mnist", (0,))] if preset.tutorial else []
        found.append(Plan(model, "default", "mnist", several))
        found += [Plan(model, "long", "mnist", several)] if preset.long else []
        found += [Plan(model, QUICK, "mnist", several)] if model in QUICK_EPOCHS else []
        found += [Plan(model, "tutorial", "mnist", (0,))] if preset.tutorial else []
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


def epochs_of(plan: Plan) -> int:
    """Passes over the training images."""
    from edgedigits.models.presets import find_recipe

    if plan.recipe == QUICK:
        return QUICK_EPOCHS[plan.model]
    return find_recipe(plan.model, "tutorial" if plan.recipe == PUBLISHED else plan.recipe).epochs


def _ours(plan: Plan, dataset: "Dataset", runs: Path, seed: int, epochs: int) -> tuple[float, float, float]:
    from edgedigits.train.trainer import train

    recipe = "default" if plan.recipe == QUICK else plan.recipe
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "replaced: ")  # the run of each seed takes the place of the one before
        run = train(plan.model, dataset, recipe=recipe, seed=seed, epochs=epochs, runs=runs / plan.recipe, device="cpu")
    return run.metrics.test_accuracy, run.metrics.train_accuracy, run.metrics.train_seconds


def _published(plan: Plan, dataset: "Dataset", _: Path, seed: int, __: int) -> tuple[float, float, float]:
    from edgedigits.bench import tutorial
    from edgedigits.models.classifier import compute_accuracy

    trained = tutorial.train(plan.model, plan.dataset, seed=seed)
    splits = (dataset.test, dataset.train)
    accuracies = (compute_accuracy(trained.classifier, split.images, split.labels) for split in splits)
    return (*accuracies, round(trained.seconds, 3))  # type: ignore[return-value]
