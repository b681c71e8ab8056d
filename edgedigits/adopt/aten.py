"""The table from torch's words to our ops. A word is a row: a function that puts layers on a list, and returns the one
that the word's value goes by. What has no row is refused by its line.

The words are those of `torch.export` without decompositions, where a module's layers are still one word each; their
arguments go by the names of their schemas (pytorch, aten/src/ATen/native/native_functions.yaml).
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch

from edgedigits.adopt.listing import COUNTED, Call, Listing, changes, numbers, shape_of
from edgedigits.runtime.mistakes import line

Word = Callable[[Listing, Call], str]


def _plain(op: str, **attributes: str) -> Word:
    """An op whose attributes are arguments of other names."""

    def put(made: Listing, call: Call) -> str:
        found: dict[str, Any] = {name: call.arguments[argument] for name, argument in attributes.items()}
        return made.add(call, op, **found)

    return put


def _same(made: Listing, call: Call) -> str:
    """What leaves the values as they are."""
    node = call.arguments[next(iter(call.arguments))]
    if call.node.meta["val"].dtype != torch.float32:
        raise call.refused(f"values of type {call.node.meta['val'].dtype}, float32 wanted")
    return made.value(call, node)


def _conv2d(made: Listing, call: Call) -> str:
    given = call.arguments
    weight = made.tensor(call, given["weight"])
    padding, source = given["padding"], made.value(call, given["input"])
    if isinstance(padding, str):
        padding, source = _padded(made, call, source, padding, tuple(weight.shape[2:]))
    return made.add(
        call,
        "conv",
        source,
        weights={"weight": given["weight"], "bias": given["bias"]},
        channels=weight.shape[0],
        kernel=tuple(weight.shape[2:]),
        stride=given["stride"],
        padding=padding,
        dilation=given["dilation"],
        groups=given["groups"],
        bias=given["bias"] is not None,
    )


def _padded(made: Listing, call: Call, source: str, words: str, kernel: tuple[int, ...]) -> tuple[list[int], str]:
    """The padding that "same" or "valid" means; where its sides differ, a layer of its own does it first."""
    if words == "valid":
        return [0, 0], source
    totals = [dilation * (size - 1) for dilation, size in zip(call.arguments["dilation"], kernel, strict=True)]
    if not any(total % 2 for total in totals):
        return [total // 2 for total in totals], source
    (top, left), (down, right) = ([f(total) for total in totals] for f in (_less, _more))
    return [0, 0], made.add(call, "pad", source, padding=(left, right, top, down))


def _less(total: int) -> int:
    return total // 2


def _more(total: int) -> int:
    return total - total // 2


def _linear(made: Listing, call: Call) -> str:
    given = call.arguments
    return made.add(
        call,
        "dense",
        weights={"weight": given["weight"], "bias": given["bias"]},
        features=made.tensor(call, given["weight"]).shape[0],
        bias=given["bias"] is not None,
    )


def _matmul(made: Listing, call: Call) -> str:
    """A product with a matrix of weights from the right, as networks without modules write it."""
    image, matrix = call.arguments.values()
    weight = made.tensor(call, matrix)
    if weight.ndim != 2:
        raise call.refused(f"a product with {list(weight.shape)}, a matrix wanted")
    source = made.value(call, image)
    return made.add(call, "dense", source, weights={"weight": weight.T}, features=weight.shape[1], bias=False)


def _batch_norm(made: Listing, call: Call) -> str:
    given = call.arguments
    if given["training"]:
        raise call.refused(f"batch normalization {line('training mode')}")
    parts = ("weight", "bias", "running_mean", "running_var")
    return made.add(
        call,
        "batch_norm",
        weights={**{part: given[part] for part in parts}, COUNTED: made.counted(given["running_mean"])},
        eps=given["eps"],
        affine=given["weight"] is not None,
    )


def _prelu(made: Listing, call: Call) -> str:
    weight = call.arguments["weight"]
    return made.add(call, "prelu", weights={"weight": weight}, slopes=made.tensor(call, weight).numel())


def _elu(made: Listing, call: Call) -> str:
    given = call.arguments
    if given["scale"] != 1 or given["input_scale"] != 1:
        raise call.refused("elu with a scale")
    return made.add(call, "elu", alpha=given["alpha"])


def _clamp(least: str, most: str) -> Word:
    """ReLU, or ReLU6, by the names of its bounds."""

    def put(made: Listing, call: Call) -> str:
        bounds = call.arguments[least], call.arguments.get(most)
        op = {(0, None): "relu", (0, 6): "relu6"}.get(bounds)
        if op is None:
            raise call.refused(f"{call.word} from {bounds[0]} to {bounds[1]}, 0 to 6 wanted")
        return made.add(call, op)

    return put


def _pool(op: str, **attributes: str) -> Word:
    """A pool; a stride that is its kernel need not be said."""

    def put(made: Listing, call: Call) -> str:
        given = call.arguments
        if given.get("divisor_override") is not None:
            raise call.refused("a pool that divides by another number")
        stride = given["stride"] if list(given["stride"]) != list(given["kernel_size"]) else None
        found = {name: given[argument] for name, argument in attributes.items()}
        return made.add(call, op, kernel=given["kernel_size"], stride=stride or None, padding=given["padding"], **found)

    return put


def _mean(made: Listing, call: Call) -> str:
    axes = sorted(_axis(call, axis) for axis in call.arguments.get("dim") or ())
    return made.add(call, "mean", axes=axes or (0,), keep=call.arguments.get("keepdim", False))


def _axis(call: Call, axis: int) -> int:
    """An axis of the first argument, counted from the front."""
    return axis % len(shape_of(next(iter(call.arguments.values()))))


def _along(op: str) -> Word:
    def put(made: Listing, call: Call) -> str:
        return made.add(call, op, axis=_axis(call, call.arguments["dim"]))

    return put


def _shaped(made: Listing, call: Call) -> str:
    """The same values, row by row, in another shape."""
    node = next(iter(call.arguments.values()))
    before, after = shape_of(node), call.shape
    if not after or after[0] != before[0]:
        raise call.refused(f"{call.word} from {list(before)} to {list(after)} mixes the images of a batch")
    if after == before:
        return made.value(call, node)
    if len(after) == 2:
        return made.add(call, "flatten")
    return made.add(call, "reshape", shape=after[1:])


def _flatten(made: Listing, call: Call) -> str:
    start, end = (_axis(call, call.arguments[name]) for name in ("start_dim", "end_dim"))
    last = len(shape_of(call.arguments["self"])) - 1
    return made.add(call, "flatten", start=start) if 1 <= start < end == last else _shaped(made, call)


def _moved(made: Listing, call: Call) -> str:
    """Axes in another order: no change, where only axes of one value change their place."""
    node, *given = call.arguments.values()
    before = shape_of(node)
    order = list(range(len(before)))
    if call.word == "permute":
        order = [axis % len(before) for axis in given[0]]
    else:
        first, second = (axis % len(before) for axis in given)
        order[first], order[second] = second, first
    long = [axis for axis in order if before[axis] != 1]
    if long != sorted(long):
        raise call.refused(f"{call.word} exchanges axes of {list(before)}")
    return _shaped(made, call)


def _repeated(made: Listing, call: Call) -> str:
    """One channel several times, as colors are made of gray."""
    node = next(iter(call.arguments.values()))
    before, after = shape_of(node), call.shape
    if len(before) < 2 or before[1] != 1 or after != (before[0], after[1], *before[2:]):
        raise call.refused(f"{call.word} from {list(before)} to {list(after)}, channels made of one wanted")
    return made.add(call, "concat", *[made.value(call, node)] * after[1]) if after[1] > 1 else made.value(call, node)


def _pad(made: Listing, call: Call) -> str:
    margins, value = list(call.arguments["pad"]), call.arguments["value"]
    margins += [0] * (4 - len(margins))  # of width alone
    mode = call.arguments.get("mode", "constant")
    return made.add(call, "pad", padding=margins, mode=mode, value=value or 0.0)


def _dropout(channels: bool) -> Word:
    def put(made: Listing, call: Call) -> str:
        if call.arguments["train"]:
            raise call.refused(f"dropout that is always on: {line('training mode')}; training=self.training is missing")
        return made.add(call, "dropout", p=call.arguments["p"], channels=channels)

    return put


def _cat(made: Listing, call: Call) -> str:
    nodes = call.arguments["tensors"]
    axis = call.arguments["dim"] % len(call.shape)
    return made.add(call, "concat", *(made.value(call, node) for node in nodes), axis=axis)


def _sum(sign: int) -> Word:
    """Addition, or subtraction, of two images or of an image and a constant."""

    def put(made: Listing, call: Call) -> str:
        first, second = call.arguments["self"], call.arguments["other"]
        factor = sign * call.arguments["alpha"]
        if made.constant(second) is not None:
            return made.add(call, "affine", term=_times(factor, numbers(made, call, second)))
        one = None if made.constant(first) is not None else made.value(call, first)
        other = made.value(call, second)
        if one is None:
            return made.add(call, "affine", other, factor=factor, term=numbers(made, call, first))
        if factor != 1:
            other = made.add(call, "affine", other, factor=factor)
        return made.add(call, "add", one, other)

    return put


def _times(factor: float, value: float | tuple[float, ...]) -> Any:
    return tuple(factor * each for each in value) if isinstance(value, tuple) else factor * value


def _rsub(made: Listing, call: Call) -> str:
    """A constant, less an image."""
    given = call.arguments
    return made.add(call, "affine", factor=-given["alpha"], term=numbers(made, call, given["other"]))


def _mul(made: Listing, call: Call) -> str:
    first, second = call.arguments["self"], call.arguments["other"]
    if made.constant(second) is None and made.constant(first) is None:
        return made.add(call, "multiply", made.value(call, first), made.value(call, second))
    image, constant = (first, second) if made.constant(first) is None else (second, first)
    return made.add(call, "affine", made.value(call, image), factor=numbers(made, call, constant))


def _div(made: Listing, call: Call) -> str:
    if call.arguments.get("rounding_mode"):
        raise call.refused("a division that rounds")
    divisor = numbers(made, call, call.arguments["other"])
    factor = tuple(1 / each for each in divisor) if isinstance(divisor, tuple) else 1 / divisor
    return made.add(call, "affine", factor=factor)


def _neg(made: Listing, call: Call) -> str:
    return made.add(call, "affine", factor=-1.0)


WORDS: Mapping[str, Word] = {
    "conv2d": _conv2d,
    "linear": _linear,
    "matmul": _matmul,
    "mm": _matmul,
    "batch_norm": _batch_norm,
    "relu": _plain("relu"),
    "leaky_relu": _plain("leaky_relu", slope="negative_slope"),
    "hardtanh": _clamp("min_val", "max_val"),
    "relu6": _plain("relu6"),
    "clamp": _clamp("min", "max"),
    "clamp_min": _clamp("min", "max"),
    "prelu": _prelu,
    "elu": _elu,
    "gelu": _plain("gelu", approximate="approximate"),
    "silu": _plain("silu"),
    "hardswish": _plain("hardswish"),
    "hardsigmoid": _plain("hardsigmoid"),
    "sigmoid": _plain("sigmoid"),
    "tanh": _plain("tanh"),
    "max_pool2d": _pool("max_pool", dilation="dilation", ceil="ceil_mode"),
    "avg_pool2d": _pool("avg_pool", ceil="ceil_mode", count_padding="count_include_pad"),
    "adaptive_avg_pool2d": _plain("adaptive_avg_pool", size="output_size"),
    "mean": _mean,
    "flatten": _flatten,
    "view": _shaped,
    "reshape": _shaped,
    "unflatten": _shaped,
    "unsqueeze": _shaped,
    "squeeze": _shaped,
    "repeat": _repeated,
    "expand": _repeated,
    "permute": _moved,
    "transpose": _moved,
    "pad": _pad,
    "constant_pad_nd": _pad,
    "dropout": _dropout(channels=False),
    "feature_dropout": _dropout(channels=True),
    "softmax": _along("softmax"),
    "log_softmax": _along("log_softmax"),
    "add": _sum(1),
    "sub": _sum(-1),
    "rsub": _rsub,
    "mul": _mul,
    "div": _div,
    "neg": _neg,
    "cat": _cat,
    **dict.fromkeys(("to", "clone", "contiguous", "detach", "alias", "positive", "type_as"), _same),
}


def put(made: Listing, call: Call) -> None:
    """Put what a call does on the list; one that changes its argument in place gives it another layer. Raises NoRow."""
    row = WORDS.get(call.word.removesuffix("_"))
    if row is None:
        raise call.refused(f"torch's {call.word} has no place in a list of layers")
    name = row(made, call)
    if changes(call.node):
        changed = made.value(call, call.node.args[0])
        made.values |= {node: name for node, value in made.values.items() if value == changed}
    made.values[call.node] = name
    made.shapes.setdefault(name, call.shape[1:])
