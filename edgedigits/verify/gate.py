"""The gate: which limits a report does not keep. Each failure names the limit, the value and the worst case."""

from edgedigits.records.report import RECORDED, Limits, ParityReport

SOFTMAX_TOLERANCE = 1e-5  # of float32, whatever the order of the sums
ULP = 1e-12  # 2 of 1,000 is 0.002, less an ulp


def judge(report: ParityReport, labels: tuple[str, ...]) -> list[str]:
    """A sentence for each limit that does not hold; none when the file passes. What is not finite never passes.

    labels   of the classes, to name the answers that changed
    """
    if report.max_abs_diff is None and report.worst_image is not None:
        return [f"logits: not finite; image {report.worst_image} first"]
    return [
        *_recorded(report),
        *_flips(report, labels),
        *_accuracy(report, labels),
        *_logits(report),
        *_probabilities(report),
        *_deployments(report),
        *_robustness(report),
        *_resources(report),
    ]


def is_exact(limits: Limits) -> bool:
    """Whether a file must give the torch model's answers everywhere, as float files must."""
    return limits.max_flips == 0


def _recorded(report: ParityReport) -> list[str]:
    """Without the torch model's answers: so many may flip, so many more or fewer may be right."""
    limit, samples = report.limits.max_flips, report.samples
    if report.compared_with != RECORDED or limit is None:
        return []
    recorded, found = (round((accuracy or 0.0) * samples) for accuracy in (report.reference_accuracy, report.accuracy))
    if abs(found - recorded) <= limit:
        return []
    return [
        f"recorded: {found:,} of {samples:,} answers right, its manifest recorded {recorded:,} of the torch model, "
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
        f"where torch was {report.flip_margins[surest]:.0%} ahead"
    ]


def _accuracy(report: ParityReport, labels: tuple[str, ...]) -> list[str]:
    accuracy, reference = report.accuracy or 0.0, report.reference_accuracy or 0.0
    limits, drop = report.limits, reference - accuracy
    failures = []
    if limits.max_drop is not None and drop > limits.max_drop + ULP:
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


def _logits(report: ParityReport) -> list[str]:
    limit, found = report.limits.max_logit_diff, report.max_abs_diff or 0.0
    if limit is None or found <= limit:
        return []
    return [f"logits: off by {found:.2g}, limit {limit:g}; image {report.worst_image} worst"]


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
    return [
        f"deployed: {count:,} of {found.samples:,} answers changed with {found.setting}, limit {limit:,}"
        for found, count in flips
        if limit is not None and count > limit
    ]


def _robustness(report: ParityReport) -> list[str]:
    """Off the test set, a file that must be exact must be exact too; of others it is only reported."""
    if not is_exact(report.limits):
        return []
    return [
        f"robustness: {found.flips:,} of {found.samples:,} answers changed on {found.condition} images, limit 0"
        for found in report.robustness
        if found.flips
    ]


def _resources(report: ParityReport) -> list[str]:
    limits = report.limits
    failures = []
    if limits.max_size is not None and report.size_bytes > limits.max_size:
        failures.append(f"size: {report.size_bytes:,} bytes, limit {limits.max_size:,}")
    if limits.max_latency_us is not None and (report.latency_us or 0.0) > limits.max_latency_us:
        failures.append(f"latency: {report.latency_us:.1f} us an image, median, limit {limits.max_latency_us:g}")
    return failures
