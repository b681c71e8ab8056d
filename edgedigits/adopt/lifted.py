"""A module whose forward takes one image, as one that takes a batch of them: `lifted(module, way, seen)`.

Torch's layers take any axes in front of those that they compute on, so the graph of one image is that of a batch, once
what names shapes and axes makes room for one more. Whether it then answers as before, the digits tell (`own`).
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.fx import GraphModule, Node

from edgedigits.adopt.listing import NoRow, shape_of
from edgedigits.adopt.traced import follow
from edgedigits.records.network import Input
from edgedigits.runtime.asking import Way

ATEN = torch.ops.aten
SHAPING = (  # calls that lay values out anew, in their order
    *(ATEN.view.default, ATEN.reshape.default, ATEN.flatten.using_ints, ATEN.ravel.default),
    *(ATEN.squeeze.default, ATEN.squeeze.dim, ATEN.squeeze.dims, ATEN.unsqueeze.default),
)
ALONG = (  # calls whose second argument is an axis, or several
    *(ATEN.softmax.int, ATEN.log_softmax.int, ATEN.cat.default, ATEN.mean.dim, ATEN.sum.dim_IntList),
)


def lifted(module: nn.Module, way: Way, seen: Input) -> nn.Module:
    """The module, for batches. Raises BadInput where torch cannot follow its forward, or there is no room for a batch.

    way    how it takes an image: bare, or as a batch of one
    seen   what an image is to it
    """
    own = not way.bare  # whether it has an axis for the batch already, of size 1
    program = follow(module, torch.zeros(*(1 for _ in range(own)), *seen.shape))
    flat = program.module(check_guards=False)
    shapes = {node.name: shape_of(node) for node in program.graph.nodes}
    for node in flat.graph.nodes:
        if node.target in SHAPING:
            _reshape(node, _within(shapes[node.name], own))
        elif node.target in ALONG:
            _shift(node, len(shapes[_first(node).name]), own)
    return GraphModule(flat, flat.graph)  # without hooks, which would have the shape of one image


def _within(shape: Sequence[int], own: bool) -> Sequence[int]:
    """The axes of one image's values, without one for the batch."""
    return shape[1:] if own and shape[:1] == (1,) else shape


def _reshape(node: Node, shape: Sequence[int]) -> None:
    node.target = ATEN.reshape.default
    node.args = (node.args[0], [-1, *shape])
    node.kwargs = {}


def _first(node: Node) -> Node:
    given = node.args[0]
    found = given[0] if isinstance(given, list | tuple) else given
    assert isinstance(found, Node)
    return found


def _shift(node: Node, axes: int, own: bool) -> None:
    """Let axes be counted behind the batch. Raises NoRow where the batch is one of them."""
    given: Any = node.args[1] if len(node.args) > 1 else 0  # of cat, where nothing is said
    found = [axis % axes for axis in ([given] if isinstance(given, int) else given)]
    if own and 0 in found:
        raise NoRow(f"forward takes one image a call, and {node.name} runs over the batch")
    moved = [axis + (not own) for axis in found]
    node.args = (node.args[0], moved[0] if isinstance(given, int) else moved, *node.args[2:])
