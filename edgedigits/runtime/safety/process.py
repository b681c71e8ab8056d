"""Processes for model files and for the programs of engines: how they are started, limited, watched and ended."""

import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from edgedigits.errors import EdgeDigitsError, MissingCapability, ModelFileError
from edgedigits.runtime.safety import BOUNDS, messages
from edgedigits.runtime.safety.messages import Array, Message

ROOT = Path(__file__).parents[3]  # where this package is imported from
LIFT = "; ".join(f"ulimit -S -{limit} $(ulimit -H -{limit})" for limit in "vft")  # memory, bytes of files, seconds
WATCH = 0.1  # seconds between two looks at the clock
START = "import sys; sys.path.insert(0, sys.argv.pop(1)); from edgedigits.runtime.sandbox import main; main()"


class Child:
    """The process of one file. It ends with this object, and with the caller, however that ends.

    patience   times the seconds of BOUNDS that a request may take

    Raises MissingCapability where no process can be started; what a file does there is a ModelFileError.
    """

    def __init__(self, path: Path, patience: int = 1) -> None:
        self.path, self.patience = path, patience
        self.lock = threading.Lock()
        self.greeted = False
        self.process = self._start(str(ROOT), str(BOUNDS.memory_bytes), str(patience * BOUNDS.cpu_seconds))
        weakref.finalize(self, end, self.process)
        try:
            self.watch = Watch(self.process, patience)
        except RuntimeError as error:
            raise self._none(f"the system starts no thread to watch it ({error})") from error

    @property
    def alive(self) -> bool:
        """Whether it can still be asked: never in a forked process, since it is the child of another."""
        return self.process.poll() is None

    def ask(self, request: Message, arrays: Sequence[Array] = ()) -> tuple[Message, list[Array]]:
        """Send a request and wait for its answer. Raises ModelFileError when there is none, or it says so."""
        with self.lock, self.watch:
            try:
                self._greet()
                messages.send(_pipe(self.process.stdin), {**request, "path": str(self.path)}, arrays)
                answer, found = messages.receive(_pipe(self.process.stdout))
            except EdgeDigitsError:
                raise
            except Exception as error:  # whatever a process that went astray sends, or does not
                end(self.process)
                raise ModelFileError(f"{self.path}: {self._cause()}. Do not use this file.") from error
            except BaseException:  # interrupted: the answer to come would be taken for that of the next request
                end(self.process)
                raise
        if "error" in answer:
            raise (MissingCapability if answer.get("missing") else ModelFileError)(str(answer["error"]))
        return answer, found

    def _start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        if getattr(sys, "frozen", False):  # set by PyInstaller, cx_Freeze, py2exe: it would start the application again
            raise self._none("in an application that was frozen there is no Python to start one with")
        if not sys.executable:
            raise self._none("this interpreter is part of another program, and has no Python to start one with")
        alone = ("-P", "-B")  # nothing is imported from the current folder, and nothing written
        try:
            return started([sys.executable, *alone, "-c", START, *arguments], stderr=subprocess.DEVNULL)
        except OSError as error:
            raise self._none(f"the system starts none ({error.strerror})") from error

    def _greet(self) -> None:
        """Wait until the process says that it has begun: before that, whatever fails is not the file's fault."""
        if self.greeted:
            return
        try:
            messages.receive(_pipe(self.process.stdout))
        except Exception as error:
            end(self.process)
            raise self._none(f"{sys.executable} does not start as Python does ({self._ending()})") from error
        self.greeted = True

    def _none(self, reason: str) -> MissingCapability:
        return MissingCapability(
            f"{self.path}: would be run in a process of its own, and {reason}.\n"
            "A file that you trust needs none: in Python, isolated=False, or opener=edgedigits.Opener(isolated=False)."
        )

    def _cause(self) -> str:
        """Why there was no answer, from how the process ended."""
        if not self.watch.expired and self.process.returncode == -getattr(signal, "SIGXCPU", 0):
            return f"no answer after {self.patience * BOUNDS.cpu_seconds} seconds of computing"
        return self._ending() if self.watch.expired else f"the process that read it {self._ending()}"

    def _ending(self) -> str:
        if self.watch.expired:
            return f"no answer for {self.patience * BOUNDS.wall_seconds} seconds"
        code = self.process.returncode
        return f"ended early ({signal.Signals(-code).name if code < 0 else f'exit code {code}'})"


class Watch:
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


def start_program(command: Sequence[str], script: str = 'exec "$@"') -> "subprocess.Popen[bytes]":
    """Start an engine's program from the process of a file, with other limits than Python's.

    Such programs reserve more addresses than they use, so that what is limited is the memory that they use.

    script   a shell's, which runs the command as "$@"
    """
    limits = f"{LIFT}; ulimit -S -d {BOUNDS.memory_bytes >> 10}; {script}"
    shell = ["sh", "-c", limits, "sh"] if os.name == "posix" else []  # elsewhere there are no limits
    return started([*shell, *command], stderr=subprocess.PIPE)


def started(command: Sequence[str], stderr: int) -> "subprocess.Popen[bytes]":
    """A process with pipes to it and from it, which are this process's alone. Raises OSError.

    They have no buffers: a buffer is copied by a fork, and so is its lock, held by a thread that is not there.
    """
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=stderr, bufsize=0)
    _started.add(process)
    return process


def _let_go() -> None:
    """In a forked process: nothing in it reaches what its parent started, and that can end with its parent."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for process in list(_started):
        process.returncode = 0  # so it counts as ended: nobody waits for it here, and nobody kills it
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe and not pipe.closed:
                os.dup2(nowhere, pipe.fileno(), inheritable=False)
    os.close(nowhere)
    _started.clear()


_started: "weakref.WeakSet[subprocess.Popen[bytes]]" = weakref.WeakSet()
if hasattr(os, "register_at_fork"):  # a system that forks
    os.register_at_fork(after_in_child=_let_go)


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe, "every process of ours has these"
    return pipe


def end(process: "subprocess.Popen[bytes]") -> None:
    """Close the pipes of a process, and make sure that it ends."""
    for pipe in (process.stdin, process.stdout):
        if pipe:
            with suppress(OSError):
                pipe.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=1)  # it may be on its way: then its own exit code says why
    process.kill()
    process.wait()


def limit_memory(most_bytes: int) -> None:
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


def limit_time(seconds: int) -> None:
    """Allow the request that begins now its seconds of computing, or what the user's own limit leaves of them.

    The system ends what takes more.
    """
    with suppress(ImportError):
        import resource

        most, hard = int(time.process_time()) + 1 + seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]
        resource.setrlimit(resource.RLIMIT_CPU, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
