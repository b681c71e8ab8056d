"""The page that shows a verification: one HTML file that needs no network, no script and no other file.

    verification + Evidence of each file ──write_page──> report.html

`verify(html=...)` writes it. What is shown comes from the records; the words and the look are in
`templates/page.html.jinja`. Labels and paths are untrusted: the template escapes whatever it is given.
"""

import base64
import io
import math
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from edgedigits.data.dataset import Split
from edgedigits.errors import UsageError
from edgedigits.records.arrays import Int64Array, Scores, Uint8Array
from edgedigits.records.artifact import Artifact
from edgedigits.records.model import Checkpoint
from edgedigits.records.report import (
    RECORDED,
    ParityReport,
    Robustness,
    Verification,
    in_words,
    reference_of,
)
from edgedigits.records.words import count, percent, points, scientific, size
from edgedigits.system import environment, files, templates
from edgedigits.system.replace import require_replaceable
from edgedigits.verify import confusion, gate, parity
from edgedigits.verify.conditions import promised

if TYPE_CHECKING:
    import jinja2

TEMPLATE = "page.html.jinja"
MAX_FLIPS = 200  # pictures of one file; the surest flips come first
MARK = b'<meta name="generator" content="EdgeDigits">'  # of every page
LOOK = 1000  # bytes of a page that hold it
RUNTIMES = ("torch", "onnxruntime", "onnx", "numpy")


@dataclass(frozen=True)
class Evidence:
    """What a page shows of one file beyond its ParityReport.

    labels               of the classes
    checkpoint           of the model, where that is compared with
    artifact             the file's entry in its manifest, where it has one
    reference, logits    of the model and of the file, on all images of `test`: `[n, classes]`
    places               of the images in the whole test split, where they are a sample of it
    """

    labels: tuple[str, ...]
    checkpoint: Checkpoint | None
    artifact: Artifact | None
    test: Split
    reference: Scores
    logits: Scores
    places: Int64Array | None = None

    def position(self, place: int) -> int:
        """Where the image of that place in the whole test split is in `test`."""
        return place if self.places is None else int(np.searchsorted(self.places, place))

    def matrices(self) -> tuple[confusion.Matrix, ...]:
        """The model's confusion matrix, the file's, and their difference."""
        return confusion.matrices(self.labels, self.test.labels, self.reference, self.logits)


@dataclass(frozen=True)
class Check:
    """One line of a file's table of limits."""

    name: str
    found: str
    limit: str
    failed: bool


@dataclass(frozen=True)
class FlipView:
    """A flipped image: its picture as a data URI, the answers as labels, the margins as fractions."""

    index: int
    picture: str
    true: str
    before: str
    after: str
    before_margin: float
    after_margin: float | None
    outcome: str


@dataclass(frozen=True)
class FileView:
    """One file on the page.

    title           its path without what all paths share
    reasons         the first failure of each check, and how many more that check has
    unchecked       the checks that had nothing to go by, in words
    images_needed   where a single image is more than may be lost: at how many it would not be
    """

    anchor: str
    title: str
    report: ParityReport
    evidence: Evidence | None
    reasons: tuple[tuple[str, int], ...]
    checks: tuple[Check, ...]
    matrices: tuple[confusion.Matrix, ...]
    flips: tuple[FlipView, ...]
    unchecked: str
    images_needed: int | None


@dataclass(frozen=True)
class Model:
    """A model and its files, off the test set: per condition, a row of cells each."""

    name: str
    reference: tuple[Robustness | None, ...]
    files: tuple[tuple[FileView, tuple[Robustness | None, ...]], ...]


def require_writable(path: Path, force: bool = False) -> None:
    """Raise UsageError or MissingCapability now, not after the verification, if `path` cannot be written.

    A file that is no such page, or that git tracks, is replaced with `force` alone.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a folder: name a file in it, such as {path / 'report.html'}")
    require_replaceable([path], [path] if _is_page(path) else [], force)
    files.require_writable(path.parent)


def _is_page(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return MARK in file.read(LOOK)
    except OSError:
        return False


def write_page(verification: Verification, evidence: Sequence[Evidence | None], path: Path) -> None:
    """Write the page, whole or not at all; missing folders are created. Raises MissingCapability.

    evidence   one for each report of the verification, in its order; None for a file that was not compared
    """
    files.write_text(path, page(verification, evidence))


def page(verification: Verification, evidence: Sequence[Evidence | None]) -> str:
    """The page as text, all of it encodable: a path that is no UTF-8 shows a ? for each odd byte."""
    titles = _titles([report.path for report in verification.reports])
    views = [
        _file(number, title, report, known)
        for number, (title, report, known) in enumerate(
            zip(titles, verification.reports, evidence, strict=True), start=1
        )
    ]
    latencies = [view.report.latency_us for view in views if view.report.latency_us is not None]
    text = _template().render(
        verification=verification,
        files=views,
        failed=[view for view in views if not view.report.passed],
        recorded=[view for view in views if view.report.compared_with == RECORDED],
        who=in_words(reference_of(verification.reports)),
        slowest=max(latencies, default=None),
        conditions=_conditions(views),
        models=_models(views),
        versions=environment.versions(*RUNTIMES),
        machine=f"{platform.system()} {platform.machine()}",
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        max_classes=confusion.MAX_CLASSES,
        shades=confusion.SHADES,
    )
    return text.encode("utf-8", "replace").decode("utf-8")


def _template() -> "jinja2.Template":
    engine = templates.from_folders(Path(__file__).parent / "templates", escape=True)
    engine.filters |= {"percent": percent, "count": count, "scientific": scientific, "size": size}
    return engine.get_template(TEMPLATE)


def _titles(paths: Sequence[str]) -> list[str]:
    """The paths without the folder that all of them lie in."""
    try:
        shared = os.path.commonpath([Path(path).parent for path in paths])
    except ValueError:  # relative and absolute ones together
        return list(paths)
    return [os.path.relpath(path, shared) if shared else path for path in paths]


def _file(number: int, title: str, report: ParityReport, evidence: Evidence | None) -> FileView:
    return FileView(
        anchor=f"file-{number}",
        title=title,
        report=report,
        evidence=evidence,
        reasons=_reasons(report.failures),
        checks=_checks(report) if report.accuracy is not None else (),
        matrices=evidence.matrices() if evidence else (),
        flips=_flips(report, evidence) if evidence else (),
        unchecked=", ".join(gate.checks_of(report.unchecked)),
        images_needed=gate.images_needed(report) if report.samples else None,
    )


def _reasons(failures: Sequence[str]) -> tuple[tuple[str, int], ...]:
    """Failures in short: a failure begins with the name of its check, and checks of many settings repeat themselves."""
    checks: dict[str, list[str]] = {}
    for failure in failures:
        checks.setdefault(failure.partition(":")[0], []).append(failure)
    return tuple((same[0], len(same) - 1) for same in checks.values())


def _checks(report: ParityReport) -> tuple[Check, ...]:
    """What was found, beside what is allowed."""
    limits = report.limits
    failed = {failure.partition(":")[0] for failure in report.failures}
    before, after = report.reference_accuracy, report.accuracy
    drop = "-" if before is None or after is None else points(before - after)
    apart = "-" if report.flips is None else scientific(report.max_abs_diff)
    rows = [
        ("flips", "changed answers", count(report.flips), _at_most(limits.max_flips, "{:,}")),
        ("accuracy", "accuracy lost", drop, _at_most(limits.max_drop, "{}", points)),
        ("logits", "logits off by", apart, _at_most(limits.max_logit_diff, "{:.3g}")),
        (
            "probabilities",
            "off from softmax",
            scientific(report.softmax_diff),
            _at_most(gate.SOFTMAX_TOLERANCE, "{:g}"),
        ),
        ("size", "size", size(report.size_bytes), _at_most(limits.max_size, "{}", size)),
    ]
    if limits.min_accuracy is not None:
        rows.insert(2, ("accuracy", "accuracy", percent(report.accuracy), f"at least {percent(limits.min_accuracy)}"))
    if report.latency_us is not None:
        rows.append(("latency", "latency", f"{report.latency_us:,.1f} µs", _at_most(limits.max_latency_us, "{:g} µs")))
    if report.footprint:
        rows += [
            ("flash", "flash", count(report.flash), _at_most(limits.max_flash, "{:,}")),
            ("ram", "RAM", count(report.ram), _at_most(limits.max_ram, "{:,}")),
            ("instructions", "instructions", count(report.instructions), _at_most(limits.max_instructions, "{:,}")),
        ]
    return tuple(Check(name, found, limit, key in failed) for key, name, found, limit in rows)


def _flips(report: ParityReport, evidence: Evidence) -> tuple[FlipView, ...]:
    """The flipped images, those first of which the model was surest."""
    names, truth = evidence.labels, evidence.test.labels
    order = sorted(range(len(report.flip_indices)), key=lambda place: -report.flip_margins[place])[:MAX_FLIPS]
    positions = [evidence.position(report.flip_indices[place]) for place in order]
    margins = parity.margins(evidence.logits[positions])
    views = []
    for place, position, margin in zip(order, positions, margins.tolist(), strict=True):
        index, (before, after) = report.flip_indices[place], report.flip_answers[place]
        true = int(truth[position])
        views.append(
            FlipView(
                index=index,
                picture=_picture(evidence.test.images[position]),
                true=names[true],
                before=names[before],
                after=names[after],
                before_margin=report.flip_margins[place],
                after_margin=margin if math.isfinite(margin) else None,
                outcome="lost" if before == true else "gained" if after == true else "wrong in both",
            )
        )
    return tuple(views)


def _picture(image: Uint8Array) -> str:
    """An image `[28, 28]` as the data URI of a PNG: 28 pixels wide, to be enlarged by the browser."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _conditions(views: Sequence[FileView]) -> list[Robustness]:
    """One result of each condition off the test set, for the headings."""
    return list({found.condition: found for view in views for found in promised(view.report.robustness)}.values())


def _models(views: Sequence[FileView]) -> list[Model]:
    """The models, each with those of its files that were asked off the test set."""
    groups: dict[str, list[FileView]] = {}
    for view in views:
        if view.report.robustness and view.evidence:
            groups.setdefault(_model_of(view.evidence), []).append(view)
    names = [found.condition for found in _conditions(views)]
    models = []
    for group in groups.values():
        rows = []
        for view in group:
            cells = {found.condition: found for found in view.report.robustness}
            rows.append((view, tuple(cells.get(name) for name in names)))
        models.append(Model(_title(group[0]), rows[0][1], tuple(rows)))
    return models


def _model_of(evidence: Evidence) -> str:
    """What files of one model have in common."""
    return evidence.checkpoint.weights_sha256 if evidence.checkpoint else ""


def _title(view: FileView) -> str:
    """What a file is compared with, in words."""
    known = view.evidence and view.evidence.checkpoint
    return f"{known.name}, {in_words(view.report.compared_with)}" if known else view.report.against or ""


def _at_most(limit: Any, form: str, unit: Callable[[Any], Any] = lambda value: value) -> str:
    return "none" if limit is None else f"at most {form.format(unit(limit))}"
