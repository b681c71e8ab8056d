"""OpenVINO, on the CPU, in float32: on some processors its own choice would be bfloat16."""

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from typing import Any

import numpy.typing as npt

from edgedigits import engines, formats
from edgedigits.formats import Images, Session
from edgedigits.records import Contract

SETTINGS: tuple[str, ...] = ()
PATIENCE = 1

OPTIONS = {
    "INFERENCE_NUM_THREADS": 1,
    "NUM_STREAMS": 1,
    "INFERENCE_PRECISION_HINT": "f32",
    "CPU_RUNTIME_CACHE_CAPACITY": 0,  # or it keeps code for every size of canvas that it has seen, 0.8 MB each
}


def version() -> str:
    """Of openvino. Raises MissingCapability."""
    try:
        return version_of("openvino")
    except PackageNotFoundError as error:
        raise engines.missing("openvino", extra="openvino") from error


def session(serialized: bytes, contract: Contract, _: str | None) -> Session:
    """A compiled model."""
    import openvino

    core = openvino.Core()
    request = core.compile_model(core.read_model(serialized), "CPU", OPTIONS).create_infer_request()

    def call(image: Images) -> list[npt.NDArray[Any]]:
        found = request.infer({contract.input.name: image})
        return [found[output.name].copy() for output in contract.outputs]  # the next call writes into the same memory

    return Session(call)


def words(error: Exception) -> str:
    """Its errors begin with places in its source, and may end with a summary: what is wrong stands between."""
    said = str(error).partition("\nSummary:")[0].strip()
    return formats.first_line(RuntimeError(said.rpartition("\n")[2]))
