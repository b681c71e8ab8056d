"""The gate: which limits a report does not keep. Each failure names the limit, the value and the worst case.

A limit that cannot be checked, since its figure is missing, is not kept where somebody asked for it; a format's own is
reported as not checked. `max_drop` alone knows that images are counted in whole ones: the loss of a single image never
fails, whatever the limit. `max_flips` does not: 0 is none.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

from edgedigits.records.footprint import MAIN
from edgedigits.records.report import DEVICE_LIMITS, RECORDED, TORCH_MODEL, Limits, ParityReport
from edgedigits.verify.references import REMEDIES

SOFTMAX_TOLERANCE = 1e-5  # of float32, whatever the order of the sums
ULP = 1e-12  # 2 of 1,000 is 0.002, less an ulp


class Checked(NamedTuple):
    """What a limit is checked against: a figure of a ParityReport, and the check's name, with which failures begin.

    words   that tell its failures from those of other limits of the same check
    """

    check: str
    figure: str
    words: str = ""


CHECKED = {  # by the limit's field
    "max_flips": Checked("flips", "flips"),
    "max_drop": Checked("accuracy", "reference_accuracy", "points lost"),
    "max_logit_diff": Checked("logits", "max_abs_diff"),
    "min_accuracy": Checked("accuracy", "accuracy", "at least"),
    "max_size": Checked("size", "size_bytes"),
    "max_latency_us": Checked("latency", "latency_us"),
    "max_flash": Checked("flash", "flash"),
    "max_ram": Checked("ram", "ram"),
    "max_instructions": Checked("instructions", "instructions"),
}


def judge(report: ParityReport, labels: tuple[str, ...], asked: Limits = Limits()) -> list[str]:  # noqa: B008 - frozen
    """A sentence for each limit that does not hold; none when the file passes. What is not finite never passes.

    labels   of the classes, to name the answers that changed
    asked    those of the limits that somebody asked for: none of them may go unchecked
    """
    if _is_not_finite(report):
        return [f"logits: not finite; image {report.worst_image} first"]
    return [
        *_unchecked(report, asked),
        *_recorded(report),
        *_flips(report, labels),
        *_accuracy(report, labels),
        *_logits(report, asked),
        *_probabilities(report),
        *_deployments(report),
        *_robustness(report),
        *_resources(report),
        *_device(report),
    ]


def unchecked(report: ParityReport) -> tuple[str, ...]:
    """The limits, as options name them, of which nothing says whether they hold, since their figure is missing."""
    if _is_not_finite(report):  # it fails whatever the limits
        return ()
    return tuple(_option(limit) for limit in CHECKED if _lacks(report, limit))


def checks_of(options: Iterable[str]) -> list[str]:
    """The names of the checks behind limits that are named as options name them."""
    return list(dict.fromkeys(checked.check for limit, checked in CHECKED.items() if _option(limit) in options))


def is_about(failure: str, limit: str) -> bool:
    """Whether a sentence of `judge` says that a limit, by its field, is not kept."""
    checked = CHECKED[limit]
    return failure.startswith(f"{checked.check}:") and (checked.words in failure or _option(limit) in failure)


def images_needed(report: ParityReport) -> int | None:
    """The test images at which `max_drop` is no finer than one of them; None where it is none here, or 0."""
    limit = report.limits.max_drop
    if not limit or limit * report.samples >= 1 - ULP:
        return None
    return math.ceil(1 / limit - ULP)


def is_exact(limits: Limits) -> bool:
    """Whether a file must give the torch model's answers everywhere, as float files must."""
    return limits.max_flips == 0


def _is_not_finite(report: ParityReport) -> bool:
    return report.max_abs_diff is None and report.worst_image is not None


def _option(limit: str) -> str:
    return limit.replace("_", "-")


def _unchecked(report: ParityReport, asked: Limits) -> list[str]:
    """A limit that was asked for and cannot be checked is not kept."""
    return [
        f"{CHECKED[limit].check}: {_option(limit)} {wanted:g} cannot be checked, since {_cause(report, limit)}"
        for limit, wanted in vars(asked).items()
        if wanted is not None and _lacks(report, limit)
    ]


def _lacks(report: ParityReport, limit: str) -> bool:
    """Whether there is such a limit, and no figure to check it against."""
    return getattr(report.limits, limit) is not None and getattr(report, CHECKED[limit].figure) is None


def _cause(report: ParityReport, limit: str) -> str:
    """Why a limit's figure is missing, and what to do."""
    if limit in DEVICE_LIMITS and report.footprint and report.footprint.missing:
        return report.footprint.missing
    if report.missing is None or limit not in ("max_flips", "max_logit_diff"):
        return "nothing was measured; leave it out"
    return f"{report.missing}: {REMEDIES[report.missing]}, or leave it out"


def _recorded(report: ParityReport) -> list[str]:
    """Without the torch model's answers: so many may flip, so many more or fewer may be right."""
    limit, samples = report.limits.max_flips, report.samples
    if report.compared_with != RECORDED or limit is None:
        return []
    recorded, found = (round((accuracy or 0.0) * samples) for accuracy in (report.reference_accuracy, report.accuracy))
    if abs(found - recorded) <= limit:
        return []
    return [
        f"recorded: {found:,} of {samples:,} answers right, its manifest recorded {recorded:,} of its model, "
        f"limit {limit:,} apart"
    ]


def _flips(report: ParityReport, labels: tuple[str, ...]) -> list[str]:
    limit = report.limits.max_flips
    if limit is None or len(report.flip_indices) <= limit:
        return []
    surest = max(range(len(report.flip_indices)), key=report.flip_margins.__getitem__)
    before, after = (labels[answer] for answer in report.flip_answers[surest])
    worst = f"image {report.flip_indices[surest]} worst, from {before} to {after}"
    return [
        f"flips: {report.flips:,} of {report.samples:,} answers changed, limit {limit:,}; {worst}, "
        f"where {'torch' if report.compared_with == TORCH_MODEL else 'it'} was {report.flip_margins[surest]:.0%} ahead"
    ]


def _accuracy(report: ParityReport, labels: tuple[str, ...]) -> list[str]:
    accuracy, reference = report.accuracy, report.reference_accuracy
    if accuracy is None or reference is None:
        return []
    limits, drop = report.limits, reference - accuracy
    lost = round(drop * report.samples)
    failures = []
    if limits.max_drop is not None and drop > limits.max_drop + ULP and lost > 1:
        failures.append(
            f"accuracy: {100 * drop:.2f} points lost, limit {100 * limits.max_drop:.2f}{_worst_class(report, labels)}"
        )
    if limits.min_accuracy is not None and accuracy < limits.min_accuracy - ULP:
        failures.append(f"accuracy: {accuracy:.2%}, at least {limits.min_accuracy:.2%} wanted")
    return failures


def _worst_class(report: ParityReport, labels: tuple[str, ...]) -> str:
    """The class that lost most accuracy, by its label, with both figures, where the torch model's are known."""
    if report.compared_with == RECORDED:
        return ""
    drops = {
        index: before - after
        for index, (before, after) in enumerate(zip(report.reference_by_class, report.by_class, strict=True))
        if before is not None and after is not None
    }
    worst = max(drops, key=drops.__getitem__)
    return (
        f"; worst class '{labels[worst]}', {report.reference_by_class[worst]:.2%} to {report.by_class[worst]:.2%} "
        f"({report.lost} lost, {report.gained} gained, p = {report.mcnemar_p:.2g})"
    )


def _logits(report: ParityReport, asked: Limits) -> list[str]:
    limit, found = report.limits.max_logit_diff, report.max_abs_diff
    if limit is None or found is None or found <= limit:
        return []
    which = ", which grows with their range" if asked.max_logit_diff is None else ""
    return [f"logits: off by {found:.2g}, limit {limit:.3g}{which}; image {report.worst_image} worst"]


def _probabilities(report: ParityReport) -> list[str]:
    found = report.softmax_diff
    if found is None:
        return ["probabilities: not finite"]
    if found <= SOFTMAX_TOLERANCE:
        return []
    return [f"probabilities: off by {found:.2g} from the softmax of the logits, limit {SOFTMAX_TOLERANCE:g}"]


def _deployments(report: ParityReport) -> list[str]:
    """Answers as deployed: the flips that are allowed in large batches are allowed there, and no more.

    Where the torch model's answers are not known, the file's own in large batches stand in for them.
    """
    limit = report.limits.max_flips
    flips = [(found, found.changed if found.flips is None else found.flips) for found in report.deployments]
    failures = [
        f"deployed: logits not finite with {found.setting}"
        for found in report.deployments
        if found.max_abs_diff is None
    ]
    return failures + [
        f"deployed: {count:,} of {found.samples:,} answers changed with {found.setting}, limit {limit:,}"
        for found, count in flips
        if limit is not None and count > limit
    ]


def _robustness(report: ParityReport) -> list[str]:
    """Off the test set, a file that must be exact must be exact too; of others it is only reported."""
    failures = [
        f"robustness: logits not finite on {found.condition} images"
        for found in report.robustness
        if found.max_abs_diff is None
    ]
    if not is_exact(report.limits):
        return failures
    return failures + [
        f"robustness: {found.flips:,} of {found.samples:,} answers changed on {found.condition} images, limit 0"
        for found in report.robustness
        if found.flips
    ]


def _resources(report: ParityReport) -> list[str]:
    limits, latency = report.limits, report.latency_us
    failures = []
    if limits.max_size is not None and report.size_bytes > limits.max_size:
        failures.append(f"size: {report.size_bytes:,} bytes, limit {limits.max_size:,}")
    if limits.max_latency_us is not None and latency is not None and latency > limits.max_latency_us:
        failures.append(f"latency: {latency:.1f} us an image, median, limit {limits.max_latency_us:g}")
    return failures


def _device(report: ParityReport) -> list[str]:
    """What a C file takes of a microcontroller."""
    failures = []
    for limit, unit in zip(DEVICE_LIMITS, ("bytes", "bytes of scratch and stack", "an image"), strict=True):
        allowed, checked = getattr(report.limits, limit), CHECKED[limit]
        found = getattr(report, checked.figure)
        if allowed is not None and found is not None and found > allowed:
            failures.append(f"{checked.check}: {found:,} {unit} on {MAIN}, limit {allowed:,}")
    return failures
