"""Layers whose weights have few bits: in torch, while they train and after.

Trained, such a layer's weights are whole multiples, -levels to levels, of its output channel's `scale`; to compute with
them is to compute with any weights, so what reads a checkpoint need not know. While they train (`learning`), weights
lie between these multiples, and are rounded to the nearest each time; the gradient passes the rounding as if it were
none (the straight-through estimator, Bengio et al. 2013, arXiv:1308.3432). Scales are learned (Esser et al. 2020,
arXiv:1902.08153), as factors of what the mean of a channel's weights says.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from edgedigits.records.ops import levels

STEPS = {2: 1.53, 3: 0.82, 4: 0.42, 8: 0.039}  # in means of absolute values: errors are least (Max 1960, of a Gaussian)


class LowBits(nn.Module):
    """What the layers have in common.

    scale   `[out]`: one step of a channel's weights; while training, a factor of what the weights themselves say
    range   of the values that the step ends in, as training saw them: the smallest, the largest
    """

    weight: Tensor
    bias: Tensor | None
    range: Tensor
    learning = False

    def hold(self, bits: int) -> None:
        """Make its tensors."""
        self.levels, self.usual = levels(bits), STEPS[bits]
        self.scale = nn.Parameter(torch.ones(len(self.weight)))
        self.register_buffer("range", torch.zeros(2))

    def steps(self) -> Tensor:
        """While training, one step of the weights of each output channel, `[out, 1, ...]`."""
        others = tuple(range(1, self.weight.ndim))
        mean = self.weight.detach().abs().mean(others, keepdim=True)
        return self.scale.abs().view_as(mean) * mean * self.usual + torch.finfo(torch.float32).tiny

    def used(self) -> Tensor:
        """The weights that are computed with."""
        return _Rounded.apply(self.weight, self.steps(), self.levels) if self.learning else self.weight  # type: ignore[no-untyped-call]

    @torch.no_grad()
    def settle(self) -> None:
        """End the training: the weights are those that were computed with, and scales their steps."""
        steps = self.steps()
        self.weight.copy_(self.used())
        self.scale.copy_(steps.flatten())
        self.learning = False


class LowBitsConv(LowBits, nn.Conv2d):
    """A convolution."""

    def forward(self, x: Tensor) -> Tensor:
        """What torch's own computes."""
        return self._conv_forward(x, self.used(), self.bias)


class LowBitsLinear(LowBits, nn.Linear):
    """A product with a matrix."""

    def forward(self, x: Tensor) -> Tensor:
        """What torch's own computes."""
        return nn.functional.linear(x, self.used(), self.bias)


class _Rounded(torch.autograd.Function):
    """Weights rounded to whole steps, `levels` of them each way at most."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, steps: Tensor, levels: int) -> Tensor:
        parts = weight / steps
        whole = parts.round().clamp_(-levels, levels)
        ctx.save_for_backward(parts, whole)
        ctx.levels = levels
        return whole * steps

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        (gradient,) = gradients
        parts, whole = ctx.saved_tensors
        inside = parts.abs() <= ctx.levels
        of_steps = gradient * torch.where(inside, whole - parts, whole)
        return gradient * inside, of_steps.sum(tuple(range(1, parts.ndim)), keepdim=True), None


def low_bits(module: nn.Module) -> list[LowBits]:
    """The layers of few bits in a module."""
    return [each for each in module.modules() if isinstance(each, LowBits)]


@contextlib.contextmanager
def learning(module: nn.Module) -> Iterator[None]:
    """Inside, its layers of few bits train; then they are settled, unless an error ends it."""
    for each in low_bits(module):
        each.learning = True
    yield
    for each in low_bits(module):
        each.settle()
