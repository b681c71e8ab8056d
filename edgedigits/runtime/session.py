"""A model file in an engine: read by its container's reader, opened from its bytes, asked with errors in words.

A session ends with the process that opened it: a forked one has a copy of its memory, but neither its threads nor its
pipes. `Lasting` opens it anew there.
"""

import ctypes
import functools
import os
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgedigits.errors import EdgeDigitsError, ModelFileError
from edgedigits.export.formats import Format
from edgedigits.records.artifact import Contract
from edgedigits.runtime.engines import Engine, Setting, engine_for
from edgedigits.runtime.predictor import Call, Clock, Many, ModelFile, Session
from edgedigits.runtime.readers import checked, checked_foreign


@dataclass(frozen=True)
class Opening:
    """A file's bytes as they were read, before anything looked into them, and what to open them in.

    path      names the file in errors
    engine    by default the container's own
    setting   of the engine, by default `default`
    foreign   it is somebody else's, and carries no contract
    """

    path: Path
    format: Format
    content: bytes = field(repr=False)
    engine: str | None = None
    setting: str | None = None
    foreign: bool = False


def open_here(opening: Opening) -> tuple[Contract, Session]:
    """A file in this process. Raises ModelFileError, UsageError where the engine does not run it, MissingCapability."""
    chosen = engine_for(opening.format.container, opening.engine)
    check = checked_foreign if opening.foreign else checked
    file = check(opening.path, opening.format, opening.content)
    return file.contract, _session(chosen, file, chosen.setting(opening.setting))


class Lasting:
    """A session for as long as its predictor is: opened where it is first asked, and anew where it has ended.

    reopen   opens it; where this is pickled, it is what travels

    What ends while it answers is an error, as `call` raises it; the next call opens anew, once.
    """

    def __init__(self, reopen: Callable[[], Session], session: Session | None = None) -> None:
        self.reopen = reopen
        self.session = session
        _lasting.add(self)

    def __reduce__(self) -> tuple[type["Lasting"], tuple[Callable[[], Session]]]:
        return Lasting, (self.reopen,)

    @property
    def call(self) -> Call:
        """That of the session."""
        return self._asked().call

    @property
    def each(self) -> Call | None:
        """That of the session."""
        return self._asked().each

    @property
    def clock(self) -> Clock | None:
        """That of the session."""
        return self._asked().clock

    @property
    def many(self) -> Many | None:
        """That of the session."""
        return self._asked().many

    def _asked(self) -> Session:
        """One that can be asked. There is no lock around it: a fork would copy that, held by a thread that it lacks."""
        session = self.session
        if session is None or (session.alive and not session.alive()):
            session = self.session = self.reopen()
        return session

    def leave(self) -> None:
        """In a forked process: do not ask the inherited session, nor free it, which may wait for threads it lacks."""
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self.session))
        self.session = None


def _leave_all() -> None:
    for lasting in list(_lasting):
        lasting.leave()


_lasting: "weakref.WeakSet[Lasting]" = weakref.WeakSet()
if hasattr(os, "register_at_fork"):  # a system that forks
    os.register_at_fork(after_in_child=_leave_all)


def _session(engine: Engine, file: ModelFile, setting: Setting) -> Session:
    """A session that says in the engine's words, as a ModelFileError, what it cannot load or answer.

    Where the engine answers one call at a time, threads wait for each other.
    """
    turn = threading.Lock()

    def named(ask: Callable[..., Any], what: str) -> Callable[..., Any]:
        @functools.wraps(ask)
        def asked(*arguments: object) -> Any:
            try:
                if engine.concurrent:
                    return ask(*arguments)
                with turn:
                    return ask(*arguments)
            except EdgeDigitsError:
                raise
            except Exception as error:  # the exceptions of the engines have no other base in common
                raise ModelFileError(f"{file.path}: {engine.name} {what} ({engine.words(error)}).") from error

        return asked

    opened: Session = named(engine.session, "cannot load it")(file, setting)
    each, clock, many = (ask and named(ask, "fails to answer") for ask in (opened.each, opened.clock, opened.many))
    return Session(named(opened.call, "fails to answer"), each, clock, opened.alive, many)
