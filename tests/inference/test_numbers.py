"""Numbers on pictures: read by a canvas file, alone, of many pictures, and of sheets."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import edgedigits as ed
from edgedigits.bench.numbers import Counts, count
from edgedigits.data import drawn
from edgedigits.data.numbers import Written, write_numbers
from edgedigits.errors import DataError, UsageError
from edgedigits.inference.boxes import DOUBTED, SURE, draw_boxes, write_boxes
from edgedigits.inference.numbers import Number, Numbers, numbers_on, predict_numbers, read_number
from edgedigits.runtime.predictor import CanvasPredictor

FILE = Path(__file__).parents[2] / "exports" / "cnn" / "cnn.canvas.onnx"


@pytest.fixture(scope="module")
def predictor() -> CanvasPredictor:
    opened = ed.load(FILE)
    assert isinstance(opened, CanvasPredictor)
    return opened


@pytest.fixture(scope="module")
def written() -> list[Written]:
    """Numbers of drawn digits, which no data set has."""
    return write_numbers(*drawn.digits(40, seed=3), count=12, seed=4)


def test_numbers_are_read_as_they_were_written(predictor: CanvasPredictor, written: list[Written]) -> None:
    counts = count(predictor, written)
    assert counts.wrong == 0
    assert counts.exact >= 5
    assert counts == Counts(counts.exact, 0, len(written) - counts.exact)


def test_a_digit_that_is_not_sure_is_marked(predictor: CanvasPredictor, written: list[Written]) -> None:
    found = [read_number(number.canvas, model=predictor) for number in written]
    doubtful = [number for number in found if number.text and not number.number]
    assert doubtful
    for number in doubtful:
        assert number.text is not None
        assert [letter == "?" for letter in number.text] == [not digit.sure for digit in number.digits]
        assert all(digit.sure == (digit.probability >= (predictor.contract.threshold or 0)) for digit in number.digits)


def test_a_picture_may_be_a_path_a_picture_or_an_array(
    predictor: CanvasPredictor, written: list[Written], tmp_path: Path
) -> None:
    canvas = written[0].canvas
    Image.fromarray(canvas).save(tmp_path / "number.png")
    found = [
        read_number(given, model=predictor) for given in (tmp_path / "number.png", Image.fromarray(canvas), canvas)
    ]
    assert found[0].picture == str(tmp_path / "number.png")
    assert found[0].digits == found[1].digits == found[2].digits
    assert read_number(canvas, model=FILE) == found[2]
    with pytest.raises(UsageError, match="canvas: sides of 8 to 2048"):
        read_number(canvas[:4], model=predictor)
    with pytest.raises(DataError, match="missing"):
        read_number(tmp_path / "missing.png", model=predictor)


def test_boxes_are_those_of_the_picture_however_large(predictor: CanvasPredictor, written: list[Written]) -> None:
    canvas = written[0].canvas
    large = canvas.repeat(6, axis=0).repeat(6, axis=1)[:, :2048]
    for one, other in zip(
        read_number(canvas, model=predictor).digits, read_number(large, model=predictor).digits, strict=False
    ):
        assert abs(6 * one.box.left - other.box.left) <= 12
        assert abs(6 * one.box.bottom - other.box.bottom) <= 12


@pytest.fixture
def folder(written: list[Written], tmp_path: Path) -> Path:
    """A number, a sheet of two, a blank sheet, and what is no picture."""
    one, two = (number.canvas for number in written[:2])
    sheet = np.full((one.shape[0] + two.shape[0], max(one.shape[1], two.shape[1])), 235, np.uint8)
    for top, canvas in ((0, one), (one.shape[0], two)):
        light = canvas if np.median(canvas) > 127 else 255 - canvas
        sheet[top : top + len(canvas), : canvas.shape[1]] = light
    for name, canvas in {"a": one, "b": sheet, "c": np.full((90, 90), 200, np.uint8)}.items():
        Image.fromarray(canvas).save(tmp_path / f"{name}.png")
    (tmp_path / "d.png").write_text("hello")
    return tmp_path


def test_what_shows_no_number_does_not_hide_the_others(folder: Path) -> None:
    found = predict_numbers([folder], model=FILE)
    assert [bool(number.error) for number in found.numbers] == [False, True, True, True]
    assert [str(number.error).removeprefix(str(folder)) for number in found.numbers[1:3]] == [
        "/b.png: no number: 2 lines of digits: read them as a sheet.",
        "/c.png: no number: the paper is empty.",
    ]
    assert "not a readable picture" in str(found.numbers[3].error)
    assert Numbers.from_json(found.to_json().replace("\n", "")).model == str(FILE)


def test_a_sheet_has_a_number_a_line(folder: Path, written: list[Written]) -> None:
    found = predict_numbers([folder / "b.png"], sheet=True, model=FILE)
    assert len(found.numbers) == 2
    assert [len(number.digits) for number in found.numbers] == [len(number.text) for number in written[:2]]
    tops = [number.digits[0].box.top for number in found.numbers]
    assert tops == sorted(tops)


def test_marks_are_said_and_not_read(predictor: CanvasPredictor) -> None:
    canvas = np.full((100, 260), 235, np.uint8)
    canvas[30:70, [40, 41, 42, 43, 90, 91, 92, 93]] = 30
    canvas[66:71, 64:69] = 30
    (found,) = numbers_on(canvas, predictor, "picture")
    assert [digit.label for digit in found.digits] == ["1", "1"]
    assert [str(doubt) for doubt in found.doubts] == ["a space after digit 1", "a point or a comma after digit 1"]


def test_boxes_are_drawn_in_a_picture_beside_nothing_that_is_lost(
    folder: Path, predictor: CanvasPredictor, tmp_path: Path
) -> None:
    number = read_number(folder / "a.png", model=predictor)
    image = np.asarray(draw_boxes(str(folder / "a.png"), [number]))
    for digit in number.digits:
        colour = image[digit.box.top - 1, digit.box.left - 1]
        assert tuple(colour) == (SURE if digit.sure else DOUBTED)
    paths = [write_boxes(str(folder / "a.png"), [number], tmp_path) for _ in range(2)]
    assert [path.name for path in paths] == ["a.number.png", "a-1.number.png"]
    np.testing.assert_array_equal(np.asarray(Image.open(paths[0])), image)


def test_a_number_becomes_json_and_comes_back(predictor: CanvasPredictor, written: list[Written]) -> None:
    number = read_number(written[0].canvas, model=predictor)
    document = number.to_dict()
    assert list(document["digits"][0]) == ["box", "label", "probability", "sure"]
    assert list(document["digits"][0]["box"]) == ["top", "left", "bottom", "right"]
    assert Number(**{**vars(number), "digits": ()}).to_dict() == {**document, "digits": []}
