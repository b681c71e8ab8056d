"""Adopt a network that somebody else trained: `adopt("model.pt")` gives a Checkpoint, as if it had been trained here.

    ONNX file ──finding──> input ──onnx/──> its graph, behind our input ─────────────────────────┐
    tensors alone ──parts, geometry, guess──> candidates ──contest──> network ─┐
    with a class ──extracted, in a process apart──> module ──traced──> network ─┼─finding──> input ──> run folder
    torch module ────────────────────────────────────────────traced──> network ─┘

What the file does not say, training digits tell. The test images are looked at once, at the end, to report.
"""

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from edgedigits.adopt.adopted import Adopted, NoReading, Told, as_tried, found_input
from edgedigits.adopt.apart import SECONDS, Source, of_class
from edgedigits.adopt.built import as_unknown, with_columns
from edgedigits.adopt.contest import Contest
from edgedigits.adopt.guess import candidates
from edgedigits.adopt.onnx.file import Kept, keep
from edgedigits.adopt.own import of_module
from edgedigits.adopt.parts import NoFit
from edgedigits.adopt.skeleton import own_classes, skeleton
from edgedigits.adopt.weights import Weights, read_weights
from edgedigits.data.dataset import Dataset
from edgedigits.data.load import load_data
from edgedigits.errors import UsageError
from edgedigits.models.checkpoint import RECORD
from edgedigits.records.adoption import Adoption
from edgedigits.records.arguments import OneOrMore, as_path, checked, several
from edgedigits.records.arrays import Images, Int64Array
from edgedigits.records.artifact import ANSWERS, CONTRACT_KEY
from edgedigits.records.foreign import MODEL, ORIGINAL
from edgedigits.records.model import Checkpoint, Metrics, ModelSpec
from edgedigits.records.progress import Observer, ignore
from edgedigits.records.record import require_plain
from edgedigits.runtime.foreign import open_foreign
from edgedigits.runtime.foreign_predictor import ForeignPredictor
from edgedigits.runtime.load import Opener
from edgedigits.runtime.readers.onnx import stored_floats
from edgedigits.runtime.readings import parse
from edgedigits.runtime.safety.trust import read_model
from edgedigits.system import environment, files, locks, memory
from edgedigits.system.replace import require_replaceable
from edgedigits.train.resume import FILE as STATE_FILE
from edgedigits.train.trainer import FILES

UNNAMED = "adopted"  # a run, where nothing names it
ONNX_SUFFIX = ".onnx"
MOST_CLASSES = 3  # that are named in an error
GRAPH_FILES = (MODEL, ORIGINAL, ANSWERS)
OURS = (*FILES, *GRAPH_FILES, STATE_FILE)  # in the folder of a run


@checked
@memory.kept()
def adopt(
    weights: Any,
    *,
    net: str | None = None,
    args: str = "",
    name: str | None = None,
    dataset: str | Path | Dataset = "mnist",
    said: str = "",
    labels: OneOrMore[str] = (),
    data_dir: Path | None = None,
    runs: str | Path = "runs",
    force: bool = False,
    timeout: float = SECONDS,
    observer: Observer = ignore,
) -> Checkpoint:
    """Take a network that somebody trained elsewhere, and write it to `<runs>/<name>/` as a run of one's own.

    weights    a file of weights (.pt, .pth, .safetensors, ... ), of which nothing is run; an ONNX file; or a torch
               module
    net        "net.py:Net", a class (or a function that returns a module) of a .py or .ipynb file whose weights these
               are; it runs in a process of its own
    args       of its constructor, a JSON object
    name       of the run; by default the file's, or the class's
    dataset    whose training images it is shown, to find out what it takes
    said       what is known of its input: "mean/std, nchw", in the words of `runtime.readings`
    labels     of its classes, in the order of its outputs, where it has more than the data set or another order
    force      replace a run of that name
    timeout    seconds that the process with the class may take

    Without a class, a file's layers are guessed from its tensors, and rivals tried on digits. An ONNX file says what it
    computes, and runs in a process of its own: its graph is kept, and must answer every test image behind our input as
    it does without. Raises CheckpointError and ModelFileError where a file cannot be read or kept, NoFit where no
    network is made of it, NoReading where digits are read well in no way, BadInput where the class fails, UsageError
    where there is a run of that name, and what `load_data` raises.
    """
    parse(said)
    path = None if isinstance(weights, nn.Module) else as_path(weights, "weights")
    name = name or _plain(type(weights).__name__.lower() if path is None else path.stem)
    require_plain("name", name)
    folder = Path(runs) / name
    _require_free(folder, force)
    graph = _graph(path, net) if path and path.suffix.lower() == ONNX_SUFFIX else None
    source = Source.of(net, args, timeout) if net else None
    read = None if path is None or graph is not None else read_weights(path)
    digits = dataset if isinstance(dataset, Dataset) else load_data(dataset, data_dir, observer=observer)
    told = Told(said, tuple(several(labels)))
    made: Adopted | Kept
    if path and graph is not None:
        made = _of_graph(path, graph, digits, told)
    elif read is None:
        made = of_module(weights, digits, told)
    elif source:
        made = of_class(read, source, digits, told)
    else:
        made = _of_file(read, digits, told, observer)
    return _write(folder, made, digits, force)


def _graph(path: Path, net: str | None) -> bytes:
    """What is in an ONNX file of somebody else's. Raises ModelFileError, and UsageError where it is one of ours."""
    if net:
        raise UsageError(f"{path}: an ONNX file says itself what it computes. Leave out --net.")
    content = read_model(path)
    if CONTRACT_KEY.encode() in content:
        raise UsageError(f"{path}: carries a contract, and is exported already. Verify it: edgedigits verify {path}")
    return content


def _of_graph(path: Path, content: bytes, dataset: Dataset, told: Told) -> Kept:
    """The graph of an ONNX file. Raises ModelFileError."""
    model = open_foreign(path, Opener())  # the graph passes the checks first
    found = found_input(model, dataset, told.said, stored_floats(path, content))
    columns = told.columns(dataset)
    found = found if columns is None else dataclasses.replace(found, columns=tuple(columns))
    return keep(path, content, ForeignPredictor.open(path, found, Opener()), dataset)


def _of_file(weights: Weights, dataset: Dataset, told: Told, observer: Observer) -> Adopted:
    """The network that a file's tensors belong to."""
    name = str(weights.path)
    images, labels = _shuffled(dataset)
    try:
        families = candidates(weights, told.columns(dataset))
        outcome = Contest(name, images, labels, told.said, observer).choose(families)
        best = outcome.winner
        found = found_input(as_unknown(name, best.network, best.tensors), dataset, told.said, best.tensors)
        network, tensors = with_columns(best.network, best.tensors, found.columns)
    except NoFit as error:
        raise NoFit(f"{name}: {error}.{_of_its_own(weights)}\n{skeleton(weights)}") from error
    except NoReading as error:
        if not (said := _of_its_own(weights)):
            raise
        raise NoReading(f"{error}{said}\n{skeleton(weights)}", error.found) from error
    record = Adoption(
        file=weights.path.name,
        sha256=weights.sha256,
        container=weights.container,
        structure="guessed",
        layers=best.words,
        digits=found.digits,
        readings=as_tried(found),
        rivals=outcome.rivals,
        remarks=(*weights.remarks, *found.remarks),
    )
    return Adopted(dataclasses.replace(network, input=found.rows[0].input), tensors, record)


def _of_its_own(weights: Weights) -> str:
    """A sentence that its layers were guessed, where a file has modules of classes that are none of torch's."""
    classes = own_classes(weights)
    named = ", ".join(classes[:MOST_CLASSES])
    return f" Its layers were guessed: what the forward of {named} does is not read from a file." if classes else ""


def _shuffled(dataset: Dataset) -> tuple[Images, Int64Array]:
    """Training digits in another order, since some sets have class after class."""
    order = np.random.default_rng(0).permutation(len(dataset.train))
    return dataset.train.images[order], dataset.train.labels[order]


def _plain(word: str) -> str:
    """A word as the name of a folder."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", word).strip("-.") or UNNAMED


def _require_free(folder: Path, force: bool) -> None:
    """Raise UsageError where a run has that name already, or something else is there, unless somebody forces it."""
    if (folder / RECORD).exists() and not force:
        raise UsageError(f"{folder}: a run has this name. Give another with --name, or replace it with --force.")
    require_replaceable((folder / name for name in (*FILES, *GRAPH_FILES)), (), force)


def _write(folder: Path, made: Adopted | Kept, dataset: Dataset, force: bool) -> Checkpoint:
    """Write the run; the record comes back with its folder and the weights' SHA-256."""
    record = Checkpoint(
        name=folder.name,
        model=folder.name,
        spec=ModelSpec(made.network, dataset.labels),
        recipe=None,
        dataset=dataset.ref,
        metrics=Metrics(
            test_accuracy=made.test_accuracy(dataset),
            train_accuracy=made.record.readings[0].accuracy,
            validation_accuracy=None,
            train_seconds=0.0,
        ),
        versions=made.versions,
        device="cpu",
        threads=made.threads,
        processor=environment.processor(),
        adopted=made.record,
    )
    with locks.held(folder):
        _require_free(folder, force)
        with files.staged(folder) as stage:
            record = made.write(record, stage)
            for name in OURS:  # those of an earlier run would be of another model
                if not (stage / name).exists():
                    files.remove_with(stage, name)
    return dataclasses.replace(record, folder=folder)
