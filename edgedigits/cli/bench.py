"""The commands `bench` and `inspect`, which look at files, and what they print."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from edgedigits.cli import completion
from edgedigits.cli.app import (
    DATASET,
    DataDir,
    Exports,
    Files,
    Json,
    Runs,
    Trust,
    command,
    print_result,
)
from edgedigits.cli.device import device_tables
from edgedigits.cli.sheet import Sheet
from edgedigits.cli.tables import facts_of
from edgedigits.cli.voice import tell
from edgedigits.errors import UsageError
from edgedigits.records.words import percent, size

if TYPE_CHECKING:
    from edgedigits.bench.bench import Benchmark, Ratios
    from edgedigits.records.artifact import Contract, TensorSpec
    from edgedigits.runtime.finding import Found
    from edgedigits.runtime.inspection import Inspection


LOADS = {True: "yes", False: "no", None: "not known"}


@command("edgedigits bench", "edgedigits bench exports/cnn/cnn.onnx exports/cnn/cnn.int8.onnx --json")
def bench(
    file: Files = None,
    dataset: Annotated[str | None, DATASET] = None,
    data_dir: DataDir = None,
    runs: Runs = Path("runs"),
    exports: Exports = Path("exports"),
    trust: Trust = False,
    json: Json = False,
) -> None:
    """Measure exported files and the models they came from in one run: size, accuracy, flips, latency, throughput."""
    from edgedigits.bench.bench import bench as bench_files
    from edgedigits.cli import tables
    from edgedigits.runtime.load import Opener

    with tables.progress("bench") as observer:
        result = bench_files(
            file or None,
            dataset=dataset,
            data_dir=data_dir,
            runs=runs,
            exports=exports,
            opener=Opener(trust=trust),
            observer=observer,
        )
    print_result(benchmark(result), result.to_dict(), json)
    tell("Next: edgedigits inspect FILE")


@command("edgedigits inspect exports/cnn/cnn.onnx", "edgedigits inspect exports/cnn/cnn.int8.onnx --json")
def inspect(
    file: Annotated[
        Path,
        typer.Argument(
            autocompletion=completion.files, help="An exported file, or the name of a model below --exports."
        ),
    ],
    ask: Annotated[
        bool, typer.Option("--ask", help="Find out what the input of somebody else's ONNX file is, by asking digits.")
    ] = False,
    said: Annotated[
        str, typer.Option("--input", metavar="WORDS", help='With --ask, what is known of it: "mean/std, nchw".')
    ] = "",
    dataset: Annotated[str, DATASET] = "mnist",
    data_dir: DataDir = None,
    runs: Runs = Path("runs"),
    exports: Exports = Path("exports"),
    json: Json = False,
) -> None:
    """Show what an exported file is, without running it, and which runtimes can load it; or ask what its input is."""
    from edgedigits.runtime.inspection import ask_input
    from edgedigits.runtime.inspection import inspect as inspect_file

    if ask:
        found = ask_input(file, said=said, dataset=dataset, data_dir=data_dir, exports=exports)
        print_result(readings(found), found.to_dict(), json)
        found.taken()  # or it says that none is right
        tell(f"Its input: {found.rows[0].words}. Next: edgedigits adopt {file}")
        return
    if said:
        raise UsageError("--input says something of what is asked: with --ask.")
    result = inspect_file(file, runs=runs, exports=exports)
    print_result(inspection(result), result.to_dict(), json)
    tell(f"Next: edgedigits {'verify FILE' if result.contract else 'inspect FILE --ask'}")


def benchmark(result: Benchmark) -> RenderableType:
    """The figures; their ratios; what was measured alone; which int8 files are slower; how all of it was measured."""
    figures = Sheet(("file", "latency us>", "p99 us>", "images/s>", "size>", "accuracy>", "flips>"))
    for row in result.rows:
        figures.add_row(
            f"{row.name} {row.format}",
            f"{row.latency_us:.1f}",
            f"{row.latency_p99_us:.1f}",
            f"{row.images_per_second:,.0f}",
            size(row.size_bytes),
            f"{row.accuracy:.2%}",
            "-" if row.flips is None else str(row.flips),
        )
    names = ("latency", "p99", "images/s", "size")
    ratios = Sheet(("ratio to", *(f"{base}: {name}>" for base in (_model(result), "float") for name in names)))
    for row in result.rows:
        if row.to_torch or row.to_float:
            ratios.add_row(f"{row.name} {row.format}", *_ratios(row.to_torch), *_ratios(row.to_float))
    versions = ", ".join(f"{name} {version}" for name, version in result.versions.items())
    how = (
        f"{result.threads} thread; {result.calls:,} calls of one image, in interleaved rounds; images/s in batches of "
        f"{result.batch}; {result.samples:,} test images of {result.dataset}; {result.machine}, {versions}"
    )
    alone = dict.fromkeys(row.name for row in result.rows if row.flips is None)
    notes = [f"{name}: its model is not at hand, so its files are measured alone" for name in alone]
    notes += result.slower
    if result.disturbed:
        notes.append(
            f"the machine was busy while this was measured: others kept {result.busy:.1f} processors busy. Trust the "
            "ratios more than the times, or measure again."
        )
    compared = (ratios, "") if ratios.rows else ()
    devices = device_tables({f"{row.name} {row.format}": row.footprint for row in result.rows})
    return Group(
        figures,
        "",
        *compared,
        *(*devices[1:], "") if devices else (),
        *(Text(note, style="yellow") for note in notes),
        Text(how, style="dim"),
    )


def _model(result: Benchmark) -> str:
    """What files are measured beside, in a word."""
    from edgedigits.bench.bench import ADOPTED, TORCH

    return "model" if any(row.format == ADOPTED for row in result.rows) else TORCH


def _ratios(ratios: Ratios | None) -> list[str]:
    if ratios is None:
        return ["-"] * 4
    return [f"{value:.2f}" for value in (ratios.latency, ratios.latency_p99, ratios.throughput, ratios.size)]


def inspection(found: Inspection) -> RenderableType:
    """What a file is: its facts, its operators, its tensors and the runtimes that load it."""
    facts = facts_of("file", found.path)
    for name, value in (
        ("format", found.format + (f", opset {found.opset}, IR version {found.ir_version}" if found.opset else "")),
        ("size", f"{size(found.size_bytes)} ({found.size_bytes:,} bytes)"),
        ("SHA-256", found.sha256),
        *(_promised(found, found.contract) if found.contract else _declared(found)),
        ("parameters", f"{found.parameters:,}, {found.quantized_share:.1%} of them in 8 bits"),
        ("operators", ", ".join(f"{name} {count}" for name, count in found.operators.items())),
    ):
        facts.add_row(name, value)
    tensors = Sheet(("tensor", "type", "shape", "bytes>"))
    for tensor in found.tensors:
        tensors.add_row(tensor.name, tensor.dtype, str(list(tensor.shape)), f"{tensor.bytes:,}")
    runtimes = Sheet(("runtime", "loads it", "version", "note"), prose=("note",))
    for runtime in found.runtimes:
        version = f">= {runtime.minimum}" if runtime.minimum else "-"
        runtimes.add_row(runtime.name, LOADS[runtime.loads], version, runtime.note)
    devices = device_tables({Path(found.path).name: found.footprint})
    return Group(facts, *devices, "", tensors, "", runtimes)


def readings(found: Found) -> RenderableType:
    """The best readings of a model's input, the one that is taken first; what is to be said of the model."""
    rows = Sheet(("reading", "loss>", "accuracy>"))
    for row in found.rows:
        rows.add_row(row.words, "-" if row.loss is None else f"{row.loss:.4f}", percent(row.accuracy))
    alike = [Text(f"answered as {row.words}: {', '.join(row.alike)}") for row in found.rows[:1] if row.alike]
    notes = [Text(remark, style="yellow") for remark in found.remarks]
    how = f"{found.digits:,} training digits, {found.classes} classes, output {found.output}"
    return Group(rows, "", *alike, *notes, Text(how, style="dim"))


def _promised(found: Inspection, contract: Contract) -> list[tuple[str, str]]:
    """What a file's contract says."""
    return [
        ("checkpoint", f"{contract.checkpoint_sha256} ({found.checkpoint or 'not among the runs'})"),
        ("trained on", f"{contract.dataset}, test accuracy {contract.test_accuracy:.2%}"),
        ("verified", found.verified or "not yet"),
        ("labels", " ".join(contract.labels)),
        ("input", f"{_signature(contract.input)}, {contract.polarity}"),
        *(("output", _signature(output)) for output in contract.outputs),
        *((("no digit", _refused(contract)),) if contract.threshold is not None else ()),
    ]


def _declared(found: Inspection) -> list[tuple[str, str]]:
    """What a file without a contract says of itself, and what it lacks."""
    return [
        *(("input", _signature(spec)) for spec in found.inputs),
        *(("output", _signature(spec)) for spec in found.outputs),
        *(("missing", lack) for lack in found.missing),
    ]


def _refused(contract: Contract) -> str:
    return f"below a probability of {contract.threshold:.0%}, at temperature {contract.temperature or 1:g}"


def _signature(spec: TensorSpec) -> str:
    return f"{spec.name}, {spec.dtype} [{', '.join(map(str, spec.shape))}]"
