"""tract, Sonos' engine in Rust, on the CPU."""

import ctypes
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from typing import Any

import numpy.typing as npt

from edgedigits.errors import first_line
from edgedigits.records.arrays import Images
from edgedigits.runtime.engines import Engine, Setting, missing
from edgedigits.runtime.predictor import ModelFile, Session

TRACE = "\n\nStack backtrace:"  # what follows is about its source, not about the file


def version() -> str:
    """Of tract. Raises MissingCapability."""
    try:
        return version_of("tract")
    except PackageNotFoundError as error:
        raise missing("tract", extra="tract") from error


def session(file: ModelFile, _: Setting) -> Session:
    """A model that is ready to run, for inputs of any size; its outputs come in the order of the file's."""
    runnable = _read(file.content).into_model().into_runnable()

    def call(image: Images) -> list[npt.NDArray[Any]]:
        return [found.to_numpy() for found in runnable.run([image])]

    return Session(call)


def _read(content: bytes) -> Any:
    """A file's graph. In Python tract opens nothing but paths, so this asks the C library below it."""
    import tract
    from tract.bindings import check, lib
    from tract.inference_model import InferenceModel

    reader, found = tract.onnx(), ctypes.c_void_p()
    check(lib.tract_onnx_load_buffer(reader.ptr, content, ctypes.c_size_t(len(content)), ctypes.byref(found)))
    return InferenceModel(found)


def words(error: Exception) -> str:
    """Its errors say which node it was at, then the cause behind that, then where in its source."""
    said, _, causes = str(error).partition(TRACE)[0].partition("\n\nCaused by:")
    return first_line(RuntimeError(" ".join(f"{said}: {causes}".split()).removesuffix(":")))


ENGINE = Engine(
    name="tract",
    title="tract",
    version=version,
    session=session,
    words=words,
)
