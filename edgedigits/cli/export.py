"""The commands `export`, `reproduce` and `card`, and what they print."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from edgedigits.cli import completion
from edgedigits.cli.app import DATASET, DataDir, Exports, Force, Json, Runs, command, print_result
from edgedigits.cli.device import device_tables
from edgedigits.cli.sheet import Sheet
from edgedigits.cli.voice import tell
from edgedigits.records.words import size

if TYPE_CHECKING:
    from edgedigits.records.artifact import Artifact, Refusal
    from edgedigits.records.footprint import Footprint
    from edgedigits.verify.reproduce import Reproduction

    Footprints = Mapping[str, Footprint | None]  # by the file's name

FORMAT = "Format"  # a group of options in its help


@command("edgedigits export --format onnx --quantize", "edgedigits export --model cnn --input canvas --quantize")
def export(
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-m",
            metavar="NAME",
            autocompletion=completion.runs,
            help="A run; may be repeated. By default every one.",
        ),
    ] = None,
    format: Annotated[  # noqa: A002 - the option's name
        list[str] | None,
        typer.Option(
            "--format",
            "-f",
            metavar="NAME",
            autocompletion=completion.formats,
            rich_help_panel=FORMAT,
            help="onnx, torchscript or pt2; may be repeated. By default onnx and torchscript.",
        ),
    ] = None,
    input: Annotated[  # noqa: A002 - likewise
        str,
        typer.Option(
            "--input",
            metavar="NAME",
            autocompletion=completion.inputs,
            rich_help_panel=FORMAT,
            help="digit: 28x28, as MNIST; canvas: any size, a digit anywhere on it.",
        ),
    ] = "digit",
    quantize: Annotated[
        bool, typer.Option("--quantize", rich_help_panel=FORMAT, help="Also write each format's int8 file.")
    ] = False,
    method: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            autocompletion=completion.methods,
            rich_help_panel=FORMAT,
            help="Of --quantize: weights in 8 bits, multiplied in float (the default); integer products, for ONNX "
            "Runtime; or static, calibrated on training images.",
        ),
    ] = None,
    data_dir: DataDir = None,
    runs: Runs = Path("runs"),
    exports: Exports = Path("exports"),
    force: Force = False,
    json: Json = False,
) -> None:
    """Export trained models to exports/<name>/. By default: every run, as ONNX and as TorchScript, in float."""
    from edgedigits.cli import tables
    from edgedigits.errors import UsageError
    from edgedigits.export import formats

    formats.require_method(method)
    formats.for_input(tuple(format or ()), input, quantize, method)
    if method and not quantize:
        raise UsageError("--method says how to quantize: add --quantize.")
    from edgedigits.models.checkpoint import select_runs
    from edgedigits.system.environment import import_torch

    import_torch("edgedigits export")
    from edgedigits.export.exporter import export as export_models
    from edgedigits.runtime.footprint import footprint

    with tables.progress("export") as observer:
        artifacts = export_models(
            select_runs(runs, model or ()),
            format or (),
            quantize=quantize,
            method=method,
            input=input,
            data_dir=data_dir,
            exports=exports,
            force=force,
            observer=observer,
        )
        footprints = {artifact.file: footprint(artifact.path) for artifact in artifacts}
    print_result(exported(artifacts, footprints), exported_json(artifacts, footprints), json)
    tell("Next: edgedigits verify")


@command("edgedigits reproduce exports/cnn", "edgedigits reproduce exports/cnn --keep again")
def reproduce(
    folder: Annotated[
        Path,
        typer.Argument(autocompletion=completion.export_folders, help="An export folder, such as exports/cnn."),
    ],
    dataset: Annotated[str | None, DATASET] = None,
    data_dir: DataDir = None,
    keep: Annotated[Path | None, typer.Option("--keep", metavar="DIR", help="Keep there what is made.")] = None,
    runs: Runs = Path("runs"),
    exports: Exports = Path("exports"),
    json: Json = False,
) -> None:
    """Train and export anew what a manifest lists, and compare the bytes; exit code 1 when some differ."""
    from edgedigits.cli import tables
    from edgedigits.verify.reproduce import reproduce as reproduce_folder

    with tables.progress(f"reproduce {folder}") as observer:
        result = reproduce_folder(
            folder, dataset=dataset, data_dir=data_dir, keep=keep, runs=runs, exports=exports, observer=observer
        )
    print_result(reproduction(result), result.to_dict(), json)
    if not result.same:
        raise typer.Exit(1)
    tell("Next: embed one; the README has ten lines that do.")


@command("edgedigits card --license mit", "edgedigits card exports/cnn")
def card(
    folder: Annotated[
        list[Path] | None,
        typer.Argument(
            autocompletion=completion.export_folders, help="Export folders; without any, all below --exports."
        ),
    ] = None,
    license: Annotated[  # noqa: A002 - the option's name
        str | None, typer.Option("--license", metavar="SPDX", help="Of the files, such as mit; none is named else.")
    ] = None,
    exports: Exports = Path("exports"),
    force: Force = False,
    json: Json = False,
) -> None:
    """Write a model card, README.md, into folders of verified files, as the Hugging Face Hub has them."""
    from edgedigits.cli.documents import Cards
    from edgedigits.runtime.names import find_place
    from edgedigits.verify.card import find_folders, write_card

    named = [find_place(found, exports) for found in folder or ()]
    written = [write_card(found, license, force) for found in named or find_folders(exports)]
    print_result(paths(written), Cards.of(written).to_dict(), json)
    tell("Next: read them, and add what you know of your data")


def exported(artifacts: Sequence[Artifact], footprints: Footprints) -> RenderableType:
    """The table at the end of `export`, what C files take of a microcontroller, and when canvas files refuse."""
    sheet = Sheet(("file", "size>", "format", "SHA-256"))
    for artifact in artifacts:
        sheet.add_row(str(artifact.path), size(artifact.size_bytes), artifact.format, f"{artifact.sha256[:12]}…")
    refusals = {artifact.name: artifact.refusal for artifact in artifacts if artifact.refusal}
    return Group(
        sheet,
        *device_tables(footprints),
        *(Text(f"{name}: {_refusal(refusal)}") for name, refusal in refusals.items()),
    )


def _refusal(refusal: Refusal) -> str:
    shares = ", ".join(f"{share:.1%} of {kind}" for kind, share in refusal.refused.items())
    return (
        f"below {refusal.threshold:.0%} it is no digit, which refuses {shares}; temperature {refusal.temperature:g}, "
        f"calibration error {refusal.error_before:.2%} before and {refusal.error_after:.2%} after "
        f"({refusal.samples:,} held-out digits){_framing(refusal)}"
    )


def _framing(refusal: Refusal) -> str:
    """What pictures the network is shown, where that is not the digit on them."""
    if not refusal.framed:
        return ""
    digit, whole = refusal.framed["digit"], refusal.framed["whole"]
    return (
        f"; pictures are shown to it as a whole, as it learnt them: {whole:.1%} of the held-out ones are right so, and "
        f"{digit:.1%} where a digit is looked for and framed"
    )


def exported_json(artifacts: Sequence[Artifact], footprints: Footprints) -> dict[str, Any]:
    """The same for `--json`."""
    from edgedigits.cli.documents import Exported, ExportedFile

    return Exported(tuple(ExportedFile.of(each, footprints[each.file]) for each in artifacts)).to_dict()


def paths(found: Iterable[object]) -> Sheet:
    """What was written, a path a line."""
    sheet = Sheet(("file",))
    for path in found:
        sheet.add_row(str(path))
    return sheet


def reproduction(result: Reproduction) -> RenderableType:
    """What came out again, file by file; what is not as it was then; the verdict."""
    sheet = Sheet(("file", "result", "recorded SHA-256", "made again"))
    for file in result.files:
        verdict = Text("same", style="green") if file.same else Text("DIFFERENT", style="bold red")
        sheet.add_row(file.file, verdict, f"{file.recorded[:12]}…", f"{file.found[:12]}…")
    cause = "this may be why: " if not result.same else "not as then: "
    changed = (Text(f"{cause}{sentence}", style="yellow") for sentence in result.changed)
    count = sum(not file.same for file in result.files)
    verdict = (
        Text(f"{result.name}: the same bytes came out again", style="green")
        if result.same
        else Text(f"{result.name}: {count} of {len(result.files)} files came out otherwise", style="bold red")
    )
    return Group(sheet, *changed, verdict)
