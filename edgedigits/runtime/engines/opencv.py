"""OpenCV's dnn module, on the CPU."""

import re
from typing import Any

import numpy as np
import numpy.typing as npt

from edgedigits.errors import first_line
from edgedigits.records.arrays import Images
from edgedigits.runtime.engines import Engine, Setting, missing
from edgedigits.runtime.predictor import ModelFile, Session


def version() -> str:
    """Of cv2, whichever of its packages brought it. Raises MissingCapability."""
    try:
        import cv2
    except ImportError as error:
        raise missing("opencv-python-headless", extra="opencv") from error
    return cv2.__version__


def session(file: ModelFile, _: Setting) -> Session:
    """A net."""
    import cv2

    cv2.setNumThreads(1)
    net = cv2.dnn.readNetFromONNX(np.frombuffer(file.content, np.uint8))
    outputs = [output.name for output in file.contract.outputs]

    def call(image: Images) -> list[npt.NDArray[Any]]:
        net.setInput(image, file.contract.input.name)
        return list(net.forward(outputs))

    return Session(call)


def words(error: Exception) -> str:
    """Its errors name places in its source, one inside the other, and begin each line with `>`."""
    said = re.sub(r"^>|OpenCV\(\S+\) \S+ error: \(.*?\)", "", getattr(error, "err", str(error)), flags=re.MULTILINE)
    return first_line(RuntimeError(" ".join(said.split()).removeprefix(": ")))


ENGINE = Engine(
    name="opencv",
    title="OpenCV's dnn module",
    version=version,
    session=session,
    words=words,
)
