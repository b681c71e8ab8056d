"""The layers of a torch module, as `torch.export` follows its forward: `read_module(module)` gives a Traced.

The graph's words are the user's own layers, one to one, while nothing is decomposed, and its signature has the names of
the state dict. What has no row in the table (`aten.WORDS`) is named by its line. The list is no proof: whoever adopts
a module asks both, the module as it was and the one that is made from the list.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram
from torch.fx import Node

from edgedigits.adopt.aten import put
from edgedigits.adopt.listing import Call, Listing, NoRow, changes
from edgedigits.errors import BadInput, UsageError, first_line
from edgedigits.records.network import Input, Network
from edgedigits.system import environment

BATCH = 7  # images to trace with: a number that no axis of a network is likely to have by chance


@dataclass(frozen=True)
class Traced:
    """A module as a list of layers, and its tensors, by the names that the list gives them."""

    network: Network
    state: Mapping[str, Tensor]


def read_module(module: nn.Module, seen: Input = Input(), batch: int = BATCH) -> Traced:  # noqa: B008 - it is frozen
    """The layers of a module in evaluation mode, whose forward takes images as `seen` lays them out.

    Raises BadInput where torch cannot follow its forward, NoRow where it does what no layer does.
    """
    program = follow(module, torch.zeros(batch, *seen.shape))
    made, answer = Listing(program), answer_of(program)
    for node in needed(program, answer):
        if node.op == "call_function" and not made.compute(node):
            put(made, Call.of(node))
    if made.values.get(answer) != made.last:
        raise NoRow("forward returns what no layer gives")
    try:
        network = Network(tuple(made.layers), seen)
    except UsageError as error:
        raise NoRow(str(error)) from error
    for name, shape in made.shapes.items():
        if network.shapes[name] != shape:
            raise NoRow(f"layer '{name}': gives {list(network.shapes[name])}, in torch {list(shape)}")
    return Traced(network, made.state)


def follow(module: nn.Module, images: Tensor, free: bool = False) -> ExportedProgram:
    """The graph of a module's forward; `free`, for batches of any size. Raises BadInput where torch cannot follow."""
    shapes = ({0: torch.export.Dim("batch")},) if free else None
    try:
        with environment.quiet(), torch.no_grad():
            return torch.export.export(module, (images,), dynamic_shapes=shapes)
    except Exception as error:  # a stranger's forward raises whatever it meets
        what = f"{type(module).__name__}: torch cannot follow its forward with images {list(images.shape)}"
        raise BadInput(f"{what} ({first_line(error)})") from error


def needed(program: ExportedProgram, answer: Node) -> list[Node]:
    """Nodes that the answer depends on, in their order."""
    wanted = {answer}
    for node in reversed(program.graph.nodes):
        if node in wanted or (changes(node) and node.args[0] in wanted):
            wanted |= {node, *node.all_input_nodes}
    return [node for node in program.graph.nodes if node in wanted]


def answer_of(program: ExportedProgram) -> Node:
    """The first tensor that forward returns. Raises NoRow where there is none."""
    returned: Any = program.graph.output_node().args[0]
    for node in returned:
        if isinstance(node, Node):
            return node
    raise NoRow("forward returns no tensor")
