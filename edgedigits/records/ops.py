"""The table of ops: what a layer can be. An op is one row; nothing else switches on the names of ops.

A row says which attributes a layer has, which shape it gives, which tensors it holds, and where its torch form is. A
new op is a row here, a torch form in `models/layers.py` and a case in `tests/models/test_layers.py`; a plug-in adds one
by an entry point in the group `edgedigits.ops` (`edgedigits/system/plugins.py`). To read the table takes no torch.

Shapes are those of one image, without the batch: `(channels, height, width)`. Axes are counted as torch and ONNX count
them, the batch being axis 0. Words, defaults and arithmetic are those of torch.nn.
"""

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from edgedigits.records.attributes import (
    Attribute,
    choice,
    count,
    flag,
    number,
    numbers,
    one_of,
    optional,
    pair,
    wholes,
)
from edgedigits.records.graph import described
from edgedigits.system.plugins import Registry

Shape = tuple[int, ...]
Shapes = tuple[Shape, ...]
BITS = (2, 3, 4, 8)  # that a trained weight can have
Values = Mapping[str, Any]  # of all attributes of a layer, also of those that it leaves at their defaults


@dataclass(frozen=True)
class Weight:
    """A tensor that a layer holds, beside the others of its kind in the state dict.

    learned   whether training changes it; else it is counted, or measured, on the way
    """

    shape: Shape
    dtype: str = "float32"
    learned: bool = True


RANGE = {"range": Weight((2,), learned=False)}  # of the values that a layer gives: the smallest, the largest


def _no_weights(_: Shape, __: Values) -> dict[str, Weight]:
    return {}


@dataclass(frozen=True)
class Op:
    """A row of the table.

    shape        what it gives, from the shapes of its inputs; raises ValueError, which says what does not fit
    attributes   by name
    weights      the tensors that it holds, by the last part of their names, from its first input's shape and attributes
    several      whether it takes two inputs or more; else it takes one
    width        the attribute that says how many values or channels it gives, where there is one
    gives        what a network that ends in it gives: "logits", "log-probabilities" or "probabilities"
    opaque       whether torch alone knows what it computes: a network with such a layer cannot be quantized
    torch        where its torch form is, "module:function", from attributes and shapes to a module; by default the
                 function of its name in `models/layers.py`
    arithmetic   where its form as plain steps is, which integers can do; by default the function of its name in
                 `models/arithmetic/forms.py`, and where there is none, it has none
    """

    name: str
    shape: Callable[[Shapes, Values], Shape]
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    weights: Callable[[Shape, Values], dict[str, Weight]] = _no_weights
    several: bool = False
    width: str | None = None
    gives: str = "logits"
    opaque: bool = False
    torch: str = ""
    arithmetic: str = ""

    @property
    def form(self) -> str:
        """Where its torch form is."""
        return self.torch or f"edgedigits.models.layers:{self.name}"

    @property
    def arithmetic_form(self) -> str:
        """Where its form as plain steps is."""
        return self.arithmetic or f"edgedigits.models.arithmetic.forms:{self.name}"


def as_pair(value: int | tuple[int, int]) -> tuple[int, int]:
    """Height and width of an attribute that may be one number for both."""
    return (value, value) if isinstance(value, int) else value


def _require(holds: bool, reason: str) -> None:
    if not holds:
        raise ValueError(reason)


def _planes(shapes: Shapes) -> tuple[int, int, int]:
    """Channels, height and width of the one input."""
    (shape,) = shapes
    _require(len(shape) == 3, f"takes [channels, height, width], not {list(shape)}")
    return shape[0], shape[1], shape[2]


def _axis(axis: int, shape: Shape) -> int:
    """The place of an axis in a shape without the batch."""
    _require(1 <= axis <= len(shape), f"there is no axis {axis} in {list(shape)} behind the batch, which is axis 0")
    return axis - 1


def _same(shapes: Shapes, _: Values) -> Shape:
    return shapes[0]


def _dense(shapes: Shapes, values: Values) -> Shape:
    _require(len(shapes[0]) > 0, "takes at least one axis behind the batch")
    return (*shapes[0][:-1], values["features"])


def _dense_weights(shape: Shape, values: Values) -> dict[str, Weight]:
    return _weight_and_bias((values["features"], shape[-1]), values)


def _weight_and_bias(shape: Shape, values: Values) -> dict[str, Weight]:
    """With bits, weights are whole multiples of their output channel's scale, and training kept the values' range."""
    bias = {"bias": Weight(shape[:1])} if values["bias"] else {}
    low_bits = {"scale": Weight(shape[:1]), **RANGE} if values["bits"] else {}
    return {"weight": Weight(shape)} | bias | low_bits


def _range(_: Shape, values: Values) -> dict[str, Weight]:
    """The range that training kept, of what is given once it is normalized, cut off and pooled."""
    return RANGE if values["ranged"] else {}


def _conv(shapes: Shapes, values: Values) -> Shape:
    channels, *image = _planes(shapes)
    groups = values["groups"]
    divides = channels % groups == values["channels"] % groups == 0
    _require(divides, f"{groups} groups do not divide {channels} channels into {values['channels']}")
    return (values["channels"], *_slide(image, values))


def _conv_weights(shape: Shape, values: Values) -> dict[str, Weight]:
    return _weight_and_bias((values["channels"], shape[0] // values["groups"], *as_pair(values["kernel"])), values)


def _slide(image: list[int], values: Values) -> list[int]:
    """How many places a window has along each side of an image (torch.nn.Conv2d, MaxPool2d)."""
    ceil = values.get("ceil", False)
    return [
        _places(size, kernel, stride, padding, dilation, ceil)
        for size, kernel, stride, padding, dilation in zip(image, *_window(values), strict=True)
    ]


def _window(values: Values) -> list[tuple[int, int]]:
    """Kernel, stride, padding and dilation; a stride that is not said is the kernel."""
    stride = values["stride"] or values["kernel"]
    return [as_pair(each) for each in (values["kernel"], stride, values["padding"], values.get("dilation", 1))]


def _places(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil: bool) -> int:
    """How many places a window has; one larger than the image, as torch's `ceil` allows, has crashed a runtime."""
    span = dilation * (kernel - 1) + 1
    rest = size + 2 * padding - span
    _require(rest >= 0, f"a window of {span} does not fit into {size}, padded by {padding}")
    places = (-(-rest // stride) if ceil else rest // stride) + 1
    begins_outside = ceil and (places - 1) * stride >= size + padding  # such a window would see nothing
    return places - begins_outside


def _pool(shapes: Shapes, values: Values) -> Shape:
    channels, *image = _planes(shapes)
    for kernel, _, padding, _ in zip(*_window(values), strict=True):
        _require(padding <= kernel // 2, f"padding of {padding} is more than half of the kernel")
    return (channels, *_slide(image, values))


def _adaptive(shapes: Shapes, values: Values) -> Shape:
    return (_planes(shapes)[0], *as_pair(values["size"]))


def _norm(shapes: Shapes, _: Values) -> Shape:
    _require(1 <= len(shapes[0]) <= 3, f"takes one to three axes behind the batch, not {list(shapes[0])}")
    return shapes[0]


def _norm_weights(shape: Shape, values: Values) -> dict[str, Weight]:
    channels = shape[:1]
    learned = {"weight": Weight(channels), "bias": Weight(channels)} if values["affine"] else {}
    measured = {name: Weight(channels, learned=False) for name in ("running_mean", "running_var")}
    return learned | measured | {"num_batches_tracked": Weight((), "int64", learned=False)}


def _prelu(shapes: Shapes, values: Values) -> Shape:
    slopes, shape = values["slopes"], shapes[0]
    fits = slopes == 1 or (len(shape) > 0 and shape[0] == slopes)
    _require(fits, f"{slopes} slopes for the channels of {list(shape)}")
    return shape


def _prelu_weights(_: Shape, values: Values) -> dict[str, Weight]:
    return {"weight": Weight((values["slopes"],))}


def _mean(shapes: Shapes, values: Values) -> Shape:
    (shape,) = shapes
    places = {_axis(axis, shape) for axis in values["axes"]}
    _require(len(places) == len(values["axes"]), "an axis is named twice")
    kept = [1 if place in places else size for place, size in enumerate(shape)]
    return tuple(kept if values["keep"] else (size for place, size in enumerate(shape) if place not in places))


def _flatten(shapes: Shapes, values: Values) -> Shape:
    place = _axis(values["start"], shapes[0])
    return (*shapes[0][:place], math.prod(shapes[0][place:]))


def _reshape(shapes: Shapes, values: Values) -> Shape:
    shape, total = values["shape"], math.prod(shapes[0])
    _require(math.prod(shape) == total, f"{list(shapes[0])} has {total} values, {list(shape)} has {math.prod(shape)}")
    return tuple(shape)


def _pad(shapes: Shapes, values: Values) -> Shape:
    channels, height, width = _planes(shapes)
    left, right, top, bottom = values["padding"]
    most = {"constant": math.inf, "replicate": math.inf, "circular": 0, "reflect": -1}[values["mode"]]
    for size, before, after in ((width, left, right), (height, top, bottom)):
        fits = max(before, after) <= size + most
        _require(fits, f"{values['mode']} padding of {max(before, after)} is too much for {size}")
    return (channels, height + top + bottom, width + left + right)


def _dropout(shapes: Shapes, values: Values) -> Shape:
    return _planes(shapes) if values["channels"] else shapes[0]


def _along(shapes: Shapes, values: Values) -> Shape:
    _axis(values["axis"], shapes[0])
    return shapes[0]


def _affine(shapes: Shapes, values: Values) -> Shape:
    (shape,) = shapes
    for name in ("factor", "term"):
        found = values[name]
        fits = isinstance(found, float) or (len(shape) > 0 and len(found) == shape[0])
        _require(fits, f"{name}: one number, or one for each channel of {list(shape)}")
    return shape


def _broadcast(shapes: Shapes, _: Values) -> Shape:
    """The shape of values that are combined one by one: axes of 1 are repeated (as numpy does)."""
    _require(len({len(shape) for shape in shapes}) == 1, f"takes as many axes of each, not {_listed(shapes)}")
    merged = [max(sizes) for sizes in zip(*shapes, strict=True)]
    fits = all(size in (1, most) for shape in shapes for size, most in zip(shape, merged, strict=True))
    _require(fits, f"shapes do not fit: {_listed(shapes)}")
    return tuple(merged)


def _concat(shapes: Shapes, values: Values) -> Shape:
    place = _axis(values["axis"], shapes[0])
    rests = {(*shape[:place], *shape[place + 1 :]) for shape in shapes}
    alike = len(rests) == 1 and len({len(shape) for shape in shapes}) == 1
    _require(alike, f"shapes differ in more than axis {values['axis']}: {_listed(shapes)}")
    joined = sum(shape[place] for shape in shapes)
    return (*shapes[0][:place], joined, *shapes[0][place + 1 :])


def _graph(shapes: Shapes, values: Values) -> Shape:
    _require(len(shapes[0]) > 0, "takes at least one axis behind the batch")
    return tuple(values["gives"])


def _graph_weights(_: Shape, values: Values) -> dict[str, Weight]:
    tensors = values["graph"].tensors
    return {name: Weight(held.shape, held.dtype, held.learned) for name, held in tensors.items()}


def _listed(shapes: Shapes) -> str:
    return " and ".join(str(list(shape)) for shape, _ in itertools.groupby(shapes))


def _elementwise(name: str, **attributes: Attribute) -> Op:
    """An op that changes each value by itself."""
    return Op(name, _same, attributes)


def levels(bits: int) -> int:
    """The largest weight of so many bits, each way: 2 bits are ternary, -1, 0 and 1."""
    return (1 << (bits - 1)) - 1


def row_bytes(weights: int, bits: int) -> int:
    """Bytes of a row of weights, as C files pack them: a row begins with a byte."""
    return -(-weights * bits // 8)


_BITS = {"bits": optional(one_of(*BITS))}  # of a weight, in training too
_RANGED = {"ranged": flag(False)}
_POOL = {"kernel": pair(), "stride": optional(pair()), "padding": pair(0, least=0)}
_TABLE = (
    Op(
        "dense",
        _dense,
        {"features": count(), "bias": flag(True), **_BITS},
        weights=_dense_weights,
        width="features",
    ),
    Op(
        "conv",
        _conv,
        {
            "channels": count(),
            "kernel": pair(),
            "stride": pair(1),
            "padding": pair(0, least=0),
            "dilation": pair(1),
            "groups": count(1),
            "bias": flag(True),
            **_BITS,
        },
        weights=_conv_weights,
        width="channels",
    ),
    Op(
        "batch_norm",
        _norm,
        {"eps": number(1e-5, least=0), "momentum": optional(number(0.1, 0, 1)), "affine": flag(True)},
        weights=_norm_weights,
    ),
    _elementwise("relu"),
    _elementwise("leaky_relu", slope=number(0.01)),
    _elementwise("relu6"),
    Op("prelu", _prelu, {"slopes": count(1)}, weights=_prelu_weights),
    _elementwise("elu", alpha=number(1.0)),
    _elementwise("gelu", approximate=choice("none", "tanh")),
    _elementwise("silu"),
    _elementwise("hardswish"),
    _elementwise("hardsigmoid"),
    _elementwise("sigmoid"),
    _elementwise("tanh"),
    Op("max_pool", _pool, {**_POOL, "dilation": pair(1), "ceil": flag(False)}),
    Op("avg_pool", _pool, {**_POOL, "ceil": flag(False), "count_padding": flag(True), **_RANGED}, weights=_range),
    Op("adaptive_avg_pool", _adaptive, {"size": pair(1), **_RANGED}, weights=_range),
    Op(
        "mean",
        _mean,
        {"axes": wholes("axes behind the batch", (2, 3), least=1), "keep": flag(False), **_RANGED},
        weights=_range,
    ),
    Op("flatten", _flatten, {"start": count(1)}),
    Op("reshape", _reshape, {"shape": wholes("sizes", least=1)}),
    Op(
        "pad",
        _pad,
        {
            "padding": wholes("pixels to the left, right, top and bottom", length=4),
            "mode": choice("constant", "reflect", "replicate", "circular"),
            "value": number(0.0),
        },
    ),
    Op("dropout", _dropout, {"p": number(0.5, 0, 1), "channels": flag(False)}),
    Op("softmax", _along, {"axis": count(1)}, gives="probabilities"),
    Op("log_softmax", _along, {"axis": count(1)}, gives="log-probabilities"),
    Op("affine", _affine, {"factor": numbers(1.0), "term": numbers(0.0)}),
    Op("add", _broadcast, _RANGED, weights=_range, several=True),
    Op("multiply", _broadcast, several=True),
    Op("concat", _concat, {"axis": count(1)}, several=True),
    Op(
        "graph",
        _graph,
        {"graph": Attribute("tensors and calls", described), "gives": wholes("sizes", least=1)},
        weights=_graph_weights,
        opaque=True,
        torch="edgedigits.models.graph:graph",
    ),
)
OPS = Registry("op", {op.name: op for op in _TABLE}, Op)
