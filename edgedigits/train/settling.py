"""The end of a training in few bits: values are the integers that the exported file will compute, to the last bit.

Before, weights alone are rounded, values are floats, and batch norm measures: that is as fast as any training. For the
last PART of the steps batch norm stands still, folded; the range of each step's values is fixed, as
a C file's is, on training images; and the forward pass gives what an IntegerNetwork made of the weights of that very
step gives (`models/integers.py`). Gradients pass as if nothing were rounded, but for what is cut off.
"""

import functools
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from edgedigits.models.arithmetic.folding import Folded, fold
from edgedigits.models.arithmetic.quantizing import Scale, calibrated, keeps_scale, quantize, scales_of
from edgedigits.models.classifier import Classifier
from edgedigits.models.integers import Integers
from edgedigits.models.lowbits import low_bits
from edgedigits.records.arrays import Images
from edgedigits.records.network import refused

PART = 0.15  # of all steps
IMAGES = 500  # that ranges are taken from
LEAST = 1e-3  # factor of a batch norm behind pooling


class Settling:
    """The integers of a classifier in training, in place of what its layers give.

    first    step of this part of the training
    values   of the last forward pass, by their numbers: whole numbers, `[batch, height, width, channels]`
    """

    def __init__(self, classifier: Classifier, images: Images, steps: int) -> None:
        self.classifier, self.images = classifier, images[:IMAGES]
        self.first = min(int(steps * (1 - PART)), steps - 1)
        self.device = next(classifier.parameters()).device
        self.values: dict[int, Tensor] = {}
        self.hooks: list[Any] = []
        self.pooled = _behind_pools(classifier)
        self._keep_above_zero()
        _require_ranged(self.folded())

    def folded(self) -> Folded:
        """The network as it is now, its weights as they are computed with."""
        walk: Any = self.classifier.network
        return fold(walk.listed, {name: tensor.numpy() for name, tensor in _tensors(walk).items()})

    def follow(self, step: int) -> None:
        """Before a step, or behind the last: from the first on, make integers of the weights as they are now."""
        self._keep_above_zero()
        if step < self.first:
            return
        if step == self.first:
            self._fix_ranges()
        if not self.hooks:
            self._begin()
        self._renew()

    def _keep_above_zero(self) -> None:
        for norm in self.pooled:
            norm.weight.detach().clamp_(min=LEAST)

    def _fix_ranges(self) -> None:
        """Take the range of each step's values from training images."""
        folded = self.folded()
        for step, (low, high) in zip(folded.steps, calibrated(folded, self.images), strict=True):
            if step.name in folded.trained:
                kept: Any = self.classifier.network.get_submodule(step.name).range
                kept.copy_(torch.tensor((low, high if low < high else low + 1.0)))  # a dead step has no range

    def _begin(self) -> None:
        self.hooks.append(self.classifier.register_forward_pre_hook(self._see))
        for number, name in enumerate(self.folded().ends, 1):
            module = self.classifier.network.get_submodule(name)
            self.hooks.append(module.register_forward_hook(functools.partial(self._put, number)))

    def _renew(self) -> None:
        for module in self.classifier.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()
        folded = self.folded()
        self.integers = Integers(quantize(folded, self.images), self.device)
        self.scales = scales_of(folded, self.images)

    def end(self) -> None:
        """Leave the classifier as it was, but for what it learned."""
        for hook in self.hooks:
            hook.remove()
        self.hooks.clear()

    def _see(self, _: nn.Module, given: tuple[Tensor]) -> None:
        self.values = {0: given[0][..., None].float()}

    def _put(self, number: int, _: nn.Module, __: Any, given: Tensor) -> Tensor:
        """What the integers of a step stand for, where its last layer gives floats."""
        network = self.integers.network
        each, scores = network.steps[number - 1], number == len(network.steps)
        scale = Scale(network.unit, 0) if scores else self.scales[number]
        with torch.no_grad(), torch.autocast(self.device.type, enabled=False):
            whole = self.integers.given(each, [self.values[read] for read in each.step.reads])
            self.values[number] = whole
            exact = ((whole - scale.zero) * scale.step).float().view(-1, *each.step.plane)
        low, high = (-math.inf, math.inf) if scores else map(float, scale.floats()[[0, -1]])
        shaped = exact.permute(0, 3, 1, 2).reshape(given.shape)
        found: Tensor = _Instead.apply(given, shaped, low, high)
        return found


class _Instead(torch.autograd.Function):
    """Exact values in place of floats; the gradient passes where these were not cut off."""

    @staticmethod
    def forward(ctx: Any, given: Tensor, exact: Tensor, low: float, high: float) -> Tensor:
        ctx.save_for_backward((given >= low) & (given <= high))
        return exact

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        (inside,) = ctx.saved_tensors
        return gradients[0] * inside, None, None, None


def _behind_pools(classifier: Classifier) -> list[Any]:
    """The batch norms of what was pooled: their factors must stay above 0 to be part of the convolution before."""
    walk: Any = classifier.network
    ops = {layer.name: layer.op for layer in walk.listed.layers}
    norms = [
        layer
        for layer, inputs in walk.listed.steps()
        if layer.op == "batch_norm" and layer.values["affine"] and ops.get(inputs[0]) == "max_pool"
    ]
    return [walk.get_submodule(layer.name) for layer in norms]


def _tensors(module: nn.Module) -> Mapping[str, Tensor]:
    """Its state dict, in which layers of few bits have the weights that are computed with, and their steps."""
    found = {name: tensor.detach().cpu() for name, tensor in module.state_dict().items()}
    with torch.no_grad():
        for name, few in low_bits(module).items():
            found[f"{name}.weight"], found[f"{name}.scale"] = few.weights().cpu(), few.steps().flatten().cpu()
    return found


def _require_ranged(folded: Folded) -> None:
    """Raise UsageError where a step's range is not kept, by the layer's name: integers could not be told."""
    for step in folded.steps[:-1]:
        if step.name not in folded.trained and not keeps_scale(step):
            raise refused(step.name, "keeps no range, which training in few bits needs: bits or ranged wanted")
