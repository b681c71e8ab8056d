"""Locks: of two processes one writes, the other is told; one that died keeps nobody out."""

import contextlib
import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from edgedigits.data import published
from edgedigits.data.dataset import Dataset
from edgedigits.data.published import FileStatus
from edgedigits.errors import MissingCapability, UsageError
from edgedigits.export.exporter import export
from edgedigits.system import files, flock, locks
from edgedigits.system.flock import NO_LOCKS
from edgedigits.train.trainer import train
from edgedigits.verify.verifier import verify

HOLD = """
import sys
from pathlib import Path
from edgedigits.system import locks
with locks.held(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock of a folder until its standard input ends."""
    arguments = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_lock_lets_go_and_leaves_nothing(tmp_path: Path) -> None:
    for _ in range(2):
        with locks.held(tmp_path / "a" / "b"):
            assert (tmp_path / "a" / "b" / locks.FILE).exists()
        assert not any(tmp_path.iterdir())


def test_the_second_process_is_told_which_folder(tmp_path: Path) -> None:
    with holder(tmp_path):
        with pytest.raises(UsageError, match=f"{tmp_path}: another process writes there") as caught:
            locks.held(tmp_path).__enter__()
        assert caught.value.exit_code == 2
        assert (tmp_path / locks.FILE).exists()


def test_a_process_that_was_killed_keeps_nobody_out(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        (tmp_path / f"{files.STAGE}begun").mkdir()
        process.send_signal(signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
        process.wait()
    assert (tmp_path / locks.FILE).exists()
    with locks.held(tmp_path):
        assert [path.name for path in tmp_path.iterdir()] == [locks.FILE]  # what it had begun is gone
    assert not any(tmp_path.iterdir())


def waits_once(process: subprocess.Popen[str], patch: pytest.MonkeyPatch) -> None:
    """Let a process let go of its lock as soon as it is waited for."""
    patch.setattr(locks, "time", SimpleNamespace(sleep=lambda _: process.communicate("")))


def test_who_waits_goes_on_when_the_other_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with holder(tmp_path) as process:
        waits_once(process, monkeypatch)
        said = f"another process writes to {tmp_path}: waiting for it"
        with pytest.warns(UserWarning, match=said), locks.held(tmp_path, wait=True):
            assert process.returncode == 0


def test_of_many_that_ask_at_once_one_holds_it_at_a_time(tmp_path: Path) -> None:
    """A lock file that is removed while another waits for it must not let two in."""
    inside, seen = 0, []

    def ask() -> None:
        nonlocal inside
        held = 0
        while held < 10:
            with contextlib.suppress(UsageError), locks.held(tmp_path):
                inside += 1
                seen.append(inside)
                time.sleep(0.0005)
                inside -= 1
                held += 1

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [1] * 40


@pytest.mark.parametrize("code", NO_LOCKS)
def test_a_file_system_without_locks_is_told_and_used(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(flock, "_lock", none)
    with pytest.warns(UserWarning, match=r"\.lock: no locks there"), locks.held(tmp_path):
        pass


def test_another_failure_to_lock_is_a_folder_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(flock, "_lock", failing)
    with pytest.raises(MissingCapability, match=f"cannot write to {tmp_path}: Input/output error"):
        locks.held(tmp_path).__enter__()


@pytest.mark.parametrize("resume", [False, True])
def test_two_trainings_do_not_share_a_folder(resume: bool, digits: Dataset, tmp_path: Path) -> None:
    with holder(tmp_path / "fc-tiny"), pytest.raises(UsageError, match="fc-tiny: another process writes there"):
        train("fc", digits, runs=tmp_path, device="cpu", resume=resume)
    with holder(tmp_path / "cnn-tiny"):  # of another model
        assert train("fc", digits, runs=tmp_path, device="cpu", epochs=1).name == "fc-tiny"


def test_two_exports_do_not_share_a_folder_and_a_verification_waits(
    digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = train("fc", digits, runs=tmp_path / "runs", device="cpu", epochs=1)
    written = export(run, ["onnx"], exports=tmp_path)
    with holder(tmp_path / "fc-tiny") as process:
        with pytest.raises(UsageError, match="fc-tiny: another process writes there"):
            export(run, ["onnx"], exports=tmp_path)
        waits_once(process, monkeypatch)
        with pytest.warns(UserWarning, match="fc-tiny: waiting for it"):
            verify(written, dataset=digits, runs=tmp_path / "runs")
    assert (tmp_path / "fc-tiny" / "parity.json").exists()


def test_a_fetch_waits_for_another_and_then_has_nothing_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published, "_fetch_one", lambda *_: pytest.fail("fetched again"))
    monkeypatch.setattr(published, "status", lambda *_: [FileStatus("mnist", tmp_path, "whole", "")])
    with holder(tmp_path / "MNIST" / "raw") as process:
        waits_once(process, monkeypatch)
        with pytest.warns(UserWarning, match="raw: waiting for it"):
            published.fetch("mnist", tmp_path)
