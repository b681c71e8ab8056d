"""A process of its own for each model file, with limits on memory and time: `open_apart(path, row)`.

A model file is a program for its runtime. Here it may crash, loop or ask for all memory, and what the caller
sees is a ModelFileError. The process imports no torch, so it starts in a fifth of a second.

What crosses the pipes is data (`runtime/safety/messages.py`). Limits are those of `safety.BOUNDS`, more seconds for
an engine that is slow; memory and computing time are limited where the system can (POSIX), the time until an
answer everywhere.
"""

import os
import sys
import weakref
from collections.abc import Callable
from pathlib import Path

import numpy as np

from edgedigits.errors import EdgeDigitsError, MissingCapability
from edgedigits.export.formats import Format, get_format
from edgedigits.records.artifact import Contract
from edgedigits.runtime import remote
from edgedigits.runtime.engines import engine_for
from edgedigits.runtime.predictor import PREDICTORS, Predictor
from edgedigits.runtime.readers import Description, describe
from edgedigits.runtime.safety import messages
from edgedigits.runtime.safety.messages import Array, Message
from edgedigits.runtime.safety.process import Child, limit_memory, limit_time
from edgedigits.runtime.session import open_here

_children: "weakref.WeakValueDictionary[tuple[Path, Path, str], Child]" = weakref.WeakValueDictionary()


def open_apart(path: Path, row: Format, engine: str | None = None, setting: str | None = None) -> Predictor:
    """A file of a format as a Predictor that answers from a process of its own; arguments as of `open_here`.

    All settings of one file in an engine share its process, for as long as one of their Predictors is in use. Raises
    ModelFileError, UsageError and MissingCapability.
    """
    chosen = engine_for(row.container, engine)
    key = (Path.cwd(), path, chosen.name)
    child = _children.get(key)
    if child is None or not child.alive:
        chosen.version()  # or says what is missing; here it can be installed, and that process may not write
        child = _children[key] = Child(path, chosen.patience)
    about, _ = child.ask({"do": "load", "format": row.name, "engine": chosen.name, "setting": setting})
    contract = Contract.from_dict(about.get("contract"))
    session = remote.session(child.ask, len(contract.outputs), about.get("number"))  # it keeps the process
    return PREDICTORS[row.input](contract, *session)


def describe_apart(path: Path, row: Format) -> Description:
    """What a file of a format holds, read in a process of its own. Raises ModelFileError."""
    about, _ = Child(path).ask({"do": "describe", "format": row.name})
    return Description.from_dict(about.get("description"))


def main() -> None:
    """Answer requests from stdin on stdout until stdin ends. Arguments: bytes of memory, seconds of a request."""
    memory_bytes, cpu_seconds = map(int, sys.argv[1:])
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is no answer
    limit_memory(memory_bytes)
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


def _load(request: Message, _: list[Array], loaded: list[Predictor]) -> tuple[Message, list[Array]]:
    row = get_format(request["format"])
    predictor = open_here(Path(request["path"]), row, request["engine"], request["setting"])
    loaded.append(predictor)
    return {"number": len(loaded) - 1, "contract": predictor.contract.to_dict()}, []


def _call(request: Message, arrays: list[Array], loaded: list[Predictor]) -> tuple[Message, list[Array]]:
    return {}, list(loaded[request["number"]].call(arrays[0]))


def _each(request: Message, arrays: list[Array], loaded: list[Predictor]) -> tuple[Message, list[Array]]:
    predictor, (images,) = loaded[request["number"]], arrays
    if predictor.each:
        return {}, list(predictor.each(images))
    answers = [predictor.call(images[index : index + 1]) for index in range(len(images))]
    return {}, [np.concatenate(parts) for parts in zip(*answers, strict=True)]


def _clock(request: Message, arrays: list[Array], loaded: list[Predictor]) -> tuple[Message, list[Array]]:
    inputs = arrays if request["several"] else arrays[0]
    return {}, [np.array(loaded[request["number"]].seconds(inputs, request["calls"]))]


def _describe(request: Message, _: list[Array], __: list[Predictor]) -> tuple[Message, list[Array]]:
    description = describe(Path(request["path"]), get_format(request["format"]))
    return {"description": description.to_dict()}, []


Action = Callable[[Message, list[Array], list[Predictor]], tuple[Message, list[Array]]]
ACTIONS: dict[str, Action] = {"load": _load, "call": _call, "each": _each, "clock": _clock, "describe": _describe}
