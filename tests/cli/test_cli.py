"""The command line: what it promises word for word, its exit codes, and what goes to which stream."""

import dataclasses
import importlib.metadata
import io
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import pytest
import torch
import typer.main
from onnx import numpy_helper
from PIL import Image

from edgedigits import __version__
from edgedigits.cli.app import app
from edgedigits.cli.main import main
from edgedigits.cli.schema import DOCUMENTS
from edgedigits.cli.voice import VOICE
from edgedigits.data import published
from edgedigits.embed.targets import TARGETS
from edgedigits.errors import DataError
from edgedigits.export.formats import METHODS, get_format
from edgedigits.export.manifest import FILE as MANIFEST
from edgedigits.models.presets import PRESETS
from edgedigits.records.artifact import ANSWERS, CONTRACT_KEY, Artifact, Manifest
from edgedigits.runtime.engines import ENGINES
from edgedigits.system import files
from edgedigits.system.plugins import Registry
from tests.helpers import FORMAT_NAMES, few, keep
from tests.helpers.documents import valid, validator
from tests.helpers.unknown import write_onnx

SHELF = Path(__file__).parents[2] / "exports" / "fc-28"
FEW = ("onnx", "onnx-int8")  # of what is told of all files together

# DESIGN.md, "Command line": these stay
OPTIONS = {
    "train": "--model --dataset --data-dir --recipe --epochs --batch-size --lr --seed --average --teacher --device "
    "--resume --runs --json",
    "adopt": "--net --args --timeout --name --input --labels --dataset --data-dir --force --runs --json",
    "export": "--model --format --input --quantize --method --data-dir --runs --exports --json",
    "verify": "--dataset --data-dir --max-flips --max-drop --sample --against --input --runs --exports --json",
    "bench": "--dataset --data-dir --runs --exports --json",
    "card": "--license --exports --json",
    "reproduce": "--dataset --data-dir --keep --json",
    "inspect": "--ask --input --dataset --data-dir --runs --json",
    "score": "--out --batch-size --shard --resume --dark-ink --json",
    "embed": "--out --force --exports --json",
    "demo": "--web --model --port --out --force --open --exports",
    "models": "--json",
    "predict": "--model-file --number --sheet --show --exports --json",
    "data": "--fetch --data-dir --json",
    "schema": "",
}
RUN_FIELDS = "name model dataset path test_accuracy train_accuracy train_seconds epochs seed device"
REPORT_FIELDS = (
    "name format path sha256 size_bytes reference_accuracy accuracy "
    "flips flip_indices lost gained max_abs_diff passed failures"
)
BENCH_FIELDS = (
    "name format path size_bytes accuracy flips latency_us latency_p99_us images_per_second to_torch to_float"
)
INSPECT_FIELDS = (
    "path format size_bytes sha256 contract checkpoint operators opset ir_version tensors parameters "
    "quantized_share runtimes verified"
)
JSON_FIELDS = {
    "train": {"": "runs", "runs": RUN_FIELDS},
    "adopt": {
        "": "name path dataset test_accuracy file sha256 structure layers readings rivals network",
        "readings": "words loss accuracy",
    },
    "export": {"": "artifacts", "artifacts": "name format path size_bytes sha256"},
    "verify": {"": "passed dataset samples reports", "reports": REPORT_FIELDS},
    "bench": {"": "dataset samples threads batch calls machine versions rows slower", "rows": BENCH_FIELDS},
    "card": {"cards": "name path"},
    "reproduce": {"": "name same files changed", "files": "file recorded found same"},
    "inspect": {"": INSPECT_FIELDS, "tensors": "name dtype shape bytes", "runtimes": "name minimum note"},
    "score": {"": "model model_sha256 input output shard items errors resumed seconds images_per_second"},
    "predict": {
        "": "model threshold predictions",
        "predictions": "picture answer probability probabilities doubts error",
    },
    "embed": {"": "target path models files size_bytes selftest"},
    "models": {"": "models", "models": "name network parameters recipes measured"},
    "data": {"": "files", "files": "dataset path state advice"},
}
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]


class Result(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


Cli = Callable[..., Result]


@pytest.fixture
def edgedigits(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Cli:
    """Run a command line in an empty folder, in this process, since each new one takes seconds to import torch."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EDGEDIGITS_DATA", str(tmp_path / "no data"))
    monkeypatch.delenv("EDGEDIGITS_DEBUG", raising=False)
    monkeypatch.setattr(VOICE, "quiet", False)  # main sets it for good
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # main replaces it for good

    def call(*arguments: object) -> Result:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["edgedigits", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        result = Result(left.value.code or 0, *capsys.readouterr())  # type: ignore[arg-type]
        if "--json" in arguments and result.out:
            valid(str(arguments[0]), result.out)
        return result

    return call


def process(*arguments: object, code: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command line in a process of its own; `code` is run instead of the package."""
    start = ["-c", code] if code else ["-m", "edgedigits"]
    kept = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR"}}
    done = subprocess.run(
        [sys.executable, *start, *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        env={**kept, **environment},
    )
    if "--json" in arguments and done.stdout:
        valid(str(arguments[0]), done.stdout)
    return done


@pytest.fixture
def fc_exports(exports: Path, tmp_path: Path) -> Path:
    """The exported files of `fc`, to damage."""
    shutil.copytree(exports / "fc-tiny", tmp_path / "exports" / "fc-tiny")
    return tmp_path / "exports"


def reproducible(folder: Path) -> Path:
    """A folder without TorchScript files, whose bytes depend on what their process exported before."""
    listing = Manifest.read(folder / MANIFEST)
    kept = tuple(artifact for artifact in listing.artifacts if not artifact.format.startswith("torchscript"))
    (folder / MANIFEST).write_text(dataclasses.replace(listing, artifacts=kept).to_json())
    return folder


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def last_line(text: str) -> str:
    return text.splitlines()[-1]


def test_the_three_commands_chain_in_an_empty_folder(edgedigits: Cli, digits_folder: Path, tmp_path: Path) -> None:
    train = edgedigits("train", "--dataset", digits_folder, "--epochs", 6, "--batch-size", 50, "--device", "cpu")
    assert (train.code, train.err) == (0, "Next: edgedigits export --format onnx --quantize\n")
    assert {path.name for path in (tmp_path / "runs").iterdir()} == {"fc-tiny", "cnn-tiny"}

    export = edgedigits("export", "--format", "onnx", "--quantize")
    assert (export.code, export.err) == (0, "Next: edgedigits verify\n")
    for name in ("fc-tiny", "cnn-tiny"):
        found = {path.name for path in (tmp_path / "exports" / name).iterdir()}
        assert found == {f"{name}.onnx", f"{name}.int8.onnx", MANIFEST, ANSWERS}

    verify = edgedigits("verify")
    assert verify.code == 0
    assert verify.err.startswith("Every file answers as its model does. Next: ")
    assert last_line(verify.out).startswith("passed: 4 files, 60 test images of tiny; the test split is too small for ")
    for path in (tmp_path / "exports").rglob("*.onnx"):
        assert str(path.relative_to(tmp_path)) in export.out
        assert str(path.relative_to(tmp_path)) in verify.out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_option_is_there_and_explained(command: str) -> None:
    found = {option: parameter for parameter in COMMANDS[command].params for option in parameter.opts}
    assert set(OPTIONS[command].split()) <= found.keys()
    assert COMMANDS[command].help
    assert all(parameter.help for parameter in found.values())


@pytest.mark.parametrize("command", COMMANDS)
def test_help_leaves_out_nothing_of_what_it_explains(command: str, edgedigits: Cli, monkeypatch: Any) -> None:
    """Rich takes words in brackets for markup, and drops them."""
    monkeypatch.setenv("COLUMNS", "300")
    shown = edgedigits(command, "--help")
    assert shown.code == 0
    for parameter in COMMANDS[command].params:
        for part in re.split(r"\{\w+\}", parameter.help):
            assert part in shown.out


@pytest.mark.parametrize(("command", "known"), [("verify", ENGINES), ("embed", TARGETS)])
def test_help_names_what_there_is(command: str, known: Registry[Any], edgedigits: Cli, monkeypatch: Any) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    assert f": {', '.join(known.names)}." in edgedigits(command, "--help").out


def test_no_command_is_left_out_here() -> None:
    assert COMMANDS.keys() == OPTIONS.keys() == JSON_FIELDS.keys() | {"demo", "schema"}  # which print no result
    assert set(DOCUMENTS) == JSON_FIELDS.keys() | {"manifest", "checkpoint", "parity", "contract"}


@pytest.mark.parametrize("command", JSON_FIELDS)
def test_json_is_one_document_with_the_promised_fields(
    command: str, edgedigits: Cli, digits_folder: Path, runs: Path, fc_exports: Path
) -> None:
    shutil.copytree(SHELF, "verified")
    arguments = {
        "train": ("-m", "fc", "--dataset", digits_folder, "--epochs", 1, "--seed", 4, "--device", "cpu"),
        "adopt": (runs / "fc-tiny" / "model.safetensors", "--dataset", digits_folder),
        "card": ("verified",),
        "reproduce": (reproducible(fc_exports / "fc-tiny"), "--dataset", digits_folder),
        "export": ("-m", "fc-tiny", "-f", "onnx", "--runs", runs),
        "verify": (fc_exports / "fc-tiny" / "fc-tiny.onnx", "--runs", runs),
        "bench": (fc_exports / "fc-tiny" / "fc-tiny.onnx", "--runs", runs),
        "inspect": (fc_exports / "fc-tiny" / "fc-tiny.onnx", "--runs", runs),
        "score": (fc_exports / "fc-tiny" / "fc-tiny.onnx", digits_folder, "--out", "answers.csv"),
        "predict": (next(digits_folder.glob("3/*.png")), "--exports", fc_exports),
        "embed": ("python", fc_exports / "fc-tiny" / "fc-tiny.onnx", "--out", "embedded"),
    }
    found = edgedigits(command, *arguments.get(command, ()), "--json")
    assert found.out, found.err
    document = json.loads(found.out)
    for place, fields in JSON_FIELDS[command].items():
        objects = document[place] if place else [document]
        assert objects
        for entry in objects:
            assert set(fields.split()) <= entry.keys()
    assert found.code == 0
    assert "Next: " in last_line(found.err)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_schema_of_every_document_is_printed(name: str, edgedigits: Cli) -> None:
    found = edgedigits("schema", name)
    assert (found.code, found.err) == (0, "")
    assert json.loads(found.out) == validator(name).schema
    validator(name).check_schema(json.loads(found.out))


def test_what_stages_write_keeps_its_schema(runs: Path, fc_exports: Path, edgedigits: Cli) -> None:
    assert edgedigits("verify", fc_exports / "fc-tiny" / "fc-tiny.onnx", "--runs", runs).code == 0
    valid("checkpoint", (runs / "fc-tiny" / "checkpoint.json").read_bytes())
    valid("manifest", (fc_exports / "fc-tiny" / MANIFEST).read_bytes())
    valid("parity", (fc_exports / "fc-tiny" / "parity.json").read_bytes())
    metadata = {entry.key: entry.value for entry in onnx.load(fc_exports / "fc-tiny" / "fc-tiny.onnx").metadata_props}
    valid("contract", metadata[CONTRACT_KEY])


def test_json_tells_of_training_in_fractions_and_seconds(edgedigits: Cli, digits_folder: Path, tmp_path: Path) -> None:
    arguments = ("--dataset", digits_folder, "--epochs", 3, "--batch-size", 50, "--seed", 4, "--device", "cpu")
    (run,) = json.loads(edgedigits("train", "-m", "fc", "-m", "fc", *arguments, "--runs", "r", "--json").out)["runs"]
    wanted = {"name": "fc-tiny", "model": "fc", "dataset": "tiny", "epochs": 3, "seed": 4, "device": "cpu"}
    assert run.items() >= wanted.items()
    assert Path(run["path"]) == Path("r/fc-tiny")
    assert (tmp_path / run["path"] / "checkpoint.json").is_file()
    assert 0.3 < run["test_accuracy"] <= 1
    assert run["train_seconds"] > 0


def test_json_of_an_export_describes_the_files(edgedigits: Cli, runs: Path) -> None:
    arguments = ("-m", "fc-tiny", "-f", "onnx", "--quantize", "--runs", runs, "--exports", "e", "--json")
    artifacts = json.loads(edgedigits("export", *arguments).out)["artifacts"]
    assert [entry["format"] for entry in artifacts] == ["onnx", "onnx-int8"]
    others = [json.loads(edgedigits("export", *arguments, "--method", name).out)["artifacts"][1] for name in METHODS]
    assert [entry["format"] for entry in others] == ["onnx-int8", "onnx-integer", "onnx-static"]
    for entry in (*artifacts, *others):
        assert entry["size_bytes"] == Path(entry["path"]).stat().st_size
        assert entry["sha256"] == files.sha256(Path(entry["path"]))


def test_the_limits_of_verify_are_given_in_answers_and_points(edgedigits: Cli, runs: Path, fc_exports: Path) -> None:
    keep(fc_exports / "fc-tiny", *FEW)
    arguments = ("--runs", runs, "--exports", fc_exports, "--max-flips", 7, "--max-drop", 0.5, "--json")
    reports = json.loads(edgedigits("verify", *arguments).out)["reports"]
    assert {report["limits"]["max_flips"] for report in reports} == {7}
    assert {report["limits"]["max_drop"] for report in reports} == {0.005}


def test_a_canvas_export_says_when_its_files_refuse(edgedigits: Cli, runs: Path) -> None:
    arguments = ("-m", "cnn-tiny", "--input", "canvas", "--quantize", "--runs", runs, "--exports", "e")
    table = edgedigits("export", *arguments)
    assert "cnn-tiny: below " in table.out
    assert "calibration error" in table.out
    artifacts = json.loads(edgedigits("export", *arguments, "--json").out)["artifacts"]
    assert [entry["format"] for entry in artifacts] == ["onnx-canvas", "onnx-canvas-int8"]
    assert artifacts[0]["refusal"] == artifacts[1]["refusal"]
    assert 0.1 < artifacts[0]["refusal"]["threshold"] < 1
    (plain,) = json.loads(edgedigits("export", "-m", "fc-tiny", "-f", "onnx", "--runs", runs, "--json").out)[
        "artifacts"
    ]
    assert plain["refusal"] is None


def test_predict_reads_numbers_and_ends_with_3_for_what_shows_none(
    edgedigits: Cli, exports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    page = np.full((100, 160), 235, np.uint8)
    page[30:70, [40, 41, 42, 43, 90, 91, 92, 93]] = 30
    Image.fromarray(page).save("eleven.png")
    Image.fromarray(np.full_like(page, 235)).save("blank.png")
    read = edgedigits("predict", "--number", "eleven.png", "--exports", exports, "--show")
    assert read.code == 0
    assert read.out.splitlines()[1].split()[:2] == ["eleven.png", "11"]
    assert Path("eleven.number.png").is_file()
    mixed = edgedigits("predict", "--sheet", "eleven.png", "blank.png", "--exports", exports, "--json")
    assert mixed.code == 3
    assert mixed.err == "edgedigits: blank.png: no number: the paper is empty.\n"
    assert [number["number"] for number in json.loads(mixed.out)["numbers"]] == ["11", None]


def test_predict_shows_what_was_seen_and_ends_with_3_for_what_is_no_picture(
    edgedigits: Cli, digits_folder: Path, exports: Path, tmp_path: Path
) -> None:
    picture = next(digits_folder.glob("4/*.png"))
    shown = edgedigits("predict", picture, "--exports", exports, "--show")
    assert shown.code == 0
    assert len(shown.out.splitlines()) == 2 + 14
    assert "\N{FULL BLOCK}" in shown.out
    assert shown.out.splitlines()[1].split()[:2] == [str(picture), "4"]
    (tmp_path / "text.png").write_text("hello")
    mixed = edgedigits("predict", picture, tmp_path / "text.png", "--exports", exports)
    assert mixed.code == 3
    assert str(picture) in mixed.out
    assert mixed.err.startswith(f"edgedigits: {tmp_path}/text.png: not a readable picture (none of these: PNG, JPEG")
    assert len(mixed.err.splitlines()) == 1


def test_embed_lists_the_files_and_ends_with_the_selftest(edgedigits: Cli, fc_exports: Path, tmp_path: Path) -> None:
    arguments = ("embed", "python", fc_exports / "fc-tiny" / "fc-tiny.onnx", "--out", "my digits")
    made = edgedigits(*arguments)
    listed = [line.rsplit(maxsplit=2)[0] for line in made.out.splitlines()[1:]]
    files = [path for path in (tmp_path / "my digits").rglob("*") if path.is_file()]
    assert listed == sorted(path.relative_to(tmp_path).as_posix() for path in files)
    selftest = "pip install -r requirements.txt && python selftest.py"
    assert made.err == f"Next: cd 'my digits' && {selftest} (its install needs a network)\n"
    again = edgedigits(*arguments)
    assert (again.code, again.out) == (2, "")
    assert again.err == (
        "edgedigits: my digits: not empty. Name another --out, or use --force to replace the files of an embedding.\n"
    )
    assert edgedigits(*arguments, "--force").code == 0


@pytest.mark.parametrize(
    ("target", "model", "code"),
    [
        ("pascal", "fc-tiny", 2),
        ("python", "nothing", 3),
        ("python", "nothing.onnx", 3),
        ("python", "exports/fc-tiny/fc-tiny.torchscript.pt", 3),
        ("python", "exports/fc-tiny/manifest.json", 3),
    ],
)
def test_what_cannot_be_embedded_is_one_line(
    target: str, model: str, code: int, edgedigits: Cli, fc_exports: Path, tmp_path: Path
) -> None:
    found = edgedigits("embed", target, model, "--exports", fc_exports, "--out", "out")
    assert (found.code, found.out) == (code, "")
    assert len(found.err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_models_lists_every_preset(edgedigits: Cli) -> None:
    listing = edgedigits("models")
    names = {line.split()[0] for line in listing.out.splitlines()}
    assert names >= PRESETS.keys()
    assert last_line(listing.err) == "Next: edgedigits train --model NAME"


def test_score_answers_and_says_what_it_could_not_read(
    edgedigits: Cli, digits_folder: Path, fc_exports: Path, tmp_path: Path
) -> None:
    model, folder = fc_exports / "fc-tiny" / "fc-tiny.onnx", tmp_path / "digits"
    shutil.copytree(digits_folder, folder)
    done = edgedigits("score", model, folder, "--out", "answers.csv")
    doubted, following = done.err.splitlines()
    assert (done.code, following) == (0, "Next: look at answers.csv")
    assert re.fullmatch(r"edgedigits: note: doubtful: \d+ touches-border \(the column 'doubts' .*\)", doubted)
    assert "360" in done.out
    assert len(Path("answers.csv").read_text().splitlines()) == 361

    again = edgedigits("score", model, folder, "--out", "answers.csv", "--resume")
    assert (again.code, again.err) == (
        2,
        "edgedigits: answers.csv: exists already. Remove it, or name another output.\n",
    )

    (folder / "3" / "00.png").write_bytes(b"no image")
    partly = edgedigits("score", model, folder, "--out", "partly.jsonl", "--json")
    assert partly.code == 3
    assert last_line(partly.err) == "1 of 360 images could not be read: their rows in partly.jsonl say why."
    assert json.loads(partly.out)["errors"] == 1
    assert sum("not a readable image" in row for row in Path("partly.jsonl").read_text().splitlines()) == 1


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """A data folder with one damaged file of MNIST, and nothing else."""
    folder = tmp_path / "data"
    (folder / "MNIST" / "raw").mkdir(parents=True)
    (folder / "MNIST" / "raw" / "t10k-labels-idx1-ubyte").write_bytes(b"not labels")
    return folder


def test_data_lists_every_file_with_its_state(edgedigits: Cli, raw: Path) -> None:
    entries = json.loads(edgedigits("data", "--data-dir", raw, "--json").out)["files"]
    states = {(entry["dataset"], Path(entry["path"]).name): entry["state"] for entry in entries}
    assert states["mnist", "t10k-labels-idx1-ubyte"] == "damaged"
    assert states["mnist", "train-images-idx3-ubyte"] == states["fashion", "t10k-labels-idx1-ubyte"] == "missing"
    assert {name for name, _ in states} == set(published.KNOWN)


@pytest.mark.parametrize(("names", "code"), [((), 0), (("mnist",), 3), (("fashion", "mnist"), 3)])
def test_data_fails_for_a_set_that_was_named_and_is_not_whole(
    names: tuple[str, ...], code: int, edgedigits: Cli, raw: Path
) -> None:
    found = edgedigits("data", *names, "--data-dir", raw)
    assert found.code == code
    assert "damaged" in found.out
    assert "edgedigits data --fetch mnist" in found.out


def test_data_fetches_each_set_that_is_not_whole_once(
    edgedigits: Cli, raw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[tuple[str, Path]] = []
    monkeypatch.setattr(published, "fetch", lambda *arguments: fetched.append(arguments[:2]))
    edgedigits("data", "mnist", "--data-dir", raw)
    assert not fetched
    assert edgedigits("data", "mnist", "--fetch", "--data-dir", raw).code == 3  # what came is no better
    assert fetched == [("mnist", raw)]


@pytest.mark.parametrize(
    ("line", "code", "hint"),
    [
        ("train --model cn", 2, "unknown model 'cn': did you mean 'cnn'?"),
        ("train --dataset mnst", 2, "did you mean 'mnist'?"),
        ("train --dataset ./nowhere", 3, "./nowhere: no such folder"),
        ("train --recipe tutoral", 2, "unknown recipe 'tutoral': did you mean 'tutorial'?"),
        ("train --device cdua", 2, "unknown device 'cdua': did you mean 'cuda'?"),
        ("train --device cuda", 4, "--device cuda"),
        ("train --lr -1", 2, "lr: a positive number wanted, -1.0 given"),
        ("train --lr nan", 2, "lr: a positive number wanted, nan given"),
        ("train --average 1", 2, "average: between 0 and 1 wanted, 1.0 given"),
        ("export --format onx --runs {runs}", 2, "unknown format 'onx': did you mean 'onnx'?"),
        ("export --quantize --method statc --runs {runs}", 2, "unknown method 'statc': did you mean 'static'?"),
        ("export --method static --runs {runs}", 2, "--method says how to quantize: add --quantize"),
        ("export --format pt2 --quantize --runs {runs}", 2, "nothing to quantize: pt2 has no form in 8 bits"),
        ("export --format onnx --quantize --method integer --runs {runs}", 2, "cnn-tiny has no onnx-integer form: no"),
        ("export --model fc-tinny --runs {runs}", 2, "unknown run 'fc-tinny': did you mean 'fc-tiny'?"),
        ("export", 3, "runs: no trained models here. Run edgedigits train"),
        ("export --runs {runs} --exports in-the-way", 4, "cannot write to in-the-way"),
        ("verify", 3, "exports: no exported files here. Run edgedigits export"),
        ("predict x.png", 3, "exports: no canvas file here. Run edgedigits export --input canvas"),
        ("predict x.png --show", 2, "--show draws for people"),
        ("predict x.png --model-file in-the-way", 3, "in-the-way: no canvas file"),
        ("export --input canvs --runs {runs}", 2, "unknown input 'canvs': did you mean 'canvas'?"),
        ("export --input canvas --format pt2 --runs {runs}", 2, "pt2 takes no canvas: there is no such form of it"),
        ("bench", 3, "exports: no exported files here. Run edgedigits export"),
        ("bench nothing.onnx", 3, "nothing.onnx is missing"),
        ("bench in-the-way", 3, "in-the-way: no format has its suffix"),
        ("inspect nothing.onnx", 3, "nothing.onnx is missing: no file, and no model of that name"),
        ("inspect nothing.onnx --ask", 3, "nothing.onnx is missing: no file, and no model of that name"),
        ("inspect nothing.onnx --input nchw", 2, "--input says something of what is asked: with --ask"),
        ("score nothing.onnx {runs} --out a.csv", 3, "nothing.onnx is missing"),
        ("predict x.png --model nothing", 3, "nothing is missing"),
        ("card nothing", 3, "nothing is missing"),
        ("reproduce nothing", 3, "nothing is missing"),
        ("inspect in-the-way", 3, "in-the-way: no format has its suffix"),
        ("score nothing.onnx in-the-way --out a.csv", 3, "in-the-way: holds no image"),
        ("score in-the-way nothing --out a.csv", 3, "nothing: cannot be read"),
        ("score in-the-way nothing --out a.csv --shard 2/2", 2, "i/N with i from 0 to N - 1 wanted"),
        ("verify --dataset mnst", 2, "did you mean 'mnist'?"),
        ("verify --engine opnvino", 2, "did you mean 'openvino'?"),
        ("verify --engine openvino --setting exakt", 2, "unknown setting 'exakt': did you mean 'exact'?"),
        ("verify --setting exact", 2, "setting exact: says how an engine is called, and none is named"),
        ("schema verfy", 2, "did you mean 'verify'?"),
        ("data mnits", 2, "unknown data set 'mnits': did you mean 'mnist'?"),
    ],
)
def test_an_error_is_a_line_or_two_and_the_exit_code_of_its_kind(
    line: str, code: int, hint: str, edgedigits: Cli, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    (tmp_path / "in-the-way").write_text("")
    words = [word.format(runs=runs) for word in line.split()]
    found = edgedigits(*words, *(["--json"] if words[0] in JSON_FIELDS else []))
    assert found.code == code
    assert found.out == ""
    assert found.err.startswith("edgedigits: ")
    assert hint in found.err
    assert len(found.err.splitlines()) <= 2


def test_what_the_input_of_a_model_is_can_be_asked(edgedigits: Cli, digits_folder: Path, tmp_path: Path) -> None:
    write_onnx(tmp_path / "theirs.onnx", "mean/std, nchw", ["N", 1, 28, 28])
    asked = ("inspect", "theirs.onnx", "--ask", "--dataset", digits_folder)
    known = (*asked, "--input", "mean/std")
    found = edgedigits(*known)
    assert (found.code, last_line(found.err)) == (0, "Its input: mean/std, nchw. Next: edgedigits adopt theirs.onnx")
    assert found.out.splitlines()[1].split()[:2] == ["mean/std,", "nchw"]
    document = json.loads(edgedigits(*known, "--json").out)
    assert document["rows"][0].keys() == {"input", "words", "loss", "accuracy", "alike"}
    assert document["rows"][0]["input"]["std"] == 0.3081
    wrong = edgedigits(*asked, "--input", "dark ink")
    assert wrong.code == 3
    assert "no reading of its input makes 80% of the training digits right" in wrong.err
    assert "dark ink" in wrong.out  # what was tried is shown all the same
    assert edgedigits(*asked, "--input", "men/std").code == 2


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("trian", "Did you mean 'train'?"),
        ("train --epoch 3", "--epochs"),
        ("train --epochs 0", "--epochs"),
        ("train --batch-size 1.5", "--batch-size"),
        ("train --seed -1", "--seed"),
        ("score fc.onnx digits", "--out"),
        ("score fc.onnx digits --out a.csv --batch-size 0", "--batch-size"),
        ("verify --max-flips -1", "--max-flips"),
        ("verify --max-drop half", "--max-drop"),
    ],
)
def test_wrong_usage_is_explained_on_stderr(line: str, hint: str, edgedigits: Cli) -> None:
    found = edgedigits(*line.split())
    assert (found.code, found.out) == (2, "")
    assert hint in found.err


@pytest.mark.parametrize("wrong", ["--model cn", "--recipe tutoral", "--device cdua", "--device cuda", "--lr -1"])
def test_a_wrong_option_is_told_before_data_are_fetched(
    wrong: str, edgedigits: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(*_: object) -> None:
        raise DataError("loaded")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr("edgedigits.data.load.load_data", load)
    assert edgedigits("train").err == "edgedigits: loaded\n"
    assert "loaded" not in edgedigits("train", *wrong.split()).err


def test_a_missing_device_is_exit_code_4_and_nothing_is_written(
    edgedigits: Cli, digits_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert edgedigits("train", "--dataset", digits_folder, "--device", "mps").code == 4
    assert not any(tmp_path.iterdir())


def test_a_warning_is_a_note_on_stderr(edgedigits: Cli, digits_folder: Path) -> None:
    arguments = ("--dataset", digits_folder, "--dark-ink", "-m", "fc", "--epochs", 1, "--device", "cpu", "--json")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        found = edgedigits("train", *arguments)
    assert found.err.startswith(f"edgedigits: note: {digits_folder}: the ground seems light")
    assert json.loads(found.out)["runs"]


def swap_classes(path: Path) -> None:
    """Swap the logits of 3 and 8 in a file of `fc`, and make its manifest right again."""
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        if 10 in tensor.dims:
            values = numpy_helper.to_array(tensor).take([0, 1, 2, 8, 4, 5, 6, 7, 3, 9], list(tensor.dims).index(10))
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    onnx.save(model, path)
    edit_manifest(path, size_bytes=path.stat().st_size, sha256=files.sha256(path))


def edit_manifest(path: Path, **changes: Any) -> None:
    listing = Manifest.read(path.parent / MANIFEST)
    artifacts: tuple[Artifact, ...] = tuple(
        dataclasses.replace(entry, **changes) if entry.file == path.name else entry for entry in listing.artifacts
    )
    (path.parent / MANIFEST).write_text(dataclasses.replace(listing, artifacts=artifacts).to_json())


@pytest.mark.parametrize("limits", [(), ("--max-drop", 100), ("--max-flips", 60, "--max-drop", 100)])
def test_a_file_that_answers_otherwise_fails_whatever_the_limits_allow(
    limits: tuple[object, ...], edgedigits: Cli, runs: Path, fc_exports: Path
) -> None:
    keep(fc_exports / "fc-tiny", *FEW)
    path = fc_exports / "fc-tiny" / "fc-tiny.onnx"
    swap_classes(path)
    found = edgedigits("verify", "--runs", runs, *limits)
    assert found.code == 1
    assert last_line(found.out).startswith("FAILED: 1 of 2 files")
    assert "logits: off by" in found.out
    assert (
        "cause: labels permuted: in the order of the labels, its columns are 0, 1, 2, 8, 4, 5, 6, 7, 3, 9" in found.out
    )
    assert "Next" not in found.err


def test_a_failed_gate_is_told_in_json_too(edgedigits: Cli, runs: Path, fc_exports: Path) -> None:
    path = fc_exports / "fc-tiny" / "fc-tiny.onnx"
    swap_classes(path)
    found = edgedigits("verify", path, "--runs", runs, "--json")
    document = json.loads(found.out)
    (report,) = document["reports"]
    assert (found.code, document["passed"], report["passed"], report["path"]) == (1, False, False, str(path))
    assert report["flips"] == len(report["flip_indices"]) > 0
    assert report["failures"][0].startswith("flips: ")


@pytest.mark.parametrize("asked", ["--max-flips", "pyproject.toml"])
def test_a_limit_that_was_asked_for_anywhere_and_cannot_be_checked_fails(
    asked: str, edgedigits: Cli, fc_exports: Path, digits_folder: Path, tmp_path: Path
) -> None:
    folder = fc_exports / "fc-tiny"  # as earlier versions exported it: without answers
    (folder / MANIFEST).write_text(dataclasses.replace(Manifest.read(folder / MANIFEST), answers=None).to_json())
    (folder / ANSWERS).unlink()
    line = ["verify", folder / "fc-tiny.onnx", "--runs", tmp_path / "nowhere", "--dataset", digits_folder]
    kept = edgedigits(*line)
    assert kept.code == 0
    assert kept.err.startswith("Every file keeps the limits that were checked. Next: ")
    if asked == "pyproject.toml":
        (tmp_path / asked).write_text("[tool.edgedigits.verify]\nmax-flips = 0\n")
    found = edgedigits(*line, *([asked, 0] if asked.startswith("-") else []), "--json")
    (report,) = json.loads(found.out)["reports"]
    assert (found.code, report["passed"], report["unchecked"]) == (1, False, ["max-flips", "max-logit-diff"])
    assert [failure.partition(",")[0] for failure in report["failures"]] == ["flips: max-flips 0 cannot be checked"]


@pytest.mark.parametrize("name", FORMAT_NAMES)
def test_a_file_with_one_byte_changed_is_bad_input(name: str, edgedigits: Cli, runs: Path, fc_exports: Path) -> None:
    keep(fc_exports / "fc-tiny", name, *[other for other in FEW if other != name][:1])
    path = fc_exports / "fc-tiny" / f"fc-tiny{get_format(name).suffix}"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    found = edgedigits("verify", "--runs", runs)
    assert found.code == 3
    assert last_line(found.out).startswith("FAILED: 1 of 2 files")
    assert f"file: exports/fc-tiny/{path.name} changed since its {MANIFEST} was written" in found.out


@pytest.mark.parametrize("command", ["verify", "bench"])
def test_a_file_that_can_hold_code_is_loaded_when_it_is_recorded_or_trusted(
    command: str, edgedigits: Cli, runs: Path, exports: Path, tmp_path: Path
) -> None:
    path = shutil.copy(exports / "fc-tiny" / "fc-tiny.torchscript.pt", tmp_path)
    refused = edgedigits(command, path, "--runs", runs)
    assert refused.code == 3
    assert "can hold code that runs when they are loaded" in refused.out + refused.err
    assert edgedigits(command, path, "--runs", runs, "--trust").code == 0


def test_a_named_file_that_is_missing_is_bad_input(edgedigits: Cli) -> None:
    found = edgedigits("verify", "nothing.onnx")
    assert found.code == 3
    assert found.err == (
        "edgedigits: nothing.onnx is missing: no file, and no model of that name. Nothing is below exports.\n"
    )


def test_a_data_set_with_other_classes_is_bad_input(
    edgedigits: Cli, runs: Path, fc_exports: Path, digits_folder: Path, tmp_path: Path
) -> None:
    for digit in "01":
        shutil.copytree(digits_folder / digit, tmp_path / "two" / digit)
    found = edgedigits("verify", "--runs", runs, "--exports", fc_exports, "--dataset", tmp_path / "two")
    assert (found.code, found.out) == (3, "")
    assert "data set two has 2 classes, model fc-tiny has 10" in found.err


def test_python_m_edgedigits_is_the_command_line() -> None:
    found = process("--version")
    first, *others = found.stdout.splitlines()
    assert (found.returncode, first, found.stderr) == (0, f"edgedigits {__version__}", "")
    assert f"onnxruntime {importlib.metadata.version('onnxruntime')}" in others
    assert f"torch {importlib.metadata.version('torch')}" in others
    assert others[-1] == f"python {platform.python_version()}"


@pytest.mark.parametrize(
    "line", ["--help", "--version", "train --help", "export --format onx", "train --model cn", "data mnits"]
)
def test_nothing_heavy_is_imported_before_it_is_needed(line: str) -> None:
    code = """if True:
        import sys
        from edgedigits.cli.main import main
        try:
            main()
        except SystemExit:
            print("heavy:", *sorted({"torch", "torchvision", "onnx", "onnxruntime"} & set(sys.modules)))
    """
    found = process(*line.split(), code=code)
    assert found.stdout.endswith("heavy:\n"), found.stderr


WITHOUT_TORCH = """if True:
    import sys
    sys.modules["torch"] = None  # as if it were not installed
    from edgedigits.cli.main import main
    main()
"""


def test_without_torch_files_are_verified_and_measured_and_training_says_what_is_missing(
    runs: Path, exports: Path, digits_folder: Path, tmp_path: Path
) -> None:
    path = shutil.copytree(exports / "fc-tiny", tmp_path / "fc-tiny") / "fc-tiny.onnx"
    for command in ("verify", "bench"):
        done = process(command, path, "--runs", runs, code=WITHOUT_TORCH)
        assert done.returncode == 0, done.stderr
        assert "fc-tiny" in done.stdout
    done = process("train", "--dataset", digits_folder, "--runs", tmp_path, code=WITHOUT_TORCH)
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.startswith("edgedigits: edgedigits train needs torch, which is not installed here")


@pytest.mark.parametrize("debug", ["", "1"])
def test_a_traceback_is_shown_only_on_request(debug: str) -> None:
    found = process("train", "--model", "cn", EDGEDIGITS_DEBUG=debug)
    assert found.stdout == ""
    assert "unknown model 'cn'" in found.stderr
    assert ("Traceback" in found.stderr) == bool(debug)
    assert found.returncode == 2


INTERRUPTED = """if True:
    import os, signal
    from edgedigits.cli.main import main
    from edgedigits.train import loop

    add = loop.Meter.add
    def interrupting(self, *arguments):
        add(self, *arguments)
        if self.step == 20:
            os.kill(os.getpid(), signal.{})

    loop.Meter.add = interrupting
    main()
"""


@pytest.mark.lengthy
@pytest.mark.skipif(os.name != "posix", reason="signals are sent otherwise there")
@pytest.mark.parametrize("name", few(["SIGINT", "SIGTERM"], ["SIGINT"]))
def test_an_interrupted_training_leaves_earlier_runs_whole_and_goes_on(
    name: str, runs: Path, digits_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(runs / "fc-tiny", tmp_path / "fc-tiny")
    before = snapshot(tmp_path)
    options = ("-m", "fc", "--dataset", digits_folder, "--batch-size", 20, "--epochs", 3, "--device", "cpu")
    found = process("train", *options, "--runs", tmp_path, code=INTERRUPTED.format(name))
    where = "in epoch 2, after step 20 of 45"
    note = f"edgedigits: note: {tmp_path / 'fc-tiny'}: interrupted {where}; edgedigits train --resume goes on"
    last = ["edgedigits: interrupted; files of earlier runs are as they were"] if name == "SIGINT" else []
    assert found.returncode == 128 + getattr(signal, name)
    assert found.stdout == ""
    assert found.stderr.splitlines() == [note, *last]
    state = snapshot(tmp_path)
    assert state.pop("fc-tiny/resume.safetensors")
    assert state == before
    assert [path.name for path in tmp_path.rglob("*") if path.is_dir()] == ["fc-tiny"]

    resumed = process("train", *options, "--runs", tmp_path, "--resume")
    assert resumed.returncode == 0
    assert f"fc-tiny: goes on {where}\n" in resumed.stderr
    process("train", *options, "--runs", tmp_path / "never")
    files = ("fc-tiny/model.safetensors", "never/fc-tiny/model.safetensors")
    assert len({(tmp_path / path).read_bytes() for path in files}) == 1


@pytest.mark.parametrize(("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colour_is_for_terminals_that_want_it(environment: dict[str, str], coloured: bool, tmp_path: Path) -> None:
    arguments = ("data", "mnist", "--data-dir", tmp_path)
    yellow = "\x1b[33m"
    assert (yellow in process(*arguments, FORCE_COLOR="1", TERM="xterm-256color", **environment).stdout) == coloured
    assert "\x1b" not in process(*arguments, TERM="xterm-256color", **environment).stdout  # a pipe


def test_a_pipe_that_cannot_encode_a_table_still_gets_it(
    edgedigits: Cli, runs: Path, fc_exports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(pipe, encoding="ascii"))
    assert edgedigits("verify", fc_exports / "fc-tiny" / "fc-tiny.onnx", "--runs", runs).code == 0
    sys.stdout.flush()
    assert b"? 95%" in pipe.getvalue()


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux's")
@pytest.mark.parametrize("line", ["models", "models --json", "--version", "--help"])
def test_what_cannot_be_printed_is_an_error_in_a_line(line: str) -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "edgedigits", *line.split()]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 4
    wanted = "No space left on device: what is printed, or a temporary file, cannot be written. Make room for it."
    assert f"edgedigits: {wanted}" in done.stderr.splitlines()
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="a POSIX shell closes stdout")
@pytest.mark.parametrize("line", ["models", "models --json", "--version", "data"])
def test_a_closed_stdout_is_no_fault(line: str) -> None:
    command = f'"{sys.executable}" -m edgedigits {line} >&-'
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
