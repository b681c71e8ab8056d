"""How busy this machine's processors are: a look at their clocks, while this process itself does nothing.

Threads that wait for each other at a barrier spin; on a processor that the system has given to another process they
wait in vain, and a training takes 4 to 9 times as long. One thread on each idle processor does not.
"""

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

STAT = Path("/proc/stat")  # of Linux: proc(5); in hundredths of a second, for each processor
IDLE = slice(3, 5)  # of its fields, user nice system idle iowait ...: what is nobody's
COUNTED = 8  # of its fields; those behind are in the first two already
LOOK = 0.3  # seconds of a look: thirty ticks
ASKED = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")  # by these variables somebody says how many threads are wanted
WHOLE = 0.7  # from this idle part on a processor counts as free: the rest is what any desktop does


@dataclass(frozen=True)
class Load:
    """How many processors this process may use, and how many of them were idle, on average."""

    processors: int
    idle: float

    @property
    def busy(self) -> float:
        """How many are busy."""
        return self.processors - self.idle

    @property
    def free(self) -> int:
        """How many have room for a thread that others wait for: 1 at least."""
        return max(1, math.floor(self.idle + 1 - WHOLE))


def look(seconds: float = LOOK) -> Load | None:
    """The load of a short moment, in which this process sleeps; None where the system does not tell (Windows)."""
    before = _clocks()
    if before is None:
        return _average()
    time.sleep(seconds)
    after = _clocks() or before
    spent = [[late - early for early, late in zip(*pair, strict=True)] for pair in zip(before, after, strict=True)]
    return Load(len(spent), sum(sum(clock[IDLE]) / max(1, sum(clock)) for clock in spent))


def allowed() -> int:
    """How many processors this process may use."""
    return len(_usable())


def asked() -> bool:
    """Whether somebody said in the environment how many threads are wanted."""
    return any(os.environ.get(name) for name in ASKED)


def _average() -> Load | None:
    """The system's load average, of a minute: what macOS has."""
    average: Callable[[], tuple[float, ...]] | None = getattr(os, "getloadavg", None)
    if average is None:
        return None
    count = allowed()
    return Load(count, max(0.0, count - average()[0]))


def _clocks() -> list[list[int]] | None:
    """What each processor that this process may use has spent on what."""
    try:
        lines = [line.split() for line in STAT.read_text(encoding="ascii").splitlines()]
    except OSError:
        return None
    clocks = {line[0]: [int(ticks) for ticks in line[1 : 1 + COUNTED]] for line in lines if line[0].startswith("cpu")}
    found = [clocks[f"cpu{number}"] for number in _usable() if f"cpu{number}" in clocks]
    return found or None


def _usable() -> list[int]:
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))
