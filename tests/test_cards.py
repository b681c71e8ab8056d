"""Model cards: their figures are those verified of these bytes, and nothing else is believed."""

import json
import re
import shutil
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from edgedigits import cards, manifest
from edgedigits.cli import app
from edgedigits.errors import BadInput, ModelFileError
from edgedigits.export import export
from edgedigits.records import Verification
from edgedigits.verify import verify

SHELF = Path(__file__).parents[1] / "exports"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of the shelf, without its card."""
    copy = tmp_path / "exports" / "fc-28"
    shutil.copytree(SHELF / "fc-28", copy, ignore=shutil.ignore_patterns(cards.FILE))
    return copy


def front_matter(text: str) -> dict[str, object]:
    _, front, _ = text.split("---\n", 2)
    found: dict[str, object] = yaml.safe_load(front)
    return found


def test_the_front_matter_is_what_the_hub_reads(folder: Path) -> None:
    front = front_matter(cards.text(folder, "mit"))
    assert (front["license"], front["library_name"], front["datasets"]) == ("mit", "onnx", ["ylecun/mnist"])
    (index,) = front["model-index"]  # type: ignore[misc]
    parity = Verification.read(folder / manifest.PARITY_FILE)
    figures = {metric["name"]: metric["value"] for result in index["results"] for metric in result["metrics"]}
    assert figures == {Path(report.path).name: report.accuracy for report in parity.reports}


def test_no_licence_is_named_where_none_is_given(folder: Path) -> None:
    assert "license" not in front_matter(cards.text(folder))


def test_the_table_has_every_file_and_its_figures(folder: Path) -> None:
    text = cards.text(folder)
    for report in Verification.read(folder / manifest.PARITY_FILE).reports:
        (row,) = re.findall(rf"^\| `{re.escape(Path(report.path).name)}` \|.*$", text, flags=re.MULTILINE)
        assert f"| {report.accuracy:.2%} | {report.reference_accuracy:.2%} | {report.flips} |" in row


def test_the_snippet_of_a_card_runs(folder: Path) -> None:
    (snippet,) = re.findall(r"```python\n(.*?)```", cards.text(folder), flags=re.DOTALL)
    names: dict[str, object] = {}
    exec(snippet.replace('"fc-28.onnx"', repr(str(folder / "fc-28.onnx"))), names)
    assert names["probabilities"].shape == (1, 10)  # type: ignore[attr-defined]


def test_a_card_of_other_classes_and_formats_says_what_they_are(runs: Path, tmp_path: Path) -> None:
    artifacts = export(runs / "fc-tiny", ["torchscript"], exports=tmp_path)
    verify(artifacts, runs=runs)
    text = cards.text(tmp_path / "fc-tiny")
    front = front_matter(text)
    assert "datasets" not in front
    assert front["library_name"] == "edgedigits"
    assert 'predict = load("fc-tiny.torchscript.pt")' in text
    assert "canvas" not in text
    assert "ONNX" not in text


def test_files_that_were_not_verified_as_they_are_get_no_card(folder: Path) -> None:
    report = folder / manifest.PARITY_FILE
    other = json.loads((SHELF / "fc" / manifest.PARITY_FILE).read_text())
    report.write_text(json.dumps(other))
    with pytest.raises(BadInput, match=r"parity\.json: reports on another fc\.\S+ than manifest\.json lists"):
        cards.write(folder)
    report.unlink()
    with pytest.raises(BadInput, match="were not verified"):
        cards.write(folder)
    assert not (folder / cards.FILE).exists()


def test_a_file_that_changed_gets_no_card(folder: Path) -> None:
    path = folder / "fc-28.onnx"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(ModelFileError, match=r"fc-28\.onnx changed since its manifest\.json"):
        cards.write(folder)


def test_a_file_that_is_missing_is_named(folder: Path) -> None:
    (folder / "fc-28.onnx").unlink()
    with pytest.raises(ModelFileError, match=r"fc-28\.onnx: cannot be read"):
        cards.write(folder)


def test_the_command_writes_a_card_into_every_folder(folder: Path) -> None:
    done = CliRunner().invoke(app, ["card", "--exports", str(folder.parent), "--json"])
    assert json.loads(done.stdout) == {"cards": [{"name": "fc-28", "path": str(folder / cards.FILE)}]}
    assert (folder / cards.FILE).read_text() == cards.text(folder)


def test_folders_without_exports_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no exported files here"):
        cards.folders(tmp_path)
    with pytest.raises(BadInput, match=r"no manifest\.json here"):
        cards.write(tmp_path)
