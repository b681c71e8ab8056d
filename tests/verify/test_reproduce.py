"""Files made again from their manifest: the same bytes, or what is not as it was then."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from edgedigits import export, reproduce, train
from edgedigits.cli.main import app
from edgedigits.data.dataset import Dataset
from edgedigits.errors import BadInput, DataError, ModelFileError, RecordError
from edgedigits.export import manifest
from edgedigits.records.artifact import Manifest
from edgedigits.system import environment, files
from tests.helpers.documents import valid


@pytest.fixture(scope="module")
def made(digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of exported files, quickly trained."""
    place = tmp_path_factory.mktemp("made")
    run = train("fc", digits, runs=place / "runs", epochs=2, batch_size=50, seed=3, device="cpu")
    export(run, ["onnx"], quantize=True, exports=place / "exports")
    return place / "exports" / "fc-tiny"


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """The same, to be spoiled."""
    return Path(shutil.copytree(made, tmp_path / "exports" / made.name))


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / manifest.FILE
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))


def test_the_same_bytes_come_out_again_and_nothing_is_left(
    made: Path, digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    result = reproduce(made, dataset=digits)
    assert result.same
    assert [file.file for file in result.files] == [
        "model.safetensors",
        "fc-tiny.onnx",
        "fc-tiny.int8.onnx",
        "answers.safetensors",
    ]
    assert all(file.same and file.recorded == file.found for file in result.files)
    assert result.changed == ()
    assert not any(tmp_path.iterdir())


def test_what_is_kept_has_the_bytes_that_were_found(made: Path, digits: Dataset, tmp_path: Path) -> None:
    result = reproduce(made, dataset=digits, keep=tmp_path)
    for file in result.files[1:]:
        assert files.sha256(tmp_path / "exports" / "fc-tiny" / file.file) == file.found
    assert files.sha256(tmp_path / "runs" / "fc-tiny" / "model.safetensors") == result.files[0].found


def test_it_trains_with_as_many_threads_as_then(folder: Path, digits: Dataset) -> None:
    before = torch.get_num_threads()
    edit(folder, lambda record: record["checkpoint"].update(threads=before + 1))
    seen = []
    result = reproduce(folder, dataset=digits, observer=lambda _: seen.append(torch.get_num_threads()))
    assert set(seen) == {before + 1}
    assert torch.get_num_threads() == before
    assert result.changed == ()


def test_what_is_not_as_it_was_is_named(folder: Path, digits: Dataset) -> None:
    def change(record: dict[str, Any]) -> None:
        record["checkpoint"]["recipe"]["seed"] = 4
        record["checkpoint"]["processor"] = "Z80, 8 bits"
        record["checkpoint"]["versions"]["torch"] = "1.0"

    edit(folder, change)
    result = CliRunner().invoke(app, ["reproduce", str(folder), "--dataset", digits.ref.source])
    assert result.exit_code == 1
    assert "fc-tiny: 4 of 4 files came out otherwise" in result.stdout
    assert f"this may be why: torch: 1.0 then, {torch.__version__.partition('+')[0]}" in result.stdout
    assert f"this may be why: processor: Z80, 8 bits then, {environment.processor()} now" in result.stdout


def test_the_command_says_what_came_out(made: Path, digits: Dataset) -> None:
    result = CliRunner().invoke(app, ["reproduce", str(made), "--dataset", digits.ref.source, "--json"])
    document = valid("reproduce", result.stdout)
    assert result.exit_code == 0
    assert (document["name"], document["same"], document["changed"]) == ("fc-tiny", True, [])
    assert document["files"][0] == {
        "file": "model.safetensors",
        "recorded": (found := Manifest.read(made / manifest.FILE).checkpoint.weights_sha256),
        "found": found,
        "same": True,
    }


def test_the_manifest_says_what_decides_the_bytes(made: Path) -> None:
    listing = Manifest.read(made / manifest.FILE)
    record = listing.checkpoint
    assert record.processor == environment.processor()
    assert record.threads == torch.get_num_threads()
    assert {"torch", "numpy", "python", "edgedigits"} <= record.versions.keys()
    for artifact in listing.artifacts:
        assert artifact.processor == environment.processor()
        assert {"torch", "onnx", "onnxscript"} <= artifact.versions.keys()


def test_a_folder_without_a_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no manifest\.json that lists files"):
        reproduce(tmp_path)


def test_files_that_changed_are_refused_before_anything_is_trained(folder: Path) -> None:
    path = folder / "fc-tiny.onnx"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(ModelFileError, match=r"fc-tiny\.onnx changed since its manifest"):
        reproduce(folder)


def test_the_images_of_a_folder_must_be_named_and_be_the_same(made: Path, digits: Dataset) -> None:
    with pytest.raises(DataError, match=r"trained on the images of a folder, 'tiny': add --dataset"):
        reproduce(made)
    other = dataclasses.replace(digits, ref=dataclasses.replace(digits.ref, sha256="ab" * 32))
    with pytest.raises(DataError, match=r"data set tiny \(SHA-256 abababababab…\) is not what fc-tiny was trained on"):
        reproduce(made, dataset=other)


@pytest.mark.parametrize(
    ("change", "error", "reason"),
    [
        ({"sha256": "ab" * 32}, ModelFileError, r"fc-tiny\.onnx changed since its manifest\.json"),
        ({"size_bytes": 5}, ModelFileError, r"its manifest\.json says 5: that was edited"),
        ({"name": "cnn"}, RecordError, r"fc-tiny\.onnx: name: the checkpoint's, 'fc-tiny', wanted, 'cnn' given"),
        ({"checkpoint_sha256": "ab"}, RecordError, r"fc-tiny\.onnx: checkpoint_sha256: the checkpoint's"),
        ({"file": "fc-tiny.int8.onnx"}, RecordError, "artifacts: no file twice wanted"),
        ({"file": "../fc-tiny.onnx"}, RecordError, "file: a name without folders wanted"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_an_edited_entry_is_refused_by_name(
    change: dict[str, Any], error: type[Exception], reason: str, folder: Path
) -> None:
    edit(folder, lambda record: record["artifacts"][0].update(change))
    with pytest.raises(error, match=reason):
        reproduce(folder)
