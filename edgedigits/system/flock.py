"""The system's locks, of files and of folders. It lets go of them when their process ends, however that ends."""

import errno
import os
import sys
import warnings
from pathlib import Path
from typing import IO, Any

TAKEN = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)  # what flock and Windows say of another's lock
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)  # what network file systems without any say


def lock_folder(folder: Path, wait: bool = True) -> int | None:
    """The descriptor that holds a folder's lock; None where another does, or the system has no such lock."""
    if os.name != "posix":
        return None
    import fcntl

    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:  # a stranger's
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # held by another, or on a network drive that has none
        os.close(descriptor)
        return None
    return descriptor


def unlock(descriptor: int | None) -> None:
    """Let go of a folder's lock, if it was had."""
    if descriptor is not None:
        os.close(descriptor)


def taken(file: IO[Any]) -> bool:
    """Lock an open file until it is closed; False where another process has.

    On a file system without locks it counts as taken, and a note says so. Raises OSError.
    """
    try:
        _lock(file)
    except OSError as error:
        if error.errno in TAKEN:
            return False
        if error.errno not in NO_LOCKS:
            raise
        warnings.warn(f"{file.name}: no locks there; see that no other process writes beside it", stacklevel=3)
    return True


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[Any]) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: IO[Any]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
