"""How busy the processors are, read off clocks that are written here."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from edgedigits.system import processors
from edgedigits.system.processors import Load, look

BEFORE = "cpu 0 0 0 0\ncpu0 100 0 50 1000 10 0 0 0 7 7\ncpu1 100 0 50 1000 10 0 0 0 7 7\nintr 5\n"


@pytest.fixture
def stat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "stat"
    path.write_text(BEFORE)
    monkeypatch.setattr(processors, "STAT", path)
    monkeypatch.setattr(processors, "_usable", lambda: [0, 1])
    return path


@pytest.mark.parametrize(
    ("first", "second", "idle", "free"),
    [
        ("100 0 50 1100 10 0 0 0 7 7", "100 0 50 1095 15 0 0 0 7 7", 2.0, 2),
        ("200 0 50 1000 10 0 0 0 7 7", "100 0 50 1100 10 0 0 0 7 7", 1.0, 1),
        ("150 0 50 1050 10 0 0 0 7 7", "100 0 50 1100 10 0 0 0 7 7", 1.5, 1),
        ("110 0 50 1090 10 0 0 0 7 7", "110 0 50 1090 10 0 0 0 7 7", 1.8, 2),
        ("200 0 50 1000 10 0 0 0 7 7", "150 0 100 1000 10 0 0 0 7 7", 0.0, 1),
        ("100 0 50 1000 10 0 0 0 99 7", "100 0 50 1000 10 0 0 0 7 7", 0.0, 1),
    ],
    ids=["quiet", "one neighbour", "half a neighbour", "a desktop", "two neighbours", "no tick"],
)
def test_a_look_counts_what_is_idle(
    first: str, second: str, idle: float, free: int, stat: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passing = SimpleNamespace(sleep=lambda _: stat.write_text(f"cpu0 {first}\ncpu1 {second}\n"))
    monkeypatch.setattr(processors, "time", passing)  # not time.sleep: threads that other tests left sleep too
    found = look()
    assert found is not None
    assert (found.processors, found.idle, found.busy) == (2, pytest.approx(idle), pytest.approx(2 - idle))
    assert found.free == free


def test_without_clocks_the_load_average_tells(stat: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on macOS, and as on Windows, which has neither."""
    stat.unlink()
    monkeypatch.setattr(os, "getloadavg", lambda: (0.5, 9, 9), raising=False)
    assert look() == Load(2, 1.5)
    monkeypatch.setattr(os, "getloadavg", lambda: (8.0, 0, 0), raising=False)
    assert look() == Load(2, 0.0)
    monkeypatch.delattr(os, "getloadavg")
    assert look() is None
