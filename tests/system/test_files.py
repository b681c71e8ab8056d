import errno
import functools
import hashlib
import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgedigits.errors import MissingCapability
from edgedigits.system import files
from edgedigits.system.files import require_writable, staged, write_text


def tree(folder: Path) -> dict[str, str]:
    """Everything below a folder: files with their text, folders with a slash."""
    return {
        str(path.relative_to(folder)) + "/" * path.is_dir(): "" if path.is_dir() else path.read_text()
        for path in folder.rglob("*")
    }


def full_disk(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_sha256_is_that_of_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"edge" * 100_000)
    assert files.sha256(path) == hashlib.sha256(b"edge" * 100_000).hexdigest()


def test_staged_files_replace_the_old_ones_and_leave_the_others(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("longer than what replaces it")
    (tmp_path / "other").write_text("untouched")
    with staged(tmp_path) as stage:
        (stage / "old").write_text("replaced")
        (stage / "new").write_text("added")
        assert (tmp_path / "old").read_text() == "longer than what replaces it"
    assert tree(tmp_path) == {"old": "replaced", "new": "added", "other": "untouched"}


def test_staged_folders_are_scratch_and_do_not_move(tmp_path: Path) -> None:
    with staged(tmp_path) as stage:
        (stage / "download").mkdir()
        (stage / "download" / "part").write_text("")
    assert tree(tmp_path) == {}


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
def test_nothing_changes_when_the_block_raises(tmp_path: Path, failure: type[BaseException]) -> None:
    (tmp_path / "old").write_text("old")

    def interrupted() -> None:
        with staged(tmp_path) as stage:
            (stage / "old").write_text("new")
            raise failure

    with pytest.raises(failure):
        interrupted()
    assert tree(tmp_path) == {"old": "old"}


def test_folders_that_were_made_for_nothing_are_removed(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(RuntimeError), staged(tmp_path / "mine" / "a" / "b"):
        raise RuntimeError
    assert tree(tmp_path) == {"mine/": ""}


def test_missing_folders_are_made_for_the_files(tmp_path: Path) -> None:
    write_text(tmp_path / "a" / "b" / "text.json", "é\n")
    assert (tmp_path / "a" / "b" / "text.json").read_bytes() == "é\n".encode()


@pytest.mark.parametrize("folder", ["file", "file/below", "x" * 300])
def test_a_folder_that_cannot_be_lacks_a_capability(tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(MissingCapability, match=r"cannot write to .*--runs, --exports, --data-dir") as caught:
        require_writable(tmp_path / folder)
    assert caught.value.exit_code == 4
    assert str(tmp_path / folder) in str(caught.value)
    assert tree(tmp_path) == {"file": "in the way"}


@pytest.mark.parametrize(("module", "call"), [("os", "fsync"), ("tempfile", "mkdtemp")])
def test_a_full_disk_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, call: str) -> None:
    (tmp_path / "old").write_text("old")
    monkeypatch.setattr(f"{module}.{call}", full_disk)
    with pytest.raises(MissingCapability, match="No space left on device"):
        write_text(tmp_path / "old", "new")
    with pytest.raises(MissingCapability, match="No space left on device"):
        write_text(tmp_path / "made" / "for" / "it", "new")
    assert tree(tmp_path) == {"old": "old"}


def test_a_disk_that_fills_up_while_writing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "write_text", full_disk)
    with pytest.raises(MissingCapability, match=f"cannot write to {tmp_path}: No space left on device. Make room"):
        write_text(tmp_path / "text.json", "{}")
    assert tree(tmp_path) == {}


def test_asking_whether_a_folder_can_be_written_leaves_no_trace(tmp_path: Path) -> None:
    require_writable(tmp_path / "runs" / "fc")
    assert tree(tmp_path) == {}


def test_a_file_is_published_over_its_predecessor(tmp_path: Path) -> None:
    (tmp_path / "new").write_text("new")
    (tmp_path / "file").write_text("old")
    files.publish(tmp_path / "new", tmp_path / "file")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"file": "new"}


def test_what_cannot_be_published_is_told_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(MissingCapability, match=r"cannot write to .*: No such file"):
        files.publish(tmp_path / "nothing", tmp_path / "file")


def test_bytes_are_read_up_to_a_bound(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert files.read_bytes(path, 5) == b"12345"
    with pytest.raises(OSError, match="5 bytes, at most 4 wanted"):
        files.read_bytes(path, 4)


@pytest.mark.skipif(os.name != "posix", reason="there are no such files elsewhere")
@pytest.mark.parametrize("kind", ["device", "pipe", "folder"])
def test_what_is_no_plain_file_is_not_read(kind: str, tmp_path: Path) -> None:
    path = tmp_path / kind
    if kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    for read in (files.sha256, lambda path: files.read_bytes(path, 10)):
        with pytest.raises(OSError, match="not a plain file"):
            read(path)


def commit_cut_off(folder: Path) -> None:
    """What a process leaves that was killed when its files counted and none had moved: two to come, one to go."""
    (folder / files.COMMIT / files.REMOVED).mkdir(parents=True)
    (folder / files.COMMIT / files.REMOVED / "gone").touch()
    for name in ("first", "second"):
        (folder / files.COMMIT / name).write_text(f"new {name}")


OLD = {"first": "old first", "second": "old second", "gone": "old", "other": "mine"}
NEW = {"first": "new first", "second": "new second", "other": "mine"}


@pytest.fixture
def cut_off(tmp_path: Path) -> Path:
    for name, text in OLD.items():
        (tmp_path / name).write_text(text)
    commit_cut_off(tmp_path)
    return tmp_path


def test_files_go_when_others_come(tmp_path: Path) -> None:
    for name, text in OLD.items():
        (tmp_path / name).write_text(text)
    with staged(tmp_path) as stage:
        for name in ("first", "second"):
            (stage / name).write_text(f"new {name}")
        files.remove_with(stage, "gone")
        files.remove_with(stage, "never there")
        assert tree(tmp_path).items() >= OLD.items()
    assert tree(tmp_path) == NEW


def test_a_commit_that_was_cut_off_is_finished_by_a_reader(cut_off: Path) -> None:
    files.recover(cut_off)
    assert tree(cut_off) == NEW
    files.recover(cut_off)
    assert tree(cut_off) == NEW


def test_it_is_finished_by_the_next_writer_before_it_writes(cut_off: Path) -> None:
    with staged(cut_off) as stage:
        assert tree(cut_off).items() >= NEW.items()
        (stage / "second").write_text("newer")
    assert tree(cut_off) == {**NEW, "second": "newer"}


def strike_at(calls: Iterator[int], number: int, act: Callable[..., object]) -> Callable[..., object]:
    def acting(*arguments: object, **options: object) -> object:
        if next(calls) == number:
            raise KeyboardInterrupt
        return act(*arguments, **options)

    return acting


def test_finishing_may_be_cut_off_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At each rename and removal in turn: what a second try makes of it is whole."""
    for number in range(6):
        folder = tmp_path / str(number)
        folder.mkdir()
        for name, text in OLD.items():
            (folder / name).write_text(text)
        commit_cut_off(folder)
        striking = functools.partial(strike_at, itertools.count(), number)
        with monkeypatch.context() as patch:
            for act in ("replace", "unlink", "rmdir"):
                patch.setattr(Path, act, striking(getattr(Path, act)))
            with pytest.raises(KeyboardInterrupt):
                files.recover(folder)
        files.recover(folder)
        assert tree(folder) == NEW


def test_where_it_cannot_be_finished_it_is_told(cut_off: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_only(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "replace", read_only)
    monkeypatch.setattr(Path, "unlink", read_only)
    with pytest.raises(MissingCapability, match=f"cannot write to {cut_off}: Read-only file system"):
        files.recover(cut_off)


@pytest.mark.skipif(os.name != "posix", reason="there are no such users elsewhere")
def test_a_commit_of_a_stranger_or_behind_a_link_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared, victim = tmp_path / "shared", tmp_path / "victim"
    shared.mkdir()
    victim.mkdir()
    (victim / "letters").write_text("private")
    (shared / files.COMMIT).symlink_to(victim)
    files.recover(shared)
    assert tree(victim) == {"letters": "private"}
    (shared / files.COMMIT).unlink()
    commit_cut_off(shared)
    real = Path.lstat

    def of_another(path: Path) -> os.stat_result:
        found = list(real(path))
        found[4] = 4711
        return os.stat_result(found)

    monkeypatch.setattr(Path, "lstat", of_another)
    files.recover(shared)
    assert not (shared / "first").exists()


@pytest.mark.skipif(os.name != "posix", reason="there are no such locks elsewhere")
def test_what_dead_processes_left_is_removed_and_what_living_ones_use_is_not(tmp_path: Path) -> None:
    left = tmp_path / f"{files.STAGE}dead"
    left.mkdir()
    (left / "half").write_text("")
    mine = tmp_path / ".tmp-mine"
    mine.mkdir()
    with staged(tmp_path) as living:
        (living / "first").write_text("1")
        write_text(tmp_path / "second", "2")
        assert not left.exists()
    assert tree(tmp_path) == {".tmp-mine/": "", "first": "1", "second": "2"}


def test_one_file_alone_needs_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "rename", full_disk)
    write_text(tmp_path / "file", "text")
    assert tree(tmp_path) == {"file": "text"}


def test_a_folder_in_the_way_is_known_before_anything_counts(tmp_path: Path) -> None:
    (tmp_path / "first").write_text("old")
    (tmp_path / "second").mkdir()

    def both() -> None:
        with staged(tmp_path) as stage:
            for name in ("first", "second"):
                (stage / name).write_text("new")

    with pytest.raises(MissingCapability, match=f"cannot write to {tmp_path}: second is a folder"):
        both()
    assert tree(tmp_path) == {"first": "old", "second/": ""}
