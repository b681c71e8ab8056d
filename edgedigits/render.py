"""What a person or a program sees: tables, JSON documents, progress."""

import contextlib
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from edgedigits.predict import Prediction, Predictions

from edgedigits import measured, presets
from edgedigits.data import FileStatus, Uint8Array
from edgedigits.progress import Observer, Progress
from edgedigits.records import (
    RECORDED,
    Artifact,
    Benchmark,
    Checkpoint,
    Contract,
    Embedding,
    Inspection,
    ParityReport,
    Ratios,
    Recipe,
    Refusal,
    Reproduction,
    Robustness,
    ScoreSummary,
    TensorSpec,
    Verification,
)

BLOCKS = " \N{LOWER HALF BLOCK}\N{UPPER HALF BLOCK}\N{FULL BLOCK}"
INKED = 96  # of 255: pixels above are drawn
PIPE_WIDTH = 10_000  # columns when stdout is no terminal: nothing is wrapped or cut


def print_json(document: dict[str, Any]) -> None:
    """Print exactly one JSON document on stdout, in ASCII: whatever the encoding of a pipe, it can be read."""
    sys.stdout.write(json.dumps(document, indent=2, allow_nan=False) + "\n")


def print_table(table: RenderableType) -> None:
    """Print a table on stdout; in colour only on a terminal without NO_COLOR."""
    width = None if sys.stdout.isatty() else PIPE_WIDTH
    Console(width=width, highlight=False, markup=False, emoji=False).print(table)  # a path may hold [brackets]


@contextlib.contextmanager
def progress(title: str, shown: bool = True) -> Iterator[Observer]:
    """An observer that draws a bar on stderr while it is a terminal, and draws nothing elsewhere."""
    console = Console(stderr=True)
    if not shown or not console.is_terminal or os.environ.get("TERM") == "dumb":
        yield lambda _: None
        return
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[figures]}"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=None, figures="")

        def show(event: Progress) -> None:
            bar.update(
                task,
                description=event.task or title,
                completed=event.done,
                total=event.total,
                figures=_figures(event.figures),
            )

        yield show


def _figures(figures: Any) -> str:
    formats = {"loss": "loss {:.4f}", "accuracy": "accuracy {:.2%}", "images_per_second": "{:,.0f} images/s"}
    return "  ".join(formats[name].format(value) for name, value in figures.items())


def training(checkpoints: Sequence[Checkpoint]) -> Table:
    """The table at the end of `train`."""
    table = _table("model", "data", "test accuracy>", "train accuracy>", "epochs>", "seconds>", "device", "files")
    for run in checkpoints:
        table.add_row(
            run.model,
            run.dataset.name,
            f"{run.metrics.test_accuracy:.2%}",
            f"{run.metrics.train_accuracy:.2%}",
            str(run.recipe.epochs),
            f"{run.metrics.train_seconds:.1f}",
            run.device,
            f"{run.folder}{os.sep}",
        )
    return table


def training_json(checkpoints: Sequence[Checkpoint]) -> dict[str, Any]:
    """The same for `--json`."""
    return {
        "runs": [
            {
                "name": run.name,
                "model": run.model,
                "dataset": run.dataset.name,
                "path": str(run.folder),
                "test_accuracy": run.metrics.test_accuracy,
                "train_accuracy": run.metrics.train_accuracy,
                "validation_accuracy": run.metrics.validation_accuracy,
                "train_seconds": run.metrics.train_seconds,
                "epochs": run.recipe.epochs,
                "seed": run.recipe.seed,
                "device": run.device,
                "threads": run.threads,
                "weights_sha256": run.weights_sha256,
            }
            for run in checkpoints
        ]
    }


def exported(artifacts: Sequence[Artifact]) -> RenderableType:
    """The table at the end of `export`, and when canvas files refuse."""
    table = _table("file", "format", "size>", "SHA-256")
    for artifact in artifacts:
        table.add_row(str(artifact.path), artifact.format, size(artifact.size_bytes), f"{artifact.sha256[:12]}…")
    refusals = {artifact.name: artifact.refusal for artifact in artifacts if artifact.refusal}
    return Group(table, *(Text(f"{name}: {_refusal(refusal)}") for name, refusal in refusals.items()))


def _refusal(refusal: Refusal) -> str:
    shares = ", ".join(f"{share:.1%} of {kind}" for kind, share in refusal.refused.items())
    return (
        f"below {refusal.threshold:.0%} it is no digit, which refuses {shares}; temperature {refusal.temperature:g}, "
        f"calibration error {refusal.error_before:.2%} before and {refusal.error_after:.2%} after "
        f"({refusal.samples:,} held-out digits)"
    )


def exported_json(artifacts: Sequence[Artifact]) -> dict[str, Any]:
    """The same for `--json`."""
    fields = ("name", "format", "size_bytes", "sha256", "checkpoint_sha256", "opset")
    return {
        "artifacts": [
            {"path": str(artifact.path)}
            | {field: getattr(artifact, field) for field in fields}
            | {"refusal": artifact.refusal.to_dict() if artifact.refusal else None}
            for artifact in artifacts
        ]
    }


def paths(found: Iterable[object]) -> Table:
    """What was written, a path a line."""
    table = _table("file")
    for path in found:
        table.add_row(str(path))
    return table


def verification(result: Verification) -> RenderableType:
    """The verdict table; what answers depend on; images off the test set; every failure; the verdict."""
    failures = [
        Text(f"{report.path}\n  {failure}", style="red") for report in result.reports for failure in report.failures
    ]
    count = len(result.reports)
    failed = sum(not report.passed for report in result.reports)
    verdict = (
        f"passed: {count} {'file' if count == 1 else 'files'}, {result.samples:,} test images of {result.dataset}"
        if result.passed
        else f"FAILED: {failed} of {count} files"
    ) + (f", in {result.engine}" if result.engine else "")
    return Group(
        _verdicts(result.reports),
        *_recorded(result.reports),
        *_dependences(result.reports),
        *_robustness(result.reports),
        *failures,
        Text(verdict, style="green" if result.passed else "bold red"),
    )


def _verdicts(reports: Sequence[ParityReport]) -> Table:
    table = _table(
        "file", "size>", "torch>", "file>", "± 95%>", "flips>", "lost>", "gained>", "p>", "logits off by>", "verdict"
    )
    for report in reports:
        verdict = Text("passed", style="green") if report.passed else Text("FAILED", style="bold red")
        table.add_row(report.path, size(report.size_bytes), *_figures_of(report), verdict)
    return table


def _figures_of(report: ParityReport) -> list[str]:
    if report.accuracy is None or report.interval is None:
        return ["-"] * 8
    low, high = report.interval
    accuracies = [f"{report.reference_accuracy:.2%}", f"{report.accuracy:.2%}", f"{50 * (high - low):.2f}"]
    if report.mcnemar_p is None:
        return [*accuracies, *["-"] * 5]
    return [
        *accuracies,
        str(report.flips),
        str(report.lost),
        str(report.gained),
        f"{report.mcnemar_p:.2g}",
        "not finite" if report.max_abs_diff is None else f"{report.max_abs_diff:.1e}",
    ]


def _recorded(reports: Sequence[ParityReport]) -> list[Text]:
    """A line for each file that could not be compared answer by answer."""
    return [
        Text(
            f"{report.path}: its checkpoint is not at hand: compared with the accuracy that its manifest recorded, "
            "not answer by answer",
            style="yellow",
        )
        for report in reports
        if report.compared_with == RECORDED
    ]


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


def _robustness(reports: Sequence[ParityReport]) -> list[Table]:
    """Accuracy off the test set, and how many of the file's answers there are not the torch model's."""
    shown = [report for report in reports if report.robustness]
    if not shown:
        return []
    names = [found.condition for found in shown[0].robustness]
    table = _table("off the test set: accuracy (flips)", *(f"{name}>" for name in names))
    for report in shown:
        cells = {found.condition: found for found in report.robustness}
        table.add_row(report.path, *(_robust(cells.get(name)) for name in names))
    return [table]


def _robust(found: Robustness | None) -> str:
    if found is None:
        return ""
    return f"{'' if found.accuracy is None else f'{found.accuracy:.1%} '}({found.flips})"


def reproduction(result: Reproduction) -> RenderableType:
    """What came out again, file by file; what is not as it was then; the verdict."""
    table = _table("file", "recorded SHA-256", "made again", "")
    for file in result.files:
        verdict = Text("same", style="green") if file.same else Text("DIFFERENT", style="bold red")
        table.add_row(file.file, f"{file.recorded[:12]}…", f"{file.found[:12]}…", verdict)
    cause = "this may be why: " if not result.same else "not as then: "
    changed = (Text(f"{cause}{sentence}", style="yellow") for sentence in result.changed)
    count = sum(not file.same for file in result.files)
    verdict = (
        Text(f"{result.name}: the same bytes came out again", style="green")
        if result.same
        else Text(f"{result.name}: {count} of {len(result.files)} files came out otherwise", style="bold red")
    )
    return Group(table, *changed, verdict)


def benchmark(result: Benchmark) -> RenderableType:
    """The figures; their ratios; which int8 files are slower; how all of it was measured."""
    figures = _table("model", "format", "size>", "accuracy>", "flips>", "latency us>", "p99 us>", "images/s>")
    for row in result.rows:
        figures.add_row(
            row.name,
            row.format,
            size(row.size_bytes),
            f"{row.accuracy:.2%}",
            str(row.flips),
            f"{row.latency_us:.1f}",
            f"{row.latency_p99_us:.1f}",
            f"{row.images_per_second:,.0f}",
        )
    names = ("size", "latency", "p99", "images/s")
    ratios = _table("ratio to", "", *(f"{base}: {name}>" for base in ("torch", "float") for name in names))
    for row in result.rows:
        if row.to_torch:
            ratios.add_row(row.name, row.format, *_ratios(row.to_torch), *_ratios(row.to_float))
    versions = ", ".join(f"{name} {version}" for name, version in result.versions.items())
    how = (
        f"{result.threads} thread; {result.calls:,} calls of one image, in interleaved rounds; images/s in batches of "
        f"{result.batch}; {result.samples:,} test images of {result.dataset}; {result.machine}, {versions}"
    )
    slower = (Text(sentence, style="yellow") for sentence in result.slower)
    return Group(figures, "", ratios, "", *slower, Text(how, style="dim"))


def _ratios(ratios: Ratios | None) -> list[str]:
    return ["-"] * 4 if ratios is None else [f"{value:.2f}" for value in ratios.to_dict().values()]


def inspection(found: Inspection) -> RenderableType:
    """What a file is: its facts, its operators, its tensors and the runtimes that load it."""
    contract = found.contract
    facts = _table("file", found.path)
    for name, value in (
        ("format", found.format + (f", opset {found.opset}, IR version {found.ir_version}" if found.opset else "")),
        ("size", f"{size(found.size_bytes)} ({found.size_bytes:,} bytes)"),
        ("SHA-256", found.sha256),
        ("checkpoint", f"{contract.checkpoint_sha256} ({found.checkpoint or 'not among the runs'})"),
        ("trained on", f"{contract.dataset}, test accuracy {contract.test_accuracy:.2%} in torch"),
        ("verified", found.verified or "not yet"),
        ("labels", " ".join(contract.labels)),
        ("input", f"{_signature(contract.input)}, {contract.polarity}"),
        *(("output", _signature(output)) for output in contract.outputs),
        *((("no digit", _refused(contract)),) if contract.threshold is not None else ()),
        ("parameters", f"{found.parameters:,}, {found.quantized_share:.1%} of them in 8 bits"),
        ("operators", ", ".join(f"{name} {count}" for name, count in found.operators.items())),
    ):
        facts.add_row(name, value)
    tensors = _table("tensor", "type", "shape", "bytes>")
    for tensor in found.tensors:
        tensors.add_row(tensor.name, tensor.dtype, str(list(tensor.shape)), f"{tensor.bytes:,}")
    runtimes = _table("runtime", "version", "")
    for runtime in found.runtimes:
        runtimes.add_row(runtime.name, f">= {runtime.minimum}" if runtime.minimum else "-", runtime.note)
    return Group(facts, "", tensors, "", runtimes)


def _refused(contract: Contract) -> str:
    return f"below a probability of {contract.threshold:.0%}, at temperature {contract.temperature or 1:g}"


def _signature(spec: TensorSpec) -> str:
    return f"{spec.name}, {spec.dtype} [{', '.join(map(str, spec.shape))}]"


def scored(result: ScoreSummary) -> Table:
    """The row at the end of `score`."""
    table = _table("output", "images>", "unreadable>", "done before>", "seconds>", "images/s>")
    table.add_row(
        result.output,
        f"{result.items:,}",
        f"{result.errors:,}",
        f"{result.resumed:,}",
        f"{result.seconds:.1f}",
        f"{result.images_per_second:,.0f}",
    )
    return table


def predictions(result: "Predictions", show: bool = False) -> RenderableType:
    """A line for each picture that could be read, or, with `show`, a line and what the network saw below it."""
    read = [prediction for prediction in result.predictions if prediction.error is None]
    if not show:
        return _predicted(read)
    seen = [(found, found.seen) for found in read if found.seen is not None]
    return Group(*(part for found, image in seen for part in (_predicted([found]), half_blocks(image))))


def _predicted(read: Sequence["Prediction"]) -> Table:
    table = _table("picture", "answer", "probability>", "doubts")
    for found in read:
        answer = Text("no digit", style="yellow") if found.answer is None else Text(found.answer)
        table.add_row(found.picture, answer, f"{found.probability:.1%}", "; ".join(found.doubts))
    return table


def half_blocks(image: Uint8Array) -> Text:
    """An image uint8 `[height, width]` of an even height: a line for two rows of pixels, ink where above INKED."""
    inked = (image > INKED).astype(int)
    cells = 2 * inked[0::2] + inked[1::2]
    return Text("\n".join("".join(BLOCKS[cell] for cell in line) for line in cells.tolist()))


def embedding(result: Embedding) -> Table:
    """The files of an embedding."""
    table = _table("file", "size>")
    for name, count in result.files.items():
        table.add_row(str(result.folder / name), size(count))
    return table


def embedding_json(result: Embedding) -> dict[str, Any]:
    """The same for `--json`."""
    return {"path": str(result.folder), "size_bytes": result.size_bytes} | result.to_dict()


def models() -> Table:
    """The table of presets."""
    table = _table("model", "network", "parameters>", "input", "recipe", "training", "test accuracy>", "seconds>")
    for row in models_json()["models"]:
        for index, (name, recipe) in enumerate(row["recipes"].items()):
            first = (row["name"], row["network"], f"{row['parameters']:,}", row["input"]) if index == 0 else ("",) * 4
            figures = measured.find(row["name"], name)
            table.add_row(*first, name, describe(Recipe.from_dict(recipe)), *_measured(figures))
    return table


def _measured(figures: measured.Measurement | None) -> tuple[str, str]:
    if figures is None:
        return "not measured", ""
    return f"{figures.mean:.2%} (n={len(figures.test_accuracy)})", f"{figures.seconds:.1f}"


def trainings(found: Sequence[measured.Measurement]) -> RenderableType:
    """Each preset's training, ours beside the published loop of its tutorial, and how both were measured."""
    table = _table(
        "model",
        "tutorial's loop: seconds>",
        "test accuracy>",
        "ours",
        "epochs>",
        "seconds>",
        "test accuracy>",
        "faster>",
    )
    known = {(entry.model, entry.recipe): entry for entry in found if entry.dataset == "mnist"}
    for (model, recipe), ours in known.items():
        published = known.get((model, measured.PUBLISHED))
        if published and recipe in ("default", measured.QUICK):
            table.add_row(
                model,
                f"{published.seconds:.1f}",
                f"{published.mean:.2%}",
                recipe,
                str(ours.epochs),
                f"{ours.seconds:.2f}",
                f"{ours.mean:.2%} ± {100 * ours.spread:.2f} (n={len(ours.seeds)})",
                f"{published.seconds / ours.seconds:.1f} times",
            )
    machines = " and ".join(dict.fromkeys(entry.machine for entry in found))
    how = f"seconds of the training loop alone, median; the tutorial's loop n=1, as published; {machines}"
    return Group(table, Text(how, style="dim"))


def describe(recipe: Recipe) -> str:
    """A recipe in a few words."""
    words = [
        f"{recipe.optimizer} {recipe.lr:g}",
        f"batch {recipe.batch_size}",
        f"{recipe.epochs} {'epoch' if recipe.epochs == 1 else 'epochs'}",
    ]
    if recipe.schedule != "constant":
        words.append(recipe.schedule)
    if recipe.shift:
        words.append(f"shift {recipe.shift}")
    if recipe.rotate:
        words.append(f"rotate {recipe.rotate:g}")
    if recipe.zoom:
        words.append(f"zoom {recipe.zoom:g}")
    return ", ".join(words)


def models_json() -> dict[str, Any]:
    """The same for `--json`."""
    from edgedigits.models import parameter_count

    return {
        "models": [
            {
                "name": name,
                "network": preset.network,
                "parameters": parameter_count(preset.spec),
                "input": "uint8 28x28",
                "recipes": {kind: presets.recipe(name, kind).to_dict() for kind in presets.RECIPES},
                "measured": [entry.to_dict() for entry in measured.read().training if entry.model == name],
            }
            for name, preset in presets.PRESETS.items()
        ]
    }


def statuses(files: Sequence[FileStatus]) -> RenderableType:
    """The table of raw data files, and advice below it."""
    table = _table("data set", "file", "state")
    styles = {"whole": "green", "missing": "yellow", "damaged": "bold red"}
    for status in files:
        table.add_row(status.dataset, str(status.path), Text(status.state, style=styles[status.state]))
    advice = dict.fromkeys(status.advice for status in files if status.advice)
    return Group(table, *(Text(line) for line in advice))


def statuses_json(files: Sequence[FileStatus]) -> dict[str, Any]:
    """The same for `--json`."""
    return {
        "files": [
            {"dataset": s.dataset, "path": str(s.path), "state": s.state, "advice": s.advice or None} for s in files
        ]
    }


def size(count: int) -> str:
    """A number of bytes for people: decimal units, as file managers show them."""
    for unit in ("B", "kB", "MB"):
        if count < 1000 or unit == "MB":
            return f"{count:,.1f} {unit}" if unit != "B" else f"{count} B"
        count /= 1000  # type: ignore[assignment]
    raise AssertionError


def _table(*columns: str) -> Table:
    """A table without lines; `>` behind a heading sets its column flush right."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.rstrip(">"), justify="right" if column.endswith(">") else "left", overflow="fold")
    return table
