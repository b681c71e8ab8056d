"""The source text in a TorchScript archive, searched and never run: the constants of a class, what its forward calls.

The text is of Python's form, printed by torch; it is read with a few expressions and a stack of brackets, both bounded.
"""

import ast
import re
from dataclasses import dataclass, field
from typing import Any

from edgedigits.runtime.safety import Refused

MOST_TEXT = 1 << 20  # characters of a file
MOST_CALLS = 2_000  # of a class
MOST_DEPTH = 60  # calls inside each other
CLASS = re.compile(r"^class (\w+)\(\w+\):$", re.MULTILINE)
CONSTANT = re.compile(r"^  (\w+) : Final\[[\w\[\], ]{1,60}\] = ([\w\"+\-., ()\[\]]{1,80})$", re.MULTILINE)
METHOD = re.compile(r"^  def (\w+)\(", re.MULTILINE)
ALIAS = re.compile(r"^ +(_\d+) = (__torch__[\w.]{1,200})$", re.MULTILINE)
OPEN = re.compile(
    r"((?:torch|ops|__torch__)(?:\.\w+){1,20}|\(\w+\)\.\w+|\b_\d+)?\(|[)\]\[,]|\"(?:[^\"\\\n]|\\.){0,1000}\""
)


@dataclass(frozen=True)
class Call:
    """One call in a module's `forward`.

    target      an operator of torch ("torch.max_pool2d"), or a module inside ("(conv).forward")
    arguments   as they stand there: "[2, 2]", "0.01", "weight"
    """

    target: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """What the text of a class says: its constants, and what its `forward` calls, the first result first."""

    settings: dict[str, Any] = field(default_factory=dict)
    calls: tuple[Call, ...] = ()


def read(text: str) -> dict[str, Source]:
    """The classes of a file, by name. Raises Refused where it is longer, or nested deeper, than torch writes."""
    if len(text) > MOST_TEXT:
        raise Refused(f"code of {len(text):,} characters, at most {MOST_TEXT:,} wanted")
    starts = list(CLASS.finditer(text))
    ends = [*(found.start() for found in starts[1:]), len(text)]
    return {found[1]: _class(text[found.end() : end]) for found, end in zip(starts, ends, strict=True)}


def _class(body: str) -> Source:
    methods = list(METHOD.finditer(body))
    head = body[: methods[0].start()] if methods else body
    settings = {found[1]: _literal(found[2]) for found in CONSTANT.finditer(head)}
    for number, found in enumerate(methods):
        if found[1] == "forward":
            end = methods[number + 1].start() if number + 1 < len(methods) else len(body)
            return Source(settings, _calls(body[found.end() : end]))
    return Source(settings)


def _literal(text: str) -> Any:
    """A constant. Raises Refused where it is none."""
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError, TypeError) as error:
        raise Refused("code that torch does not write") from error


def _calls(body: str) -> tuple[Call, ...]:
    """The calls of a method, each behind those whose results it takes."""
    body = body.partition("->")[2]  # behind the parameters
    aliases = {found[1]: found[2] for found in ALIAS.finditer(body)}
    calls: list[Call] = []
    brackets: list[tuple[str, list[int]]] = []  # those that are open: what is called, and where its arguments begin
    for found in OPEN.finditer(body):
        sign = found[0][-1]
        if sign in "([":
            brackets.append((found[1] or "", [found.end()]))
        elif sign == "," and brackets:
            brackets[-1][1].append(found.end())
        elif sign in ")]" and brackets:
            target, places = brackets.pop()
            if sign == ")" and target:
                calls.append(Call(aliases.get(target, target), _arguments(body, places, found.start())))
        if len(brackets) > MOST_DEPTH or len(calls) > MOST_CALLS:
            raise Refused("code with more calls than torch writes for a classifier")
    return tuple(calls)


def _arguments(body: str, places: list[int], end: int) -> tuple[str, ...]:
    ends = [*(place - 1 for place in places[1:]), end]
    texts = [" ".join(body[start:stop].split()) for start, stop in zip(places, ends, strict=True)]
    return tuple(text for text in texts if text)
