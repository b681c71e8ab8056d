"""ONNX Runtime in Python, on the CPU: the engine that files are made for."""

import re
from importlib.metadata import version as version_of
from typing import Any

from edgedigits.errors import first_line
from edgedigits.runtime.engines import Engine
from edgedigits.runtime.predictor import ModelFile, Session

SETTINGS: tuple[str, ...] = (
    "all optimizations, 1 thread",
    "all optimizations, 2 threads",
    "extended optimizations, 1 thread",
    "basic optimizations, 1 thread",
    "no optimizations, 1 thread",
)
PLACE = re.compile(r"/\S+:\d+ .*?\) ")  # in its source, with the C++ function there


def version() -> str:
    """Of onnxruntime, which is always there."""
    return version_of("onnxruntime")


def words(error: Exception) -> str:
    """What is wrong comes behind where that was found."""
    return first_line(RuntimeError(PLACE.sub("", str(error), count=1)))


def session(file: ModelFile, setting: str | None) -> Session:
    """A session made from bytes, so that external data is refused."""
    import onnxruntime

    options = _options(setting or SETTINGS[0])
    found = onnxruntime.InferenceSession(file.content, options, providers=["CPUExecutionProvider"])
    outputs = [output.name for output in file.contract.outputs]
    return Session(lambda image: found.run(outputs, {file.contract.input.name: image}))


def _options(setting: str) -> Any:
    """The options for a line of SETTINGS."""
    import onnxruntime

    levels = onnxruntime.GraphOptimizationLevel
    level, threads = setting.split(" optimizations, ")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(threads.split()[0])
    options.inter_op_num_threads = 1
    options.graph_optimization_level = {
        "all": levels.ORT_ENABLE_ALL,
        "extended": levels.ORT_ENABLE_EXTENDED,
        "basic": levels.ORT_ENABLE_BASIC,
        "no": levels.ORT_DISABLE_ALL,
    }[level]
    options.log_severity_level = 4  # its failures come as exceptions
    options.add_session_config_entry("session.load_model_format", "ONNX")  # never the runtime's own format
    return options


ENGINE = Engine(
    name="onnxruntime",
    title="ONNX Runtime",
    version=version,
    session=session,
    concurrent=True,
    settings=SETTINGS,
    words=words,
)
