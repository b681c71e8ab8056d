"""A model file in an engine: read by its container's reader, opened from its bytes, asked with errors in words."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgedigits.errors import EdgeDigitsError, ModelFileError
from edgedigits.export.formats import Format
from edgedigits.runtime.engines import Engine, engine_for
from edgedigits.runtime.predictor import PREDICTORS, ModelFile, Predictor, Session
from edgedigits.runtime.readers import open_model


def open_here(path: Path, row: Format, engine: str | None = None, setting: str | None = None) -> Predictor:
    """A file of a format as a Predictor, in this process.

    engine    by default the container's own
    setting   of the engine, by default the first

    Raises ModelFileError, UsageError where the engine does not run such files, and MissingCapability.
    """
    chosen = engine_for(row.container, engine)
    file = open_model(path, row)
    return PREDICTORS[row.input](file.contract, *_session(chosen, file, setting))


def _session(engine: Engine, file: ModelFile, setting: str | None) -> Session:
    """A session that says in the engine's words, as a ModelFileError, what it cannot load or answer."""

    def named(ask: Callable[..., Any], what: str) -> Callable[..., Any]:
        @functools.wraps(ask)
        def asked(*arguments: object) -> Any:
            try:
                return ask(*arguments)
            except EdgeDigitsError:
                raise
            except Exception as error:  # the exceptions of the engines have no other base in common
                raise ModelFileError(f"{file.path}: {engine.name} {what} ({engine.words(error)}).") from error

        return asked

    session = named(engine.session, "cannot load it")(file, setting)
    return Session(*(part and named(part, "fails to answer") for part in session))
