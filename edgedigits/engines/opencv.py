"""OpenCV's dnn module, on the CPU."""

import re
from typing import Any

import numpy as np
import numpy.typing as npt

from edgedigits import engines, formats
from edgedigits.formats import Images, Session
from edgedigits.records import Contract

SETTINGS: tuple[str, ...] = ()
PATIENCE = 1


def version() -> str:
    """Of cv2, whichever of its packages brought it. Raises MissingCapability."""
    try:
        import cv2
    except ImportError as error:
        raise engines.missing("opencv-python-headless", extra="opencv") from error
    return cv2.__version__


def session(serialized: bytes, contract: Contract, _: str | None) -> Session:
    """A net."""
    import cv2

    cv2.setNumThreads(1)
    net = cv2.dnn.readNetFromONNX(np.frombuffer(serialized, np.uint8))
    outputs = [output.name for output in contract.outputs]

    def call(image: Images) -> list[npt.NDArray[Any]]:
        net.setInput(image, contract.input.name)
        return list(net.forward(outputs))

    return Session(call)


def words(error: Exception) -> str:
    """Its errors name places in its source, one inside the other, and begin each line with `>`."""
    said = re.sub(r"^>|OpenCV\(\S+\) \S+ error: \(.*?\)", "", getattr(error, "err", str(error)), flags=re.MULTILINE)
    return formats.first_line(RuntimeError(" ".join(said.split()).removeprefix(": ")))
