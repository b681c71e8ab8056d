"""Adam and AdamW, one kernel a step for all parameters, and their learning rates.

torch's own function (`torch.optim.adam.adam`), without the class around it, which takes longer than the
kernel on small networks and imports torch's compiler, a second's work, before the first step.
"""

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor
from torch.optim.adam import adam

from edgedigits.records.model import Recipe

EPSILON = 1e-8
WARM_UP = 0.3  # of a cycle climbs, the rest falls
FIRST, LAST = 1 / 25, 1 / 250_000  # of the peak


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
