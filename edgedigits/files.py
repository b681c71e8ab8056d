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


def sha256(path: Path) -> str:
    """SHA-256 of a plain file, in hex. Raises OSError."""
    with _open_plain(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_bytes(path: Path, most: int) -> bytes:
    """The bytes of a plain file of at most `most` bytes. Raises OSError, before too much is in memory."""
    with _open_plain(path) as file:
        if (size := os.fstat(file.fileno()).st_size) > most:
            raise OSError(errno.EFBIG, f"{size:,} bytes, at most {most:,} wanted", str(path))
        content = file.read(most + 1)
    if len(content) > most:  # it grows
        raise OSError(errno.EFBIG, f"more than {most:,} bytes", str(path))
    return content


def _open_plain(path: Path) -> io.BufferedReader:
    """A file, to be read. Raises OSError, also for what is no plain file: a pipe could block, a device never end."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a plain file", str(path))
    return os.fdopen(descriptor, "rb")


@contextmanager
def staged(folder: Path, deep: bool = False) -> Iterator[Path]:
    """A temporary folder inside `folder`, whose files move into `folder` when the block ends well.

    deep   so do the files in its folders, into folders of the same names; else those are scratch

    All files are flushed to the disk, then each is renamed over its predecessor: a reader sees the
    old file or the new one, never a part. When the block raises, nothing in `folder` has changed.
    Raises MissingCapability where the folder cannot be written.
    """
    missing: list[Path] = []
    stage: Path | None = None
    try:
        missing = [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        stage = Path(tempfile.mkdtemp(prefix=".tmp-", dir=folder))
        yield stage
        files = sorted(path for path in stage.glob("**/*" if deep else "*") if path.is_file())
        for file in files:
            _flush(file)
        for file in files:
            place = folder / file.relative_to(stage)
            place.parent.mkdir(parents=True, exist_ok=True)
            file.replace(place)
        if os.name == "posix":  # elsewhere a folder cannot be opened, and the rename is already durable
            _flush(folder)
    except OSError as error:
        raise _unwritable(folder, error) from error
    finally:
        if stage:
            shutil.rmtree(stage, ignore_errors=True)
        for path in missing:  # innermost first; only an empty one goes
            with suppress(OSError):
                path.rmdir()


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all. Raises MissingCapability."""
    with staged(path.parent) as stage:
        (stage / path.name).write_text(text, encoding="utf-8")


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn what the system says while a file in `folder` is written into MissingCapability."""
    try:
        yield
    except OSError as error:
        raise _unwritable(folder, error) from error


def publish(file: Path, path: Path) -> None:
    """Rename a file that was written beside its place, once it is on the disk. Raises MissingCapability."""
    with writing(path.parent):
        _flush(file)
        file.replace(path)
        if os.name == "posix":  # as in `staged`
            _flush(path.parent)


def require_writable(folder: Path) -> None:
    """Raise MissingCapability now, not after an hour of training, if `folder` cannot be written."""
    with staged(folder):
        pass


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unwritable(folder: Path, error: OSError) -> MissingCapability:
    reason = error.strerror or str(error)
    return MissingCapability(
        f"cannot write to {folder}: {reason}. "
        "Make room or name another folder (--runs, --exports, --data-dir, --html, --out)."
    )
