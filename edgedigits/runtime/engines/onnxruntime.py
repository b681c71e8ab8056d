"""ONNX Runtime in Python, on the CPU: the engine that files are made for."""

import re
from importlib.metadata import version as version_of
from typing import Any

from edgedigits.errors import first_line
from edgedigits.runtime.engines import Engine, Setting
from edgedigits.runtime.predictor import ModelFile, Session

LEVELS = ("all", "extended", "basic", "no")  # of optimization
VARIANTS = tuple(
    Setting(f"{level} optimizations, {threads} thread{'s'[: threads - 1]}", {"level": level, "threads": threads})
    for level, threads in (("all", 2), *((level, 1) for level in LEVELS[1:]))
)
PLACE = re.compile(r"/\S+:\d+ .*?\) ")  # in its source, with the C++ function there


def version() -> str:
    """Of onnxruntime, which is always there."""
    return version_of("onnxruntime")


def words(error: Exception) -> str:
    """What is wrong comes behind where that was found."""
    return first_line(RuntimeError(PLACE.sub("", str(error), count=1)))


def session(file: ModelFile, setting: Setting) -> Session:
    """A session made from bytes, so that external data is refused."""
    import onnxruntime

    options = _options(**setting.options)
    found = onnxruntime.InferenceSession(file.content, options, providers=["CPUExecutionProvider"])
    outputs = [output.name for output in file.contract.outputs]
    return Session(lambda image: found.run(outputs, {file.contract.input.name: image}))


def _options(level: str = LEVELS[0], threads: int = 1) -> Any:
    """The options of a session with a level of LEVELS."""
    import onnxruntime

    levels = onnxruntime.GraphOptimizationLevel
    known = (levels.ORT_ENABLE_ALL, levels.ORT_ENABLE_EXTENDED, levels.ORT_ENABLE_BASIC, levels.ORT_DISABLE_ALL)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = known[LEVELS.index(level)]
    options.log_severity_level = 4  # its failures come as exceptions
    options.add_session_config_entry("session.load_model_format", "ONNX")  # never the runtime's own format
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # a thread that waits leaves its core
    return options


ENGINE = Engine(
    name="onnxruntime",
    title="ONNX Runtime",
    version=version,
    session=session,
    concurrent=True,
    variants=VARIANTS,
    words=words,
)
