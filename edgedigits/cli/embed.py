"""The commands `embed` and `demo`, and what they print."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgedigits.cli import completion
from edgedigits.cli.app import Exports, Json, command, print_result
from edgedigits.cli.sheet import Sheet
from edgedigits.cli.voice import tell
from edgedigits.records.words import size

if TYPE_CHECKING:
    from edgedigits.embed.embedder import Embedding


@command("edgedigits embed python cnn --out digits", "edgedigits embed c cnn --out firmware")
def embed(
    target: Annotated[
        str,
        typer.Argument(autocompletion=completion.targets, help="What the other program is written in: {targets}."),
    ],
    model: Annotated[
        str,
        typer.Argument(
            autocompletion=completion.exported,
            help="A file of the kind that the target takes, or a name below --exports: of ONNX its canvas file first.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option("--out", metavar="DIR", help="The folder to make; it must be empty or missing."),
    ],
    input: Annotated[  # noqa: A002 - the option's name
        str | None,
        typer.Option(
            "--input",
            metavar="NAME",
            autocompletion=completion.inputs,
            help="What the file takes, where a target has programs for both: digit or canvas.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write into a folder that is not empty.")] = False,
    exports: Exports = Path("exports"),
    json: Json = False,
) -> None:
    """Make a folder that runs a model in another program, and proves that it runs right."""
    from edgedigits.cli import tables
    from edgedigits.embed.embedder import embed as embed_model

    with tables.progress("embed") as observer:
        result = embed_model(target, model, out, input=input, exports=exports, force=force, observer=observer)
    print_result(embedding(result), embedding_json(result), json)
    network = " (its install needs a network)" if " install " in result.selftest else ""
    tell(f"Next: cd {shlex.quote(str(result.folder))} && {result.selftest}{network}")


@command("edgedigits demo --web", "edgedigits demo --web --model cnn --port 8000 --open")
def demo(
    web: Annotated[bool, typer.Option("--web", help="A page to draw digits on, read in the browser.")] = False,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            metavar="NAME|FILE",
            autocompletion=completion.exported,
            help="A canvas file, or a name below --exports; by default cnn, or what there is.",
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of 127.0.0.1; 0 for a free one.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Keep the page's folder here; else it is temporary."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write into a folder that is not empty.")] = False,
    open_browser: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")] = False,
    exports: Exports = Path("exports"),
) -> None:
    """Show a model at work: --web serves a page to draw digits on, for this machine alone, until Ctrl-C."""
    from edgedigits.errors import UsageError

    if not web:
        raise UsageError("what is to be shown? edgedigits demo --web: a page to draw digits on.")
    import webbrowser

    from edgedigits.cli import tables
    from edgedigits.embed.embedder import embed as embed_model
    from edgedigits.inference.predict import find_model
    from edgedigits.system.places import temporary_folder
    from edgedigits.system.server import Server

    with temporary_folder() as temporary:
        folder = out or temporary
        with Server(folder, port) as server:
            with tables.progress("demo") as observer:
                embed_model(
                    "web", model or find_model(exports), folder, exports=exports, force=force, observer=observer
                )
            typer.echo(server.url)
            tell("Next: open it in a browser and draw. Ctrl-C ends it.")
            if open_browser:
                webbrowser.open(server.url)
            server.run()


def embedding(result: Embedding) -> Sheet:
    """The files of an embedding."""
    sheet = Sheet(("file", "size>"))
    for name, count in result.files.items():
        sheet.add_row(str(result.folder / name), size(count))
    return sheet


def embedding_json(result: Embedding) -> dict[str, Any]:
    """The same for `--json`."""
    from edgedigits.cli.documents import EmbeddedFolder

    return EmbeddedFolder(
        path=str(result.folder),
        size_bytes=result.size_bytes,
        target=result.target,
        models=result.models,
        files=result.files,
        selftest=result.selftest,
    ).to_dict()
