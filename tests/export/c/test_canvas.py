"""The C that reads canvases: against the framing, the network and the decision in numpy, in every integer."""

import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from edgedigits.data import paper
from edgedigits.data.canvases import SIDES
from edgedigits.export.c.canvas import print_canvas
from tests.devices.canvases import small_canvas
from tests.helpers.c import ABOUT, SANITIZED, STEM, Asked, compiled, read, reader
from tests.helpers.canvases import fuzzed

GOLDEN = Path(__file__).with_name("golden_canvas.c")


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return reader(small_canvas(), tmp_path_factory.mktemp("sanitized"), "-O1", *SANITIZED)


def test_the_c_of_a_small_canvas_file_is_as_it_was_reviewed() -> None:
    """Where this changes on purpose, read the difference, then: EDGEDIGITS_RENEW=1 pytest tests/export/c."""
    source = print_canvas(small_canvas(), ABOUT)
    if os.environ.get("EDGEDIGITS_RENEW") == "1":
        GOLDEN.write_text(source, encoding="ascii")
    assert source == GOLDEN.read_text(encoding="ascii")


@pytest.mark.needs("gcc")
@pytest.mark.parametrize(("count", "largest"), [(2000, 64), (30, 600), (1, SIDES[1])])
def test_the_answers_are_the_references_under_sanitizers(count: int, largest: int, sanitized: Path) -> None:
    """`make devices CANVASES=...` tries as many as there is time for."""
    canvases = list(fuzzed(count, seed=largest, largest=largest))
    found = read(sanitized, map(Asked.of, canvases))
    np.testing.assert_array_equal(found, small_canvas().answers(canvases))
    assert count == 1 or {-1} < {*found["label"].tolist()}


@pytest.mark.needs("gcc")
@pytest.mark.parametrize("flags", [("-O0",), ("-Os",), ("-O3", "-march=native")], ids=" ".join)
def test_the_answers_are_the_references_however_they_are_compiled(flags: tuple[str, ...], tmp_path: Path) -> None:
    canvases = list(fuzzed(300, seed=1, largest=100))
    program = reader(small_canvas(), tmp_path, *flags)
    np.testing.assert_array_equal(read(program, map(Asked.of, canvases)), small_canvas().answers(canvases))


@pytest.mark.needs("gcc")
def test_the_largest_sums_fit(sanitized: Path) -> None:
    """Ink on all of the largest canvas but for most of its border, and a dot that is spread over all of the field."""
    full = np.full((SIDES[1], SIDES[1]), 255, np.uint8)
    full[[0, -1], :-9] = full[:-9, [0, -1]] = 0
    dot = np.zeros((8, 8), np.uint8)
    dot[7, 7] = 255
    canvases = [full, 255 - full, dot, 255 - dot]
    found = read(sanitized, map(Asked.of, canvases))
    np.testing.assert_array_equal(found, small_canvas().answers(canvases))
    assert found["seen"].max(axis=(1, 2)).tolist() == [255] * 4


@pytest.mark.needs("gcc")
@pytest.mark.parametrize("more", [0, 1, 100])
def test_rows_may_lie_apart_and_upside_down(more: int, sanitized: Path) -> None:
    canvases = list(fuzzed(100, seed=2, largest=40))
    wanted = small_canvas().answers(canvases)
    for sign in (1, -1):
        asked = [Asked.of(canvas, sign * (canvas.shape[1] + more)) for canvas in canvases]
        np.testing.assert_array_equal(read(sanitized, asked), wanted)


@pytest.mark.needs("gcc")
@pytest.mark.parametrize(
    ("height", "width", "stride"),
    [
        (7, 8, 8),
        (8, 7, 8),
        (2049, 8, 8),
        (8, 2049, 2049),
        (8, 8, 7),
        (8, 8, -7),
        (8, 8, 0),
        (8, 8, 2**20 + 1),
        (8, 8, -(2**31)),
        (-8, 8, 8),
        (2**31 - 1, 2**31 - 1, 2**31 - 1),
    ],
)
def test_what_is_no_canvas_is_not_looked_at(height: int, width: int, stride: int, sanitized: Path) -> None:
    (found,) = read(sanitized, [Asked(height, width, stride, b"")])
    (blank,) = small_canvas().answers([np.zeros((8, 8), np.uint8)])
    assert found == blank
    assert found["label"] == -1
    assert not found["seen"].any()


@pytest.mark.needs("gcc", "g++")
@pytest.mark.parametrize("compiler", ["gcc", "g++"])
@pytest.mark.parametrize("flags", [("-O0",), ("-O3", "-march=native")], ids=" ".join)
def test_compilers_have_nothing_to_say(compiler: str, flags: tuple[str, ...], tmp_path: Path) -> None:
    compiled(print_canvas(small_canvas(), ABOUT), tmp_path, compiler, *flags)


@pytest.mark.needs("gcc")
def test_it_shows_one_function_calls_nothing_and_changes_nothing_of_its_own(tmp_path: Path) -> None:
    unit = compiled(print_canvas(small_canvas(), ABOUT), tmp_path, "gcc", "-Os", "-fno-pic")
    symbols = subprocess.run(["nm", unit], capture_output=True, text=True, check=True).stdout.splitlines()
    assert {line[17] for line in symbols} <= set("TtRrU")
    assert {line[19:] for line in symbols if line[17] == "T"} == {f"{STEM}_read"}
    assert {line[19:] for line in symbols if line[17] == "U"} <= {"memcpy", "memset", "memmove", "__stack_chk_fail"}


def test_there_is_no_float_and_no_library_in_it() -> None:
    code = re.sub(r"/\*.*?\*/", "", print_canvas(small_canvas(), ABOUT), flags=re.S)
    assert re.findall(r"\b(float|double|malloc|printf)\b", code) == []
    assert set(re.findall(r"#include (\S+)", code)) == {"<stdint.h>", "<avr/pgmspace.h>", "<immintrin.h>"}


def test_its_numbers_are_those_of_other_canvas_files() -> None:
    source = print_canvas(small_canvas(), ABOUT)
    assert f"CONTRAST = {paper.CONTRAST}, BOX = {round(paper.BOX * 10_000)}, BOX_PARTS = 10000 }}" in source
    assert f"SHORTEST = {SIDES[0]}, LONGEST = {SIDES[1]}," in source
    assert f"#define {STEM.upper()}_SCRATCH_BYTES 1600\n" in source
