"""Model cards: their figures are those verified of these bytes, and nothing else is believed."""

import json
import re
import shutil
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from edgedigits.cli.main import app
from edgedigits.errors import BadInput, ModelFileError, UsageError
from edgedigits.export import manifest
from edgedigits.export.exporter import export
from edgedigits.records.report import Verification
from edgedigits.verify import card
from edgedigits.verify.card import card_text, find_folders, write_card
from edgedigits.verify.verifier import verify
from tests.helpers.documents import valid

SHELF = Path(__file__).parents[2] / "exports"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of the shelf, without its card."""
    copy = tmp_path / "exports" / "fc-28"
    shutil.copytree(SHELF / "fc-28", copy, ignore=shutil.ignore_patterns(card.FILE))
    return copy


def front_matter(text: str) -> dict[str, object]:
    _, front, _ = text.split("---\n", 2)
    found: dict[str, object] = yaml.safe_load(front)
    return found


def test_the_front_matter_is_what_the_hub_reads(folder: Path) -> None:
    front = front_matter(card_text(folder, "mit"))
    assert (front["license"], front["library_name"], front["datasets"]) == ("mit", "onnx", ["ylecun/mnist"])
    (index,) = front["model-index"]  # type: ignore[misc]
    parity = Verification.read(folder / manifest.PARITY_FILE)
    figures = {metric["name"]: metric["value"] for result in index["results"] for metric in result["metrics"]}
    assert figures == {Path(report.path).name: report.accuracy for report in parity.reports}


def test_no_licence_is_named_where_none_is_given(folder: Path) -> None:
    assert "license" not in front_matter(card_text(folder))


def test_the_table_has_every_file_and_its_figures(folder: Path) -> None:
    text = card_text(folder)
    for report in Verification.read(folder / manifest.PARITY_FILE).reports:
        (row,) = re.findall(rf"^\| `{re.escape(Path(report.path).name)}` \|.*$", text, flags=re.MULTILINE)
        assert f"| {report.accuracy:.2%} | {report.reference_accuracy:.2%} | {report.flips} |" in row


def test_the_snippet_of_a_card_runs(folder: Path) -> None:
    (snippet,) = re.findall(r"```python\n(.*?)```", card_text(folder), flags=re.DOTALL)
    names: dict[str, object] = {}
    exec(snippet.replace('"fc-28.onnx"', repr(str(folder / "fc-28.onnx"))), names)
    assert names["probabilities"].shape == (1, 10)  # type: ignore[attr-defined]


def test_the_snippet_for_a_canvas_file_alone_runs(runs: Path, tmp_path: Path) -> None:
    artifacts = export(runs / "fc-tiny", ["c"], quantize=True, input="canvas", exports=tmp_path)
    assert verify(artifacts, runs=runs).passed
    (snippet,) = re.findall(r"```python\n(.*?)```", card_text(tmp_path / "fc-tiny"), flags=re.DOTALL)
    names: dict[str, object] = {}
    exec(snippet.replace('"fc-tiny.canvas.int8.c"', repr(str(artifacts[0].path))), names)
    assert names["reading"].seen.shape == (28, 28)  # type: ignore[attr-defined]


def test_a_card_of_other_classes_and_formats_says_what_they_are(runs: Path, tmp_path: Path) -> None:
    artifacts = export(runs / "fc-tiny", ["torchscript"], exports=tmp_path)
    verify(artifacts, runs=runs)
    text = card_text(tmp_path / "fc-tiny")
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
        write_card(folder)
    report.unlink()
    with pytest.raises(BadInput, match="were not verified"):
        write_card(folder)
    assert not (folder / card.FILE).exists()


def test_a_file_that_changed_gets_no_card(folder: Path) -> None:
    path = folder / "fc-28.onnx"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(ModelFileError, match=r"fc-28\.onnx changed since its manifest\.json"):
        write_card(folder)


def test_a_file_that_is_missing_is_named(folder: Path) -> None:
    (folder / "fc-28.onnx").unlink()
    with pytest.raises(ModelFileError, match=r"fc-28\.onnx: cannot be read"):
        write_card(folder)


def test_the_command_writes_a_card_into_every_folder(folder: Path) -> None:
    done = CliRunner().invoke(app, ["card", "--exports", str(folder.parent), "--json"])
    assert valid("card", done.stdout) == {"cards": [{"name": "fc-28", "path": str(folder / card.FILE)}]}
    assert (folder / card.FILE).read_text() == card_text(folder)


def test_a_card_that_somebody_wrote_or_changed_stays(folder: Path) -> None:
    path = write_card(folder)
    assert write_card(folder, "mit") == path  # one that nobody touched is written anew
    path.write_text(path.read_text().replace("# fc-28", "# fc-28, of my own data"))
    for _ in range(2):
        with pytest.raises(UsageError, match=r"README\.md: not made by EdgeDigits\. .*--force"):
            write_card(folder)
        path.write_text("# mine")
    assert write_card(folder, force=True).read_text() == card_text(folder)


def test_folders_without_exports_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no exported files here"):
        find_folders(tmp_path)
    with pytest.raises(BadInput, match=r"no manifest\.json here"):
        write_card(tmp_path)
