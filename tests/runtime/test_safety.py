"""One safe way to load a model file: what is ours is let in, whatever asks for more is refused by name."""

import dataclasses
import json
import os
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

from edgedigits import export, load, verify
from edgedigits.errors import CheckpointError, ModelFileError, RecordError
from edgedigits.export import manifest
from edgedigits.export.formats import get_format
from edgedigits.export.manifest import read_manifest
from edgedigits.models import checkpoint
from edgedigits.records.artifact import Manifest
from edgedigits.runtime.inspection import inspect
from edgedigits.runtime.load import Opener
from edgedigits.runtime.safety import BOUNDS, Refused
from edgedigits.runtime.safety.onnx_check import check_onnx
from edgedigits.system import files
from tests.fuzz.mutate import flip_bit
from tests.helpers import FORMAT_NAMES, HERE
from tests.helpers.hostile import FILES, MODELS

open_file = Opener().open
SHELF = Path(__file__).parents[2] / "exports"
BLANK = np.zeros((1, 28, 28), np.uint8)
INK = np.full((1, 28, 28), 200, np.uint8)
DATA_FORMATS = [name for name in FORMAT_NAMES if get_format(name).box.data_only]
CODE_FORMATS = [name for name in FORMAT_NAMES if not get_format(name).box.data_only]
posix = pytest.mark.skipif(os.name != "posix", reason="only there are memory and computing time limited")


@pytest.fixture
def good() -> onnx.ModelProto:
    """A convolutional network, to be spoiled."""
    return onnx.load(SHELF / "cnn" / "cnn.onnx")


def test_at_least_fifteen_hostile_files_are_tried() -> None:
    assert len(MODELS) + len(FILES) >= 15


@pytest.mark.parametrize("path", sorted(SHELF.glob("*/*.onnx")), ids=lambda path: path.name)
def test_the_files_on_the_shelf_are_let_in(path: Path) -> None:
    check_onnx(path.read_bytes())
    assert load(path)(BLANK)[0].shape == (1, 10)


@pytest.mark.parametrize("name", [name for name, hostile in MODELS.items() if not hostile.running])
def test_a_hostile_model_is_refused_by_name_before_a_runtime_sees_it(
    name: str, good: onnx.ModelProto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onnxruntime.InferenceSession", lambda *_, **__: pytest.fail("a runtime saw it"))
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(1000))
    (tmp_path / "hard-link").hardlink_to(secret)
    (tmp_path / "symbolic-link").symlink_to(secret)
    path = tmp_path / "hostile.onnx"
    MODELS[name].spoil(good)
    path.write_bytes(good.SerializeToString())
    for read in (load, HERE.describe):
        with pytest.raises(ModelFileError, match=MODELS[name].reason) as caught:
            read(path)
        assert str(caught.value).startswith(f"{path}: not a valid ONNX model (")


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_is_refused_by_name(name: str, tmp_path: Path) -> None:
    path = FILES[name].make(tmp_path, (SHELF / "cnn" / "cnn.onnx").read_bytes())
    for read in (inspect, open_file):
        if read is open_file and not path.name.endswith(".onnx"):
            continue  # not loaded at all, since no manifest lists it
        with pytest.raises(ModelFileError, match=FILES[name].reason) as caught:
            read(path)
        assert str(path) in str(caught.value)


@posix
@pytest.mark.parametrize("name", [name for name, hostile in MODELS.items() if hostile.running])
def test_a_model_that_turns_hostile_when_it_runs_is_an_error_in_seconds(
    name: str, good: onnx.ModelProto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgedigits.runtime.safety.process.BOUNDS", dataclasses.replace(BOUNDS, cpu_seconds=1))
    MODELS[name].spoil(good)
    path = tmp_path / "hostile.onnx"
    path.write_bytes(good.SerializeToString())
    with pytest.raises(ModelFileError, match=MODELS[name].reason) as caught:
        Opener().open(path)(INK)
    assert str(path) in str(caught.value)


@pytest.mark.lengthy
def test_a_file_that_turns_hostile_fails_verify_and_not_the_others(
    good: onnx.ModelProto, exports: Path, runs: Path, tmp_path: Path
) -> None:
    copied = Path(shutil.copytree(exports / "cnn-tiny", tmp_path / "exports" / "cnn-tiny"))
    path = copied / "cnn-tiny.onnx"
    contract = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    MODELS["memory by pixels"].spoil(good)
    onnx.helper.set_model_props(good, contract)
    path.write_bytes(good.SerializeToString())
    listing = Manifest.read(copied / manifest.FILE)
    entries = [
        dataclasses.replace(entry, sha256=files.sha256(path), size_bytes=path.stat().st_size)
        if entry.file == path.name
        else entry
        for entry in listing.artifacts
    ]
    (copied / manifest.FILE).write_text(dataclasses.replace(listing, artifacts=tuple(entries)).to_json())
    result = verify(exports=tmp_path / "exports", runs=runs)
    (failed,) = [report for report in result.reports if not report.passed]
    assert (failed.path, failed.readable) == (str(path), False)
    assert "fails to answer" in failed.failures[0] or "ended early" in failed.failures[0]


def test_every_bit_that_is_flipped_is_refused_and_the_untouched_file_is_not(tmp_path: Path) -> None:
    from random import Random

    folder = Path(shutil.copytree(SHELF / "fc-28", tmp_path / "fc-28"))
    path = folder / "fc-28.int8.onnx"
    content, rng = path.read_bytes(), Random(0)
    for _ in range(300):
        path.write_bytes(flip_bit(rng, content))
        with pytest.raises(ModelFileError, match=r"changed since its manifest\.json was written"):
            load(path)
    path.write_bytes(content)
    assert load(path)(BLANK)[0].shape == (1, 10)


@pytest.mark.parametrize("command", [inspect, open_file, load])
def test_every_way_to_read_a_file_compares_its_hash(command: object, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(SHELF / "cnn", tmp_path / "cnn"))
    shutil.copy(SHELF / "cnn" / "cnn.onnx", folder / "cnn.int8.onnx")
    with pytest.raises(ModelFileError, match="changed since its manifest"):
        command(folder / "cnn.int8.onnx")  # type: ignore[operator]


@pytest.mark.parametrize("name", ["../cnn.onnx", "/dev/zero", "", "..", "a\\b", "a\0b", "\ud800"])
def test_a_manifest_that_leads_out_of_its_folder_is_refused(name: str, tmp_path: Path) -> None:
    document = json.loads((SHELF / "cnn" / "manifest.json").read_text())
    document["artifacts"][0]["file"] = name
    (tmp_path / "manifest.json").write_text(json.dumps(document))
    with pytest.raises(RecordError, match=r"a name without folders wanted|not JSON"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("field", ["name", "weights"])
def test_a_checkpoint_that_leads_out_of_its_folder_is_refused(field: str, runs: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(runs / "fc-tiny", tmp_path / "fc-tiny"))
    document = json.loads((run / checkpoint.RECORD).read_text())
    document[field] = "../../escaped"
    (run / checkpoint.RECORD).write_text(json.dumps(document))
    with pytest.raises(CheckpointError, match=f"{field}: a name without folders wanted"):
        export(run, exports=tmp_path / "exports")


@pytest.mark.parametrize("name", CODE_FORMATS)
def test_code_is_loaded_when_a_manifest_lists_it_or_on_request(
    name: str, exports: Path, runs: Path, tmp_path: Path
) -> None:
    listed = exports / "fc-tiny" / f"fc-tiny{get_format(name).suffix}"
    alone = Path(shutil.copy(listed, tmp_path))
    wanted = load(listed)(INK)[0]
    for refusing in (load, open_file):
        with pytest.raises(ModelFileError, match="can hold code that runs when they are loaded") as caught:
            refusing(alone)
        assert str(alone) in str(caught.value)
        assert "--trust" in str(caught.value)
    np.testing.assert_array_equal(load(alone, trust=True)(INK)[0], wanted)
    report = verify([alone], runs=runs).reports[0]
    assert "can hold code" in report.failures[0]
    assert verify([alone], runs=runs, opener=Opener(trust=True)).passed


def test_formats_say_whether_they_hold_code() -> None:
    assert set(DATA_FORMATS) == {name for name in FORMAT_NAMES if name.startswith("onnx")}


def test_the_bounds_in_the_text_are_the_bounds() -> None:
    text = (SHELF.parent / "SECURITY.md").read_text(encoding="utf-8")
    for words in (
        f"{BOUNDS.file_bytes >> 20} MB a file",
        f"{BOUNDS.nodes:,} nodes, {BOUNDS.elements:,} elements a tensor, {BOUNDS.rank} axes",
        f"{BOUNDS.memory_bytes >> 30} GB of memory and {BOUNDS.cpu_seconds} seconds of computing",
        f"{BOUNDS.wall_seconds} seconds until its answer",
    ):
        assert words in text


def test_refusals_are_short() -> None:
    with pytest.raises(Refused) as caught:
        check_onnx(b"....ORTM")
    assert len(str(caught.value)) < 100
