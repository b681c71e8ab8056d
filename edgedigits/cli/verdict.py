"""What `verify` prints: the verdict table, and what stands behind a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from edgedigits.cli.sheet import Sheet
from edgedigits.records.report import ADOPTED_FILE, ANSWERS, OTHER_FILE, RECORDED, TORCH_MODEL, in_words, reference_of
from edgedigits.records.words import size

if TYPE_CHECKING:
    from edgedigits.records.report import ParityReport, Robustness, Verification

WHO = {TORCH_MODEL: "torch", OTHER_FILE: "other", ADOPTED_FILE: "adopted"}  # what files were compared with
OFF_THE_TEST_SET = "Off the test set: accuracy on so many images of a kind, and (answers that differ from {}'s)"


def verification(result: Verification) -> Group:
    """The verdict table; settings; what answers depend on; images off the test set; every failure; the verdict."""
    failures = [
        Text(f"{report.path}\n  {failure}", style="red") for report in result.reports for failure in report.failures
    ]
    count = len(result.reports)
    failed = sum(not report.passed for report in result.reports)
    samples = f"{result.samples:,}" + (f" of {result.sampled_from:,}" if result.sampled_from else "")
    images = f", {samples} test images of {result.dataset}"
    verdict = (
        f"passed: {count} {'file' if count == 1 else 'files'}{images}"
        if result.passed
        else f"FAILED: {failed} of {count} files{images if result.sampled_from else ''}"
    ) + (f", in {result.engine}" if result.engine else "")
    signed = [f"manifests signed by {result.signer}"] if result.signer else []
    verdict = "; ".join([verdict, *_compared(result.reports), *_too_few(result.reports), *signed])
    return Group(
        _verdicts(result),
        *_recorded(result.reports),
        *_in_settings(result),
        *_remarks(result),
        *_dependences(result.reports),
        *_robustness(result.reports),
        *failures,
        Text(verdict, style="green" if result.passed else "bold red"),
    )


def _compared(reports: Sequence[ParityReport]) -> list[str]:
    """What was compared where torch did not answer every image, and what could not be checked."""
    from edgedigits.verify.gate import checks_of

    left_out = checks_of({option for report in reports for option in report.unchecked})
    return [
        *_instead(reports, ANSWERS, "compared answer by answer with what export recorded of their models"),
        *_instead(reports, RECORDED, "compared with the accuracies that the manifests recorded, not answer by answer"),
        *dict.fromkeys(f"compared with {report.against}" for report in reports if report.against),
        *([f"not checked: {', '.join(left_out)}"] if left_out else []),
    ]


def _instead(reports: Sequence[ParityReport], what: str, words: str) -> list[str]:
    """Of how many of the files something was compared, in words."""
    count = sum(report.compared_with == what for report in reports)
    who = "" if count == len(reports) else f"{count} of them "
    return [f"{who}{words}"] if count else []


def _too_few(reports: Sequence[ParityReport]) -> list[str]:
    """Says so where a single image is more than may be lost."""
    from edgedigits.verify.gate import images_needed

    needed = {needed: report for report in reports if (needed := images_needed(report))}
    if not needed:
        return []
    limit = needed[max(needed)].limits.max_drop or 0.0
    what = "sample" if needed[max(needed)].sampled_from else "test split"
    return [
        f"the {what} is too small for max-drop {100 * limit:g}: it needs at least {max(needed):,} images, "
        "and here one may be lost"
    ]


def _verdicts(result: Verification) -> Sheet:
    names = (
        "flips>",
        f"{WHO.get(reference_of(result.reports), 'model')}>",
        "file>",
        "± 95%>",
        "lost>",
        "gained>",
        "p>",
        "logits off by>",
    )
    sheet = Sheet(("file", "verdict", *names, "size>"))
    for report in result.reports:
        verdict = Text("passed", style="green") if report.passed else Text("FAILED", style="bold red")
        sheet.add_row(report.path, verdict, *_figures_of(report), size(report.size_bytes))
    return sheet


def _figures_of(report: ParityReport) -> list[str]:
    if report.accuracy is None or report.interval is None:
        return ["-"] * 8
    low, high = report.interval
    accuracies = [f"{report.reference_accuracy:.2%}", f"{report.accuracy:.2%}", f"{50 * (high - low):.2f}"]
    if report.mcnemar_p is None:
        return ["-", *accuracies, *["-"] * 4]
    return [
        str(report.flips),
        *accuracies,
        str(report.lost),
        str(report.gained),
        f"{report.mcnemar_p:.2g}",
        _off_by(report),
    ]


def _off_by(report: ParityReport) -> str:
    if report.max_abs_diff is None:
        return "-" if report.worst_image is None else "not finite"
    return f"{report.max_abs_diff:.1e}"


def _recorded(reports: Sequence[ParityReport]) -> list[Text]:
    """A line for each file whose torch model was not asked: why; the verdict says what was done instead."""
    return [
        Text(f"{report.path}: {report.missing}", style="yellow")
        for report in reports
        if report.compared_with in (ANSWERS, RECORDED)
    ]


def _in_settings(result: Verification) -> list[RenderableType]:
    """Each file in each setting of the engine, where it has several, and what the settings are."""
    shown = [report for report in result.reports if report.settings]
    if not shown or result.engine is None:
        return []
    from edgedigits.runtime.engines import get_engine

    sheet = Sheet(("file, in a setting", "judged", "flips>", "file>", "logits off by>"))
    for report in shown:
        for found in report.settings:
            sheet.add_row(
                f"{report.path}, {found.setting}",
                "yes" if found.judged else "no",
                "-" if found.flips is None else str(found.flips),
                f"{found.accuracy:.2%}",
                "-" if found.max_abs_diff is None else f"{found.max_abs_diff:.1e}",
            )
    known = get_engine(result.engine.name).settings
    lines = (f"{setting.name}{f' ({setting})' if setting.options else ''}: {setting.about}" for setting in known)
    return ["", sheet, *(Text(line, style="dim") for line in lines)]


def _remarks(result: Verification) -> list[Text]:
    """Of each file, as far as there is anything to say: how its input was read, what asked it, remarks."""
    return [
        Text(f"{report.path}: {said}", style=style)
        for report in result.reports
        for said, style in [
            *([(_read_as(report), "")] if report.reading else []),
            *([(f"asked in {report.engine}", "")] if report.engine and not result.engine else []),
            *((remark, "yellow") for remark in report.remarks),
        ]
    ]


def _read_as(report: ParityReport) -> str:
    what = f", its {report.compared_as} compared" if report.compared_as else ""
    return f"input read as {report.reading}{what}"


def _dependences(reports: Sequence[ParityReport]) -> list[Text]:
    """A line for each file and setting in which the file answers otherwise than in large batches."""
    return [
        Text(f"{report.path}: {_answers(found.changed)} with {found.setting}", style="yellow")
        for report in reports
        for found in report.deployments
        if found.changed
    ]


def _answers(changed: int) -> str:
    return "1 answer changes" if changed == 1 else f"{changed} answers change"


def _robustness(reports: Sequence[ParityReport]) -> list[RenderableType]:
    """Accuracy off the test set, how many of the file's answers there are not the torch model's, and what it means."""
    from edgedigits.verify.conditions import promised

    shown = [report for report in reports if report.robustness]
    if not shown:
        return []
    samples = {found.condition: found.samples for report in shown for found in promised(report.robustness)}
    sheet = Sheet(("file", *(f"{count:,} {name}>" for name, count in samples.items())))
    for report in shown:
        cells = {found.condition: found for found in report.robustness}
        sheet.add_row(report.path, *(_robust(cells.get(name)) for name in samples))
    who = in_words(reference_of(shown))
    return ["", Text(OFF_THE_TEST_SET.format(who)), sheet, ""]


def _robust(found: Robustness | None) -> str:
    if found is None:
        return ""
    return f"{'' if found.accuracy is None else f'{found.accuracy:.1%} '}({found.flips:,})"
