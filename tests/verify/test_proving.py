"""What C files are asked in where nobody names an engine: WebAssembly, or numpy, which is said."""

from pathlib import Path

import pytest

from edgedigits.runtime.load import Opener
from edgedigits.verify.proving import prover_of
from edgedigits.verify.verifier import verify
from tests.helpers.commands import command, take_away


@pytest.fixture
def model(exports: Path) -> Path:
    return exports / "cnn-tiny" / "cnn-tiny.int8.c"


@pytest.mark.parametrize("name", ["cnn-tiny.int8.c", "cnn-tiny.canvas.int8.c"])
def test_a_c_file_is_asked_in_webassembly(name: str, model: Path, runs: Path) -> None:
    (report,) = verify(model.with_name(name), runs=runs, sample=40).reports
    assert report.passed
    assert report.engine is not None
    assert report.engine.name == "wasm"
    assert report.remarks == ()
    assert {found.setting for found in report.deployments} == {"one image a call", "O3"}


def test_without_the_extra_its_integers_are_computed_in_numpy_and_that_is_said(
    model: Path, runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    take_away("ziglang", monkeypatch)
    code = command("verify", model, "--runs", runs, "--sample", 40)
    shown = " ".join(capsys.readouterr().out.split())
    assert code == 0, shown
    assert "asked in integers" in shown
    assert "its integers were computed in numpy, and its code was not run: engine wasm needs ziglang: pip" in shown


def test_what_is_named_is_asked_and_other_files_in_what_runs_their_format(model: Path) -> None:
    assert prover_of(model, Opener(engine="integers")).engine is None
    assert prover_of(model.with_name("cnn-tiny.onnx"), Opener()).engine is None


def test_an_edited_file_ends_with_exit_code_3(
    model: Path, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / model.name
    path.write_bytes(model.read_bytes().replace(b"sums[o] +=", b"sums[o] -=", 1))
    for options in ([], ["--engine", "cc"], ["--engine", "cortex-m"]):
        assert command("verify", path, "--runs", runs, "--trust", *options) == 3
        assert "was edited" in " ".join(capsys.readouterr().out.split())
    assert command("verify", path, "--runs", runs, "--engine", "cc") == 3  # nor is it trusted
