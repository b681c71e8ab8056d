"""Many inputs through worker processes. A worker that crashes or hangs is counted and replaced; nothing is lost.

Each worker takes every n-th input, and writes into a shared file what it does: the number of the input at hand,
and how often each outcome came. So no input costs a message, and the counts survive the worker.
"""

import dataclasses
import json
import mmap
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

OUTCOMES = ("refused", "same", "changed", "accepted", "traceback")
ROOT = Path(__file__).parents[2]
HANG_SECONDS = 5.0
START_SECONDS = 120.0  # until a worker has imported what it needs
POLL_SECONDS = 0.1
KEPT = 20  # numbers of inputs that went wrong, in each result
CELLS = 2 + len(OUTCOMES)  # the input at hand, plus 1; inputs done; then the outcomes
MEMORY_BYTES = 8 << 30
FAST = "/dev/shm"  # a folder in memory, where there is one: each input is written to a file


@dataclass
class Result:
    """What became of the inputs of one target. A run can be continued: `done` says how far each worker came."""

    target: str
    seed: int
    workers: int
    done: list[int]
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys((*OUTCOMES, "crashed", "hung"), 0))
    wrong: dict[str, list[int]] = field(default_factory=lambda: {"traceback": [], "crashed": [], "hung": []})
    seconds: float = 0.0

    @property
    def tried(self) -> int:
        """Inputs that were tried, with any outcome."""
        return sum(self.counts.values())

    @property
    def clean(self) -> bool:
        """Whether nothing crashed, hung or raised what it should not."""
        return not any(self.counts[name] for name in ("traceback", "crashed", "hung"))


def read(path: Path, target: str, seed: int, workers: int) -> Result:
    """The result in a file, to be continued; a fresh one where there is none for these."""
    if path.exists():
        found = Result(**json.loads(path.read_text()))
        if (found.target, found.seed, found.workers) == (target, seed, workers):
            return found
    return Result(target, seed, workers, [0] * workers)


def write(path: Path, result: Result) -> None:
    """The result as JSON, whole or not at all."""
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(dataclasses.asdict(result)))
    temporary.replace(path)


def run(result: Result, inputs: int | None, seconds: float | None, path: Path | None = None) -> Result:
    """Go on until so many inputs in all were tried, or so many seconds are over; note it in a file as it goes."""
    start, before = time.monotonic(), result.seconds
    with tempfile.TemporaryDirectory(dir=FAST if os.access(FAST, os.W_OK) else None) as folder:
        workers = [_Worker(result, index, Path(folder), inputs) for index in range(result.workers)]
        try:
            noted = start
            while sum(worker.look() for worker in workers):
                result.seconds = before + time.monotonic() - start
                if seconds is not None and time.monotonic() - start > seconds:
                    break
                if path and time.monotonic() - noted > 5:
                    write(path, result)
                    noted = time.monotonic()
                time.sleep(POLL_SECONDS)
        finally:
            for worker in workers:
                worker.stop()
    result.seconds = before + time.monotonic() - start
    if path:
        write(path, result)
    return result


class _Worker:
    """One worker process after the other, for the inputs of one index."""

    def __init__(self, result: Result, index: int, folder: Path, inputs: int | None) -> None:
        self.result, self.index = result, index
        self.count = -1 if inputs is None else (inputs - index + result.workers - 1) // result.workers
        self.folder = folder / str(index)
        self.folder.mkdir()
        self.cells_path = self.folder / "cells"
        self.cells_path.write_bytes(bytes(8 * CELLS))
        with self.cells_path.open("r+b") as file:
            self.map = mmap.mmap(file.fileno(), 8 * CELLS)
        self.cells = memoryview(self.map).cast("q")
        self.seen = (0, 0)
        self.changed = time.monotonic()
        self.process: subprocess.Popen[bytes] | None = None
        if self.count != result.done[index]:
            self._start()

    def _start(self) -> None:
        for cell in range(CELLS):
            self.cells[cell] = 0
        self.taken = [0] * (CELLS - 1)
        work = self.folder / "work"
        work.mkdir(exist_ok=True)
        first = self.result.done[self.index]
        arguments = (self.result.target, self.result.seed, self.result.workers, self.index, first, self.count)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz.worker", *map(str, arguments), self.cells_path, work],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=(self.folder / "stderr").open("ab"),
        )
        self.changed = time.monotonic()
        self.seen = (0, 0)

    def look(self) -> bool:
        """Take over what the worker counted, and replace it if it is stuck or gone. False when all is done."""
        if self.process is None:
            return False
        code = self.process.poll()
        self._collect()
        if self.result.done[self.index] == self.count:  # how long it takes to leave says nothing of an input
            self._kill()
            self.process = None
            return False
        now = (self.cells[0], self.cells[1])
        if now != self.seen:
            self.seen, self.changed = now, time.monotonic()
        if code == 0:
            self.process = None
            return False
        patience = HANG_SECONDS if self.cells[0] else START_SECONDS
        if code is not None:
            self._replace("crashed")
        elif time.monotonic() - self.changed > patience:
            self._kill()
            self._replace("hung")
        return True

    def _replace(self, how: str) -> None:
        """Count the input at hand, and go on behind it."""
        if not self.cells[0]:
            raise RuntimeError(f"{self.result.target}: the worker does not start\n{self._stderr()}")
        self._collect()
        number = self.result.done[self.index] * self.result.workers + self.index
        self.result.done[self.index] += 1
        self.result.counts[how] += 1
        self.result.wrong[how] = [*self.result.wrong[how], number][:KEPT]
        self._start()

    def _collect(self) -> None:
        """Add what was counted since the last look."""
        found = list(self.cells[1:])
        done, *outcomes = (now - before for now, before in zip(found, self.taken, strict=True))
        self.taken = found
        self.result.done[self.index] += done
        for name, count in zip(OUTCOMES, outcomes, strict=True):
            self.result.counts[name] += count
        noted = self.folder / "work" / "tracebacks"
        if noted.exists():
            found = [int(line) for line in noted.read_text().split()]
            self.result.wrong["traceback"] = [*self.result.wrong["traceback"], *found][:KEPT]
            noted.unlink()

    def _stderr(self) -> str:
        return (self.folder / "stderr").read_text(errors="replace")[-2000:]

    def _kill(self) -> None:
        assert self.process
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End the worker where it is, between two inputs if it can."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(HANG_SECONDS)
            self._kill()
            self._collect()
        self.process = None
        self.cells.release()
        self.map.close()
