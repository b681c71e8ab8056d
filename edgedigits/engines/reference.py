"""ONNX's reference evaluator: what the standard says, in numpy, slowly."""

from importlib.metadata import version as version_of
from typing import Any

import numpy.typing as npt

from edgedigits import formats
from edgedigits.formats import Images, Session
from edgedigits.records import Contract

SETTINGS: tuple[str, ...] = ()
PATIENCE = 10

words = formats.first_line


def version() -> str:
    """Of onnx, which is always there."""
    return version_of("onnx")


def session(serialized: bytes, contract: Contract, _: str | None) -> Session:
    """An evaluator."""
    from onnx import load_model_from_string
    from onnx.reference import ReferenceEvaluator

    evaluator = ReferenceEvaluator(load_model_from_string(serialized))
    outputs = [output.name for output in contract.outputs]

    def call(image: Images) -> list[npt.NDArray[Any]]:
        return list(evaluator.run(outputs, {contract.input.name: image}))

    return Session(call)
