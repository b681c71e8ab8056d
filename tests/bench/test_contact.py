"""Contact sheets: what was missed is on them, and nothing else."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgedigits.bench import contact
from edgedigits.bench.contact import Miss, misses, worst, write_sheets
from edgedigits.bench.pictures import DIGIT, NO_DIGIT, NOTHING, NUMBER, Labelled, Pictures
from edgedigits.data import canvases, drawn
from edgedigits.data.numbers import write_numbers
from edgedigits.inference.predict import open_canvas_file
from edgedigits.runtime.load import Opener
from edgedigits.runtime.predictor import CanvasPredictor

READER = Path(__file__).parents[2] / "exports" / "reader" / "reader.canvas.onnx"
IMAGES, LABELS = drawn.digits(10, seed=0)


@pytest.fixture(scope="module")
def predictor() -> CanvasPredictor:
    return open_canvas_file(READER, Opener(isolated=False))


def pictures(show: str, labelled: Callable[[], Labelled]) -> Pictures:
    return Pictures("A group, of some", "all", labelled, show)


def digits(label: Callable[[int], int]) -> Callable[[], Labelled]:
    return lambda: iter([(canvases.paste(IMAGES[index]), label(int(LABELS[index]))) for index in range(10)])


def test_what_is_read_as_it_was_written_is_no_miss(predictor: CanvasPredictor) -> None:
    assert list(misses(predictor, pictures(DIGIT, digits(lambda label: label)))) == []


def test_a_wrong_answer_says_what_was_written_and_what_was_read(predictor: CanvasPredictor) -> None:
    found = list(misses(predictor, pictures(DIGIT, digits(lambda label: (label + 1) % 10))))
    assert [(miss.said[:4], miss.wrong) for miss in found] == [(f"{(n + 1) % 10}: {n}", True) for n in LABELS]
    assert all(miss.seen is not None and miss.seen.shape == (28, 28) for miss in found)


def test_a_blank_page_is_missed_where_a_digit_is_wanted_alone(predictor: CanvasPredictor) -> None:
    def blank(label: int) -> Callable[[], Labelled]:
        return lambda: iter([(np.full((60, 60), 200, np.uint8), label)])

    (found,) = misses(predictor, pictures(DIGIT, blank(3)))
    assert found.said.startswith("3: ")
    assert found.said.endswith(" refused")
    assert not found.wrong
    assert list(misses(predictor, pictures(NOTHING, blank(NO_DIGIT)))) == []


def test_an_answer_where_there_is_nothing_is_a_miss(predictor: CanvasPredictor) -> None:
    found = list(misses(predictor, pictures(NOTHING, digits(lambda _: NO_DIGIT))))
    assert [miss.said[0] for miss in found] == [str(label) for label in LABELS]


def test_a_number_is_missed_whole(predictor: CanvasPredictor) -> None:
    (number,) = write_numbers(IMAGES, LABELS, count=1, seed=0)
    assert list(misses(predictor, pictures(NUMBER, lambda: iter([(number.canvas, number.text)])))) == []
    (found,) = misses(predictor, pictures(NUMBER, lambda: iter([(number.canvas, "99")])))
    assert (found.said, found.wrong, found.seen) == (f"99: {number.text}", True, None)


def test_the_wrong_ones_come_first_and_are_not_too_many() -> None:
    found = [Miss(IMAGES[0], None, str(number), wrong=number % 2 == 1) for number in range(2 * contact.MOST + 10)]
    assert [miss.said for miss in worst(found)] == [str(number) for number in range(1, 2 * contact.MOST, 2)]
    assert [miss.said for miss in worst(found[:3])] == ["1", "0", "2"]


def test_a_sheet_is_a_picture_named_after_its_set(predictor: CanvasPredictor, tmp_path: Path) -> None:
    sets = [pictures(DIGIT, digits(lambda label: label + 1)), pictures(NOTHING, lambda: iter([]))]
    assert list(write_sheets(predictor, sets, tmp_path / "new")) == [tmp_path / "new" / "a-group-of-some-all.png"]
    with Image.open(tmp_path / "new" / "a-group-of-some-all.png") as image:
        assert image.size == (contact.COLUMNS * contact.SIDE, contact.SIDE + contact.LINE)
