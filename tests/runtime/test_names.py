"""What a person means by a name: one resolver, asked by every command."""

from pathlib import Path

import pytest

from edgedigits.errors import BadInput, ModelFileError
from edgedigits.models.checkpoint import RECORD, select_runs
from edgedigits.runtime.names import find_file, find_place, preferred


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with `cnn` exported, `fc` exported as a canvas file alone, and `new` only trained."""
    for name in (
        *("exports/cnn/manifest.json", "exports/cnn/cnn.onnx", "exports/cnn/cnn.int8.onnx", "exports/cnn/cnn.pt2"),
        "exports/cnn/cnn.int8.c",
        *("exports/fc/manifest.json", "exports/fc/fc.canvas.onnx"),
        *(f"runs/cnn/{RECORD}", f"runs/new/{RECORD}"),
        "elsewhere/mine.onnx",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("cnn", "exports/cnn"),
        ("runs/cnn", "exports/cnn"),
        ("exports/cnn", "exports/cnn"),
        ("exports/cnn/", "exports/cnn"),
        ("exports/cnn/cnn.onnx", "exports/cnn/cnn.onnx"),
        ("cnn.int8.onnx", "exports/cnn/cnn.int8.onnx"),
        ("elsewhere/mine.onnx", "elsewhere/mine.onnx"),
        ("elsewhere", "elsewhere"),
        ("exports/cnn/gone.onnx", "exports/cnn/gone.onnx"),
    ],
)
def test_a_name_leads_to_its_files_and_a_path_where_it_leads(name: str, place: str) -> None:
    assert find_place(name) == Path(place)


@pytest.mark.parametrize(
    ("name", "wanted", "file"),
    [
        ("cnn", None, "cnn.onnx"),
        ("fc", None, "fc.canvas.onnx"),
        ("cnn", preferred(("digit",)), "cnn.onnx"),
        ("cnn", preferred(("digit",), "pt2"), "cnn.pt2"),
        ("cnn", preferred(("digit",), "c"), "cnn.int8.c"),
        ("fc", preferred(("canvas", "digit")), "fc.canvas.onnx"),
    ],
)
def test_of_a_folder_the_file_that_is_wanted_is_found(name: str, wanted: list[object], file: str) -> None:
    assert find_file(name, wanted).name == file  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("cnnn", "Did you mean 'cnn'? Below exports: cnn, fc."),
        ("cnn.int.onnx", "Did you mean 'cnn.int8.onnx'? Below exports: cnn, fc."),
        ("[x]*?", "no model of that name. Below exports: cnn, fc."),
    ],
)
def test_a_wrong_name_suggests_the_nearest_and_lists_what_there_is(name: str, hint: str) -> None:
    with pytest.raises(ModelFileError) as raised:
        find_place(name)
    assert str(raised.value).startswith(f"{name} is missing: no file, and no model of that name.")
    assert str(raised.value).endswith(hint)


@pytest.mark.parametrize("name", ["new", "runs/new"])
def test_a_run_that_was_not_exported_says_how_it_is(name: str) -> None:
    with pytest.raises(BadInput, match=f"{name} was not exported yet: edgedigits export --model {name}"):
        find_place(name)


def test_a_folder_without_such_a_file_says_how_one_is_made() -> None:
    with pytest.raises(BadInput, match=r"no ONNX file here that takes a canvas\. .*--format onnx --input canvas"):
        find_file("cnn", preferred(("canvas",)))


def test_a_path_names_a_run(runs: Path, tmp_path: Path) -> None:
    (found,) = select_runs(tmp_path / "none", [str(runs / "cnn-tiny")])
    assert (found.name, found.folder) == ("cnn-tiny", runs / "cnn-tiny")
