"""What a model's input is, found by asking: of models that were fitted to digits in a known reading."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgedigits.errors import ModelFileError, UsageError
from edgedigits.runtime import finding
from edgedigits.runtime.asking import Unknown
from edgedigits.runtime.finding import Found, find_input
from edgedigits.runtime.foreign import open_foreign
from edgedigits.runtime.load import Opener
from tests.helpers import HERE
from tests.helpers.unknown import digits, fitted, model, reading, softmax, write_onnx

READINGS = [
    "mean/std, nchw",
    "0..1, flat",
    "-1..1, nhwc",
    "0..255, nchw",
    "0..1, rgb",
    "0..1, nchw, dark ink",
    "mean/std, nhw, transposed",
    "mean/std, nchw, 32x32 padded",
    "mean/std, flat, 32x32 padded after",
    "-1..1, nchw, 32x32 resized",
]


def found(ask: Callable[[np.ndarray], Any], said: str = "", **more: Any) -> Found:
    return find_input(Unknown("theirs", ask, **more), *digits(), said)


@pytest.mark.parametrize("words", READINGS)
def test_the_reading_of_a_model_is_found(words: str) -> None:
    result = found(model(words))
    assert words in (result.rows[0].words, *result.rows[0].alike)
    assert len(result.rows[0].alike) <= ("padded" in words)  # to a linear model, no ground is another
    assert result.rows[0].accuracy > 0.9
    assert result.doubt is None
    assert len(result.rows) <= finding.BEST
    assert (result.classes, result.columns, result.output, result.digits) == (10, tuple(range(10)), "logits", 900)
    losses = [row.loss for row in result.rows[1:]]
    assert losses == sorted(losses, key=lambda loss: np.inf if loss is None else loss)


def test_a_model_of_black_and_white_is_found() -> None:
    ask = model("binarized, nhw")
    assert found(lambda batch: ask(np.floor(batch))).rows[0].words == "binarized, nhw"


def test_it_is_the_same_every_time_and_travels_as_json() -> None:
    result = found(model("mean/std, nchw"))
    assert found(model("mean/std, nchw")) == result
    assert Found.from_json(json.dumps(result.to_dict())) == result


def test_what_is_said_is_not_asked() -> None:
    result = found(model("mean/std, nchw"), "-1..1, nchw")
    assert {row.words.partition(", transposed")[0] for row in result.rows} <= {"-1..1, nchw", "-1..1, nchw, dark ink"}
    everything = found(model("mean/std, nchw"), "mean 0.13 std 0.3, nchw, light ink, upright, 28x28")
    assert [row.words for row in everything.rows] == ["mean 0.13 std 0.3, nchw"]
    with pytest.raises(UsageError, match="unknown word"):
        found(model("mean/std, nchw"), "mean/sdt")
    with pytest.raises(ModelFileError, match="in none of the layouts tried: nhwc 28x28"):
        found(model("mean/std, nchw"), "nhwc, 28x28")


@pytest.mark.parametrize(
    ("output", "after"),
    [
        ("softmax", softmax),
        ("log-softmax", lambda scores: np.log(softmax(scores) + 1e-30)),
        ("relu", lambda scores: np.maximum(scores, 0)),
    ],
)
def test_what_comes_out_is_told_apart(output: str, after: Callable[[np.ndarray], np.ndarray]) -> None:
    result = found(model("mean/std, nchw", after))
    assert (result.output, result.rows[0].words) == (output, "mean/std, nchw")
    assert any("relu" in remark for remark in result.remarks) == (output == "relu")
    if output != "relu":
        assert result.rows[0].loss == pytest.approx(found(model("mean/std, nchw")).rows[0].loss, rel=1e-3)


def test_labels_in_another_order_are_found() -> None:
    order = [3, 1, 4, 0, 5, 9, 2, 6, 8, 7]
    result = found(model("0..1, nchw", lambda scores: scores[:, np.argsort(order)]))
    assert result.columns == tuple(order)
    assert result.rows[0].words == "0..1, nchw"
    assert result.remarks == (
        "labels permuted: in the order of the labels, its columns are 3, 1, 4, 0, 5, 9, 2, 6, 8, 7",
    )


def test_labels_that_begin_with_1_are_found() -> None:
    result = found(model("0..1, nchw", lambda scores: np.roll(scores, 1, axis=1)))
    assert result.columns == (*range(1, 10), 0)
    assert result.remarks == ("its labels begin with 1: column 1 is the first",)
    eleven = found(model("0..1, nchw", lambda scores: np.concatenate([scores[:, :1] - 99, scores], axis=1)))
    assert eleven.columns == tuple(range(1, 11))
    assert "it tells 11 classes apart, of which 10 were asked for" in eleven.remarks


def test_a_class_that_is_never_answered_is_remarked() -> None:
    result = found(model("0..1, nchw", lambda scores: scores - np.eye(10)[7] * 99))
    assert result.rows[0].accuracy < 0.9
    assert "it never answers 7" in result.remarks


def test_classes_that_a_relu_killed_are_remarked_and_the_others_are_believed() -> None:
    half = np.where(np.arange(10) % 2, 99, 0)
    result = found(model("0..1, nchw", lambda scores: np.maximum(scores + 9 - half, 0)))
    assert result.rows[0].words == "0..1, nchw"
    assert result.rows[0].accuracy < 0.6
    assert "it never answers 1, 3, 5, 7, 9" in result.remarks
    assert result.doubt is None
    assert result.taken() == result.rows[0].input


def test_a_model_most_of_whose_classes_are_dead_is_not_believed() -> None:
    most = np.where(np.arange(10) > 1, 99, 0)
    result = found(model("0..1, nchw", lambda scores: np.maximum(scores + 9 - most, 0)))
    assert result.doubt is not None
    assert "makes 80% of the training digits right" in result.doubt


def test_fewer_classes_are_refused() -> None:
    with pytest.raises(ModelFileError, match="theirs: tells fewer than 10 classes apart"):
        found(model("0..1, nchw", lambda scores: scores[:, :3]))


@pytest.mark.parametrize(
    "ask",
    [lambda batch: np.zeros((len(batch), 10)) + np.arange(10), lambda batch: np.full((len(batch), 10), np.nan)],
    ids=["always the same", "not a number"],
)
def test_where_no_reading_is_right_the_best_is_shown_and_none_is_taken(ask: Callable[[np.ndarray], Any]) -> None:
    result = found(ask)
    assert result.rows
    with pytest.raises(
        ModelFileError, match="no reading of its input makes 80% of the training digits right"
    ) as caught:
        result.taken()
    assert str(caught.value) == result.doubt
    assert caught.value.exit_code == 3
    assert Found.from_json(result.to_json()) == result


def test_who_takes_no_images_says_why() -> None:
    with pytest.raises(ModelFileError, match=r"tried: nchw 28x28, .* rgb 32x32 \(expected \[5\], got \[.*\]\)\.$"):
        found(lambda batch: (_ for _ in ()).throw(RuntimeError(f"expected [5], got {list(batch.shape[1:])}\nmore")))


def test_layouts_that_are_answered_alike_are_one_row() -> None:
    ask = model("0..1, flat")
    result = found(lambda batch: ask(batch.reshape(len(batch), -1)))
    assert result.rows[0].words == "0..1, nchw"
    assert {"0..1, nhw", "0..1, flat", "0..1, nhwc"} <= set(result.rows[0].alike)
    assert len({row.words.partition(", nchw")[0] for row in result.rows}) > 1


def test_readings_that_no_bias_tells_apart_are_one_row() -> None:
    weights = np.linalg.lstsq(
        digits()[0].reshape(900, -1) / 255, np.eye(10)[digits()[1]] - 0.1, rcond=1e-2
    )[0]  # fmt: skip
    result = found(lambda batch: 12 * batch.reshape(len(batch), -1) @ weights, "nchw, 28x28")
    assert {"0..1, nchw", "0..255, nchw"} <= {result.rows[0].words, *result.rows[0].alike}
    assert result.rows[0].words != "0..255, nchw"


def test_an_unusual_reading_is_taken_only_where_it_is_far_better(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(model("0..255, nchw")).remarks == ()
    monkeypatch.setattr(finding, "FAR", 0.0)
    doubted = found(model("0..255, nchw"))
    assert doubted.rows[0].words != "0..255, nchw"
    assert "0..255, nchw has a lower loss, but hardly anybody trains so" in doubted.remarks


@pytest.mark.parametrize("count", [1, 10, 64])
def test_a_batch_that_is_baked_in_is_filled(count: int) -> None:
    ask = model("mean/std, nchw")

    def fixed(batch: np.ndarray) -> np.ndarray:
        assert len(batch) == count
        return ask(batch)

    result = found(fixed, batch=count)
    for one, other in zip(result.rows, found(ask).rows, strict=True):
        assert (one.words, one.accuracy, one.loss) == (other.words, other.accuracy, pytest.approx(other.loss, rel=1e-5))
    assert result.remarks == (f"batch size baked in: it takes {count} image{'s' if count > 1 else ''} a call",)


def test_one_image_without_an_axis_for_the_batch() -> None:
    ask = model("0..1, flat")

    def alone(image: np.ndarray) -> np.ndarray:
        scores = ask(image.reshape(-1, 784))
        return np.squeeze(np.exp(scores) / np.exp(scores).sum(0) if image.ndim > 1 else softmax(scores))

    result = found(alone, "flat")
    assert result.rows[0].words == "0..1, flat"
    assert result.output == "softmax"
    assert "it takes one image a call, without an axis for the batch" in result.remarks


def foreign(path: Path, opener: Opener = HERE) -> Found:
    return find_input(open_foreign(path, opener), *digits())


SHAPES: dict[str, tuple[str, list[int | str]]] = {
    "dynamic": ("mean/std, nchw", ["N", 1, 28, 28]),
    "nothing is said": ("mean/std, nchw", ["N", "C", "H", "W"]),
    "one image": ("0..1, nchw", [1, 1, 28, 28]),
    "ten images": ("0..1, nchw", [10, 1, 28, 28]),
    "channels last": ("0..1, nhwc", ["N", 28, 28, 1]),
    "no channels": ("-1..1, nhw", [1, 28, 28]),
    "flat": ("0..1, flat", ["N", 784]),
    "flat, 32": ("0..1, flat, 32x32 padded", ["N", 1024]),
    "one flat image": ("0..1, flat", [784]),
    "one square image": ("0..1, nhw", [28, 28]),
    "colours": ("0..1, rgb", ["N", 3, 28, 28]),
    "large": ("0..1, nchw, 32x32 padded", ["N", 1, 32, 32]),
}


@pytest.mark.parametrize("name", SHAPES)
def test_an_onnx_file_of_somebody_else_is_asked(name: str, tmp_path: Path) -> None:
    words, shape = SHAPES[name]
    assert foreign(write_onnx(tmp_path / "theirs.onnx", words, shape)).taken() == reading(words)


def test_it_runs_in_a_process_of_its_own(tmp_path: Path) -> None:
    path = write_onnx(tmp_path / "theirs.onnx", "mean/std, nchw", [1, 1, 28, 28])
    assert replace(foreign(path, Opener()), remarks=()) == replace(foreign(path), remarks=())


def test_whole_numbers_can_be_pixels_alone(tmp_path: Path) -> None:
    path = write_onnx(tmp_path / "theirs.onnx", "0..255, nchw", ["N", 1, 28, 28], element=TensorProto.UINT8)
    result = foreign(path)
    assert [row.words for row in result.rows][:1] == ["0..255, nchw"]
    assert {row.words.partition(",")[0] for row in result.rows} == {"0..255"}


def _unsorted(graph: onnx.GraphProto) -> None:
    nodes = [*graph.node][::-1]
    del graph.node[:]
    graph.node.extend(nodes)


def _dropout(graph: onnx.GraphProto) -> None:
    graph.node[-1].output[:] = ["kept"]
    graph.node.append(helper.make_node("Dropout", ["kept"], ["y"]))


def _hidden(graph: onnx.GraphProto) -> None:
    graph.output.insert(0, helper.make_tensor_value_info("row", TensorProto.FLOAT, ["N", 784]))


def _circle(graph: onnx.GraphProto) -> None:
    graph.node[0].input[:] = ["row"]


def _two_inputs(graph: onnx.GraphProto) -> None:
    graph.input.append(helper.make_tensor_value_info("mask", TensorProto.FLOAT, [1]))


@pytest.mark.parametrize("spoil", [_unsorted, _dropout, _hidden], ids=["unsorted", "idle dropout", "two outputs"])
def test_what_other_exporters_write_is_taken(spoil: Callable[[onnx.GraphProto], None], tmp_path: Path) -> None:
    path = write_onnx(tmp_path / "theirs.onnx", "0..1, nchw", ["N", 1, 28, 28], spoil=spoil)
    assert foreign(path).rows[0].words == "0..1, nchw"


REFUSED: dict[str, tuple[dict[str, Any], list[int | str], str]] = {
    "an old opset": ({"opset": 6}, ["N", 1, 28, 28], "opset 6: 7 or later wanted"),
    "a circle": ({"spoil": _circle}, ["N", 1, 28, 28], "its nodes wait for each other"),
    "two inputs": ({"spoil": _two_inputs}, ["N", 1, 28, 28], "2 inputs and 1 outputs"),
    "no square": ({}, ["N", 1, 28, 27], "no images of digits"),
    "five axes": ({}, ["N", 1, 1, 28, 28], "no images of digits"),
    "tiny": ({}, ["N", 4], "no images of digits"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_onnx_file_that_cannot_be_asked_is_refused_in_a_line(name: str, tmp_path: Path) -> None:
    how, shape, words = REFUSED[name]
    path = write_onnx(tmp_path / "theirs.onnx", "0..1, nchw", shape, **how)
    with pytest.raises(ModelFileError, match=words) as caught:
        foreign(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_other_formats_cannot_be_asked_without_a_contract(tmp_path: Path) -> None:
    path = tmp_path / "theirs.torchscript.pt"
    path.write_bytes(b"PK")
    with pytest.raises(ModelFileError, match="ONNX files alone"):
        open_foreign(path, HERE)


def test_readings_that_are_answered_alike_count_with_the_lowest_loss_of_them() -> None:
    weights = fitted("0..1, flat")[0]

    def ask(batch: np.ndarray) -> np.ndarray:
        return batch.reshape(len(batch), 784) @ weights / 255  # without biases, and of 0..255: of 0..1 it is not sure

    result = found(ask, "flat, light ink, upright")
    assert result.rows[0].words == "0..1, flat"
    assert "0..255, flat" in result.rows[0].alike
    assert (result.rows[0].loss or 0) > (result.rows[1].loss or 0)
    assert not any("mean/std" in remark for remark in result.remarks)
