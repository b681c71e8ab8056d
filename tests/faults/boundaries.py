"""Where a process writes: every boundary between two writes below a folder is counted, and at one of them it is struck.

A boundary is the moment before a file is opened for writing, renamed or removed, a folder made or removed, a file
flushed to the disk, or in the middle of a write: then half of it is on the disk. Audit events tell most of them; writes
and flushes are caught where Python makes them. What a library writes by itself is struck at random moments.
"""

import builtins
import errno
import io
import itertools
import mmap
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

MAKING = ("open", "write", "fsync", "rename", "mkdir")  # what a full disk refuses
EVENTS = {"os.rename": "rename", "os.remove": "remove", "os.mkdir": "mkdir", "os.rmdir": "rmdir"}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
YEAR = 365 * 86400
_open, _fsync = io.open, os.fsync


class Boundaries:
    """The boundaries of this process below a folder; `strike` is called at the one of that number, from 1.

    count     shared with the process that forked this one: how many were passed
    kinds     that are counted, all by default
    """

    def __init__(
        self, folder: Path, count: mmap.mmap, number: int, strike: Callable[["Boundaries"], None], kinds: Any = None
    ) -> None:
        self.folder = folder.resolve()
        self.count = count
        self.number = number
        self.strike = strike
        self.kinds = kinds
        self.synced: dict[int, int] = {}  # of each file that was written, by inode: the bytes that a power cut leaves

    def install(self) -> None:
        """Count from now on, in this process, for good."""
        builtins.open = io.open = self._opened  # type: ignore[assignment]
        os.fsync = self._flushed
        sys.addaudithook(self._heard)

    def reach(self, kind: str) -> bool:
        """Count a boundary; True at the one to strike."""
        if self.kinds and kind not in self.kinds:
            return False
        passed = int.from_bytes(self.count[:8], "little") + 1
        self.count[:8] = passed.to_bytes(8, "little")
        return passed == self.number

    def holds(self, path: Any) -> bool:
        """Whether a path, or what a descriptor is open for, is below the folder."""
        try:
            numbered = isinstance(path, int)
            place = Path(f"/proc/self/fd/{path}").readlink() if numbered else Path.cwd() / os.fsdecode(path)
        except (OSError, TypeError, ValueError):
            return False
        return self.folder in place.parents

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            kind = "open" if isinstance(flags, int) and flags & WRITING else None
        else:
            kind, path = EVENTS.get(event), arguments[0] if arguments else None
        if kind and self.holds(path) and self.reach(kind):
            self.strike(self)

    def _flushed(self, descriptor: int) -> None:
        if self.holds(descriptor) and self.reach("fsync"):
            self.strike(self)
        _fsync(descriptor)
        found = os.fstat(descriptor)
        self.synced[found.st_ino] = found.st_size

    def _opened(
        self,
        file: Any,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        closefd: bool = True,
        opener: Any = None,
    ) -> Any:
        """`open`, whose writes below the folder are counted."""
        if not set(mode) & set("wxa+") or not self.holds(file):
            return _open(file, mode, buffering, encoding, errors, newline, closefd, opener)
        raw = _Counted(self, file, mode.replace("b", "").replace("t", ""), closefd, opener)
        buffered: Any = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        return buffered if "b" in mode else io.TextIOWrapper(buffered, encoding, errors, newline)


class _Counted(io.FileIO):
    """A file whose writes are boundaries: at the one to strike, half of it is written."""

    def __init__(self, boundaries: Boundaries, file: Any, mode: str, closefd: bool, opener: Any) -> None:
        super().__init__(file, mode, closefd, opener)
        self.boundaries = boundaries
        found = os.fstat(self.fileno())
        boundaries.synced.setdefault(found.st_ino, found.st_size)

    def write(self, content: Any) -> int:  # type: ignore[override]
        if self.boundaries.reach("write"):
            half = super().write(memoryview(content)[: len(content) // 2 or 1])
            self.boundaries.strike(self.boundaries)
            return half  # who was not struck down writes the rest
        return super().write(content)


def kill(_: Boundaries) -> None:
    """As `kill -9`."""
    os.kill(os.getpid(), signal.SIGKILL)


def cut(boundaries: Boundaries) -> None:
    """As a power cut, at its worst: names are as they were, and of what was not flushed half is gone."""
    for path in boundaries.folder.rglob("*"):
        if path.is_file() and (synced := boundaries.synced.get(path.stat().st_ino)) is not None:
            size = path.stat().st_size
            os.truncate(path, min(size, synced + (size - synced) // 2))
    kill(boundaries)


def fill(boundaries: Boundaries) -> None:
    """As a disk that is full from now on."""
    boundaries.number += 1
    raise OSError(errno.ENOSPC, "No space left on device")


def interrupt(_: Boundaries) -> None:
    """As Ctrl-C."""
    os.kill(os.getpid(), signal.SIGINT)


STRIKES: dict[str, Callable[[Boundaries], None]] = {"kill": kill, "cut": cut, "full": fill, "interrupt": interrupt}


def jumping_clock() -> None:
    """A wall clock that jumps by years, forth and back, each time somebody looks."""
    begun, looks = time.time(), itertools.count()

    def now() -> float:
        return begun + (20 * YEAR if next(looks) % 2 else -20 * YEAR)

    time.time = now
    time.time_ns = lambda: int(now() * 1e9)
