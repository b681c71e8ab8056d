"""The command line: one command a stage. Each parses, calls the library, renders, and chooses the exit code.

Results go to stdout, progress and messages to stderr. Nothing heavy is imported before a command
needs it, so `--help` answers at once.
"""

import dataclasses
import io
import os
import shlex
import sys
import traceback
import warnings
from pathlib import Path
from typing import Annotated, Any

import typer

from edgedigits.errors import EdgeDigitsError

app = typer.Typer(
    help="Train digit classifiers, export them, and prove that the file answers as the model does.\n\n"
    "In an empty folder: edgedigits train, then edgedigits export --format onnx --quantize, then edgedigits verify.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

DATASET = typer.Option("--dataset", metavar="NAME|FOLDER", help="mnist, fashion, mnist-5k or a folder.")
DataDir = Annotated[
    Path | None,
    typer.Option(help="Where published sets lie, if not in EDGEDIGITS_DATA or a cache."),
]
DarkInk = Annotated[bool, typer.Option("--dark-ink", help="The folder's images show dark ink on a light ground.")]
Models = Annotated[list[str] | None, typer.Option("--model", "-m", metavar="NAME", help="A preset; may be repeated.")]
Runs = Annotated[Path, typer.Option("--runs", help="The folder of trained models.")]
Exports = Annotated[Path, typer.Option("--exports", help="The folder of exported files.")]
Trust = Annotated[
    bool, typer.Option("--trust", help="Load files that can hold code (TorchScript, pt2), recorded or not.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout, and nothing else.")]


def main() -> None:
    """Run the command line. Errors become one or two lines on stderr and the exit code of their kind."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a pipe that cannot encode … shows a ?, not a traceback
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # or torch's C++ half prints its deprecations
    warnings.showwarning = lambda message, *_, **__: _say(f"edgedigits: note: {message}")
    try:
        app()
    except EdgeDigitsError as error:
        if os.environ.get("EDGEDIGITS_DEBUG") == "1":
            traceback.print_exc()
        _say(f"edgedigits: {error}")
        sys.exit(error.exit_code)
    except SystemExit as leaving:
        if leaving.code == 130:
            _say("edgedigits: interrupted; files of earlier runs are as they were")
        raise


@app.callback(invoke_without_command=True)
def _options(version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False) -> None:
    if version:
        from edgedigits import __version__

        typer.echo(f"edgedigits {__version__}")
        raise typer.Exit


@app.command()
def train(
    model: Models = None,
    dataset: Annotated[str, DATASET] = "mnist",
    data_dir: DataDir = None,
    dark_ink: DarkInk = False,
    recipe: Annotated[str, typer.Option(help="default, or tutorial: as published.")] = "default",
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the training images.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Images a step.")] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate; its peak in a one-cycle schedule.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of every random choice.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an interrupted training ended.")] = False,
    save_every: Annotated[float, typer.Option(min=0, help="Seconds of training that a kill may cost.")] = 10.0,
    runs: Runs = Path("runs"),
    json: Json = False,
) -> None:
    """Train models on real digits and write them to runs/<name>/. By default: fc and cnn, on MNIST."""
    from edgedigits import presets, render

    names = model or list(presets.DEFAULT_MODELS)
    given = {"epochs": epochs, "batch_size": batch_size, "lr": lr, "seed": seed}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    for name in names:  # say what is wrong before anything is loaded
        dataclasses.replace(presets.recipe(name, recipe), **changes)
    from edgedigits import data, distributed
    from edgedigits.train import find_device
    from edgedigits.train import train as train_model

    kept = {"resume": resume, "save_every": save_every}
    options: dict[str, Any] = {"recipe": recipe, "device": device, "runs": runs, **kept, **changes}
    checkpoints = []
    with distributed.joined(find_device(device)) as world:
        world.require_same({"model": names})
        digits = world.one_first(lambda: data.load(dataset, data_dir, dark_ink))
        for name in dict.fromkeys(names):
            with render.progress(f"train {name}", shown=world.rank == 0) as observer:
                checkpoints.append(train_model(name, digits, observer=observer, world=world, **options))
    if world.rank == 0:
        _show(render.training(checkpoints), render.training_json(checkpoints), json)
        _say("Next: edgedigits export --format onnx --quantize")


@app.command()
def export(
    model: Models = None,
    format: Annotated[  # noqa: A002 - the option's name
        list[str] | None,
        typer.Option("--format", "-f", metavar="NAME", help="onnx, torchscript or pt2; may be repeated."),
    ] = None,
    input: Annotated[  # noqa: A002 - likewise
        str, typer.Option("--input", help="digit: 28x28, as MNIST; canvas: any size, a digit anywhere on it.")
    ] = "digit",
    quantize: Annotated[bool, typer.Option("--quantize", help="Also write each format's int8 file.")] = False,
    method: Annotated[
        str | None,
        typer.Option(help="Of --quantize: dynamic (the default), or static, calibrated on training images."),
    ] = None,
    data_dir: DataDir = None,
    runs: Runs = Path("runs"),
    exports: Exports = Path("exports"),
    json: Json = False,
) -> None:
    """Export trained models to exports/<name>/. By default: every run, as ONNX and as TorchScript, in float."""
    from edgedigits import formats, render
    from edgedigits.errors import UsageError

    formats.for_input(tuple(format or ()), input)
    if method and not quantize:
        raise UsageError("--method says how to quantize: add --quantize.")
    formats.require_method(method or "dynamic")
    from edgedigits import checkpoint
    from edgedigits.export import export as export_model

    checkpoints = checkpoint.select(runs, model or ())
    artifacts = []
    for run in checkpoints:
        with render.progress(f"export {run.name}") as observer:
            artifacts += export_model(
                run,
                format or (),
                quantize=quantize,
                method=method or "dynamic",
                input=input,
                data_dir=data_dir,
                exports=exports,
                observer=observer,
            )
    _show(render.exported(artifacts), render.exported_json(artifacts), json)
    _say("Next: edgedigits verify")


@app.command()
def verify(
    file: Annotated[list[Path] | None, typer.Argument(help="Exported files; without any, all below --exports.")] = None,
    dataset: Annotated[str | None, DATASET] = None,
    data_dir: DataDir = None,
    dark_ink: DarkInk = False,
    max_flips: Annotated[int | None, typer.Option(min=0, help="Answers that may change, in every file.")] = None,
    max_drop: Annotated[float | None, typer.Option(min=0, help="Accuracy that may be lost, in points.")] = None,
    max_logit_diff: Annotated[float | None, typer.Option(min=0, help="Largest difference of a logit.")] = None,
    min_accuracy: Annotated[float | None, typer.Option(min=0, max=100, help="Accuracy to reach, in percent.")] = None,
    max_size: Annotated[int | None, typer.Option(min=0, help="Bytes of a file.")] = None,
    max_latency_us: Annotated[float | None, typer.Option(min=0, help="Median microseconds of one image.")] = None,
    engine: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Run ONNX files in onnxruntime, openvino, opencv, reference, node or web."),
    ] = None,
    thorough: Annotated[bool, typer.Option("--thorough", help="Every image in every setting of the runtime.")] = False,
    trust: Trust = False,
    html: Annotated[Path | None, typer.Option("--html", metavar="PATH", help="Also write a page to look at.")] = None,
    runs: Runs = Path("runs"),
    exports: Exports = Path("exports"),
    json: Json = False,
) -> None:
    """Compare every answer of exported files with the torch model's; exit code 1 when one fails."""
    from edgedigits import data, render
    from edgedigits.limits import from_options, from_pyproject, replaced
    from edgedigits.records import TORCH_MODEL
    from edgedigits.verify import verify as verify_files

    options = from_options(
        max_flips=max_flips,
        max_drop=max_drop,
        max_logit_diff=max_logit_diff,
        min_accuracy=min_accuracy,
        max_size=max_size,
        max_latency_us=max_latency_us,
    )
    with render.progress("verify") as observer:
        result = verify_files(
            file or (),
            dataset=data.load(dataset, data_dir, dark_ink) if dataset else None,
            data_dir=data_dir,
            limits=replaced(from_pyproject(), options),
            runs=runs,
            exports=exports,
            html=html,
            engine=engine,
            thorough=thorough,
            trust=trust,
            observer=observer,
        )
    _show(render.verification(result), result.to_dict(), json)
    if html:
        _say(f"The page to look at: {html}")
    if not result.passed:
        unreadable = any(not report.readable for report in result.reports)
        raise typer.Exit(3 if unreadable else 1)
    known = all(report.compared_with == TORCH_MODEL for report in result.reports)
    verdict = "Every file answers as its model does." if known else "Every file keeps its limits."
    _say(f"{verdict} Next: edgedigits embed python NAME --out FOLDER")


@app.command()
def reproduce(
    folder: Annotated[Path, typer.Argument(help="An export folder, such as exports/cnn.")],
    dataset: Annotated[str | None, DATASET] = None,
    data_dir: DataDir = None,
    keep: Annotated[Path | None, typer.Option("--keep", metavar="DIR", help="Keep there what is made.")] = None,
    json: Json = False,
) -> None:
    """Train and export anew what a manifest lists, and compare the bytes; exit code 1 when some differ."""
    from edgedigits import render
    from edgedigits.reproduce import reproduce as reproduce_folder

    with render.progress(f"reproduce {folder}") as observer:
        result = reproduce_folder(folder, dataset=dataset, data_dir=data_dir, keep=keep, observer=observer)
    _show(render.reproduction(result), result.to_dict(), json)
    if not result.same:
        raise typer.Exit(1)
    _say("Next: embed one; the README has ten lines that do.")


@app.command()
def card(
    folder: Annotated[
        list[Path] | None, typer.Argument(help="Export folders; without any, all below --exports.")
    ] = None,
    license: Annotated[  # noqa: A002 - the option's name
        str | None, typer.Option("--license", metavar="SPDX", help="Of the files, such as mit; none is named else.")
    ] = None,
    exports: Exports = Path("exports"),
    json: Json = False,
) -> None:
    """Write a model card, README.md, into folders of verified files, as the Hugging Face Hub has them."""
    from edgedigits import cards, render

    written = [cards.write(found, license) for found in folder or cards.folders(exports)]
    _show(render.paths(written), {"cards": [{"name": path.parent.name, "path": str(path)} for path in written]}, json)
    _say("Next: read them, and add what you know of your data")


@app.command()
def bench(
    file: Annotated[list[Path] | None, typer.Argument(help="Exported files; without any, all below --exports.")] = None,
    dataset: Annotated[str | None, DATASET] = None,
    data_dir: DataDir = None,
    runs: Runs = Path("runs"),
    exports: Exports = Path("exports"),
    trust: Trust = False,
    json: Json = False,
) -> None:
    """Measure exported files and their torch models in one run: size, accuracy, flips, latency, throughput."""
    from edgedigits import render
    from edgedigits.bench import bench as bench_files

    with render.progress("bench") as observer:
        result = bench_files(
            file or (), dataset=dataset, data_dir=data_dir, runs=runs, exports=exports, trust=trust, observer=observer
        )
    _show(render.benchmark(result), result.to_dict(), json)
    _say("Next: edgedigits inspect FILE")


@app.command()
def inspect(
    file: Annotated[Path, typer.Argument(help="An exported file.")],
    runs: Runs = Path("runs"),
    json: Json = False,
) -> None:
    """Show what an exported file is, without running it, and which runtimes can load it."""
    from edgedigits import render
    from edgedigits.inspection import inspect as inspect_file

    result = inspect_file(file, runs=runs)
    _show(render.inspection(result), result.to_dict(), json)
    _say("Next: edgedigits verify FILE")


@app.command()
def score(
    model: Annotated[Path, typer.Argument(help="An exported file.")],
    images: Annotated[Path, typer.Argument(help="A folder, an IDX or .npy file, or a text file of paths.")],
    out: Annotated[Path, typer.Option("--out", help="Where the answers go: .csv, .jsonl or .parquet.")],
    batch_size: Annotated[int, typer.Option(min=1, help="Images scored at once.")] = 4096,
    shard: Annotated[str, typer.Option("--shard", metavar="i/N", help="Only part i of N, from 0 to N - 1.")] = "0/1",
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an interrupted run ended.")] = False,
    dark_ink: Annotated[bool, typer.Option("--dark-ink", help="Images show dark ink on a light ground.")] = False,
    trust: Trust = False,
    json: Json = False,
) -> None:
    """Write a model's answers to images of any number; exit code 3 when some could not be read."""
    from edgedigits import render
    from edgedigits.score import score as score_images

    with render.progress("score") as observer:
        result = score_images(
            model,
            images,
            out,
            batch_size=batch_size,
            shard=shard,
            resume=resume,
            dark_ink=dark_ink,
            trust=trust,
            observer=observer,
        )
    _show(render.scored(result), result.to_dict(), json)
    if result.errors:
        _say(f"{result.errors:,} of {result.items:,} images could not be read: their rows in {out} say why.")
        raise typer.Exit(3)
    _say(f"Next: look at {out}")


@app.command()
def predict(
    image: Annotated[list[str], typer.Argument(help="PNG or JPEG files, folders of them, or - for standard input.")],
    model_file: Annotated[
        Path | None, typer.Option("--model-file", help="A canvas file; without it, that of cnn below --exports.")
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Draw what the network saw.")] = False,
    exports: Exports = Path("exports"),
    json: Json = False,
) -> None:
    """Read the digit on pictures of any size, and say what is doubtful about them."""
    from edgedigits import render
    from edgedigits.errors import UsageError
    from edgedigits.predict import predict as predict_pictures

    if show and json:
        raise UsageError("--show draws for people, --json writes for programs: choose one.")
    result = predict_pictures(image, model=model_file, exports=exports)
    _show(render.predictions(result, show), result.to_dict(), json)
    unreadable = [prediction.error for prediction in result.predictions if prediction.error]
    for error in unreadable:
        _say(f"edgedigits: {error}")
    if unreadable:
        raise typer.Exit(3)
    _say("Next: edgedigits inspect FILE")


@app.command()
def embed(
    target: Annotated[str, typer.Argument(help="What the other program is written in: node, python or web.")],
    model: Annotated[str, typer.Argument(help="An ONNX file, or a name below --exports: then its canvas file first.")],
    out: Annotated[Path, typer.Option("--out", help="The folder to make; it must be empty or missing.")],
    force: Annotated[bool, typer.Option("--force", help="Write into a folder that is not empty.")] = False,
    exports: Exports = Path("exports"),
    json: Json = False,
) -> None:
    """Make a folder that runs a model in another program, and proves that it runs right."""
    from edgedigits import render
    from edgedigits.embed import embed as embed_model

    with render.progress("embed") as observer:
        result = embed_model(target, model, out, exports=exports, force=force, observer=observer)
    _show(render.embedding(result), render.embedding_json(result), json)
    _say(f"Next: cd {shlex.quote(str(result.folder))} && {result.selftest}")


@app.command()
def demo(
    web: Annotated[bool, typer.Option("--web", help="A page to draw digits on, read in the browser.")] = False,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="A canvas file, or a name below --exports; cnn, or what there is."),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of 127.0.0.1; 0 for a free one.")] = 0,
    out: Annotated[
        Path | None, typer.Option("--out", help="Keep the page's folder here; else it is temporary.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write into a folder that is not empty.")] = False,
    open_browser: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")] = False,
    exports: Exports = Path("exports"),
) -> None:
    """Show a model at work: --web serves a page to draw digits on, for this machine alone, until Ctrl-C."""
    from edgedigits.errors import UsageError

    if not web:
        raise UsageError("what is to be shown? edgedigits demo --web: a page to draw digits on.")
    import tempfile
    import webbrowser

    from edgedigits import render
    from edgedigits.embed import embed as embed_model
    from edgedigits.predict import find_model
    from edgedigits.serve import Server

    with tempfile.TemporaryDirectory(prefix="edgedigits-") as temporary:
        folder = out or Path(temporary)
        with Server(folder, port) as server:
            with render.progress("demo") as observer:
                embed_model(
                    "web", model or find_model(exports), folder, exports=exports, force=force, observer=observer
                )
            typer.echo(server.url)
            _say("Next: open it in a browser and draw. Ctrl-C ends it.")
            if open_browser:
                webbrowser.open(server.url)
            server.run()


@app.command()
def models(json: Json = False) -> None:
    """List what can be trained: parameters, input, recipes, and the accuracy measured."""
    from edgedigits import render

    _show(render.models(), render.models_json(), json)
    _say("Next: edgedigits train --model NAME")


@app.command()
def data(
    dataset: Annotated[list[str] | None, typer.Argument(help="mnist, fashion, mnist-5k; without any, all.")] = None,
    fetch: Annotated[bool, typer.Option("--fetch", help="Fetch what is missing, replace what is damaged.")] = False,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Show which data sets are where, and whether they are whole; exit code 3 when a named one is not."""
    from edgedigits import data as datasets
    from edgedigits import render

    names = dataset or list(datasets.KNOWN)
    statuses = [status for name in names for status in datasets.status(name, data_dir)]
    if fetch:
        for name in dict.fromkeys(names):
            datasets.fetch(name, data_dir)
        statuses = [status for name in names for status in datasets.status(name, data_dir)]
    _show(render.statuses(statuses), render.statuses_json(statuses), json)
    if dataset and any(status.state != "whole" for status in statuses):
        raise typer.Exit(3)
    _say("Next: edgedigits train")


def _show(table: Any, document: dict[str, Any], as_json: bool) -> None:
    from edgedigits import render

    if as_json:
        render.print_json(document)
    else:
        render.print_table(table)


def _say(message: str) -> None:
    typer.echo(message, err=True)
