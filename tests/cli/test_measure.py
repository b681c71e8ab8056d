"""How the figures that ship are measured anew: what is named is, and the rest stays as it was."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from edgedigits.bench import engines, languages
from edgedigits.bench.engines import Comparison, EngineRow, read_comparison
from edgedigits.bench.languages import LanguageRow
from edgedigits.cli import measure
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
    assert "{training,engines,languages,tables}" in capsys.readouterr().err
