"""Several processes: what they train is what one trains, and none goes on, hangs or writes without the others."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
import safetensors.torch
import torch
import torch.distributed as dist

from edgedigits.data.dataset import Dataset
from edgedigits.errors import MissingCapability, UsageError
from edgedigits.models.checkpoint import read_checkpoint
from edgedigits.records.model import Checkpoint, History, Recipe
from edgedigits.train import distributed
from edgedigits.train.batches import Batches
from edgedigits.train.distributed import ALONE, World, joined
from edgedigits.train.trainer import train
from tests.train.test_resume import untimed
from tests.train.test_train import FILES, quick, snapshot

CPU = torch.device("cpu")
CLI = "from edgedigits.cli.main import main; main()"
# 285 images to learn from: batches of 7 are no whole shares and leave 5, batches of 4 leave 1, and so an empty share
RECIPES = {
    "fc": Recipe(epochs=2, batch_size=4, lr=1e-3, shift=2, validation=0.05),
    "cnn": Recipe(epochs=2, batch_size=7, lr=1e-3, shift=1, validation=0.05, schedule="one-cycle"),
    "cnn-deep": Recipe(epochs=1, batch_size=200, lr=1e-3, optimizer="adamw", weight_decay=0.1, validation=0.05),
}
WORKER = f"""
import sys
import time
from collections.abc import Sequence
from pathlib import Path
import torch
from edgedigits import train
from edgedigits.data.load import load_data
from edgedigits.records.model import Recipe
from edgedigits.train.distributed import joined
def fetch():
    if world.rank == 0:
        time.sleep(0.5)
        fetched.write_text("by rank 0")
    return fetched.read_text()
fetched = Path(sys.argv[2]).with_name("fetched")
with joined(torch.device("cpu")) as world:
    digits = world.one_first(lambda: load_data(sys.argv[1]))
    sys.stdout.write(f"found {{world.one_first(fetch)}}\\n")  # in one piece: print would write several
    for model, recipe in {RECIPES!r}.items():
        run = train(model, digits, recipe=recipe, runs=sys.argv[2], device="cpu", world=world)
        sys.stdout.write(f"{{run.name}} {{run.weights_sha256}} {{run.processes}}\\n")
"""

DYING = """
import os, signal
from edgedigits.cli.main import main
from edgedigits.train.loop import Meter
add = Meter.add
def add_and_die(self, *step):
    add(self, *step)
    if self.step == 3:
        os.kill(os.getpid(), signal.SIGKILL)
Meter.add = add_and_die
main()
"""

INTERRUPTED = """
import contextlib
import sys
import torch
from edgedigits import train
from edgedigits.data.load import load_data
from edgedigits.train import loop, resume
from edgedigits.train.distributed import joined
def add_and_leave(self, *step):
    add(self, *step)
    if self.step == 12:
        raise InterruptedError
def begin(runs, **options):
    folder = f"{sys.argv[2]}/{runs}"
    train("fc", digits, recipe="tutorial", epochs=3, batch_size=51, runs=folder, device="cpu", world=world, **options)
resume.REPORT_STEPS = 5  # between two states
add = loop.Meter.add
digits = load_data(sys.argv[1])
with joined(torch.device("cpu")) as world:
    begin("never")
    loop.Meter.add = add_and_leave
    with contextlib.suppress(InterruptedError):
        begin("often", save_every=0)
    loop.Meter.add = add
    begin("often", resume=True)
"""


class Ended(NamedTuple):
    """How a process ended."""

    code: int
    out: str
    err: str


def environment(**variables: object) -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", **{name: str(value) for name, value in variables.items()}}


def torchrun(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Two processes, as a user starts them."""
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    return subprocess.run(
        [*start, *map(str, arguments)], capture_output=True, text=True, check=False, env=environment()
    )


def together(*arguments: tuple[object, ...], codes: Sequence[str] = ()) -> list[Ended]:
    """Processes with arguments and Python code of their own, and nobody to end the others when one ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    group = {"WORLD_SIZE": len(arguments), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "EDGEDIGITS_DEBUG": 0}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, *map(str, given)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(RANK=rank, LOCAL_RANK=rank, **group),
        )
        for rank, (given, code) in enumerate(zip(arguments, codes or [CLI] * len(arguments), strict=True))
    ]
    outputs = [process.communicate(timeout=120) for process in started]
    return [Ended(process.returncode, *output) for process, output in zip(started, outputs, strict=True)]


def fc(folder: Path, runs: Path, *more: object) -> tuple[object, ...]:
    """The command line of a short training."""
    data = ("--dataset", folder, "--device", "cpu", "--runs", runs)
    return ("train", "--model", "fc", "--epochs", 2, "--batch-size", 51, *data, *more)


def assert_same_weights(one: Checkpoint, other: Checkpoint) -> None:
    ours, wanted = (safetensors.torch.load_file(run.folder / run.weights) for run in (one, other))
    torch.testing.assert_close(ours, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 5, 6, 12])
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_the_shares_of_a_batch_are_the_batch_and_weigh_what_they_hold(count: int, size: int) -> None:
    shares = [World(rank, size).share(10, 10 + count) for rank in range(size)]
    images = [list(range(100))[share] for share, _ in shares]
    assert [index for mine in images for index in mine] == list(range(10, 10 + count))
    assert [weight for _, weight in shares] == [size * len(mine) / count for mine in images]
    assert max(map(len, images)) - min(map(len, images)) <= 1


@pytest.mark.parametrize("size", [2, 3])
def test_processes_draw_the_same_batches_and_the_same_shifts(size: int, digits: Dataset) -> None:
    recipe = Recipe(epochs=1, batch_size=7, lr=1, shift=2)
    whole = list(Batches(digits.train, recipe, CPU))
    parts = zip(*(Batches(digits.train, recipe, CPU, World(rank, size)) for rank in range(size)), strict=True)
    for (images, labels, weight), shares in zip(whole, parts, strict=True):
        assert weight == 1
        assert torch.equal(torch.cat([share[0] for share in shares]), images)
        assert torch.equal(torch.cat([share[1] for share in shares]), labels)


@pytest.mark.parametrize("size", [None, "1"])
def test_a_process_alone_opens_no_group(size: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    if size:
        monkeypatch.setenv("WORLD_SIZE", size)
    with joined(CPU) as world:
        assert world is ALONE
        assert not dist.is_initialized()
        assert (world.once(lambda: 1), world.one_first(lambda: 2), world.total(3, torch.tensor(4))) == (1, 2, [3, 4])
        classifier = torch.nn.Linear(1, 1)
        assert world.parallel(classifier) is classifier


@pytest.mark.parametrize(
    ("variables", "hint"),
    [
        ({}, "WORLD_SIZE is 2, but RANK is not set: start with torchrun"),
        ({"RANK": "0", "LOCAL_RANK": "0", "MASTER_ADDR": "localhost"}, "but MASTER_PORT is not set"),
        ({"RANK": "x", "LOCAL_RANK": "0", "MASTER_ADDR": "localhost", "MASTER_PORT": "1"}, "invalid literal .* 'x'"),
    ],
)
def test_half_an_environment_is_told(variables: dict[str, str], hint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in distributed.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in ({"WORLD_SIZE": "2"} | variables).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=hint), joined(CPU):
        pytest.fail("joined a group")


def test_a_device_for_each_process_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WORLD_SIZE", *distributed.VARIABLES):
        monkeypatch.setenv(name, "2")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(UsageError, match="on cpu or cuda, not on mps"), joined(torch.device("mps")):
        pytest.fail("joined a group")
    with pytest.raises(MissingCapability, match=r"process 3 .* finds 2 CUDA devices"), joined(torch.device("cuda")):
        pytest.fail("joined a group")


def test_a_batch_has_an_image_for_each_process() -> None:
    World(size=4).require_images(4)
    with pytest.raises(UsageError, match="4 processes share each batch of 3 images"):
        World(size=4).require_images(3)


@pytest.mark.lengthy
def test_torchrun_trains_as_one_process_does(digits: Dataset, digits_folder: Path, tmp_path: Path) -> None:
    done = torchrun("-m", "edgedigits", *fc(digits_folder, tmp_path / "two", "--recipe", "tutorial"))  # in float32
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r"^fc .* tiny ", done.stdout, re.MULTILINE)) == 1  # one table, of one process
    assert done.stderr.count("Next: edgedigits export") == 1
    run = read_checkpoint(tmp_path / "two" / "fc-tiny")
    assert {path.name for path in run.folder.iterdir()} == FILES

    alone = train("fc", digits, recipe="tutorial", runs=tmp_path / "one", epochs=2, batch_size=51, device="cpu")
    assert (run.processes, alone.processes) == (2, 1)
    assert (run.recipe, run.spec, run.dataset) == (alone.recipe, alone.spec, alone.dataset)
    assert run.metrics.test_accuracy == pytest.approx(alone.metrics.test_accuracy, abs=1 / len(digits.test))
    assert_same_weights(run, alone)
    histories = [History.read(each.folder / "history.json").epochs for each in (run, alone)]
    for together, single in zip(*histories, strict=True):  # of all images, not of one share
        assert together.loss == pytest.approx(single.loss, rel=1e-4)
        assert together.accuracy == pytest.approx(single.accuracy, abs=1 / 285)
        assert together.lr == single.lr


@pytest.fixture(scope="module")
def worker(digits_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The runs of two processes that train every recipe above one after the other, and what they printed."""
    folder = tmp_path_factory.mktemp("worker")
    (folder / "worker.py").write_text(WORKER)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(distributed.__file__).parents[2]))
        done = torchrun(folder / "worker.py", digits_folder, folder / "runs")
    assert done.returncode == 0, done.stderr
    return folder / "runs", done.stdout


@pytest.mark.lengthy
@pytest.mark.parametrize("model", RECIPES)
def test_uneven_shares_train_as_one_process_does(
    model: str, worker: tuple[Path, str], digits: Dataset, tmp_path: Path
) -> None:
    run = read_checkpoint(worker[0] / f"{model}-tiny")
    assert_same_weights(run, train(model, digits, recipe=RECIPES[model], runs=tmp_path, device="cpu"))
    assert worker[1].count(f"{run.name} {run.weights_sha256} 2\n") == 2  # each process has the record


def test_the_first_process_of_a_machine_fetches_and_the_others_find(worker: tuple[Path, str]) -> None:
    assert worker[1].count("found by rank 0\n") == 2


def test_processes_that_disagree_end_and_name_what_differs(digits_folder: Path, tmp_path: Path) -> None:
    ended = together(fc(digits_folder, tmp_path, "--seed", 5), fc(digits_folder, tmp_path, "--seed", 6))
    assert [each.code for each in ended] == [2, 2]
    (said,) = [each.err for each in ended if each.err]
    assert said.startswith("edgedigits: the processes disagree on seed: 5 in rank 0, 6 in rank 1. ")
    assert not any(tmp_path.iterdir())


def test_a_data_set_that_one_process_lacks_ends_both(digits_folder: Path, tmp_path: Path) -> None:
    ended = together(fc(digits_folder, tmp_path / "runs"), fc(tmp_path / "none", tmp_path / "runs"))
    assert [each.code for each in ended] == [3, 3]
    assert sum(each.err.count("no such folder") for each in ended) == 1
    assert not any(tmp_path.iterdir())


def test_more_processes_than_images_in_a_batch_are_too_many(digits_folder: Path, tmp_path: Path) -> None:
    ended = together(*[fc(digits_folder, tmp_path, "--batch-size", 1)] * 2)
    assert [each.code for each in ended] == [2, 2]
    assert sum(each.err.count("2 processes share each batch of 1 images") for each in ended) == 1
    assert not any(tmp_path.iterdir())


@pytest.mark.lengthy
def test_a_diverging_training_ends_both_and_leaves_the_earlier_run(
    digits: Dataset, digits_folder: Path, tmp_path: Path
) -> None:
    quick(digits, tmp_path)
    before = snapshot(tmp_path)
    ended = together(*[fc(digits_folder, tmp_path, "--lr", 1e30)] * 2)
    assert [each.code for each in ended] == [2, 2]
    assert sum(each.err.count("diverged") for each in ended) == 1
    assert snapshot(tmp_path) == before


@pytest.mark.lengthy
@pytest.mark.parametrize("dying", [0, 1])
def test_a_process_that_dies_ends_the_other_within_a_minute(
    dying: int, digits: Dataset, digits_folder: Path, tmp_path: Path
) -> None:
    quick(digits, tmp_path)
    before = snapshot(tmp_path)
    start = time.monotonic()
    codes = [DYING if rank == dying else CLI for rank in range(2)]
    ended = together(*[fc(digits_folder, tmp_path)] * 2, codes=codes)
    assert time.monotonic() - start < 60
    assert ended[dying].code == -signal.SIGKILL
    assert ended[1 - dying].code == 4
    assert ended[1 - dying].err.startswith(f"edgedigits: rank {1 - dying} of 2: another process ended")
    assert "Traceback" not in ended[1 - dying].err
    after = snapshot(tmp_path)
    assert after.pop("fc-tiny/.lock", b"") == b""  # of rank 0, where that was killed: nobody holds it
    assert after == before


@pytest.mark.lengthy
def test_what_was_interrupted_goes_on_to_the_same_bytes(digits_folder: Path, tmp_path: Path) -> None:
    """Three processes: with two, sums would be the same in whichever order torch adds."""
    ended = together(*[(digits_folder, tmp_path)] * 3, codes=[INTERRUPTED] * 3)
    assert [each.code for each in ended] == [0] * 3, ended
    assert sum(each.err.count("often/fc-tiny: goes on in epoch 2, after step 10 of 18") for each in ended) == 1
    assert untimed(tmp_path / "often" / "fc-tiny") == untimed(tmp_path / "never" / "fc-tiny")
    assert {path.name for path in (tmp_path / "often" / "fc-tiny").iterdir()} == FILES
