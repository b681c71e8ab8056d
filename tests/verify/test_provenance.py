"""Who made which bytes: the same for everybody, and no report or record is believed of other bytes than its own."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edgedigits import export, verify
from edgedigits.data.dataset import Dataset
from edgedigits.errors import ModelFileError
from edgedigits.export import manifest
from edgedigits.records.artifact import ANSWERS
from edgedigits.records.report import Verification
from edgedigits.runtime.inspection import inspect
from edgedigits.verify.card import card_text

ROOT = Path(__file__).parents[2]
NOBODY = 65534
AS_ANOTHER = """
import os, sys
from pathlib import Path
from edgedigits import export
run, warm, exports, user = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
formats = ["onnx", "onnx-int8", "onnx-static"]
if user:  # who may not read this Python's files: all of it is imported before
    export(run, formats, exports=warm)
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)
    assert os.geteuid() == user
export(run, formats, exports=exports)
"""


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))


@pytest.fixture(scope="module")
def verified(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models' files, each with its report."""
    exports = tmp_path_factory.mktemp("verified")
    for name in ("fc-tiny", "fc-28-tiny"):
        verify(export(runs / name, ["onnx"], exports=exports), runs=runs)
    return exports


@pytest.fixture
def exports(verified: Path, tmp_path: Path) -> Path:
    """The same, to be spoiled."""
    return Path(shutil.copytree(verified, tmp_path / "exports"))


def test_a_report_of_its_own_files_is_read(exports: Path, runs: Path) -> None:
    found = manifest.read_parity(exports / "fc-tiny")
    assert isinstance(found, Verification)
    assert found.passed
    said = inspect(exports / "fc-tiny" / "fc-tiny.onnx", runs=runs).verified
    assert said == "passed on 60 test images of tiny, 0 answers changed"


def test_without_a_report_nothing_is_said(exports: Path, runs: Path) -> None:
    (exports / "fc-tiny" / manifest.PARITY_FILE).unlink()
    assert manifest.read_parity(exports / "fc-tiny") is None
    assert inspect(exports / "fc-tiny" / "fc-tiny.onnx", runs=runs).verified is None


def swap(exports: Path) -> None:
    """The report of another model."""
    shutil.copy(exports / "fc-28-tiny" / manifest.PARITY_FILE, exports / "fc-tiny")


def rename(exports: Path) -> None:
    """The report of another model, under this one's name."""
    swap(exports)
    edit_report(exports, name="fc-tiny", path="exports/fc-tiny/fc-tiny.onnx")


def edit_report(exports: Path, **changes: object) -> None:
    edit(exports / "fc-tiny" / manifest.PARITY_FILE, lambda found: found["reports"][0].update(changes))


SPOILED: dict[str, Callable[[Path], None]] = {
    "swapped": swap,
    "renamed": rename,
    "of other bytes": lambda exports: edit_report(exports, sha256="ab" * 32),
    "of another size": lambda exports: edit_report(exports, size_bytes=1),
    "of another format": lambda exports: edit_report(exports, format="onnx-int8"),
    "without a manifest": lambda exports: (exports / "fc-tiny" / manifest.FILE).unlink(),
}


@pytest.mark.parametrize("how", SPOILED)
def test_a_report_of_another_file_is_refused_by_name(how: str, exports: Path, runs: Path) -> None:
    SPOILED[how](exports)
    folder = exports / "fc-tiny"
    with pytest.raises(ModelFileError, match=rf"{folder / manifest.PARITY_FILE}: reports on another fc\S+\.onnx than"):
        manifest.read_parity(folder)
    with pytest.raises(ModelFileError, match="reports on another"):
        inspect(folder / "fc-tiny.onnx", runs=runs)
    if how != "without a manifest":
        with pytest.raises(ModelFileError, match="reports on another"):
            card_text(folder)


EDITED: dict[str, Callable[[dict[str, Any]], object]] = {
    "model": lambda record: record.update(model="cnn"),
    "recipe": lambda record: record["recipe"].update(seed=99),
    "dataset": lambda record: record["dataset"].update(sha256="ab" * 32),
    "spec": lambda record: record["spec"]["network"]["input"].update(mean=0.25),
}


@pytest.mark.parametrize("field", EDITED)
def test_a_record_of_the_checkpoint_that_was_edited_is_refused_by_name(field: str, exports: Path, runs: Path) -> None:
    folder = exports / "fc-tiny"
    edit(folder / manifest.FILE, lambda record: EDITED[field](record["checkpoint"]))
    (report,) = verify([folder / "fc-tiny.onnx"], runs=runs).reports
    (failure,) = report.failures
    assert failure.startswith(f"file: {folder / manifest.FILE}: its checkpoint has another {field} than ")
    assert not report.readable


@pytest.mark.parametrize("at_hand", [True, False])
def test_an_accuracy_that_was_edited_is_refused_by_the_files_own_contract(
    at_hand: bool, exports: Path, runs: Path, digits: Dataset, tmp_path: Path
) -> None:
    folder = exports / "fc-tiny"
    edit(folder / manifest.FILE, lambda record: record["checkpoint"]["metrics"].update(test_accuracy=0.5))
    (report,) = verify([folder / "fc-tiny.onnx"], dataset=digits, runs=runs if at_hand else tmp_path).reports
    assert not report.passed
    assert "test_accuracy" in report.failures[0]


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter, which those of pytest are not."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.lengthy
def test_two_users_in_two_folders_export_the_same_bytes(runs: Path, digits_folder: Path, open_folder: Path) -> None:
    """Another home, name, umask, time zone, language and seed of hashes; another user id too where this is root."""
    found = []
    for user, number in (("alice-of-london", 0), ("bob-of-tokyo", NOBODY if os.geteuid() == 0 else 0)):
        home = open_folder / user
        exports = home / "deeper" / "exports"
        exports.mkdir(parents=True)
        run = Path(shutil.copytree(runs / "fc-tiny", home / "fc-tiny"))
        shutil.copytree(digits_folder, home / "tiny")
        edit(run / "checkpoint.json", lambda record, home=home: record["dataset"].update(source=str(home / "tiny")))
        if number:
            for path in (home, *home.rglob("*")):
                os.chown(path, number, number)
        environment = {
            **os.environ,
            "HOME": str(home),
            "USER": user,
            "LOGNAME": user,
            "HOSTNAME": f"{user}-machine",
            "TZ": "Asia/Tokyo" if "tokyo" in user else "UTC",
            "LC_ALL": "C" if "tokyo" in user else "C.UTF-8",
            "PYTHONHASHSEED": str(len(user)),
            "PYTHONPATH": str(ROOT),
        }
        command = [sys.executable, "-c", AS_ANOTHER, str(run), str(open_folder / "warm"), str(exports), str(number)]
        umask = 0o077 if "tokyo" in user else 0o022
        done = subprocess.run(command, cwd=home, env=environment, umask=umask, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        files = {path.name: path.read_bytes() for path in (exports / "fc-tiny").iterdir()}
        for secret in (user, str(open_folder), "Asia/Tokyo"):
            assert not any(secret.encode() in content for content in files.values()), secret
        found.append(files)
    assert found[0].keys() == {"fc-tiny.onnx", "fc-tiny.int8.onnx", "fc-tiny.static.onnx", manifest.FILE, ANSWERS}
    assert found[0] == found[1]
