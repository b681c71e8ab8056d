"""A file as it will be used: one image at a time, in every setting of its runtime, and off the test set."""

from edgedigits.records.arrays import Scores
from edgedigits.records.report import Deployment, Robustness
from edgedigits.verify import parity
from edgedigits.verify.candidates import Opened

QUICK = 1000  # test images in variants that only reorder a runtime's sums, or in an engine; all of them when thorough
ALONE = "one image a call"


def deployments(file: Opened, logits: Scores, thorough: bool = False) -> tuple[Deployment, ...]:
    """All test images one at a time, and the first of them, or all when `thorough`, in every variant of the engine.

    In a named engine, which may be slow, it is the first of them one at a time, too.

    logits   of the file itself, in large batches and its default setting, `[n, classes]`
    """
    images = file.reference.test.images
    part = images if thorough else images[:QUICK]
    singles = part if file.opener.engine else images
    alone = logits[: len(singles)] if file.predictor.one_by_one else file.predictor.alone(singles)
    found = [_deployment(file, ALONE, alone, logits)]
    for variant in file.engine.variants:
        scores = file.in_setting(variant.name).in_batches(part)[0]
        found.append(_deployment(file, variant.name, scores, logits))
    return tuple(found)


def _deployment(file: Opened, setting: str, scores: Scores, logits: Scores) -> Deployment:
    count, wanted = len(scores), file.reference.logits
    return Deployment(
        setting=setting,
        samples=count,
        flips=None if wanted is None else parity.changed(wanted[:count], scores),
        changed=parity.changed(logits[:count], scores),
        max_abs_diff=file.difference(scores, logits[:count]).largest,
    )


def robustness(file: Opened) -> tuple[Robustness, ...]:
    """The file and its model on images off the test set: do they agree, and how often are they right?

    Nothing where that model cannot be asked.
    """
    found = []
    for condition, wanted in file.reference.model.conditions if file.reference.model else ():
        scores = file.predictor.in_batches(condition.images)[0]
        found.append(
            Robustness(
                condition=condition.name,
                samples=len(condition.images),
                flips=parity.changed(wanted, scores),
                max_abs_diff=file.difference(scores, wanted).largest,
                reference_accuracy=condition.accuracy(wanted),
                accuracy=condition.accuracy(scores),
            )
        )
    return tuple(found)
