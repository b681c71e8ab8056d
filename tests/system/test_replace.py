"""What may be replaced: by the index of git, by what is known to be ours, and in a clone of this very project."""

import subprocess
import sys
from pathlib import Path

import pytest

from edgedigits.errors import UsageError
from edgedigits.system.checkout import in_checkout
from edgedigits.system.replace import require_replaceable
from tests.system.test_tracked import git

ROOT = Path(__file__).parents[2]


@pytest.mark.needs("git")
def test_a_tracked_file_stays_though_it_is_ours(tmp_path: Path) -> None:
    git(tmp_path, "init")
    paths = [tmp_path / "a", tmp_path / "b"]
    for path in paths:
        path.write_text("x")
    git(tmp_path, "add", ".")
    with pytest.raises(UsageError, match=r"/a and 1 more: tracked by git\. Name another folder, or .*--force"):
        require_replaceable(paths, paths)
    require_replaceable(paths, [], force=True)


def test_a_file_that_is_not_ours_stays(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    require_replaceable([tmp_path / "a", tmp_path / "missing"], [tmp_path / "a"])
    for name in ("a", "link"):
        with pytest.raises(UsageError, match=f"/{name}: not made by EdgeDigits"):
            require_replaceable([tmp_path / name], [])


@pytest.mark.needs("git")
def test_a_link_and_another_case_of_a_tracked_name_count_as_tracked(tmp_path: Path) -> None:
    git(tmp_path, "init")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "README.md").write_text("x")
    git(tmp_path, "add", ".")
    (tmp_path / "ReadMe.md").write_text("where case counts, this is another file, and kept for nothing")
    for name in ("link", "README.md", "ReadMe.md"):
        with pytest.raises(UsageError, match="tracked by git"):
            require_replaceable([tmp_path / name], [tmp_path / name])


@pytest.mark.parametrize(
    ("project", "package", "known"),
    [
        ('name = "edgedigits"', True, True),
        ('name = "edgedigits"', False, False),
        ('name = "other"', True, False),
        ("name = ", True, False),
    ],
)
def test_a_checkout_is_known_by_its_project_and_package(
    project: str, package: bool, known: bool, tmp_path: Path
) -> None:
    assert not in_checkout(tmp_path)
    (tmp_path / "pyproject.toml").write_text(f"[project]\n{project}\n")
    if package:
        (tmp_path / "edgedigits").mkdir()
        (tmp_path / "edgedigits" / "__init__.py").touch()
    assert in_checkout(tmp_path) == known


@pytest.mark.lengthy
@pytest.mark.needs("git")
def test_the_first_commands_touch_nothing_tracked_in_a_clone(runs: Path, digits_folder: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True, capture_output=True)

    def edgedigits(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "edgedigits", *map(str, arguments)]
        return subprocess.run(command, cwd=clone, check=False, capture_output=True, text=True)

    data = ("--dataset", digits_folder)
    exported = edgedigits("export", "--model", runs / "fc-tiny", "--format", "onnx")
    assert exported.returncode == 0
    assert "own checkout: --exports build/exports, since exports is its shelf." in exported.stderr
    assert edgedigits("verify", *data, "--runs", runs).returncode == 0
    refused = edgedigits("card", "--exports", "exports")
    assert (refused.returncode, "README.md and 1 more: tracked by git" in refused.stderr) == (2, True)
    left = edgedigits("verify", "exports/fc", *data)
    assert "exports/fc/parity.json: tracked by git, and left as it is" in left.stderr
    changed = subprocess.run(["git", "status", "--porcelain"], cwd=clone, check=True, capture_output=True, text=True)
    assert changed.stdout == ""
