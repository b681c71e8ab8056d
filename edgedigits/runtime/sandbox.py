"""A process of its own for each model file, with limits on memory and time: `open_apart(opening)`.

A model file is a program for its runtime. Here it may crash, loop or ask for all memory, and what the caller
sees is a ModelFileError. The process imports no torch, so it starts in a fifth of a second.

What crosses the pipes is data (`runtime/safety/messages.py`), the file's bytes too: what is opened anew, after a fork
or a crash, is what was opened before. Limits are those of `safety.BOUNDS`, more seconds for an engine that is slow;
memory and computing time are limited where the system can (POSIX), the time until an answer everywhere.
"""

import functools
import hashlib
import os
import sys
import weakref
from collections.abc import Callable
from pathlib import Path

import numpy as np

from edgedigits.errors import EdgeDigitsError, MissingCapability
from edgedigits.export.formats import get_format
from edgedigits.records.artifact import Contract
from edgedigits.runtime import remote
from edgedigits.runtime.engines import Engine, engine_for
from edgedigits.runtime.predictor import PREDICTORS, Predictor, Session
from edgedigits.runtime.readers import Description, describe
from edgedigits.runtime.safety import messages
from edgedigits.runtime.safety.messages import Array, Message
from edgedigits.runtime.safety.process import Child, limit_memory, limit_time
from edgedigits.runtime.session import Lasting, Opening, open_here

_children: "weakref.WeakValueDictionary[tuple[Path, str, str], Child]" = weakref.WeakValueDictionary()


def open_apart(opening: Opening) -> tuple[Contract, Session]:
    """A file in a process of its own; all settings of one file in an engine share it.

    It lasts as long as a session in it is in use. Raises ModelFileError, UsageError and MissingCapability.
    """
    engine = engine_for(opening.format.container, opening.engine)
    child = _child(opening, engine)
    request: Message = {
        "do": "load",
        "format": opening.format.name,
        "engine": engine.name,
        "setting": opening.setting,
        "foreign": opening.foreign,
    }
    about, _ = child.ask(request, [_bytes(opening)])
    contract = Contract.from_dict(about.get("contract"))
    session = remote.session(child.ask, len(contract.outputs), about.get("number"))  # it keeps the process
    return contract, session._replace(alive=functools.partial(_lives, child))


def describe_apart(opening: Opening) -> Description:
    """What a file of a format holds, read in a process of its own. Raises ModelFileError and MissingCapability."""
    about, _ = Child(opening.path).ask({"do": "describe", "format": opening.format.name}, [_bytes(opening)])
    return Description.from_dict(about.get("description"))


def _child(opening: Opening, engine: Engine) -> Child:
    """The process that these bytes have in an engine already, or a new one; in a forked process, none lives."""
    key = (opening.path, hashlib.sha256(opening.content).hexdigest(), engine.name)
    child = _children.get(key)
    if child is None or not child.alive:
        engine.ready()  # or says what is missing; here it can be installed, and that process may not write
        child = _children[key] = Child(opening.path, engine.patience)
    return child


def _lives(child: Child) -> bool:
    return child.alive


def _bytes(opening: Opening) -> Array:
    return np.frombuffer(opening.content, np.uint8)


def main() -> None:
    """Answer requests from stdin on stdout until stdin ends. Arguments: bytes of memory, seconds of a request."""
    memory_bytes, cpu_seconds = map(int, sys.argv[1:])
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is no answer
    limit_memory(memory_bytes)
    messages.send(answers, {"do": "greet"})
    loaded: list[Predictor] = []
    while True:
        try:
            request, arrays = messages.receive(requests)
        except EOFError:
            return
        limit_time(cpu_seconds)
        try:
            answer, results = ACTIONS[request["do"]](request, arrays, loaded)
        except MemoryError:
            said = f"{request['path']}: needs more than {memory_bytes:,} bytes of memory."
            answer, results = {"error": said, "missing": False}, []
        except EdgeDigitsError as error:
            answer, results = {"error": str(error), "missing": isinstance(error, MissingCapability)}, []
        messages.send(answers, answer, results)


def _load(request: Message, arrays: list[Array], loaded: list[Predictor]) -> tuple[Message, list[Array]]:
    row, content = get_format(request["format"]), arrays[0].tobytes()
    opening = Opening(Path(request["path"]), row, content, request["engine"], request["setting"], request["foreign"])
    contract, session = open_here(opening)
    lasting = Lasting(lambda: open_here(opening)[1], session)  # it may have a program of its own, which may end
    loaded.append(PREDICTORS[row.input](contract, lasting))
    return {"number": len(loaded) - 1, "contract": contract.to_dict()}, []


def _call(request: Message, arrays: list[Array], loaded: list[Predictor]) -> tuple[Message, list[Array]]:
    return {}, list(loaded[request["number"]].session.call(arrays[0]))


def _each(request: Message, arrays: list[Array], loaded: list[Predictor]) -> tuple[Message, list[Array]]:
    session, (images,) = loaded[request["number"]].session, arrays
    if session.each:
        return {}, list(session.each(images))
    answers = [session.call(images[index : index + 1]) for index in range(len(images))]
    return {}, [np.concatenate(parts) for parts in zip(*answers, strict=True)]


def _clock(request: Message, arrays: list[Array], loaded: list[Predictor]) -> tuple[Message, list[Array]]:
    inputs = arrays if request["several"] else arrays[0]
    return {}, [np.array(loaded[request["number"]].seconds(inputs, request["calls"]))]


def _describe(request: Message, arrays: list[Array], _: list[Predictor]) -> tuple[Message, list[Array]]:
    description = describe(Path(request["path"]), get_format(request["format"]), arrays[0].tobytes())
    return {"description": description.to_dict()}, []


Action = Callable[[Message, list[Array], list[Predictor]], tuple[Message, list[Array]]]
ACTIONS: dict[str, Action] = {"load": _load, "call": _call, "each": _each, "clock": _clock, "describe": _describe}
