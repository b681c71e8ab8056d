"""When an answer is none: temperature, calibration error and threshold, each against what can be counted."""

import dataclasses
import functools
from pathlib import Path

import numpy as np
import pytest

from edgedigits.data.dataset import Dataset, Split
from edgedigits.errors import DataError, UsageError
from edgedigits.export import rejection
from edgedigits.export.rejection import Ask, fit_rejection
from edgedigits.models import metrics
from edgedigits.models.checkpoint import read_checkpoint
from edgedigits.models.classifier import compute_logits
from edgedigits.models.presets import find_preset
from edgedigits.models.weights import load_classifier
from edgedigits.records.arrays import Images, Scores
from edgedigits.records.artifact import ON_DARK, ON_LIGHT, WHOLE
from edgedigits.records.model import Checkpoint, Recipe


def asking(run: Checkpoint) -> Ask:
    return functools.partial(compute_logits, load_classifier(run))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_of_labels_drawn_at_it_is_found(temperature: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (20_000, 10)).astype(np.float32)
    chances = metrics.softmax(logits / np.float32(temperature)).astype(np.float64)
    labels = (rng.random((20_000, 1)) > chances.cumsum(axis=1)).sum(axis=1).clip(0, 9)
    assert rejection.fit_temperature(logits, labels) == pytest.approx(temperature, rel=0.05)


def test_a_temperature_has_three_digits_and_stays_in_its_range() -> None:
    logits = np.eye(10, dtype=np.float32)[[0, 1, 2, 3]]
    assert rejection.fit_temperature(logits, np.arange(4)) == rejection.TEMPERATURES[0]
    assert rejection.fit_temperature(logits, np.arange(4) + 5) == rejection.TEMPERATURES[1]
    assert rejection.fit_temperature(3 * logits, np.array([0, 1, 2, 9])) == pytest.approx(0.911, abs=2e-3)


def test_the_calibration_error_is_the_gap_between_confidence_and_accuracy() -> None:
    probabilities = np.array([[0.9, 0.1]] * 10 + [[0.6, 0.4]] * 10, np.float32)
    labels = np.array([0] * 9 + [1] + [0] * 3 + [1] * 7)
    assert rejection.calibration_error(probabilities, labels) == pytest.approx((0 + 0.3) / 2, abs=1e-6)
    sure = np.array([[1.0, 0.0]] * 4, np.float32)
    assert rejection.calibration_error(sure, np.array([0, 0, 1, 1])) == pytest.approx(0.5)


def test_the_threshold_refuses_few_digits_and_most_of_the_rest() -> None:
    digits = np.linspace(0.5, 1, 101).astype(np.float32)
    found = rejection.choose_threshold({"digits": digits, "noise": np.array([0.2, 0.45])}, classes=10)
    assert found == 0.46  # the lowest that refuses all of the noise
    found = rejection.choose_threshold({"digits": digits, "noise": np.array([0.2, 0.99])}, classes=10)
    assert found == 0.21
    assert (digits < rejection.choose_threshold({"digits": digits, "noise": digits}, classes=10)).mean() <= 0.05


def test_the_threshold_is_above_what_a_blank_canvas_gets() -> None:
    low = np.full(10, 0.05, np.float32)
    assert rejection.choose_threshold({"digits": low, "blank": low}, classes=10) == 0.11


def test_it_is_chosen_on_the_digits_that_were_held_out(runs: Path, digits: Dataset) -> None:
    run = read_checkpoint(runs / "cnn-tiny")
    found = fit_rejection(run, asking(run), digits)
    assert found.samples == round(len(digits.train) * run.recipe.validation) == 15
    assert found == fit_rejection(run, asking(run), dataclasses.replace(digits, test=digits.train))  # never on the test
    assert found.refused.keys() == {"digits", "blank", "noise", "scribbles"}
    assert found.refused["blank"] == 1
    assert found.refused["digits"] <= rejection.DIGITS_REFUSED
    assert found.error_after <= found.error_before + 0.01


def test_a_reader_refuses_fewer_digits_and_is_asked_what_it_learnt_to_refuse(runs: Path, digits: Dataset) -> None:
    run = read_checkpoint(runs / "cnn-tiny")
    assert run.recipe
    reader = dataclasses.replace(run, recipe=dataclasses.replace(run.recipe, written=True, outliers=0.2))
    found = fit_rejection(reader, asking(run), digits)
    more = {"letters", "marks", "two digits"}
    assert found.refused.keys() == {"digits", "blank", "noise", "scribbles"} | more
    assert found.refused["digits"] <= rejection.REFUSED_BY_READERS
    assert found.samples == 15


def test_the_fewer_digits_may_be_refused_the_lower_is_the_threshold() -> None:
    digits, noise = np.linspace(0.5, 1, 101).astype(np.float32), np.array([0.98], np.float32)
    kinds = {"digits": digits, "noise": noise}
    found = [rejection.choose_threshold(kinds, classes=10, most=most) for most in (0.01, 0.05, 1.0)]
    assert found == [0.11, 0.11, 0.99]
    kinds["noise"] = np.array([0.506, 0.517], np.float32)
    found = [rejection.choose_threshold(kinds, classes=10, most=most) for most in (0.01, 0.02, 0.05)]
    assert found == [0.11, 0.51, 0.52]


@pytest.mark.parametrize(("model", "advised"), [("fc", "default"), ("cnn-2k", "reader")])
def test_a_recipe_that_holds_out_nothing_is_refused_and_one_that_does_is_named(
    model: str, advised: str, runs: Path, digits: Dataset
) -> None:
    run = read_checkpoint(runs / "fc-tiny")
    other = dataclasses.replace(run, model=model, recipe=Recipe(epochs=1, batch_size=1, lr=1e-3))
    with pytest.raises(UsageError, match=f"^fc-tiny: its recipe held out no digits.*Train it with --recipe {advised}"):
        fit_rejection(other, asking(run), digits)
    assert find_preset(model).recipes[advised].validation > 0


def test_another_data_set_than_the_one_trained_on_is_refused(runs: Path, digits: Dataset) -> None:
    run = read_checkpoint(runs / "fc-tiny")
    other = dataclasses.replace(digits, ref=dataclasses.replace(digits.ref, sha256="0" * 64))
    with pytest.raises(DataError, match="is not what fc-tiny was trained on"):
        fit_rejection(run, asking(run), other)


ENDS = (slice(0, 4), slice(24, 28))


def spots(ink: bool) -> Split:
    """Pictures of four classes, by the corner that a spot is in; with `ink` all along the border."""
    images, labels = np.zeros((80, 28, 28), np.uint8), np.arange(80) % 4
    for image, label in zip(images, labels, strict=True):
        top, left = 23 * (label // 2) + 1, 23 * (label % 2) + 1
        image[top : top + 3, left : left + 3] = 255
    if ink:
        images[:, [0, -1]] = images[:, :, [0, -1]] = 255
    return Split(images, labels.astype(np.int64))


def corners(images: Images) -> Scores:
    """Logits by how much ink is in each corner: where digits are framed, there is none."""
    found = np.stack([images[:, rows, columns].sum(axis=(1, 2)) for rows in ENDS for columns in ENDS], axis=1)
    return found.astype(np.float32)


@pytest.mark.parametrize(
    ("ink", "dark_ink", "framing"),
    [(False, False, WHOLE), (False, True, WHOLE), (True, False, ON_DARK), (True, True, ON_LIGHT)],
)
def test_pictures_that_are_no_framed_digits_are_shown_whole(ink: bool, dark_ink: bool, framing: str) -> None:
    view, accuracies = rejection.choose_view(corners, spots(ink), dark_ink)
    assert view.framing == framing
    assert accuracies["digit"] < 0.8
    assert accuracies[WHOLE] == 1
    images = spots(ink).images
    np.testing.assert_array_equal(view.shown(map(view.placed, images)), images)


def test_digits_that_framing_does_not_spoil_are_framed(runs: Path, digits: Dataset) -> None:
    view, _ = rejection.choose_view(asking(read_checkpoint(runs / "cnn-tiny")), digits.train, dark_ink=False)
    assert view.framing is None
