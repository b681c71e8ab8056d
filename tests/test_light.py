"""A device without torch: what needs none works there, and what does says so in a line.

Torch is hidden from Python's finder in a process of its own, which is what an environment without it looks like.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from edgedigits.adopt.adopter import adopt
from edgedigits.data import canvases, drawn
from edgedigits.data.dataset import Dataset
from edgedigits.export.exporter import export
from edgedigits.records.report import ADOPTED_FILE, ANSWERS
from edgedigits.verify.verifier import verify
from tests.helpers.documents import valid
from tests.helpers.unknown import write_onnx

ROOT = Path(__file__).parents[1]
SHELF = ROOT / "exports"
HIDDEN = """
import sys
from importlib.machinery import PathFinder

class Light(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        hidden = name.partition(".")[0] in {"torch", "torchvision", "onnxscript"}
        return None if hidden else super().find_spec(name, path, target)

sys.meta_path = [Light if finder is PathFinder else finder for finder in sys.meta_path]
"""
NEEDS_TORCH = {
    "train": ("train",),
    "adopt": ("adopt", "model.pt"),
    "export": ("export",),
    "reproduce": ("reproduce", str(SHELF / "cnn")),
}


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process that finds no torch."""
    folder = tmp_path_factory.mktemp("light")
    (folder / "sitecustomize.py").write_text(HIDDEN)
    path = os.pathsep.join(map(str, (folder, ROOT, os.environ.get("PYTHONPATH", ""))))
    return os.environ | {"PYTHONPATH": path}


def edgedigits(light: dict[str, str], *arguments: object, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edgedigits", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=light, cwd=cwd, check=False)


def test_torch_is_hidden(light: dict[str, str]) -> None:
    code = "import importlib.util as u; print(u.find_spec('torch'), u.find_spec('numpy') is None)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=light, check=True)
    assert done.stdout == "None False\n"


def test_files_are_verified_against_what_was_recorded(light: dict[str, str], mnist: Dataset, tmp_path: Path) -> None:
    assert len(mnist.test) == 10_000
    folder = shutil.copytree(SHELF / "cnn", tmp_path / "cnn")  # the report is written beside the files
    done = edgedigits(light, "verify", folder / "cnn.onnx", "--json")
    assert done.returncode == 0, done.stderr
    (report,) = valid("verify", done.stdout)["reports"]
    assert (report["compared_with"], report["flips"], report["passed"]) == ("answers", 0, True)


@pytest.mark.parametrize("name", ["fc-tiny.onnx", "fc-tiny.int8.onnx"])
def test_answers_that_came_with_the_files_are_compared_one_by_one(
    name: str, light: dict[str, str], exports: Path, digits_folder: Path, runs: Path, tmp_path: Path
) -> None:
    """On a device that got the folder and the images, and no torch: the figures are those of a machine with torch."""
    folder = shutil.copytree(exports / "fc-tiny", tmp_path / "exports" / "fc-tiny")
    arguments = ("verify", folder / name, "--dataset", digits_folder, "--json")
    done = edgedigits(light, *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (report,) = valid("verify", done.stdout)["reports"]
    (known,) = verify([folder / name], runs=runs).reports
    assert report["compared_with"] == "answers"
    assert report["missing"] == "its checkpoint is not at hand"
    for figure in ("flips", "lost", "gained", "reference_accuracy", "accuracy", "passed"):
        assert report[figure] == getattr(known, figure), figure
    assert report["max_abs_diff"] == pytest.approx(known.max_abs_diff, abs=1e-5)
    assert "unchecked" not in report


def test_a_sample_is_compared_and_the_verdict_says_so(
    light: dict[str, str], exports: Path, digits_folder: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(exports / "fc-tiny", tmp_path / "exports" / "fc-tiny")
    arguments = ("verify", folder / "fc-tiny.onnx", "--dataset", digits_folder, "--sample", 20)
    done = edgedigits(light, *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].split()[:4] == ["file", "verdict", "flips", "model"]
    assert "passed: 1 file, 20 of 60 test images of tiny; compared answer by answer with" in done.stdout


@pytest.mark.parametrize(("where", "known"), [("runs", ADOPTED_FILE), ("none", ANSWERS)])
def test_an_onnx_file_that_was_adopted_is_asked_itself_or_by_its_answers(
    where: str, known: str, light: dict[str, str], digits: Dataset, digits_folder: Path, tmp_path: Path
) -> None:
    theirs = write_onnx(tmp_path / "theirs.onnx", "mean/std, nchw", ["N", 1, 28, 28])
    run = adopt(theirs, dataset=digits, said="mean/std, nchw, upright, light ink", runs=tmp_path / "runs")
    (file,) = export(run, "onnx", exports=tmp_path / "exports")
    done = edgedigits(
        light, "verify", file.path, "--runs", tmp_path / where, "--dataset", digits_folder, "--json", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    (report,) = valid("verify", done.stdout)["reports"]
    assert (report["compared_with"], report["flips"], report["passed"]) == (known, 0, True)
    code = "import sys, edgedigits as ed; print(ed.load(sys.argv[1]).contract.dataset)"
    command = [sys.executable, "-c", code, str(run.folder)]
    assert subprocess.run(command, capture_output=True, text=True, env=light, check=True).stdout == "tiny\n"


def test_a_file_is_compared_with_another(light: dict[str, str], exports: Path, digits_folder: Path) -> None:
    files = [exports / "fc-tiny" / f"fc-tiny{suffix}" for suffix in (".int8.onnx", ".onnx")]
    done = edgedigits(light, "verify", files[0], "--against", files[1], "--dataset", digits_folder, "--sample", 30)
    assert done.returncode == 0, done.stderr
    assert f"passed: 1 file, 30 of 60 test images of tiny; compared with {files[1]}" in done.stdout


@pytest.mark.lengthy
def test_files_are_measured(light: dict[str, str], mnist: Dataset) -> None:
    assert len(mnist.test) == 10_000
    done = edgedigits(light, "bench", SHELF / "fc", "--json")
    assert done.returncode == 0, done.stderr
    rows = valid("bench", done.stdout)["rows"]
    assert {row["format"] for row in rows} == {"onnx", "onnx-int8", "onnx-canvas", "onnx-canvas-int8"}
    assert all(row["latency_us"] > 0 and row["flips"] is None for row in rows)


def test_files_are_inspected_and_pictures_are_read(light: dict[str, str], tmp_path: Path) -> None:
    assert valid("inspect", edgedigits(light, "inspect", SHELF / "fc" / "fc.int8.onnx", "--json").stdout)["opset"] == 17
    Image.fromarray(canvases.paste(drawn.digits(10, seed=0)[0][7])).save(tmp_path / "photo.png")
    done = edgedigits(light, "predict", tmp_path / "photo.png", "--json")
    assert valid("predict", done.stdout)["predictions"][0]["answer"] == "7", done.stderr


def test_images_are_scored_and_files_embedded(light: dict[str, str], digits_folder: Path, tmp_path: Path) -> None:
    done = edgedigits(light, "score", SHELF / "fc" / "fc.onnx", digits_folder / "3", "--out", tmp_path / "a.csv")
    assert done.returncode == 0, done.stderr
    done = edgedigits(light, "embed", "python", "cnn", "--exports", SHELF, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    subprocess.run([sys.executable, "selftest.py"], cwd=tmp_path / "out", env=light, check=True, capture_output=True)


@pytest.mark.parametrize("name", NEEDS_TORCH)
def test_what_needs_torch_says_so_in_a_line(name: str, light: dict[str, str], tmp_path: Path) -> None:
    done = edgedigits(light, *NEEDS_TORCH[name], cwd=tmp_path)
    wanted = "needs torch, which is not installed here: pip install torch torchvision, with a network"
    assert done.returncode == 4
    assert done.stdout == ""
    assert done.stderr.splitlines() == [f"edgedigits: edgedigits {name} {wanted}"]
    assert list(tmp_path.iterdir()) == []


def test_the_same_in_python(light: dict[str, str], runs: Path) -> None:
    code = """if True:
        import sys
        import edgedigits as ed
        for use in (lambda: ed.train, lambda: ed.export, lambda: ed.load(sys.argv[1])):
            try:
                use()
            except ed.EdgeDigitsError as error:
                print(error.exit_code, "needs torch" in str(error))"""
    command = [sys.executable, "-c", code, str(runs / "fc-tiny")]
    done = subprocess.run(command, capture_output=True, text=True, env=light, cwd=ROOT, check=True)
    assert done.stdout == "4 True\n" * 3
