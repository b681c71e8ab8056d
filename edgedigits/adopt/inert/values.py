"""What a file of weights may hold once it is read, and the check that it is a tree of bounded size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from edgedigits.adopt.inert.tensors import Tensor
from edgedigits.runtime.safety import Refused


@dataclass(frozen=True)
class Limits:
    """How much a pickle may ask for. All are far above what a checkpoint of a digit classifier needs.

    opcodes   of all pickles of a file together
    work      entries and bytes that are copied while a file is read, beside those that its opcodes hold
    bits      of a whole number
    depth     of containers inside containers
    values    in all, where what is shared counts as often as it is used
    """

    opcodes: int = 1_000_000
    work: int = 256 << 20
    bits: int = 256
    depth: int = 200
    values: int = 1_000_000


LIMITS = Limits()


@dataclass(frozen=True)
class Name:
    """A class or function that a pickle names; nothing is imported."""

    path: str

    @property
    def last(self) -> str:
        """Its own name, without the module."""
        return self.path.rpartition(".")[2]


@dataclass(eq=False)
class Instance:
    """Stands for an object: of which class, made of which arguments, with which attributes; inert.

    state   its attributes by name, or whatever its class would have been given
    items   what was put into it, where its class is a list (`[value]`) or a mapping (`[(key, value)]`)
    """

    class_name: str
    arguments: tuple[Any, ...] = ()
    state: Any = None
    items: list[Any] = field(default_factory=list)

    @property
    def attributes(self) -> Mapping[Any, Any]:
        """Its attributes by name; of a class with slots, those that are none."""
        state = self.state
        if isinstance(state, tuple) and len(state) == 2:
            state = state[0]
        return state if isinstance(state, dict) else {}


@dataclass(eq=False)
class Key:
    """A key of a mapping that is neither text nor a number: it is kept, and equal to nothing else."""

    value: Any


@dataclass(frozen=True)
class Contents:
    """A file of weights as it was read.

    container   in words: "torch zip", "torch legacy", "pickle", "TorchScript", "safetensors"
    root        what it holds
    ordered     whether the order of its entries is that in which the layers were made
    constants   tensors that TorchScript keeps beside its modules, where its code uses them
    sources     source text that it holds: by class where torch added it, by file in TorchScript
    """

    container: str
    root: Any
    ordered: bool = True
    constants: tuple[Tensor, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)


class Budget:
    """What one file may still ask for, whatever it is that asks."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self.limits = limits
        self.opcodes = 0
        self.work = 0

    def step(self) -> None:
        """Count an opcode. Raises Refused."""
        self.opcodes += 1
        if self.opcodes > self.limits.opcodes:
            raise Refused(f"its pickles have more than {self.limits.opcodes:,} opcodes")

    def spend(self, amount: int) -> None:
        """Count entries or bytes that are copied. Raises Refused."""
        self.work += amount
        if self.work > self.limits.work:
            raise Refused("its pickles copy more than they hold: that is no file of weights")

    def number(self, value: int) -> int:
        """A whole number of bounded size. Raises Refused."""
        if value.bit_length() > self.limits.bits:
            raise Refused(f"a number of {value.bit_length():,} bits")
        return value


def require_tree(root: Any, limits: Limits = LIMITS) -> None:
    """Raise Refused where something holds itself, is nested too deep, or unfolds to too many values.

    After it, whoever walks down from `root` needs neither a memory of where he was nor a bound.
    """
    sizes: dict[int, tuple[int, int]] = {}  # of what is done: values below it, and how deep it goes
    waiting: set[int] = {id(root)}
    walk = [(root, _children(root))]
    while walk:
        value, rest = walk[-1]
        if (child := next(rest, walk)) is not walk:
            if id(child) in waiting:
                raise Refused("it holds itself: save its state_dict() instead")
            if id(child) not in sizes and _is_container(child):
                waiting.add(id(child))
                walk.append((child, _children(child)))
            continue
        walk.pop()
        waiting.discard(id(value))
        sizes[id(value)] = size, depth = _measured(value, sizes)
        if depth > limits.depth:
            raise Refused(f"more than {limits.depth} containers inside each other")
        if size > limits.values:
            raise Refused(f"more than {limits.values:,} values when it is unfolded")


def _measured(value: Any, sizes: dict[int, tuple[int, int]]) -> tuple[int, int]:
    found = [sizes.get(id(child), (1, 0)) for child in _children(value)]
    return 1 + sum(size for size, _ in found), 1 + max((depth for _, depth in found), default=0)


def _is_container(value: Any) -> bool:
    return isinstance(value, list | tuple | dict | Instance | Key)


def _children(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        yield from value
    elif isinstance(value, dict):
        yield from (key for key in value if isinstance(key, Key))
        yield from value.values()
    elif isinstance(value, Instance):
        yield from (value.arguments, value.state, value.items)
    elif isinstance(value, Key):
        yield value.value
