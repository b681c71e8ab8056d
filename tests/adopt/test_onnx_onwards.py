"""An ONNX file that was adopted is a run like any other, and nobody calls it a torch model."""

import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console, RenderableType

import edgedigits as ed
from edgedigits.adopt.adopter import adopt
from edgedigits.bench.bench import ADOPTED
from edgedigits.cli import bench as cli_bench
from edgedigits.cli import verdict
from edgedigits.data.dataset import Dataset
from edgedigits.errors import CheckpointError
from edgedigits.records.foreign import MODEL, ORIGINAL
from edgedigits.records.report import Limits
from edgedigits.runtime.inspection import inspect
from edgedigits.verify.card import card_text
from tests.adopt.test_onnx_files import CASES, known, written
from tests.helpers import HERE

__all__ = ["known"]  # a fixture
BATCH = 10  # images that the file takes a call


@pytest.fixture(scope="module")
def place(known: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a file that takes ten images a call was adopted, exported and verified."""
    folder = tmp_path_factory.mktemp("onwards")
    run = adopt(written(folder / "theirs.onnx", CASES["batch of 10"]), dataset=known, runs=folder / "runs")
    for input_name in ("digit", "canvas"):
        ed.export(run, "onnx", input=input_name, dataset=known, exports=folder / "exports")
    return folder


@pytest.fixture(scope="module")
def verified(place: Path, known: Dataset) -> ed.Verification:
    return ed.verify(
        [place / "exports" / "theirs"],
        dataset=known,
        runs=place / "runs",
        exports=place / "exports",
        html=place / "page.html",
        limits=Limits(max_drop=1.0),  # a linear model reads blots that lie elsewhere on a canvas less well
        opener=HERE,
    )


def shown(what: RenderableType) -> str:
    console = Console(width=200, record=True, quiet=True)
    with console.capture() as captured:
        console.quiet = False
        console.print(what)
    return captured.get()


def test_its_files_pass_and_neither_the_table_nor_the_page_speaks_of_torch(
    verified: ed.Verification, place: Path
) -> None:
    assert [(report.format, report.passed) for report in verified.reports] == [("onnx-canvas", True), ("onnx", True)]
    assert verified.reports[1].flips == 0
    text = shown(verdict.verification(verified))
    assert "adopted" in text.splitlines()[0]
    page = (place / "page.html").read_text(encoding="utf-8")
    assert "the adopted file" in page
    for words in (text, page):
        assert not re.search(r"torch( model|\Ws\b)", words, flags=re.IGNORECASE)


@pytest.mark.parametrize("isolated", [False, True])
def test_its_run_is_loaded(isolated: bool, place: Path, known: Dataset) -> None:
    run, file = place / "runs" / "theirs", place / "exports" / "theirs" / "theirs.onnx"
    predict, wanted = ed.load(run, isolated=isolated), ed.load(file)
    assert predict.contract.labels == known.labels
    assert predict.contract.format == "checkpoint"
    for one in (predict, pickle.loads(pickle.dumps(predict))):
        for found, given in zip(one(known.test.images), wanted(known.test.images), strict=True):
            np.testing.assert_array_equal(found, given)


def test_a_run_that_was_changed_is_not_loaded(place: Path, known: Dataset, tmp_path: Path) -> None:
    run = adopt(place / "theirs.onnx", dataset=known, runs=tmp_path)
    (run.folder / MODEL).write_bytes(b"another")
    with pytest.raises(CheckpointError, match=r"model\.onnx: changed since it was recorded"):
        ed.load(run.folder)


def test_it_is_measured_beside_the_file_as_it_was_found(place: Path, known: Dataset) -> None:
    file = place / "exports" / "theirs" / "theirs.onnx"
    result = ed.bench([file], dataset=known, runs=place / "runs", opener=HERE)
    assert [(row.format, row.flips) for row in result.rows] == [(ADOPTED, 0), ("onnx", 0)]
    theirs, ours = result.rows
    assert theirs.path == str(place / "runs" / "theirs" / ORIGINAL)
    assert theirs.images_per_second == pytest.approx(BATCH * 1e6 / theirs.latency_us, rel=0.9)  # it takes ten, always
    assert ours.to_torch is not None
    text = shown(cli_bench.benchmark(result))
    assert "model: latency" in text
    assert "not at hand" not in text


def test_its_card_says_that_it_was_adopted(verified: ed.Verification, place: Path) -> None:
    assert verified.passed
    text = card_text(place / "exports" / "theirs")
    assert "| adopted file |" in text
    assert "each file against the adopted file that it was made from" in text
    assert "It was kept whole: an ONNX graph of " in text
    assert "torch" not in text.lower()


def test_what_its_files_are_is_shown_without_torch(place: Path) -> None:
    found = inspect(place / "exports" / "theirs" / "theirs.onnx", runs=place / "runs")
    assert "torch" not in shown(cli_bench.inspection(found))
    assert all(runtime.loads for runtime in found.runtimes)


def test_its_files_are_made_again(place: Path, known: Dataset) -> None:
    found = ed.reproduce("theirs", dataset=known, runs=place / "runs", exports=place / "exports")
    assert found.same, found
    names = {file.file for file in found.files}
    assert names == {"model.onnx", "theirs.onnx", "theirs.canvas.onnx", "answers.safetensors"}


def test_its_files_are_embedded_and_score(place: Path, known: Dataset, tmp_path: Path) -> None:
    file = place / "exports" / "theirs" / "theirs.onnx"
    ed.embed("python", file, out=tmp_path / "out")
    done = subprocess.run([sys.executable, "selftest.py"], cwd=tmp_path / "out", capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    labels = ed.Scorer(file)(known.test.images)["label"]
    assert (labels == np.array(known.labels)[ed.load(file)(known.test.images)[0].argmax(1)]).all()
