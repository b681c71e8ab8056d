"""Files that EdgeDigits did not make, compared answer by answer with a run, an exported file, or one another."""

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from typer.testing import CliRunner

from edgedigits.cli.main import app
from edgedigits.data.dataset import Dataset, Split
from edgedigits.errors import BadInput, UsageError
from edgedigits.export import manifest
from edgedigits.models.checkpoint import read_checkpoint
from edgedigits.models.weights import load_classifier
from edgedigits.records.report import OTHER_FILE, TORCH_MODEL, Limits, ParityReport
from edgedigits.verify.verifier import verify
from tests.helpers import HERE
from tests.helpers.documents import valid
from tests.helpers.unknown import digits as blotted
from tests.helpers.unknown import write_onnx

Spoil = Callable[[onnx.GraphProto], None]


def weights_of(run: Path) -> list[np.ndarray]:
    """Of a run of `fc`: weights `[out, in]` and biases, in the order of its layers."""
    return [parameter.detach().numpy() for parameter in load_classifier(read_checkpoint(run)).parameters()]


def write_theirs(
    path: Path, run: Path, batch: int | str = "N", output: str = "output", after: Spoil = lambda _: None
) -> Path:
    """The network of `fc`, as another exporter might write it: floats in, normalized by whoever asks it."""
    first, first_bias, last, last_bias = weights_of(run)
    stored = {"w1": first, "b1": first_bias, "w2": last, "b2": last_bias}
    nodes = [
        helper.make_node("Flatten", ["input"], ["flat"], axis=1),
        helper.make_node("Gemm", ["flat", "w1", "b1"], ["hidden"], transB=1),
        helper.make_node("Relu", ["hidden"], ["positive"]),
        helper.make_node("Gemm", ["positive", "w2", "b2"], [output], transB=1),
    ]
    image = helper.make_tensor_value_info("input", TensorProto.FLOAT, [batch, 1, 28, 28])
    scores = helper.make_tensor_value_info(output, TensorProto.FLOAT, [batch, 10])
    initializers = [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in stored.items()]
    graph = helper.make_graph(nodes, "theirs", [image], [scores], initializers)
    after(graph)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def behind(operator: str) -> Spoil:
    """An operator behind the scores."""

    def spoil(graph: onnx.GraphProto) -> None:
        graph.node[-1].output[:] = ["scores"]
        graph.node.append(helper.make_node(operator, ["scores"], [graph.output[0].name], axis=1))

    return spoil


def worse(graph: onnx.GraphProto) -> None:
    """Weights of the last layer that are only nearly those that were trained."""
    for tensor in graph.initializer:
        if tensor.name == "w2":
            values = numpy_helper.to_array(tensor)
            noise = np.random.default_rng(0).normal(size=values.shape).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(values + 0.05 * noise * values.std(), "w2"))


def one(path: Path, runs: Path, digits: Dataset, **options: object) -> ParityReport:
    options = {"against": "fc-tiny", "opener": HERE} | options
    (report,) = verify([path], runs=runs, dataset=digits, **options).reports  # type: ignore[arg-type]
    return report


def test_the_network_of_a_run_passes_as_another_exporter_writes_it(runs: Path, digits: Dataset, tmp_path: Path) -> None:
    report = one(write_theirs(tmp_path / "theirs.onnx", runs / "fc-tiny"), runs, digits)
    assert report.passed, report.failures
    assert (report.compared_with, report.against, report.format) == (TORCH_MODEL, "fc-tiny", "onnx")
    assert (report.flips, report.samples, report.reading) == (0, 60, "0..1, nchw")
    assert report.max_abs_diff is not None
    assert report.max_abs_diff < 1e-4
    assert report.reference_accuracy == report.accuracy
    assert {found.setting for found in report.deployments} >= {"one image a call"}
    assert {found.condition for found in report.robustness} >= {"shifted", "noise"}
    assert report.remarks == (
        "softmax missing: it gives no probabilities, whoever asks it makes them",
        "its output is called output, not logits",
    )
    assert not (tmp_path / manifest.PARITY_FILE).exists()


@pytest.mark.parametrize(
    ("batch", "words"),
    [(1, "batch size baked in: it takes 1 image a call"), (7, "batch size baked in: it takes 7 images a call")],
    ids=["one", "seven"],
)
def test_a_batch_that_is_baked_in_is_a_remark(
    batch: int, words: str, runs: Path, digits: Dataset, tmp_path: Path
) -> None:
    report = one(write_theirs(tmp_path / "theirs.onnx", runs / "fc-tiny", batch), runs, digits)
    assert report.passed, report.failures
    assert report.remarks[0] == words


@pytest.mark.parametrize(
    ("operator", "compared_as"), [("Softmax", "probabilities"), ("LogSoftmax", "log-probabilities")]
)
def test_what_is_no_logits_is_compared_as_what_it_is(
    operator: str, compared_as: str, runs: Path, digits: Dataset, tmp_path: Path
) -> None:
    report = one(write_theirs(tmp_path / "theirs.onnx", runs / "fc-tiny", after=behind(operator)), runs, digits)
    assert report.passed, report.failures
    assert (report.flips, report.compared_as) == (0, compared_as)
    assert ("it gives probabilities alone, no logits" in report.remarks) == (operator == "Softmax")


@pytest.mark.parametrize("operator", ["", "Softmax"])
def test_a_file_that_answers_otherwise_fails(operator: str, runs: Path, digits: Dataset, tmp_path: Path) -> None:
    def spoil(graph: onnx.GraphProto) -> None:
        worse(graph)
        if operator:
            behind(operator)(graph)

    report = one(write_theirs(tmp_path / "theirs.onnx", runs / "fc-tiny", after=spoil), runs, digits)
    assert report.readable
    assert not report.passed
    assert any(failure.startswith("logits: off by") for failure in report.failures), report.failures


def test_a_limit_that_is_asked_for_holds(runs: Path, digits: Dataset, tmp_path: Path) -> None:
    path = write_theirs(tmp_path / "theirs.onnx", runs / "fc-tiny", after=worse)
    wide = Limits(max_flips=60, max_logit_diff=1e3)
    assert one(path, runs, digits, limits=wide).passed
    small = one(path, runs, digits, limits=dataclasses.replace(wide, max_size=10, max_latency_us=1e9))
    assert [failure.partition(":")[0] for failure in small.failures] == ["size"]
    assert small.latency_us


def test_how_it_takes_images_can_be_said(runs: Path, digits: Dataset, tmp_path: Path) -> None:
    path = write_theirs(tmp_path / "theirs.onnx", runs / "fc-tiny")
    assert one(path, runs, digits, said="0..1, nchw").passed
    other = one(path, runs, digits, said="mean/std, nchw")
    assert other.reading == "mean/std, nchw"
    assert not other.passed
    assert "cause: normalization uses mean 0.1307, std 0.3081" in other.failures
    with pytest.raises(UsageError, match="unknown word of an input reading"):
        one(path, runs, digits, said="0..2")


def test_it_runs_in_a_process_of_its_own_and_in_another_engine(runs: Path, digits: Dataset, tmp_path: Path) -> None:
    path = write_theirs(tmp_path / "theirs.onnx", runs / "fc-tiny")
    from edgedigits.runtime.load import Opener

    report = one(path, runs, digits, opener=Opener(engine="reference"), sample=10)
    assert report.passed, report.failures
    assert report.engine
    assert (report.engine.name, report.samples, report.sampled_from) == ("reference", 10, 60)


@pytest.mark.parametrize("place", ["file", "name of a model", "theirs"])
def test_another_file_can_be_named(place: str, exports: Path, runs: Path, digits: Dataset, tmp_path: Path) -> None:
    path = write_theirs(tmp_path / "theirs.onnx", runs / "fc-tiny", batch=1)
    named = {
        "file": exports / "fc-tiny" / "fc-tiny.onnx",
        "name of a model": "fc-tiny",
        "theirs": write_theirs(tmp_path / "other.onnx", runs / "fc-tiny", after=behind("LogSoftmax")),
    }[place]
    report = one(path, tmp_path, digits, against=named, exports=exports)
    assert report.passed, report.failures
    assert (report.compared_with, report.flips, report.missing) == (OTHER_FILE, 0, None)
    assert report.compared_as == ("log-probabilities" if place == "theirs" else None)


def test_two_files_that_answer_otherwise_fail_and_the_other_is_not_called_torch(
    exports: Path, digits: Dataset, tmp_path: Path
) -> None:
    paths = [exports / name / f"{name}.onnx" for name in ("fc-tiny", "cnn-tiny")]
    page = tmp_path / "report.html"
    report = one(paths[0], tmp_path, digits, against=paths[1], html=page)
    assert not report.passed
    assert report.reading is None
    text = page.read_text()
    assert f"parity of files with {paths[1]}" in text
    assert "Other file" in text
    assert "torch margin" not in text


def test_an_exported_file_is_compared_with_another_run(exports: Path, runs: Path, digits: Dataset) -> None:
    path = exports / "fc-tiny" / "fc-tiny.onnx"
    assert one(path, runs, digits).passed
    assert not one(path, runs, digits, against="fc-28-tiny").passed


def eight_bits(graph: onnx.GraphProto) -> None:
    """Weights in 8 bits, made floats in the graph."""
    for tensor in [one for one in graph.initializer if one.name in ("w1", "w2")]:
        values, name = numpy_helper.to_array(tensor), tensor.name
        scale = np.float32(np.abs(values).max() / 127)
        tensor.CopyFrom(numpy_helper.from_array(np.rint(values / scale).astype(np.int8), f"{name}_q"))
        graph.initializer.append(numpy_helper.from_array(scale, f"{name}_scale"))
        graph.node.insert(0, helper.make_node("DequantizeLinear", [f"{name}_q", f"{name}_scale"], [name]))


def test_a_file_in_8_bits_keeps_the_limits_of_such_files(runs: Path, digits: Dataset, tmp_path: Path) -> None:
    report = one(write_theirs(tmp_path / "theirs.onnx", runs / "fc-tiny", after=eight_bits), runs, digits)
    assert report.passed, report.failures
    assert (report.format, report.limits.max_flips, report.limits.max_logit_diff) == ("onnx-int8", 50, None)
    assert "most of its weights are in 8 bits: it keeps the limits of int8 files" in report.remarks


def test_a_file_that_reads_no_digits_is_bad_input(runs: Path, digits: Dataset, tmp_path: Path) -> None:
    def blind(graph: onnx.GraphProto) -> None:
        for tensor in graph.initializer:
            tensor.CopyFrom(numpy_helper.from_array(0 * numpy_helper.to_array(tensor), tensor.name))

    report = one(write_theirs(tmp_path / "theirs.onnx", runs / "fc-tiny", after=blind), runs, digits)
    assert not report.readable
    assert "no reading of its input makes 80% of the training digits right" in report.failures[0]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("theirs.onnx", b"no model", "not a valid ONNX model"),
        ("theirs.torchscript.pt", b"PK", "theirs.torchscript.pt: "),
        ("theirs.keras", b"", "no format has its suffix"),
    ],
)
def test_what_cannot_be_asked_fails_in_a_line(
    name: str, content: bytes, reason: str, runs: Path, digits: Dataset, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    report = one(tmp_path / name, runs, digits)
    (failure,) = report.failures
    assert not report.readable
    assert reason in failure


def test_nothing_of_that_name_is_an_error(runs: Path, digits: Dataset, tmp_path: Path) -> None:
    path = write_theirs(tmp_path / "theirs.onnx", runs / "fc-tiny")
    with pytest.raises(BadInput, match="fc-tyni is missing: no file, and no model of that name"):
        one(path, runs, digits, against="fc-tyni", exports=tmp_path)
    with pytest.raises(UsageError, match="against fc-tiny: name the files"):
        verify(against="fc-tiny", runs=runs)
    with pytest.raises(UsageError, match="--input says how somebody else's file takes images: with --against"):
        verify([path], said="0..1", runs=runs)
    with pytest.raises(UsageError, match=r"its images were 'tiny': add --dataset"):
        verify([path], against=str(_alone(runs, tmp_path)), runs=tmp_path)


def _alone(runs: Path, folder: Path) -> Path:
    """An exported file whose data set has no known name."""
    from edgedigits import export

    return Path(shutil.copy(export(runs / "fc-tiny", "onnx", exports=folder / "made")[0].path, folder / "ours.onnx"))


@pytest.mark.lengthy
def test_the_command_compares_says_what_is_unusual_and_chooses_the_code(runs: Path, tmp_path: Path) -> None:
    path = write_theirs(tmp_path / "theirs.onnx", runs / "fc-tiny", batch=1)
    options = ["--against", "fc-tiny", "--runs", str(runs)]
    found = CliRunner().invoke(app, ["verify", str(path), *options])
    assert found.exit_code == 0, found.output
    lines = found.stdout.splitlines()
    assert f"{path}: input read as 0..1, nchw" in lines
    assert f"{path}: batch size baked in: it takes 1 image a call" in lines
    assert lines[-1].startswith("passed: 1 file, 60 test images of tiny; compared with fc-tiny")
    assert found.stderr.splitlines()[-1] == f"Every file answers as fc-tiny does. Next: edgedigits adopt {path}"
    document = valid("verify", CliRunner().invoke(app, ["verify", str(path), *options, "--json"]).stdout)
    assert (document["against"], document["reports"][0]["reading"]) == ("fc-tiny", "0..1, nchw")
    failing = write_theirs(tmp_path / "worse.onnx", runs / "fc-tiny", after=worse)
    assert CliRunner().invoke(app, ["verify", str(failing), *options]).exit_code == 1
    (tmp_path / "none.onnx").write_bytes(b"")
    assert CliRunner().invoke(app, ["verify", str(tmp_path / "none.onnx"), *options]).exit_code == 3
    refused = CliRunner().invoke(app, ["verify", *options]).exception
    assert isinstance(refused, UsageError)
    assert refused.exit_code == 2


def test_labels_in_another_order_are_put_right(digits: Dataset, tmp_path: Path) -> None:
    """Two linear models of strangers, the columns of one in another order."""

    def permuted(graph: onnx.GraphProto) -> None:
        order = [3, 1, 4, 0, 5, 9, 2, 6, 8, 7]
        for tensor in [one for one in graph.initializer if one.name in ("weights", "biases")]:
            values = numpy_helper.to_array(tensor)[..., np.argsort(order)]
            tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values), tensor.name))

    images, labels = blotted()
    split = Split(images, labels)
    known = dataclasses.replace(digits, train=split, test=split)
    plain = write_onnx(tmp_path / "plain.onnx", "0..1, nchw", ["N", 1, 28, 28])
    other = write_onnx(tmp_path / "other.onnx", "0..1, nchw", ["N", 1, 28, 28], spoil=permuted)
    report = one(other, tmp_path, known, against=plain)
    assert report.passed, report.failures
    assert "labels permuted: in the order of the labels, its columns are 3, 1, 4, 0, 5, 9, 2, 6, 8, 7" in report.remarks
