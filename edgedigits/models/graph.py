"""The torch form of a graph that was kept whole: its calls, one after the other.

A graph comes from files, so what it may call is decided here: functions of ATen that give tensors, change none of their
arguments, and take tensors or make them of plain sizes. None of these reads a file, runs code or touches the machine.
"""

import operator
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from edgedigits.errors import UsageError
from edgedigits.models.script import scripted
from edgedigits.records.graph import DTYPE, INPUT, VALUE, Call, Graph, Held
from edgedigits.records.ops import Shapes, Values

SIZES: Mapping[str, Callable[..., Any]] = {  # functions of sizes, and the parts of what gives several tensors
    "aten.sym_size.int": torch.ops.aten.sym_size.int,
    "operator.getitem": operator.getitem,
    "operator.add": operator.add,
    "operator.sub": operator.sub,
    "operator.mul": operator.mul,
    "operator.floordiv": operator.floordiv,
    "operator.neg": operator.neg,
}
MAKERS = ("zeros", "ones", "full", "arange", "eye", "scalar_tensor")  # of no tensor
PRIVATE = ("_native_batch_norm_legit_no_training", "_to_copy", "_unsafe_view")  # torch's own graphs have these
TRAINED = ("dropout", "lstm", "gru", "rnn_tanh", "rnn_relu", "scaled_dot_product_attention")  # these draw in training
Function = Callable[..., Any]


class Calls(nn.Module):
    """The calls of a graph, from what the first takes, float `[batch, ...]`, to what the last gives.

    Its tensors are where their names say, and zero until a state dict is loaded. Raises UsageError on a function that
    a graph may not call.
    """

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self._graph = graph
        self._unit: Any = None
        for name, held in graph.tensors.items():
            self._place(name, held)
        self._calls = [(call, allowed(call.word)) for call in graph.calls]
        self._lasting = _last_uses(graph)

    def _place(self, name: str, held: Held) -> None:
        folder: nn.Module = self
        *folders, last = name.split(".")
        for part in folders:
            if part not in folder._modules:
                folder.add_module(part, nn.Module())
            folder = folder.get_submodule(part)
        tensor = torch.zeros(held.shape, dtype=getattr(torch, held.dtype))
        if held.learned:
            folder.register_parameter(last, nn.Parameter(tensor))
        else:
            folder.register_buffer(last, tensor)

    def forward(self, x: Tensor) -> Tensor:
        """What the last call gives."""
        if torch._C._get_tracing_state():  # of TorchScript
            self._unit = scripted(self._graph)
            traced: Tensor = self._unit.run(x, *(self._held(name) for name in self._graph.tensors))
            return traced
        values: dict[str, Any] = {INPUT: x}
        for call, function in self._calls:
            found = [self._argument(values, one) for one in call.arguments]
            named = {name: self._argument(values, one) for name, one in call.options.items()}
            values[call.name] = function(*found, **named)
            for name in self._lasting.get(call.name, ()):
                del values[name]
        answer: Tensor = values[self._calls[-1][0].name]
        return answer

    def _argument(self, values: Mapping[str, Any], given: Any) -> Any:
        """An argument of a call: what it names, or itself."""
        if isinstance(given, list | tuple):
            return [self._argument(values, one) for one in given]
        if not isinstance(given, Mapping):
            return given
        ((kind, name),) = given.items()
        if kind == VALUE:
            return values[name]
        if kind == DTYPE:
            return getattr(torch, name)
        return self._held(name)

    def _held(self, name: str) -> Tensor:
        folder, _, last = name.rpartition(".")
        found: Tensor = getattr(self.get_submodule(folder), last)
        return found


def graph(values: Values, _: Shapes) -> nn.Module:
    """The calls of a graph that was kept whole."""
    return Calls(values["graph"])


def allowed(word: str) -> Function:
    """The function of a word. Raises UsageError where a graph may not call it."""
    if word in SIZES:
        return SIZES[word]
    space, _, rest = word.partition(".")
    name, _, overload = rest.partition(".")
    found = getattr(getattr(torch.ops.aten, name, None), overload or "default", None) if space == "aten" else None
    if not isinstance(found, torch._ops.OpOverload) or not _is_pure(name, found):
        raise UsageError(f"{word}: is no function that a graph may call")
    return found


def _is_pure(name: str, found: torch._ops.OpOverload) -> bool:
    """Whether all it does is to make tensors of tensors, or of sizes."""
    schema = found._schema
    takes = any("Tensor" in str(argument.type) for argument in schema.arguments)
    gives = len(schema.returns) > 0 and all("Tensor" in str(one.type) for one in schema.returns)
    public = not name.startswith("_") or name in PRIVATE
    draws = torch.Tag.nondeterministic_seeded in found.tags and name not in TRAINED
    return gives and public and (takes or name in MAKERS) and not (schema.is_mutable or draws)


def _last_uses(graph: Graph) -> Mapping[str, tuple[str, ...]]:
    """What no later call needs, by the name of the last one that does: it need not be held longer."""
    last: dict[str, str] = {call.name: call.name for call in graph.calls}
    for call in graph.calls:
        last |= dict.fromkeys(_values(call), call.name)
    last.pop(graph.calls[-1].name)
    ended: dict[str, tuple[str, ...]] = {}
    for name, by in last.items():
        ended[by] = (*ended.get(by, ()), name)
    return ended


def _values(call: Call) -> list[str]:
    return [name for kind, name in call.references() if kind == VALUE and name != INPUT]
