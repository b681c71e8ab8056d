"""How many threads train: as asked, as recorded, or one for each processor that others leave free."""

from pathlib import Path

import pytest

from edgedigits.data.dataset import Dataset
from edgedigits.errors import UsageError
from edgedigits.records.model import Checkpoint
from edgedigits.system import processors
from edgedigits.system.processors import Load
from edgedigits.train import trainer
from edgedigits.train.trainer import train


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine of 4 processors with torch set to 4 threads, and nobody who said how many are wanted."""
    for name in processors.ASKED:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(trainer.torch, "get_num_threads", lambda: 4)
    monkeypatch.setattr(trainer.torch, "set_num_threads", lambda _: None)  # it has not, and others train after this
    monkeypatch.setattr(processors, "look", lambda: Load(4, 4.0))
    return monkeypatch


def quick(digits: Dataset, runs: Path, **options: object) -> Checkpoint:
    return train("fc", digits, runs=runs, epochs=1, batch_size=50, device="cpu", **options)  # type: ignore[arg-type]


@pytest.mark.usefixtures("machine")
def test_a_quiet_machine_is_used_whole(digits: Dataset, tmp_path: Path) -> None:
    assert quick(digits, tmp_path).threads == 4


def test_a_busy_machine_is_used_where_it_is_free_and_a_note_says_so(
    machine: pytest.MonkeyPatch, digits: Dataset, tmp_path: Path
) -> None:
    machine.setattr(processors, "look", lambda: Load(4, 2.1))
    with pytest.warns(UserWarning, match=r"fc: 2 of 4 threads, since others keep 1\.9 of 4 processors busy;"):
        assert quick(digits, tmp_path).threads == 2


@pytest.mark.parametrize("asked", ["option", "OMP_NUM_THREADS", "MKL_NUM_THREADS"])
def test_who_asks_for_threads_gets_them(
    asked: str, machine: pytest.MonkeyPatch, digits: Dataset, tmp_path: Path
) -> None:
    machine.setattr(processors, "look", lambda: Load(4, 0.0))
    if asked == "option":
        assert quick(digits, tmp_path, threads=3).threads == 3
    else:
        machine.setenv(asked, "4")
        assert quick(digits, tmp_path).threads == 4


def test_a_system_that_tells_nothing_is_used_whole(
    machine: pytest.MonkeyPatch, digits: Dataset, tmp_path: Path
) -> None:
    machine.setattr(processors, "look", lambda: None)
    assert quick(digits, tmp_path).threads == 4


@pytest.mark.usefixtures("machine")
def test_what_goes_on_uses_the_recorded_number(digits: Dataset, tmp_path: Path) -> None:
    first = quick(digits, tmp_path, threads=1)
    with pytest.warns(UserWarning, match="is complete, and kept as it is"):
        again = quick(digits, tmp_path, resume=True)
    assert (again.threads, again.weights_sha256) == (1, first.weights_sha256)


def test_less_than_one_thread_is_refused(digits: Dataset, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="threads: 1 to 1,024 wanted, 0 given"):
        quick(digits, tmp_path, threads=0)


def test_a_training_leaves_a_file_that_it_did_not_make(digits: Dataset, tmp_path: Path) -> None:
    (tmp_path / "fc-tiny").mkdir()
    (tmp_path / "fc-tiny" / "history.json").write_text("of my country")
    with pytest.raises(UsageError, match=r"history\.json: not made by EdgeDigits\. .*--force"):
        quick(digits, tmp_path)
    assert (tmp_path / "fc-tiny" / "history.json").read_text() == "of my country"
    quick(digits, tmp_path, force=True)
    assert quick(digits, tmp_path).recipe.epochs == 1  # over files of its own
