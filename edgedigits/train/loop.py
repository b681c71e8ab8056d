"""The training loop: the whole data set on the device as uint8, a batch is an index into it."""

import dataclasses
import math
import time

import numpy as np
import torch
from torch import Tensor, nn

from edgedigits.data.dataset import Split
from edgedigits.errors import UsageError
from edgedigits.models import metrics
from edgedigits.models.classifier import compute_logits
from edgedigits.records.arrays import EVALUATION_BATCH
from edgedigits.records.model import Epoch, History, Recipe
from edgedigits.records.progress import Observer, Progress
from edgedigits.train.batches import NO_DIGIT, make_batches
from edgedigits.train.distributed import ALONE, World
from edgedigits.train.optimizer import make_optimizer, schedule

REPORT_EVERY = 0.1  # seconds between two progress events: each one waits for the device
REPORT_STEPS = 100  # the same for several processes, which report at once and have no common clock
UNSURE = 0.5
DIVERGED = "the loss is no longer finite: the training diverged. Lower --lr."


class Saver:
    """What the loop shows a training to, so that it can be gone on with: this one keeps nothing."""

    def restore(self, training: "Training") -> None:
        """Put a training that begins where an interrupted one was."""

    def keep(self, training: "Training") -> None:
        """Called after each step and each epoch, so it must be quick; may raise, to end the training."""


def fit(
    classifier: nn.Module,
    recipe: Recipe,
    learn: Split,
    validate: Split | None,
    observer: Observer,
    world: World = ALONE,
    saver: Saver = Saver(),  # noqa: B008 - it has no state
) -> History:
    """Train in place, on the classifier's own device; in several processes, each on its share of every batch.

    Every random choice comes from `recipe.seed`. After each epoch the held-out split, if there is
    one, is measured and written down; nothing is decided by it. Raises UsageError when the loss is
    no longer finite.
    """
    training = Training(classifier, recipe, learn, observer, world)
    optimizer, meter = training.optimizer, training.meter
    rate = schedule(recipe, meter.steps)
    saver.restore(training)
    while len(training.epochs) < recipe.epochs:
        classifier.train()
        for images, labels, weight in training.batches.rest(training.done):
            loss, logits = training.gradients(images, labels, weight)
            optimizer.step(rate(meter.step))
            meter.add(loss, logits, labels)
            saver.keep(training)
        epoch = meter.finish_epoch(len(training.epochs) + 1, rate(meter.step - 1))
        _require_finite(classifier, learn)
        training.epochs.append(_validated(epoch, classifier, validate))
        meter.start_epoch()
        saver.keep(training)
    return History(tuple(training.epochs))


class Training:
    """A training under way: all that changes in it, and that its next step depends on."""

    def __init__(
        self, classifier: nn.Module, recipe: Recipe, learn: Split, observer: Observer, world: World = ALONE
    ) -> None:
        device = next(classifier.parameters()).device
        self.recipe = recipe
        self.classifier = classifier
        self.parallel = world.parallel(classifier)
        self.optimizer = make_optimizer(classifier.parameters(), recipe)
        self.batches = make_batches(learn, recipe, device, world)
        self.meter = Meter(observer, recipe.epochs * len(self.batches), device, world)
        self.epochs: list[Epoch] = []

    @property
    def done(self) -> int:
        """Steps done of the epoch that is not complete."""
        return self.meter.step - len(self.epochs) * len(self.batches)

    def gradients(self, images: Tensor, labels: Tensor, weight: float) -> tuple[Tensor, Tensor]:
        """Leave a batch's gradients with the parameters; its mean loss and its logits, without theirs."""
        device = self.batches.labels.device
        with torch.autocast(device.type, torch.bfloat16, enabled=self.recipe.precision == "bfloat16"):
            logits = self.parallel(images).float()
        loss = _mean_loss(logits, labels, bool(self.recipe.outliers))
        self.optimizer.zero_grad()
        (loss if weight == 1 else loss * weight).backward()
        return loss.detach(), logits.detach()


class Meter:
    """Loss, accuracy and speed of the current epoch, told to an observer now and then.

    The sums stay on the device, because to read them is to wait for it. What is reported is of all
    processes together.
    """

    def __init__(self, observer: Observer, steps: int, device: torch.device, world: World = ALONE) -> None:
        self.observer = observer
        self.steps = steps
        self.device = device
        self.world = world
        self.step = 0
        self.start_epoch()

    def start_epoch(self) -> None:
        """Set the sums back to nothing."""
        self.images = 0
        self.loss = torch.zeros((), device=self.device)
        self.correct = torch.zeros((), device=self.device, dtype=torch.int64)
        self.started = self.reported = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Of the current epoch."""
        return time.perf_counter() - self.started

    def restore(self, step: int, images: int, loss: Tensor, correct: Tensor, seconds: float) -> None:
        """Go on with the sums of an epoch that was interrupted after so many steps of the training."""
        self.step = step
        self.images = images
        self.loss.copy_(loss)
        self.correct.copy_(correct)
        self.started -= seconds

    def add(self, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Count a step, and report if the last report is long enough ago."""
        self.step += 1
        self.images += len(labels)
        self.loss += loss * len(labels)
        self.correct += _right(logits, labels).sum()
        if self._due():
            self.report()

    def report(self) -> None:
        """Tell the observer. Raises UsageError when the loss is no longer finite."""
        loss, correct, images = self.world.total(self.loss, self.correct, self.images)
        if not math.isfinite(loss):
            raise UsageError(DIVERGED)
        self.reported = time.perf_counter()
        self.figures = {
            "loss": loss / images,
            "accuracy": correct / images,
            "images_per_second": images / (self.reported - self.started),
        }
        self.observer(Progress("", self.step, self.steps, self.figures))

    def finish_epoch(self, number: int, lr: float) -> Epoch:
        """Report, and return the epoch's line of the history."""
        self.report()
        return Epoch(number, lr=lr, seconds=self.reported - self.started, **self.figures)

    def _due(self) -> bool:
        if self.world.size > 1:
            return self.step % REPORT_STEPS == 0
        return time.perf_counter() - self.reported > REPORT_EVERY


def _mean_loss(logits: Tensor, labels: Tensor, outliers: bool) -> Tensor:
    """The cross-entropy; of what is no digit, with the same probability for each class (arXiv:1812.04606)."""
    if len(labels) == 0:  # the mean of nothing is no number, which the average over all processes would take up
        return logits.sum()
    if not outliers:
        return nn.functional.cross_entropy(logits, labels)
    scores = logits.log_softmax(1)
    of_label = scores.gather(1, labels.clamp(min=0)[:, None])[:, 0]
    return -torch.where(labels == NO_DIGIT, scores.mean(1), of_label).mean()


def _right(logits: Tensor, labels: Tensor) -> Tensor:
    """Which answers are right: of what is no digit, where no class has half of the probability."""
    unsure = logits.softmax(1).amax(1) < UNSURE
    return torch.where(labels == NO_DIGIT, unsure, logits.argmax(1) == labels)


def _require_finite(classifier: nn.Module, learn: Split) -> None:
    """Raise UsageError if the epoch's last step diverged: its loss was taken before it."""
    scores = compute_logits(classifier, learn.images[:EVALUATION_BATCH])
    weights = (parameter.isfinite().all() for parameter in classifier.parameters())
    if not (np.isfinite(scores).all() and all(weights)):
        raise UsageError(DIVERGED)


def _validated(epoch: Epoch, classifier: nn.Module, validate: Split | None) -> Epoch:
    if validate is None:
        return epoch
    scores = compute_logits(classifier, validate.images)
    return dataclasses.replace(
        epoch,
        validation_loss=metrics.cross_entropy(scores, validate.labels),
        validation_accuracy=float((scores.argmax(1) == validate.labels).mean()),
    )
