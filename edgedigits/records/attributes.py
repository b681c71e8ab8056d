"""Kinds of attributes that a layer can have: each reads a value, from JSON or from Python, into its one form.

One form a value, so that records of the same network are equal and have the same bytes: a pair whose sides are equal is
one number, a list is a tuple, 1 where a fraction is wanted is 1.0.
"""

import dataclasses
import math
import numbers as abstract
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")
REQUIRED = object()  # the default of what has none
MOST = 2**31 - 1  # of a whole number: what every runtime takes


@dataclass(frozen=True)
class Attribute:
    """One attribute of an op.

    wanted    in words, what it has to be
    read      the one form of a value; raises ValueError where it is none
    default   what it is where a layer does not say, or REQUIRED
    """

    wanted: str
    read: Callable[[Any], Any]
    default: Any = REQUIRED


def count(default: Any = REQUIRED, least: int = 1) -> Attribute:
    """A whole number."""
    return Attribute(f"a whole number from {least}", lambda value: _whole(value, least), default)


def pair(default: Any = REQUIRED, least: int = 1) -> Attribute:
    """Of height and width, or one number for both."""

    def read(value: Any) -> int | tuple[int, ...]:
        height, width = (_whole(side, least) for side in (value if _is_list(value) else (value, value)))
        return height if height == width else (height, width)

    return Attribute(f"one or two whole numbers from {least}", read, default)


def wholes(wanted: str, default: Any = REQUIRED, least: int = 0, length: int | None = None) -> Attribute:
    """Several whole numbers, in words `wanted`."""

    def read(value: Any) -> tuple[int, ...]:
        found = tuple(_whole(each, least) for each in value) if _is_list(value) else ()
        return _require(found, len(found) == length if length else len(found) > 0)

    return Attribute(wanted, read, default)


def flag(default: bool) -> Attribute:
    """True or False."""
    return Attribute("true or false", lambda value: _require(value, isinstance(value, bool)), default)


def number(default: Any = REQUIRED, least: float = -math.inf, most: float = math.inf) -> Attribute:
    """A finite number."""
    bounds = "" if least == -math.inf else f" from {least:g}" if most == math.inf else f" from {least:g} to {most:g}"
    return Attribute(f"a number{bounds}", lambda value: _real(value, least, most), default)


def numbers(default: Any = REQUIRED) -> Attribute:
    """A finite number, or one a channel."""

    def read(value: Any) -> float | tuple[float, ...]:
        if not _is_list(value):
            return _real(value)
        return _require(tuple(_real(each) for each in value), len(value) > 0)

    return Attribute("a number, or one a channel", read, default)


def choice(*words: str) -> Attribute:
    """One of some words; the first is the default."""
    return Attribute(" or ".join(words), lambda value: _require(value, value in words), words[0])


def one_of(*wholes: int) -> Attribute:
    """One of some whole numbers."""
    wanted = " or ".join(map(str, wholes))
    return Attribute(wanted, lambda value: _require(_whole(value, 0), value in wholes))


def optional(attribute: Attribute) -> Attribute:
    """The same, or None, which is the default where it has none of its own."""

    def read(value: Any) -> Any:
        return None if value is None else attribute.read(value)

    default = None if attribute.default is REQUIRED else attribute.default
    return dataclasses.replace(attribute, wanted=f"{attribute.wanted}, or null", read=read, default=default)


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _require(value: T, holds: bool) -> T:
    if not holds:
        raise ValueError
    return value


def _whole(value: Any, least: int) -> int:
    """A whole number of Python's own; numpy's are taken too."""
    whole = isinstance(value, abstract.Integral) and not isinstance(value, bool)
    return int(_require(value, whole and least <= value <= MOST))


def _real(value: Any, least: float = -math.inf, most: float = math.inf) -> float:
    real = isinstance(value, abstract.Real) and not isinstance(value, bool)
    return float(_require(value, real and least <= value <= most and abs(value) <= sys.float_info.max))
