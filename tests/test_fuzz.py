"""A short run of the fuzzer, the same inputs every time; `make fuzz` is the long one. And the harness itself."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

from tests.fuzz import runs
from tests.fuzz.targets import COMPARED, TARGETS, Target, input_of

ROOT = Path(__file__).parents[1]
INPUTS = {
    "onnx": 200,
    "onnx-bare": 50,
    "flips": 200,
    "archives": 100,
    "layers": 100,
    "safetensors": 200,
    "idx": 2000,
}  # else 300
pytestmark = pytest.mark.skipif(os.name != "posix", reason="the workers limit their memory")


@pytest.mark.parametrize("name", TARGETS)
def test_no_mutant_crashes_hangs_or_raises_what_it_should_not(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "HANG_SECONDS", 60.0)  # beside other tests on a busy machine, 5 s are soon gone
    inputs = INPUTS.get(name, 300)
    result = runs.run(runs.Result(name, seed=1, workers=1, done=[0]), inputs, seconds=None)
    assert result.tried == inputs
    assert result.clean or name in COMPARED, result.wrong
    assert result.counts["refused"] > inputs / 3  # the mutants do spoil something
    if name == "flips":
        assert result.counts["refused"] == inputs
    if name == "onnx":
        assert result.counts["same"] > 0  # and not everything: a gate that is shut keeps nothing safe


@pytest.mark.parametrize("name", ["onnx", "checkpoint", "idx"])
def test_an_input_follows_from_its_seed_and_number(name: str, tmp_path: Path) -> None:
    targets = [TARGETS[name](make_folder(tmp_path / side)) for side in ("one", "two")]
    inputs = [[input_of(target, name, 7, number) for number in range(20)] for target in targets]
    assert inputs[0] == inputs[1]
    assert len(set(inputs[0])) > 15
    assert input_of(targets[0], name, 8, 0) != inputs[0][0]


def test_with_and_without_the_checks_the_inputs_are_the_same(tmp_path: Path) -> None:
    checked, bare = (TARGETS[name](make_folder(tmp_path / name)) for name in ("onnx", "onnx-bare"))
    for number in range(20):
        assert input_of(checked, "onnx", 3, number) == input_of(bare, "onnx-bare", 3, number)


def make_folder(path: Path) -> Path:
    path.mkdir()
    return path


class Nasty:
    """A target that goes wrong in every way: at 3 it crashes, at 5 it hangs, at 7 it raises."""

    def __init__(self, _: Path) -> None:
        self.number = -1

    def make(self, rng: Random) -> bytes:
        return rng.randbytes(1)

    def ask(self, _: bytes) -> str:
        self.number = next(NUMBERS)
        if self.number == 3:
            os.abort()
        if self.number == 5:
            time.sleep(60)
        assert self.number != 7
        return "refused"


NUMBERS = iter(range(100))
NASTY_WORKER = """
import itertools, sys
from tests import test_fuzz
from tests.fuzz import targets, worker
first = int(sys.argv[5])
test_fuzz.NUMBERS = itertools.count(first)
targets.TARGETS["nasty"] = test_fuzz.Nasty
worker.main()
"""


def test_crashes_hangs_and_tracebacks_are_counted_and_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = subprocess.Popen

    def started(command: list[object], **options: object) -> object:
        assert command[1:3] == ["-m", "tests.fuzz.worker"]
        return start([sys.executable, "-c", NASTY_WORKER, *command[3:]], **options)  # type: ignore[call-overload]

    monkeypatch.setattr(runs.subprocess, "Popen", started)
    monkeypatch.setattr(runs, "HANG_SECONDS", 1.0)
    state = tmp_path / "nasty.json"
    result = runs.run(runs.read(state, "nasty", 0, 1), inputs=10, seconds=None, path=state)
    assert (result.counts["crashed"], result.counts["hung"], result.counts["traceback"]) == (1, 1, 1)
    assert result.wrong == {"crashed": [3], "hung": [5], "traceback": [7]}
    assert (result.counts["refused"], result.tried, result.done) == (7, 10, [10])
    assert not result.clean
    assert runs.read(state, "nasty", 0, 1) == result
    assert runs.read(state, "nasty", 1, 1).tried == 0  # another seed is another run


def test_a_run_goes_on_where_it_ended(tmp_path: Path) -> None:
    path = tmp_path / "contract.json"
    parts = [runs.run(runs.read(path, "contract", 0, 2), inputs, None, path) for inputs in (31, 80)]
    whole = runs.run(runs.Result("contract", 0, 2, [0, 0]), 80, None)
    assert [part.tried for part in parts] == [31, 80]
    assert parts[1].counts == whole.counts
    assert parts[1].done == whole.done == [40, 40]


def test_the_command_prints_a_row_a_target_and_can_repeat_one_input(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fuzz", "idx", "contract", "--inputs", "50", "--state", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    header, *rows = done.stdout.splitlines()
    assert header.split()[:3] == ["target", "tried", "refused"]
    assert [row.split()[:2] for row in rows] == [["idx", "50"], ["contract", "50"]]
    assert json.loads((tmp_path / "idx.json").read_text())["done"] == [50]
    again = [sys.executable, "-m", "tests.fuzz", "idx", "--only", "5"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    repeated = subprocess.run(again, cwd=tmp_path, capture_output=True, text=True, check=True, env=environment)
    assert repeated.stdout.splitlines()[-1] in ("refused", "accepted")
    target: Target = TARGETS["idx"](tmp_path)
    assert (tmp_path / "idx-0-5").read_bytes() == input_of(target, "idx", 0, 5)
