"""What a C file takes of a microcontroller, against what is known of it otherwise."""

from pathlib import Path

import numpy as np
import pytest

from edgedigits.errors import ModelFileError
from edgedigits.export.formats import require_format
from edgedigits.records.footprint import MAIN
from edgedigits.runtime import footprint
from edgedigits.runtime.readers import checked
from edgedigits.runtime.readers.c import read_network
from tests.helpers.commands import take_away


@pytest.fixture
def model(exports: Path) -> Path:
    return exports / "cnn-tiny" / "cnn-tiny.int8.c"


def test_a_footprint_is_that_of_the_network_and_of_its_code(model: Path) -> None:
    found = footprint.footprint(model)
    assert found is not None
    network = read_network(model, model.read_bytes())
    assert found.tables + found.weights == sum(table.nbytes for table in network.tables.values())
    assert (found.scratch, found.products) == (network.scratch, 290_080)
    assert found.code is not None
    assert 500 < found.code < 3000
    assert found.flash == found.code + found.tables + found.weights
    assert found.stack is not None
    assert 100 < found.stack < 1000
    assert found.ram == found.scratch + found.stack
    m0, m3, m4 = (found.instructions[name] for name in footprint.PROCESSORS)
    assert found.products < m4 <= m3 < m0 < 20 * found.products
    assert found.missing is None


def test_a_canvas_file_takes_more_by_its_framing_and_says_so(model: Path) -> None:
    digit, canvas = (footprint.footprint(path) for path in (model, model.with_name("cnn-tiny.canvas.int8.c")))
    assert digit is not None
    assert canvas is not None
    assert canvas.tables == digit.tables + 2 * 65
    assert (canvas.weights, canvas.scratch, canvas.products) == (digit.weights, digit.scratch, digit.products)
    assert digit.code is not None
    assert canvas.code is not None
    assert 500 < canvas.code - digit.code < 2500
    for name in footprint.PROCESSORS:
        assert digit.instructions[name] + 96 * 96 * 10 < canvas.instructions[name] < 2 * digit.instructions[name]


def test_instructions_depend_on_the_image_a_little_and_on_the_optimization_much(model: Path) -> None:
    file = checked(model, require_format(model), model.read_bytes())
    blank, full = (np.full((1, 28, 28), value, np.uint8) for value in (0, 255))
    small, fast = (footprint.compiled(file, MAIN, flag) for flag in ("-Os", "-O2"))
    counts = [footprint.executed(small, MAIN, image)[0] for image in (blank, full)]
    assert counts[0] != counts[1]
    assert max(counts) < 1.1 * min(counts)
    assert footprint.executed(fast, MAIN, full)[0] < footprint.executed(small, MAIN, full)[0]


def test_instructions_of_two_and_four_bytes_are_told_apart() -> None:
    assert footprint.thumb_instructions(bytes.fromhex("00bf 4ff00100 7047")) == 3  # nop; mov.w r0, #1; bx lr


def test_without_the_extra_it_says_what_is_missing(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take_away("ziglang", monkeypatch)
    found = footprint.footprint(model)
    assert found is not None
    assert (found.flash, found.ram, found.instructions) == (None, None, {})
    assert found.weights > 9000
    assert found.missing == "engine cortex-m needs ziglang: pip install 'edgedigits[c]', with a network"


def test_other_files_have_none_and_edited_ones_are_refused(model: Path, tmp_path: Path) -> None:
    assert footprint.footprint(model.with_name("cnn-tiny.onnx")) is None
    path = tmp_path / model.name
    path.write_bytes(model.read_bytes().replace(b"};", b" };", 1))
    with pytest.raises(ModelFileError, match="was edited"):
        footprint.footprint(path)
