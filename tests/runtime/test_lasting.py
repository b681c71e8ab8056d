"""A predictor lasts, in threads, forks and pickles, and after its process ended: every answer is its own image's."""

import asyncio
import gc
import multiprocessing
import os
import pickle
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from edgedigits.data.dataset import Dataset
from edgedigits.errors import CheckpointError, ModelFileError, UsageError
from edgedigits.inference.score import Scorer
from edgedigits.records.arrays import Scores
from edgedigits.runtime.load import Opener, load
from edgedigits.runtime.predictor import Predictor, Session
from edgedigits.train.trainer import train

ROOT = Path(__file__).parents[2]
CNN = ROOT / "exports" / "cnn" / "cnn.onnx"
IMAGES = np.random.default_rng(0).integers(0, 256, (100, 28, 28), dtype=np.uint8)
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
PATIENCE = 300  # seconds, on a machine however busy; a hang takes longer
asked: Predictor


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, digits: Dataset) -> Path:
    """A run folder, of a training that took no time."""
    return train("fc", digits, epochs=1, batch_size=300, device="cpu", runs=tmp_path_factory.mktemp("runs")).folder


def ask(number: int) -> tuple[int, Scores]:
    """The logits of one image, of the predictor that this process inherited."""
    return number, asked(IMAGES[number % 100][None])[0][0]


def ask_pickled(given: tuple[Predictor, int]) -> tuple[int, Scores]:
    predictor, number = given
    return number, predictor(IMAGES[number % 100][None])[0][0]


def wrong(found: list[tuple[int, Scores]], wanted: Scores) -> int:
    """How many answers are not those of their own image."""
    return sum(not np.array_equal(logits, wanted[number % 100]) for number, logits in found)


@forks
@pytest.mark.timeout(2 * PATIENCE)
@pytest.mark.parametrize("isolated", [True, False])
def test_a_thousand_calls_forked_threaded_and_pickled(isolated: bool) -> None:
    global asked
    asked = load(CNN, isolated=isolated)
    wanted = np.concatenate([load(CNN)(image[None])[0] for image in IMAGES])
    found = [ask(number) for number in range(100)]
    with multiprocessing.get_context("fork").Pool(4) as pool:
        forked = pool.map_async(ask, range(300), chunksize=10)
        pickled = pool.map_async(ask_pickled, [(asked, number) for number in range(200)], chunksize=50)
        with ThreadPoolExecutor(4) as threads:  # the parent goes on asking meanwhile
            found += threads.map(ask, range(300))
        found += forked.get(PATIENCE) + pickled.get(PATIENCE)
    found += asyncio.run(in_a_loop(100))
    assert len(found) == 1000
    assert wrong(found, wanted) == 0


async def in_a_loop(count: int) -> list[tuple[int, Scores]]:
    return await asyncio.gather(*(asyncio.to_thread(ask, number) for number in range(count)))


FORKS_WHILE_IT_ANSWERS = """
import os, sys, threading
import numpy as np
from edgedigits import load
images = np.random.default_rng(0).integers(0, 256, (100, 28, 28), dtype=np.uint8)
predictor = load(sys.argv[1], isolated=True)
wanted = predictor(images)[0].argmax(1)
going = True

def go_on():
    while going:
        assert (predictor(images)[0].argmax(1) == wanted).all()

thread = threading.Thread(target=go_on)
thread.start()
codes = []
for number in range(6):
    child = os.fork()
    if not child:  # in the middle of a request, perhaps; half of them ask, and all end as programs do
        if number % 2:
            assert (predictor(images)[0].argmax(1) == wanted).all()
        sys.exit()
    codes.append(os.waitpid(child, 0)[1])
going = False
thread.join()
print(codes)
"""


@forks
@pytest.mark.timeout(2 * PATIENCE)
def test_what_is_forked_while_it_answers_disturbs_nobody() -> None:
    done = run(FORKS_WHILE_IT_ANSWERS)
    assert (done.stdout.strip(), done.stderr) == ("[0, 0, 0, 0, 0, 0]", "")


def run(code: str) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code), CNN]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=PATIENCE)


PARENT_ENDS_FIRST = """
import os, sys, time
from edgedigits import load
from edgedigits.runtime import sandbox
predictor = load(sys.argv[1], isolated=True)
if not os.fork():  # it lives on, with all that it inherited
    for stream in (0, 1, 2):
        os.close(stream)
    time.sleep(60)
    os._exit(0)
print(next(sandbox._children.values()).process.pid, flush=True)
os._exit(0)
"""


@forks
@pytest.mark.skipif(sys.platform != "linux", reason="processes are listed otherwise there")
def test_a_forked_process_keeps_no_process_of_its_parent_alive() -> None:
    child = Path(f"/proc/{int(run(PARENT_ENDS_FIRST).stdout)}/stat")
    for _ in range(3000):  # a hundredth of a second each: less than the forked process lives
        if not child.exists() or child.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.01)
    pytest.fail("it waits for a pipe that another process holds open")


@forks
@pytest.mark.timeout(PATIENCE)
@pytest.mark.parametrize("setting", ["all optimizations, 2 threads", "default"])
def test_a_session_with_threads_is_left_alone_in_a_forked_process(setting: str) -> None:
    """To free it would be to wait for them."""
    global asked
    asked = Opener(setting=setting, isolated=False).open(CNN)
    wanted = asked(IMAGES[:1])[0][0]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert wrong(pool.map_async(ask, [0, 0, 0]).get(PATIENCE), wanted[None]) == 0


@forks
@pytest.mark.timeout(PATIENCE)
def test_a_run_folder_is_asked_in_a_forked_process(trained: Path) -> None:
    global asked
    asked = load(trained)
    wanted = asked(IMAGES)[0]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        for number, logits in pool.map_async(ask, range(20)).get(PATIENCE):
            np.testing.assert_allclose(logits, wanted[number], atol=1e-5)


scorer: Scorer


def labels(number: int) -> str:
    return str(scorer(IMAGES[number][None])["label"][0])


@forks
@pytest.mark.timeout(2 * PATIENCE)
@pytest.mark.parametrize("isolated", [True, False])
def test_a_scorer_under_a_server_that_forks(isolated: bool) -> None:
    global scorer
    scorer = Scorer(CNN, isolated=isolated)
    wanted = scorer(IMAGES)["label"].tolist()
    with multiprocessing.get_context("fork").Pool(4) as pool:
        assert pool.map_async(labels, range(100), chunksize=5).get(PATIENCE) == wanted
    assert scorer(IMAGES)["label"].tolist() == wanted


@pytest.mark.parametrize("isolated", [True, False])
def test_it_is_pickled_as_its_path(isolated: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("model.onnx").write_bytes(CNN.read_bytes())
    predictor = load("model.onnx", isolated=isolated)
    monkeypatch.chdir("/")
    packed = pickle.dumps(predictor)
    assert len(packed) < 2000
    for again in (pickle.loads(packed), pickle.loads(pickle.dumps(pickle.loads(packed)))):
        assert again.contract == predictor.contract
        np.testing.assert_array_equal(again(IMAGES)[0], predictor(IMAGES)[0])
    (tmp_path / "model.onnx").write_bytes((ROOT / "exports" / "fc" / "fc.onnx").read_bytes())
    with pytest.raises(ModelFileError, match="changed since it was loaded elsewhere"):
        pickle.loads(packed)(IMAGES)


def test_a_run_folder_is_pickled_as_its_path_and_must_be_the_same(trained: Path) -> None:
    packed = pickle.dumps(load(trained))
    np.testing.assert_array_equal(pickle.loads(packed)(IMAGES)[0], load(trained)(IMAGES)[0])
    record = load(trained).contract.checkpoint_sha256
    with pytest.raises(CheckpointError, match="was made anew since it was loaded"):
        pickle.loads(packed.replace(record.encode(), record[::-1].encode()))(IMAGES)


def test_a_predictor_that_was_not_loaded_says_why_it_is_not_pickled() -> None:
    predictor = Predictor(load(CNN).contract, Session(lambda _: ()))
    with pytest.raises(UsageError, match=r"a session in a runtime cannot be pickled\. What edgedigits\.load gives can"):
        pickle.dumps(predictor)


def test_a_file_that_is_gone_is_not_missed(tmp_path: Path) -> None:
    copy = tmp_path / "model.onnx"
    copy.write_bytes(CNN.read_bytes())
    predictor = load(copy, isolated=True)
    copy.unlink()
    predictor.session.session = None  # type: ignore[attr-defined]  # as after a fork
    gc.collect()
    np.testing.assert_array_equal(predictor(IMAGES)[0], load(CNN)(IMAGES)[0])
