"""ONNX's reference evaluator: what the standard says, in numpy, slowly."""

from importlib.metadata import version as version_of
from typing import Any

import numpy.typing as npt

from edgedigits.records.arrays import Images
from edgedigits.runtime.engines import Engine, Setting
from edgedigits.runtime.predictor import ModelFile, Session


def version() -> str:
    """Of onnx, which is always there."""
    return version_of("onnx")


def session(file: ModelFile, _: Setting) -> Session:
    """An evaluator."""
    from onnx import load_model_from_string
    from onnx.reference import ReferenceEvaluator

    evaluator = ReferenceEvaluator(load_model_from_string(file.content))
    outputs = [output.name for output in file.contract.outputs]

    def call(image: Images) -> list[npt.NDArray[Any]]:
        return list(evaluator.run(outputs, {file.contract.input.name: image}))

    return Session(call)


ENGINE = Engine(
    name="reference",
    title="ONNX's reference evaluator",
    version=version,
    session=session,
    concurrent=True,
    patience=10,
)
