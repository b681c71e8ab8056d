"""Folders that the system lends: the user's cache, and temporary ones. A machine may have neither."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgedigits.errors import MissingCapability


def cache_folder() -> Path:
    """EdgeDigits' folder in the user's cache; it need not exist. Raises MissingCapability where there is no home."""
    import platformdirs

    try:
        place = platformdirs.user_cache_path("edgedigits")
    except RuntimeError:  # newer ones raise; older ones leave "~" as it is
        place = Path("~")
    if not place.is_absolute():
        raise MissingCapability("this user has no home folder to cache in: set HOME, or XDG_CACHE_HOME to a folder.")
    return place


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that is removed behind the block. Raises MissingCapability where none can be made."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="edgedigits-")
    except OSError as error:
        reason = error.strerror or str(error)
        raise MissingCapability(f"no temporary folder can be made ({reason}): set TMPDIR to one.") from error
    with folder as name:
        yield Path(name)
