"""Export: the folder, its manifest, and what happens to what was there before."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from edgedigits import export, train, verify
from edgedigits.data import load
from edgedigits.data.dataset import Dataset
from edgedigits.errors import CheckpointError, DataError, MissingCapability, UsageError
from edgedigits.export import calibration, manifest
from edgedigits.export.formats import get_format
from edgedigits.export.onnx import quantize_weights
from edgedigits.models.checkpoint import read_checkpoint
from edgedigits.records.artifact import ANSWERS, Manifest
from edgedigits.records.progress import Progress
from edgedigits.records.report import Verification
from edgedigits.system import files
from tests.helpers import FORMAT_NAMES


def test_a_folder_holds_the_files_and_their_manifest_and_nothing_else(exports: Path) -> None:
    names = {path.name for path in (exports / "fc-tiny").iterdir()}
    suffixes = {get_format(name).suffix for name in FORMAT_NAMES}
    assert names - {manifest.PARITY_FILE} == {f"fc-tiny{suffix}" for suffix in suffixes} | {manifest.FILE, ANSWERS}


def test_the_manifest_says_which_bytes_come_from_which_checkpoint(exports: Path, runs: Path) -> None:
    listing = Manifest.read(exports / "fc-tiny" / manifest.FILE)
    run = read_checkpoint(runs / "fc-tiny")
    assert listing.checkpoint == run.anonymous()
    assert [artifact.format for artifact in listing.artifacts] == sorted(FORMAT_NAMES)
    for artifact in listing.artifacts:
        path = exports / "fc-tiny" / artifact.file
        assert artifact.sha256 == files.sha256(path)
        assert artifact.size_bytes == path.stat().st_size
        assert artifact.checkpoint_sha256 == run.weights_sha256
        assert artifact.opset == (17 if get_format(artifact.format).container == "onnx" else None)
        assert "torch" in artifact.versions


def test_the_manifest_does_not_say_where_the_users_data_lie(exports: Path, digits_folder: Path) -> None:
    text = (exports / "fc-tiny" / manifest.FILE).read_text()
    assert str(digits_folder) not in text
    assert json.loads(text)["checkpoint"]["dataset"]["source"] == "tiny"


def test_a_second_format_joins_the_manifest_of_the_same_checkpoint(runs: Path, tmp_path: Path) -> None:
    export(runs / "fc-tiny", ["onnx"], exports=tmp_path)
    export(runs / "fc-tiny", ["torchscript"], exports=tmp_path)
    listing = Manifest.read(tmp_path / "fc-tiny" / manifest.FILE)
    assert [artifact.format for artifact in listing.artifacts] == ["onnx", "torchscript"]
    assert verify(runs=runs, exports=tmp_path).passed


def test_files_of_an_earlier_checkpoint_go_when_a_new_one_is_exported(
    runs: Path, tmp_path: Path, digits: Dataset
) -> None:
    folder = tmp_path / "exports" / "fc-tiny"
    export(runs / "fc-tiny", ["onnx", "torchscript"], exports=folder.parent)
    (folder / "notes.txt").write_text("mine")
    again = train("fc", digits, runs=tmp_path / "runs", epochs=12, batch_size=50, seed=1, device="cpu")
    (folder / "fc-tiny.pt2").write_text("mine, though it is called as an export would be")
    with pytest.warns(UserWarning, match="made from another checkpoint") as notes:
        export(again, ["onnx"], exports=folder.parent)
    assert [str(note.message) for note in notes] == [
        f"replaced: {folder / 'fc-tiny.onnx'}, made from another checkpoint",
        f"removed: {folder / 'fc-tiny.torchscript.pt'}, made from another checkpoint",
    ]
    names = {"fc-tiny.onnx", "fc-tiny.pt2", manifest.FILE, ANSWERS, "notes.txt"}
    assert {path.name for path in folder.iterdir()} == names
    (folder / "fc-tiny.pt2").unlink()
    assert verify(runs=tmp_path / "runs", exports=folder.parent).passed


def test_what_was_verified_stays_so_as_long_as_its_bytes_do(runs: Path, digits: Dataset, tmp_path: Path) -> None:
    folder = tmp_path / "fc-tiny"
    verify(export(runs / "fc-tiny", ["onnx"], quantize=True, exports=tmp_path), runs=runs)
    verified = Verification.read(folder / manifest.PARITY_FILE)
    export(runs / "fc-tiny", ["onnx-canvas"], exports=tmp_path)
    assert Verification.read(folder / manifest.PARITY_FILE) == verified
    listing = Manifest.read(folder / manifest.FILE)
    other = [dataclasses.replace(entry, sha256="0" * 64) for entry in listing.artifacts if entry.format == "onnx"]
    kept = [entry for entry in listing.artifacts if entry.format != "onnx"]
    (folder / manifest.FILE).write_text(dataclasses.replace(listing, artifacts=(*kept, *other)).to_json())
    export(runs / "fc-tiny", ["onnx-canvas"], exports=tmp_path)
    (report,) = Verification.read(folder / manifest.PARITY_FILE).reports
    assert report.format == "onnx-int8"
    again = train("fc", digits, runs=tmp_path / "runs", epochs=1, batch_size=50, seed=1, device="cpu")
    with pytest.warns(UserWarning, match="made from another checkpoint"):
        export(again, ["onnx"], exports=tmp_path)
    assert not (folder / manifest.PARITY_FILE).exists()


def test_a_run_goes_by_its_name_too(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(runs / "fc-tiny", tmp_path / "runs" / "fc-tiny")
    monkeypatch.chdir(tmp_path)
    assert export("fc-tiny", "onnx")[0].path == Path("exports/fc-tiny/fc-tiny.onnx")
    with pytest.raises(CheckpointError, match=r"fc-tni/checkpoint\.json: missing, so no model was trained here"):
        export("fc-tni", "onnx")


@pytest.mark.parametrize("name", [manifest.FILE, manifest.PARITY_FILE, ANSWERS, "fc-tiny.onnx"])
def test_what_it_did_not_make_is_replaced_on_request_alone(name: str, runs: Path, tmp_path: Path) -> None:
    (tmp_path / "fc-tiny").mkdir()
    (tmp_path / "fc-tiny" / name).write_text("{")
    with pytest.raises(UsageError, match=rf"{name}: not made by EdgeDigits\. .*--force"):
        export(runs / "fc-tiny", ["onnx"], exports=tmp_path)
    assert [path.name for path in (tmp_path / "fc-tiny").iterdir()] == [name]
    export(runs / "fc-tiny", ["onnx"], exports=tmp_path, force=True)
    assert len(Manifest.read(tmp_path / "fc-tiny" / manifest.FILE).artifacts) == 1


def test_a_failing_format_leaves_the_folder_as_it_was(
    runs: Path, exports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(exports, tmp_path / "exports")) / "fc-tiny"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(quantize_weights, "write", full)
    with pytest.raises(MissingCapability, match="No space left on device") as caught:
        export(runs / "fc-tiny", ["onnx"], quantize=True, exports=folder.parent)
    assert caught.value.exit_code == 4
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_folder_that_cannot_be_written_is_named(runs: Path, tmp_path: Path) -> None:
    (tmp_path / "exports").write_text("a file where the folder should be")
    with pytest.raises(MissingCapability, match="exports"):
        export(runs / "fc-tiny", ["onnx"], exports=tmp_path / "exports")


def test_a_changed_checkpoint_is_refused(runs: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(runs / "fc-tiny", tmp_path / "fc-tiny"))
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes() + b"\0")
    with pytest.raises(CheckpointError, match="changed since it was recorded"):
        export(folder, ["onnx"], exports=tmp_path / "exports")
    assert not (tmp_path / "exports").exists()


def test_progress_is_told_format_by_format(runs: Path, tmp_path: Path) -> None:
    events: list[Progress] = []
    export(runs / "fc-tiny", ["onnx", "torchscript"], exports=tmp_path, observer=events.append)
    assert [(event.done, event.total) for event in events] == [(0, 2), (1, 2), (2, 2)]


def test_a_word_in_the_place_of_a_list_is_a_list_of_one(runs: Path, tmp_path: Path) -> None:
    assert [artifact.format for artifact in export(runs / "fc-tiny", "onnx", exports=tmp_path)] == ["onnx"]


def test_without_a_format_onnx_and_torchscript_are_written(runs: Path, tmp_path: Path) -> None:
    assert [artifact.format for artifact in export(runs / "fc-tiny", exports=tmp_path)] == ["onnx", "torchscript"]


def test_the_manifest_says_what_static_files_were_calibrated_on(exports: Path, digits: Dataset) -> None:
    text = (exports / "fc-tiny" / manifest.FILE).read_bytes()
    found = {artifact.format: artifact.calibration for artifact in Manifest.from_json(text).artifacts}
    wanted = calibration.describe(calibration.choose(digits))
    assert wanted.samples == len(digits.train)
    assert found == {name: wanted if get_format(name).calibrated else None for name in FORMAT_NAMES}
    assert {entry["format"]: entry["calibration"] for entry in json.loads(text)["artifacts"]}["onnx-static"] == {
        "samples": wanted.samples,
        "sha256": wanted.sha256,
    }


def test_a_static_file_has_the_same_bytes_from_a_data_set_in_memory_and_on_disk(
    runs: Path, exports: Path, digits: Dataset, tmp_path: Path
) -> None:
    (_, static) = export(runs / "cnn-tiny", ["onnx"], quantize=True, method="static", dataset=digits, exports=tmp_path)
    assert static.format == "onnx-static"
    assert static.path.read_bytes() == (exports / "cnn-tiny" / static.file).read_bytes()


def test_only_calibrated_formats_need_the_data_set(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> None:
        raise DataError("gone")

    monkeypatch.setattr(load, "load_data", gone)
    with pytest.warns(UserWarning, match=r"answers\.safetensors left out: .* cannot be loaded: gone"):
        export(runs / "fc-tiny", ["onnx"], quantize=True, exports=tmp_path)
    assert Manifest.read(tmp_path / "fc-tiny" / manifest.FILE).answers is None
    assert not (tmp_path / "fc-tiny" / ANSWERS).exists()
    with pytest.raises(DataError, match=r"images that fc-tiny was trained on, and '.*' cannot be loaded: gone"):
        export(runs / "fc-tiny", ["onnx"], quantize=True, method="static", exports=tmp_path)


def test_an_unknown_method_is_refused_before_anything_is_written(runs: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown method 'statik': did you mean 'static'"):
        export(runs / "fc-tiny", quantize=True, method="statik", exports=tmp_path / "exports")
    assert not (tmp_path / "exports").exists()


def test_artifacts_know_where_their_files_are(runs: Path, tmp_path: Path) -> None:
    (artifact,) = export(runs / "fc-tiny", ["onnx"], exports=tmp_path)
    assert artifact.path == tmp_path / "fc-tiny" / "fc-tiny.onnx"
    assert dataclasses.replace(artifact, folder=Path()) == artifact
