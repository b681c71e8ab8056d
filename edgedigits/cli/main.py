"""`edgedigits`: all commands together, and the one place where errors become messages and exit codes."""

import io
import os
import sys
import traceback
import warnings
from typing import Annotated

import typer

from edgedigits.cli import (  # noqa: F401 - each adds its commands to the app
    adopt,
    bench,
    embed,
    export,
    inference,
    train,
    verify,
)
from edgedigits.cli.app import app
from edgedigits.cli.voice import say
from edgedigits.errors import EdgeDigitsError


def main() -> None:
    """Run the command line. Errors become one or two lines on stderr and the exit code of their kind."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a pipe that cannot encode … shows a ?, not a traceback
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # or torch's C++ half prints its deprecations
    warnings.showwarning = lambda message, *_, **__: say(f"edgedigits: note: {message}")
    try:
        app()
    except EdgeDigitsError as error:
        if os.environ.get("EDGEDIGITS_DEBUG") == "1":
            traceback.print_exc()
        say(f"edgedigits: {error}")
        sys.exit(error.exit_code)
    except SystemExit as leaving:
        if leaving.code == 130:
            say("edgedigits: interrupted; files of earlier runs are as they were")
        raise


@app.callback(invoke_without_command=True)
def _options(version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False) -> None:
    if version:
        from edgedigits import __version__

        typer.echo(f"edgedigits {__version__}")
        raise typer.Exit
