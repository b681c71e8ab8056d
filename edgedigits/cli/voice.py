"""What the command line says on stderr, beside its results: what is wrong, always; the rest unless told to be quiet."""

import contextlib
import os
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass

from edgedigits.errors import EdgeDigitsError


@dataclass
class Voice:
    """Whether progress and next steps are kept from a script (`--quiet`)."""

    quiet: bool = False


VOICE = Voice()  # of this process: a command line is parsed once


def say(message: str) -> None:
    """Print a message on stderr."""
    print(message, file=sys.stderr)  # not typer.echo, which writes into the progress bar


def tell(message: str) -> None:
    """Print what is good to know, and nothing that is wrong, such as the next step: not where it is to be quiet."""
    if not VOICE.quiet:
        say(message)


@contextlib.contextmanager
def one_line_errors() -> Iterator[None]:
    """Inside, an error raised on purpose becomes one or two lines on stderr and ends with the exit code of its kind."""
    try:
        yield
    except EdgeDigitsError as error:
        if os.environ.get("EDGEDIGITS_DEBUG") == "1":
            traceback.print_exc()
        say(f"edgedigits: {error}")
        sys.exit(error.exit_code)
