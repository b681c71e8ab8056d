"""What git tracks, read off its index."""

import subprocess
from pathlib import Path

import pytest

from edgedigits.system.tracked import tracked

pytestmark = pytest.mark.needs("git")
NAMES = ["a.txt", "folder/b.txt", "folder/c with spaces.txt", "folder/deep/d.txt", "folder/deep/ü.txt", "z" * 200]


def git(folder: Path, *arguments: str) -> None:
    options = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *options, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(params=["2", "4"])
def repository(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A repository with an index of a version."""
    git(tmp_path, "init")
    git(tmp_path, "config", "index.version", request.param)
    for name in NAMES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    git(tmp_path, "add", ".")
    assert (tmp_path / ".git" / "index").read_bytes()[7] == int(request.param)
    return tmp_path


def test_what_was_added_is_tracked_and_nothing_else(repository: Path) -> None:
    (repository / "folder" / "new.txt").write_text("new")
    paths = [repository / name for name in [*NAMES, "folder/new.txt", "folder", "gone.txt"]]
    assert tracked(paths) == [repository / name for name in NAMES]


def test_a_relative_path_and_a_link_are_followed(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (repository / "link").symlink_to(repository / "folder")
    monkeypatch.chdir(repository / "folder")
    assert tracked([Path("b.txt"), Path("../link/b.txt")]) == [Path("b.txt"), Path("../link/b.txt")]


def test_a_file_that_is_skipped_has_more_flags(repository: Path) -> None:
    git(repository, "update-index", "--skip-worktree", "folder/b.txt")
    git(repository, "config", "--unset", "index.version")
    git(repository, "update-index", "--index-version", "3")
    assert tracked([repository / name for name in NAMES]) == [repository / name for name in NAMES]


def test_a_worktree_has_an_index_of_its_own(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    git(repository, "commit", "-m", "all")
    beside = tmp_path_factory.mktemp("beside") / "tree"
    git(repository, "worktree", "add", str(beside))
    (beside / "mine.txt").write_text("mine")
    assert tracked([beside / "a.txt", beside / "mine.txt"]) == [beside / "a.txt"]


def test_outside_of_git_and_in_a_new_repository_nothing_is_tracked(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    assert tracked([tmp_path / "a.txt"]) == []
    git(tmp_path, "init")
    assert tracked([tmp_path / "a.txt"]) == []


@pytest.mark.parametrize("content", [b"", b"DIRC\0\0\0\x09\0\0\0\0", b"nonsense and more", b"DIRC\0\0\0\x02\0\0\0\x05"])
def test_an_index_that_cannot_be_read_counts_for_every_file(content: bytes, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "index").write_bytes(content)
    (tmp_path / "a.txt").write_text("a")
    assert tracked([tmp_path / "a.txt"]) == [tmp_path / "a.txt"]
