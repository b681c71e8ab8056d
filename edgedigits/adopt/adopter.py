"""Adopt a network that somebody else trained: `adopt("model.pt")` gives a Checkpoint, as if it had been trained here.

    weights file ──parts, geometry, guess──> candidates ──contest──> network ─┐
    torch module ──traced────────────────────────────────────────> network ─┴─finding──> input ──> run folder

What the file does not say, training digits tell. The test images are looked at once, at the end, to report.
"""

import copy
import dataclasses
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from edgedigits.adopt.built import as_unknown, ask, complete, with_columns, without_softmax
from edgedigits.adopt.contest import Contest
from edgedigits.adopt.guess import Candidate, candidates
from edgedigits.adopt.parts import NoFit
from edgedigits.adopt.skeleton import skeleton
from edgedigits.adopt.traced import read_module
from edgedigits.adopt.weights import Weights, read_weights
from edgedigits.data.dataset import Dataset
from edgedigits.data.load import load_data
from edgedigits.errors import BadInput, CheckpointError, UsageError
from edgedigits.models.checkpoint import RECORD
from edgedigits.models.classifier import Classifier, build_classifier, compute_accuracy, compute_logits
from edgedigits.models.weights import write_checkpoint
from edgedigits.records.adoption import Adoption, Tried
from edgedigits.records.arguments import OneOrMore, as_path, checked, several
from edgedigits.records.arrays import EVALUATION_BATCH, Images, Int64Array, Scores
from edgedigits.records.model import Checkpoint, Metrics, ModelSpec
from edgedigits.records.network import Network
from edgedigits.records.progress import Observer, ignore
from edgedigits.records.record import require_plain
from edgedigits.runtime.asking import Unknown
from edgedigits.runtime.finding import Found, find_input
from edgedigits.runtime.readings import parse, present
from edgedigits.system import environment, files, locks
from edgedigits.system.replace import require_replaceable
from edgedigits.train.resume import FILE as STATE_FILE
from edgedigits.train.trainer import FILES

UNNAMED = "adopted"  # a run, where nothing names it


class NoReading(BadInput):
    """Training digits are read well in no way that was tried; `found` has the best."""

    def __init__(self, message: str, found: Found) -> None:
        super().__init__(message)
        self.found = found


@dataclass(frozen=True)
class Told:
    """What somebody says of a network: of its input in words, and its classes in the order of its outputs."""

    said: str
    labels: tuple[str, ...]

    def columns(self, dataset: Dataset) -> list[int] | None:
        """Where the data set's classes are among the network's; None where nothing is said. Raises UsageError."""
        if not self.labels:
            return None
        if missing := [label for label in dataset.labels if label not in self.labels]:
            raise UsageError(f"labels: no '{missing[0]}' among {', '.join(self.labels)}, as {dataset.ref.name} has it")
        return [self.labels.index(label) for label in dataset.labels]


@dataclass(frozen=True)
class Adopted:
    """A network with its input, its tensors by the names of its state dict, and what is recorded of it."""

    network: Network
    tensors: Mapping[str, Tensor | Scores]
    record: Adoption

    def classifier(self, labels: tuple[str, ...]) -> Classifier:
        """The same in torch, in evaluation mode."""
        classifier = build_classifier(ModelSpec(self.network, labels))
        state = complete(self.network, self.tensors)
        classifier.load_state_dict({f"network.{name}": tensor for name, tensor in state.items()})
        return classifier.eval()


@checked
def adopt(
    weights: Any,
    *,
    name: str | None = None,
    dataset: str | Path | Dataset = "mnist",
    said: str = "",
    labels: OneOrMore[str] = (),
    data_dir: Path | None = None,
    runs: str | Path = "runs",
    force: bool = False,
    observer: Observer = ignore,
) -> Checkpoint:
    """Take a network that somebody trained elsewhere, and write it to `<runs>/<name>/` as a run of one's own.

    weights    a file of weights (.pt, .pth, .safetensors, ... ), of which nothing is run; or a torch module
    name       of the run; by default the file's, or the class's
    dataset    whose training images it is shown, to find out what it takes
    said       what is known of its input: "mean/std, nchw", in the words of `runtime.readings`
    labels     of its classes, in the order of its outputs, where it has more than the data set or another order
    force      replace a run of that name

    A file's layers are guessed from its tensors, and rivals tried on digits; a module's are its own. Raises
    CheckpointError where a file cannot be read, NoFit where no network is made of it, NoReading where digits are read
    well in no way, UsageError where there is a run of that name, and what `load_data` raises.
    """
    parse(said)
    path = None if isinstance(weights, nn.Module) else as_path(weights, "weights")
    name = name or _plain(type(weights).__name__.lower() if path is None else path.stem)
    require_plain("name", name)
    folder = Path(runs) / name
    _require_free(folder, force)
    read = None if path is None else read_weights(path)
    digits = dataset if isinstance(dataset, Dataset) else load_data(dataset, data_dir, observer=observer)
    told = Told(said, tuple(several(labels)))
    if read is None:
        return _write(folder, _of_module(weights, digits, told), digits, force)
    return _write(folder, _of_file(read, digits, told, observer), digits, force)


def _of_file(weights: Weights, dataset: Dataset, told: Told, observer: Observer) -> Adopted:
    """The network that a file's tensors belong to."""
    name = str(weights.path)
    images, labels = _shuffled(dataset)
    try:
        geometries = _candidates(weights, told.columns(dataset))
        outcome = Contest(name, images, labels, told.said, observer).choose(geometries)
        best = outcome.winner
        found = _found(as_unknown(name, best.network, best.tensors), dataset, told.said)
        network, tensors = with_columns(best.network, best.tensors, found.columns)
    except NoFit as error:
        raise NoFit(f"{name}: {error}.\n{skeleton(weights)}") from error
    record = Adoption(
        file=weights.path.name,
        sha256=weights.sha256,
        container=weights.container,
        structure="guessed",
        layers=best.words,
        digits=found.digits,
        readings=_readings(found),
        rivals=outcome.rivals,
        remarks=(*weights.remarks, *found.remarks),
    )
    return Adopted(dataclasses.replace(network, input=found.rows[0].input), tensors, record)


def _candidates(weights: Weights, columns: Sequence[int] | None) -> list[list[Candidate]]:
    """The networks that may be, of those classes alone, where they are named."""
    geometries = candidates(weights)
    if columns is None:
        return geometries
    return [[_narrowed(candidate, columns) for candidate in styles] for styles in geometries]


def _narrowed(candidate: Candidate, columns: Sequence[int]) -> Candidate:
    network, tensors = with_columns(candidate.network, candidate.tensors, columns)
    return dataclasses.replace(candidate, network=network, tensors=tensors)


def _of_module(module: nn.Module, dataset: Dataset, told: Told) -> Adopted:
    """A module's own layers, which answer every test image as it does."""
    asked = copy.deepcopy(module).eval().cpu().float()
    title = type(module).__name__
    found = _found(Unknown(title, lambda batch: ask(asked, batch)), dataset, told.said)
    seen = found.rows[0].input
    traced = read_module(asked, seen)
    columns = told.columns(dataset) or list(found.columns)
    network, tensors = with_columns(without_softmax(traced.network), traced.state, columns)
    training = ["it was in training mode, where dropout and batch norm change answers"] if module.training else []
    record = Adoption(
        file=title,
        sha256=_digest(asked.state_dict()),
        container="module",
        structure="traced",
        layers=network.describe(),
        digits=found.digits,
        readings=_readings(found),
        remarks=(*training, *found.remarks),
    )
    made = Adopted(network, tensors, record)
    _require_same_answers(asked, made, dataset, columns)
    return made


def _require_same_answers(module: nn.Module, made: Adopted, dataset: Dataset, columns: Sequence[int]) -> None:
    """Raise CheckpointError where the module, asked by torch in its own way, answers a test image otherwise."""
    images = dataset.test.images
    starts = range(0, len(images), EVALUATION_BATCH)
    theirs = [ask(module, present(made.network.input, images[at : at + EVALUATION_BATCH])) for at in starts]
    ours = compute_logits(made.classifier(dataset.labels), images)
    changed = int((np.concatenate(theirs)[:, list(columns)].argmax(1) != ours.argmax(1)).sum())
    if changed:
        raise CheckpointError(
            f"{made.record.file}: {changed:,} of {len(images):,} test images are answered otherwise by the layers that "
            "were read from it. Do its answers depend on the rest of the batch, or on chance?"
        )


def _found(model: Unknown, dataset: Dataset, said: str) -> Found:
    """What a model's input is. Raises NoReading where it reads digits well in no way."""
    found = find_input(model, dataset.train.images, dataset.train.labels, said)
    if found.doubt:
        raise NoReading(found.doubt, found)
    return found


def _readings(found: Found) -> tuple[Tried, ...]:
    return tuple(Tried(row.words, row.loss, row.accuracy) for row in found.rows)


def _shuffled(dataset: Dataset) -> tuple[Images, Int64Array]:
    """Training digits in another order, since some sets have class after class."""
    order = np.random.default_rng(0).permutation(len(dataset.train))
    return dataset.train.images[order], dataset.train.labels[order]


def _digest(state: Mapping[str, Tensor]) -> str:
    """SHA-256 of a module's tensors, with their names."""
    digest = hashlib.sha256()
    for name, tensor in state.items():
        digest.update(name.encode() + np.ascontiguousarray(tensor.numpy()).tobytes())
    return digest.hexdigest()


def _plain(word: str) -> str:
    """A word as the name of a folder."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", word).strip("-.") or UNNAMED


def _require_free(folder: Path, force: bool) -> None:
    """Raise UsageError where a run has that name already, or something else is there, unless somebody forces it."""
    if (folder / RECORD).exists() and not force:
        raise UsageError(f"{folder}: a run has this name. Give another with --name, or replace it with --force.")
    require_replaceable((folder / name for name in FILES), (), force)


def _write(folder: Path, made: Adopted, dataset: Dataset, force: bool) -> Checkpoint:
    """Write the run; the record comes back with its folder and the weights' SHA-256."""
    classifier = made.classifier(dataset.labels)
    record = Checkpoint(
        name=folder.name,
        model=folder.name,
        spec=ModelSpec(made.network, dataset.labels),
        recipe=None,
        dataset=dataset.ref,
        metrics=Metrics(
            test_accuracy=compute_accuracy(classifier, dataset.test.images, dataset.test.labels),
            train_accuracy=compute_accuracy(classifier, dataset.train.images, dataset.train.labels),
            validation_accuracy=None,
            train_seconds=0.0,
        ),
        versions=environment.versions("torch", "numpy"),
        device="cpu",
        threads=torch.get_num_threads(),
        processor=environment.processor(),
        adopted=made.record,
    )
    with locks.held(folder):
        _require_free(folder, force)
        with files.staged(folder) as stage:
            record = write_checkpoint(classifier, record, stage)
            for name in (*FILES, STATE_FILE):  # those of an earlier run would be of another model
                if not (stage / name).exists():
                    files.remove_with(stage, name)
    return dataclasses.replace(record, folder=folder)
