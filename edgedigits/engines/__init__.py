"""The engines that run an ONNX file in the end, one file each. Adding an engine is adding a file here, and its test.

An engine is a module with the attributes of `Engine`. `verify --engine NAME` puts the same questions to each. All
are opened by `formats.onnx.open_session`, so none gets bytes that have not passed `safety.check_onnx`, and by
commands in a process of its own (`edgedigits/sandbox.py`).
"""

import importlib
import io
import os
import pkgutil
import subprocess
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np

from edgedigits.errors import MissingCapability, unknown
from edgedigits.records import Contract, EngineRef
from edgedigits.safety import BOUNDS

if TYPE_CHECKING:
    from edgedigits.formats import Session

NAMES = tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))
DEFAULT = "onnxruntime"
LIFT = "; ".join(f"ulimit -S -{limit} $(ulimit -H -{limit})" for limit in "vft")  # memory, bytes of files, seconds


class Engine(Protocol):
    """What a file in this folder provides.

    SETTINGS   how it can be set otherwise, as of a Format; the first is the default; empty where only one is tried
    PATIENCE   how many times the seconds of BOUNDS a request may take: 1 for an engine that was made to be fast
    """

    SETTINGS: tuple[str, ...]
    PATIENCE: int

    def version(self) -> str:
        """Of what answers. Raises MissingCapability where this machine lacks it, and says how to get it."""

    def session(self, serialized: bytes, contract: Contract, setting: str | None) -> "Session":
        """The model, on one thread, ready to give the outputs of its contract for one input at a time.

        What it raises, here and when it answers, is the engine's own: `words` says it.
        """

    def words(self, error: Exception) -> str:
        """What an error of this engine says, on a line."""


def get(name: str) -> Engine:
    """The engine of that name. Raises UsageError, with the nearest name, where there is none."""
    if name not in NAMES:
        raise unknown("engine", name, NAMES)
    return cast(Engine, importlib.import_module(f"{__name__}.{name}"))


def find(name: str) -> EngineRef:
    """The engine of that name as it is on this machine. Raises UsageError, and MissingCapability where it lacks."""
    return EngineRef(name, get(name).version())


def missing(package: str, extra: str) -> MissingCapability:
    """The error where a Python package is not installed, which names the extra that brings it."""
    return MissingCapability(f"engine {extra} needs {package}: pip install 'edgedigits[{extra}]'")


def start(command: Sequence[str], script: str = 'exec "$@"') -> "subprocess.Popen[bytes]":
    """Start an engine's program from the process of a file, with other limits than Python's.

    Such programs reserve more addresses than they use, so that what is limited is the memory that they use.

    script   a shell's, which runs the command as "$@"
    """
    limits = f"{LIFT}; ulimit -S -d {BOUNDS.memory_bytes >> 10}; {script}"
    shell = ["sh", "-c", limits, "sh"] if os.name == "posix" else []  # elsewhere there are no limits
    pipe = subprocess.PIPE
    return subprocess.Popen([*shell, *command], stdin=pipe, stdout=pipe, stderr=pipe)


def remote(exchange: Callable[[bytes], bytes], serialized: bytes, contract: Contract) -> "Session":
    """A session in a program that answers messages as `answers.mjs` does; `exchange` sends one and waits for the other.

    What goes wrong there is a RuntimeError.
    """
    from edgedigits import messages

    def ask(
        request: messages.Message, arrays: Sequence[messages.Array]
    ) -> tuple[messages.Message, list[messages.Array]]:
        answer, found = messages.receive(io.BytesIO(exchange(messages.packed(request, arrays))))
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer, found

    outputs = [output.name for output in contract.outputs]
    ask({"do": "load", "input": contract.input.name, "outputs": outputs}, [np.frombuffer(serialized, np.uint8)])
    return messages.session(ask, len(outputs))
