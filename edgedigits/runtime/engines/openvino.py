"""OpenVINO, on the CPU."""

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from typing import Any

import numpy.typing as npt

from edgedigits.errors import first_line
from edgedigits.records.arrays import Images
from edgedigits.runtime.engines import DEFAULT, EXACT, Engine, Setting, missing
from edgedigits.runtime.predictor import ModelFile, Session

OPTIONS = {  # of every setting; no answer depends on them
    "INFERENCE_NUM_THREADS": 1,
    "NUM_STREAMS": 1,
    "CPU_RUNTIME_CACHE_CAPACITY": 0,  # or it keeps code for every size of canvas that it has seen, 0.8 MB each
}
SETTINGS = (
    Setting(DEFAULT, about="computes in bfloat16 where the processor has it, and may quantize activations"),
    Setting(EXACT, {"EXECUTION_MODE_HINT": "ACCURACY"}, "computes in float32 throughout"),
)


def version() -> str:
    """Of openvino. Raises MissingCapability."""
    try:
        return version_of("openvino")
    except PackageNotFoundError as error:
        raise missing("openvino", extra="openvino") from error


def session(file: ModelFile, setting: Setting) -> Session:
    """A compiled model."""
    import openvino

    core = openvino.Core()
    options = OPTIONS | dict(setting.options)
    request = core.compile_model(core.read_model(file.content), "CPU", options).create_infer_request()

    def call(image: Images) -> list[npt.NDArray[Any]]:
        found = request.infer({file.contract.input.name: image})
        return [
            found[output.name].copy() for output in file.contract.outputs
        ]  # the next call writes into the same memory

    return Session(call)


def words(error: Exception) -> str:
    """Its errors begin with places in its source, and may end with a summary: what is wrong stands between."""
    said = str(error).partition("\nSummary:")[0].strip()
    return first_line(RuntimeError(said.rpartition("\n")[2]))


ENGINE = Engine(
    name="openvino",
    title="OpenVINO",
    version=version,
    session=session,
    settings=SETTINGS,
    words=words,
)
