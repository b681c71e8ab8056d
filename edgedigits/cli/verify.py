"""The command `verify`; what it prints is in `verdict`, what it writes for CI systems in `reports`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgedigits.cli import completion
from edgedigits.cli.app import (
    DATASET,
    LIMITS,
    OUTPUT,
    DarkInk,
    DataDir,
    Exports,
    Files,
    Force,
    Json,
    Runs,
    Trust,
    command,
    print_result,
)
from edgedigits.cli.verdict import verification
from edgedigits.cli.voice import tell
from edgedigits.records.report import RECORDED

if TYPE_CHECKING:
    from edgedigits.records.report import Verification


@command("edgedigits verify --html report.html", "edgedigits verify exports/cnn --max-drop 0.1 --max-size 100000")
def verify(
    file: Files = None,
    dataset: Annotated[str | None, DATASET] = None,
    data_dir: DataDir = None,
    dark_ink: DarkInk = False,
    max_flips: Annotated[
        int | None,
        typer.Option(
            metavar="ANSWERS",
            min=0,
            rich_help_panel=LIMITS,
            help="Answers that may change, in every file. By default 0 in float files, 50 in int8 ones.",
        ),
    ] = None,
    max_drop: Annotated[
        float | None,
        typer.Option(
            metavar="POINTS",
            min=0,
            rich_help_panel=LIMITS,
            help="Accuracy that may be lost, in points; one image always may. By default 0.2 in int8 files, 0.5 in "
            "canvas files.",
        ),
    ] = None,
    max_logit_diff: Annotated[
        float | None,
        typer.Option(
            metavar="LOGIT",
            min=0,
            rich_help_panel=LIMITS,
            help="Largest difference of a logit. By default, in float files, 1e-4 of the range of its model's logits, "
            "or of 1 where that is more.",
        ),
    ] = None,
    min_accuracy: Annotated[
        float | None,
        typer.Option(metavar="PERCENT", min=0, max=100, rich_help_panel=LIMITS, help="Accuracy to reach, in percent."),
    ] = None,
    max_size: Annotated[
        int | None, typer.Option(metavar="BYTES", min=0, rich_help_panel=LIMITS, help="Bytes of a file.")
    ] = None,
    max_latency_us: Annotated[
        float | None,
        typer.Option(
            metavar="MICROSECONDS",
            min=0,
            rich_help_panel=LIMITS,
            help="Median microseconds of one image, on one thread.",
        ),
    ] = None,
    max_flash: Annotated[
        int | None,
        typer.Option(metavar="BYTES", min=0, rich_help_panel=LIMITS, help="Flash that a C file takes on a Cortex-M3."),
    ] = None,
    max_ram: Annotated[
        int | None,
        typer.Option(metavar="BYTES", min=0, rich_help_panel=LIMITS, help="Its scratch and stack there."),
    ] = None,
    max_instructions: Annotated[
        int | None,
        typer.Option(metavar="COUNT", min=0, rich_help_panel=LIMITS, help="Its instructions there, of an image."),
    ] = None,
    engine: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            autocompletion=completion.engines,
            help="What runs the files: {engines}.",
        ),
    ] = None,
    setting: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            autocompletion=completion.settings,
            help="Of --engine: default, as a user calls it, or exact, in float32 throughout; both are reported.",
        ),
    ] = None,
    thorough: Annotated[bool, typer.Option("--thorough", help="Every image in every variant of the runtime.")] = False,
    sample: Annotated[
        int | None, typer.Option(metavar="IMAGES", min=1, help="Ask so many of the test images, on slow devices.")
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            autocompletion=completion.files,
            help="Compare with this instead: a run, an exported file, or anybody's ONNX file.",
        ),
    ] = None,
    said: Annotated[
        str,
        typer.Option(
            "--input", metavar="WORDS", help='With --against, how somebody else\'s file takes images: "mean/std, nchw".'
        ),
    ] = "",
    signer: Annotated[
        str | None,
        typer.Option(
            metavar="IDENTITY",
            help="Who must have signed the manifest beside the files, with sigstore: a mail address, a workflow's URL.",
        ),
    ] = None,
    trust: Trust = False,
    runs: Runs = Path("runs"),
    exports: Exports = Path("exports"),
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="PATH", rich_help_panel=OUTPUT, help="Also write a page to look at."),
    ] = None,
    junit: Annotated[
        Path | None,
        typer.Option("--junit", metavar="FILE", rich_help_panel=OUTPUT, help="Also write JUnit's XML, a case a limit."),
    ] = None,
    markdown: Annotated[
        str | None,
        typer.Option(
            "--markdown",
            metavar="FILE",
            rich_help_panel=OUTPUT,
            help="Also write the verdict in Markdown; summary: below a job of GitHub Actions.",
        ),
    ] = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Compare every answer of a file with the torch model's, or another file's; exit code 1 when one fails."""
    from edgedigits.cli import tables
    from edgedigits.cli.reports import Reports
    from edgedigits.data.load import load_data
    from edgedigits.runtime.load import Opener
    from edgedigits.verify.limits import from_options, from_pyproject, replaced
    from edgedigits.verify.verifier import verify as verify_files

    reports = Reports(junit, markdown)
    reports.require_places(force)
    options = from_options(
        max_flips=max_flips,
        max_drop=max_drop,
        max_logit_diff=max_logit_diff,
        min_accuracy=min_accuracy,
        max_size=max_size,
        max_latency_us=max_latency_us,
        max_flash=max_flash,
        max_ram=max_ram,
        max_instructions=max_instructions,
    )
    with tables.progress("verify") as observer:
        result = verify_files(
            file or None,
            dataset=load_data(dataset, data_dir, dark_ink, observer) if dataset else None,
            data_dir=data_dir,
            limits=replaced(from_pyproject(), options),
            runs=runs,
            exports=exports,
            html=html,
            opener=Opener(engine=engine, setting=setting, trust=trust),
            thorough=thorough,
            sample=sample,
            against=against,
            said=said,
            signer=signer,
            force=force,
            observer=observer,
        )
    shown = verification(result)
    reports.write(result, shown)
    print_result(shown, result.to_dict(), json)
    if html:
        tell(f"The page to look at: {html}")
    if not result.passed:
        unreadable = any(not report.readable for report in result.reports)
        raise typer.Exit(3 if unreadable else 1)
    tell(_next(result))


def _next(result: Verification) -> str:
    """What it means that all passed, and the next step."""
    if result.against:
        said = f"Every file answers as {result.against} does."
        foreign = next((report.path for report in result.reports if report.reading), None)
        return f"{said} Next: edgedigits adopt {foreign}" if foreign else said
    known = all(report.compared_with != RECORDED for report in result.reports)
    verdict = "Every file answers as its model does." if known else "Every file keeps the limits that were checked."
    return f"{verdict} Next: edgedigits embed python NAME --out FOLDER"
