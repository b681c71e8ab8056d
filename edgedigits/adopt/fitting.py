"""Weights put into a module: whether its names and shapes are theirs, and what its constructor was given for these.

Arguments without a default are told by the shapes where they leave one choice: every size that the weights have is
tried, small counts, and the widths of their layers as a list. A choice is only believed where others make other shapes.
"""

import inspect
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from edgedigits.adopt.names import BATCHES
from edgedigits.errors import UsageError
from edgedigits.system import environment

MOST_TRIED = 10_000  # choices of arguments
SMALLEST = (0, 1)  # which many an argument takes that no shape tells: they show that it does not matter
LESS_USUAL = (*range(2, 9), 28, 32)  # layers, kernels and sides, tried where the weights' own sizes do not fit
MOST_SHOWN = 3  # choices, in an error
UNTOLD = "..."  # the value of an argument that somebody has to say, in an error
Choice = Mapping[str, Any]


@dataclass(frozen=True)
class Stored:
    """Tensors of a file, and the prefix that was taken off their names."""

    tensors: Mapping[str, Tensor]
    prefix: str = ""

    def named_for(self, module: nn.Module) -> dict[str, Tensor]:
        """As a module calls them: as they are, with the prefix, or with the module's own."""
        wanted = _shapes(module)
        outer = next(iter(wanted), "").partition(".")[0]
        prefixes = ("", self.prefix, f"{outer}.")
        return max(
            ({f"{before}{name}": tensor for name, tensor in self.tensors.items()} for before in prefixes),
            key=lambda found: len(found.keys() & wanted.keys()),
        )

    def mismatches(self, module: nn.Module) -> list[str]:
        """What of a module is not theirs, a line each: missing, left over, of another shape."""
        wanted = _shapes(module)
        given = {name: tuple(tensor.shape) for name, tensor in self.named_for(module).items()}
        return [
            *(f"missing: {name} {list(shape)}" for name, shape in wanted.items() if name not in given),
            *(f"left over: {name} {list(shape)}" for name, shape in given.items() if name not in wanted),
            *(
                f"{name}: {list(given[name])}, in the class {list(shape)}"
                for name, shape in wanted.items()
                if given.get(name, shape) != shape
            ),
        ]


def _shapes(module: nn.Module) -> dict[str, tuple[int, ...]]:
    """Of a module's tensors, without counts, which files may lack."""
    state = module.state_dict().items()
    return {name: tuple(tensor.shape) for name, tensor in state if not name.endswith(BATCHES)}


def find_arguments(maker: Callable[..., Any], given: Choice, stored: Stored) -> Choice:
    """The arguments without a default that are not given, told by the weights' shapes.

    Raises UsageError, which asks for them, where no choice makes a module of these weights, or several do.
    """
    missing = [name for name in _required(maker) if name not in given]
    if not missing:
        return {}
    values = [*dict.fromkeys([*SMALLEST, *_sizes(stored)]), *_widths(stored)]
    for more in ((), LESS_USUAL):
        values += [value for value in more if value not in values]
        search = _Search(maker, given, stored, values)
        found = list(search.fitting(missing)) if len(values) ** len(missing) <= MOST_TRIED else []
        untold = [name for name in missing if not search.is_told(name, found)]
        if found and not untold:
            return found[0]
        if found:
            break
    raise UsageError(_asked(missing, untold, found))


def _required(maker: Callable[..., Any]) -> list[str]:
    """Arguments without a default value."""
    plain = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = inspect.signature(maker).parameters.values()
    return [one.name for one in parameters if one.kind in plain and one.default is one.empty]


def _sizes(stored: Stored) -> Iterator[int]:
    for tensor in stored.tensors.values():
        yield from tensor.shape


def _widths(stored: Stored) -> list[list[int]]:
    """What a list of widths may be: of the dense layers, or the convolutions, with and without both ends."""
    found: list[list[int]] = []
    for axes in (2, 4):
        weights = [tensor for tensor in stored.tensors.values() if tensor.ndim == axes]
        chain = [*(weight.shape[1] for weight in weights[:1]), *(weight.shape[0] for weight in weights)]
        found += [chain, chain[1:], chain[:-1], chain[1:-1]]
    return [widths for number, widths in enumerate(found) if widths and widths not in found[:number]]


@dataclass(frozen=True)
class _Search:
    """Choices of arguments, each tried by the shapes of what it makes: without memory for the weights."""

    maker: Callable[..., Any]
    given: Choice
    stored: Stored
    values: Sequence[Any]

    def fitting(self, names: Sequence[str]) -> Iterator[Choice]:
        """The choices of which a module with just these weights comes."""
        for values in itertools.product(self.values, repeat=len(names)):
            choice = dict(zip(names, values, strict=True))
            module = self._made(choice)
            if module is not None and not self.stored.mismatches(module):
                yield choice

    def is_told(self, name: str, found: Sequence[Choice]) -> bool:
        """Whether an argument is the same in all choices that fit, and a module of another one does not fit."""
        if not found or any(choice[name] != found[0][name] for choice in found):
            return False
        others = ({**found[0], name: value} for value in self.values if value != found[0][name])
        return any(self._made(choice) is not None for choice in others)

    def _made(self, choice: Choice) -> nn.Module | None:
        """The module; None where there is none, since a stranger's code raises whatever it likes."""
        with suppress(Exception), environment.quiet(), torch.device("meta"):
            made = self.maker(**self.given, **choice)
            return made if isinstance(made, nn.Module) else None
        return None


def _asked(missing: Sequence[str], untold: Sequence[str], found: Sequence[Choice]) -> str:
    """What is said where arguments have to be asked for."""
    example = json.dumps({name: UNTOLD if name in untold else found[0][name] for name in missing})
    wanted = f"takes {', '.join(missing)}; the shapes of its weights do not tell {', '.join(untold)}"
    fitting = ", ".join(json.dumps(choice) for choice in found[:MOST_SHOWN])
    more = f" and {len(found) - MOST_SHOWN} more" if len(found) > MOST_SHOWN else ""
    return f"{wanted}{f' ({fitting}{more} fit)' if found else ''}. Say them with --args '{example}'"
