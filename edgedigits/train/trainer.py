"""Train a preset: `train("cnn")` gives a Checkpoint.

Nothing is chosen while training: the weights are those after the last epoch, and only then are the
test images looked at, once.
"""

import contextlib
import dataclasses
import importlib.util
import warnings
from pathlib import Path
from typing import Any

import torch

from edgedigits.data.dataset import Dataset, Split, hold_out
from edgedigits.data.load import load_data
from edgedigits.errors import BadInput, UsageError, unknown
from edgedigits.models import metrics
from edgedigits.models.checkpoint import RECORD, read_checkpoint
from edgedigits.models.classifier import Classifier, build_classifier, compute_accuracy, compute_logits
from edgedigits.models.presets import find_preset, find_recipe
from edgedigits.models.weights import load_reference, write_checkpoint
from edgedigits.records.arguments import checked
from edgedigits.records.model import Checkpoint, DatasetRef, History, Metrics, ModelSpec, Recipe, Setup
from edgedigits.records.progress import Observer, ignore
from edgedigits.system import environment, files, locks, memory, processors
from edgedigits.system.replace import require_replaceable
from edgedigits.train import loop
from edgedigits.train.device import choose_precision, find_device, reproducible
from edgedigits.train.distributed import ALONE, World
from edgedigits.train.resume import FILE as STATE_FILE
from edgedigits.train.resume import SAVE_EVERY, State, StateSaver, find_earlier, recorded_threads

PICTURES = ("curves.png", "confusion.png")
HISTORY = "history.json"
FILES = (Checkpoint.weights, RECORD, HISTORY, *PICTURES)  # of a run
DIGITS = tuple("0123456789")
MOST_THREADS = 1024  # of the CPU: more than any machine has use for


@checked
def train(
    model: str = "cnn",
    dataset: str | Path | Dataset = "mnist",
    *,
    recipe: str | Recipe = "default",
    teacher: str | Path | None = None,
    data_dir: Path | None = None,
    device: str = "auto",
    runs: str | Path = "runs",
    resume: bool = False,
    save_every: float = SAVE_EVERY,
    force: bool = False,
    threads: int | None = None,
    observer: Observer = ignore,
    world: World = ALONE,
    **changes: Any,
) -> Checkpoint:
    """Train a preset and write it to `<runs>/<name>/`.

    model       a name from `presets.PRESETS`
    dataset     a known name, a folder of class folders, or a Dataset that is already loaded
    recipe      "default", "long", "tutorial" or a Recipe; `changes` replace fields of it (epochs=3, seed=1)
    teacher     the folder of a run of the same classes, whose probabilities are learned beside the labels
    data_dir    where published data sets lie, if not in the default place
    device      "auto" (CUDA, else MPS, else the CPU), "cpu", "cuda" or "mps"
    resume      go on where a training by that name was interrupted, to the same bytes as if it had not been; one
                that is complete is kept, and where there is none it begins
    save_every  seconds between two states to resume from
    force       replace files that git tracks, or that lie there without a record of ours
    threads     of the CPU; without it, what torch is set to, or fewer on a machine that others keep busy (a note says
                so), or, with `resume`, as many as what is gone on with
    world       the processes that train it together (`distributed.joined`), all with the same arguments;
                each takes its share of every batch, rank 0 writes, and all return the Checkpoint

    The same seed on the same machine with the same number of threads gives the same weights, byte
    for byte; several processes step as one does, but for rounding. Files of an earlier run by that
    name stay as they are until the new ones are complete. Raises UsageError on an unknown name or a
    diverging loss, where another process trains by that name, where a file there is not to be replaced, and where
    what was interrupted was begun otherwise;
    DataError; CheckpointError where its state is damaged; and MissingCapability where the device, or the room to
    write, is lacking.
    """
    if threads is not None and not 1 <= threads <= MOST_THREADS:
        raise UsageError(f"threads: 1 to {MOST_THREADS:,} wanted, {threads} given")
    spec = find_preset(model).spec
    recipe = _changed(find_recipe(model, recipe) if isinstance(recipe, str) else recipe, changes)
    target = find_device(device)
    recipe = dataclasses.replace(recipe, precision=choose_precision(recipe.precision, target))
    dataset = dataset if isinstance(dataset, Dataset) else load_data(dataset, data_dir, observer=observer)
    spec = spec.with_labels(dataset.labels)
    _require_fit(model, spec, recipe, world)
    master = _read_teacher(teacher, recipe, spec)
    recipe = dataclasses.replace(recipe, teacher=master.weights_sha256 if master else None)
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
        threads=threads or torch.get_num_threads(),
        processes=world.size,
        versions=environment.versions("torch", "numpy"),
    )
    with contextlib.ExitStack() as lock:
        world.once(lambda: lock.enter_context(locks.held(folder)))
        if threads is None and world.size == 1 and target.type == "cpu":
            setup = dataclasses.replace(setup, threads=_threads(folder, setup, resume))
        lock.enter_context(environment.torch_threads(setup.threads))
        lock.enter_context(memory.kept())
        found = world.once(lambda: _earlier(folder, setup, resume))
        if isinstance(found, Checkpoint):
            return found
        world.once(lambda: _require_own(folder, force))
        with reproducible(recipe.seed, target):
            classifier = build_classifier(spec).to(target).to(memory_format=torch.channels_last)
            with StateSaver(folder, setup, save_every, world, found) as saver:
                asked = load_reference(master).to(target) if master else None
                history = loop.fit(classifier, recipe, learn, validate, observer, world, saver, asked)
                seconds = saver.seconds
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


def _require_fit(model: str, spec: ModelSpec, recipe: Recipe, world: World) -> None:
    """Raise UsageError where a recipe is for other classes, or a network cannot be trained by several processes."""
    if recipe.written and spec.labels != DIGITS:
        raise UsageError(f"{model}: its classes are no digits 0 to 9, which a recipe that writes them is for.")
    if world.size > 1 and any(layer.op == "batch_norm" for layer in spec.listed.layers):
        raise UsageError(f"{model}: batch norm measures whole batches. Train it in one process, without torchrun.")


def run_name(model: str, dataset: DatasetRef) -> str:
    """The name of a run's folder: the preset's, with `-<dataset>` behind it when that is not MNIST.

    Its source tells, since a folder of other images may be called mnist too.
    """
    return model if dataset.source == "mnist" else f"{model}-{dataset.name}"


def _threads(folder: Path, setup: Setup, resume: bool) -> int:
    """How many threads to train with, where nobody said: as recorded, or one for each processor that is free."""
    if resume and (recorded := recorded_threads(folder, setup)):
        return recorded
    wanted = setup.threads
    load = None if processors.asked() or wanted == 1 else processors.look()
    if load is None or load.free >= wanted:
        return wanted
    warnings.warn(
        f"{setup.model}: {load.free} of {wanted} threads, since others keep {load.busy:.1f} of {load.processors} "
        f"processors busy; --threads {wanted} takes all",
        stacklevel=3,
    )
    return load.free


def _earlier(folder: Path, setup: Setup, resume: bool) -> Checkpoint | State | None:
    """What to keep, or to go on with, of an earlier training; notes say what becomes of it."""
    if not resume:
        if (folder / STATE_FILE).exists():
            warnings.warn(f"{folder}: begins anew; --resume would go on with an interrupted training", stacklevel=4)
        return None
    found = find_earlier(folder, setup)
    if isinstance(found, Checkpoint):
        warnings.warn(f"{folder}: is complete, and kept as it is", stacklevel=4)
    return found


def _require_own(folder: Path, force: bool) -> None:
    """Raise UsageError where a training would replace what is not its own: git tracks it, or no record is beside it."""
    ours = {*FILES, STATE_FILE} if _recorded(folder) else {STATE_FILE}
    require_replaceable((folder / name for name in (*FILES, STATE_FILE)), {folder / name for name in ours}, force)


def _changed(recipe: Recipe, changes: dict[str, Any]) -> Recipe:
    fields = [field.name for field in dataclasses.fields(Recipe)]
    for name in changes.keys() - fields:
        raise unknown("field of a recipe", name, fields)
    return dataclasses.replace(recipe, **changes)


def _read_teacher(folder: str | Path | None, recipe: Recipe, spec: ModelSpec) -> Checkpoint | None:
    """The run that is learned from. Raises UsageError where it is none of these classes, or not the recipe's."""
    if folder is None:
        if recipe.teacher:
            raise UsageError(f"the recipe learns from the run with weights {recipe.teacher[:12]}: add --teacher RUN.")
        return None
    found = read_checkpoint(Path(folder))
    if found.spec.labels != spec.labels:
        theirs, ours = (" ".join(labels)[:40] for labels in (found.spec.labels, spec.labels))
        raise UsageError(f"--teacher {folder}: answers with the classes {theirs}; {ours} wanted, those of the data.")
    if recipe.teacher not in (None, found.weights_sha256):
        raise UsageError(
            f"--teacher {folder}: is another run than the recipe's, which has weights {recipe.teacher[:12]}."
        )
    return found


def _measure(classifier: Classifier, dataset: Dataset, history: History, seconds: float) -> Metrics:
    return Metrics(
        test_accuracy=compute_accuracy(classifier, dataset.test.images, dataset.test.labels),
        train_accuracy=compute_accuracy(classifier, dataset.train.images, dataset.train.labels),
        validation_accuracy=history.epochs[-1].validation_accuracy,
        train_seconds=round(seconds, 3),
    )


def _write(folder: Path, record: Checkpoint, history: History, classifier: Classifier, test: Split) -> Checkpoint:
    """Write all files of a run, or none; the record comes back with its folder and the weights' SHA-256."""
    before = _recorded(folder)
    with files.staged(folder) as stage:
        record = write_checkpoint(classifier, record, stage)
        (stage / HISTORY).write_text(history.to_json(), encoding="utf-8", newline="\n")
        files.remove_with(stage, STATE_FILE)
        if not _draw(stage, record, history, classifier, test):
            for name in PICTURES:  # those of an earlier run would show another training
                files.remove_with(stage, name)
    if before and before.weights_sha256 != record.weights_sha256:
        warnings.warn(
            f"replaced: {folder}, trained otherwise ({before.metrics.test_accuracy:.2%}); files exported from it "
            "have no model any more to be compared with: export anew",
            stacklevel=4,
        )
    return dataclasses.replace(record, folder=folder)


def _recorded(folder: Path) -> Checkpoint | None:
    """What was trained there before; None where that is nothing, or none of ours."""
    try:
        return Checkpoint.read(folder / RECORD)
    except BadInput:
        return None


def _draw(folder: Path, record: Checkpoint, history: History, classifier: Classifier, test: Split) -> bool:
    """Draw the pictures, if matplotlib is there to do it."""
    if importlib.util.find_spec("matplotlib") is None:
        how = "pip install 'edgedigits[plots]', with a network"
        warnings.warn(f"{' and '.join(PICTURES)} are not drawn: {how}", stacklevel=3)
        return False
    from edgedigits.train import plots

    predicted = compute_logits(classifier, test.images).argmax(1)
    matrix = metrics.confusion(predicted, test.labels, len(record.spec.labels))
    mistakes = len(test) - int(matrix.trace())
    curves, confusion = (folder / name for name in PICTURES)
    plots.curves(history, f"{record.name}: training", curves)
    title = f"{record.name}: {mistakes:,} of {len(test):,} test images wrong"
    plots.confusion(matrix, record.spec.labels, title, confusion)
    return True
