"""Images off the test set: each condition changes what it says, and is the same every time."""

import numpy as np
import pytest

from edgedigits.data.dataset import Dataset, Split
from edgedigits.verify import conditions as module
from edgedigits.verify.conditions import Condition, conditions

TEN = tuple("0123456789")


@pytest.fixture(scope="module")
def found(digits: Dataset) -> dict[str, Condition]:
    return {condition.name: condition for condition in conditions(digits.test, TEN)}


def test_all_that_users_send_is_there(found: dict[str, Condition]) -> None:
    assert set(found) == {"shifted", "scaled", "inverted", "thin", "thick", "drawn", "blank", "all ink", "noise"}
    for condition in found.values():
        assert condition.images.dtype == np.uint8
        assert condition.images.shape[1:] == (28, 28)
        assert condition.labels is None or len(condition.labels) == len(condition.images)


def test_they_are_the_same_every_time(digits: Dataset, found: dict[str, Condition]) -> None:
    for again in conditions(digits.test, TEN):
        np.testing.assert_array_equal(again.images, found[again.name].images)


def test_each_changes_what_it_says(digits: Dataset, found: dict[str, Condition]) -> None:
    images = digits.test.images[: module.SAMPLE].astype(int)
    ink = images.sum(axis=(1, 2))
    assert (found["inverted"].images == 255 - images).all()
    assert (found["thin"].images <= images).all()
    assert (found["thin"].images.sum(axis=(1, 2)) < ink).all()
    assert (found["thick"].images >= images).all()
    assert (found["thick"].images.sum(axis=(1, 2)) > ink).all()
    assert (found["blank"].images == 0).all()
    assert (found["all ink"].images == 255).all()
    assert 120 < found["noise"].images.mean() < 135


def test_shifting_moves_by_three_pixels_at_most() -> None:
    dot = np.zeros((200, 28, 28), dtype=np.uint8)
    dot[:, 14, 14] = 255
    test = Split(dot, np.zeros(200, dtype=np.int64))
    shifted = next(condition for condition in conditions(test, TEN) if condition.name == "shifted")
    _, rows, columns = np.nonzero(shifted.images)
    assert set(rows) == set(columns) == set(range(11, 18))


def test_scaling_keeps_the_centre_and_changes_the_size() -> None:
    square = np.zeros((200, 28, 28), dtype=np.uint8)
    square[:, 9:19, 9:19] = 255
    test = Split(square, np.zeros(200, dtype=np.int64))
    scaled = next(condition for condition in conditions(test, TEN) if condition.name == "scaled")
    areas = scaled.images.sum(axis=(1, 2)) / 255
    assert 0.4 * 100 < areas.min() < 0.7 * 100
    assert 1.4 * 100 < areas.max() < 1.8 * 100
    turned = scaled.images[:, ::-1, ::-1]
    np.testing.assert_allclose(scaled.images.astype(int), turned.astype(int), atol=1)  # a tie may round either way


def test_other_classes_than_digits_are_not_drawn(digits: Dataset) -> None:
    names = {condition.name for condition in conditions(digits.test, ("cat", "dog"))}
    assert "drawn" not in names
    assert "noise" in names


def test_a_large_test_split_is_sampled(digits: Dataset) -> None:
    many = Split(np.tile(digits.test.images, (20, 1, 1)), np.tile(digits.test.labels, 20))
    assert all(len(condition.images) <= module.SAMPLE for condition in conditions(many, TEN))
