"""A file as it will be used: one image at a time, in every setting of its runtime, and off the test set."""

from collections.abc import Callable, Sequence

import numpy as np

from edgedigits import parity
from edgedigits.formats import Images, Predictor, Scores
from edgedigits.records import Deployment, Robustness
from edgedigits.targets import Reference

BATCH = 1000
QUICK = 2000  # test images in settings that only reorder a runtime's sums; all of them when thorough
ALONE = "one image a call"


def deployments(
    open_in: Callable[..., Predictor],
    settings: Sequence[str],
    reference: Reference,
    logits: Scores,
    thorough: bool = False,
) -> tuple[Deployment, ...]:
    """All test images one at a time, and the first of them, or all when `thorough`, in every other setting.

    open_in  gives the file as a Predictor, in the setting that it is called with, or the first of `settings`
    logits   of the file itself, in large batches and its default setting, `[n, classes]`
    """
    count = len(logits) if thorough else QUICK
    images = reference.test.images
    alone = _logits(open_in(), images, batch=1)
    found = [_deployment(ALONE, alone, reference, logits)]
    for setting in settings[1:]:
        scores = _logits(open_in(setting), images[:count], BATCH)
        found.append(_deployment(setting, scores, reference, logits))
    return tuple(found)


def _deployment(setting: str, scores: Scores, reference: Reference, logits: Scores) -> Deployment:
    count = len(scores)
    answers = scores.argmax(1)
    return Deployment(
        setting=setting,
        samples=count,
        flips=int((answers != reference.logits[:count].argmax(1)).sum()),
        changed=int((answers != logits[:count].argmax(1)).sum()),
        max_abs_diff=parity.difference(logits[:count], scores).largest,
    )


def robustness(predictor: Predictor, reference: Reference) -> tuple[Robustness, ...]:
    """The file and the torch model on images off the test set: do they agree, and how often are they right?"""
    found = []
    for condition, wanted in reference.conditions:
        scores = _logits(predictor, condition.images, BATCH)
        found.append(
            Robustness(
                condition=condition.name,
                samples=len(condition.images),
                flips=int((scores.argmax(1) != wanted.argmax(1)).sum()),
                max_abs_diff=parity.difference(wanted, scores).largest,
                reference_accuracy=condition.accuracy(wanted),
                accuracy=condition.accuracy(scores),
            )
        )
    return tuple(found)


def _logits(predictor: Predictor, images: Images, batch: int) -> Scores:
    return np.concatenate([predictor(images[start : start + batch])[0] for start in range(0, len(images), batch)])
