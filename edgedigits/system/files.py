"""Files that are whole or not there: hashes, and writing by temporary name."""

import errno
import hashlib
import io
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edgedigits.errors import MissingCapability
from edgedigits.system.flock import lock_folder, unlock

STAGE = ".tmp-edgedigits-"  # what the name of a temporary folder begins with
COMMIT = ".commit-edgedigits"  # what it is called once its files count, until they have moved
REMOVED = ".removed"  # in it: a folder of empty files, named as those to remove


def sha256(path: Path) -> str:
    """SHA-256 of a plain file, in hex. Raises OSError."""
    with open_plain(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_bytes(path: Path, most: int) -> bytes:
    """The bytes of a plain file of at most `most` bytes. Raises OSError, before too much is in memory."""
    with open_plain(path) as file:
        if (size := os.fstat(file.fileno()).st_size) > most:
            raise OSError(errno.EFBIG, f"{size:,} bytes, at most {most:,} wanted", str(path))
        content = file.read(most + 1)
    if len(content) > most:  # it grows
        raise OSError(errno.EFBIG, f"more than {most:,} bytes", str(path))
    return content


def open_plain(path: Path) -> io.BufferedReader:
    """A file, to be read. Raises OSError, also for what is no plain file: a pipe could block, a device never end."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a plain file", str(path))
    return os.fdopen(descriptor, "rb")


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """A temporary folder inside `folder`, whose files move into `folder` when the block ends well: all, or none.

    They are flushed to the disk, then the temporary folder is renamed to COMMIT: from then on they count.
    Each is then renamed over its predecessor; where a kill comes between, the next reader or writer moves
    the rest (`recover`). When the block raises, nothing in `folder` has changed. What a killed process left
    of its own temporary folder, the next writer removes. Raises MissingCapability where the folder cannot
    be written.
    """
    with made(folder), writing(folder), _stage(folder) as stage:
        yield stage
        _commit(stage, folder)


@contextmanager
def made(folder: Path) -> Iterator[None]:
    """Make a folder where it is missing; if it is still empty when the block ends, it is removed again.

    Raises MissingCapability where it cannot be made.
    """
    missing: list[Path] = []
    try:
        with writing(folder):
            missing = [path for path in (folder, *folder.parents) if not path.exists()]
            folder.mkdir(parents=True, exist_ok=True)
        yield
    finally:
        for path in missing:  # innermost first; only an empty one goes
            with suppress(OSError):
                path.rmdir()


def remove_with(stage: Path, name: str) -> None:
    """Let a file of the folder go at the moment when the staged files come."""
    (stage / REMOVED).mkdir(exist_ok=True)
    (stage / REMOVED / name).touch()


def recover(folder: Path) -> None:
    """Finish what a process had committed in `folder` when it was killed. Raises MissingCapability where it cannot."""
    if _committed(folder):
        with writing(folder), _locked(folder):
            _finish(folder)


def tidy(folder: Path) -> None:
    """Finish what killed processes had committed, and remove what they had only begun. Raises MissingCapability."""
    with writing(folder), _locked(folder):
        _tidy(folder)


def _tidy(folder: Path) -> None:
    _finish(folder)
    for left in folder.glob(f"{STAGE}*"):
        with _locked(left, wait=False) as dead:
            if dead:
                shutil.rmtree(left, ignore_errors=True)


@contextmanager
def _stage(folder: Path) -> Iterator[Path]:
    """A new temporary folder; its lock, which dies with this process, says that it is in use."""
    with _locked(folder):
        _tidy(folder)
        stage = Path(tempfile.mkdtemp(prefix=STAGE, dir=folder))
        used = lock_folder(stage)
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        unlock(used)


def _commit(stage: Path, folder: Path) -> None:
    for path in stage.iterdir():
        if path.is_file():
            _flush(path)
        elif path.name != REMOVED:
            shutil.rmtree(path)  # scratch
    changes = [path for path in stage.rglob("*") if path.is_file()]
    for path in changes:
        if (folder / path.name).is_dir():  # to be known before anything counts
            raise IsADirectoryError(errno.EISDIR, f"{path.name} is a folder")
    with _locked(folder):
        if len(changes) == 1 and changes[0].parent == stage:  # its rename is all or nothing
            changes[0].replace(folder / changes[0].name)
        elif changes:
            _flush_folder(stage)
            _finish(folder)  # of another, who was killed meanwhile
            stage.rename(folder / COMMIT)
            _flush_folder(folder)
            _finish(folder)
        _flush_folder(folder)


def _finish(folder: Path) -> None:
    """Move committed files to their places, again as often as it is cut off. The folder is locked."""
    if not _committed(folder):
        return
    commit = folder / COMMIT
    if (commit / REMOVED).exists():
        for marker in (commit / REMOVED).iterdir():
            (folder / marker.name).unlink(missing_ok=True)
            marker.unlink()
        (commit / REMOVED).rmdir()
    for path in commit.iterdir():
        path.replace(folder / path.name)
    _flush_folder(folder)
    commit.rmdir()


def _committed(folder: Path) -> bool:
    """Whether there is a commit to finish. One that another user put into a shared folder is none of ours."""
    try:
        found, owner = (folder / COMMIT).lstat(), folder.stat().st_uid
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid in (owner, getattr(os, "geteuid", int)())


@contextmanager
def _locked(folder: Path, wait: bool = True) -> Iterator[bool]:
    """Hold a folder's lock, if it can be had."""
    lock = lock_folder(folder, wait)
    try:
        yield lock is not None
    finally:
        unlock(lock)


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all. Raises MissingCapability."""
    with staged(path.parent) as stage:
        (stage / path.name).write_text(text, encoding="utf-8", newline="\n")


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn what the system says while a file in `folder` is written into MissingCapability."""
    try:
        yield
    except OSError as error:
        raise _unwritable(folder, error) from error


def is_read_only(error: BaseException) -> bool:
    """Whether something could not be written because nobody may write there: no fault that room would mend."""
    return isinstance(error.__cause__, OSError) and error.__cause__.errno in (errno.EROFS, errno.EACCES, errno.EPERM)


def publish(file: Path, path: Path) -> None:
    """Rename a file that was written beside its place, once it is on the disk. Raises MissingCapability."""
    with writing(path.parent):
        _flush(file)
        file.replace(path)
        _flush_folder(path.parent)


def require_writable(folder: Path) -> None:
    """Raise MissingCapability now, not after an hour of training, if `folder` cannot be written."""
    with staged(folder):
        pass


def _flush(path: Path, flags: int = os.O_RDWR) -> None:  # Windows flushes what is open to be written alone
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _flush_folder(folder: Path) -> None:
    if os.name == "posix":  # elsewhere a folder cannot be opened, and a rename is durable at once
        _flush(folder, os.O_RDONLY)


def _unwritable(folder: Path, error: OSError) -> MissingCapability:
    reason = error.strerror or str(error)
    return MissingCapability(
        f"cannot write to {folder}: {reason}. "
        "Make room or name another folder (--runs, --exports, --data-dir, --html, --junit, --markdown, --out)."
    )
