"""The training loop: which images it sees, how it steps, and what it tells."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from edgedigits.data.dataset import Dataset, Split
from edgedigits.errors import UsageError
from edgedigits.models import metrics
from edgedigits.models.classifier import Classifier, build_classifier, compute_accuracy, compute_logits
from edgedigits.records.model import Recipe
from edgedigits.records.progress import Progress, ignore
from edgedigits.train import loop
from edgedigits.train.batches import Batches
from edgedigits.train.loop import fit
from tests.helpers.networks import fc

CPU = torch.device("cpu")
RECIPE = Recipe(epochs=3, batch_size=50, lr=1e-2)
SMALL = fc(16)
MARGIN = 4


@pytest.fixture
def classifier() -> Classifier:
    torch.manual_seed(0)
    return build_classifier(SMALL)


def marked(count: int) -> Split:
    """Random images with an empty margin, so that a small move loses nothing; each label is its image's number."""
    rng = np.random.default_rng(0)
    ink = rng.integers(0, 256, size=(count, 28 - 2 * MARGIN, 28 - 2 * MARGIN), dtype=np.uint8)
    return Split(np.pad(ink, ((0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN))), np.arange(count))


def batches(split: Split, **changes: int) -> Batches:
    return Batches(split, dataclasses.replace(RECIPE, **changes), CPU)


@pytest.mark.parametrize(
    ("batch_size", "sizes"), [(1, [1] * 20), (7, [7, 7, 6]), (10, [10, 10]), (20, [20]), (64, [20])]
)
def test_each_pass_gives_every_image_once_the_last_part_too(batch_size: int, sizes: list[int]) -> None:
    found = batches(marked(20), batch_size=batch_size)
    passes = [[labels for _, labels, _ in found] for _ in range(2)]
    for one in passes:
        assert [len(labels) for labels in one] == sizes
        assert sorted(torch.cat(one).tolist()) == list(range(20))
    assert torch.cat(passes[0]).tolist() != torch.cat(passes[1]).tolist()  # each in an order of its own
    assert len(found) == len(sizes)


def test_without_shift_every_image_comes_as_it_is() -> None:
    split = marked(30)
    for images, labels, _ in batches(split, shift=0, batch_size=8):
        assert images.dtype == torch.uint8
        assert np.array_equal(images.numpy(), split.images[labels.numpy()])


@pytest.mark.parametrize("shift", [1, 2, MARGIN])
def test_shift_moves_each_image_by_at_most_so_many_pixels(shift: int) -> None:
    split = marked(500)
    moves = range(-shift, shift + 1)
    seen = set()
    for images, labels, _ in batches(split, shift=shift):
        for image, label in zip(images.numpy(), labels.tolist(), strict=True):
            places = [
                (y, x)
                for y in moves
                for x in moves
                if np.array_equal(image, np.roll(split.images[label], (y, x), (0, 1)))
            ]
            assert len(places) == 1
            seen.add(places[0])
    assert len(seen) == (2 * shift + 1) ** 2  # every place occurs


@pytest.mark.parametrize(("seed", "same"), [(0, True), (1, False)])
def test_the_seed_alone_decides_order_and_shift(seed: int, same: bool) -> None:
    first, other = (list(batches(marked(40), shift=2, seed=number)) for number in (0, seed))
    assert all(torch.equal(a[0], b[0]) for a, b in zip(first, other, strict=True)) == same


def test_the_loss_goes_down(classifier: Classifier, digits: Dataset) -> None:
    losses = [epoch.loss for epoch in fit(classifier, RECIPE, digits.train, None, ignore).epochs]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0] / 2


def test_an_epochs_loss_and_accuracy_are_means_over_images(classifier: Classifier, digits: Dataset) -> None:
    """At a learning rate of nearly nothing they are those of the fresh classifier, whatever the batches' sizes."""
    still = dataclasses.replace(RECIPE, epochs=2, batch_size=70, lr=1e-30)
    scores, labels = compute_logits(classifier, digits.train.images), digits.train.labels
    for epoch in fit(classifier, still, digits.train, digits.test, ignore).epochs:
        assert epoch.loss == pytest.approx(metrics.cross_entropy(scores, labels), rel=1e-5)
        assert epoch.accuracy == pytest.approx(float((scores.argmax(1) == labels).mean()), rel=1e-6)
        assert epoch.validation_accuracy == pytest.approx(
            compute_accuracy(classifier, digits.test.images, digits.test.labels)
        )
        test_loss = metrics.cross_entropy(compute_logits(classifier, digits.test.images), digits.test.labels)
        assert epoch.validation_loss == pytest.approx(test_loss)


def test_without_held_out_images_there_are_no_figures_of_them(classifier: Classifier, digits: Dataset) -> None:
    (epoch,) = fit(classifier, dataclasses.replace(RECIPE, epochs=1), digits.train, None, ignore).epochs
    assert (epoch.validation_loss, epoch.validation_accuracy) == (None, None)


@pytest.mark.parametrize(("epochs", "batch_size"), [(6, 50), (5, 1000), (10, 1000)])
def test_a_one_cycle_ends_near_zero(epochs: int, batch_size: int, classifier: Classifier, digits: Dataset) -> None:
    recipe = dataclasses.replace(RECIPE, epochs=epochs, batch_size=batch_size, schedule="one-cycle")
    rates = [epoch.lr for epoch in fit(classifier, recipe, digits.train, None, ignore).epochs]
    assert rates[-1] < 1e-4 * recipe.lr
    assert recipe.lr / 2 < max(rates) <= recipe.lr


def test_a_constant_rate_stays(classifier: Classifier, digits: Dataset) -> None:
    assert {epoch.lr for epoch in fit(classifier, RECIPE, digits.train, None, ignore).epochs} == {RECIPE.lr}


@pytest.mark.parametrize(("name", "kind"), [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)])
def test_a_step_is_that_of_the_recipes_optimizer(
    name: str, kind: type[torch.optim.Optimizer], classifier: Classifier, digits: Dataset
) -> None:
    """Three steps over the whole data set, made again by hand."""
    betas, weight_decay = (0.5, 0.9), 0.3
    by_hand = build_classifier(SMALL)
    by_hand.load_state_dict(classifier.state_dict())
    optimizer = kind(by_hand.parameters(), lr=RECIPE.lr, betas=betas, weight_decay=weight_decay)  # type: ignore[call-arg]
    for _ in range(3):
        optimizer.zero_grad()
        scores = by_hand(torch.from_numpy(digits.train.images))
        torch.nn.functional.cross_entropy(scores, torch.from_numpy(digits.train.labels)).backward()
        optimizer.step()
    recipe = dataclasses.replace(RECIPE, batch_size=1000, optimizer=name, betas=betas, weight_decay=weight_decay)
    fit(classifier, recipe, digits.train, None, ignore)
    for ours, wanted in zip(classifier.parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(ours, wanted, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("report_every", [-1.0, math.inf])  # after each step, and only when an epoch ends
def test_observers_count_up_to_the_last_step(
    report_every: float, classifier: Classifier, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "REPORT_EVERY", report_every)
    events: list[Progress] = []
    fit(classifier, RECIPE, digits.train, None, events.append)
    steps, total = [event.done for event in events], 3 * math.ceil(len(digits.train) / 50)
    assert steps == sorted(steps)
    assert steps[-1] == total
    assert {event.total for event in events} == {total}
    assert set(steps) == (set(range(1, total + 1)) if report_every < 0 else {total // 3, total * 2 // 3, total})
    assert all(event.figures.keys() == {"loss", "accuracy", "images_per_second"} for event in events)


@pytest.mark.parametrize("batch_size", [50, 1000])  # 1000: the loss, taken before the only step, is finite
def test_a_loss_that_is_no_longer_finite_ends_the_training(
    batch_size: int, classifier: Classifier, digits: Dataset
) -> None:
    recipe = dataclasses.replace(RECIPE, epochs=1, batch_size=batch_size, lr=1e30)
    with pytest.raises(UsageError, match=r"diverged.*--lr"):
        fit(classifier, recipe, digits.train, digits.test, ignore)
