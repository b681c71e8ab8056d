"""Windows and macOS, as far as it shows here: what they do otherwise is simulated, or read off the source."""

import ast
import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from edgedigits.errors import UsageError
from edgedigits.records.record import require_plain
from edgedigits.system import files, flock

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "edgedigits").rglob("*.py"))
POSIX = {"fcntl", "resource", "pwd", "grp", "termios"}  # modules that Windows does not have
NETWORK = ("pip install", "npm install", "data --fetch")  # what a next step fetches with


def calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_text_is_utf8_with_line_feeds_whatever_the_system_prefers(path: Path) -> None:
    """Windows would read and write cp1252 with CRLF, and other bytes than those whose SHA-256 is recorded."""
    for call in calls(path):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        if name in ("read_text", "write_text") and ast.unparse(call.func) != "files.write_text":
            assert given.get("encoding"), f"{path}:{call.lineno}"
        if name == "write_text" and ast.unparse(call.func) != "files.write_text":
            assert given.get("newline") == repr("\n"), f"{path}:{call.lineno}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_needs_what_posix_alone_has_when_it_is_imported(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in top for alias in node.names} | {getattr(node, "module", "") for node in top}
    assert not names & POSIX


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_next_step_that_fetches_says_that_it_needs_a_network(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    joined = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    parts = {part for node in joined for part in node.values}
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    examples = {example for call in calls if ast.unparse(call.func) == "command" for example in call.args}  # of --help
    strings = [node for node in ast.walk(tree) if isinstance(node, ast.Constant | ast.JoinedStr)]
    whole = [node for node in strings if node not in parts | examples]
    shown = [text for text in map(ast.unparse, whole) if any(word in text for word in NETWORK)]
    assert [text for text in shown if "network" not in text and "selftest" not in text] == []


def test_a_file_is_flushed_open_for_writing_and_no_folder_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows flushes no file that is open for reading alone, and opens no folder."""
    modes: dict[int, int] = {}
    opened, flush = os.open, os.fsync

    def strict(path: os.PathLike[str] | str, flags: int, *rest: int) -> int:
        if Path(path).is_dir():
            raise PermissionError(errno.EACCES, "a folder")
        modes[descriptor := opened(path, flags, *rest)] = flags
        return descriptor

    def flushed(descriptor: int) -> None:
        if not modes.get(descriptor, os.O_RDWR) & os.O_RDWR:
            raise OSError(errno.EBADF, "Bad file descriptor")
        flush(descriptor)

    monkeypatch.setattr(files, "_flush_folder", lambda _: None)  # what os.name switches off there
    monkeypatch.setattr(files, "lock_folder", lambda *_: None)
    monkeypatch.setattr(files.os, "open", strict)
    monkeypatch.setattr(files.os, "fsync", flushed)
    (tmp_path / "old").write_text("x")
    with files.staged(tmp_path) as stage:
        (stage / "a").write_text("a")
        (stage / "b").write_text("b")
        files.remove_with(stage, "old")
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b"}


def test_a_system_without_locks_of_folders_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flock.os, "name", "nt")
    assert flock.lock_folder(tmp_path) is None


@pytest.mark.parametrize("name", ["NUL", "nul.onnx", "com1", "a:b", "what?", "dot.", "space "])
def test_a_name_that_means_something_else_on_windows_is_refused_there(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_plain("name", name)
    monkeypatch.setattr("edgedigits.records.record.os.name", "nt")
    with pytest.raises(UsageError, match="a name without folders wanted"):
        require_plain("name", name)
    require_plain("name", "cnn-null.int8.onnx")


def test_the_workflow_tests_three_systems_and_demands_all_of_it_on_linux() -> None:
    text = (ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8")
    job = yaml.safe_load(text)["jobs"]["tests"]
    assert [name.partition("-")[0] for name in job["strategy"]["matrix"]["os"]] == ["ubuntu", "windows", "macos"]
    assert job["env"]["EDGEDIGITS_TEST_ALL"] == "${{ runner.os == 'Linux' && '1' || '0' }}"
    last = job["steps"][-1]["run"]
    assert last.startswith("python -m pytest")
    for step in job["steps"]:
        if step.get("if") is None and "run" in step:
            assert not set(step["run"]) & set("|;&$"), "a shell of POSIX"
