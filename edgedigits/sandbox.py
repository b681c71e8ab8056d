"""A process of its own for each model file, with limits on memory and time: `load(path, "onnx")`.

A model file is a program for its runtime. Here it may crash, loop or ask for all memory, and what the caller
sees is a ModelFileError. The process imports no torch, so it starts in a fifth of a second.

What crosses the pipes is data (`edgedigits/messages.py`). Limits are those of `safety.BOUNDS`, more seconds for
an engine that is slow; memory and computing time are limited where the system can (POSIX), the time until an
answer everywhere.
"""

import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from edgedigits import engines, formats, messages
from edgedigits.errors import EdgeDigitsError, MissingCapability, ModelFileError
from edgedigits.formats import Description, Predictor
from edgedigits.formats.onnx import open_session
from edgedigits.messages import Array, Message
from edgedigits.records import Contract
from edgedigits.safety import BOUNDS

WATCH = 0.1  # seconds between two looks at the clock
START = "import sys; sys.path.insert(0, sys.argv.pop(1)); from edgedigits.sandbox import main; main()"
_children: "weakref.WeakValueDictionary[tuple[Path, Path, str], Child]" = weakref.WeakValueDictionary()


def load(path: Path, format_name: str, setting: str | None = None, engine: str = engines.DEFAULT) -> Predictor:
    """A file as a Predictor that answers from a process of its own. Raises ModelFileError, and MissingCapability.

    All settings of one file in an engine share its process, for as long as one of their Predictors is in use.
    """
    key = (Path.cwd(), path, engine)
    child = _children.get(key)
    if child is None or not child.alive:
        child = _children[key] = Child(path, engines.get(engine).PATIENCE)
    about, _ = child.ask({"do": "load", "format": format_name, "engine": engine, "setting": setting})
    contract = Contract.from_dict(about.get("contract"))
    session = messages.session(child.ask, len(contract.outputs), about.get("number"))  # it keeps the process
    return formats.get(format_name).PREDICTOR(contract, *session)


def describe(path: Path, format_name: str) -> Description:
    """What a file holds, read in a process of its own. Raises ModelFileError."""
    about, _ = Child(path).ask({"do": "describe", "format": format_name})
    return Description.from_dict(about.get("description"))


class Child:
    """The process of one file. It ends with this object, and with the caller, however that ends.

    patience   times the seconds of BOUNDS that a request may take
    """

    def __init__(self, path: Path, patience: int = 1) -> None:
        self.path, self.patience = path, patience
        arguments = (Path(__file__).parents[1], str(BOUNDS.memory_bytes), str(patience * BOUNDS.cpu_seconds))
        self.lock = threading.Lock()
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-B", "-c", START, *arguments],  # -P: nothing is imported from the current folder
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.watch = _Watch(self.process, patience)
        weakref.finalize(self, _end, self.process)

    @property
    def alive(self) -> bool:
        """Whether it can still be asked."""
        return self.process.poll() is None

    def ask(self, request: Message, arrays: Sequence[Array] = ()) -> tuple[Message, list[Array]]:
        """Send a request and wait for its answer. Raises ModelFileError when there is none, or it says so."""
        assert self.process.stdin
        assert self.process.stdout
        with self.lock, self.watch:
            try:
                messages.send(self.process.stdin, {**request, "path": str(self.path)}, arrays)
                answer, found = messages.receive(self.process.stdout)
            except Exception as error:  # whatever a process that went astray sends, or does not
                _end(self.process)
                raise ModelFileError(f"{self.path}: {self._cause()}. Do not use this file.") from error
            except BaseException:  # interrupted: the answer to come would be taken for that of the next request
                _end(self.process)
                raise
        if "error" in answer:
            raise (MissingCapability if answer.get("missing") else ModelFileError)(str(answer["error"]))
        return answer, found

    def _cause(self) -> str:
        """Why there was no answer, from how the process ended."""
        code = self.process.returncode
        if self.watch.expired:
            return f"no answer for {self.patience * BOUNDS.wall_seconds} seconds"
        if code == -getattr(signal, "SIGXCPU", 0):
            return f"no answer after {self.patience * BOUNDS.cpu_seconds} seconds of computing"
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return f"the process that read it ended early ({how})"


class _Watch:
    """Kills a process that lets a caller wait too long: `with watch:` is the time that counts."""

    def __init__(self, process: "subprocess.Popen[bytes]", patience: int) -> None:
        self.patience = patience
        self.due = float("inf")
        self.expired = False
        threading.Thread(target=self._look, args=(process,), daemon=True).start()

    def __enter__(self) -> None:
        self.due = time.monotonic() + self.patience * BOUNDS.wall_seconds

    def __exit__(self, *_: object) -> None:
        self.due = float("inf")

    def _look(self, process: "subprocess.Popen[bytes]") -> None:
        while process.returncode is None:
            if time.monotonic() > self.due:
                self.expired = True
                process.kill()
                return
            time.sleep(WATCH)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Close the pipes of a process, and make sure that it ends."""
    for pipe in (process.stdin, process.stdout):
        if pipe:
            with suppress(OSError):
                pipe.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=1)  # it may be on its way: then its own exit code says why
    process.kill()
    process.wait()


# The other side: what runs in the process


def main() -> None:
    """Answer requests from stdin on stdout until stdin ends. Arguments: bytes of memory, seconds of a request."""
    memory_bytes, cpu_seconds = map(int, sys.argv[1:])
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is no answer
    _limit_memory(memory_bytes)
    loaded: list[Predictor] = []
    while True:
        try:
            request, arrays = messages.receive(requests)
        except EOFError:
            return
        _limit_time(cpu_seconds)
        try:
            answer, results = ACTIONS[request["do"]](request, arrays, loaded)
        except MemoryError:
            said = f"{request['path']}: needs more than {memory_bytes:,} bytes of memory."
            answer, results = {"error": said, "missing": False}, []
        except EdgeDigitsError as error:
            answer, results = {"error": str(error), "missing": isinstance(error, MissingCapability)}, []
        messages.send(answers, answer, results)


def _load(request: Message, _: list[Array], loaded: list[Predictor]) -> tuple[Message, list[Array]]:
    module = formats.get(request["format"])
    predictor = module.PREDICTOR(*open_session(Path(request["path"]), request["setting"], request["engine"]))
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
    description = formats.get(request["format"]).describe(Path(request["path"]))
    return {"description": description.to_dict()}, []


Action = Callable[[Message, list[Array], list[Predictor]], tuple[Message, list[Array]]]
ACTIONS: dict[str, Action] = {"load": _load, "call": _call, "each": _each, "clock": _clock, "describe": _describe}


def _limit_memory(most_bytes: int) -> None:
    """Bound the address space, and allow no core files and no writing; a program started from here may lift it."""
    with suppress(ImportError):  # no POSIX
        import resource

        for kind, most in (
            (resource.RLIMIT_AS, most_bytes),
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_FSIZE, 0),
        ):
            with suppress(OSError, ValueError):  # a system that does not know this one, or a stricter limit
                resource.setrlimit(kind, (most, resource.getrlimit(kind)[1]))


def _limit_time(seconds: int) -> None:
    """Allow the request that begins now its seconds of computing; the system ends what takes more."""
    with suppress(ImportError):
        import resource

        most = int(time.process_time()) + 1 + seconds
        resource.setrlimit(resource.RLIMIT_CPU, (most, resource.getrlimit(resource.RLIMIT_CPU)[1]))
