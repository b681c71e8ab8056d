"""Networks in integers: how near they are to torch, that every sum fits, and that a plan says all of them."""

import dataclasses
import json

import numpy as np
import pytest

from edgedigits.data.dataset import Dataset
from edgedigits.errors import RecordError, UsageError
from edgedigits.models.arithmetic import floats, quantizing
from edgedigits.models.arithmetic.folding import fold
from edgedigits.models.arithmetic.integers import Counted, IntegerNetwork
from edgedigits.models.arithmetic.steps import Dense, Lookup
from edgedigits.models.classifier import compute_logits
from edgedigits.records.network import Layer, Network
from tests.models.arithmetic.test_folding import NETWORKS, built, folded, images


def integers(name: str) -> IntegerNetwork:
    return quantizing.quantize(folded(NETWORKS[name]), images(20))


@pytest.mark.parametrize("name", NETWORKS)
def test_the_scores_are_the_logits_in_steps_of_the_unit(name: str) -> None:
    found = integers(name)
    wanted = compute_logits(built(NETWORKS[name]), images(20))
    logits = found.scores(images(20)) * found.unit
    if NETWORKS[name].output == "log-probabilities":
        logits, wanted = (each - each.mean(axis=1, keepdims=True) for each in (logits, wanted))
    spread = wanted.max() - wanted.min()
    assert np.abs(logits - wanted).max() < 0.05 * spread


@pytest.mark.parametrize("name", NETWORKS)
def test_a_plan_and_its_tables_are_the_network(name: str) -> None:
    found = integers(name)
    flat = {key: table.ravel() for key, table in found.tables.items()}
    again = IntegerNetwork.of_plan(found.plan(), flat)
    assert (again.steps, again.unit) == (found.steps, found.unit)
    np.testing.assert_array_equal(again.scores(images(5)), found.scores(images(5)))


@pytest.mark.parametrize("name", NETWORKS)
def test_values_that_are_needed_at_once_lie_apart(name: str) -> None:
    found = integers(name)
    spans = {
        value: range(offset, offset + found.steps[value - 1].step.size)
        for value, offset in enumerate(found.offsets, 1)
        if offset >= 0
    }
    for number, each in enumerate(found.steps, 1):
        needed = {read for later in found.steps[number - 1 :] for read in later.step.reads} & set(range(1, number))
        for one in needed | {number}:
            for other in needed - {one}:
                if {one, other} <= spans.keys():
                    assert not set(spans[one]) & set(spans[other]), (each.step.name, one, other)
        assert each.step.size <= found.scratch or number == len(found.steps)
    assert found.scratch % 4 == 0


def test_the_scratch_of_cnn_is_two_values() -> None:
    assert integers("cnn").offsets == (0, 14 * 14 * 8, -1)
    assert integers("cnn").scratch == 14 * 14 * 8 + 7 * 7 * 16


def test_rounding_is_to_the_nearest_and_of_a_half_upwards() -> None:
    step = Dense("a", (0,), (1, 1, 6), seen=28 * 28)
    weight = np.zeros((784, 6), np.int8)
    bias = np.array([-3, -2, -1, 1, 2, 3], np.int32)
    tables = {"a.weight": weight, "a.bias": bias, "a.multiplier": np.full(6, 2**15, np.uint16)}
    tables["a.shift"] = np.full(6, 16, np.uint8)  # a half of each
    network = IntegerNetwork((Counted(step, (0,), low=-9, high=9),), tables, 1.0)
    assert network.scores(images(1))[0].tolist() == [-1, -1, 0, 1, 1, 2]


def test_sums_that_32_bits_do_not_hold_are_refused() -> None:
    step = Dense("wide", (0,), (1, 1, 1), seen=28 * 28)
    tables = {"wide.weight": np.full((784, 1), 127, np.int8), "wide.bias": np.array([2**31 - 1], np.int32)}
    tables |= {"wide.multiplier": np.array([2**15], np.uint16), "wide.shift": np.array([16], np.uint8)}
    with pytest.raises(UsageError, match="layer 'wide': sums of up to 2,172,873,487 do not fit in 32 bits"):
        IntegerNetwork((Counted(step, (0,), low=-9, high=9),), tables, 1.0)
    small = tables | {"wide.bias": np.array([2**31 - 1 - 784 * 255 * 127], np.int32)}
    with pytest.raises(UsageError, match="do not fit"):  # nor may what becomes of them
        IntegerNetwork((Counted(step, (0,), low=-9, high=9),), small | {"wide.shift": np.array([1], np.uint8)}, 1.0)
    assert IntegerNetwork((Counted(step, (0,), low=-9, high=9),), small, 1.0).classes == 1


def test_a_network_that_ends_in_no_sum_is_refused() -> None:
    layers = Layer.of("flatten", "f"), Layer.of("dense", "a", features=10), Layer.of("tanh", "end")
    with pytest.raises(UsageError, match=r"^layer 'end': is the last layer and sums nothing"):
        quantizing.quantize(folded(Network(layers)), images(5))


def test_a_channel_without_weights_gives_its_bias() -> None:
    found = folded(NETWORKS["flat"])
    weights = dict(found.weights)
    weights["c.weight"] = np.zeros_like(weights["c.weight"])
    weights["c.bias"] = np.linspace(-3, 3, 10)
    network = quantizing.quantize(dataclasses.replace(found, weights=weights), images(5))
    np.testing.assert_allclose(network.scores(images(1))[0] * network.unit, weights["c.bias"], atol=1e-3)


def test_large_logits_take_fewer_bits_behind_the_point() -> None:
    found = folded(NETWORKS["flat"])
    weights = {name: each * 1000 for name, each in found.weights.items()}
    network = quantizing.quantize(dataclasses.replace(found, weights=weights), images(5))
    assert network.unit > 2.0**-16
    assert np.abs(network.scores(images(5))).max() > 1000


@pytest.mark.parametrize("plan", ["", "[]", '{"unit": 1}', '{"unit": 1, "steps": [{"kind": "guess"}]}'])
def test_what_is_no_plan_is_refused(plan: str) -> None:
    with pytest.raises(RecordError):
        IntegerNetwork.of_plan(plan, {})


def test_a_step_without_a_field_is_refused() -> None:
    data = Counted(Lookup("a", (0,), (1, 1, 3), function="tanh"), (0,)).to_dict()
    assert Counted.from_dict(json.loads(json.dumps(data))).to_dict() == data
    del data["zeros"]
    with pytest.raises(RecordError, match="zeros"):
        Counted.from_dict(data)


def test_a_trained_network_answers_as_its_floats(digits: Dataset) -> None:
    rows = digits.train.images.reshape(len(digits.train), -1).astype(float)
    means = np.stack([rows[digits.train.labels == label].mean(axis=0) for label in range(10)])
    layers = Layer.of("flatten", "f"), Layer.of("dense", "nearest", features=10)
    tensors = {"nearest.weight": means / 255, "nearest.bias": -(means**2).sum(axis=1) / 2 / 255**2}
    plain = fold(Network(layers), tensors)
    found = quantizing.quantize(plain, digits.train.images).scores(digits.test.images)
    wanted = floats.evaluated(plain, digits.test.images)
    assert (found.argmax(axis=1) == wanted.argmax(axis=1)).mean() > 0.95
    assert (wanted.argmax(axis=1) == digits.test.labels).mean() > 0.8
