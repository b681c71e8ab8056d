"""The C that is printed: as a person would review it, without a warning, and with the reference's scores."""

import ctypes
import dataclasses
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from edgedigits.errors import UsageError
from edgedigits.export.c import tables
from edgedigits.export.c.source import About
from edgedigits.models.arithmetic import quantizing
from edgedigits.models.arithmetic.folding import fold
from edgedigits.models.arithmetic.integers import IntegerNetwork
from edgedigits.records.arrays import Images
from edgedigits.records.network import Input, Layer, Network
from tests.helpers import few
from tests.helpers.c import ABOUT, STEM, asked, compiled, printed
from tests.models.arithmetic.test_folding import NETWORKS, folded, images

GOLDEN = Path(__file__).with_name("golden.c")
SMALL = tuple(name for name in NETWORKS if not name.endswith("-deep"))  # those are more of the same
ENDS = np.stack([np.full((28, 28), value, np.uint8) for value in (0, 1, 254, 255)])


def integers(name: str) -> IntegerNetwork:
    return quantizing.quantize(folded(NETWORKS[name]), images(10))


def small() -> IntegerNetwork:
    """A network whose weights are the same on every machine."""
    network = Network(
        (
            Layer.of("conv", "features.0", channels=2, kernel=5, stride=3),
            Layer.of("max_pool", "features.1", kernel=2),
            Layer.of("relu", "features.2"),
            Layer.of("flatten", "flatten"),
            Layer.of("dense", "head", features=10),
        ),
        Input(mean=0.25, std=0.5),
    )
    tensors = {
        name: np.cos(np.arange(np.prod(weight.shape)) * 7).reshape(weight.shape).round(2)
        for name, weight in network.weights.items()
    }
    stripes = np.zeros((2, 28, 28), np.uint8)
    stripes[0, ::3] = 255
    stripes[1, :, ::2] = 200
    return quantizing.quantize(fold(network, tensors), stripes)


def test_the_c_of_a_small_network_is_as_it_was_reviewed() -> None:
    """Where this changes on purpose, read the difference, then: EDGEDIGITS_RENEW=1 pytest tests/export/c."""
    source = printed(small())
    if os.environ.get("EDGEDIGITS_RENEW") == "1":
        GOLDEN.write_text(source, encoding="ascii")
    assert source == GOLDEN.read_text(encoding="ascii")


@pytest.mark.lengthy
@pytest.mark.needs("gcc")
@pytest.mark.parametrize("machine", ["-mtune=generic", "-march=native"])  # the second may have wide registers
@pytest.mark.parametrize("name", few(NETWORKS, SMALL))
def test_the_scores_are_the_references_under_sanitizers(name: str, machine: str, tmp_path: Path) -> None:
    network = integers(name)
    shown: Images = np.concatenate([images(6), ENDS])
    flags = ("-O1", machine, "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    np.testing.assert_array_equal(asked(network, shown, tmp_path, *flags), network.scores(shown))


@pytest.mark.needs("gcc")
@pytest.mark.parametrize("flags", [("-O0",), ("-O2",), ("-Os",), ("-O3", "-march=native")], ids=" ".join)
@pytest.mark.parametrize("name", ["cnn", "residual"])
def test_the_scores_are_the_references_however_they_are_compiled(
    name: str, flags: tuple[str, ...], tmp_path: Path
) -> None:
    network = integers(name)
    np.testing.assert_array_equal(asked(network, images(20), tmp_path, *flags), network.scores(images(20)))


@pytest.mark.lengthy
@pytest.mark.needs("gcc", "g++")
@pytest.mark.parametrize("compiler", ["gcc", "g++"])
@pytest.mark.parametrize("name", few(NETWORKS, SMALL))
def test_compilers_have_nothing_to_say(name: str, compiler: str, tmp_path: Path) -> None:
    source = printed(integers(name))
    for flags in (("-O0",), ("-O3", "-march=native")):
        compiled(source, tmp_path, compiler, *flags)


@pytest.mark.needs("gcc")
def test_it_calls_nothing_and_changes_nothing_of_its_own(tmp_path: Path) -> None:
    """Undefined symbols are what it needs from elsewhere, and writable data what two calls would share."""
    for name in NETWORKS:
        unit = compiled(printed(integers(name)), tmp_path, "gcc", "-Os", "-fno-pic")
        symbols = subprocess.run(["nm", unit], capture_output=True, text=True, check=True).stdout.splitlines()
        assert {line[17] for line in symbols} <= set("TtRrU"), name
        called = {line[19:] for line in symbols if line[17:18] == "U"}
        assert called <= {"memcpy", "memset", "memmove", "_GLOBAL_OFFSET_TABLE_", "__stack_chk_fail"}


@pytest.mark.needs("gcc")
def test_it_says_its_labels_and_its_contract(tmp_path: Path) -> None:
    unit, library = compiled(printed(small()), tmp_path, "gcc", "-fPIC"), tmp_path / "small.so"
    subprocess.run(["gcc", "-shared", unit, "-o", library], check=True)
    loaded = ctypes.CDLL(str(library))
    labels = (ctypes.c_char_p * 10).in_dll(loaded, f"{STEM}_labels")
    assert tuple(label.decode() for label in labels if label) == ABOUT.labels
    contract = ctypes.string_at(ctypes.addressof(ctypes.c_char.in_dll(loaded, f"{STEM}_contract")))
    assert contract.decode() == ABOUT.contract


def test_there_is_no_float_and_no_library_in_it() -> None:
    for name in NETWORKS:
        code = re.sub(r"/\*.*?\*/", "", printed(integers(name)), flags=re.S)
        assert re.findall(r"\b(float|double|malloc|printf)\b|^static uint8_t (\w+\[|\w+;)", code, flags=re.M) == []
        assert set(re.findall(r"#include (\S+)", code)) == {"<stdint.h>", "<avr/pgmspace.h>", "<immintrin.h>"}


@pytest.mark.parametrize("label", ['say "7"', "7\n", "7 */", "7\\", "sieben?", "\u0667"])
def test_a_label_that_c_would_read_otherwise_is_refused(label: str) -> None:
    with pytest.raises(UsageError, match="plain ASCII without quotes"):
        dataclasses.replace(ABOUT, labels=("0", label))


def test_a_contract_longer_than_c_takes_is_refused() -> None:
    with pytest.raises(UsageError, match="at most 4,095 characters"):
        About(STEM, ("0", "1"), "x" * 4096)


def test_names_are_those_of_c() -> None:
    assert tables.stem_of("cnn.int8.c") == "cnn_int8"
    assert tables.stem_of("fc-28.int8.c") == "fc_28_int8"
    with pytest.raises(UsageError, match="names in C begin with a letter"):
        tables.stem_of("7.int8.c")
    found = tables.identifiers(["a.b", "a_b", "dense", "0", "for"])
    assert list(found.values()) == ["a_b", "a_b_", "layer_dense", "layer_0", "layer_for"]


def test_strings_are_those_of_c() -> None:
    assert tables.string('{"a": "??/"}') == '    "{\\"a\\": \\"\\?\\?/\\"}"'
    assert tables.string("") == '    ""'
