"""ONNX files of other exporters become runs: whatever they take and give, their exported files keep our contract."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import edgedigits as ed
from edgedigits.adopt.adopted import NoReading
from edgedigits.adopt.adopter import adopt
from edgedigits.data.dataset import Dataset, Split
from edgedigits.errors import CheckpointError, ModelFileError, UsageError
from edgedigits.models.checkpoint import read_checkpoint
from edgedigits.records.adoption import Adoption
from edgedigits.records.artifact import ANSWERS
from edgedigits.records.foreign import MODEL, ORIGINAL, ForeignNetwork
from edgedigits.records.report import ADOPTED_FILE
from edgedigits.runtime.readings import in_words
from tests.helpers import few
from tests.helpers.unknown import digits as blotted
from tests.helpers.unknown import write_onnx

ORDER = [3, 1, 4, 0, 5, 9, 2, 6, 8, 7]
Spoil = Callable[[onnx.GraphProto], None]


@pytest.fixture(scope="module")
def known(digits: Dataset) -> Dataset:
    """Digits that the models here were fitted to."""
    split = Split(*blotted())
    return dataclasses.replace(digits, train=split, test=split)


def behind(operator: str, axis: int | None = 1) -> Spoil:
    """An operator behind the scores."""

    def spoil(graph: onnx.GraphProto) -> None:
        graph.node[-1].output[:] = ["before"]
        attributes = {} if axis is None else {"axis": axis}
        graph.node.append(helper.make_node(operator, ["before"], ["y"], **attributes))

    return spoil


def hidden(graph: onnx.GraphProto) -> None:
    """An output more, before the scores."""
    graph.output.insert(0, helper.make_tensor_value_info("row", TensorProto.FLOAT, ["N", 784]))


def permuted(graph: onnx.GraphProto) -> None:
    for tensor in [one for one in graph.initializer if one.name in ("weights", "biases")]:
        values = numpy_helper.to_array(tensor)[..., np.argsort(ORDER)]
        tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values), tensor.name))


def fixed(count: int) -> Spoil:
    """The batch also in what is reshaped."""

    def spoil(graph: onnx.GraphProto) -> None:
        for tensor in [one for one in graph.initializer if one.name == "flat"]:
            tensor.CopyFrom(numpy_helper.from_array(np.array([count, 784]), "flat"))

    return spoil


def vector(graph: onnx.GraphProto) -> None:
    """One image as a row, and scores of rank 1, with a softmax over them."""
    del graph.node[:]
    nodes = [
        helper.make_node("Reshape", ["x", "flat"], ["row"]),
        helper.make_node("Gather", ["row", "first"], ["pixels"], axis=0),
        helper.make_node("MatMul", ["pixels", "weights"], ["product"]),
        helper.make_node("Add", ["product", "biases"], ["sum"]),
        helper.make_node("Softmax", ["sum"], ["y"], axis=0),
    ]
    graph.node.extend(nodes)
    graph.initializer.append(numpy_helper.from_array(np.array(0), "first"))
    graph.output[0].CopyFrom(helper.make_tensor_value_info("y", TensorProto.FLOAT, [10]))


@dataclasses.dataclass(frozen=True)
class Case:
    """A file: its reading in words, the shape of its input, what is unusual in it, what is said of it, and by us."""

    words: str = "0..1, nchw"
    shape: tuple[int | str, ...] = ("N", 1, 28, 28)
    opset: int = 17
    spoil: Spoil = lambda _: None
    remarks: tuple[str, ...] = ()
    kind: str = "logits"
    said: str = ""


def alone(count: int) -> tuple[str, ...]:
    images = "1 image" if count == 1 else f"{count} images"
    return (f"batch size baked in: it takes {images} a call; its exported file takes any number",)


BARE = ("it takes one image a call, without an axis for the batch; its exported file takes any number",)
LOG = ("it gives probabilities: their logarithms are its logits",)
CASES = {
    "dynamic": Case("mean/std, nchw"),
    "batch of 1": Case("mean/std, nchw", (1, 1, 28, 28), spoil=fixed(1), remarks=alone(1)),
    "batch of 10": Case(shape=(10, 1, 28, 28), spoil=fixed(10), remarks=alone(10)),
    "batch of 64": Case(shape=(64, 1, 28, 28), spoil=fixed(64), remarks=alone(64)),
    "channels last": Case(
        "0..1, nhwc",
        ("N", 28, 28, 1),
        remarks=("channels last: it takes images as [n, side, side, channels]",),
    ),
    "no channels": Case("-1..1, nhw", (1, 28, 28), remarks=alone(1)),
    "no batch": Case("0..1, nhw", (28, 28), remarks=BARE),
    "flat": Case("0..1, flat", ("N", 784)),
    "flat, no batch": Case("0..1, flat", (784,), remarks=BARE),
    "three channels": Case("0..1, rgb", ("N", 3, 28, 28)),
    "32x32": Case("0..1, nchw, 32x32 padded", ("N", 1, 32, 32)),
    "32x32 resized": Case("0..1, nchw, 32x32 resized", ("N", 1, 32, 32)),
    "an image's own mean": Case("per image, nchw", said="per image"),
    "binarized": Case("binarized, nchw", said="binarized"),
    "dark ink": Case("0..1, nchw, dark ink", remarks=("ink and paper swapped: it sees dark ink on light paper",)),
    "transposed": Case("0..1, nchw, transposed", remarks=("transposed: rows and columns of the images are swapped",)),
    "rank 1": Case("0..1, nhw", (1, 28, 28), spoil=vector, remarks=(*alone(1), *LOG), kind="softmax"),
    "two outputs": Case(spoil=hidden, remarks=("its other outputs are left out: row",)),
    "opset 7": Case(opset=7, remarks=("opset 7 made 17",)),
    "opset 9": Case(opset=9, spoil=behind("Softmax"), remarks=("opset 9 made 17", *LOG), kind="softmax"),
    "opset 11": Case(opset=11, remarks=("opset 11 made 17",)),
    "opset 20": Case(opset=20, spoil=behind("LogSoftmax"), remarks=("opset 20 made 17",), kind="log-softmax"),
    "relu": Case(spoil=behind("Relu", None), remarks=("a relu cuts off its output: classes below 0 tie",), kind="relu"),
    "permuted labels": Case(
        spoil=permuted,
        remarks=(f"labels permuted: in the order of the labels, its columns are {', '.join(map(str, ORDER))}",),
    ),
}


FEW = ("batch of 10", "no batch", "three channels", "dark ink", "opset 9", "permuted labels")


def written(path: Path, case: Case) -> Path:
    return write_onnx(path, case.words, list(case.shape), case.opset, spoil=case.spoil)


def made_of(run: ed.Checkpoint) -> tuple[Adoption, ForeignNetwork]:
    assert run.adopted
    assert isinstance(run.spec.network, ForeignNetwork)
    assert read_checkpoint(run.folder) == run
    return run.adopted, run.spec.network


@pytest.mark.lengthy
@pytest.mark.parametrize("name", few(CASES, FEW))
def test_a_file_is_adopted_exported_and_proven(name: str, known: Dataset, tmp_path: Path) -> None:
    case = CASES[name]
    path = written(tmp_path / "theirs.onnx", case)
    run = adopt(path, dataset=known, runs=tmp_path / "runs", said=case.said)
    record, network = made_of(run)
    assert (record.structure, record.readings[0].words, network.kind) == ("kept", case.words, case.kind)
    assert in_words(network.input) == case.words
    assert record.remarks == case.remarks
    assert (run.folder / ORIGINAL).read_bytes() == path.read_bytes()
    (file,) = ed.export(run, "onnx", exports=tmp_path / "exports")
    (report,) = ed.verify([file], dataset=known, runs=tmp_path / "runs", exports=tmp_path / "exports").reports
    assert (report.passed, report.flips, report.compared_with) == (True, 0, ADOPTED_FILE), report.failures
    assert report.accuracy == run.metrics.test_accuracy > 0.8
    predict = ed.load(file.path)
    assert predict.contract.labels == known.labels
    assert predict.contract.input.shape == ("batch", 28, 28)
    model = onnx.load(file.path)
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 17)]
    assert model.ir_version == 8


def test_weights_are_untouched(known: Dataset, tmp_path: Path) -> None:
    path = written(tmp_path / "theirs.onnx", CASES["opset 9"])
    run = adopt(path, dataset=known, runs=tmp_path)

    def weights(model: onnx.ModelProto) -> set[bytes]:
        return {numpy_helper.to_array(one).tobytes() for one in model.graph.initializer if len(one.dims) == 2}

    assert weights(onnx.load(path)) == weights(onnx.load(run.folder / MODEL))


def test_a_device_without_the_run_compares_with_answers_that_travelled(known: Dataset, tmp_path: Path) -> None:
    run = adopt(written(tmp_path / "theirs.onnx", CASES["batch of 10"]), dataset=known, runs=tmp_path / "runs")
    files = ed.export(run, "onnx", exports=tmp_path / "exports")
    (report,) = ed.verify(files, dataset=known, runs=tmp_path / "none", exports=tmp_path / "exports").reports
    assert (report.passed, report.flips, report.compared_with) == (True, 0, "answers")


def test_a_canvas_file_is_made_of_it_too(known: Dataset, tmp_path: Path) -> None:
    run = adopt(written(tmp_path / "theirs.onnx", CASES["channels last"]), dataset=known, runs=tmp_path)
    (file,) = ed.export(run, input="canvas", dataset=known, exports=tmp_path / "exports")
    reading = ed.load(file.path).read(np.zeros((60, 80), np.uint8))
    assert (file.format, reading.seen.shape) == ("onnx-canvas", (28, 28))


def test_what_cannot_be_made_of_a_graph_is_refused_or_left_out(known: Dataset, tmp_path: Path) -> None:
    run = adopt(written(tmp_path / "theirs.onnx", CASES["dynamic"]), dataset=known, runs=tmp_path)
    for options in ({"format": "torchscript"}, {"quantize": True}, {"format": "onnx-int8"}):
        with pytest.raises(UsageError, match="theirs was adopted as an ONNX graph, which is exported as it is"):
            ed.export(run, exports=tmp_path / "exports", **options)  # type: ignore[arg-type]
    assert not (tmp_path / "exports" / "theirs").exists()
    with pytest.warns(UserWarning, match="torchscript left out"):
        assert [file.format for file in ed.export(run, exports=tmp_path / "exports")] == ["onnx"]


def test_a_run_that_was_changed_is_named(known: Dataset, tmp_path: Path) -> None:
    run = adopt(written(tmp_path / "theirs.onnx", CASES["dynamic"]), dataset=known, runs=tmp_path / "runs")
    files = ed.export(run, "onnx", exports=tmp_path / "exports")
    (run.folder / ORIGINAL).write_bytes(written(tmp_path / "other.onnx", CASES["relu"]).read_bytes())
    (report,) = ed.verify(files, dataset=known, runs=tmp_path / "runs", exports=tmp_path / "exports").reports
    assert "original.onnx: missing, or changed since it was adopted" in report.failures[0]
    (run.folder / MODEL).write_bytes(b"")
    with pytest.raises(CheckpointError, match="changed since it was recorded"):
        ed.export(run, "onnx", exports=tmp_path / "exports")


def test_another_run_in_its_place_leaves_nothing_of_it(
    known: Dataset, digits: Dataset, runs: Path, tmp_path: Path
) -> None:
    run = adopt(written(tmp_path / "theirs.onnx", CASES["dynamic"]), dataset=known, runs=tmp_path)
    assert {path.name for path in run.folder.iterdir()} == {MODEL, ORIGINAL, ANSWERS, "checkpoint.json"}
    weights = runs / "fc-tiny" / "model.safetensors"
    with pytest.raises(UsageError, match="a run has this name"):
        adopt(weights, name="theirs", dataset=digits, runs=tmp_path)
    adopt(weights, name="theirs", dataset=digits, runs=tmp_path, said="0..1, upright", force=True)
    assert {path.name for path in run.folder.iterdir()} == {"model.safetensors", "checkpoint.json"}


def training_norm(graph: onnx.GraphProto) -> None:
    """Batch norm that goes by the batch."""
    graph.node[-1].output[:] = ["before"]
    names = ["scale", "shift", "means", "deviations"]
    graph.node.append(
        helper.make_node("BatchNormalization", ["before", *names], ["y", "m", "v"], training_mode=1, epsilon=1e-3)
    )
    for name in names:
        graph.initializer.append(numpy_helper.from_array(np.ones(10, np.float32), name))


def training_dropout(graph: onnx.GraphProto) -> None:
    graph.node[-1].output[:] = ["before"]
    graph.node.append(helper.make_node("Dropout", ["before", "", "yes"], ["y"]))
    graph.initializer.append(numpy_helper.from_array(np.array(True), "yes"))


def outside(graph: onnx.GraphProto) -> None:
    """Weights in a file that is not there."""
    tensor = next(one for one in graph.initializer if one.name == "weights")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="weights.bin")


def mixing(graph: onnx.GraphProto) -> None:
    """A softmax over the images of a batch, before the scores."""
    graph.node[-1].input[0] = "mixed"
    graph.node.insert(2, helper.make_node("ReduceMax", ["row"], ["most"], axes=[0]))
    graph.node.insert(3, helper.make_node("Sub", ["row", "most"], ["apart"]))
    graph.node.insert(4, helper.make_node("Add", ["apart", "most"], ["mixed"]))


REFUSED: dict[str, tuple[Case, str]] = {
    "opset 6": (Case(opset=6), "opset 6: 7 or later wanted"),
    "external data": (Case(spoil=outside), "external data"),
    "dropout in training": (Case(spoil=training_dropout), "operator Dropout: not deterministic"),
    "batch norm in training": (Case(spoil=training_norm), "operator BatchNormalization: still in training mode"),
    "a batch that is computed with": (
        Case(shape=(10, 1, 28, 28), spoil=mixing),
        "ReduceMax 'most' runs over the images of a batch",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_kept_is_refused_in_a_line(name: str, known: Dataset, tmp_path: Path) -> None:
    case, words = REFUSED[name]
    path = written(tmp_path / "theirs.onnx", case)
    with pytest.raises(ModelFileError) as caught:
        adopt(path, dataset=known, runs=tmp_path / "runs")
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")
    assert len(str(caught.value).splitlines()) == 1
    assert caught.value.exit_code == 3
    assert not (tmp_path / "runs").exists()


def test_text_ours_and_what_reads_no_digits_are_refused(known: Dataset, exports: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.onnx"
    text.write_text("version https://example.org")
    with pytest.raises(ModelFileError, match=r"text\.onnx: not a valid ONNX model"):
        adopt(text, dataset=known, runs=tmp_path / "runs")
    ours = exports / "fc-tiny" / "fc-tiny.onnx"
    with pytest.raises(UsageError, match="carries a contract, and is exported already"):
        adopt(ours, dataset=known, runs=tmp_path / "runs")
    with pytest.raises(UsageError, match="Leave out --net"):
        adopt(text, net="net.py:Net", dataset=known, runs=tmp_path / "runs")

    def blind(graph: onnx.GraphProto) -> None:
        for tensor in [one for one in graph.initializer if one.name == "weights"]:
            tensor.CopyFrom(numpy_helper.from_array(0 * numpy_helper.to_array(tensor), tensor.name))

    with pytest.raises(NoReading):
        adopt(written(tmp_path / "blind.onnx", Case(spoil=blind)), dataset=known, runs=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()
