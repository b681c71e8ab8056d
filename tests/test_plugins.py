"""Plug-ins: a toy preset, op, format, engine and embed target of another package go through the whole chain.

They are what CONTRIBUTING.md says it takes to add one: a record each, and an entry point that names it. One that does
not load names itself, and takes nothing else down.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.documents import valid

TOY = '''
"""A package that adds one of each."""

from pathlib import Path

from edgedigits.embed.targets import Target
from edgedigits.export.formats import Format
from edgedigits.models.presets import Preset
from edgedigits.records.attributes import count
from edgedigits.records.model import ModelSpec, Recipe
from edgedigits.records.network import Layer, Network
from edgedigits.records.ops import Op
from edgedigits.runtime.engines import Engine
from edgedigits.runtime.engines.onnxruntime import session


def power(values, shapes):
    from torch import nn

    class Power(nn.Module):
        def forward(self, x):
            return x ** values["of"]

    return Power()


OP = Op("power", lambda shapes, values: shapes[0], {"of": count(2)}, torch="toy_digits:power")
LAYERS = (
    Layer.of("flatten", "flat"),
    Layer.of("dense", "hidden", features=16),
    Layer.of("power", "squared"),
    Layer.of("dense", "head", features=10),
)
PRESET = Preset("784-16-10", ModelSpec(Network(LAYERS)), Recipe(30, 50, 3e-3), Recipe(1, 50, 1e-3))
FORMAT = Format("onnx-toy", ".toy.onnx", "onnx", "edgedigits.export.onnx.convert:write", packages=("torch",))
ENGINE = Engine("toy", "a toy", version=lambda: "1.0", session=session)
TARGET = Target("toy", "Toy", Path(__file__).with_name("programs"), selftest="true", inputs=("digit",))
'''
ENTRY_POINTS = """
[edgedigits.ops]
power = toy_digits:OP
[edgedigits.presets]
toy = toy_digits:PRESET
[edgedigits.formats]
onnx-toy = toy_digits:FORMAT
[edgedigits.engines]
toy = toy_digits:ENGINE
broken = toy_digits:NOTHING
absent = no_such_package:ENGINE
wrong = toy_digits:FORMAT
[edgedigits.targets]
toy = toy_digits:TARGET
"""
BROKEN = {
    "broken": "engine 'broken' of the plug-in toy-digits does not load "
    "(module 'toy_digits' has no attribute 'NOTHING')",
    "absent": "engine 'absent' of the plug-in toy-digits does not load (No module named 'no_such_package')",
    "wrong": "engine 'wrong' of the plug-in toy-digits is no Engine, but a Format",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages with the toy in it, as pip would have installed it."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "toy_digits.py").write_text(TOY)
    (folder / "programs").mkdir()
    (folder / "programs" / "toy.txt.jinja").write_text("{{ package.name }} answers {{ package.labels | join }}\n")
    about = folder / "toy_digits-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-digits\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(ENTRY_POINTS)
    return folder


def edgedigits(site: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "edgedigits", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path}, check=False)


@pytest.fixture(scope="module")
def exported(site: Path, runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`fc-tiny` in the toy's format."""
    folder = tmp_path_factory.mktemp("exports")
    done = edgedigits(site, "export", "-m", "fc-tiny", "--format", "onnx-toy", "--runs", runs, "--exports", folder)
    assert done.returncode == 0, done.stderr
    return folder / "fc-tiny" / "fc-tiny.toy.onnx"


@pytest.mark.lengthy
def test_a_file_in_its_format_is_verified_by_its_engine_too(site: Path, exported: Path, runs: Path) -> None:
    for options in ((), ("--engine", "toy")):
        done = edgedigits(site, "verify", exported, "--runs", runs, *options, "--json")
        assert done.returncode == 0, done.stderr
        (report,) = valid("verify", done.stdout)["reports"]
        assert (report["format"], report["flips"], report["passed"]) == ("onnx-toy", 0, True)
        assert report.get("engine") == ({"name": "toy", "version": "1.0"} if options else None)


@pytest.mark.parametrize("command", [("inspect",), ("bench", "--runs")])
def test_it_is_inspected_and_measured(command: tuple[str, ...], site: Path, exported: Path, runs: Path) -> None:
    done = edgedigits(site, command[0], exported, "--runs", runs, "--json")
    assert done.returncode == 0, done.stderr
    valid(command[0], done.stdout)
    assert '"onnx-toy"' in done.stdout


def test_it_is_scored(site: Path, exported: Path, digits_folder: Path, tmp_path: Path) -> None:
    done = edgedigits(site, "score", exported, digits_folder / "7", "--out", tmp_path / "answers.csv")
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "answers.csv").read_text().splitlines()) == 37


def test_its_target_makes_a_folder(site: Path, exported: Path, tmp_path: Path) -> None:
    done = edgedigits(site, "embed", "toy", exported, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "toy.txt").read_text() == "fc-tiny answers 0123456789\n"
    assert (tmp_path / "out" / "golden.json").is_file()


@pytest.mark.lengthy
def test_its_preset_is_trained_exported_and_verified(site: Path, digits_folder: Path, tmp_path: Path) -> None:
    places = ("--runs", tmp_path / "runs", "--exports", tmp_path / "exports")
    for command in (
        ("train", "-m", "toy", "--dataset", digits_folder, "--device", "cpu", *places[:2]),
        ("export", "--format", "onnx", *places),
        ("verify", *places),
    ):
        done = edgedigits(site, *command)
        assert done.returncode == 0, done.stderr


def test_its_preset_is_listed_with_ours(site: Path) -> None:
    listed = valid("models", edgedigits(site, "models", "--json").stdout)["models"]
    assert [row["name"] for row in listed][-2:] == ["cnn-best", "toy"]
    assert listed[-1]["parameters"] == 784 * 16 + 16 + 16 * 10 + 10


def test_its_checkpoint_without_it_says_what_is_missing(site: Path) -> None:
    layers = '{"layers": [{"op": "power", "name": "a"}]}'
    code = f"""if True:
        from edgedigits.records.network import Network
        print(Network.from_json({layers!r}).describe())"""
    path = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])
    found = []
    for environment in (os.environ | {"PYTHONPATH": path}, os.environ):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
        )
        found.append(done.stdout or done.stderr.splitlines()[-1])
    assert found[0] == "power\n"
    assert "layer 'a': unknown op 'power'" in found[1]


@pytest.mark.parametrize("name", BROKEN)
def test_one_that_does_not_load_names_itself(name: str, site: Path, exported: Path, runs: Path) -> None:
    done = edgedigits(site, "verify", exported, "--runs", runs, "--engine", name)
    assert done.returncode == 4
    assert done.stderr.splitlines()[-1] == f"edgedigits: {BROKEN[name]}. Mend or uninstall it."


def test_an_unknown_name_is_refused_with_all_that_there_are(site: Path, exported: Path) -> None:
    done = edgedigits(site, "verify", exported, "--engine", "toi")
    assert done.returncode == 2
    assert "did you mean 'toy'?" in done.stderr
    assert "onnxruntime" in done.stderr
