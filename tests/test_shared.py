"""What workers share is made once, whoever comes first, and whoever changes it is found."""

import threading
from pathlib import Path

import pytest

from tests.helpers import shared


class Folder:
    """Stands for pytest's factory of temporary folders, in one session."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def getbasetemp(self) -> Path:
        return self.path


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    return Folder(tmp_path)


def write(name: str) -> shared.Make:
    def make(folder: Path) -> None:
        with (folder / name).open("a") as file:
            file.write("made\n")

    return make


def test_each_part_is_made_once(session: Folder) -> None:
    parts = {name: write(name) for name in ("one", "two")}
    for _ in range(2):
        folder = shared.made(session, "things", parts)  # type: ignore[arg-type]
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"one": "made\n", "two": "made\n"}


def test_workers_make_different_parts_at_once_and_both_find_all(session: Folder) -> None:
    """Neither of two parts ends before the other has begun."""
    begun = threading.Barrier(2, timeout=30)

    def meeting(name: str) -> shared.Make:
        return lambda folder: (begun.wait(), write(name)(folder))

    parts = {name: meeting(name) for name in ("one", "two")}
    found: list[list[str]] = []

    def worker() -> None:
        folder = shared.made(session, "things", parts)  # type: ignore[arg-type]
        found.append(sorted(path.read_text() for path in folder.iterdir()))

    workers = [threading.Thread(target=worker) for _ in range(2)]
    for thread in workers:
        thread.start()
    for thread in workers:
        thread.join()
    assert found == [["made\n", "made\n"]] * 2


def test_a_part_that_failed_is_made_by_the_next(session: Folder) -> None:
    def fail(_: Path) -> None:
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        shared.made(session, "things", {"one": fail})  # type: ignore[arg-type]
    assert (shared.made(session, "things", {"one": write("one")}) / "one").is_file()  # type: ignore[arg-type]


def test_workers_of_a_session_have_one_folder(session: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw1")
    assert shared.base(session) == session.path.parent  # type: ignore[arg-type]


def test_files_that_come_go_or_change_are_found(tmp_path: Path) -> None:
    for name in ("goes", "changes", "stays"):
        (tmp_path / name).write_text("as it was")
    before = shared.state(tmp_path)
    assert shared.changes(before, tmp_path) == []
    (tmp_path / "goes").unlink()
    (tmp_path / "changes").write_text("otherwise")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "comes").touch()
    assert shared.changes(before, tmp_path) == [str(tmp_path / name) for name in ("changes", "deep/comes", "goes")]
