"""A worker: `python -m tests.fuzz.worker TARGET SEED WORKERS INDEX FIRST COUNT CELLS FOLDER`, started by runs.py."""

import mmap
import resource
import signal
import sys
import traceback
from pathlib import Path

from tests.fuzz.runs import MEMORY_BYTES, OUTCOMES
from tests.fuzz.targets import TARGETS, input_of


def main() -> None:
    """Try every WORKERS-th input, from the FIRST-th of its own on, COUNT of them or without end."""
    name = sys.argv[1]
    seed, workers, index, first, count = map(int, sys.argv[2:7])
    cells_path, folder = map(Path, sys.argv[7:])
    stopping: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopping.append(number))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))  # the machine is not attacked
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    target = TARGETS[name](folder)
    with cells_path.open("r+b") as file:
        cells = memoryview(mmap.mmap(file.fileno(), 0)).cast("q")
    done = first
    while done != count and not stopping:
        number = done * workers + index
        cells[0] = number + 1
        outcome = "traceback"
        try:
            outcome = target.ask(input_of(target, name, seed, number))
        except Exception:
            print(f"{name} --seed {seed} --only {number}", file=sys.stderr)
            traceback.print_exc()
            with (folder / "tracebacks").open("a") as file:
                print(number, file=file)
        done += 1
        cells[2 + OUTCOMES.index(outcome)] += 1
        cells[1] += 1


if __name__ == "__main__":
    main()
