"""A release of this very tree: the same bytes twice, what proves them, and what each proof would not let through."""

import email
import hashlib
import json
import shutil
import zipfile
from pathlib import Path

import pytest

from edgedigits import __version__
from edgedigits.errors import ModelFileError
from edgedigits.verify import bom
from tests.release.__main__ import main
from tests.release.bill import release_bom, require_valid
from tests.release.build import ROOT, build_twice
from tests.release.prove import check_metadata, metadata

SHELF = ROOT / "exports"
NEEDS = email.message_from_string(
    'Requires-Dist: torch>=2.13\nRequires-Dist: wasmtime>=30; extra == "c"\nRequires-Dist: mypy>=2.0; extra == "dev"\n'
)


def test_a_bill_names_archives_needs_and_models() -> None:
    found = release_bom(NEEDS, {"edgedigits.whl": "ab" * 32}, SHELF)
    parts = {part["bom-ref"]: part for part in found["components"]}
    assert parts[f"file:{'ab' * 32}"]["name"] == "edgedigits.whl"
    assert (parts["pypi:torch"]["scope"], parts["pypi:wasmtime"]["scope"]) == ("required", "optional")
    assert "pypi:mypy" not in parts
    runtime = next(part for ref, part in parts.items() if ref.startswith("npm:onnxruntime-web@"))
    assert len(runtime["hashes"][0]["content"]) == 128
    models = [part for part in parts.values() if part["type"] == "machine-learning-model"]
    assert {part["hashes"][0]["content"] for part in models} == {
        hashlib.sha256(path.read_bytes()).hexdigest() for path in [*SHELF.glob("*/*.onnx"), *SHELF.glob("*/*.c")]
    }
    assert all((ROOT / part["externalReferences"][0]["url"]).is_file() for part in models)
    assert found == release_bom(NEEDS, {"edgedigits.whl": "ab" * 32}, SHELF)


def test_a_bill_that_breaks_the_schema_is_no_bill() -> None:
    found = release_bom(NEEDS, {}, SHELF)
    found["components"].append({"type": "file"})
    with pytest.raises(SystemExit, match=r"bom\.json"):
        require_valid(found)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The sdist and the wheel of this tree; that two builds were the same, `build_twice` says."""
    folder, archives = build_twice(tmp_path_factory.mktemp("built"))
    assert sorted(archives) == [f"edgedigits-{__version__}-py3-none-any.whl", f"edgedigits-{__version__}.tar.gz"]
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return sdist, wheel


@pytest.mark.needs("git")
def test_archives_of_another_version_are_refused(built: tuple[Path, Path], tmp_path: Path) -> None:
    sdist, wheel = built
    check_metadata(sdist, wheel)
    other = tmp_path / wheel.name
    with zipfile.ZipFile(wheel) as archive, zipfile.ZipFile(other, "w") as copy:
        for name in archive.namelist():
            content = archive.read(name)
            if name.endswith("METADATA"):
                content = content.replace(f"\nVersion: {__version__}\n".encode(), b"\nVersion: 9.9\n")
            copy.writestr(name, content)
    assert metadata(other)["Version"] == "9.9"
    with pytest.raises(SystemExit, match=r"Version is '9\.9'"):
        check_metadata(sdist, other)


@pytest.mark.lengthy
@pytest.mark.needs("git")
def test_a_release_is_made_in_one_go(tmp_path: Path) -> None:
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "of-yesterday.whl").touch()
    main(tmp_path / "dist")
    found = {path.name: path for path in (tmp_path / "dist").iterdir()}
    assert len(found) == 3
    listed = {part["name"]: part for part in json.loads(found[bom.FILE].read_text(encoding="utf-8"))["components"]}
    for name in found.keys() - {bom.FILE}:
        assert listed[name]["hashes"][0]["content"] == hashlib.sha256(found[name].read_bytes()).hexdigest()


@pytest.mark.lengthy
@pytest.mark.needs("git")
def test_nothing_is_released_with_a_model_that_changed(tmp_path: Path) -> None:
    exports = Path(shutil.copytree(SHELF, tmp_path / "exports"))
    shutil.copy(exports / "cnn" / "cnn.onnx", exports / "fc" / "fc.onnx")
    with pytest.raises(ModelFileError, match=r"fc\.onnx changed since its manifest\.json was written"):
        main(tmp_path / "dist", exports)
    assert not (tmp_path / "dist").exists()
