import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edgedigits.models.classifier import compute_accuracy, compute_logits
from edgedigits.models.metrics import confusion, cross_entropy, softmax, wilson
from edgedigits.records.arrays import EVALUATION_BATCH


class Brightness(nn.Module):
    """Two logits: the brightness of the first pixel, and a threshold; dropout ruins it outside evaluation mode."""

    def __init__(self, threshold: float) -> None:
        super().__init__()
        self.threshold = nn.Parameter(torch.tensor(threshold))
        self.dropout = nn.Dropout(p=1.0)

    def forward(self, images: Tensor) -> Tensor:
        brightness = self.dropout(images[:, 0, 0].float())
        return torch.stack((self.threshold.expand_as(brightness), brightness), dim=1)


def bright(*first_pixels: int) -> np.ndarray:
    images = np.zeros((len(first_pixels), 28, 28), dtype=np.uint8)
    images[:, 0, 0] = first_pixels
    return images


@pytest.mark.parametrize("count", [0, 1, EVALUATION_BATCH, EVALUATION_BATCH + 1])
def test_logits_are_those_of_every_image_in_order(count: int) -> None:
    images = bright(*(np.arange(count) % 251))
    found = compute_logits(Brightness(7.0), images)
    assert found.dtype == np.float32
    assert np.array_equal(found, np.stack((np.full(count, 7), images[:, 0, 0]), axis=1))


@pytest.mark.parametrize("training", [True, False])
def test_measuring_leaves_the_mode_of_the_classifier_as_it_was(training: bool) -> None:
    classifier = Brightness(7.0).train(training)
    compute_logits(classifier, bright(1))
    assert classifier.training is training


def test_accuracy_is_the_fraction_of_right_answers() -> None:
    assert compute_accuracy(Brightness(5.0), bright(0, 10, 0, 10), np.array([0, 1, 1, 1])) == 0.75


def test_confusion_has_true_classes_in_rows_and_predicted_ones_in_columns() -> None:
    matrix = confusion(predicted=np.array([0, 2, 2, 1]), labels=np.array([0, 1, 1, 2]), classes=4)
    assert matrix.tolist() == [[1, 0, 0, 0], [0, 0, 2, 0], [0, 1, 0, 0], [0, 0, 0, 0]]


def test_cross_entropy_of_a_guess_among_ten_is_ln_10() -> None:
    assert cross_entropy(np.zeros((3, 10), dtype=np.float32), np.array([0, 5, 9])) == pytest.approx(np.log(10))


def test_softmax_survives_large_logits() -> None:
    scores = np.array([[1000.0, 1000.0, 0.0], [0.0, np.log(3), -1000.0]], dtype=np.float32)
    assert softmax(scores) == pytest.approx(np.array([[0.5, 0.5, 0.0], [0.25, 0.75, 0.0]]))


@pytest.mark.parametrize(  # R. G. Newcombe, Statistics in Medicine 17:857-872 (1998), table I, method 3
    ("successes", "trials", "lower", "upper"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_published_intervals(successes: int, trials: int, lower: float, upper: float) -> None:
    assert wilson(successes, trials) == pytest.approx((lower, upper), abs=5e-5)


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (10, 10), (9_900, 10_000), (1, 2)])
def test_wilson_lies_within_0_and_1_around_the_share_and_mirrors(successes: int, trials: int) -> None:
    lower, upper = wilson(successes, trials)
    assert 0 <= lower <= successes / trials <= upper <= 1
    assert wilson(trials - successes, trials) == pytest.approx((1 - upper, 1 - lower))
