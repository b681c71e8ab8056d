"""Pickles, read without being obeyed: every opcode does what it says to plain values, and none calls anything.

A pickle is a program for a small machine with a stack and a memo (`pickletools` documents it). Here classes and
functions stay the names that they are. What one of them would return is known for those of `rebuilding`; every other
call becomes an Instance, which says what would have been called with what.
"""

import io
import pickletools
from collections.abc import Callable
from typing import Any

from edgedigits.adopt.inert import rebuilding
from edgedigits.adopt.inert.values import Budget, Instance, Key, Name
from edgedigits.runtime.safety import Refused

MEMO = 1 << 32  # the largest index into the memo
KEYS = 1 << 60  # whole numbers below it have hashes of their own, so that no mapping of them is slow
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
FRESH: dict[str, Callable[[], Any]] = {"EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_SET": list}
NOTHING = ("PROTO", "FRAME")
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
Find = Callable[[Any], Any]  # what a persistent id stands for


class Interpreter:
    """Runs pickles one after the other, as a file holds them.

    find     what a persistent id stands for: torch keeps its storages outside the pickle. Raises Refused
    budget   that all pickles of a file share
    nested   reads a file of storages inside a file, where a pickle holds one as bytes
    """

    def __init__(self, find: Find, budget: Budget, nested: Callable[[bytes], Any]) -> None:
        self.find = find
        self.budget = budget
        self.nested = nested
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []  # stacks under the marks
        self.memo: dict[int, Any] = {}

    def run(self, stream: io.BytesIO) -> Any:
        """The value of the pickle that begins here; the stream is behind it then. Raises Refused, and ValueError,
        IndexError, KeyError and TypeError where it is damaged."""
        self.stack, self.below, self.memo = [], [], {}
        for opcode, argument, _ in pickletools.genops(stream):
            self.budget.step()
            name = opcode.name
            if name in CONSTANTS:
                self.stack.append(CONSTANTS[name])
            elif name in FRESH:
                self.stack.append(FRESH[name]())
            elif name in TUPLES:
                self._tuple(TUPLES[name])
            elif name in ACTIONS:
                ACTIONS[name](self, argument)
            elif name not in NOTHING:
                self._value(name, argument)
        return self.stack.pop()

    def _value(self, name: str, argument: Any) -> None:
        """A number, text or bytes that stands in the pickle itself."""
        if argument is None or name.startswith("EXT"):
            raise Refused(f"a pickle with {name}, which needs what is outside the file")
        if isinstance(argument, int):
            self.budget.number(argument)
        self.stack.append(argument)

    def _tuple(self, count: int) -> None:
        if len(self.stack) < count:
            raise IndexError("the stack is too short")
        self.stack[-count:] = [tuple(self.stack[-count:])]

    def _marked(self) -> list[Any]:
        """What has been put onto the stack since the last mark, which goes."""
        items = self.stack
        self.stack = self.below.pop()
        return items

    def _mark(self, _: Any) -> None:
        self.below.append(self.stack)
        self.stack = []

    def _pop(self, _: Any) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self._marked()

    def _push_marked(self, make: Callable[[list[Any]], Any]) -> None:
        made = make(self._marked())
        self.stack.append(made)

    def _append(self, _: Any) -> None:
        value = self.stack.pop()
        self._extend(self.stack[-1], [value])

    def _appends(self, _: Any) -> None:
        values = self._marked()
        self._extend(self.stack[-1], values)

    def _extend(self, target: Any, values: list[Any]) -> None:
        if isinstance(target, list):
            target.extend(values)
        elif isinstance(target, Instance):
            target.items.extend(values)
        else:
            raise TypeError(f"values for a {type(target).__name__}")

    def _setitem(self, _: Any) -> None:
        pair = self.stack[-2:]
        del self.stack[-2:]
        _set(self.stack[-1], pair)

    def _setitems(self, _: Any) -> None:
        flat = self._marked()
        _set(self.stack[-1], flat)

    def _put(self, index: int) -> None:
        if not 0 <= index < MEMO:
            raise Refused(f"a memo of {index:,} entries")
        self.memo[index] = self.stack[-1]

    def _get(self, index: int) -> None:
        self.stack.append(self.memo[index])

    def _global(self, both: str) -> None:
        module, _, name = both.partition(" ")
        self.stack.append(_name(module, name))

    def _stack_global(self, _: Any) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self.stack.append(_name(module, name))

    def _reduce(self, _: Any) -> None:
        arguments, called = self.stack.pop(), self.stack.pop()
        self.stack.append(self._called(called, arguments))

    def _newobj(self, _: Any) -> None:
        arguments, called = self.stack.pop(), self.stack.pop()
        self.stack.append(self._called(called, arguments))

    def _newobj_ex(self, _: Any) -> None:
        named, arguments, called = self.stack.pop(), self.stack.pop(), self.stack.pop()
        self.stack.append(self._called(called, (*_tuple_of(arguments), named) if named else arguments))

    def _inst(self, both: str) -> None:
        module, _, name = both.partition(" ")
        arguments = tuple(self._marked())
        self.stack.append(self._called(_name(module, name), arguments))

    def _obj(self, _: Any) -> None:
        called, *arguments = self._marked()
        self.stack.append(self._called(called, tuple(arguments)))

    def _called(self, called: Any, arguments: Any) -> Any:
        """What a call would return, where that is known; else an Instance that stands for it."""
        given = _tuple_of(arguments)
        if not isinstance(called, Name):
            return Instance("?", (called, *given))
        if called.path in rebuilding.NESTED:
            return self.nested(rebuilding.as_bytes(given[0]))
        known = rebuilding.KNOWN.get(called.path)
        return known(self.budget, *given) if known else Instance(called.path, given)

    def _build(self, _: Any) -> None:
        state = self.stack.pop()
        target = self.stack[-1]
        if isinstance(target, Instance):
            target.state = state
        # what else has a state, a mapping's or a tensor's attributes, holds nothing of the network in it

    def _persid(self, key: Any) -> None:
        self.stack.append(self.find(key))

    def _binpersid(self, _: Any) -> None:
        self.stack.append(self.find(self.stack.pop()))

    def _memoize(self, _: Any) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    def _dup(self, _: Any) -> None:
        self.stack.append(self.stack[-1])

    def _stop(self, _: Any) -> None:
        if self.below:
            raise ValueError("a mark is left at the end")


def _tuple_of(arguments: Any) -> tuple[Any, ...]:
    if not isinstance(arguments, tuple):
        raise TypeError(f"a call with a {type(arguments).__name__}")
    return arguments


def _name(module: Any, name: Any) -> Name:
    if not isinstance(module, str) or not isinstance(name, str):
        raise TypeError("a class without a name")
    return Name(f"{module}.{name}")


def _set(target: Any, flat: list[Any]) -> None:
    """Put keys and values, one after the other, into a mapping or what stands for one."""
    pairs = [(flat[index], flat[index + 1]) for index in range(0, len(flat), 2)]
    if isinstance(target, dict):
        target.update((_key(key), value) for key, value in pairs)
    elif isinstance(target, Instance):
        target.items.extend(pairs)
    else:
        raise TypeError(f"entries for a {type(target).__name__}")


def _key(value: Any) -> Any:
    """A key as it is where that is plain, and cheap to look up; else one that is equal to nothing else."""
    plain = value is None or isinstance(value, str | bool | float | bytes)
    return value if plain or (isinstance(value, int) and abs(value) < KEYS) else Key(value)


def mapping(pairs: list[Any]) -> dict[Any, Any]:
    """A mapping of keys and values, one after the other."""
    made: dict[Any, Any] = {}
    _set(made, pairs)
    return made


ACTIONS: dict[str, Callable[[Interpreter, Any], None]] = {
    "MARK": Interpreter._mark,
    "STOP": Interpreter._stop,
    "POP": Interpreter._pop,
    "DUP": Interpreter._dup,
    "POP_MARK": lambda machine, _: _drop(machine._marked()),
    "TUPLE": lambda machine, _: machine._push_marked(tuple),
    "LIST": lambda machine, _: machine._push_marked(list),
    "FROZENSET": lambda machine, _: machine._push_marked(list),
    "DICT": lambda machine, _: machine._push_marked(mapping),
    "APPEND": Interpreter._append,
    "APPENDS": Interpreter._appends,
    "ADDITEMS": Interpreter._appends,
    "SETITEM": Interpreter._setitem,
    "SETITEMS": Interpreter._setitems,
    "PUT": Interpreter._put,
    "BINPUT": Interpreter._put,
    "LONG_BINPUT": Interpreter._put,
    "MEMOIZE": Interpreter._memoize,
    "GET": Interpreter._get,
    "BINGET": Interpreter._get,
    "LONG_BINGET": Interpreter._get,
    "GLOBAL": Interpreter._global,
    "STACK_GLOBAL": Interpreter._stack_global,
    "REDUCE": Interpreter._reduce,
    "NEWOBJ": Interpreter._newobj,
    "NEWOBJ_EX": Interpreter._newobj_ex,
    "INST": Interpreter._inst,
    "OBJ": Interpreter._obj,
    "BUILD": Interpreter._build,
    "PERSID": Interpreter._persid,
    "BINPERSID": Interpreter._binpersid,
}


def _drop(_: list[Any]) -> None:
    """Values that a pickle throws away."""
