"""What tests of several packages share."""

import dataclasses
from collections.abc import Container, Iterable
from pathlib import Path
from typing import Any

import pytest

from edgedigits.export.formats import FORMATS, get_format
from edgedigits.models.presets import PRESETS
from edgedigits.records.artifact import MANIFEST, Manifest
from edgedigits.runtime.engines import ENGINES, get_engine
from edgedigits.runtime.load import Opener

FORMAT_NAMES = tuple(FORMATS.own)  # what a plug-in adds is for its own tests
ONNX = get_format("onnx")
ONNX_ENGINES = tuple(name for name in ENGINES.own if ONNX.container in get_engine(name).containers)
NEEDED = {  # that engines do not bring
    "java": ("java", "javac", "mvn"),
    "node": ("node", "npm"),
    "tract": ("tract",),
    "web": ("chromium", "npm"),
}
TUTORIALS = tuple(name for name, preset in PRESETS.items() if preset.tutorial)  # each is tried in every format
PRESET_RUNS = tuple(f"{name}-tiny" for name in TUTORIALS)
FEW_RUNS = ("fc-tiny", "cnn-tiny")  # whose files are tested in every run of the tests
WITHOUT_INTEGERS = ("cnn-tiny",)  # no product of it gains by integers, so it has no such form
HERE = Opener(isolated=False, trust=True)  # in this process, code too


def forms_of(run: str) -> list[str]:
    """The formats that a model of the fixture `runs` has a form in."""
    return [name for name in FORMAT_NAMES if get_format(name).misfit is None or run not in WITHOUT_INTEGERS]


def files_of(runs: Iterable[str]) -> list[tuple[str, str]]:
    """Runs and formats, of all files that the runs have."""
    return [(name, format_name) for name in runs for format_name in forms_of(name)]


def few(cases: Iterable[Any], always: Container[Any]) -> list[Any]:
    """Cases for `pytest.mark.parametrize`: some in every run of the tests, the others with what proves at length."""
    return [case if case in always else pytest.param(*_values(case), marks=pytest.mark.lengthy) for case in cases]


def _values(case: Any) -> tuple[Any, ...]:
    return case if isinstance(case, tuple) else (case,)


def keep(folder: Path, *format_names: str) -> None:
    """Leave the files of a few formats in a folder of exported files: each takes `verify` about a second."""
    listing = Manifest.read(folder / MANIFEST)
    kept = tuple(entry for entry in listing.artifacts if entry.format in format_names)
    assert {entry.format for entry in kept} == set(format_names)
    for entry in listing.artifacts:
        if entry not in kept:
            (folder / entry.file).unlink()
    (folder / MANIFEST).write_text(dataclasses.replace(listing, artifacts=kept).to_json())
