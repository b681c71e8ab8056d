"""`edgedigits`: all commands together, and the one place where errors become messages and exit codes."""

import errno
import io
import os
import sys
import warnings
from pathlib import Path
from typing import Annotated

import typer

from edgedigits.cli import (  # noqa: F401 - each adds its commands to the app
    adopt,
    bench,
    embed,
    export,
    inference,
    schema,
    train,
    verify,
)
from edgedigits.cli.app import app
from edgedigits.cli.voice import one_line_errors, say
from edgedigits.errors import MissingCapability

PACKAGES = (  # what answers depend on, of which `--version` names those that are installed
    *("torch", "onnx", "onnxruntime", "numpy"),
    *("openvino", "opencv-python-headless", "tract"),
)
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def main() -> None:
    """Run the command line. Errors become one or two lines on stderr and the exit code of their kind."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by who started this: what is printed goes nowhere
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - it stays open as long as the process
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a pipe that cannot encode … shows a ?, not a traceback
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # or torch's C++ half prints its deprecations
    warnings.showwarning = lambda message, *_, **__: say(f"edgedigits: note: {message}")
    try:
        with one_line_errors():
            _run()
    except SystemExit as leaving:
        if leaving.code == 130:
            say("edgedigits: interrupted; files of earlier runs are as they were")
        raise


def _run() -> None:
    """The command, and all that it prints. Raises MissingCapability where the disk is full."""
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except OSError as error:
        if error.errno not in NO_ROOM or error.filename:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left would fail once more at the end
        what = "what is printed, or a temporary file, cannot be written"
        raise MissingCapability(f"{error.strerror}: {what}. Make room for it.") from error


@app.callback(invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print versions of what matters, and leave.")] = False,
) -> None:
    if version:
        from edgedigits.system.environment import versions

        for name, found in versions(*PACKAGES).items():
            typer.echo(f"{name} {found}")
        raise typer.Exit
