"""Every op: its torch form against torch's functions, and what its row says of shapes and tensors against torch."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from edgedigits.models import network
from edgedigits.records.network import Layer
from edgedigits.records.ops import BITS, OPS, Shape, Shapes
from edgedigits.system.plugins import resolved

BATCH = 3
Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Case:
    """A layer, the shapes of its inputs, and the same by torch's functions."""

    op: str
    shapes: Shapes
    function: Callable[..., Tensor]
    attributes: dict[str, Any] = field(default_factory=dict)


CASES = [
    Case("dense", ((7,),), lambda w, x: F.linear(x, w["weight"], w["bias"]), {"features": 5}),
    Case("dense", ((2, 7),), lambda w, x: x @ w["weight"].T, {"features": 5, "bias": False}),
    Case("conv", ((3, 8, 9),), lambda w, x: F.conv2d(x, w["weight"], w["bias"]), {"channels": 4, "kernel": 3}),
    Case(
        "conv",
        ((4, 11, 9),),
        lambda w, x: F.conv2d(x, w["weight"], None, (2, 3), (1, 2), (2, 1), 2),
        {
            "channels": 6,
            "kernel": (3, 4),
            "stride": (2, 3),
            "padding": (1, 2),
            "dilation": (2, 1),
            "groups": 2,
            "bias": False,
        },
    ),
    Case(
        "conv",
        ((4, 7, 7),),
        lambda w, x: F.conv2d(x, w["weight"], w["bias"], padding=2, groups=4),
        {"channels": 8, "kernel": 5, "padding": 2, "groups": 4},
    ),
    *(
        Case(
            "batch_norm",
            (shape,),
            lambda w, x: F.batch_norm(x, w["running_mean"], w["running_var"], w["weight"], w["bias"], eps=1e-2),
            {"eps": 1e-2},
        )
        for shape in ((5,), (5, 4), (5, 4, 3))
    ),
    Case(
        "batch_norm",
        ((5, 4, 3),),
        lambda w, x: F.batch_norm(x, w["running_mean"], w["running_var"]),
        {"affine": False, "momentum": None},
    ),
    Case("relu", ((5, 4, 3),), lambda _, x: F.relu(x)),
    Case("leaky_relu", ((5,),), lambda _, x: F.leaky_relu(x)),
    Case("leaky_relu", ((5,),), lambda _, x: F.leaky_relu(x, 0.2), {"slope": 0.2}),
    Case("relu6", ((5,),), lambda _, x: F.relu6(x)),
    Case("prelu", ((5, 4, 3),), lambda w, x: F.prelu(x, w["weight"])),
    Case("prelu", ((5, 4, 3),), lambda w, x: F.prelu(x, w["weight"]), {"slopes": 5}),
    Case("elu", ((5,),), lambda _, x: F.elu(x)),
    Case("elu", ((5,),), lambda _, x: F.elu(x, 0.5), {"alpha": 0.5}),
    Case("gelu", ((5,),), lambda _, x: F.gelu(x)),
    Case("gelu", ((5,),), lambda _, x: F.gelu(x, approximate="tanh"), {"approximate": "tanh"}),
    Case("silu", ((5,),), lambda _, x: F.silu(x)),
    Case("hardswish", ((5,),), lambda _, x: F.hardswish(x)),
    Case("hardsigmoid", ((5,),), lambda _, x: F.hardsigmoid(x)),
    Case("sigmoid", ((5,),), lambda _, x: torch.sigmoid(x)),
    Case("tanh", ((5,),), lambda _, x: torch.tanh(x)),
    Case("max_pool", ((3, 9, 8),), lambda _, x: F.max_pool2d(x, 2), {"kernel": 2}),
    Case(
        "max_pool",
        ((3, 9, 8),),
        lambda _, x: F.max_pool2d(x, (3, 2), (2, 3), (1, 0), (1, 2), ceil_mode=True),
        {"kernel": (3, 2), "stride": (2, 3), "padding": (1, 0), "dilation": (1, 2), "ceil": True},
    ),
    Case("avg_pool", ((3, 9, 8),), lambda _, x: F.avg_pool2d(x, 3), {"kernel": 3}),
    Case(
        "avg_pool",
        ((3, 9, 8),),
        lambda _, x: F.avg_pool2d(x, (3, 2), (2, 3), (1, 1), ceil_mode=True, count_include_pad=False),
        {"kernel": (3, 2), "stride": (2, 3), "padding": 1, "ceil": True, "count_padding": False},
    ),
    Case("adaptive_avg_pool", ((3, 9, 8),), lambda _, x: F.adaptive_avg_pool2d(x, 1)),
    Case("adaptive_avg_pool", ((3, 9, 8),), lambda _, x: F.adaptive_avg_pool2d(x, (4, 3)), {"size": (4, 3)}),
    Case("mean", ((3, 9, 8),), lambda _, x: x.mean((2, 3))),
    Case("mean", ((3, 9, 8),), lambda _, x: x.mean(1, keepdim=True), {"axes": (1,), "keep": True}),
    Case("flatten", ((3, 4, 5),), lambda _, x: torch.flatten(x, 1)),
    Case("flatten", ((3, 4, 5),), lambda _, x: torch.flatten(x, 2), {"start": 2}),
    Case("reshape", ((3, 4, 5),), lambda _, x: x.view(BATCH, 6, 10), {"shape": (6, 10)}),
    Case("pad", ((3, 4, 5),), lambda _, x: F.pad(x, (0, 1, 2, 3)), {"padding": (0, 1, 2, 3)}),
    Case("pad", ((3, 4, 5),), lambda _, x: F.pad(x, (1, 1, 1, 1), value=-2), {"padding": (1,) * 4, "value": -2}),
    *(
        Case(
            "pad",
            ((3, 4, 5),),
            lambda _, x, mode=mode: F.pad(x, (3, 2, 1, 3), mode),
            {"padding": (3, 2, 1, 3), "mode": mode},
        )
        for mode in ("reflect", "replicate", "circular")
    ),
    Case("dropout", ((3, 4, 5),), lambda _, x: x),
    Case("dropout", ((3, 4, 5),), lambda _, x: x, {"p": 0.2, "channels": True}),
    Case("softmax", ((7,),), lambda _, x: F.softmax(x, 1)),
    Case("softmax", ((3, 4, 5),), lambda _, x: F.softmax(x, 3), {"axis": 3}),
    Case("log_softmax", ((7,),), lambda _, x: F.log_softmax(x, 1)),
    Case("affine", ((3, 4),), lambda _, x: x),
    Case("affine", ((3, 4),), lambda _, x: x * 0.5 - 3, {"factor": 0.5, "term": -3}),
    Case(
        "affine",
        ((2, 4, 5),),
        lambda _, x: (x - torch.tensor([1.0, 2.0]).view(2, 1, 1)) / torch.tensor([2.0, 4.0]).view(2, 1, 1),
        {"factor": (0.5, 0.25), "term": (-0.5, -0.5)},
    ),
    Case("add", ((3, 4), (3, 4)), lambda _, x, y: x + y),
    Case("add", ((3, 4, 5), (3, 1, 1), (1, 4, 5)), lambda _, x, y, z: x + y + z),
    Case("multiply", ((3, 4, 5), (3, 1, 1)), lambda _, x, y: x * y),
    Case("concat", ((3, 4, 5), (2, 4, 5)), lambda _, x, y: torch.cat([x, y], 1)),
    Case("concat", ((3, 4), (3, 1), (3, 2)), lambda _, *x: torch.cat(x, 2), {"axis": 2}),
    Case(
        "graph",
        ((7,),),
        lambda w, x: F.layer_norm(x, (7,), w["norm.weight"]),
        {
            "graph": {
                "tensors": {"norm.weight": {"shape": [7]}},
                "calls": [
                    {
                        "name": "norm",
                        "word": "aten.layer_norm.default",
                        "arguments": [{"value": "@input"}, [7], {"tensor": "norm.weight"}],
                    }
                ],
            },
            "gives": (7,),
        },
    ),
]


def built(layer: Layer, shapes: Shapes) -> torch.nn.Module:
    form: Any = resolved(layer.row.form)
    module: torch.nn.Module = form(layer.values, shapes)
    for tensor in module.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand(tensor.shape) + 0.1)
    return module.eval()


def inputs_of(shapes: Shapes) -> list[Tensor]:
    return [4 * torch.randn(BATCH, *shape) for shape in shapes]


def test_every_op_is_tried_here() -> None:
    assert {case.op for case in CASES} == OPS.own.keys()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.op} {case.attributes}")
def test_a_layer_computes_what_torchs_function_does(case: Case) -> None:
    torch.manual_seed(0)
    layer = Layer(case.op, "a", attributes=case.attributes)
    module, inputs = built(layer, case.shapes), inputs_of(case.shapes)
    found, wanted = module(*inputs), case.function(module.state_dict(), *inputs)
    torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-6)
    assert layer.row.shape(case.shapes, layer.values) == tuple(found.shape[1:])


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.op} {case.attributes}")
def test_a_layer_holds_the_tensors_that_its_row_says(case: Case) -> None:
    layer = Layer(case.op, "a", attributes=case.attributes)
    module = built(layer, case.shapes)
    held = layer.row.weights(case.shapes[0], layer.values)
    state = module.state_dict()
    assert {name: weight.shape for name, weight in held.items()} == {k: tuple(t.shape) for k, t in state.items()}
    assert {name: f"torch.{weight.dtype}" for name, weight in held.items()} == {
        k: str(t.dtype) for k, t in state.items()
    }
    assert {name for name, weight in held.items() if weight.learned} == {name for name, _ in module.named_parameters()}


@pytest.mark.parametrize("channels", [False, True])
def test_dropout_drops_in_training_values_or_whole_channels(channels: bool) -> None:
    torch.manual_seed(0)
    layer = Layer.of("dropout", "a", p=0.5, channels=channels)
    dropped = built(layer, ((64, 4, 4),)).train()(torch.ones(1, 64, 4, 4)) == 0
    whole = dropped.flatten(2).all(2) | ~dropped.flatten(2).any(2)
    assert 0.3 < dropped.float().mean() < 0.7
    assert bool(whole.all()) == channels


def test_batch_norm_learns_from_batches_in_training() -> None:
    module = built(Layer.of("batch_norm", "a", momentum=0.5), ((2,),)).train()
    module.running_mean.zero_()
    module(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    assert module.running_mean.tolist() == [1.0, 1.5]


SEARCH = settings(derandomize=True, deadline=None, database=None, max_examples=200)
SIDES = st.integers(1, 9)
PAIRS = st.integers(1, 5) | st.tuples(st.integers(1, 5), st.integers(1, 5))
LOW_BITS = st.sampled_from((None, *BITS))
MARGINS = st.integers(0, 3) | st.tuples(st.integers(0, 3), st.integers(0, 3))
WINDOWS = {
    "conv": {"channels": st.sampled_from((2, 4, 6)), "groups": st.sampled_from((1, 2, 3)), "dilation": PAIRS},
    "max_pool": {"dilation": PAIRS, "ceil": st.booleans()},
    "avg_pool": {"ceil": st.booleans(), "count_padding": st.booleans()},
}


@st.composite
def windows(draw: st.DrawFn) -> tuple[Layer, Shape]:
    op = draw(st.sampled_from(sorted(WINDOWS)))
    attributes = {name: draw(values) for name, values in WINDOWS[op].items()}
    attributes |= {"kernel": draw(PAIRS), "stride": draw(PAIRS), "padding": draw(MARGINS)}
    return Layer(op, "a", attributes=attributes), (draw(st.sampled_from((2, 4))), draw(SIDES), draw(SIDES))


@SEARCH
@given(windows())
def test_a_window_slides_as_torchs_does_or_both_refuse_it(drawn: tuple[Layer, Shape]) -> None:
    layer, shape = drawn
    form: Any = resolved(layer.row.form)
    try:
        found: Shape | None = layer.row.shape((shape,), layer.values)
    except ValueError:
        found = None
    try:
        wanted: Shape | None = tuple(form(layer.values, (shape,)).eval()(torch.zeros(2, *shape)).shape[1:])
    except (RuntimeError, ValueError):
        wanted = None
    larger_than_the_image = layer.values.get("ceil") and found is None  # torch lets that pass, and we do not
    assert found == wanted or larger_than_the_image


SMALL = {  # ops that take any image, with attributes that mostly fit
    "conv": {
        "channels": st.integers(1, 4),
        "kernel": PAIRS,
        "stride": PAIRS,
        "padding": MARGINS,
        "bias": st.booleans(),
        "bits": LOW_BITS,
    },
    "batch_norm": {},
    "relu6": {},
    "prelu": {},
    "max_pool": {"kernel": PAIRS, "stride": st.none() | PAIRS, "ceil": st.booleans()},
    "avg_pool": {"kernel": PAIRS, "ceil": st.booleans()},
    "adaptive_avg_pool": {"size": PAIRS},
    "mean": {"axes": st.sampled_from(((1,), (2, 3))), "keep": st.booleans(), "ranged": st.booleans()},
    "flatten": {"start": st.integers(1, 3)},
    "pad": {"padding": st.tuples(*[st.integers(0, 3)] * 4), "mode": st.sampled_from(("constant", "reflect"))},
    "dense": {"features": st.integers(1, 8), "bias": st.booleans(), "bits": LOW_BITS},
    "log_softmax": {"axis": st.integers(1, 3)},
    "add": {"ranged": st.booleans()},
    "concat": {"axis": st.integers(1, 3)},
}


@st.composite
def networks(draw: st.DrawFn) -> network.Network:
    """A list of layers, each of which fits what is before it; several read any two layers before."""
    made: list[Layer] = []
    for place in range(draw(st.integers(1, 8))):
        op = draw(st.sampled_from(sorted(SMALL)))
        earlier = st.sampled_from([network.INPUT, *(layer.name for layer in made)])
        before = made[-1].name if made else network.INPUT
        inputs = (before, draw(earlier)) if OPS[op].several else ()
        layer = Layer(op, f"part.{place}", inputs, {name: draw(values) for name, values in SMALL[op].items()})
        try:
            network.Network((*made, layer))
        except ValueError:
            continue  # it does not fit here
        made.append(layer)
    assume(made)
    return network.Network(tuple(made))


@SEARCH
@given(networks())
def test_shapes_and_tensors_of_random_lists_are_torchs(drawn: network.Network) -> None:
    walk = network.Walk(drawn).eval()
    found = {}
    for layer in drawn.layers:
        module = walk.get_submodule(layer.name)
        module.register_forward_hook(lambda _, __, out, name=layer.name: found.update({name: tuple(out.shape[1:])}))
    walk(torch.zeros(2, 1, 28, 28))
    assert found == {layer.name: drawn.shapes[layer.name] for layer in drawn.layers}
    state = {name: tuple(tensor.shape) for name, tensor in walk.state_dict().items()}
    assert state == {name: weight.shape for name, weight in drawn.weights.items()}
