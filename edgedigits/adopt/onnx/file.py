"""An ONNX file of somebody else's as a run: the graph as we export it, proven against the file as it was found."""

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from edgedigits.adopt.onnx.batch import constants, freed
from edgedigits.adopt.onnx.opset import opset_of, settled
from edgedigits.adopt.onnx.wrap import wrapped
from edgedigits.data.dataset import Dataset, Split
from edgedigits.errors import ModelFileError, first_line
from edgedigits.export import answers
from edgedigits.export.formats import FLOAT_LIMITS, require_format
from edgedigits.export.onnx.graph import OPSET
from edgedigits.models.checkpoint import RECORD
from edgedigits.records.adoption import Adoption, Tried
from edgedigits.records.arrays import Scores
from edgedigits.records.artifact import ANSWERS
from edgedigits.records.foreign import MODEL, ORIGINAL, ForeignNetwork
from edgedigits.records.model import Checkpoint
from edgedigits.runtime.asking import Way
from edgedigits.runtime.foreign_predictor import ForeignPredictor
from edgedigits.runtime.predictor import Predictor
from edgedigits.runtime.readers import foreign_onnx
from edgedigits.runtime.safety import Refused
from edgedigits.runtime.sandbox import open_apart
from edgedigits.runtime.session import Opening
from edgedigits.system import environment

ALONE = 100  # test images that are also given one a call
MOST_NAMED = 3  # operators, and outputs, in words


@dataclass(frozen=True)
class Kept:
    """A graph that was adopted, before it is written.

    original   the file's bytes, as they were found
    model      the same graph as we export it, without a contract yet
    logits     what the file itself answers to the test images, `[n, classes]`
    dataset    whose test images
    """

    network: ForeignNetwork
    original: bytes
    model: bytes
    logits: Scores
    dataset: Dataset
    record: Adoption
    threads: int = 1

    @property
    def versions(self) -> Mapping[str, str]:
        """Of what decided its answers."""
        return environment.versions("onnx", "onnxruntime", "numpy")

    def test_accuracy(self, dataset: Dataset) -> float:
        """On all test images, as the file itself answers them."""
        return float((self.logits.argmax(1) == dataset.test.labels).mean())

    def write(self, record: Checkpoint, folder: Path) -> Checkpoint:
        """Write the file as it was found, the graph as we export it, its answers, and their record."""
        sha256 = hashlib.sha256(self.model).hexdigest()
        record = dataclasses.replace(record, weights=MODEL, weights_sha256=sha256)
        (folder / ORIGINAL).write_bytes(self.original)
        (folder / MODEL).write_bytes(self.model)
        origin = answers.Origin(sha256, self.dataset.ref.sha256)
        (folder / ANSWERS).write_bytes(answers.packed(self.logits, origin))
        (folder / RECORD).write_text(record.to_json(), encoding="utf-8", newline="\n")
        return record


def keep(path: Path, content: bytes, original: ForeignPredictor, dataset: Dataset) -> Kept:
    """A file whose input was found, as a run.

    original   the file, asked as it was found that it takes images

    Raises ModelFileError where its graph cannot be brought to our opset or freed of a batch, and where it then answers
    a test image otherwise than the file does.
    """
    try:
        theirs = onnx.load_model_from_string(foreign_onnx.tidied(content))
        network = _network(theirs, original)
        model = exportable(theirs, network, original.asker.way, original.asker.classes)
    except Refused as error:
        raise ModelFileError(f"{path}: {error}.") from error
    predictor = _opened(path, model, dataset.labels)
    logits = original.in_batches(dataset.test.images)[0]
    _require_same_answers(path, logits, predictor, dataset.test)
    found = original.found
    record = Adoption(
        file=path.name,
        sha256=hashlib.sha256(content).hexdigest(),
        container=_container(theirs),
        structure="kept",
        layers=network.describe(),
        digits=found.digits,
        readings=tuple(Tried(row.words, row.loss, row.accuracy) for row in found.rows),
        remarks=tuple(_remarks(theirs, network, original)),
    )
    return Kept(network, content, model, logits, dataset, record)


def _network(theirs: onnx.ModelProto, original: ForeignPredictor) -> ForeignNetwork:
    found = original.found
    return ForeignNetwork(
        input=original.reading,
        scores=original.scores,
        kind=found.output,
        columns=found.columns,
        parameters=sum(array.size for array in constants(theirs.graph).values() if array.dtype.kind == "f"),
        operators=_operators(theirs.graph),
    )


def _operators(graph: onnx.GraphProto) -> str:
    """How many nodes, and which most: "12 nodes: 3 Conv, 2 Relu, ..."."""
    kinds = Counter(node.op_type for node in graph.node if node.op_type != "Constant")
    listed = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(MOST_NAMED))
    return f"{kinds.total()} nodes: {listed}" + (", ..." if len(kinds) > MOST_NAMED else "")


def exportable(theirs: onnx.ModelProto, network: ForeignNetwork, way: Way, classes: int) -> bytes:
    """A graph as we export it, without a contract yet.

    way       how many images it takes a call
    classes   scores that come out of it for an image

    Raises Refused where it cannot be brought to our opset or freed of a batch.
    """
    model = settled(_scoring(theirs, network.scores))
    seen = network.input
    if way.batch or way.bare:
        shape = seen.shape if way.bare else (way.batch or 1, *seen.shape)
        model = freed(model, shape, way.bare)
    made = wrapped(model, network, classes)
    try:
        onnx.checker.check_model(made, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise Refused(f"its graph does not fit behind the input that was found ({first_line(error)})") from error
    return bytes(made.SerializeToString(deterministic=True))


def _scoring(theirs: onnx.ModelProto, scores: str) -> onnx.ModelProto:
    """A copy whose only output are the scores."""
    copied = onnx.ModelProto()
    copied.CopyFrom(theirs)
    kept = [output for output in copied.graph.output if output.name == scores]
    del copied.graph.output[:]
    copied.graph.output.extend(kept)
    return copied


def _opened(path: Path, model: bytes, labels: tuple[str, ...]) -> Predictor:
    """The graph as we export it, in a process of its own. It passes the checks of every file on its way."""
    contract, session = open_apart(Opening(path, require_format(path), model, foreign=True))
    return Predictor(dataclasses.replace(contract, labels=labels), session)


def _require_same_answers(path: Path, logits: Scores, predictor: Predictor, test: Split) -> None:
    """Raise ModelFileError where our graph answers a test image otherwise than the file, in batches or alone."""
    together, alone = predictor.in_batches(test.images)[0], predictor.alone(test.images[:ALONE])
    changed = int((together.argmax(1) != logits.argmax(1)).sum()) + int(
        (alone.argmax(1) != logits[:ALONE].argmax(1)).sum()
    )
    apart = max(float(np.abs(found - logits[: len(found)]).max()) for found in (together, alone))
    limit = (FLOAT_LIMITS.max_logit_diff or 0.0) * max(1.0, float(logits.max() - logits.min()))
    if changed or not apart <= limit:
        raise ModelFileError(
            f"{path}: {changed:,} of {len(test):,} test images are answered otherwise by its graph behind our input, "
            f"logits are off by {apart:.2g}. Do its answers depend on the rest of the batch?"
        )


def _container(theirs: onnx.ModelProto) -> str:
    """What the file says of itself, in words."""
    maker = " ".join(word for word in (theirs.producer_name, theirs.producer_version) if word.isprintable() and word)
    return f"ONNX, opset {opset_of(theirs)}" + (f", by {maker[:60]}" if maker else "")


def _remarks(theirs: onnx.ModelProto, network: ForeignNetwork, original: ForeignPredictor) -> Iterator[str]:
    """What is to be said of the file, and what was done to its graph, in words."""
    way, opset = original.asker.way.words, opset_of(theirs)
    yield from (remark for remark in original.found.remarks if remark != way)
    if way:
        yield f"{way}; its exported file takes any number"
    if opset != OPSET:
        yield f"opset {opset} made {OPSET}"
    if others := [output.name for output in theirs.graph.output if output.name != network.scores]:
        yield f"its other outputs are left out: {_listed(others)}"
    if network.output == "probabilities":
        yield "it gives probabilities: their logarithms are its logits"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:MOST_NAMED]) + (f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else "")
