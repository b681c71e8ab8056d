"""What `embed` makes in each language: every target is measured, by what it prints itself."""

import dataclasses
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from edgedigits.bench import languages, shelf
from edgedigits.bench.languages import PLANS, PROGRAMS, LanguageRow, Languages, Plan, Tools, compare, read_languages
from edgedigits.embed.targets import TARGETS
from edgedigits.errors import MissingCapability

EXPORTS = Path(__file__).parents[2] / "exports"
NOT_TIMED = {"arduino", "web"}  # a board, a page
PYTHON = next(plan for plan in PLANS if plan.target == "python")


def tools(folder: Path) -> Tools:
    return Tools(onnxruntime=folder / "onnxruntime", node_modules=folder / "node_modules", cargo=folder / "cargo")


def test_every_target_is_measured_in_one_run() -> None:
    """What ships was: `make targets` writes no part of it."""
    assert {plan.target for plan in PLANS} == set(TARGETS.own) - NOT_TIMED
    assert [row.target for row in read_languages()] in ([], [plan.target for plan in PLANS])
    assert {path.name for path in PROGRAMS.iterdir() if path.is_file()} == {plan.timer[0] for plan in PLANS}


def test_sizes_and_time_are_those_of_what_was_built(tmp_path: Path) -> None:
    plan = dataclasses.replace(PYTHON, runtime=("digits.py", "no*such"))
    (row,) = compare(EXPORTS, tmp_path, tools(tmp_path), [plan])
    made = tmp_path / "python"
    assert (row.target, row.file) == ("python", "cnn.onnx")
    assert re.fullmatch(r"Python 3\.\d+\.\S+", row.compiler)
    names = ("cnn.onnx", "digits.py", "contract.json", "labels.txt")
    assert row.program_bytes == sum((made / name).stat().st_size for name in names)
    assert row.runtime_bytes == (made / "digits.py").stat().st_size
    assert 1 < row.latency_us < 10_000


def test_rounds_go_through_all_targets_in_turn(tmp_path: Path) -> None:
    """Each says how many were asked, itself among them: 1, 3, 5 and 2, 4, 6."""
    log = tmp_path / "log"

    def plan(name: str) -> Plan:
        ask = f"echo {name} >> {log}; wc -l < {log}"
        return dataclasses.replace(PYTHON, target=name, version=f"echo {name}", ask=ask, program=(), runtime=())

    found = list(compare(EXPORTS, tmp_path, tools(tmp_path), [plan("python"), plan("node")]))
    assert log.read_text().split() == ["python", "node"] * 3
    assert [(row.compiler, row.latency_us) for row in found] == [("python", 3.0), ("node", 4.0)]


def test_what_fails_is_named(tmp_path: Path) -> None:
    plan = dataclasses.replace(PYTHON, build="echo no compiler here >&2; exit 3")
    with pytest.raises(MissingCapability, match=r"target python: .*: exit code 3: no compiler here"):
        list(compare(EXPORTS, tmp_path, tools(tmp_path), [plan]))


@pytest.mark.languages
@pytest.mark.needs("clang-format", "gofmt", "rustfmt")
@pytest.mark.parametrize(
    "command",
    [
        "clang-format --style=Google --dry-run --Werror timer.cpp",
        "gofmt -d timer.go",
        "rustfmt --edition 2021 --check timer.rs",
    ],
)
def test_the_timers_are_formatted(command: str, tmp_path: Path) -> None:
    shutil.copytree(PROGRAMS, tmp_path / "programs")
    done = subprocess.run(command, shell=True, cwd=tmp_path / "programs", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_page_has_what_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(languages, "FILE", tmp_path / "languages.json")
    assert shelf.languages() == []
    rows = (
        LanguageRow(
            "python", "cnn.onnx", "Python 3.11", program_bytes=47_863, runtime_bytes=121_600_000, latency_us=20.0
        ),
        LanguageRow("c", "cnn.int8.c", "cc 12", program_bytes=25_000, runtime_bytes=0, latency_us=5.0),
    )
    languages.FILE.write_text(Languages("a machine", rows).to_json())
    assert shelf.languages() == [
        ("`python`", "`cnn.onnx`", "47.9 kB", "121.6 MB", "20.0", "1.00", "Python 3.11"),
        ("`c`", "`cnn.int8.c`", "25.0 kB", "-", "5.0", "0.25", "cc 12"),
    ]
    assert "| `c` | `cnn.int8.c` | 25.0 kB | - | 5.0 | 0.25 | cc 12 |" in shelf.shelf_text(EXPORTS)
