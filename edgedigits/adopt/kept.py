"""A torch module kept whole, as the graph that `torch.export` makes of it: what no list of layers says.

The graph's calls become data (`records/graph.py`), with its tensors under the names of the state dict. Such a network
is exported to float ONNX and TorchScript and verified as any other; what has to know its layers says that it cannot.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram
from torch.fx import Node

from edgedigits.adopt.listing import NoRow, line_of, shape_of
from edgedigits.adopt.traced import BATCH, Traced, answer_of, follow, needed
from edgedigits.errors import UsageError
from edgedigits.models.graph import allowed
from edgedigits.records.graph import DTYPE, INPUT, TENSOR, VALUE, Call, Graph, Held
from edgedigits.records.network import Input, Layer, Network

LAYER = "graph"  # the name of the one layer
PLACES = ("device", "layout", "pin_memory", "memory_format", "generator")  # options that say where, and not what
SAME = {"aten.view.default": "aten.reshape.default"}  # which takes tensors however they lie in memory
SOFTMAX = ("aten.softmax.int", "aten._softmax.default")
DROPOUT = ("aten.dropout.default", "aten.feature_dropout.default", "aten.alpha_dropout.default")
ORDER, PICK = "order", "aten.index_select.default"  # of the classes
LEAST = 2  # what torch calls the axes of scores: batch and classes


def keep_module(module: nn.Module, seen: Input) -> Traced:
    """A module in evaluation mode as a network of one layer, whose forward takes images as `seen` lays them out.

    A softmax at the end is left out, so that the network gives logits. Raises BadInput where torch cannot follow its
    forward for batches of any size, NoRow where it does what a graph cannot say.
    """
    program = follow(module, torch.zeros(BATCH, *seen.shape), free=True)
    with torch.no_grad():
        program = program.run_decompositions({})  # what is changed in place becomes a new value, and no more
    answer = _before_softmax(answer_of(program))
    kept = _Keeping(program)
    for node in needed(program, answer):
        if node.op == "call_function":
            kept.add(node)
    return kept.made(answer, seen)


def in_order(kept: Traced, columns: Sequence[int]) -> Traced:
    """The same, whose first class is what was in the first of some columns, and so on: one more call picks them."""
    (layer,) = kept.network.layers
    graph, classes = layer.attributes["graph"], layer.attributes["gives"]
    if classes == (len(columns),) and list(columns) == list(range(len(columns))):
        return kept
    taken = {*graph.tensors, *(call.name for call in graph.calls)}
    order = next(name for name in (f"{ORDER}{'_' * more}" for more in range(len(taken) + 1)) if name not in taken)
    picked = Call(f"{order}_picked", PICK, ({VALUE: graph.calls[-1].name}, 1, {TENSOR: order}))
    held = Held((len(columns),), str(torch.int64).removeprefix("torch."), learned=False)
    longer = Graph({**graph.tensors, order: held}, (*graph.calls, picked))
    network = Network((Layer.of("graph", LAYER, graph=longer, gives=(len(columns),)),), kept.network.input)
    return Traced(network, {**kept.state, f"{LAYER}.{order}": torch.tensor(list(columns))})


def _before_softmax(answer: Node) -> Node:
    """What is given to a softmax at the end; else the answer."""
    if str(answer.target) not in SOFTMAX or answer.args[1] not in (1, -1) or len(shape_of(answer)) != LEAST:
        return answer
    given = answer.args[0]
    assert isinstance(given, Node)
    return given


class _Keeping:
    """The calls so far, and the tensors that they name."""

    def __init__(self, program: ExportedProgram) -> None:
        signature = program.graph_signature
        self.calls: list[Call] = []
        self.named: dict[Node, dict[str, str]] = {}
        self.tensors: dict[str, Tensor] = {}
        self._learned = set(signature.inputs_to_parameters.values())
        self._saved: Mapping[str, Any] = {**program.constants, **program.state_dict}
        keys = {
            **signature.inputs_to_parameters,
            **signature.inputs_to_buffers,
            **signature.inputs_to_lifted_tensor_constants,
        }
        self._keys = {node: keys[node.name] for node in program.graph.nodes if node.name in keys}

    def add(self, node: Node) -> None:
        """Put a call on the list; dropout, which does nothing once a network is trained, is none."""
        word = _word(node)
        if word in DROPOUT:
            if node.args[2]:
                raise NoRow(f"{line_of(node)}: dropout that is always on: training=self.training is missing")
            self.named[node] = self._value(node, node.args[0])
            return
        options = {name: self._value(node, one) for name, one in node.kwargs.items() if name not in PLACES}
        self.calls.append(Call(node.name, word, tuple(self._value(node, one) for one in node.args), options))
        self.named[node] = {VALUE: node.name}

    def _value(self, node: Node, given: object) -> Any:
        """An argument as JSON. Raises NoRow where it cannot be said so."""
        if isinstance(given, Node):
            return self._named(given)
        if isinstance(given, list | tuple):
            return tuple(self._value(node, one) for one in given)
        if isinstance(given, torch.dtype):
            return {DTYPE: str(given).removeprefix("torch.")}
        if isinstance(given, float) and not math.isfinite(given):
            raise NoRow(f"{line_of(node)}: {given} as an argument, a finite number wanted")
        if isinstance(given, str | int | float | None):
            return given
        raise NoRow(f"{line_of(node)}: {type(given).__name__} as an argument, numbers and tensors wanted")

    def _named(self, node: Node) -> dict[str, str]:
        if node in self._keys:
            key = self._keys[node]
            self.tensors[key] = self._saved[key].detach().clone().contiguous()
            self.named[node] = {TENSOR: key}
        return self.named.setdefault(node, {VALUE: INPUT})  # there is one placeholder more: the images

    def made(self, answer: Node, seen: Input) -> Traced:
        """The network, and its tensors by its names for them."""
        held = {name: self._held(name, tensor) for name, tensor in self.tensors.items()}
        try:
            graph = Graph(held, tuple(self.calls))
            layer = Layer.of("graph", LAYER, graph=graph, gives=shape_of(answer)[1:])
            network = Network((layer,), seen)
        except UsageError as error:
            raise NoRow(str(error)) from error
        return Traced(network, {f"{LAYER}.{name}": tensor for name, tensor in self.tensors.items()})

    def _held(self, name: str, tensor: Tensor) -> Held:
        kind = str(tensor.dtype).removeprefix("torch.")
        return Held(tuple(tensor.shape), kind, name in self._learned and tensor.is_floating_point())


def _word(node: Node) -> str:
    """What a node calls. Raises NoRow where a graph may not."""
    target: Any = node.target
    plain = f"operator.{target.__name__}" if getattr(target, "__module__", "") == "_operator" else str(target)
    word = SAME.get(plain, plain)
    try:
        allowed(word)
    except UsageError as error:
        raise NoRow(f"{line_of(node)}: torch's {word} has no place in a graph that is kept") from error
    return word
