"""Weights of few bits in C: packed, read back, and with the reference's scores however they are compiled."""

import dataclasses
import os
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedigits.export.c import weights
from edgedigits.export.c.source import print_source
from edgedigits.export.c.weights import laid_out, pack, read_back, sizes_of, unpack
from edgedigits.models.arithmetic.integers import IntegerNetwork
from edgedigits.models.arithmetic.steps import Convolve, Dense
from edgedigits.records.network import Layer, Network
from edgedigits.records.ops import BITS, levels
from tests.helpers import few_bits
from tests.helpers.c import ABOUT, SANITIZED, asked, compiled, printed
from tests.models.arithmetic.test_folding import images

GOLDEN = Path(__file__).with_name("golden_few_bits.c")
HEAD = (Layer.of("flatten", "flat"), Layer.of("dense", "head", features=10, bits=3))
ENDS = np.stack([np.full((28, 28), value, np.uint8) for value in (0, 1, 254, 255)])


def conv(name: str, channels: int, kernel: int = 3, **further: int) -> Layer:
    return Layer.of("conv", name, channels=channels, kernel=kernel, **further)


NETWORKS = {
    "like cnn-2k": few_bits.SMALL,
    "a dense layer of 3 bits": Network(HEAD),
    "ternary, channels that fill no byte": Network((conv("a", 3, 5, stride=2, bits=2), conv("b", 5, bits=2), *HEAD)),
    "more channels than a block": Network((conv("a", 21, 5, stride=3, bits=3), conv("b", 17, bits=4), *HEAD)),
    "depthwise of all widths": Network(
        (
            conv("a", 11, 3, stride=2, bits=4),
            *(conv(f"depth{bits}", 11, 3, groups=11, padding=1, bits=bits) for bits in BITS),
            *HEAD,
        )
    ),
    "groups, and places that lie apart": Network(
        (
            conv("a", 6, 3, stride=2, bits=4),
            conv("b", 9, 3, groups=3, padding=2, dilation=2, bits=3),
            conv("c", 18, 2, groups=9, bits=2),
            *HEAD,
        )
    ),
    "some layers of 8 bits": Network((conv("a", 4, 3, stride=2, bits=8), conv("b", 10, bits=2), conv("c", 3), *HEAD)),
}


def integers(name: str) -> IntegerNetwork:
    return few_bits.integers(NETWORKS[name], images(10))


def tiny() -> IntegerNetwork:
    """A network whose weights are the same on every machine."""
    network = Network(
        (
            conv("stem", 10, 5, stride=4, bits=4),
            Layer.of("relu", "act"),
            conv("depth", 10, 3, groups=10, bits=2),
            Layer.of("flatten", "flat"),
            Layer.of("dense", "head", features=10, bits=4),
        )
    )
    return few_bits.integers(network, ENDS)


def test_the_c_of_a_network_of_few_bits_is_as_it_was_reviewed() -> None:
    """Where this changes on purpose, read the difference, then: EDGEDIGITS_RENEW=1 pytest tests/export/c."""
    source = printed(tiny())
    if os.environ.get("EDGEDIGITS_RENEW") == "1":
        GOLDEN.write_text(source, encoding="ascii")
    assert source == GOLDEN.read_text(encoding="ascii")


@settings(derandomize=True, deadline=None, database=None)
@given(st.sampled_from(BITS), st.integers(1, 30), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_rows_are_read_back_as_they_were_packed(bits: int, outputs: int, rows: int, seed: int) -> None:
    given = np.random.default_rng(seed).integers(-levels(bits), levels(bits), (rows, outputs), endpoint=True)
    packed = pack(given.astype(np.int8), bits)
    assert packed.nbytes == rows * -(-outputs * bits // 8)
    np.testing.assert_array_equal(unpack(packed, rows, outputs, bits), given)


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_are_read_back_as_they_were_laid_out(name: str) -> None:
    network = integers(name)
    for each in network.steps:
        if isinstance(each.step, Convolve | Dense):
            given = network.table(each.step, "weight")
            laid = laid_out(network.steps, each.step, given)
            found = read_back(network.steps, each.step, laid, weights.block_of(network.steps))
            np.testing.assert_array_equal(found, given)


def test_weights_of_4_bits_take_half_a_byte_each() -> None:
    network = integers("like cnn-2k")
    stored, rest = sizes_of(network)
    count = sum(table.size for name, table in network.tables.items() if name.endswith(".weight"))
    assert stored == count / 2
    assert f"size     {stored + rest:,} bytes of tables" in printed(network)


def test_too_few_bytes_and_bits_that_none_have_are_no_weights() -> None:
    network = integers("a dense layer of 3 bits")
    (each,) = network.steps
    assert isinstance(each.step, Dense)
    laid = laid_out(network.steps, each.step, network.table(each.step, "weight"))
    with pytest.raises(ValueError, match="reshape"):
        read_back(network.steps, each.step, laid[:-9], 8)
    with pytest.raises(ValueError, match="head: weights of 5 bits"):
        read_back(network.steps, dataclasses.replace(each.step, bits=5), laid, 8)


@pytest.mark.needs("gcc")
@pytest.mark.parametrize("name", NETWORKS)
def test_the_scores_are_the_references_under_sanitizers(name: str, tmp_path: Path) -> None:
    network, shown = integers(name), np.concatenate([images(6), ENDS])
    np.testing.assert_array_equal(asked(network, shown, tmp_path, "-O1", *SANITIZED), network.scores(shown))


@pytest.mark.needs("gcc")
@pytest.mark.parametrize("flags", [("-O0",), ("-O2",), ("-Os",), ("-O3", "-march=native")], ids=" ".join)
@pytest.mark.parametrize("name", ["like cnn-2k", "some layers of 8 bits"])
def test_the_scores_are_the_references_however_they_are_compiled(
    name: str, flags: tuple[str, ...], tmp_path: Path
) -> None:
    network = integers(name)
    np.testing.assert_array_equal(asked(network, images(20), tmp_path, *flags), network.scores(images(20)))


@pytest.mark.lengthy
@pytest.mark.needs("gcc", "g++")
@pytest.mark.parametrize("compiler", ["gcc", "g++"])
@pytest.mark.parametrize("name", NETWORKS)
def test_compilers_have_nothing_to_say(name: str, compiler: str, tmp_path: Path) -> None:
    for flags in (("-O0",), ("-O3", "-march=native")):
        compiled(printed(integers(name)), tmp_path, compiler, *flags)


def test_sizes_that_16_bits_do_not_hold_take_32() -> None:
    network = integers("a dense layer of 3 bits")
    assert "typedef int16_t extent;" in printed(network)
    far = dataclasses.replace(network.steps[0], zeros=(2**15,))
    assert "typedef int32_t extent;" in print_source(dataclasses.replace(network, steps=(far,)), ABOUT)


def test_only_what_is_needed_is_printed() -> None:
    source = printed(integers("ternary, channels that fill no byte"))
    assert set(re.findall(r"^static (?:inline )?\w+ (\w+)\(", source, re.M)) >= {"add_rows_2", "add_rows_3"}
    assert not re.search(r"add_each|add_rows_[48]|WINDOW", source)
