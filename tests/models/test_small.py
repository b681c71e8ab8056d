"""Networks of few bits for few bytes: what their weights take, and that the records' presets keep within theirs."""

import pytest

from edgedigits.bench.records import GOALS
from edgedigits.models.presets import ALL, RECORDS, find_preset, find_recipe
from edgedigits.models.small import Conv, convolutions, denses, products, weight_bytes
from edgedigits.records.network import Layer, Network


def test_bytes_are_those_of_packed_weights_and_seven_for_each_channel() -> None:
    layers = (
        Layer.of("conv", "conv", channels=3, kernel=3, bits=3),
        Layer.of("mean", "mean"),
        Layer.of("dense", "head", features=10),
    )
    assert weight_bytes(Network(layers)) == (9 * 2 + 3 * 7) + (30 + 10 * 7)  # a row of 9 bits: 2 bytes


def test_products_are_counted_at_each_place() -> None:
    assert products(convolutions(4, (Conv(4, 5, 2), Conv(6)))) == 25 * 4 * 196 + 9 * 4 * 6 * 196 + 60
    assert products(denses(2, (20,), halved=True)) == 196 * 20 + 20 * 10


def test_a_convolution_in_depth_is_one_in_each_channel_and_one_of_all() -> None:
    network = convolutions(4, (Conv(4, 5, 2), Conv(6, depth=True)), head="flatten")
    assert network.weights["conv2.each.conv.weight"].shape == (4, 1, 3, 3)
    assert network.weights["conv2.all.conv.weight"].shape == (6, 4, 1, 1)
    assert network.weights["head.weight"].shape == (10, 6 * 14 * 14)


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_keeps_within_its_bytes_and_trains_within_its_time(name: str) -> None:
    network, goal = RECORDS[name].spec.listed, GOALS[name]
    assert goal.bytes is None or 0.85 * goal.bytes < weight_bytes(network) <= goal.bytes
    assert find_preset(name) == ALL[name] == RECORDS[name]
    assert find_recipe(name).validation == 0  # its recipe is chosen: now it learns from all
    assert list(RECORDS[name].recipes) == ["default", "reader"]


def test_every_record_has_a_goal() -> None:
    assert GOALS.keys() == RECORDS.keys()
    assert products(RECORDS["cnn-2k"].spec.listed) <= 1_000_000
