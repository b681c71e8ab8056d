"""The layers that several networks share."""

import itertools

from torch import nn


def dense(sizes: tuple[int, ...]) -> list[nn.Module]:
    """Linear layers from each size to the next, with ReLU between them and none on the output."""
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [nn.ReLU(), nn.Linear(inputs, outputs)]
    return layers[1:]
