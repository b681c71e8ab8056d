"""Calibration: training images, always the same ones, of the data set that the model was trained on, or none."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from edgedigits.data.dataset import Dataset, Split
from edgedigits.errors import DataError
from edgedigits.export import calibration
from edgedigits.export.calibration import calibration_images
from edgedigits.models.checkpoint import read_checkpoint


def changed(split: Split) -> Split:
    return Split(255 - split.images, split.labels)


def digest(digits: Dataset) -> str:
    return calibration.describe(calibration.choose(digits)).sha256


def test_the_images_depend_on_the_training_split_and_never_on_the_test_split(digits: Dataset) -> None:
    assert digest(dataclasses.replace(digits, test=changed(digits.test))) == digest(digits)
    assert digest(dataclasses.replace(digits, train=changed(digits.train))) != digest(digits)


def test_no_more_than_the_samples_are_taken_each_once(digits: Dataset) -> None:
    images = np.arange(2000 * 784, dtype=np.uint32).view(np.uint8)[: 2000 * 784].reshape(2000, 28, 28)
    many = dataclasses.replace(digits, train=Split(images, np.zeros(2000, np.int64)))
    chosen = calibration.choose(many)
    assert len(chosen) == len({image.tobytes() for image in chosen}) == calibration.SAMPLES
    assert {image.tobytes() for image in chosen} <= {image.tobytes() for image in images}
    assert np.array_equal(chosen, calibration.choose(many))
    assert chosen.dtype == np.uint8


def test_they_come_from_where_the_checkpoint_says(runs: Path, digits: Dataset) -> None:
    images = calibration_images(read_checkpoint(runs / "fc-tiny"))
    assert np.array_equal(images, calibration.choose(digits))


def test_another_data_set_is_refused(runs: Path, digits: Dataset) -> None:
    other = dataclasses.replace(digits, ref=dataclasses.replace(digits.ref, name="other", sha256="0" * 64))
    with pytest.raises(DataError, match=r"data set other \(SHA-256 000000000000…\) is not what fc-tiny was trained on"):
        calibration_images(read_checkpoint(runs / "fc-tiny"), other)


@pytest.mark.parametrize("source", ["gone", "./gone"])
def test_data_that_are_gone_are_named(source: str, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    record = read_checkpoint(runs / "fc-tiny")
    moved = dataclasses.replace(record, dataset=dataclasses.replace(record.dataset, source=source))
    with pytest.raises(DataError, match=f"images that fc-tiny was trained on, and '{source}' cannot be loaded"):
        calibration_images(moved)
