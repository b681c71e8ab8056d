"""Layers whose weights have few bits: in torch, while they train and after.

Such a layer is torch's own, with two tensors more. Trained, its weights are whole multiples, -levels to levels, of its
output channel's `scale`; to compute with them is to compute with any weights, so what reads a checkpoint need not know.
While they train (`learning`), weights lie between these multiples, and are rounded to the nearest each time; the
gradient passes the rounding as if it were none (the straight-through estimator, Bengio et al. 2013, arXiv:1308.3432).
Scales are learned (Esser et al. 2020, arXiv:1902.08153), as factors of what the mean of a channel's weights says.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgedigits.records.ops import levels

STEPS = {2: 1.53, 3: 0.82, 4: 0.42, 8: 0.039}  # in means of absolute values: errors are least (Max 1960, of a Gaussian)


class FewBits:
    """The weights of a layer while they train."""

    def __init__(self, layer: Any, bits: int) -> None:
        self.layer, self.levels, self.usual = layer, levels(bits), STEPS[bits]

    def steps(self) -> Tensor:
        """One step of the weights of each output channel, `[out, 1, ...]`."""
        weight: Tensor = self.layer.weight
        mean = weight.detach().abs().mean(tuple(range(1, weight.ndim)), keepdim=True)
        scale: Tensor = self.layer.scale.abs().view_as(mean)
        return scale * mean * self.usual + torch.finfo(torch.float32).tiny

    def weights(self) -> Tensor:
        """Those that are computed with."""
        found: Tensor = _Rounded.apply(self.layer.weight, self.steps(), self.levels)
        return found

    def convolved(self, x: Tensor) -> Tensor:
        """What a convolution gives, in place of its own `forward`."""
        found: Tensor = self.layer._conv_forward(x, self.weights(), self.layer.bias)
        return found

    def multiplied(self, x: Tensor) -> Tensor:
        """What a dense layer gives, likewise."""
        return F.linear(x, self.weights(), self.layer.bias)

    @torch.no_grad()
    def settle(self) -> None:
        """End the training: the weights are those that were computed with, and scales their steps."""
        steps, weights = self.steps(), self.weights()
        self.layer.weight.copy_(weights)
        self.layer.scale.copy_(steps.flatten())


class _Rounded(torch.autograd.Function):
    """Weights rounded to whole steps, `levels` of them each way at most."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, steps: Tensor, levels: int) -> Tensor:
        parts = weight / steps
        whole = parts.round().clamp_(-levels, levels)
        ctx.save_for_backward(parts, whole)
        ctx.levels = levels
        # A kernel of one channel lies in either layout: told as its weight's, all that follows is fast, in that one.
        return (whole * steps).as_strided(weight.shape, weight.stride())

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        (gradient,) = gradients
        parts, whole = ctx.saved_tensors
        inside = parts.abs() <= ctx.levels
        of_steps = gradient * torch.where(inside, whole - parts, whole)
        return gradient * inside, of_steps.sum(tuple(range(1, parts.ndim)), keepdim=True), None


def hold(layer: nn.Module, bits: int) -> nn.Module:
    """A layer of torch's with the tensors of few bits.

    scale   `[out]`: one step of a channel's weights; while training, a factor of what the weights themselves say
    range   of the values that its step ends in, as training saw them: the smallest, the largest
    """
    weight: Any = layer.weight
    layer.register_parameter("scale", nn.Parameter(torch.ones(len(weight))))
    layer.register_buffer("range", torch.zeros(2))
    layer.bits = bits  # type: ignore[assignment]
    return layer


def low_bits(module: nn.Module) -> dict[str, FewBits]:
    """The layers of few bits in a module, by name."""
    return {name: FewBits(each, each.__dict__["bits"]) for name, each in module.named_modules() if "bits" in vars(each)}


@contextlib.contextmanager
def learning(module: nn.Module) -> Iterator[None]:
    """Inside, its layers of few bits train; then they are settled, unless an error ends it."""
    layers = low_bits(module)
    for few in layers.values():
        few.layer.forward = few.convolved if isinstance(few.layer, nn.Conv2d) else few.multiplied
    yield
    for few in layers.values():
        del few.layer.forward
        few.settle()
