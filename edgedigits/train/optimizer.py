"""Adam, AdamW and Muon, and their learning rates.

Adam is torch's own function (`torch.optim.adam.adam`), one kernel a step for all parameters, without the class around
it, which takes longer than the kernel on small networks and imports torch's compiler, a second's work, before the first
step. So does torch's Muon, which multiplies a weight ten times a step; ours does so twice (`orthogonal`).
"""

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.optim.adam import adam

from edgedigits.records.model import Recipe

EPSILON = 1e-8
WARM_UP = 0.3  # of a cycle climbs, the rest falls
FIRST, LAST = 1 / 25, 1 / 250_000  # of the peak
MOMENTUM = 0.6  # of Muon: a training of few hundred steps has no time for the usual 0.95
BIAS_RATE = 0.1  # AdamW's learning rate for biases, as a part of Muon's for weights
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # coefficients of the quintic; Jordan et al. 2024
NEWTON_SCHULZ_STEPS = 5


class Optimizer(Protocol):
    """Changes parameters by their gradients; all that its next step depends on is in `state`."""

    @property
    def state(self) -> Mapping[str, Sequence[Tensor]]:
        """Its moments and counts by name, in place: who writes into them puts it where they were."""

    def zero_grad(self) -> None:
        """Forget the gradients."""

    def step(self, lr: float) -> None:
        """Change the parameters by their gradients, at a learning rate."""


def make_optimizer(parameters: Iterable[Tensor], recipe: Recipe) -> Optimizer:
    """The recipe's optimizer of parameters."""
    return Muon(parameters, recipe) if recipe.optimizer == "muon" else Adam(parameters, recipe)


class Adam:
    """Adam (Kingma & Ba 2015, arXiv:1412.6980), or AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101), of parameters.

    Which of the two, the betas and the weight decay are the recipe's.
    """

    def __init__(self, parameters: Iterable[Tensor], recipe: Recipe) -> None:
        self.parameters = list(parameters)
        self.means = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.squares = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.steps = [torch.zeros((), device=parameter.device) for parameter in self.parameters]
        self.recipe = recipe

    @property
    def state(self) -> Mapping[str, Sequence[Tensor]]:
        """Means of the gradients and of their squares, and steps done, a tensor a parameter each."""
        return {"means": self.means, "squares": self.squares, "steps": self.steps}

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self, lr: float) -> None:
        """Change the parameters by their gradients, at a learning rate."""
        adam(
            self.parameters,
            [parameter.grad for parameter in self.parameters],  # type: ignore[misc]
            self.means,
            self.squares,
            [],
            self.steps,
            fused=True,  # as exact, and a third less time a step on small networks
            decoupled_weight_decay=self.recipe.optimizer == "adamw",
            amsgrad=False,
            beta1=self.recipe.betas[0],
            beta2=self.recipe.betas[1],
            lr=lr,
            weight_decay=self.recipe.weight_decay,
            eps=EPSILON,
            maximize=False,
        )


class Muon:
    """Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon) of weights, and AdamW of biases.

    A weight is changed by the momentum of its gradients, made orthogonal: all its directions move alike, the strong
    ones and the weak. A convolution's weight is taken as a matrix `[out, in * height * width]`.
    """

    def __init__(self, parameters: Iterable[Tensor], recipe: Recipe) -> None:
        self.parameters = list(parameters)
        self.weights = [parameter for parameter in self.parameters if parameter.ndim > 1]
        self.momenta = [torch.zeros_like(weight) for weight in self.weights]
        biases = [parameter for parameter in self.parameters if parameter.ndim <= 1]
        self.adamw = Adam(biases, dataclasses.replace(recipe, optimizer="adamw"))
        self.recipe = recipe

    @property
    def state(self) -> Mapping[str, Sequence[Tensor]]:
        """Momenta of the weights, and the state of AdamW."""
        return {"momenta": self.momenta, **self.adamw.state}

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self, lr: float) -> None:
        """Change the parameters by their gradients, at a learning rate."""
        for weight, momentum in zip(self.weights, self.momenta, strict=True):
            gradient = weight.grad
            assert gradient is not None
            momentum.lerp_(gradient, 1 - MOMENTUM)
            update = orthogonal(gradient.lerp(momentum, MOMENTUM).flatten(1))  # Nesterov's
            rows, columns = update.shape
            weight.mul_(1 - lr * self.recipe.weight_decay)
            weight.add_(update.view_as(weight), alpha=-lr * max(1.0, rows / columns) ** 0.5)
        self.adamw.step(lr * BIAS_RATE)


def orthogonal(matrix: Tensor) -> Tensor:
    """A matrix with the same singular vectors, and all singular values near 1: 0.7 to 1.2.

    Newton and Schulz's iteration X <- (aI + b XX' + c (XX')(XX')) X. Each step's factor is a polynomial of the first
    XX', so the factors are multiplied with each other, and X, which is many times as wide, once in the end.
    """
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    wide = wide / (torch.linalg.matrix_norm(wide) + EPSILON)
    a, b, c = NEWTON_SCHULZ
    gram = wide @ wide.T
    product = torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    for _ in range(NEWTON_SCHULZ_STEPS):
        factor = torch.addmm(gram, gram, gram, beta=b, alpha=c)
        factor.diagonal().add_(a)
        product = factor @ product
        gram = factor @ gram @ factor
    found: Tensor = product @ wide
    return found if matrix.shape[0] <= matrix.shape[1] else found.T


def schedule(recipe: Recipe, steps: int) -> Callable[[int], float]:
    """The learning rate of each step, 0 to steps - 1."""
    if recipe.schedule == "one-cycle":
        return lambda step: recipe.lr * one_cycle(step, steps)
    return lambda _: recipe.lr


def one_cycle(step: int, steps: int) -> float:
    """The part of the peak in a step, 0 to steps - 1: up in the first 30%, then down to nearly nothing, as cosines.

    Smith 2018, arXiv:1803.09820, with the figures of torch's OneCycleLR. A single step is the peak.
    """
    top = WARM_UP * steps - 1
    if steps == 1:
        return 1.0
    if step <= top:
        return _between(FIRST, 1.0, step / top)
    return _between(1.0, LAST, (step - top) / (steps - 1 - top))


def _between(start: float, end: float, part: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * part)) / 2
