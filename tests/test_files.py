import errno
import hashlib
import os
from pathlib import Path

import pytest

from edgedigits import files
from edgedigits.errors import MissingCapability
from edgedigits.files import require_writable, staged, write_text


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


def test_staged_folders_move_file_by_file_when_they_are_wanted(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "other").write_text("untouched")
    with staged(tmp_path, deep=True) as stage:
        (stage / "a" / "b").mkdir(parents=True)
        (stage / "a" / "b" / "new").write_text("added")
    assert tree(tmp_path) == {"a/": "", "a/b/": "", "a/other": "untouched", "a/b/new": "added"}


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
