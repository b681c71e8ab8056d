"""Limits: where they come from, in which units, and which make no sense."""

from pathlib import Path

import numpy as np
import pytest

from edgedigits.errors import UsageError
from edgedigits.records.report import Limits
from edgedigits.verify import limits


def write(folder: Path, text: str) -> Path:
    path = folder / "pyproject.toml"
    path.write_text(text)
    return path


def test_points_and_percent_become_fractions() -> None:
    found = limits.from_options(max_flips=3, max_drop=0.5, min_accuracy=87.5)
    assert found == Limits(max_flips=3, max_drop=0.005, min_accuracy=0.875)


def test_a_table_in_pyproject_uses_the_words_and_units_of_the_command_line(tmp_path: Path) -> None:
    path = write(tmp_path, "[tool.edgedigits.verify]\nmax-flips = 5\nmax-drop = 0.5\nmax-size = 50000\n")
    assert limits.from_pyproject(path) == Limits(max_flips=5, max_drop=0.005, max_size=50_000)


@pytest.mark.parametrize(("low", "high", "limit"), [(0.2, 0.6, 1e-4), (0, 1, 1e-4), (-10, 20, 3e-3), (-4e3, 1e3, 0.5)])
def test_logits_may_be_off_by_a_part_of_their_range_or_of_1(low: float, high: float, limit: float) -> None:
    scores = np.array([[low, high], [high, low]], np.float32)
    found = Limits(max_flips=9, max_logit_diff=1e-4).scaled(scores)
    assert (found.max_flips, found.max_logit_diff) == (9, pytest.approx(limit))
    assert Limits(max_flips=9).scaled(scores) == Limits(max_flips=9)


@pytest.mark.parametrize("text", ["", "[project]\nname = 'x'\n", "[tool.ruff]\nline-length = 100\n"])
def test_a_file_without_the_table_sets_nothing(text: str, tmp_path: Path) -> None:
    assert limits.from_pyproject(write(tmp_path, text)) == Limits()
    assert limits.from_pyproject(tmp_path / "none.toml") == Limits()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("max-flip = 5", "did you mean 'max-flips'"),
        ("max-flips = 'five'", "max-flips: a number wanted"),
        ("max-flips = true", "max-flips: a number wanted"),
        ("max-flips = -1", "max_flips: 0 or more wanted"),
        ("min-accuracy = 101", "min_accuracy: at most 1"),
        ("max-flips = ", "not readable as TOML"),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused_and_named(text: str, reason: str, tmp_path: Path) -> None:
    path = write(tmp_path, f"[tool.edgedigits.verify]\n{text}\n")
    with pytest.raises(UsageError, match=reason) as caught:
        limits.from_pyproject(path)
    assert str(path) in str(caught.value)


def test_later_limits_replace_earlier_ones_field_by_field() -> None:
    assert limits.replaced(Limits(max_flips=0, max_logit_diff=1e-4), Limits(max_flips=9)) == Limits(9, None, 1e-4)


def test_limits_that_no_file_could_keep_together_are_refused() -> None:
    with pytest.raises(UsageError, match="contradict each other"):
        limits.require_possible(Limits(max_flips=0, min_accuracy=0.995), reference_accuracy=0.99, samples=10_000)
    limits.require_possible(Limits(max_flips=50, min_accuracy=0.995), reference_accuracy=0.99, samples=10_000)
    limits.require_possible(Limits(min_accuracy=1.0), reference_accuracy=0.99, samples=10_000)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[tool.edgedigits.verfy]\nmax-flips = 0", "did you mean 'verify'"),
        ("[tool.edgedigts.verify]\nmax-flips = 0", r"\[tool.edgedigts\]: did you mean \[tool.edgedigits\]"),
        ("[tool.EdgeDigits.verify]\nmax-flips = 0", r"\[tool.EdgeDigits\]: did you mean"),
        ("[tool.edge-digits.verify]\nmax-flips = 0", r"\[tool.edge-digits\]: did you mean"),
        ("[tools.edgedigits.verify]\nmax-flips = 0", r"\[tools.edgedigits\]: did you mean"),
        ("[edgedigits.verify]\nmax-flips = 0", r"\[edgedigits\]: did you mean"),
        ("[tool.edgedigits]\nmax-flips = 0", r"put it under \[tool.edgedigits.verify\]"),
        ("[tool]\nedgedigits = 3", "tool.edgedigits: a table wanted, 3 given"),
        ("[tool.edgedigits]\nverify = true", "tool.edgedigits.verify: a table wanted, True given"),
    ],
)
def test_a_misspelt_table_is_refused_and_named(text: str, reason: str, tmp_path: Path) -> None:
    path = write(tmp_path, text)
    with pytest.raises(UsageError, match=reason) as caught:
        limits.from_pyproject(path)
    assert str(path) in str(caught.value)


def test_the_tables_of_others_are_theirs(tmp_path: Path) -> None:
    text = (
        "[project.scripts]\nedgedigits = 'x:y'\n[tool.edgetest.verify]\na = 1\n[dependency-groups]\nedgedigits = []\n"
    )
    assert limits.from_pyproject(write(tmp_path, text)) == Limits()
