"""Folders that all workers of a session share, made once: what a session needs takes as long to make as a test run.

As pytest-xdist's documentation does it ("Making session-scoped fixtures execute only once"), but part by part, so that
workers who need the same folder make it together.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

Make = Callable[[Path], object]  # makes a part, in the folder
State = dict[Path, tuple[int, int]]  # each file's size, and when it was changed


def made(factory: pytest.TempPathFactory, name: str, parts: Mapping[str, Make]) -> Path:
    """A folder with its parts, by name: each made by the worker that comes to it first, and here when this returns."""
    folder = base(factory) / name
    folder.mkdir(exist_ok=True)
    for wait in (0, -1):  # what others make meanwhile is waited for in the end
        for part, make in parts.items():
            _make(folder, folder.with_name(f".{name}-{part}"), make, wait)
    return folder


def base(factory: pytest.TempPathFactory) -> Path:
    """The session's own folder, in which workers have theirs."""
    folder = factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


def _make(folder: Path, done: Path, make: Make, wait: float) -> None:
    """Make a part unless it was made; with no time to wait, or unless another worker is making it."""
    if done.exists():
        return
    try:
        with FileLock(f"{done}.lock", timeout=wait):
            if not done.exists():
                make(folder)
                done.touch()
    except Timeout:
        return


def state(folder: Path) -> State:
    """What would be otherwise if anybody wrote to a folder."""
    found = ((path, path.stat()) for path in sorted(folder.rglob("*")) if path.is_file())
    return {path: (about.st_size, about.st_mtime_ns) for path, about in found}


def changes(before: State, folder: Path) -> list[str]:
    """The files that have come to a folder, gone or changed since."""
    after = state(folder)
    return [str(path) for path in sorted(before.keys() | after.keys()) if before.get(path) != after.get(path)]
