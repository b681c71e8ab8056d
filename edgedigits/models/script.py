"""A graph that was kept whole as a function of TorchScript.

Tracing its calls would keep the sizes of the example's batch, since functions of ATen take them as plain numbers; in a
source they stay what they are.
"""

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch

from edgedigits.records.graph import DTYPE, INPUT, VALUE, Call, Graph

SIGNS = {"add": "+", "sub": "-", "mul": "*", "floordiv": "//"}


def scripted(graph: Graph) -> Any:
    """What has the function `run`: from the first input and the graph's tensors, in their order, to the answer.

    It must be kept as long as what was traced with it: that only points to the function.
    """
    return torch.jit.CompilationUnit("".join(f"{line}\n" for line in _lines(graph)))


def _lines(graph: Graph) -> Iterator[str]:
    """Its source, in which everything goes by its number: names come from files."""
    names = {INPUT: "x"} | {call.name: f"v{place}" for place, call in enumerate(graph.calls)}
    places = {name: f"t{place}" for place, name in enumerate(graph.tensors)}
    said = functools.partial(_said, names, places)
    yield f"def run({', '.join(['x', *places.values()])}):"
    for call in graph.calls:
        yield f"    {names[call.name]} = {_expression(call, said)}"
    yield f"    return {names[graph.calls[-1].name]}"


def _expression(call: Call, said: Callable[[Any], str]) -> str:
    given = [said(one) for one in call.arguments]
    space, name, *_ = call.word.split(".")
    if name == "getitem":
        return f"{given[0]}[{given[1]}]"
    if space == "operator":
        return f" {SIGNS[name]} ".join(given) if name in SIGNS else f"-{given[0]}"
    if name == "sym_size":
        return f"{given[0]}.size({given[1]})"
    return f"torch.ops.aten.{name}({', '.join([*given, *(f'{key}={said(one)}' for key, one in call.options.items())])})"


def _said(names: Mapping[str, str], places: Mapping[str, str], given: Any) -> str:
    """An argument as source."""
    if isinstance(given, list | tuple):
        return f"[{', '.join(_said(names, places, one) for one in given)}]"
    if not isinstance(given, Mapping):
        return repr(given)
    ((kind, name),) = given.items()
    if kind == DTYPE:
        return f"torch.{name}"
    return names[name] if kind == VALUE else places[name]
