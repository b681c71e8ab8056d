"""`load`: a run folder or an exported file becomes a Predictor that answers alike."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from edgedigits.data.dataset import Dataset
from edgedigits.errors import BadInput, CheckpointError, ModelFileError, UsageError
from edgedigits.export.formats import get_format
from edgedigits.inference.predict import predict
from edgedigits.models import metrics
from edgedigits.models.checkpoint import read_checkpoint
from edgedigits.models.classifier import compute_logits
from edgedigits.models.weights import load_classifier
from edgedigits.runtime.inspection import inspect
from edgedigits.runtime.load import load
from tests.helpers import forms_of


@pytest.mark.parametrize("model", ["fc", "cnn"])
def test_a_run_folder_answers_as_its_classifier(model: str, runs: Path, digits: Dataset) -> None:
    record = read_checkpoint(runs / f"{model}-tiny")
    predictor = load(runs / f"{model}-tiny")
    logits, probabilities = predictor(digits.test.images)
    wanted = compute_logits(load_classifier(record), digits.test.images)
    np.testing.assert_allclose(logits, wanted, atol=1e-5)
    np.testing.assert_allclose(probabilities, metrics.softmax(wanted), atol=1e-6)
    assert (logits.argmax(1) == digits.test.labels).mean() == record.metrics.test_accuracy

    contract = predictor.contract
    assert (contract.format, contract.labels) == ("checkpoint", digits.labels)
    assert (contract.checkpoint_sha256, contract.dataset) == (record.weights_sha256, "tiny")
    assert contract.test_accuracy == record.metrics.test_accuracy


@pytest.mark.parametrize("name", forms_of("cnn-tiny"))
@pytest.mark.parametrize("count", [1, 7])
def test_an_exported_file_answers_as_its_run(name: str, count: int, runs: Path, exports: Path, digits: Dataset) -> None:
    images = digits.test.images[:count]
    predictor = load(exports / "cnn-tiny" / f"cnn-tiny{get_format(name).suffix}")
    found = predictor(images)
    assert predictor.contract.format == name
    shown = predictor.answers(images)[2]
    for scores, wanted, given in zip(found, load(runs / "cnn-tiny")(shown), ("logits", "probabilities"), strict=True):
        assert (scores.dtype, scores.shape) == (np.float32, (count, 10))
        assert np.array_equal(scores.argmax(1), wanted.argmax(1))
        if get_format(name).precision == "float" and (given == "logits" or predictor.contract.temperature is None):
            np.testing.assert_allclose(scores, wanted, atol=1e-4)


def test_a_path_may_be_a_string(runs: Path) -> None:
    assert load(str(runs / "fc-tiny")).contract == load(runs / "fc-tiny").contract


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("nothing", None, "neither a run folder nor an exported file"),
        ("notes.txt", "hello", "neither a run folder nor an exported file"),
        ("nothing.onnx", None, "cannot be read"),
        ("text.onnx", "hello", "not a valid ONNX model"),
    ],
)
def test_what_is_no_model_is_refused_by_name(name: str, content: str | None, problem: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    with pytest.raises(ModelFileError, match=problem) as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("folder", ["exports", "empty"])
def test_a_folder_that_is_no_run_is_refused(folder: str, exports: Path, tmp_path: Path) -> None:
    path = exports / "fc-tiny" if folder == "exports" else tmp_path
    with pytest.raises(BadInput) as caught:
        load(path)
    assert str(path) in str(caught.value)


def test_a_damaged_run_is_refused(runs: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(runs / "fc-tiny", tmp_path / "fc-tiny"))
    (run / "model.safetensors").write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"model\.safetensors"):
        load(run)


def test_a_renamed_canvas_file_says_how_it_should_be_called(exports: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(exports / "fc-tiny" / "fc-tiny.canvas.onnx", tmp_path / "mine.onnx"))
    wanted = r"its name says that it takes a digit, its contract a canvas\. Rename it to mine\.canvas\.onnx\."
    for ask in (load, inspect, lambda path: predict(tmp_path / "any.png", model=path)):
        with pytest.raises(ModelFileError, match=wanted):
            ask(path)


def test_a_file_of_digits_says_what_reads_a_canvas(exports: Path) -> None:
    with pytest.raises(UsageError, match="edgedigits export --input canvas"):
        load(exports / "fc-tiny" / "fc-tiny.onnx").read(np.zeros((100, 100), np.uint8))
