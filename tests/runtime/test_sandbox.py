"""A process of its own for each file: it answers as the file does here, and its end is an error, not ours."""

import dataclasses
import gc
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgedigits import load
from edgedigits.errors import ModelFileError
from edgedigits.export.formats import get_format
from edgedigits.runtime import sandbox
from edgedigits.runtime.engines.onnxruntime import VARIANTS
from edgedigits.runtime.load import Opener
from edgedigits.runtime.safety import BOUNDS, messages
from edgedigits.runtime.safety.process import Child
from tests.helpers import HERE, forms_of

CNN = Path(__file__).parents[2] / "exports" / "cnn" / "cnn.onnx"
THERE = Opener()
IMAGES = np.random.default_rng(0).integers(0, 256, (5, 28, 28), dtype=np.uint8)


def child_of(path: Path) -> Child:
    return next(child for key, child in sandbox._children.items() if key[::2] == (path, "onnxruntime"))


@pytest.mark.parametrize("setting", ["default", *(variant.name for variant in VARIANTS)])
def test_it_answers_as_the_file_does_here(setting: str) -> None:
    there, here = Opener(setting=setting).open(CNN), Opener(setting=setting, isolated=False).open(CNN)
    assert there.contract == here.contract
    for found, wanted in zip(there(IMAGES), here(IMAGES), strict=True):
        np.testing.assert_array_equal(found, wanted)
    assert load(CNN, isolated=True).contract == here.contract


def test_images_one_a_call_are_answered_as_they_are_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgedigits.runtime.predictor.FAR_CALLS", 2)  # the last request has a single image
    there, here = THERE.open(CNN), HERE.open(CNN)
    np.testing.assert_array_equal(there.alone(IMAGES), here.alone(IMAGES))
    np.testing.assert_array_equal(there.alone(IMAGES), np.concatenate([here(image[None])[0] for image in IMAGES]))


def test_it_describes_as_the_file_is_described_here() -> None:
    assert THERE.describe(CNN) == HERE.describe(CNN)


def test_all_settings_share_a_process_and_it_ends_with_the_last_of_them() -> None:
    first = THERE.open(CNN)
    process = child_of(CNN).process
    second = THERE.in_setting(VARIANTS[-1].name).open(CNN)
    assert child_of(CNN).process is process
    del first
    gc.collect()
    assert second(IMAGES)[0].shape == (5, 10)
    del second
    gc.collect()
    assert CNN not in [path for path, *_ in sandbox._children]
    assert process.returncode is not None


def test_times_are_taken_there() -> None:
    spent = THERE.open(CNN).seconds(IMAGES, 7)
    assert len(spent) == 7
    assert all(0 < seconds < 10 for seconds in spent)


def test_neither_side_imports_torch() -> None:
    code = f"""if True:
        import sys
        from pathlib import Path
        from edgedigits.runtime.load import Opener
        Opener().open(Path({str(CNN)!r}))
        assert "torch" not in sys.modules
        import edgedigits.export.onnx.quantize_integer, edgedigits.export.onnx.quantize_static
        assert "torch" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_error_there_is_the_same_error_here(tmp_path: Path) -> None:
    path = tmp_path / "text.onnx"
    path.write_text("hello")
    with pytest.raises(ModelFileError) as here:
        HERE.open(path)
    with pytest.raises(ModelFileError) as there:
        THERE.open(path)
    assert str(there.value) == str(here.value)


@pytest.mark.skipif(os.name != "posix", reason="signals are sent otherwise there")
def test_a_crash_while_it_answers_is_an_error_here_and_the_next_call_is_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    predictor, wanted = THERE.open(CNN), HERE.open(CNN)(IMAGES)[0]
    send = messages.send

    def crash(*arguments: Any) -> None:
        os.kill(child_of(CNN).process.pid, signal.SIGSEGV)
        child_of(CNN).process.wait()
        send(*arguments)

    for _ in range(2):
        monkeypatch.setattr(messages, "send", crash)
        with pytest.raises(ModelFileError, match=r"cnn\.onnx: the process that read it ended early \(SIGSEGV\)"):
            predictor(IMAGES)
        monkeypatch.undo()
        np.testing.assert_array_equal(predictor(IMAGES)[0], wanted)


@pytest.mark.skipif(os.name != "posix", reason="signals are sent otherwise there")
def test_one_that_ended_between_two_calls_is_opened_anew() -> None:
    predictor = THERE.open(CNN)
    child = child_of(CNN)
    os.kill(child.process.pid, signal.SIGKILL)
    child.process.wait()
    np.testing.assert_array_equal(predictor(IMAGES)[0], HERE.open(CNN)(IMAGES)[0])
    assert child_of(CNN) is not child


@pytest.mark.skipif(os.name != "posix", reason="signals are sent otherwise there")
def test_silence_there_is_an_error_here(monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = THERE.open(CNN)
    monkeypatch.setattr("edgedigits.runtime.safety.process.BOUNDS", dataclasses.replace(BOUNDS, wall_seconds=0.5))
    os.kill(child_of(CNN).process.pid, signal.SIGSTOP)
    start = time.monotonic()
    with pytest.raises(ModelFileError, match=r"no answer for 0\.5 seconds"):
        predictor(IMAGES)
    assert time.monotonic() - start < 10


def test_a_lying_answer_is_an_error_here(monkeypatch: pytest.MonkeyPatch) -> None:
    for answer in (b"\xff\xff\xff\xff", b"\x02\0\0\0{}", b"\x02\0\0\0[]", b"\x01\0\0\0{"):
        child = Child(CNN)
        child.greeted = True
        monkeypatch.setattr(messages, "read", _read_from(answer))
        with pytest.raises(ModelFileError, match=r"ended early|no answer"):
            child.ask({"do": "describe", "format": "onnx"}, [np.frombuffer(CNN.read_bytes(), np.uint8)])
        monkeypatch.undo()


def _read_from(answer: bytes) -> object:
    position = 0
    real = messages.read

    def read(_: object, size: int) -> bytes:
        nonlocal position
        if size > BOUNDS.answer_bytes:
            return real(_, size)  # type: ignore[arg-type]
        position += size
        return answer[position - size : position]

    return read


@pytest.mark.parametrize("name", [name for name in forms_of("cnn-tiny") if get_format(name).box.data_only])
def test_every_format_that_is_data_runs_there(name: str, exports: Path) -> None:
    path = exports / "cnn-tiny" / f"cnn-tiny{get_format(name).suffix}"
    np.testing.assert_array_equal(THERE.open(path)(IMAGES)[0], HERE.open(path)(IMAGES)[0])


def test_the_process_ends_when_its_caller_is_killed() -> None:
    code = f"""if True:
        from pathlib import Path
        from edgedigits.runtime import sandbox
        from edgedigits.runtime.load import Opener
        keep = Opener().open(Path({str(CNN)!r}))
        print(next(sandbox._children.values()).process.pid, flush=True)
        import os, signal
        os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    child = int(done.stdout)
    for _ in range(100):
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    state = Path(f"/proc/{child}/stat")
    assert state.exists()
    assert state.read_text().split()[2] == "Z"  # gone, and nobody waits for it here


def test_a_relative_path_is_that_of_the_folder_it_was_given_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = []
    for name in ("fc", "cnn"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.onnx").write_bytes((CNN.parents[1] / name / f"{name}.onnx").read_bytes())
        monkeypatch.chdir(tmp_path / name)
        kept.append(THERE.open(Path("model.onnx")))
    assert kept[0].contract.checkpoint_sha256 != kept[1].contract.checkpoint_sha256


def test_nothing_is_imported_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "onnxruntime.py").write_text("raise SystemExit('hacked')")
    monkeypatch.chdir(tmp_path)
    assert THERE.open(CNN)(IMAGES)[0].shape == (5, 10)


def test_an_interrupted_request_is_not_answered_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = THERE.open(CNN)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(messages, "receive", interrupted)
    with pytest.raises(KeyboardInterrupt):
        predictor(IMAGES[:1])
    monkeypatch.undo()
    np.testing.assert_array_equal(predictor(IMAGES)[0], HERE.open(CNN)(IMAGES)[0])


def test_threads_that_share_a_file_get_their_own_answers() -> None:
    from concurrent.futures import ThreadPoolExecutor

    predictor, here = THERE.open(CNN), HERE.open(CNN)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda i: predictor(IMAGES[i % 5 : i % 5 + 1])[0], range(40)))
    for number, logits in enumerate(found):
        np.testing.assert_array_equal(logits, here(IMAGES[number % 5 : number % 5 + 1])[0])


@pytest.mark.skipif(sys.platform == "win32", reason="limits of processes are POSIX's")
def test_a_users_own_limit_that_is_lower_is_kept() -> None:
    """`ulimit -t 9`: less than what a file may take is left to its process, and it answers."""
    code = f"""if True:
        import resource, numpy as np, edgedigits as ed
        resource.setrlimit(resource.RLIMIT_CPU, (9, 9))
        print(ed.load({str(CNN)!r}, isolated=True)(np.zeros((2, 28, 28), np.uint8))[0].shape)"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "(2, 10)\n", done.stderr
