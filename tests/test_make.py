"""What a fresh machine needs: make, the package as it is installed, and nothing of this one in the tree."""

import importlib.util
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from edgedigits.data.dataset import Dataset
from edgedigits.models.presets import PRESETS, RECORDS, Preset

ROOT = Path(__file__).parents[1]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
READY = ROOT / ".venv" / "ready"


def tracked() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [ROOT / name for name in listing.split("\0") if name]


@pytest.mark.needs("make")
def test_make_help_names_every_target() -> None:
    (targets,) = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, flags=re.MULTILINE)
    shown = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    assert [line.split()[1] for line in shown.splitlines()] == targets.split()


@pytest.mark.parametrize(("name", "presets"), [("SHELF", PRESETS), ("RECORDS", RECORDS)])
def test_the_shelf_is_made_of_all_presets(name: str, presets: Mapping[str, Preset]) -> None:
    (listed,) = re.findall(rf"^{name} := (.*)$", MAKEFILE, flags=re.MULTILINE)
    assert listed.split() == list(presets)


def test_every_module_that_make_starts_is_there() -> None:
    started = set(re.findall(r"python -m ([\w.]+)", MAKEFILE))
    assert {"edgedigits.cli.measure", "tests.faults", "tests.fuzz"} <= started
    assert [name for name in started if importlib.util.find_spec(name) is None] == []


@pytest.mark.lengthy
@pytest.mark.needs("make", "git")
@pytest.mark.skipif(not READY.exists(), reason="these tests do not run in make's environment: make test does")
def test_make_demo_ends_with_the_verdict_and_where_the_files_are(mnist: Dataset, tmp_path: Path) -> None:
    assert len(mnist.train) == 60_000
    before = subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, check=True, capture_output=True).stdout
    command = ["make", "--no-print-directory", "demo", f"DEMO={tmp_path}"]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert lines[-2] == "passed: 8 files, 10,000 test images of mnist"
    assert lines[-1] == f"The trained models are in {tmp_path}/runs, the exported files in {tmp_path}/exports."
    assert sorted(path.name for path in tmp_path.glob("exports/cnn/cnn.*")) == [
        "cnn.int8.onnx",
        "cnn.int8.torchscript.pt",
        "cnn.onnx",
        "cnn.torchscript.pt",
    ]
    after = subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, check=True, capture_output=True).stdout
    assert after == before


@pytest.mark.lengthy
@pytest.mark.needs("make")
@pytest.mark.skipif(not READY.exists(), reason="these tests do not run in make's environment: make test does")
def test_make_demo_goes_on_with_mnist_5k_where_mnist_is_not_at_hand(tmp_path: Path) -> None:
    """No data, and no network either: a proxy that refuses every connection."""
    environment = {"PATH": "/usr/bin:/bin", "EDGEDIGITS_DATA": str(tmp_path / "none"), "HOME": str(tmp_path)}
    proxies = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")
    command = ["make", "--no-print-directory", "demo", f"DEMO={tmp_path}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment | proxies)
    assert done.returncode == 0, done.stderr
    assert "MNIST is not at hand: going on with mnist-5k, 5,000 of its digits." in done.stdout
    assert "passed: 8 files, 840 test images of mnist-5k" in done.stdout
    assert not (tmp_path / "none").exists()


def test_the_installed_package_is_whole(tmp_path: Path) -> None:
    """The wheel holds every module, the figures that were measured, and the marker of typed packages."""
    source = tmp_path / "source"  # a copy, since building leaves files behind
    shutil.copytree(ROOT / "edgedigits", source / "edgedigits", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, source]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("edgedigits/")}
    package = ROOT / "edgedigits"
    wanted = {path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert packed == {str(path.relative_to(ROOT)) for path in wanted}


def test_every_dependency_has_a_lower_bound_and_a_pinned_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pinned = dict(
        line.lower().split("==") for line in (ROOT / ".ci" / "constraints.txt").read_text().splitlines() if "==" in line
    )
    wanted = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
    ]
    for requirement in wanted:
        if not requirement.startswith("edgedigits["):
            name, bound = requirement.partition(";")[0].split(">=")
            assert version(bound) <= version(pinned[name.lower().partition("[")[0]]), requirement


def version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


@pytest.mark.needs("git")
def test_nothing_of_this_machine_and_no_package_address_is_in_the_tree() -> None:
    secrets = [f"{ROOT.parent}/".encode(), f"{Path.home()}/".encode()]
    address = re.compile(rb"https?://[^\s\"']+\.(whl|tgz|tar\.gz)")
    for path in tracked():
        content = path.read_bytes()
        assert not any(secret in content for secret in secrets), path
        assert not address.search(content), path


@pytest.mark.needs("git")
def test_the_top_level_is_as_designed() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in tracked()} == {
        ".ci",
        ".gitattributes",
        ".github",
        ".gitignore",
        ".pre-commit-hooks.yaml",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "LICENSE",
        "Makefile",
        "README.md",
        "SECURITY.md",
        "edgedigits",
        "exports",
        "pyproject.toml",
        "tests",
    }
