"""The network as data: what a list of layers says, and what no list may say."""

import dataclasses
import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from edgedigits.errors import RecordError, UsageError
from edgedigits.records.attributes import REQUIRED
from edgedigits.records.model import ModelSpec
from edgedigits.records.network import INPUT, MOST_LAYERS, Input, Layer, Network
from edgedigits.records.ops import BITS, OPS, Weight, levels
from tests.helpers.networks import RESIDUAL, fc

FLATTEN, HEAD = Layer.of("flatten", "flatten"), Layer.of("dense", "head", features=10)


def test_shapes_are_those_of_one_image_from_layer_to_layer() -> None:
    assert dict(RESIDUAL.shapes) == {
        INPUT: (1, 28, 28),
        **dict.fromkeys(("stem.0", "stem.1", "stem.2"), (4, 14, 14)),
        **dict.fromkeys(("block.depth", "block.act", "block.sum", "block.again"), (4, 14, 14)),
        **dict.fromkeys(("gate.pool", "gate.act"), (4, 1, 1)),
        "gate.out": (4, 14, 14),
        "join": (8, 14, 14),
        "pool": (8,),
        "drop": (8,),
        "head": (10,),
    }


def test_tensors_go_by_the_names_of_their_layers() -> None:
    assert dict(RESIDUAL.weights) == {
        "stem.0.weight": Weight((4, 1, 3, 3)),
        "stem.1.weight": Weight((4,)),
        "stem.1.bias": Weight((4,)),
        "stem.1.running_mean": Weight((4,), learned=False),
        "stem.1.running_var": Weight((4,), learned=False),
        "stem.1.num_batches_tracked": Weight((), "int64", learned=False),
        "block.depth.weight": Weight((4, 1, 3, 3)),
        "block.depth.bias": Weight((4,)),
        "block.act.weight": Weight((4,)),
        "head.weight": Weight((10, 8)),
        "head.bias": Weight((10,)),
    }
    assert RESIDUAL.parameters == 36 + 8 + 40 + 4 + 90


def test_each_layer_reads_the_one_before_unless_it_says_otherwise() -> None:
    layers = (FLATTEN, Layer.of("add", "twice", "flatten", "flatten"), HEAD)
    assert [inputs for _, inputs in Network(layers).steps()] == [(INPUT,), ("flatten", "flatten"), ("twice",)]


def test_what_enters_the_network_can_be_read_again() -> None:
    layers = (Layer.of("tanh", "act"), Layer.of("add", "sum", INPUT, "act"), FLATTEN, HEAD)
    assert Network(layers).shapes["sum"] == (1, 28, 28)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"channels": 8, "kernel": 3}, {"channels": 8, "kernel": 3}),
        ({"kernel": [3, 3], "channels": 8, "stride": [1, 1], "bias": True}, {"channels": 8, "kernel": 3}),
        ({"channels": np.int64(8), "kernel": (3, 5), "padding": 0}, {"channels": 8, "kernel": (3, 5)}),
    ],
)
def test_a_layer_is_written_in_one_way(given: dict[str, Any], kept: dict[str, Any]) -> None:
    layer = Layer("conv", "a", attributes=given)
    assert dict(layer.attributes) == kept
    assert list(layer.attributes) == ["channels", "kernel"]
    assert layer.values == {
        "channels": 8,
        "kernel": kept["kernel"],
        "stride": 1,
        "padding": 0,
        "dilation": 1,
        "groups": 1,
        "bias": True,
        "bits": None,
    }
    assert Layer.from_json(layer.to_json()) == layer == Layer.of("conv", "a", **given)


def test_what_a_layer_does_not_say_is_not_written() -> None:
    assert Layer.of("relu", "act").to_dict() == {"op": "relu", "name": "act"}
    assert Layer.of("elu", "act", alpha=1).to_dict() == {"op": "elu", "name": "act"}


@pytest.mark.parametrize("name", OPS.own)
def test_every_default_is_a_value_that_its_attribute_takes(name: str) -> None:
    for attribute in OPS[name].attributes.values():
        if attribute.default is not REQUIRED:
            assert attribute.read(attribute.default) == attribute.default


def test_a_layer_of_low_bits_holds_a_scale_for_each_output_channel_and_the_range_of_its_values() -> None:
    layers = (
        Layer.of("conv", "a", channels=4, kernel=3, bias=False, bits=2),
        Layer.of("mean", "pool", ranged=True),
        Layer.of("dense", "head", features=10, bits=np.int64(8)),
    )
    assert dict(Network(layers).weights) == {
        "a.weight": Weight((4, 1, 3, 3)),
        "a.scale": Weight((4,)),
        "a.range": Weight((2,), learned=False),
        "pool.range": Weight((2,), learned=False),
        "head.weight": Weight((10, 4)),
        "head.bias": Weight((10,)),
        "head.scale": Weight((10,)),
        "head.range": Weight((2,), learned=False),
    }
    assert layers[2].to_dict()["attributes"] == {"features": 10, "bits": 8}
    assert [levels(bits) for bits in BITS] == [1, 3, 7, 127]


MALFORMED: dict[str, tuple[tuple[Any, ...], str]] = {  # ops, names, inputs, attributes; and what is said
    "an unknown op": ((("conw", "a"),), "layer 'a': unknown op 'conw': did you mean 'conv'? Known: dense, conv, "),
    "an unknown attribute": (
        (("conv", "a", (), {"chanels": 8, "kernel": 3}),),
        "layer 'a': unknown attribute 'chanels': did you mean 'channels'? Known: channels, kernel, stride,",
    ),
    "an attribute where there is none": ((("relu", "a", (), {"slope": 1}),), "layer 'a': unknown attribute 'slope'"),
    "an attribute that is missing": (
        (("dense", "a"),),
        "layer 'a': features: a whole number from 1 wanted, nothing given",
    ),
    "a word for a number": (
        (("dense", "a", (), {"features": "50"}),),
        "layer 'a': features: a whole number from 1 wanted, '50' given",
    ),
    "true for a number": ((("dense", "a", (), {"features": True}),), "layer 'a': features: a whole number from 1"),
    "a fraction of a pixel": (
        (("max_pool", "a", (), {"kernel": 2.5}),),
        "layer 'a': kernel: one or two whole numbers from 1 wanted, 2.5 given",
    ),
    "three sides": ((("max_pool", "a", (), {"kernel": [2, 2, 2]}),), "layer 'a': kernel: one or two whole numbers"),
    "nothing of something": ((("conv", "a", (), {"channels": 0, "kernel": 3}),), "layer 'a': channels: a whole"),
    "more than 32 bits hold": ((("dense", "a", (), {"features": 2**31}),), "layer 'a': features: a whole number"),
    "bits that no weight has": (
        (("dense", "a", (), {"features": 10, "bits": 5}),),
        "layer 'a': bits: 2 or 3 or 4 or 8, or null wanted, 5 given",
    ),
    "a share above 1": ((("dropout", "a", (), {"p": 1.5}),), "layer 'a': p: a number from 0 to 1 wanted, 1.5 given"),
    "more than a number holds": (
        (("leaky_relu", "a", (), {"slope": 10**400}),),
        "layer 'a': slope: a number wanted, 1000000000",
    ),
    "one for true": ((("dense", "a", (), {"features": 3, "bias": 1}),), "layer 'a': bias: true or false wanted, 1"),
    "an unknown word": (
        (("pad", "a", (), {"padding": [1, 1, 1, 1], "mode": "mirror"}),),
        "layer 'a': mode: constant or reflect or replicate or circular wanted, 'mirror' given",
    ),
    "three margins": (
        (("pad", "a", (), {"padding": [1, 1, 1]}),),
        "layer 'a': padding: pixels to the left, right, top and bottom wanted, ",
    ),
    "no layers": ((), "layers: 1 to 10,000 wanted, 0 given"),
    "no name": ((("relu", ""),), "name: printable words with dots between them wanted, '' given"),
    "half a name": ((("relu", "a..b"),), "name: printable words with dots between them wanted, 'a..b' given"),
    "the input's name": ((("relu", INPUT),), "name: printable words"),
    "a name twice": ((("relu", "a"), ("flatten", "b"), ("tanh", "a")), "layer 'a': 2 layers have this name"),
    "a name inside another": (
        (("flatten", "a"), ("dense", "a.b", (), {"features": 10})),
        "layer 'a.b': its name lies inside that of layer 'a'",
    ),
    "a dangling input": ((("relu", "a", ("z",)),), "layer 'a': reads 'z', which is no layer"),
    "a circle": (
        (("add", "a", (INPUT, "b")), ("relu", "b")),
        "layer 'a': reads 'b', which does not come before it",
    ),
    "itself": ((("add", "a", (INPUT, "a")),), "layer 'a': reads 'a', which does not come before it"),
    "a layer that is not read": (
        (("relu", "a"), ("tanh", "b", (INPUT,)), ("flatten", "c")),
        "layer 'a': no layer reads what it gives",
    ),
    "two inputs to one": ((("relu", "a"), ("tanh", "b", ("a", INPUT))), "layer 'b': tanh takes one input, 2 given"),
    "one input to two": ((("add", "a"),), "layer 'a': add takes two inputs or more, 1 given"),
    "a convolution of a vector": (
        (("flatten", "a"), ("conv", "b", (), {"channels": 2, "kernel": 3})),
        "layer 'b': conv: takes [channels, height, width], not [784]",
    ),
    "a window that does not fit": (
        (("conv", "a", (), {"channels": 2, "kernel": 31}),),
        "layer 'a': conv: a window of 31 does not fit into 28, padded by 0",
    ),
    "groups that do not divide": (
        (("conv", "a", (), {"channels": 3, "kernel": 3, "groups": 2}),),
        "layer 'a': conv: 2 groups do not divide 1 channels into 3",
    ),
    "padding beyond half a pool": (
        (("max_pool", "a", (), {"kernel": 2, "padding": 2}),),
        "layer 'a': max_pool: padding of 2 is more than half of the kernel",
    ),
    "a mirror larger than the image": (
        (("pad", "a", (), {"padding": [28, 0, 0, 0], "mode": "reflect"}),),
        "layer 'a': pad: reflect padding of 28 is too much for 28",
    ),
    "values that are lost": (
        (("reshape", "a", (), {"shape": [2, 28, 28]}),),
        "layer 'a': reshape: [1, 28, 28] has 784 values, [2, 28, 28] has 1568",
    ),
    "an axis that is not there": (
        (("softmax", "a", (), {"axis": 4}),),
        "layer 'a': softmax: there is no axis 4 in [1, 28, 28] behind the batch, which is axis 0",
    ),
    "the mean over an axis twice": ((("mean", "a", (), {"axes": [2, 2]}),), "layer 'a': mean: an axis is named twice"),
    "sums that do not fit": (
        (("max_pool", "a", (), {"kernel": 2}), ("add", "b", (INPUT, "a"))),
        "layer 'b': add: shapes do not fit: [1, 28, 28] and [1, 14, 14]",
    ),
    "sums of other ranks": (
        (("flatten", "a"), ("add", "b", (INPUT, "a"))),
        "layer 'b': add: takes as many axes of each, not [1, 28, 28] and [784]",
    ),
    "channels of other images": (
        (("max_pool", "a", (), {"kernel": 2}), ("concat", "b", (INPUT, "a"))),
        "layer 'b': concat: shapes differ in more than axis 1: [1, 28, 28] and [1, 14, 14]",
    ),
    "slopes of other channels": (
        (("prelu", "a", (), {"slopes": 3}),),
        "layer 'a': prelu: 3 slopes for the channels of [1, 28, 28]",
    ),
    "factors of other channels": (
        (("affine", "a", (), {"factor": [1, 2]}),),
        "layer 'a': affine: factor: one number, or one for each channel of [1, 28, 28]",
    ),
    "more than memory holds": (
        (("flatten", "a"), ("dense", "b", (), {"features": 2**25})),
        "layer 'b': gives 33,554,432 values an image, at most 16,777,216 wanted",
    ),
}


def layers_of(rows: tuple[Any, ...]) -> list[dict[str, Any]]:
    keys = ("op", "name", "inputs", "attributes")
    return [dict(zip(keys, row, strict=False)) for row in rows]


@pytest.mark.parametrize("case", MALFORMED)
def test_a_list_that_contradicts_itself_is_refused_by_its_layer(case: str) -> None:
    rows, complaint = MALFORMED[case]
    with pytest.raises(UsageError) as caught:
        Network(tuple(Layer(**layer) for layer in layers_of(rows)))
    assert str(caught.value).startswith(complaint)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("case", MALFORMED)
def test_nor_is_it_read_from_json(case: str) -> None:
    rows, complaint = MALFORMED[case]
    with pytest.raises(RecordError) as caught:
        ModelSpec.from_json(json.dumps({"network": {"layers": layers_of(rows)}}))
    assert str(caught.value).partition(": ")[2].startswith(complaint)
    assert str(caught.value).startswith("ModelSpec.network")
    assert "\n" not in str(caught.value)


TIED = Layer("dense", "again", attributes={"features": 784}, tied="first")


@pytest.mark.parametrize(
    ("layers", "fits"),
    [
        ((Layer.of("dense", "first", features=784), TIED), True),
        ((Layer.of("dense", "first", features=784, bias=False), TIED), False),
        ((Layer.of("dense", "first", features=783), TIED), False),
        ((Layer.of("relu", "first"), TIED), False),
        ((Layer.of("dense", "other", features=784), TIED), False),
        ((TIED, Layer.of("dense", "first", features=784)), False),
    ],
)
def test_tensors_are_shared_by_layers_that_hold_the_same(layers: tuple[Layer, ...], fits: bool) -> None:
    if fits:
        assert Network((FLATTEN, *layers, HEAD)).parameters == 784 * 784 + 784 + 7850
        return
    with pytest.raises(UsageError, match="layer 'again': is tied to 'first', which is no earlier layer with the same"):
        Network((FLATTEN, *layers, HEAD))


def test_a_spec_has_a_value_for_each_label() -> None:
    with pytest.raises(UsageError) as caught:
        ModelSpec(Network((FLATTEN, HEAD)), tuple("abc"))
    assert str(caught.value) == "layer 'head': gives [10], [3] wanted: one value for each label"


def test_a_spec_has_weights_to_train() -> None:
    layers = (Layer.of("adaptive_avg_pool", "pool", size=(2, 5)), FLATTEN)
    with pytest.raises(UsageError, match="network: layers with weights wanted"):
        ModelSpec(Network(layers))


def test_other_labels_change_the_last_layer_alone() -> None:
    spec = fc(7)
    assert spec.with_labels(tuple("abcdefghij")).network == spec.network
    changed = spec.with_labels(tuple("abc"))
    assert changed.network.shapes["layers.2"] == (3,)
    assert changed.network.layers[:-1] == spec.network.layers[:-1]
    assert changed.labels == ("a", "b", "c")


def test_classes_cannot_be_changed_where_no_layer_says_how_many() -> None:
    with pytest.raises(UsageError, match="or the classes cannot be changed"):
        Network((Layer.of("adaptive_avg_pool", "pool", size=(2, 5)), FLATTEN)).with_classes(3)


@pytest.mark.parametrize(
    ("last", "gives"),
    [
        ((), "logits"),
        ((Layer.of("softmax", "out"),), "probabilities"),
        ((Layer.of("log_softmax", "out"),), "log-probabilities"),
    ],
)
def test_what_comes_out_is_what_the_last_layer_gives(last: tuple[Layer, ...], gives: str) -> None:
    assert Network((FLATTEN, HEAD, *last)).output == gives


@pytest.mark.parametrize(
    ("layout", "shape"),
    [("nchw", (1, 32, 32)), ("nhw", (32, 32)), ("flat", (1024,)), ("nhwc", (32, 32, 1)), ("rgb", (3, 32, 32))],
)
def test_the_first_layer_sees_images_in_the_layout_of_the_input(layout: str, shape: tuple[int, ...]) -> None:
    assert Input(layout=layout, side=32, fit="pad").shape == shape


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"layout": "chw"}, "layout: nchw or nhw or flat or nhwc or rgb"),
        ({"side": 0}, "side: 1 to 1024 pixels"),
        ({"range": (1.0, 0.0)}, "range: what 0 and 255 become, rising,"),
        ({"range": (0.0,)}, "range: what 0 and 255 become, rising,"),
        ({"mean": float("nan")}, "mean: a finite number"),
        ({"std": 0.0}, "std: a positive number"),
        ({"std": float("inf")}, "std: a positive number"),
        ({"ink": "red"}, "ink: light or dark"),
        ({"threshold": 255}, "threshold: 0 to 254"),
        ({"fit": "stretch", "side": 32}, "fit: pad or pad-last or resize"),
        ({"fit": "pad"}, "fit: one for a side of other than 28, and only then"),
        ({"side": 32}, "fit: one for a side of other than 28, and only then"),
        ({"side": 20, "fit": "pad"}, "fit: resize for a smaller side"),
    ],
)
def test_an_input_keeps_its_rules(changes: dict[str, Any], rule: str) -> None:
    with pytest.raises(UsageError, match=f"^{rule} wanted"):
        dataclasses.replace(Input(), **changes)


def test_a_long_list_is_bounded() -> None:
    layers = tuple(Layer.of("relu", f"a.{place}") for place in range(MOST_LAYERS + 1))
    with pytest.raises(UsageError, match="layers: 1 to 10,000 wanted, 10001 given"):
        Network(layers)
    assert len(Network(layers[:-1]).shapes) == MOST_LAYERS + 1


def test_a_network_is_told_in_words() -> None:
    layers = (Layer.of("conv", "a", channels=8, kernel=(3, 5)), Layer.of("relu", "b"), FLATTEN, HEAD)
    assert Network(layers).describe() == "conv channels=8 kernel=(3,5), relu, flatten, dense features=10"


def test_a_network_is_read_and_measured_without_torch() -> None:
    code = f"""if True:
        import sys
        from edgedigits.models.presets import PRESETS
        from edgedigits.records.network import Network
        assert Network.from_json({RESIDUAL.to_line()!r}).parameters == {RESIDUAL.parameters}
        assert PRESETS["cnn"].spec.network.parameters == 9098
        sys.exit(bool({{"torch", "numpy"}} & sys.modules.keys()))"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
