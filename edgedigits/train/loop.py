"""The training loop: the whole data set on the device as uint8, a batch is an index into it."""

import dataclasses
import math
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from edgedigits.data.dataset import Split
from edgedigits.errors import UsageError
from edgedigits.models import metrics
from edgedigits.models.classifier import Classifier, compute_logits
from edgedigits.models.lowbits import learning, low_bits
from edgedigits.records.arrays import EVALUATION_BATCH
from edgedigits.records.model import Epoch, History, Recipe
from edgedigits.records.progress import Observer, Progress
from edgedigits.train.batches import NO_DIGIT, make_batches
from edgedigits.train.distributed import ALONE, World
from edgedigits.train.optimizer import make_optimizer, schedule
from edgedigits.train.settling import Settling

REPORT_EVERY = 0.1  # seconds between two progress events: each one waits for the device
REPORT_STEPS = 100  # the same for several processes, which report at once and have no common clock
UNSURE = 0.5
TEMPERATURE = 2.0  # of probabilities that are learned from a teacher
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
    teacher: nn.Module | None = None,
) -> History:
    """Train in place, on the classifier's own device; in several processes, each on its share of every batch.

    A teacher, of the same classes and on the same device, is asked for its probabilities of every image (`distilled`).

    Every random choice comes from `recipe.seed`. After each epoch the held-out split, if there is
    one, is measured and written down; nothing is decided by it. Raises UsageError when the loss is
    no longer finite.
    """
    training = Training(classifier, recipe, learn, observer, world, teacher)
    rate = schedule(recipe, training.meter.steps)
    with learning(classifier):
        saver.restore(training)
        _repeat(training, rate, learn, validate, saver)
    return History(tuple(training.epochs))


def _repeat(
    training: "Training", rate: Callable[[int], float], learn: Split, validate: Split | None, saver: Saver
) -> None:
    """Epoch after epoch, to the last."""
    recipe, classifier, optimizer, meter = training.recipe, training.classifier, training.optimizer, training.meter
    while len(training.epochs) < recipe.epochs:
        classifier.train()
        for images, labels, weight in training.batches.rest(training.done):
            training.settle()
            loss, logits = training.gradients(images, labels, weight)
            optimizer.step(rate(meter.step))
            training.average()
            meter.add(loss, logits, labels)
            saver.keep(training)
        epoch = meter.finish_epoch(len(training.epochs) + 1, rate(meter.step - 1))
        training.finish_epoch()
        _require_finite(classifier, learn)
        training.epochs.append(_validated(epoch, classifier, validate))
        meter.start_epoch()
        saver.keep(training)
    training.end()


class Training:
    """A training under way: all that changes in it, and that its next step depends on."""

    def __init__(
        self,
        classifier: nn.Module,
        recipe: Recipe,
        learn: Split,
        observer: Observer,
        world: World = ALONE,
        teacher: nn.Module | None = None,
    ) -> None:
        device = next(classifier.parameters()).device
        self.recipe = recipe
        self.classifier = classifier
        self.parallel = world.parallel(classifier)
        self.optimizer = make_optimizer(classifier.parameters(), recipe)
        self.batches = make_batches(learn, recipe, device, world)
        self.meter = Meter(observer, recipe.epochs * len(self.batches), device, world)
        self.epochs: list[Epoch] = []
        self.teacher = teacher
        self.averages = [each.detach().clone() for each in classifier.parameters()] if recipe.average else []
        few = isinstance(classifier, Classifier) and bool(low_bits(classifier))
        self.settling = Settling(classifier, learn.images, self.meter.steps) if few else None  # type: ignore[arg-type]

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
        if self.teacher is not None and len(labels):
            with torch.no_grad():
                answers = self.teacher(images)
            loss = (loss + distilled(logits, answers)) / 2
        self.optimizer.zero_grad()
        (loss if weight == 1 else loss * weight).backward()
        return loss.detach(), logits.detach()

    def settle(self) -> None:
        """Before a step: values are the integers of the weights, where it is time for that."""
        if self.settling:
            self.settling.follow(self.meter.step)

    @torch.no_grad()
    def average(self) -> None:
        """After a step: take the weights into their mean; the first ones, which are far off, count for little."""
        if self.recipe.average:
            kept = min(self.recipe.average, (1 + self.meter.step) / (10 + self.meter.step))
            torch._foreach_lerp_(self.averages, list(self.classifier.parameters()), 1 - kept)

    @torch.no_grad()
    def finish_epoch(self) -> None:
        """After an epoch: what is measured now is what the last step made, and at the end the mean of the weights."""
        if self.meter.step == self.meter.steps:
            for parameter, mean in zip(self.classifier.parameters(), self.averages, strict=False):
                parameter.copy_(mean)
        self.settle()

    def end(self) -> None:
        """After the last epoch: the classifier computes in floats again."""
        if self.settling:
            self.settling.end()


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


def distilled(logits: Tensor, answers: Tensor) -> Tensor:
    """How far probabilities are from a teacher's, both softened (Hinton et al. 2015, arXiv:1503.02531)."""
    soft, wanted = (nn.functional.log_softmax(each / TEMPERATURE, dim=1) for each in (logits, answers))
    return nn.functional.kl_div(soft, wanted, log_target=True, reduction="batchmean") * TEMPERATURE**2


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
