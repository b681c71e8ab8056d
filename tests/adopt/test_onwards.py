"""An adopted model is a run like any other: each stage after it takes it, and says where it comes from."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

import edgedigits as ed
from edgedigits.adopt.adopter import adopt
from edgedigits.bench.bench import TORCH
from edgedigits.cli.main import app
from edgedigits.data.dataset import Dataset
from edgedigits.errors import BadInput
from edgedigits.system import files
from edgedigits.verify.card import card_text
from tests.helpers import HERE

FORMATS = ("onnx", "onnx-int8", "onnx-static", "onnx-canvas")
SAID = "0..1, nchw, upright, light ink"


@pytest.fixture(scope="module")
def place(runs: Path, digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a state dict was adopted, exported and verified."""
    folder = tmp_path_factory.mktemp("adopted")
    state = load_file(runs / "fc-tiny" / "model.safetensors")
    torch.save({f"module.{name}": tensor for name, tensor in state.items()}, folder / "model.pt")
    run = adopt(folder / "model.pt", name="mine", said=SAID, dataset=digits, runs=folder / "runs")
    ed.export(run, FORMATS, dataset=digits, exports=folder / "exports")
    report = ed.verify(
        [folder / "exports" / "mine"], dataset=digits, runs=folder / "runs", exports=folder / "exports", opener=HERE
    )
    assert report.passed, [one.failures for one in report.reports]
    return folder


def test_its_card_says_where_it_comes_from(place: Path) -> None:
    text = card_text(place / "exports" / "mine")
    sha256 = files.sha256(place / "model.pt")
    assert f"Adopted from `model.pt`, SHA-256 `{sha256[:12]}…`" in text
    assert "Its layers were guessed: flatten, layers.0, relu, layers.2." in text
    assert "training images: 0..1, nchw." in text
    assert "Noted then: 'module.' taken off the names" in text.replace("module.network.", "module.")
    assert "seed" not in text


def test_it_is_measured_beside_its_own_torch_model(place: Path, digits: Dataset) -> None:
    found = ed.bench([place / "exports" / "mine" / "mine.onnx"], dataset=digits, runs=place / "runs", opener=HERE)
    assert [(row.name, row.format, row.flips) for row in found.rows] == [("mine", TORCH, 0), ("mine", "onnx", 0)]


def test_its_files_are_made_again_from_the_adopted_weights(
    place: Path, digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    shutil.move(place / "runs" / "mine", place / "runs" / "renamed")
    try:
        found = ed.reproduce("mine", dataset=digits, runs=place / "runs", exports=place / "exports")
    finally:
        shutil.move(place / "runs" / "renamed", place / "runs" / "mine")
    assert found.same, found
    assert [file.file for file in found.files][:2] == ["model.safetensors", "mine.onnx"]
    assert len(found.files) == len(FORMATS) + 2
    assert found.changed == ()
    assert not any(tmp_path.iterdir())


def test_without_the_adopted_weights_nothing_is_made_again(place: Path, digits: Dataset, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"mine: was adopted from model\.pt \(SHA-256 .*are not in .*with --runs"):
        ed.reproduce("mine", dataset=digits, runs=tmp_path, exports=place / "exports")


def test_the_command_takes_the_folder_of_runs(place: Path, digits: Dataset) -> None:
    options = ["--dataset", digits.ref.source, "--runs", str(place / "runs")]
    found = CliRunner().invoke(app, ["reproduce", str(place / "exports" / "mine"), *options])
    assert found.exit_code == 0, found.output


def test_it_is_embedded_with_a_self_test_that_passes(place: Path, tmp_path: Path) -> None:
    ed.embed("python", place / "exports" / "mine" / "mine.onnx", out=tmp_path / "out")
    done = subprocess.run([sys.executable, "selftest.py"], cwd=tmp_path / "out", capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\npassed: " in done.stdout
