"""The command line's frame: the app, the options that commands share, and how they print.

One command a stage: each parses, calls the library, prints, and chooses the exit code.

Results go to stdout, progress and messages to stderr. Nothing heavy is imported before a command
needs it, so `--help` answers at once.
"""

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from edgedigits.cli import completion
from edgedigits.cli.voice import VOICE, say
from edgedigits.system.checkout import in_checkout

SHELTER = Path("build/exports")
PIPELINE = (
    *("train", "adopt", "export", "verify", "bench", "inspect"),
    *("predict", "score", "embed", "demo", "card", "reproduce"),
)
DATA, LIMITS, FOLDERS, OUTPUT = "Data", "Limits", "Folders", "Output"  # groups of options in a command's help
NAMES = {"{engines}": completion.engines, "{targets}": completion.targets}


def _as_flags(parameters: list[Any]) -> list[Any]:
    """The parameters; of those that take no value, help names no type."""
    for parameter in parameters:
        if getattr(parameter, "is_flag", False) and parameter.metavar is None:
            parameter.metavar = ""
    return parameters


class _Command(TyperCommand):
    """Its `--help` stands with the other options that say what is printed.

    In help, "{engines}" or "{targets}" stands for the names that there are, those of plug-ins too. They are looked up
    when the help is asked for, so that nothing is imported before.
    """

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The help with the names in it."""
        self._name(ctx)
        super().format_help(ctx, formatter)

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """What Tab offers; some shells show an option's help beside it."""
        self._name(ctx)
        found: list[Any] = super().shell_complete(ctx, incomplete)
        return found

    def _name(self, ctx: Any) -> None:
        parameters: list[Any] = self.params
        for parameter in parameters:
            for placeholder, names in NAMES.items():
                if placeholder in parameter.help:
                    parameter.help = parameter.help.replace(placeholder, ", ".join(names(ctx, "")))

    def get_params(self, ctx: Any) -> list[Any]:
        """All parameters, in the order of the help."""
        parameters = _as_flags(super().get_params(ctx))
        for parameter in parameters:
            if parameter.name == "help":
                parameter.rich_help_panel = OUTPUT
        return parameters


class _Commands(TyperGroup):
    """Lists commands as the pipeline runs, then the rest."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names, in the order of the help."""
        names = super().list_commands(ctx)
        return [name for name in PIPELINE if name in names] + [name for name in names if name not in PIPELINE]

    def get_params(self, ctx: Any) -> list[Any]:
        """All parameters, in the order of the help."""
        return _as_flags(super().get_params(ctx))


app = typer.Typer(
    cls=_Commands,
    help="Train digit classifiers, export them, and prove that the file answers as the model does.\n\n"
    "In an empty folder: edgedigits train, then edgedigits export --format onnx --quantize, then edgedigits verify.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def command(*examples: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a function a command of its name, with `--quiet`, and examples below its help that work as they are."""
    shown = "\n\n".join(("Examples:", *(f"  {example}" for example in examples)))
    return lambda function: app.command(cls=_Command, epilog=shown)(_with_quiet(function))


def _with_quiet(function: Callable[..., None]) -> Callable[..., None]:
    """The function with one more parameter, which is the same for all commands."""

    @functools.wraps(function)
    def call(*, quiet: bool, **given: Any) -> None:
        VOICE.quiet = quiet
        function(**given)

    known = inspect.signature(function, eval_str=True)
    more = inspect.Parameter("quiet", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Quiet)
    call.__signature__ = known.replace(parameters=[*known.parameters.values(), more])  # type: ignore[attr-defined]
    call.__annotations__ = {**function.__annotations__, "quiet": Quiet}
    return call


DATASET = typer.Option(
    "--dataset",
    metavar="NAME|FOLDER|FILE",
    autocompletion=completion.datasets,
    rich_help_panel=DATA,
    help="mnist, fashion, mnist-5k, or your own: a folder of class folders or IDX files, a CSV file of pixels.",
)
DataDir = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        rich_help_panel=DATA,
        help="Where published sets lie; by default EDGEDIGITS_DATA, or a cache.",
    ),
]
DarkInk = Annotated[
    bool,
    typer.Option("--dark-ink", rich_help_panel=DATA, help="Images of your own show dark ink on a light ground."),
]
Runs = Annotated[
    Path, typer.Option("--runs", metavar="DIR", rich_help_panel=FOLDERS, help="The folder of trained models.")
]


def _own_exports(context: typer.Context, parameter: typer.CallbackParam, exports: Path) -> Path:
    """In EdgeDigits' own checkout, where exports/ is the shelf, another folder than that, unless it is named."""
    source = context.get_parameter_source(str(parameter.name))
    given = source is not None and source.name != "DEFAULT"  # by name: typer has a click of its own
    if given or context.resilient_parsing or not in_checkout():
        return exports
    if context.command.name != "export" and not SHELTER.is_dir():
        return exports
    say(f"In EdgeDigits' own checkout: --exports {SHELTER}, since {exports} is its shelf.")
    return SHELTER


Exports = Annotated[
    Path,
    typer.Option(
        "--exports",
        metavar="DIR",
        callback=_own_exports,
        rich_help_panel=FOLDERS,
        help="The folder of exported files.",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace files that git tracks, or that EdgeDigits did not make.")]
Files = Annotated[
    list[Path] | None,
    typer.Argument(autocompletion=completion.files, help="Exported files; without any, all below --exports."),
]
Trust = Annotated[
    bool, typer.Option("--trust", help="Load files that can hold code (TorchScript, pt2), recorded or not.")
]
Json = Annotated[
    bool,
    typer.Option("--json", rich_help_panel=OUTPUT, help="Print one JSON document on stdout, and nothing else."),
]

Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet",
        "-q",
        rich_help_panel=OUTPUT,
        help="Leave out progress and the next step; what is wrong is said all the same.",
    ),
]


def print_result(table: Any, document: dict[str, Any], as_json: bool) -> None:
    """Print a command's result on stdout: as a table, or as a document."""
    from edgedigits.cli import tables

    if as_json:
        tables.print_json(document)
    else:
        tables.print_table(table)
