"""A computation as torch writes it, call by call: what is kept of a network that no list of layers says.

    Graph   the tensors that it holds, and its calls in the order in which they run; the last one gives the answer
    Call    a function of torch, by its name in ATen, and what it is called with

Arguments are JSON: numbers, words, lists, and of what is no JSON an object with one entry:

    {"value": "relu"}           what an earlier call gave; INPUT: the images
    {"tensor": "fc.weight"}     a tensor of the graph
    {"dtype": "float32"}        an element type
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from edgedigits.errors import RecordError
from edgedigits.records.record import OPTIONAL, Record, require

INPUT = "@input"  # what a network is given, which no layer and no call can be called
VALUE, TENSOR, DTYPE = "value", "tensor", "dtype"
WORD = re.compile(r"(aten|operator)(\.\w+){1,2}", re.ASCII)
NAME = re.compile(r"\w+(\.\w+)*")
DTYPES = ("float32", "int64", "int32", "bool")
MOST_CALLS = 10_000
MOST_TENSORS = 10_000
MOST_NESTED = 4  # lists in lists, of arguments


@dataclass(frozen=True)
class Held(Record):
    """A tensor that a graph holds.

    learned   whether it is a parameter; else a buffer or a constant
    """

    shape: tuple[int, ...]
    dtype: str = "float32"
    learned: bool = True

    def __post_init__(self) -> None:
        fits = len(self.shape) <= 8 and all(1 <= size < 2**31 for size in self.shape)
        require(fits and math.prod(self.shape) < 2**31, "shape", "sizes from 1", self.shape)
        require(self.dtype in DTYPES, "dtype", " or ".join(DTYPES), self.dtype)
        require(not self.learned or self.dtype == DTYPES[0], "learned", f"{DTYPES[0]} alone", self.dtype)


@dataclass(frozen=True)
class Call(Record):
    """One call.

    name        what later calls name what it gives by
    word        of the function: "aten.layer_norm.default", or "operator.mul" of sizes
    arguments   in order
    options     by name
    """

    name: str
    word: str
    arguments: tuple[Any, ...] = field(default=(), metadata=OPTIONAL)
    options: Mapping[str, Any] = field(default_factory=dict, metadata=OPTIONAL)

    def __post_init__(self) -> None:
        require(all(name.isidentifier() for name in self.options), "options", "names of arguments", list(self.options))
        require(WORD.fullmatch(self.word) is not None, "word", "a function of ATen", self.word[:60])

    def references(self) -> Iterator[tuple[str, str]]:
        """What it is called with that is no JSON: the kind (VALUE, TENSOR or DTYPE) and the name. Raises UsageError."""
        yield from _references((*self.arguments, *self.options.values()))


def _references(given: Any, depth: int = 0) -> Iterator[tuple[str, str]]:
    if isinstance(given, list | tuple):
        require(depth <= MOST_NESTED, "arguments", f"lists nested {MOST_NESTED} deep at most", "deeper ones")
        for one in given:
            yield from _references(one, depth + 1)
    elif isinstance(given, Mapping):
        entry = next(iter(given.items()), ("", None))
        plain = len(given) == 1 and entry[0] in (VALUE, TENSOR, DTYPE) and isinstance(entry[1], str)
        require(plain, "arguments", f"{VALUE}, {TENSOR} or {DTYPE} with a name", f"{given!r:.60}")
        yield entry[0], str(entry[1])
    else:
        require(isinstance(given, str | int | float | None), "arguments", "JSON", f"{given!r:.60}")


@dataclass(frozen=True)
class Graph(Record):
    """Tensors and calls. Raises UsageError where a call names what there is not."""

    tensors: Mapping[str, Held]
    calls: tuple[Call, ...]

    def __post_init__(self) -> None:
        require(1 <= len(self.calls) <= MOST_CALLS, "calls", f"1 to {MOST_CALLS:,}", len(self.calls))
        require(len(self.tensors) <= MOST_TENSORS, "tensors", f"at most {MOST_TENSORS:,}", len(self.tensors))
        for name in self.tensors:
            require(NAME.fullmatch(name) is not None, "tensors", "words with dots between them", name[:60])
        known = {VALUE: {INPUT}, TENSOR: set(self.tensors), DTYPE: set(DTYPES)}
        for call in self.calls:
            for kind, name in call.references():
                require(name in known[kind], f"call '{call.name}'", f"a {kind} that there is", name[:60])
            require(call.name not in known[VALUE], "calls", "no name twice", call.name)
            known[VALUE].add(call.name)

    def __str__(self) -> str:
        return f"{len(self.calls)} calls"


def described(value: Any) -> Graph:
    """A graph, or what JSON says of one. Raises ValueError where it says none."""
    if isinstance(value, Graph):
        return value
    try:
        return Graph.from_json(json.dumps(value))  # with lists, where a record has tuples
    except RecordError as error:
        raise ValueError(str(error)) from error
