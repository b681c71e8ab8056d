"""The torch form of each op: from a layer's attributes, and the shapes of its inputs, to a torch module.

Named by the rows of `records/ops.py`. What a module computes is torch.nn's own; weights begin as torch.nn begins them,
and draw from its random generator in the order in which the modules are built.
"""

import functools
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgedigits.models.lowbits import hold
from edgedigits.records.ops import Shape, Shapes, Values, as_pair


class Function(nn.Module):
    """What has no weights and no module of torch's own."""

    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: Tensor) -> Tensor:
        """What the function makes of the inputs."""
        return self.function(*inputs)


class Affine(nn.Module):
    """A factor and a term, each a number or one a channel, or None; they are constants, no weights."""

    factor: Tensor | None
    term: Tensor | None

    def __init__(self, factor: Tensor | None, term: Tensor | None) -> None:
        super().__init__()
        self.register_buffer("factor", factor, persistent=False)
        self.register_buffer("term", term, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """`x * factor + term`."""
        scaled = x if self.factor is None else x * self.factor
        return scaled if self.term is None else scaled + self.term


def dense(values: Values, shapes: Shapes) -> nn.Module:
    """A product with a matrix, over the last axis."""
    module = nn.Linear(shapes[0][-1], values["features"], bias=values["bias"])
    return hold(module, values["bits"]) if values["bits"] else module


def conv(values: Values, shapes: Shapes) -> nn.Module:
    """A convolution, padded with zeros."""
    module = nn.Conv2d(
        shapes[0][0],
        values["channels"],
        values["kernel"],
        stride=values["stride"],
        padding=values["padding"],
        dilation=values["dilation"],
        groups=values["groups"],
        bias=values["bias"],
    )
    return hold(module, values["bits"]) if values["bits"] else module


def batch_norm(values: Values, shapes: Shapes) -> nn.Module:
    """Batch normalization of each channel (Ioffe and Szegedy 2015, arXiv:1502.03167)."""
    kind = nn.BatchNorm2d if len(shapes[0]) == 3 else nn.BatchNorm1d
    return kind(shapes[0][0], eps=values["eps"], momentum=values["momentum"], affine=values["affine"])


def relu(_: Values, __: Shapes) -> nn.Module:
    """max(x, 0)."""
    return nn.ReLU()


def leaky_relu(values: Values, _: Shapes) -> nn.Module:
    """x, or slope * x below 0."""
    return nn.LeakyReLU(values["slope"])


def relu6(_: Values, __: Shapes) -> nn.Module:
    """x, at least 0 and at most 6."""
    return nn.ReLU6()


def prelu(values: Values, _: Shapes) -> nn.Module:
    """x, or below 0 times a slope that is learned (He et al. 2015, arXiv:1502.01852)."""
    return nn.PReLU(values["slopes"])


def elu(values: Values, _: Shapes) -> nn.Module:
    """x, or alpha * (exp(x) - 1) below 0 (Clevert et al. 2015, arXiv:1511.07289)."""
    return nn.ELU(values["alpha"])


def gelu(values: Values, _: Shapes) -> nn.Module:
    """x times the normal distribution's share below x (Hendrycks and Gimpel 2016, arXiv:1606.08415)."""
    return nn.GELU(values["approximate"])


def silu(_: Values, __: Shapes) -> nn.Module:
    """x * sigmoid(x)."""
    return nn.SiLU()


def hardswish(_: Values, __: Shapes) -> nn.Module:
    """x * hardsigmoid(x) (Howard et al. 2019, arXiv:1905.02244)."""
    return nn.Hardswish()


def hardsigmoid(_: Values, __: Shapes) -> nn.Module:
    """x / 6 + 1 / 2, at least 0 and at most 1."""
    return nn.Hardsigmoid()


def sigmoid(_: Values, __: Shapes) -> nn.Module:
    """1 / (1 + exp(-x))."""
    return nn.Sigmoid()


def tanh(_: Values, __: Shapes) -> nn.Module:
    """The hyperbolic tangent."""
    return nn.Tanh()


def max_pool(values: Values, _: Shapes) -> nn.Module:
    """The largest value in each window."""
    return nn.MaxPool2d(
        values["kernel"], values["stride"], values["padding"], dilation=values["dilation"], ceil_mode=values["ceil"]
    )


def avg_pool(values: Values, _: Shapes) -> nn.Module:
    """The mean of each window, whose padding counts unless `count_padding` is false."""
    setting = values["kernel"], values["stride"], values["padding"], values["ceil"], values["count_padding"]
    return _ranged(nn.AvgPool2d(*setting), values)


def adaptive_avg_pool(values: Values, _: Shapes) -> nn.Module:
    """Means of windows that are as large as gives the size."""
    return _ranged(nn.AdaptiveAvgPool2d(as_pair(values["size"])), values)


def mean(values: Values, _: Shapes) -> nn.Module:
    """The mean over some axes: by default of each channel."""
    return _ranged(Function(functools.partial(torch.mean, dim=values["axes"], keepdim=values["keep"])), values)


def _ranged(module: nn.Module, values: Values) -> nn.Module:
    """With the range of its values, where training keeps that."""
    if values["ranged"]:
        module.register_buffer("range", torch.zeros(2))
    return module


def flatten(values: Values, _: Shapes) -> nn.Module:
    """One axis instead of all from `start` on."""
    return Function(lambda x: x.flatten(values["start"]))


def reshape(values: Values, _: Shapes) -> nn.Module:
    """The same values, row by row, in another shape; the batch stays."""
    return Function(lambda x: x.reshape(-1, *values["shape"]))


def pad(values: Values, _: Shapes) -> nn.Module:
    """Pixels around each channel: of one value, mirrored, or those at the border or across."""
    value = values["value"] if values["mode"] == "constant" else None
    return Function(lambda x: F.pad(x, values["padding"], values["mode"], value))


def dropout(values: Values, _: Shapes) -> nn.Module:
    """Values, or whole channels, become 0 at random in training (Srivastava et al. 2014, JMLR 15:1929-1958)."""
    return (nn.Dropout2d if values["channels"] else nn.Dropout)(values["p"])


def softmax(values: Values, _: Shapes) -> nn.Module:
    """exp(x), divided by the sum along an axis."""
    return nn.Softmax(values["axis"])


def log_softmax(values: Values, _: Shapes) -> nn.Module:
    """The logarithm of the softmax."""
    return nn.LogSoftmax(values["axis"])


def affine(values: Values, shapes: Shapes) -> nn.Module:
    """A factor and a term."""
    factor, term = values["factor"], values["term"]
    return Affine(
        None if factor == 1.0 else _constant(factor, shapes[0]),
        None if term == 0.0 else _constant(term, shapes[0]),
    )


def _constant(value: float | tuple[float, ...], shape: Shape) -> Tensor:
    """A number, or one a channel, in the shape that torch repeats along the other axes."""
    constant = torch.tensor(value, dtype=torch.float32)
    return constant.reshape(-1, *(1 for _ in shape[1:])) if constant.ndim else constant


def add(values: Values, _: Shapes) -> nn.Module:
    """The sum of several inputs, as of a residual block (He et al. 2015, arXiv:1512.03385)."""
    return _ranged(Function(lambda *inputs: functools.reduce(torch.add, inputs)), values)


def multiply(_: Values, __: Shapes) -> nn.Module:
    """The product of several inputs, as of a gate."""
    return Function(lambda *inputs: functools.reduce(torch.mul, inputs))


def concat(values: Values, _: Shapes) -> nn.Module:
    """Several inputs, one behind the other along an axis."""
    return Function(lambda *inputs: torch.cat(inputs, dim=values["axis"]))
