"""The GitHub Action, step by step as a runner runs it: its own lines, in bash, with the variables that GitHub sets."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from junitparser import JUnitXml

from tests.helpers.environments import new_python

ROOT = Path(__file__).parents[1]
ACTION = ROOT / ".github" / "actions" / "verify" / "action.yml"
DEFINITION = yaml.safe_load(ACTION.read_text(encoding="utf-8"))
STEPS = DEFINITION["runs"]["steps"]
INPUT = re.compile(r"\$\{\{ inputs\.(\w+) \}\}")


def test_every_input_is_a_variable_of_a_step_and_part_of_no_script() -> None:
    used = {INPUT.fullmatch(value)[1] for step in STEPS for value in step.get("env", {}).values()}  # type: ignore[index]
    assert used == DEFINITION["inputs"].keys()
    assert all(given.keys() == {"description", "default"} for given in DEFINITION["inputs"].values())
    assert DEFINITION["runs"]["using"] == "composite"
    for step in STEPS:
        assert ("uses" in step) != (step.get("shell") == "bash")
        assert "${{" not in step.get("run", "")


def test_what_it_installs_is_what_the_readme_says_suffices_without_torch() -> None:
    (install,) = (step["run"] for step in STEPS if "Install" in step.get("name", ""))
    light = install.splitlines()[1].partition("--quiet ")[2]
    assert light in " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The variables of a runner, with a Python whose packages are at hand, so that no network is asked."""
    folder = tmp_path_factory.mktemp("runner")
    package = shutil.copytree(ROOT / "edgedigits", folder / "repository" / "edgedigits")
    shutil.copytree(ACTION.parent, package.parent / ".github" / "actions" / "verify")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, package.parent)
    python = new_python(folder / "python")
    known = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "GITHUB_STEP_SUMMARY")}
    return known | {
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # pip's way to say that there is none
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "GITHUB_ACTION_PATH": str(package.parent / ".github" / "actions" / "verify"),
    }


def run_action(runner: dict[str, str], folder: Path, **inputs: str) -> list[subprocess.CompletedProcess[str]]:
    """The steps that are scripts, as `bash -e` runs them, until one fails."""
    done: list[subprocess.CompletedProcess[str]] = []
    for step in STEPS:
        if "run" in step and not (done and done[-1].returncode):
            environment = runner | {"GITHUB_STEP_SUMMARY": str(folder / "summary.md")} | _variables(step, inputs)
            command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
            done.append(
                subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
            )
    return done


def _variables(step: dict[str, Any], inputs: dict[str, str]) -> dict[str, str]:
    given = {name: found["default"] for name, found in DEFINITION["inputs"].items()} | inputs
    return {name: INPUT.sub(lambda found: given[found[1]], value) for name, value in step.get("env", {}).items()}


@pytest.mark.lengthy
@pytest.mark.skipif(os.name != "posix", reason="the steps are for bash")
def test_it_passes_fails_and_annotates(
    runner: dict[str, str], exports: Path, digits_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(exports / "fc-tiny", tmp_path / "exports" / "fc-tiny")
    given = {
        "files": "exports/fc-tiny/fc-tiny.onnx exports/fc-tiny/fc-tiny.int8.onnx",
        "against": "exports/fc-tiny/fc-tiny.onnx",
        "junit": "verdict.xml",
    }
    *_, passed = run_action(runner, tmp_path, **given, limits=f"--dataset {digits_folder}")
    assert passed.returncode == 0, passed.stderr
    assert "::error" not in passed.stderr
    assert JUnitXml.fromfile(str(tmp_path / "verdict.xml")).failures == 0
    installed, failed = run_action(runner, tmp_path, **given, limits=f"--dataset {digits_folder} --max-size 10")
    assert (installed.returncode, failed.returncode) == (0, 1)
    annotations = [line for line in failed.stderr.splitlines() if line.startswith("::error ")]
    assert len(annotations) == 2
    assert annotations[0].startswith("::error file=exports/fc-tiny/fc-tiny.onnx,title=edgedigits verify::size: ")
    assert JUnitXml.fromfile(str(tmp_path / "verdict.xml")).failures == 2
    summary = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert summary.count("### EdgeDigits") == 2
    assert summary.index("**passed") < summary.index("**FAILED")
    python = Path(runner["PATH"].partition(os.pathsep)[0], "python")
    command = [python, "-c", "import edgedigits; print(edgedigits.__file__)"]
    where = subprocess.run(command, env=runner, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert Path(where).is_relative_to(python.parents[1])  # the installed one, not this tree
