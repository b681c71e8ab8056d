"""What callers give the public functions: one name for several, and nothing that would fail as a raw TypeError.

`checked` compares the arguments of a function, or the fields of a record, with its own annotations: what they say is
what is taken, and what is not is a UsageError that names the argument. A path is a str or any os.PathLike that the
system can take for one; an iterable of paths or names may be any, or one of them alone (`OneOrMore`), since Python
would take the letters of a string for names.
"""

import collections.abc
import errno
import functools
import inspect
import numbers
import os
import types
import typing
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar, Union

from edgedigits.errors import UsageError, unknown

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
OneOrMore = Union[T, Iterable[T]]  # noqa: UP007 - a generic alias takes this form
MANY = (tuple, Iterable, collections.abc.Sequence)
NUMBERS: dict[Any, Any] = {int: numbers.Integral, float: numbers.Real}  # those of numpy too
WORDS = {
    str: "text",
    Path: "a path",
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    types.NoneType: "None",
    collections.abc.Callable: "a function",
    collections.abc.Mapping: "a mapping",
}
MOST_SHOWN = 60  # characters of a value that was refused


def several(given: OneOrMore[T]) -> list[T]:
    """What was given, as a list; a string or anything else that is no iterable is one."""
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        return [given]
    return list(given)


def several_or_all(given: OneOrMore[T] | None, name: str) -> list[T]:
    """The same; None, which is nothing, stands for all. Raises UsageError on an empty list, which stands for none."""
    found = [] if given is None else several(given)
    if given is not None and not found:
        raise UsageError(f"{name}: an empty list. Leave it out for all, or name one.")
    return found


def as_path(given: str | os.PathLike[str], name: str) -> Path:
    """A path. Raises UsageError where it is none, or none that the system can take."""
    try:
        path = Path(os.fspath(given))
        os.lstat(path)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise _refused(name, "a path of a length that the system takes", given) from error
    except Exception as error:  # no path, one with a zero byte or half a character in it, or an object that fails
        raise _refused(name, "a path", given) from error
    return path


def checked(target: F) -> F:
    """A function, or a dataclass, whose arguments are compared with their annotations when it is called."""
    if isinstance(target, type):
        target.__init__ = checked(target.__init__)  # type: ignore[misc]
        return target
    signature = inspect.signature(target)
    title = target.__qualname__.removesuffix(".__init__")
    hints = functools.cache(lambda: typing.get_type_hints(target))

    @functools.wraps(target)
    def called(*arguments: Any, **named: Any) -> Any:
        bound = _bound(signature, title, arguments, named)
        for name, value in bound.arguments.items():
            if signature.parameters[name].kind is not inspect.Parameter.VAR_KEYWORD and name in hints():
                bound.arguments[name] = _taken(hints()[name], value, name)
        return target(*bound.args, **bound.kwargs)

    return typing.cast(F, called)


def _bound(
    signature: inspect.Signature, title: str, arguments: tuple[Any, ...], named: dict[str, Any]
) -> inspect.BoundArguments:
    """The arguments by name. Raises UsageError where one is missing, or there is none of that name."""
    try:
        return signature.bind(*arguments, **named)
    except TypeError as error:
        known = [name for name in signature.parameters if name != "self"]
        for name in named.keys() - set(known):
            raise unknown(f"argument of {title}", name, known) from error
        raise UsageError(f"{title}: {error}") from error


def _taken(kind: Any, value: Any, name: str) -> Any:
    """The value, as one of the kinds that an annotation names. Raises UsageError."""
    kinds = typing.get_args(kind) if typing.get_origin(kind) in (types.UnionType, Union) else (kind,)
    if Path in kinds and isinstance(value, str | os.PathLike):
        path = as_path(value, name)
        return value if isinstance(value, str) and str in kinds else path
    for one in kinds:
        if _fits(one, value):
            return _as(one, value, name)
    raise _refused(name, " or ".join(dict.fromkeys(map(_word, kinds))), value)


def _fits(kind: Any, value: Any) -> bool:
    """Whether a value is of a kind; of many values, it is left to `_as` whether each is."""
    origin = typing.get_origin(kind) or kind
    if origin in NUMBERS:
        return isinstance(value, NUMBERS[origin]) and not isinstance(value, bool)
    if origin in MANY:
        return isinstance(value, Iterable) and not isinstance(value, str | bytes)
    if origin is collections.abc.Callable:
        return callable(value)
    return origin is Any or isinstance(value, origin)


def _as(kind: Any, value: Any, name: str) -> Any:
    """A value that fits a kind: a number as Python's own, and of many values each as its kind says."""
    origin = typing.get_origin(kind) or kind
    if origin in NUMBERS and not isinstance(value, int | float):
        return origin(value)  # of numpy: no JSON takes these
    if origin in MANY:
        return tuple(_taken(typing.get_args(kind)[0], one, name) for one in _listed(value, name))
    return value


def _listed(value: Iterable[Any], name: str) -> list[Any]:
    try:
        return list(value)
    except TypeError as error:  # it has what an iterable has, and is none: an array without a dimension
        raise _refused(name, "several", value) from error


def _word(kind: Any) -> str:
    origin = typing.get_origin(kind) or kind
    if origin in MANY:
        return f"several: {_word(typing.get_args(kind)[0])}"
    return WORDS.get(origin) or origin.__name__


def _refused(name: str, wanted: str, value: object) -> UsageError:
    shown = repr(value).encode(errors="backslashreplace").decode().partition("\n")[0]
    cut = shown if len(shown) <= MOST_SHOWN else f"{shown[:MOST_SHOWN]}…"
    return UsageError(f"{name}: {wanted} wanted, {type(value).__name__} {cut} given")
