"""The README is true: its commands and snippets run, its figures have a source."""

import contextlib
import csv
import inspect
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet
import pytest
import torch
from PIL import Image

import edgedigits as ed
from edgedigits import load
from edgedigits.bench import shelf, tutorial
from edgedigits.bench.engines import read_comparison
from edgedigits.bench.figures import find_figures
from edgedigits.bench.records import standings
from edgedigits.cli import app, embed, export, inference, train, verify
from edgedigits.data import canvases, drawn
from edgedigits.data.dataset import Dataset
from edgedigits.data.numbers import write_numbers
from edgedigits.export import formats, manifest
from edgedigits.export.formats import get_format
from edgedigits.models.presets import RECORDS
from edgedigits.records.artifact import ANSWERS, Manifest
from edgedigits.records.report import Limits, ParityReport, Verification
from edgedigits.records.words import size
from edgedigits.system import files
from edgedigits.verify import bom, card, limits
from edgedigits.verify.card import card_text
from tests.data.test_mnist import OURS, accuracy_in_a_foreign_program
from tests.helpers import TUTORIALS
from tests.inference.test_score import IMAGES as DIGITS
from tests.inference.test_sources import idx

MOST_LINES = 220
TERMINAL = 80  # columns
ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHELF = ROOT / "exports"
IMAGES = DIGITS[::5]
ON_THE_SHELF = ["onnx", "onnx-canvas", "onnx-canvas-int8", "onnx-int8"]
IN_C = ("cnn", "fc-28")  # presets whose C files are there, too; of RECORDS these alone
SHELVED = sorted(path.parent.name for path in SHELF.glob("*/manifest.json"))
RUNTIME_FILES = {"fc": ("fc.onnx", "fc.int8.onnx"), "cnn": ("cnn.onnx", "cnn.int8.onnx")}


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)


def commands(part: str) -> list[str]:
    """The lines of the shell block that begins with `part`."""
    (block,) = (block for block in blocks("sh") if block.startswith(part))
    return block.splitlines()


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A line of the README, in a shell, with this environment's edgedigits first on the path."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "COLUMNS": str(TERMINAL)}
    done = subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def chain(mnist: Dataset, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """An empty folder after the chained commands at the top of the README, and what they printed."""
    assert len(mnist.test) == 10_000
    folder = tmp_path_factory.mktemp("chain")
    line = commands("pip install")[1]
    return folder, run(line, folder).stdout


def test_the_commands_at_the_top_are_the_promised_ones() -> None:
    words = shlex.split(commands("pip install")[1])
    assert " ".join(words) == ("edgedigits train && edgedigits export --format onnx --quantize && edgedigits verify")


@pytest.mark.lengthy
def test_the_chain_passes_and_prints_what_the_readme_shows(chain: tuple[Path, str]) -> None:
    shown = next(block for block in blocks("text") if "verdict" in block)
    head, _, last = shown.partition("...\n")
    printed, wanted = skeleton(chain[1]), skeleton(head)
    start = printed.index(wanted[0])
    assert printed[start : start + len(wanted)] == wanted
    assert printed[-1:] == skeleton(last)


def skeleton(output: str) -> list[str]:
    """An output without what another machine may print otherwise: figures, hashes, what int8 answers depend on."""
    kept = [line for line in output.splitlines() if not re.search(r"answers? changes? with", line)]
    lines = [re.sub(r"[0-9a-f]{12}…|\d[\d.,e+-]*", "#", line).split() for line in kept]
    return [" ".join(words) for words in lines if words]


@pytest.mark.lengthy
def test_the_chain_reaches_the_promised_accuracies(chain: tuple[Path, str]) -> None:
    for model, wanted in OURS.items():
        record = json.loads((chain[0] / "runs" / model / "checkpoint.json").read_text())
        assert record["metrics"]["test_accuracy"] >= wanted


@pytest.mark.lengthy
@pytest.mark.parametrize("model", RUNTIME_FILES)
def test_a_program_without_edgedigits_gets_the_accuracy_that_verify_printed(
    model: str, chain: tuple[Path, str]
) -> None:
    parity = Verification.read(chain[0] / "exports" / model / manifest.PARITY_FILE)
    printed = {Path(report.path).name: report.accuracy for report in parity.reports}
    assert printed.keys() == set(RUNTIME_FILES[model])
    for name, accuracy in printed.items():
        assert accuracy_in_a_foreign_program(chain[0] / "exports" / model / name) == accuracy


@pytest.mark.lengthy
def test_what_a_tutorial_saves_is_adopted_as_the_readme_shows(mnist: Dataset, tmp_path: Path) -> None:
    assert len(mnist.test) == 10_000
    torch.save(tutorial.train("fc").classifier.network.state_dict(), tmp_path / "model.pt")
    printed = "".join(run(command, tmp_path).stdout for command in commands("edgedigits adopt"))
    shown = next(block for block in blocks("text") if "input read as" in block)
    wanted = [line for line in skeleton(shown) if line != "..."]
    places = [skeleton(printed).index(line) for line in wanted]
    assert places == sorted(places)
    reached = re.findall(r"runs/model/: ([\d.]+)% of", shown + printed)
    assert [float(percent) for percent in reached] == pytest.approx([float(reached[0])] * 2, abs=1.0)


@pytest.mark.lengthy
def test_the_ten_lines_that_embed_a_file_read_a_one(chain: tuple[Path, str]) -> None:
    snippet = next(block for block in blocks("python") if "import onnxruntime" in block)
    assert len([line for line in snippet.splitlines() if line]) == 10
    done = run(f"python -c {shlex.quote(snippet)}", chain[0])
    assert done.stdout.startswith("1 ")


@pytest.mark.lengthy
@pytest.mark.needs("node", "npm")
def test_the_commands_that_embed_run(chain: tuple[Path, str]) -> None:
    shown = [run(command, chain[0]).stdout for command in commands("edgedigits embed")]
    assert "passed: " in shown[0]
    assert (chain[0] / "digits-node" / "cnn.int8.onnx").is_file()


@pytest.mark.lengthy
def test_the_commands_that_verify_run(chain: tuple[Path, str]) -> None:
    for command in commands("edgedigits verify"):
        run(command, chain[0])
    assert json.loads((chain[0] / "verdict.json").read_text())["passed"]


@pytest.mark.lengthy
def test_the_commands_for_canvases_run(chain: tuple[Path, str], tmp_path: Path) -> None:
    shutil.copytree(chain[0] / "runs" / "cnn", tmp_path / "runs" / "cnn")
    images, labels = drawn.digits(10, seed=0)
    Image.fromarray(255 - canvases.paste(images[7])).save(tmp_path / "photo.png")
    (number,) = write_numbers(images, labels, count=1, seed=0)
    Image.fromarray(number.canvas).save(tmp_path / "phone.jpg")
    shown = [run(command, tmp_path).stdout for command in commands("edgedigits export --input canvas")]
    assert "cnn: below " in shown[0]
    _, picture, _, numbered, *_ = (line.split()[:2] for line in shown[1].splitlines())
    assert picture == ["photo.png", "7"]
    assert numbered[0] == "phone.jpg"
    others = [one for one, other in zip(numbered[1], number.text, strict=True) if one != other]
    assert others in ([], ["?"])  # one in doubt at most: each machine trains cnn otherwise, and so its threshold


def test_the_limits_shown_in_toml_are_read(tmp_path: Path) -> None:
    (block,) = blocks("toml")
    (tmp_path / "pyproject.toml").write_text(block)
    assert limits.from_pyproject(tmp_path / "pyproject.toml") == Limits(max_flips=20)


@pytest.mark.lengthy
def test_the_commands_that_train_run(mnist: Dataset, tmp_path: Path) -> None:
    assert len(mnist.train) == 60_000
    for command in commands("edgedigits models"):
        run(command, tmp_path)
    record = json.loads((tmp_path / "runs" / "fc" / "checkpoint.json").read_text())
    assert (record["recipe"]["epochs"], record["recipe"]["seed"]) == (2, 1)


@pytest.mark.lengthy
def test_the_python_snippet_runs(chain: tuple[Path, str]) -> None:
    snippet = next(block for block in blocks("python") if "import edgedigits" in block)
    printed = io.StringIO()
    names: dict[str, object] = {}
    with contextlib.chdir(chain[0]), contextlib.redirect_stdout(printed):
        exec(compile(snippet, "README.md", "exec"), names)
    assert printed.getvalue().startswith("True")


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """A folder with what the commands and snippets that score name."""
    shutil.copytree(SHELF / "fc", tmp_path / "exports" / "fc")
    (tmp_path / "digits").mkdir()
    for index, image in enumerate(IMAGES):
        Image.fromarray(image).save(tmp_path / "digits" / f"{index:03}.png")
    (tmp_path / "paths.txt").write_text("digits/001.png\ndigits/000.png\n")
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(IMAGES))
    column = pyarrow.array(IMAGES.reshape(-1, 784).tolist(), pyarrow.list_(pyarrow.int16()))
    table = pyarrow.table({"index": range(len(IMAGES)), "image": column})
    pyarrow.parquet.write_table(table, tmp_path / "images.parquet")
    return tmp_path


def answers(model: Path) -> list[str]:
    """The labels that a file gives to the images of `many`."""
    labels: list[str] = ed.Scorer(model)(IMAGES)["label"].tolist()
    return labels


def run_snippet(snippet: str, folder: Path, before: str = "") -> None:
    """Run a snippet in a program of its own: such engines leave processes and threads behind."""
    ours = {"PYTHONPATH": str(ROOT), "PYSPARK_PYTHON": sys.executable, "RAY_USAGE_STATS_ENABLED": "0"}
    environment = os.environ | ours
    done = subprocess.run(
        [sys.executable, "-c", before + snippet],
        cwd=folder,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.lengthy
def test_the_commands_that_score_run(many: Path) -> None:
    for command in commands("edgedigits score"):
        run(command, many)
    rows = (many / "answers.csv").read_text().splitlines()
    wanted = answers(many / "exports" / "fc" / "fc.onnx")
    assert [row.split(",")[1] for row in rows[1:]] == wanted
    assert pyarrow.parquet.read_table(many / "answers.parquet")["label"].to_pylist() == wanted[: len(wanted) // 4]
    assert [json.loads(row)["label"] for row in (many / "answers.jsonl").read_text().splitlines()] == wanted[1::-1]


@pytest.mark.lengthy
def test_the_snippet_for_ray_runs(many: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'edgedigits[ray]'")
    snippet = next(block for block in blocks("python") if "import ray" in block)
    run_snippet(snippet, many, before="import ray; ray.init(num_cpus=2, include_dashboard=False)\n")
    rows = [row for path in (many / "answers").iterdir() for row in csv.DictReader(path.open())]
    found = {Path(row["path"]).name: row["label"] for row in rows}
    assert [found[name] for name in sorted(found)] == answers(many / "exports" / "fc" / "fc.onnx")


@pytest.mark.lengthy
@pytest.mark.needs("java")
def test_the_snippet_for_spark_runs(many: Path) -> None:
    pytest.importorskip("pyspark", reason="Spark is not installed: pip install 'edgedigits[spark]'")
    run_snippet(inspect.cleandoc(str(ed.Scorer.make_predict_fn.__doc__)).partition("\n\n")[2], many)
    written = (many / "spark-answers").glob("*.json")
    rows = [json.loads(line) for path in written for line in path.read_text().splitlines()]
    found = [row["answer"]["label"] for row in sorted(rows, key=lambda row: row["index"])]
    assert found == answers(many / "exports" / "fc" / "fc.onnx")


@pytest.mark.lengthy
def test_the_commands_that_export_run(chain: tuple[Path, str], tmp_path: Path) -> None:
    shutil.copytree(chain[0] / "runs" / "cnn", tmp_path / "runs" / "cnn")
    for command in commands("edgedigits export --model cnn --format onnx"):
        run(command, tmp_path)
    names = {path.name for path in (tmp_path / "exports" / "cnn").iterdir()} - {manifest.FILE, ANSWERS}
    assert names == {"cnn.onnx", "cnn.torchscript.pt", "cnn.pt2", "cnn.static.onnx", "cnn.c"}


@pytest.mark.lengthy
def test_the_commands_for_microcontrollers_run(chain: tuple[Path, str], tmp_path: Path) -> None:
    shutil.copytree(chain[0] / "runs" / "cnn", tmp_path / "runs" / "cnn")
    shown = [run(command, tmp_path).stdout for command in commands("edgedigits export --model cnn --format c-int8")]
    assert "passed: 1 file" in shown[1]
    assert (tmp_path / "digits-c" / "Makefile").is_file()
    assert (tmp_path / "digits-arduino" / "library.properties").is_file()


@pytest.mark.lengthy
def test_the_commands_that_look_measure_and_prove_run(chain: tuple[Path, str], tmp_path: Path) -> None:
    shutil.copytree(chain[0], tmp_path, dirs_exist_ok=True)
    *looking, proving = commands("edgedigits inspect")
    for command in looking:
        run(command, tmp_path)
    assert (tmp_path / "exports" / "cnn" / card.FILE).is_file()
    assert "the same bytes came out again" in run(proving, tmp_path).stdout


def test_every_block_is_run_by_a_test_above() -> None:
    assert len(blocks("sh")) == 10
    assert len(blocks("python")) == 3
    assert len(blocks("text")) == 2
    assert len(blocks("toml")) == 1
    assert README.count("```") == 2 * 16


def test_it_is_short_and_what_it_prints_fits_a_terminal() -> None:
    assert len(README.splitlines()) <= MOST_LINES
    for block in blocks("text"):
        assert max(map(len, block.splitlines())) <= TERMINAL


def test_it_names_the_packages_and_the_engines() -> None:
    packages = sorted(path.parent.name for path in (ROOT / "edgedigits").glob("*/__init__.py"))
    (listed,) = re.findall(r"^`([a-z ]+ cli)`\.", README, flags=re.MULTILINE)
    assert sorted(listed.split()) == packages
    for row in read_comparison().rows:
        assert f"`{row.engine.name}`" in README


def test_the_pages_of_figures_are_fresh() -> None:
    assert (SHELF / shelf.FILE).read_text(encoding="utf-8") == shelf.shelf_text(SHELF)


def test_the_accuracies_in_words_are_those_that_were_measured() -> None:
    found = [measured.mean for name in TUTORIALS if (measured := find_figures(name, "default"))]
    assert f"reach {min(found):.1%} to {max(found):.1%}" in README.replace("\n", " ")


def test_the_flash_of_the_smallest_network_is_what_was_measured() -> None:
    (found,) = {run.footprint.flash for run in standings()["cnn-2k"].runs if run.footprint}
    assert found is not None
    assert f"`cnn-2k`: {size(found)} of flash)." in " ".join(README.split())


def test_pictures_that_it_shows_are_there() -> None:
    shown = re.findall(r"!\[[^]]+\]\(([^)]+)\)", README)
    assert {Path(path).name for path in shown} == {"draw.png", "report.png"}
    assert all((ROOT / path).is_file() for path in shown)


def shelf_reports(name: str) -> tuple[ParityReport, ...]:
    """What was verified of the files of a preset on the shelf."""
    return Verification.read(SHELF / name / manifest.PARITY_FILE).reports


def test_the_output_shown_is_of_the_files_on_the_shelf() -> None:
    shown = next(block for block in blocks("text") if "verdict" in block).splitlines()
    reports = (report for name in RUNTIME_FILES for report in shelf_reports(name))
    for report in (report for report in reports if report.format in ("onnx", "onnx-int8")):
        assert any(line.startswith(f"{report.path} ") and f" {report.accuracy:.2%} " in line for line in shown)


def test_the_limits_in_the_readme_are_the_defaults() -> None:
    assert Limits(max_flips=0, max_logit_diff=0.0001) == formats.FLOAT_LIMITS
    assert Limits(max_flips=50, max_drop=0.002) == formats.INT8_LIMITS
    assert "| float | 0 (`--max-flips`) | | 1e-4 of their range, or of 1 |" in README
    assert "| int8 | 50 (`--max-flips`) | 0.2 points (`--max-drop`) | |" in README
    assert Limits(max_drop=0.005, max_logit_diff=0.0001) == get_format("onnx-canvas").limits
    assert Limits(max_drop=0.005) == get_format("onnx-canvas-int8").limits
    assert "| canvas | | 0.5 points | the same in float |" in README


def test_every_option_in_the_readme_exists() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in Path(app.__file__).parent.glob("*.py"))
    declared = set(re.findall(r"--[a-z-]+", text)) | {
        f"--{name.replace('_', '-')}"
        for command in (train.train, export.export, verify.verify, embed.embed, inference.predict)
        for name in inspect.signature(command).parameters
    }
    ours = re.sub(r"^torchrun .* -m |`pip install [^`]*`", "", README, flags=re.MULTILINE)
    assert set(re.findall(r"(?<=[ `])--[a-z-]+", ours)) <= declared


@pytest.mark.parametrize("name", SHELVED)
def test_the_shelf_holds_what_its_manifests_say(name: str) -> None:
    listing = Manifest.read(SHELF / name / manifest.FILE)
    assert {path.name for path in (SHELF / name).iterdir()} == {
        manifest.FILE,
        manifest.PARITY_FILE,
        card.FILE,
        bom.FILE,
        ANSWERS,
        *(artifact.file for artifact in listing.artifacts),
    }
    in_c, others = ["c-int8"] * (name in {*IN_C, *RECORDS}), [] if name in RECORDS else ON_THE_SHELF
    assert [artifact.format for artifact in listing.artifacts] == [*in_c, *others]
    for artifact in listing.artifacts:
        assert files.sha256(SHELF / name / artifact.file) == artifact.sha256
    assert (SHELF / name / card.FILE).read_text(encoding="utf-8") == card_text(SHELF / name, "mit")
    parity = Verification.read(SHELF / name / manifest.PARITY_FILE)
    assert parity.passed
    assert [report.sha256 for report in parity.reports] == [
        artifact.sha256 for artifact in sorted(listing.artifacts, key=lambda artifact: artifact.file)
    ]


@pytest.mark.lengthy
@pytest.mark.parametrize("name", SHELVED)
def test_the_files_on_the_shelf_have_the_accuracy_they_claim(name: str, mnist: Dataset) -> None:
    for report in shelf_reports(name):
        long = "canvas" in report.format or name in RECORDS  # to paste all 10,000 takes a while, and integers in numpy
        part = slice(500) if long else slice(None)
        logits, _ = load(SHELF / name / Path(report.path).name)(mnist.test.images[part])
        found = (logits.argmax(1) == mnist.test.labels[part]).mean()
        assert found == pytest.approx(report.accuracy, abs=2e-2 if long else 2e-4)
