"""Train a preset: `train("cnn")` gives a Checkpoint.

Nothing is chosen while training: the weights are those after the last epoch, and only then are the
test images looked at, once.
"""

import contextlib
import dataclasses
import importlib.util
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from edgedigits import checkpoint, data, environment, files, locks, loop, metrics, models, presets
from edgedigits.data import Dataset, Split
from edgedigits.distributed import ALONE, World
from edgedigits.errors import MissingCapability, unknown
from edgedigits.progress import Observer, ignore
from edgedigits.records import Checkpoint, DatasetRef, History, Metrics, Recipe, Setup
from edgedigits.resume import FILE as STATE_FILE
from edgedigits.resume import SAVE_EVERY, Keeping, State, find

DEVICES = ("auto", "cpu", "cuda", "mps")
PICTURES = ("curves.png", "confusion.png")


def train(
    model: str = "cnn",
    dataset: str | Path | Dataset = "mnist",
    *,
    recipe: str | Recipe = "default",
    data_dir: Path | None = None,
    device: str = "auto",
    runs: str | Path = "runs",
    resume: bool = False,
    save_every: float = SAVE_EVERY,
    observer: Observer = ignore,
    world: World = ALONE,
    **changes: Any,
) -> Checkpoint:
    """Train a preset and write it to `<runs>/<name>/`.

    model       a name from `presets.PRESETS`
    dataset     a known name, a folder of class folders, or a Dataset that is already loaded
    recipe      "default", "tutorial" or a Recipe; `changes` replace fields of it (epochs=3, seed=1)
    data_dir    where published data sets lie, if not in the default place
    device      "auto" (CUDA, else MPS, else the CPU), "cpu", "cuda" or "mps"
    resume      go on where a training by that name was interrupted, to the same bytes as if it had not been; one
                that is complete is kept, and where there is none it begins
    save_every  seconds between two states to resume from
    world       the processes that train it together (`distributed.joined`), all with the same arguments;
                each takes its share of every batch, rank 0 writes, and all return the Checkpoint

    The same seed on the same machine with the same number of threads gives the same weights, byte
    for byte; several processes step as one does, but for rounding. Files of an earlier run by that
    name stay as they are until the new ones are complete. Raises UsageError on an unknown name or a
    diverging loss, where another process trains by that name, and where what was interrupted was begun otherwise;
    DataError; CheckpointError where its state is damaged; and MissingCapability where the device, or the room to
    write, is lacking.
    """
    spec = presets.find(model).spec
    recipe = _changed(presets.recipe(model, recipe) if isinstance(recipe, str) else recipe, changes)
    target = find_device(device)
    recipe = dataclasses.replace(recipe, precision=choose_precision(recipe.precision, target))
    dataset = dataset if isinstance(dataset, Dataset) else data.load(dataset, data_dir)
    spec = dataclasses.replace(spec, labels=dataset.labels)
    folder = Path(runs) / run_name(model, dataset.ref)
    learn, validate = hold_out(dataset.train, recipe)
    world.require_same(
        {
            "model": model,
            **recipe.to_dict(),
            "device": target.type,
            "dataset": dataset.ref.sha256,
            "spec": spec.to_line(),
        }
    )
    world.require_images(min(recipe.batch_size, len(learn)))
    setup = Setup(
        model=model,
        spec=spec,
        recipe=recipe,
        dataset=dataset.ref.sha256,
        device=str(target),
        processor=environment.processor(target.type),
        threads=torch.get_num_threads(),
        processes=world.size,
        versions=environment.versions("torch", "numpy"),
    )
    with contextlib.ExitStack() as lock:
        world.once(lambda: lock.enter_context(locks.held(folder)))
        found = world.once(lambda: _earlier(folder, setup, resume))
        if isinstance(found, Checkpoint):
            return found
        with _reproducible(recipe.seed, target):
            classifier = models.build(spec).to(target).to(memory_format=torch.channels_last)
            with Keeping(folder, setup, save_every, world, found) as keeper:
                history = loop.fit(classifier, recipe, learn, validate, observer, world, keeper)
                seconds = keeper.seconds
        record = Checkpoint(
            name=folder.name,
            model=model,
            spec=spec,
            recipe=recipe,
            dataset=dataset.ref,
            metrics=world.once(lambda: _measure(classifier, dataset, history, seconds)),
            versions=setup.versions,
            device=setup.device,
            threads=setup.threads,
            processes=setup.processes,
            processor=setup.processor,
        )
        return world.once(lambda: _write(folder, record, history, classifier, dataset.test))


def choose_precision(precision: str, device: torch.device) -> str:
    """What "auto" means on a device: bfloat16 where it is native, and so faster; else float32."""
    if precision != "auto":
        return precision
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        features = torch.cpu.get_capabilities() if device.type == "cpu" else {}
        native = bool(features.get("amx_bf16") or features.get("avx512_bf16"))
    return "bfloat16" if native else "float32"


def run_name(model: str, dataset: DatasetRef) -> str:
    """The name of a run's folder: the preset's, with `-<dataset>` behind it when that is not MNIST.

    Its source tells, since a folder of other images may be called mnist too.
    """
    return model if dataset.source == "mnist" else f"{model}-{dataset.name}"


def find_device(name: str) -> torch.device:
    """The torch device of that name. Raises UsageError, and MissingCapability where there is none."""
    if name not in DEVICES:
        raise unknown("device", name, DEVICES)
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        name = next(kind for kind in ("cuda", "mps", "cpu") if present[kind])
    if not present[name]:
        raise MissingCapability(
            f"--device {name}: torch {torch.__version__} finds no {name.upper()} device here. Use --device cpu."
        )
    return torch.device(name)


def hold_out(split: Split, recipe: Recipe) -> tuple[Split, Split | None]:
    """The images to learn from, and those held out for validation (None when the recipe holds out none).

    The division depends on `recipe.seed` and the split's size alone, so it can be made again.
    """
    count = round(len(split) * recipe.validation)
    if count == 0:
        return split, None
    order = np.random.default_rng(recipe.seed).permutation(len(split))
    held, kept = np.sort(order[:count]), np.sort(order[count:])
    return Split(split.images[kept], split.labels[kept]), Split(split.images[held], split.labels[held])


def _earlier(folder: Path, setup: Setup, resume: bool) -> Checkpoint | State | None:
    """What to keep, or to go on with, of an earlier training; notes say what becomes of it."""
    if not resume:
        if (folder / STATE_FILE).exists():
            warnings.warn(f"{folder}: begins anew; --resume would go on with an interrupted training", stacklevel=4)
        return None
    found = find(folder, setup)
    if isinstance(found, Checkpoint):
        warnings.warn(f"{folder}: is complete, and kept as it is", stacklevel=4)
    return found


def _changed(recipe: Recipe, changes: dict[str, Any]) -> Recipe:
    fields = [field.name for field in dataclasses.fields(Recipe)]
    for name in changes.keys() - fields:
        raise unknown("field of a recipe", name, fields)
    return dataclasses.replace(recipe, **changes)


def _measure(classifier: models.Classifier, dataset: Dataset, history: History, seconds: float) -> Metrics:
    return Metrics(
        test_accuracy=metrics.accuracy(classifier, dataset.test),
        train_accuracy=metrics.accuracy(classifier, dataset.train),
        validation_accuracy=history.epochs[-1].validation_accuracy,
        train_seconds=round(seconds, 3),
    )


def _write(
    folder: Path, record: Checkpoint, history: History, classifier: models.Classifier, test: Split
) -> Checkpoint:
    """Write all files of a run, or none; the record comes back with its folder and the weights' SHA-256."""
    with files.staged(folder) as stage:
        record = checkpoint.save(classifier, record, stage)
        (stage / "history.json").write_text(history.to_json(), encoding="utf-8")
        files.remove_with(stage, STATE_FILE)
        if not _draw(stage, record, history, classifier, test):
            for name in PICTURES:  # those of an earlier run would show another training
                files.remove_with(stage, name)
    return dataclasses.replace(record, folder=folder)


@contextlib.contextmanager
def _reproducible(seed: int, device: torch.device) -> Iterator[None]:
    """Seed torch and allow only deterministic kernels, and leave the caller's torch as it was."""
    # of CUDA's devices this one alone: each one touched takes memory, and other processes may train on the others
    with torch.random.fork_rng([torch.cuda.current_device()] if device.type == "cuda" else None):
        torch.manual_seed(seed)
        with _deterministic() if device.type == "cuda" else contextlib.nullcontext():
            yield


@contextlib.contextmanager
def _deterministic() -> Iterator[None]:
    """Allow only deterministic kernels. For CUDA: the CPU's are, for a thread count, and to ask costs 1.3 seconds."""
    enabled = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # or cuBLAS refuses to be deterministic
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(enabled, warn_only=warn_only)


def _draw(folder: Path, record: Checkpoint, history: History, classifier: models.Classifier, test: Split) -> bool:
    """Draw the pictures, if matplotlib is there to do it."""
    if importlib.util.find_spec("matplotlib") is None:
        warnings.warn(f"{' and '.join(PICTURES)} are not drawn: pip install 'edgedigits[plots]'", stacklevel=3)
        return False
    from edgedigits import plots

    predicted = metrics.logits(classifier, test.images).argmax(1)
    matrix = metrics.confusion(predicted, test.labels, len(record.spec.labels))
    mistakes = len(test) - int(matrix.trace())
    curves, confusion = (folder / name for name in PICTURES)
    plots.curves(history, f"{record.name}: training", curves)
    title = f"{record.name}: {mistakes:,} of {len(test):,} test images wrong"
    plots.confusion(matrix, record.spec.labels, title, confusion)
    return True
