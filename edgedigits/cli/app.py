"""The command line's frame: the app, the options that commands share, and how they print.

One command a stage: each parses, calls the library, prints, and chooses the exit code.

Results go to stdout, progress and messages to stderr. Nothing heavy is imported before a command
needs it, so `--help` answers at once.
"""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from edgedigits.cli import completion

PIPELINE = ("train", "export", "verify", "bench", "inspect", "predict", "score", "embed", "demo", "card", "reproduce")
NAMES = {"{engines}": completion.engines, "{targets}": completion.targets}


class NamingCommand(TyperCommand):
    """A command in whose help "{engines}" or "{targets}" stands for the names that there are, those of plug-ins too.

    They are looked up when the help is asked for, so that nothing is imported before.
    """

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The help with the names in it."""
        parameters: list[Any] = self.params
        for parameter in parameters:
            for placeholder, names in NAMES.items():
                if placeholder in parameter.help:
                    parameter.help = parameter.help.replace(placeholder, ", ".join(names(ctx, "")))
        super().format_help(ctx, formatter)


class _Commands(TyperGroup):
    """Lists commands as the pipeline runs, then the rest."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names, in the order of the help."""
        names = super().list_commands(ctx)
        return [name for name in PIPELINE if name in names] + [name for name in names if name not in PIPELINE]


app = typer.Typer(
    cls=_Commands,
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


def print_result(table: Any, document: dict[str, Any], as_json: bool) -> None:
    """Print a command's result on stdout: as a table, or as a document."""
    from edgedigits.cli import tables

    if as_json:
        tables.print_json(document)
    else:
        tables.print_table(table)


def say(message: str) -> None:
    """Print a message on stderr."""
    print(message, file=sys.stderr)  # not typer.echo, which writes into the progress bar
