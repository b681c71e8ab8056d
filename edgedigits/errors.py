"""The errors that EdgeDigits raises, and the exit code that each one becomes.

    EdgeDigitsError
    ├── UsageError            2   an unknown preset, format or option value (also a ValueError)
    ├── BadInput              3   something that was read is not what it should be
    │   ├── RecordError           JSON that is no record of ours
    │   ├── DataError             a data set: missing, damaged, too few classes
    │   ├── CheckpointError       a trained model: missing, changed, misshapen
    │   └── ModelFileError        an exported file: unreadable, changed, breaks the contract
    └── MissingCapability     4   this machine lacks something: an extra, CUDA, room, permission

A failed gate (exit code 1) is no error: `verify` returns its reports, and each says whether it passed.
Every message is one or two lines: what is wrong, where, and what to do.
"""

import difflib
from collections.abc import Iterable


class EdgeDigitsError(Exception):
    """Base of all errors raised on purpose. `exit_code` is what the command line ends with."""

    exit_code = 3


class UsageError(EdgeDigitsError, ValueError):
    """A wrong argument, on the command line or in a call."""

    exit_code = 2


class BadInput(EdgeDigitsError):
    """A file or a data set that is not what it should be."""


class RecordError(BadInput):
    """JSON that does not hold the record it should."""


class DataError(BadInput):
    """A data set that is missing, damaged or unfit."""


class CheckpointError(BadInput):
    """A checkpoint that is missing, changed since it was recorded, or does not fit its model."""


class ModelFileError(BadInput):
    """An exported file that cannot be read, changed since its manifest, or breaks the contract."""


class MissingCapability(EdgeDigitsError):
    """Something that this machine lacks: an optional dependency, a device, room on the disk."""

    exit_code = 4


def unknown(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """The error for a name that is not in a table, with the nearest names that are."""
    names = list(known)
    near = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return UsageError(f"unknown {kind} '{name}': {hint}Known: {', '.join(names)}.")


def first_line(error: Exception) -> str:
    """The first line of an error of another library, shortened."""
    return str(error).strip().partition("\n")[0][:200] or type(error).__name__
