"""Pictures in, answers out: through the canvas file, and with its errors."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from matplotlib.cbook import get_sample_data
from PIL import Image

from edgedigits import load
from edgedigits.data import canvases
from edgedigits.data.dataset import Dataset
from edgedigits.data.doubts import Doubt
from edgedigits.data.kinds import FOLDER, NO_PICTURE
from edgedigits.errors import BadInput, DataError, ModelFileError, UsageError
from edgedigits.inference.predict import find_model, predict
from edgedigits.runtime.predictor import CanvasPredictor
from tests.helpers import pages

SHELF = Path(__file__).parents[2] / "exports"


@pytest.fixture
def pictures(digits: Dataset, tmp_path: Path) -> Path:
    """A picture of each test digit's class, named after it, pasted somewhere."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index in range(0, len(digits.test), 6):
        canvas = canvases.paste(digits.test.images[index])
        Image.fromarray(canvas).save(folder / f"{digits.labels[digits.test.labels[index]]}.png")
    return folder


def test_every_digit_of_a_folder_is_read(pictures: Path, exports: Path) -> None:
    result = predict([pictures], exports=exports)
    assert result.model == str(exports / "cnn-tiny" / "cnn-tiny.canvas.onnx")
    assert len(result.predictions) == 10
    for found in result.predictions:
        assert found.answer in (Path(found.picture).stem, None)
        assert max(found.probabilities, key=lambda label: found.probabilities[label]) == Path(found.picture).stem
        assert found.probability == max(found.probabilities.values())
        assert found.seen is not None
        assert found.seen.shape == (28, 28)
        assert found.error is None
    assert sum(found.answer is not None for found in result.predictions) >= 8


def test_it_answers_as_the_file_does(pictures: Path, exports: Path) -> None:
    path = exports / "fc-tiny" / "fc-tiny.canvas.int8.onnx"
    predictor = load(path)
    assert isinstance(predictor, CanvasPredictor)
    (found,) = predict([pictures / "3.png"], model=path).predictions
    reading = predictor.read(np.asarray(Image.open(pictures / "3.png")))
    assert list(found.probabilities.values()) == reading.probabilities.tolist()
    assert found.seen is not None
    np.testing.assert_array_equal(found.seen, reading.seen)


def test_below_the_threshold_there_is_no_digit(exports: Path, tmp_path: Path) -> None:
    Image.new("L", (60, 60), 90).save(tmp_path / "blank.png")
    result = predict([tmp_path / "blank.png"], exports=exports)
    (found,) = result.predictions
    assert found.answer is None
    assert found.probability == pytest.approx(0.1)
    assert result.threshold is not None
    assert found.probability < result.threshold
    assert found.doubts == (Doubt("empty", "empty: nothing differs from the paper"),)


def test_a_picture_that_cannot_be_read_does_not_hide_the_others(pictures: Path, exports: Path) -> None:
    (pictures / "00.png").write_text("hello")
    found = predict([pictures], exports=exports).predictions
    assert [prediction.error is None for prediction in found] == [True, False, *[True] * 9]
    assert "00.png: not a readable" in (found[1].error or "")
    assert found[1].answer is None


def test_the_model_is_that_of_cnn_or_else_the_first(exports: Path, tmp_path: Path) -> None:
    assert find_model(exports).name == "cnn-tiny.canvas.onnx"
    for name in ("aa", "cnn"):
        (tmp_path / name).mkdir()
        shutil.copy(find_model(exports), tmp_path / name / f"{name}.canvas.onnx")
    assert find_model(tmp_path) == tmp_path / "cnn" / "cnn.canvas.onnx"
    with pytest.raises(BadInput, match="Run edgedigits export --input canvas"):
        find_model(tmp_path / "cnn")


@pytest.mark.parametrize("name", ["cnn-tiny.onnx", "cnn-tiny.pt2", "picture.png"])
def test_a_file_that_reads_no_canvas_is_refused(name: str, exports: Path, pictures: Path) -> None:
    with pytest.raises(ModelFileError, match=f"{name}: no canvas file"):
        predict([pictures], model=exports / "cnn-tiny" / name)


def test_a_folder_without_pictures_is_an_error(tmp_path: Path, exports: Path) -> None:
    with pytest.raises(DataError, match="no picture in this folder"):
        predict([tmp_path], exports=exports)


@pytest.mark.parametrize(
    ("canvas", "reason"),
    [
        (np.full((28, 28), -0.42, np.float32), "float32"),
        (np.full((28, 28), np.nan), "float64"),
        (np.zeros((2, 28, 28), np.uint8), r"uint8 \[2, 28, 28\] given"),
        (np.zeros((28, 28, 5), np.uint8), r"\[28, 28, 5\] given"),
        (np.zeros((7, 28), np.uint8), "sides of 8 to 2048 pixels wanted"),
        (np.zeros((28, 2049), np.uint8), "sides of 8 to 2048 pixels wanted"),
        (np.zeros((0, 0), np.uint8), "sides of 8 to 2048 pixels wanted"),
    ],
)
def test_a_canvas_of_another_type_rank_or_size_is_refused(canvas: np.ndarray, reason: str, exports: Path) -> None:
    predictor = load(find_model(exports))
    assert isinstance(predictor, CanvasPredictor)
    with pytest.raises(UsageError, match=reason):
        predictor.read(canvas)


def test_what_a_folder_holds_besides_pictures_is_named(pictures: Path, exports: Path) -> None:
    (pictures / "labels.csv").write_text("3.png,3")
    (pictures / "more").mkdir()
    result = predict([pictures], exports=exports)
    assert len(result.predictions) == 10
    assert [(skipped.count, skipped.reason) for skipped in result.skipped] == [(1, NO_PICTURE), (1, FOLDER)]
    assert result.to_dict()["skipped"][0]["examples"] == [str(pictures / "labels.csv")]


PAGES = {
    "a page of text": lambda: pages.text(40, 22),
    "large print": lambda: pages.text(5, 60),
    "a code": pages.code,
    "a large code": lambda: pages.code(45, 6),
    "a photograph": pages.photograph,
    "a portrait": lambda: np.asarray(Image.open(get_sample_data("grace_hopper.jpg", asfileobj=False)).convert("L")),
}


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("name", ["reader", "reader-deep"])
def test_what_shows_no_digit_is_no_digit_to_the_readers_of_the_shelf(name: str, page: str) -> None:
    file = load(SHELF / name / f"{name}.canvas.onnx")
    assert isinstance(file, CanvasPredictor)
    assert file.read(PAGES[page]()).probabilities.max() < file.contract.threshold
