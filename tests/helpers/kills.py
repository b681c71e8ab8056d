"""Kill a training at random moments, again and again, and resume it: `python -m tests.helpers.kills --moments 300`.

Each attempt is a process of its own, which kill -9 ends at a random moment from its beginning to its end. After each
kill every file in the run's folder must be whole; each training that gets through must have the bytes of one that was
never interrupted.
"""

import argparse
import math
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import torch.distributed

from edgedigits.data.dataset import Dataset, Split
from edgedigits.models import checkpoint
from edgedigits.models.checkpoint import read_checkpoint
from edgedigits.records.model import DatasetRef, Recipe
from edgedigits.train.resume import FILE, State
from edgedigits.train.trainer import train
from tests.conftest import FONT, draw

RECIPE = Recipe(epochs=12, batch_size=40, lr=1e-3, shift=1, rotate=5, schedule="one-cycle", validation=0.1)
LONGER = 1.3  # of the time that a whole training takes: some are not killed


def digits() -> Dataset:
    """600 drawn digits to learn from, 60 to test on."""
    rng = np.random.default_rng(0)
    images = np.stack([draw(digit, rng) for _ in range(66) for digit in FONT])
    labels = np.tile(np.arange(10), 66)
    learn, test = (Split(images[part], labels[part]) for part in (slice(600), slice(600, None)))
    return Dataset(DatasetRef("drawn", "0" * 64, "drawn"), tuple(FONT), learn, test)


def attempt(dataset: Dataset, runs: Path, save_every: float) -> int:
    """Train, or go on with it, in a process of its own; its id."""
    if child := os.fork():
        return child
    try:
        torch.set_num_threads(1)
        warnings.simplefilter("ignore")
        train("fc", dataset, recipe=RECIPE, runs=runs, device="cpu", resume=True, save_every=save_every)
        os._exit(0)
    except BaseException as error:
        print(repr(error), file=sys.stderr, flush=True)
        os._exit(1)


def seconds(dataset: Dataset, runs: Path) -> float:
    """That a training takes which is not interrupted and writes no state."""
    shutil.rmtree(runs, ignore_errors=True)
    start = time.perf_counter()
    os.waitpid(attempt(dataset, runs, math.inf), 0)
    return time.perf_counter() - start


def unreadable(folder: Path) -> list[str]:
    """The files in a run's folder that are not whole."""
    found = []
    try:
        if (folder / FILE).exists():
            State.from_bytes((folder / FILE).read_bytes())
    except Exception:
        found.append(FILE)
    try:
        if (folder / checkpoint.RECORD).exists():
            read_checkpoint(folder)
    except Exception:
        found.append(checkpoint.RECORD)
    return found


def main() -> int:
    """Count what happens; 1 when anything is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moments", type=int, default=300, help="how many kills")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save-every", type=float, default=0.02, help="seconds between two states")
    parser.add_argument("--folder", type=Path, help="where to train; by default a temporary folder")
    options = parser.parse_args()
    scratch = options.folder or Path(tempfile.mkdtemp())
    rng, dataset, counts = random.Random(options.seed), digits(), Counter[str]()
    takes = min(seconds(dataset, scratch / "never") for _ in range(2))
    wanted = (scratch / "never" / "fc-drawn" / "model.safetensors").read_bytes()
    folder = scratch / "killed" / "fc-drawn"
    while counts["kills"] < options.moments:
        child = attempt(dataset, scratch / "killed", options.save_every)
        time.sleep(rng.uniform(0, LONGER * takes))
        os.kill(child, signal.SIGKILL)  # it waits to be looked at, so its number is its own
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            counts["kills"] += 1
            counts["with a state"] += (folder / FILE).exists()
            counts.update(f"unreadable {name}" for name in unreadable(folder))
            continue
        counts["complete"] += 1
        counts["failed"] += os.WEXITSTATUS(status) != 0
        counts["other bytes"] += (folder / "model.safetensors").read_bytes() != wanted
        counts["left over"] += any(path.name.startswith(".") or path.name == FILE for path in folder.iterdir())
        shutil.rmtree(folder)
    print(", ".join(f"{count} {name}" for name, count in counts.items()))
    if not options.folder:
        shutil.rmtree(scratch)
    bad = counts["failed"] + counts["other bytes"] + counts["left over"]
    return int(bool(bad or any(name.startswith("unreadable") for name in counts)))


if __name__ == "__main__":
    sys.exit(main())
