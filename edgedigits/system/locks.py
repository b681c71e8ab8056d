"""Locks: one process at a time writes a run, an export or a data set.

The system holds a lock for its process and lets go of it when that ends, however it ends: a lock file that a killed
process left behind keeps nobody out.
"""

import contextlib
import os
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from edgedigits.errors import UsageError
from edgedigits.system import files
from edgedigits.system.flock import taken

FILE = ".lock"
PAUSE = 0.2  # seconds between two tries


@contextlib.contextmanager
def held(folder: Path, wait: bool = False) -> Iterator[None]:
    """Keep other processes that ask for this lock out of a folder until the block ends.

    The folder is made where it is missing, and what killed processes left in it is put in order. Raises
    UsageError where another process holds the lock or, with `wait`, waits for it; MissingCapability where the
    folder cannot be written.
    """
    path = folder / FILE
    with files.made(folder):
        file = _acquired(path)
        if wait and not file:
            warnings.warn(f"another process writes to {folder}: waiting for it", stacklevel=3)
        while wait and not file:
            time.sleep(PAUSE)
            file = _acquired(path)
        if not file:
            raise UsageError(f"{folder}: another process writes there. Let it end, or name another folder.")
        try:
            files.tidy(folder)
            yield
        finally:
            with contextlib.suppress(OSError):  # Windows removes no open file; it does no harm
                path.unlink()
            file.close()


def _acquired(path: Path) -> IO[bytes] | None:
    """The lock file, locked; None where another process holds it."""
    with files.writing(path.parent):
        while True:
            path.parent.mkdir(parents=True, exist_ok=True)  # who held the lock may have removed it
            file = path.open("ab")
            if not taken(file):
                file.close()
                return None
            if _lies_at(file, path):
                return file
            file.close()  # who held it removed it after it was opened here: the next one opens another


def _lies_at(file: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
