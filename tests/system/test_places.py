"""Folders that the system lends, and what is said where it has none."""

import tempfile
from pathlib import Path

import pytest

from edgedigits.cli.main import main
from edgedigits.errors import MissingCapability
from edgedigits.system.places import cache_folder, temporary_folder


def test_a_temporary_folder_is_gone_behind_the_block() -> None:
    with temporary_folder() as folder:
        (folder / "a.txt").write_text("a")
    assert not folder.exists()


def test_where_none_can_be_made_a_line_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    line = r"^no temporary folder can be made \(No such file.*: set TMPDIR to one\.$"
    with pytest.raises(MissingCapability, match=line), temporary_folder():
        pytest.fail("there is none")


def test_the_cache_is_below_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder().is_absolute()


def test_without_a_home_folder_a_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platformdirs.user_cache_path", lambda _: Path("~/.cache/edgedigits"))
    with pytest.raises(MissingCapability, match=r"^this user has no home folder to cache in: set HOME"):
        cache_folder()


def test_a_user_whom_the_system_does_not_know_gets_a_line_from_a_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a container runs as: no entry among the users, and no HOME."""
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    for name in ("HOME", "XDG_CACHE_HOME", "EDGEDIGITS_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.argv", ["edgedigits", "data"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 4
    assert (
        capsys.readouterr()
        .err.splitlines()[-1]
        .startswith("edgedigits: this user has no home folder to cache in: set HOME")
    )
