"""Folders that the system lends, and what is said where it has none."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from edgedigits.errors import MissingCapability
from edgedigits.system.places import cache_folder, temporary_folder


def test_a_temporary_folder_is_gone_behind_the_block() -> None:
    with temporary_folder() as folder:
        (folder / "a.txt").write_text("a")
    assert not folder.exists()


def test_where_none_can_be_made_a_line_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(
        MissingCapability, match=r"^no temporary folder can be made \(No such file.*: set TMPDIR to one\.$"
    ):
        with temporary_folder():
            pytest.fail("there is none")


def test_the_cache_is_below_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder().is_absolute()


def test_without_a_home_folder_a_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platformdirs.user_cache_path", lambda _: Path("~/.cache/edgedigits"))
    with pytest.raises(MissingCapability, match=r"^this user has no home folder to cache in: set HOME"):
        cache_folder()


@pytest.mark.skipif(os.name != "posix" or not hasattr(os, "geteuid"), reason="there are no such users elsewhere")
def test_a_user_without_a_home_folder_gets_a_line_from_a_command(tmp_path: Path) -> None:
    """A user that the system does not know, without HOME: what containers run as."""
    if os.geteuid() != 0:
        pytest.skip("only root becomes another user")
    code = "import os, sys; os.setuid(54321); sys.argv = ['edgedigits', 'data']; from edgedigits.cli.main import main; main()"
    environment = {
        name: value for name, value in os.environ.items() if name not in ("HOME", "XDG_CACHE_HOME", "EDGEDIGITS_DATA")
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd="/", capture_output=True, text=True, check=False
    )
    assert done.returncode == 4
    assert done.stderr.splitlines()[-1].startswith("edgedigits: this user has no home folder to cache in: set HOME")
