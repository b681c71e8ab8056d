"""How the figures that ship are measured anew: what is named is, and the rest stays as it was."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from edgedigits.bench import engines, languages, pictures, reader
from edgedigits.bench.engines import Comparison, EngineRow, read_comparison
from edgedigits.bench.languages import LanguageRow
from edgedigits.bench.pictures import NO_DIGIT, NOTHING, Pictures
from edgedigits.bench.reader import Tally
from edgedigits.cli import measure
from edgedigits.data import canvases, drawn
from edgedigits.records.report import EngineRef
from edgedigits.system import npm


def row(engine: str, latency_us: float) -> EngineRow:
    return EngineRow(EngineRef(engine, "1.0"), "fc.onnx", "ab" * 32, samples=10, latency_us=latency_us)


class Bench:
    """Stands for the one that measures: it takes 1 microsecond, or one more than before."""

    def __init__(self, runs: Path) -> None:
        assert runs == Path("elsewhere")

    def compare(self, names: Sequence[str], known: Sequence[EngineRow]) -> Iterator[EngineRow]:
        before = {found.engine.name: found.latency_us or 0 for found in known}
        return (row(name, before.get(name, 0) + 1) for name in names)


@pytest.mark.parametrize(("options", "found"), [((), 1), (("--times",), 31)])
def test_an_engine_is_measured_anew_and_the_others_stay(
    options: tuple[str, ...],
    found: float,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "engines.json"
    path.write_text(Comparison("an old machine", (row("onnxruntime", 20), row("opencv", 30))).to_json())
    monkeypatch.setattr(engines, "FILE", path)
    monkeypatch.setattr(engines, "Bench", Bench)
    measure.main(["engines", "opencv", "--runs", "elsewhere", *options])
    assert read_comparison().rows == (row("onnxruntime", 20), row("opencv", found))
    assert EngineRow.from_json(capsys.readouterr().out) == row("opencv", found)


def test_languages_are_measured_in_one_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = LanguageRow("python", "cnn.onnx", "Python 3.11", program_bytes=1, runtime_bytes=2, latency_us=3.0)

    def compare(exports: Path, work: Path, tools: languages.Tools) -> Iterator[LanguageRow]:
        assert exports == Path("exports")
        assert work.is_dir()
        assert tools == languages.Tools(Path("ort"), tmp_path, Path("built"))
        yield found

    monkeypatch.setattr(npm, "modules", lambda _: tmp_path)
    monkeypatch.setattr(languages, "FILE", tmp_path / "languages.json")
    monkeypatch.setattr(languages, "compare", compare)
    measure.main(["languages", "--onnxruntime", "ort", "--cargo", "built"])
    assert languages.Languages.read(languages.FILE).rows == (found,)
    assert LanguageRow.from_json(capsys.readouterr().out) == found


def test_what_to_measure_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        measure.main([])
    assert "{training,engines,languages,reader,contact,records,record,search,gpu,tables}" in capsys.readouterr().err


def test_a_budget_that_no_network_fits_is_one_line() -> None:
    command = [sys.executable, "-m", "edgedigits.cli.measure", "search", "50"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    said = "edgedigits: budget: 50 bytes hold no network of the family 'cnn': others wanted.\n"
    assert (found.returncode, found.stdout, found.stderr) == (2, "", said)


@pytest.mark.parametrize("named", [True, False])
def test_canvas_files_are_read_with_all_sets_and_the_shelf_s_are_written(
    named: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    image = drawn.digits(8, seed=0)[0][7]
    seven = Pictures("sevens", "one", lambda: iter([(canvases.paste(image), 7)] * 3))

    def sets(strangers: Path | None) -> list[Pictures]:
        assert strangers == Path("theirs")
        return [seven, Pictures("nothing", "blank", lambda: iter([(np.zeros((90, 90), np.uint8), NO_DIGIT)]), NOTHING)]

    monkeypatch.setattr(pictures, "sets", sets)
    monkeypatch.setattr(reader, "FILE", tmp_path / "reader.json")
    files = ["exports/cnn/cnn.canvas.onnx"] * 2 if named else []
    measure.main(["reader", *files, "--strangers", "theirs"])
    written, said = capsys.readouterr()
    rows = [line.split() for line in written.splitlines()]
    assert ["cnn.canvas.onnx", "2" if named else "1", "nothing", "1", "-", "0.00%", "100.00%", "-"] in rows
    assert any(row[2:7] == ["sevens", "3", "100.00%", "0.00%", "0.00%"] for row in rows)
    assert Tally.from_json(said.splitlines()[0]).samples == 3
    assert reader.FILE.exists() != named
    if not named:
        assert [row.file for row in reader.read_readings()] == [
            path.name for path in reader.shelf_files(Path("exports"))
        ]


def test_what_other_trainings_read_is_kept_and_added_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = drawn.digits(8, seed=0)[0][7]
    monkeypatch.setattr(
        pictures, "sets", lambda _: [Pictures("sevens", "one", lambda: iter([(canvases.paste(image), 7)]))]
    )
    monkeypatch.setattr(reader, "SEEDS", tmp_path / "seeds.json")
    names = ["cnn", "fc", "cnn"]
    for name in names:
        measure.main(["reader", f"exports/{name}/{name}.canvas.onnx", "--seeds"])
    assert [row.file for row in reader.read_seeds()] == ["fc.canvas.onnx", "cnn.canvas.onnx"]
    assert all(row.tallies[0].samples == 1 for row in reader.read_seeds())
