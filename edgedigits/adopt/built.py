"""A network in torch out of layers and other people's tensors: built, asked in float, and its classes put in order."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from edgedigits.adopt.names import BATCHES
from edgedigits.adopt.parts import NoFit
from edgedigits.models.network import Walk
from edgedigits.records.arrays import Scores
from edgedigits.records.network import Layer, Network
from edgedigits.runtime.asking import Unknown
from edgedigits.runtime.readings import Inputs

AT_ONCE = 50  # images: what a network makes of them fits in the caches
WEIGHTS = ("weight", "bias")  # of a layer, with a row for each value that it gives
Array = TypeVar("Array", Tensor, Scores)
KEPT = ("relu", "dropout", "log_softmax", "flatten")  # ops behind the last layer with weights: they keep the order


def build(network: Network, tensors: Mapping[str, Tensor | Scores]) -> Walk:
    """The network with its weights, in evaluation mode."""
    walk = Walk(network)
    walk.load_state_dict(complete(network, tensors))
    return walk.eval()


def complete(network: Network, tensors: Mapping[str, Tensor | Scores]) -> dict[str, Tensor]:
    """The tensors for torch, and how many batches a normalization counted, which files may not say."""
    counts = {name: torch.zeros((), dtype=torch.int64) for name in network.weights if name.endswith(BATCHES)}
    return counts | {name: _tensor(tensor) for name, tensor in tensors.items()}


def _tensor(given: Tensor | Scores) -> Tensor:
    return given if isinstance(given, Tensor) else torch.from_numpy(np.array(given))  # files are mapped read-only


def as_unknown(name: str, network: Network, tensors: Mapping[str, Tensor | Scores]) -> Unknown:
    """The network, to be asked what its input is: in the shape that its layers take.

    It lies in memory channels last, and is asked little at once: convolutions are twice as fast so, and what rounding
    changes is no matter here.
    """
    walk = build(network, tensors).to(memory_format=torch.channels_last)

    def asked(batch: Inputs) -> Scores:
        return np.concatenate([ask(walk, batch[start : start + AT_ONCE]) for start in range(0, len(batch), AT_ONCE)])

    return Unknown(name, asked, ((network.input.layout, network.input.side),))


def ask(module: nn.Module, batch: Inputs) -> Scores:
    """What a module gives of a batch; of several outputs, the first."""
    with torch.inference_mode():
        given = module(torch.from_numpy(batch))
    first = given[0] if isinstance(given, tuple | list) else given
    return np.asarray(first.float().cpu().numpy(), np.float32)


def with_columns(
    network: Network, tensors: Mapping[str, Array], columns: Sequence[int]
) -> tuple[Network, dict[str, Array]]:
    """The same, whose first class is what was in the first of some columns, and so on; the rest is left out.

    Raises NoFit where what stands behind the last layer with weights does more than to keep their order.
    """
    rows = list(columns)
    if (len(rows),) == network.shapes[network.layers[-1].name] and rows == list(range(len(rows))):
        return network, dict(tensors)
    last = _last_weighted(network)
    changed = {
        name: tensor[rows] if name.rpartition(".")[0] == last.name and name.rpartition(".")[2] in WEIGHTS else tensor
        for name, tensor in tensors.items()
    }
    return network.with_classes(len(rows)), changed


def _last_weighted(network: Network) -> Layer:
    for layer in reversed(network.layers):
        if layer.row.width and layer.tied is None:
            return layer
        if layer.op not in KEPT:
            break
    raise NoFit("its classes cannot be put in order: what gives them is no dense layer")


def without_softmax(network: Network) -> Network:
    """The same without a softmax at the end: what it gives before are logits."""
    if network.output != "probabilities" or len(network.layers) == 1 or network.layers[-1].inputs:
        return network
    return replace(network, layers=network.layers[:-1])
