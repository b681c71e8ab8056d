"""What canvas files read and refuse: counted as defined, on sets that are what they say, and written as tables."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgedigits.bench import pictures, reader, shelf
from edgedigits.bench.pictures import DIGIT, FLAWS, FORMS, NO_DIGIT, NOTHING, NUMBER, STRANGERS, Pictures
from edgedigits.bench.reader import Reading, Readings, Tally, means, read_readings, summed
from edgedigits.bench.reader_tables import ReaderTables
from edgedigits.data import canvases, drawn, flaws, pen
from edgedigits.data.dataset import Dataset, Split
from edgedigits.errors import DataError, ModelFileError
from edgedigits.export.rejection import BINS, calibration_error
from edgedigits.inference.numbers import numbers_on
from edgedigits.records.arrays import Uint8Array
from edgedigits.runtime.load import Opener
from edgedigits.runtime.predictor import CanvasPredictor
from edgedigits.system import files

EXPORTS = Path(__file__).parents[2] / "exports"
CNN = EXPORTS / "cnn" / "cnn.canvas.onnx"
IMAGES, LABELS = drawn.digits(30, seed=1)
DIGITS = Tally("digits", "plain", DIGIT, samples=200, right=190, wrong=4, gaps=(-1.0, *(0.0,) * (BINS - 2), 5.0))
NOISE = Tally("noise", "all", NOTHING, samples=1000, right=0, wrong=13)
READING = Reading("cnn.canvas.onnx", "ab" * 32, 0.65, (DIGITS, NOISE))


def labelled(made: list[Uint8Array], labels: list[int], show: str = DIGIT) -> Pictures:
    return Pictures("drawn", "some", lambda: zip(made, labels, strict=True), show)


def asked() -> tuple[CanvasPredictor, list[Uint8Array]]:
    """The file itself, and canvases of drawn digits."""
    predictor = Opener(isolated=False).open(CNN)
    assert isinstance(predictor, CanvasPredictor)
    return predictor, [canvases.paste(image) for image in IMAGES]


def test_a_tally_counts_what_the_file_answers_at_its_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "AT_ONCE", 7)
    predictor, made = asked()
    labels = [*LABELS[:20].tolist(), *((LABELS[20:] + 1) % 10).tolist()]
    _, probabilities, _ = predictor.run(made)
    answered = probabilities.max(axis=1) >= predictor.contract.threshold
    right = probabilities.argmax(axis=1) == labels
    (found,) = reader.Readers([CNN]).read(labelled(made, labels))
    assert (found.group, found.pictures, found.samples) == ("drawn", "some", 30)
    assert (found.right, found.wrong) == ((answered & right).sum(), (answered & ~right).sum())
    assert found.wrong >= 8
    assert found.right + found.wrong + found.refused == 30
    assert found.calibration_error == pytest.approx(calibration_error(probabilities, np.array(labels)), abs=1e-3)


def test_where_there_is_no_digit_every_answer_is_wrong_and_nothing_is_calibrated() -> None:
    _, made = asked()
    blank = [np.full((90, 90), 200, np.uint8)] * 5
    (found,) = reader.Readers([CNN]).read(labelled([*made, *blank], [NO_DIGIT] * 35, NOTHING))
    assert found.right == 0
    assert found.wrong > 20
    assert found.refused >= 5
    assert found.gaps == ()


def test_files_are_given_the_same_pictures_which_are_made_once() -> None:
    calls = []

    def make() -> Iterator[tuple[Uint8Array, int]]:
        calls.append(1)
        return zip(asked()[1], LABELS.tolist(), strict=True)

    deep = EXPORTS / "cnn-deep" / "cnn-deep.canvas.onnx"
    readers = reader.Readers([CNN, deep])
    tallies = readers.read(Pictures("drawn", "all", make))
    assert calls == [1]
    first, second = readers.readings()
    assert (first.file, second.file) == ("cnn.canvas.onnx", "cnn-deep.canvas.onnx")
    assert [first.tallies, second.tallies] == [(tally,) for tally in tallies]
    assert first.threshold == asked()[0].contract.threshold
    assert Readings.from_json(Readings((first, second)).to_json()).rows == (first, second)


def test_a_number_is_right_with_all_its_digits_and_refused_where_one_is_in_doubt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The file's own answers: to the same picture thrice, with the number, another one, and blank paper."""
    predictor, _ = asked()
    monkeypatch.setattr(pictures, "NUMBERS", 30)
    apart, touching = pictures.numbers(Split(IMAGES, LABELS))
    made = [(canvas, text) for canvas, text in apart.make() if numbers_on(canvas, predictor, "")[0].number == text]
    assert len(made) > 5
    assert {len(text) for _, text in touching.make() if isinstance(text, str)} <= set(range(2, 7))
    blank = np.full((90, 90), 200, np.uint8)
    truths = [*made, *((canvas, f"{text}0") for canvas, text in made), (blank, "12")]
    (found,) = reader.Readers([CNN]).read(Pictures("numbers", "all", lambda: iter(truths), NUMBER))
    assert (found.right, found.wrong, found.refused) == (len(made), len(made), 1)


def test_a_file_that_takes_no_canvas_is_refused() -> None:
    with pytest.raises(ModelFileError, match=r"cnn\.onnx"):
        reader.Readers([EXPORTS / "cnn" / "cnn.onnx"])


def test_sets_that_were_not_read_stand_as_they_were_of_a_file_that_did_not_change() -> None:
    readers = reader.Readers([CNN])
    readers.read(labelled(asked()[1], LABELS.tolist()))
    (now,) = readers.readings()
    (tally,) = now.tallies
    theirs, old = Tally(STRANGERS, "all", DIGIT, 437, 400, 20), Tally("gone", "all", DIGIT, 5, 5, 0)
    before = dataclasses.replace(now, tallies=(dataclasses.replace(tally, right=0), theirs, old))
    (kept,) = readers.readings([before.of_groups({tally.group, STRANGERS})])
    assert kept.tallies == (tally, theirs)
    assert readers.readings([dataclasses.replace(before, sha256="cd" * 32)]) == (now,)


def test_a_sum_is_of_all_counts_and_bins() -> None:
    both = summed([DIGITS, dataclasses.replace(DIGITS, pictures="other", samples=50, right=40, wrong=1)])
    assert (both.pictures, both.samples, both.right, both.wrong) == ("plain", 250, 230, 5)
    assert both.calibration_error == pytest.approx(12 / 250)
    assert summed([NOISE, NOISE]).gaps == ()


def test_trainings_with_several_seeds_become_their_mean() -> None:
    better = dataclasses.replace(DIGITS, right=200, wrong=0)
    found = means([READING, dataclasses.replace(READING, tallies=(better, NOISE))])
    assert found["digits"][:3] == pytest.approx((0.975, 0.01, 0.015))
    assert found["noise"].wrong == pytest.approx(0.013)


def test_the_sets_are_what_they_say(digits: Dataset) -> None:
    split = Split(np.concatenate([digits.train.images] * 3), np.concatenate([digits.train.labels] * 3))
    flawed = pictures.flawed(split)
    assert [each.name for each in flawed] == list(flaws.names())
    assert {each.group for each in flawed} == {FLAWS}
    labels = [label for _, label in flawed[0].make()]
    assert labels == split.labels[-pictures.FLAWED :].tolist()
    forms = {each.name: {label for _, label in each.make()} for each in pictures.forms()[:2]}
    assert forms == {name: {pen.FORMS[name].label} for name in forms}
    for each in (*pictures.blanks()[:3], *pictures.others(split, digits.test)):
        canvas, label = next(each.make())
        assert label == NO_DIGIT
        assert canvas.dtype == np.uint8
    assert [each.group for each in pictures.others(split, digits.test)][:3] == ["blank", "noise", "scribbles"]


def test_strangers_pictures_are_found_by_their_tables(tmp_path: Path, mnist: Dataset) -> None:
    assert len(mnist.test) == 10_000
    for folder, label in (("a", 3), ("b", 7)):
        (tmp_path / folder).mkdir()
        Image.fromarray(canvases.paste(IMAGES[label])).save(tmp_path / folder / "one.png")
        (tmp_path / folder / pictures.LABELS).write_text(f"file,label\none.png,{label}\n")
    (theirs,) = [each for each in pictures.sets(tmp_path) if each.group == STRANGERS]
    (first, three), (second, seven) = theirs.make()
    assert (three, seven) == (3, 7)
    np.testing.assert_array_equal(first, canvases.paste(IMAGES[3]))
    np.testing.assert_array_equal(second, canvases.paste(IMAGES[7]))
    (tmp_path / "b" / "one.png").unlink()
    with pytest.raises(DataError, match=r"one\.png"):
        list(theirs.make())
    with pytest.raises(DataError, match=r"no folder with pictures and their labels\.csv"):
        pictures.sets(tmp_path / "a")


def test_tables_have_a_row_a_group_and_a_column_a_file() -> None:
    other = dataclasses.replace(READING, file="reader.canvas.onnx", threshold=0.5)
    tables = ReaderTables([READING, other])
    assert tables.heads == ("pictures", "`cnn`", "`reader`")
    assert tables.thresholds == ("threshold", "0.65", "0.50")
    assert tables.right() == [("digits (200)", *["95.0 (91.0-97.3)"] * 2)]
    assert tables.wrong() == [("digits (200)", *["2.0 (0.8-5.0)"] * 2)]
    assert tables.answered() == [("noise (1,000)", *["1.3 (0.8-2.2)"] * 2)]
    assert tables.errors() == [("digits (200)", "0.030", "0.030")]
    assert tables.flaws() == tables.forms() == []
    flawed = dataclasses.replace(DIGITS, group=FLAWS, pictures="a speck")
    written = dataclasses.replace(DIGITS, group=FORMS, pictures="open 4")
    number = Tally("numbers", "all", NUMBER, samples=200, right=150, wrong=3)
    tables = ReaderTables([dataclasses.replace(READING, tallies=(flawed, written, number))])
    assert tables.numbers() == [("numbers (200)", "75.0 / 1.5")]
    assert tables.flaws() == [("a speck", "95.0 / 2.0")]
    assert tables.forms() == [("open 4", "95.0 / 2.0")]


def test_means_of_trainings_stand_beside_each_other() -> None:
    worse = dataclasses.replace(READING, sha256="cd" * 32, tallies=(dataclasses.replace(DIGITS, right=186), NOISE))
    alone = dataclasses.replace(READING, file="fc.canvas.onnx")
    tables = ReaderTables([alone, READING], [worse])
    assert tables.training_heads == ("pictures", "`cnn` (n=2)", "wrong")
    assert tables.means() == [("digits", "94.0 ± 1.4", "2.0 ± 0.0"), ("noise", "-", "1.3 ± 0.0")]


def test_the_page_has_what_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "FILE", tmp_path / "reader.json")
    assert read_readings() == ()
    assert "What canvas files read" not in shelf.shelf_text(EXPORTS)
    reader.FILE.write_text(Readings((READING,)).to_json())
    text = shelf.shelf_text(EXPORTS)
    assert "| noise (1,000) | 1.3 (0.8-2.2) |" in text
    assert "| threshold | 0.65 |" in text


def test_what_ships_is_of_the_files_on_the_shelf() -> None:
    """All of them, or none was measured yet."""
    found = [(reading.file, reading.sha256) for reading in read_readings()]
    assert found in ([], [(path.name, files.sha256(path)) for path in reader.shelf_files(EXPORTS)])
