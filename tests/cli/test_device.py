"""What commands say of a C file before anybody flashes it, and the limits of that."""

import json
import shutil
import sys
from pathlib import Path

import pytest

import edgedigits.bench.bench  # noqa: F401 - its rounds are made fewer
from tests.helpers import keep
from tests.helpers.commands import command, take_away

FIGURES = {"code", "tables", "weights", "scratch", "stack", "products", "instructions", "missing"}


@pytest.fixture
def model(exports: Path) -> Path:
    return exports / "cnn-tiny" / "cnn-tiny.int8.c"


def document(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, object]:
    assert command(*words, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    return found


def shown(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str]:
    code = command(*words)
    captured = capsys.readouterr()
    return code, " ".join((captured.out + captured.err).split())


def test_inspect_shows_what_it_takes(model: Path, runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = document(capsys, "inspect", model, "--runs", runs)["footprint"]
    assert isinstance(found, dict)
    assert found.keys() == FIGURES
    assert found["instructions"].keys() == {"cortex-m0", "cortex-m3", "cortex-m4"}
    code, text = shown(capsys, "inspect", model, "--runs", runs)
    assert code == 0
    assert "before flashing flash code tables weights scratch stack products M0 M3 M4" in text
    assert "footprint" not in document(capsys, "inspect", model.with_name("cnn-tiny.onnx"), "--runs", runs)


def test_export_asks_afterwards_and_says_what_is_missing(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("export", "--model", "cnn-tiny", "--format", "c-int8", "--runs", runs, "--exports")
    (file,) = document(capsys, *words, tmp_path / "with")["artifacts"]  # type: ignore[misc]
    assert file["footprint"]["code"] > 500
    take_away("ziglang", monkeypatch)
    code, text = shown(capsys, *words, tmp_path / "without")
    assert code == 0
    assert "not measured: engine cortex-m needs ziglang: pip install 'edgedigits[c]'" in text
    assert "290,080" in text


def test_a_copy_that_no_manifest_lists_is_not_compiled(
    model: Path, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / model.name
    path.write_bytes(model.read_bytes())
    code, text = shown(capsys, "inspect", path, "--runs", runs)
    assert code == 0
    assert "not measured: no manifest.json beside it lists it, and so its code is not compiled" in text


def test_limits_of_devices_are_those_of_verify(
    model: Path, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = shutil.copytree(model.parent, tmp_path / "cnn-tiny") / model.name
    keep(model.parent, "onnx", "c", "c-int8", "c-canvas-int8")
    words = ("verify", model.parent, "--runs", runs, "--sample", 20, "--max-flash", 20_000, "--max-ram")
    code, text = shown(capsys, *words, 3000, "--max-instructions", 4_000_000)
    assert code == 0, text  # and those beside it, which are no C files, do not mind
    code, text = shown(capsys, *words, 2400)
    assert code == 1
    assert "ram: 2," in text
    assert "bytes of scratch and stack on cortex-m3, limit 2,400" in text
    code, text = shown(capsys, "verify", model.with_name("cnn-tiny.onnx"), "--runs", runs, "--max-flash", 1)
    assert code == 2
    assert "limits of flash, RAM and instructions are of C files: none is among these." in text
    take_away("ziglang", monkeypatch)
    code, text = shown(capsys, "verify", model, "--runs", runs, "--sample", 20, "--max-flash", 20_000)
    assert code == 1
    assert "flash: max-flash 20000 cannot be checked, since engine cortex-m needs ziglang" in text


def test_bench_has_it_beside_the_times(
    model: Path, runs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["edgedigits.bench.bench"], "ROUNDS", 2)
    code, text = shown(capsys, "bench", model, model.with_name("cnn-tiny.onnx"), "--runs", runs)
    assert code == 0, text
    assert "before flashing" in text
    assert "cnn-tiny c-int8" in text
