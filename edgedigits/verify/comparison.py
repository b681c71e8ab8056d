"""A file is asked the test images, and its answers are compared with its model's: the figures of a ParityReport.

Opened ──ask──> Asked ──compare──> ParityReport, which `gate` judges
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edgedigits.export.formats import FLOAT_LIMITS
from edgedigits.models import metrics
from edgedigits.records.arrays import Images, Scores
from edgedigits.records.artifact import ANSWERS
from edgedigits.records.report import ParityReport
from edgedigits.runtime.predictor import Predictor
from edgedigits.verify import parity
from edgedigits.verify.candidates import Opened
from edgedigits.verify.parity import Difference
from edgedigits.verify.references import Reference

STEP = 1000  # test images between two words on progress; whole batches, so that nothing is computed otherwise


@dataclass(frozen=True)
class Asked:
    """What a file answers to all test images.

    logits, probabilities   of the file
    shown                   what its network was shown of them, uint8 `[n, 28, 28]`
    prepared                the file prepared its input itself, so that this is not the test images
    tempered                the logits as the contract says that they become probabilities, by a softmax
    """

    logits: Scores
    probabilities: Scores
    shown: Images
    prepared: bool
    tempered: Scores


def ask(predictor: Predictor, images: Images, done: Callable[[float], None]) -> Asked:
    """The answers to all test images. Raises ModelFileError unless they are as the contract says.

    done   is told what part of them was answered
    """
    found = []
    for start in range(0, len(images), STEP):
        found.append(predictor.in_batches(images[start : start + STEP]))
        done(min(1.0, (start + STEP) / len(images)))
    logits, probabilities, shown = (np.concatenate(parts) for parts in zip(*found, strict=True))
    temperature = predictor.contract.temperature
    return Asked(
        logits,
        probabilities,
        shown,
        prepared=not np.array_equal(shown, images),
        tempered=metrics.tempered(logits, shown, temperature) if temperature else logits,
    )


def compare(blank: ParityReport, file: Opened, asked: Asked) -> ParityReport:
    """Put the figures of the whole test split into the report."""
    logits, reference, labels = asked.logits, file.reference, file.reference.test.labels
    right = logits.argmax(1) == labels
    report = dataclasses.replace(
        blank,
        dataset=reference.dataset,
        samples=len(labels),
        accuracy=float(right.mean()),
        interval=metrics.wilson(int(right.sum()), len(labels)),
        by_class=parity.by_class(logits, labels),
        softmax_diff=parity.softmax_difference(asked.tempered, asked.probabilities),
        compared_with=reference.compared_with,
        missing=reference.missing or None,
        sampled_from=None if reference.places is None else reference.whole,
    )
    wanted = reference.logits
    return _by_accuracy(report, reference, logits) if wanted is None else _by_answer(report, file, asked, wanted)


def _by_answer(report: ParityReport, file: Opened, asked: Asked, wanted: Scores) -> ParityReport:
    """The model's figures, and each of its answers against the file's."""
    reference, logits = file.reference, asked.logits
    labels = reference.test.labels
    was_right, is_right = wanted.argmax(1) == labels, logits.argmax(1) == labels
    lost, gained = int((was_right & ~is_right).sum()), int((~was_right & is_right).sum())
    flips = parity.flips(wanted, logits)
    apart = _apart(file, asked, wanted)
    return dataclasses.replace(
        report,
        reference_accuracy=float(was_right.mean()),
        reference_interval=metrics.wilson(int(was_right.sum()), len(labels)),
        reference_by_class=parity.by_class(wanted, labels),
        flips=len(flips),
        flip_indices=tuple(reference.place(flip.index) for flip in flips),
        flip_margins=tuple(flip.margin for flip in flips),
        flip_answers=tuple((flip.before, flip.after) for flip in flips),
        lost=lost,
        gained=gained,
        mcnemar_p=parity.mcnemar(lost, gained),
        max_abs_diff=apart.largest,
        mean_abs_diff=apart.mean,
        p999_abs_diff=apart.p999,
        worst_image=None if apart.worst is None else reference.place(apart.worst),
    )


def _apart(file: Opened, asked: Asked, wanted: Scores) -> Difference:
    """How far the logits are apart.

    Classes are compared with what the model answers to the test images; logits with what it answers to what the network
    was shown, which is the same but for files that prepare their input themselves. Answers that were recorded are to
    the test images alone.
    """
    if not asked.prepared:
        return file.difference(asked.logits, wanted)
    if file.reference.model is None:
        return parity.unknown_difference(asked.logits)
    return file.difference(asked.logits, file.reference.model.ask(asked.shown))


def travelling(reference: Reference) -> str | None:
    """What is wrong with the answers that lie beside a file, where its own model can be asked, in words.

    Devices without torch take them for its own. As another machine may round otherwise, the limit of float files holds.
    """
    if reference.model is None or reference.answers is None:
        return None
    logits, limit = reference.model.logits, FLOAT_LIMITS.scaled(reference.model.logits).max_logit_diff
    apart = float(np.abs(logits - reference.answers).max())
    if limit is None or apart <= limit:
        return None
    model = reference.compared_with
    return f"answers: {ANSWERS} is off by {apart:.2g} from the {model}, limit {limit:.2g}. Export it anew."


def _by_accuracy(report: ParityReport, reference: Reference, logits: Scores) -> ParityReport:
    """All that a manifest knows of the torch model's answers is how many were right."""
    accuracy = reference.record.metrics.test_accuracy
    return dataclasses.replace(
        report,
        reference_accuracy=accuracy,
        reference_interval=metrics.wilson(round(accuracy * report.samples), report.samples),
        worst_image=parity.unknown_difference(logits).worst,
    )
