"""A short run of the fault harness; `make faults` is the long one. And the harness itself: it finds what it should."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked, and /proc is read")


def harness(*arguments: str, patch: str = "") -> subprocess.CompletedProcess[str]:
    start = f"import runpy, sys; sys.argv[0] = 'faults'\n{patch}\nrunpy.run_module('tests.faults', run_name='__main__')"
    return subprocess.run(
        [sys.executable, "-c", start, *arguments],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )


def rows(done: subprocess.CompletedProcess[str]) -> dict[tuple[str, str], list[int]]:
    """The figures of each scene and attack: tried, unreadable, lost, left over, wrong code, traceback."""
    found = [line.split() for line in done.stdout.splitlines()[1:] if not line.startswith("  ")]
    return {(scene, attack): [int(figure) for figure in figures] for scene, attack, *figures in found}


@pytest.mark.lengthy
@pytest.mark.parametrize(
    ("scene", "every", "attacks"),
    [
        ("train", "20", ("kill", "full", "read-only", "clock")),
        ("resume", "40", ("kill", "cut", "moments", "interrupt")),
        ("export", "24", ("kill", "full")),
        ("parquet", "30", ("kill", "cut", "limit")),
        ("fetch", "6", ("kill", "moments", "small", "mirror")),
    ],
)
def test_no_fault_costs_a_file_or_leaves_one(scene: str, every: str, attacks: tuple[str, ...]) -> None:
    chosen = (word for attack in attacks for word in ("--attack", attack))
    done = harness(scene, "--every", every, *chosen)
    assert done.returncode == 0, done.stdout + done.stderr
    found = rows(done)
    assert {attack for _, attack in found} >= {*attacks} - {"small"}  # which only root may mount
    assert all(tried and not any(wrong) for tried, *wrong in found.values())


FAULTY = {
    "files that are renamed one by one": (
        "from edgedigits.system import files\n"
        "def one_by_one(stage, folder):\n"
        "    for path in sorted(stage.iterdir()):\n"
        "        if path.is_file(): path.replace(folder / path.name)\n"
        "files._commit = one_by_one",
        "kill",
        "lost",
    ),
    "files that are not flushed": (
        "from edgedigits.system import files\nfiles._flush = lambda *_: None",
        "cut",
        "lost",
    ),
    "stages that nobody sweeps": ("from edgedigits.system import files\nfiles._tidy = files._finish", "kill", "left"),
    "errors of the system that nobody expects": (
        "import contextlib\nfrom edgedigits.cli import main\nfrom edgedigits.system import files\n"
        "main.NO_ROOM = ()\nfiles.writing = lambda _: contextlib.nullcontext()",
        "full",
        "traceback",
    ),
}


@pytest.mark.lengthy
@pytest.mark.parametrize("what", FAULTY)
def test_the_harness_finds(what: str) -> None:
    patch, attack, how = FAULTY[what]
    done = harness("fetch", "--attack", attack, patch=patch)
    assert done.returncode == 1, done.stdout + done.stderr
    column = {"unreadable": 1, "lost": 2, "left": 3, "traceback": 5}[how]
    assert rows(done)["fetch", attack][column] > 0, done.stdout


def test_it_says_which_scenes_and_attacks_there_are() -> None:
    done = harness("--help")
    for word in ("train", "export", "fetch", "kill", "moments", "read-only", "mirror"):
        assert word in done.stdout
