"""`answers.safetensors`: what the torch model answers to the test split, for devices that cannot ask it.

One tensor, `logits`, float32 `[images, classes]`; as metadata, one entry of JSON: whose answers to what they are. Like
weights, it is no pickle, and the same answers give the same bytes: safetensors sorts its tensors, but not its metadata,
so there is no second entry.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from edgedigits.errors import ModelFileError, RecordError
from edgedigits.records.arrays import Scores
from edgedigits.records.artifact import Answers
from edgedigits.records.record import Record

KEY, TENSOR = "edgedigits.answers", "logits"
METADATA, LENGTH = "__metadata__", 8  # of safetensors: the entries in its header, and the bytes that say its size


@dataclass(frozen=True)
class Origin(Record):
    """Whose answers to what: SHA-256 of the checkpoint's weights and of the data set."""

    checkpoint_sha256: str
    dataset_sha256: str


def packed(logits: Scores, origin: Origin) -> bytes:
    """The file of logits `[images, classes]`."""
    content: bytes = safetensors.numpy.save({TENSOR: np.ascontiguousarray(logits)}, metadata={KEY: origin.to_line()})
    return content


def counted(path: Path) -> int:
    """How many images a file of answers says that it is of. Raises ModelFileError."""
    try:
        return len(safetensors.numpy.load_file(path)[TENSOR])
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ModelFileError(f"{path}: no file of answers ({error}).") from error


def unpacked(answers: Answers, content: bytes, classes: int) -> Scores:
    """The logits `[images, classes]` in a file that is as its manifest lists it. Raises ModelFileError."""
    try:
        tensors, origin = safetensors.numpy.load(content), _origin(content)
    except (SafetensorError, RecordError, ValueError, KeyError, TypeError) as error:
        raise ModelFileError(f"{answers.path}: no file of answers ({error}). Export it anew.") from error
    if origin != Origin(answers.checkpoint_sha256, answers.dataset_sha256):
        raise ModelFileError(f"{answers.path}: holds the answers of another model, or to other images. Export it anew.")
    logits, wanted = tensors.get(TENSOR), (answers.samples, classes)
    if logits is None or logits.dtype != np.float32 or logits.shape != wanted or not np.isfinite(logits).all():
        raise ModelFileError(f"{answers.path}: no finite logits float32 {list(wanted)} in it. Export it anew.")
    return logits


def _origin(content: bytes) -> Origin:
    """What the header says; safetensors has checked it, and does not give it away."""
    size = int.from_bytes(content[:LENGTH], "little")
    return Origin.from_json(json.loads(content[LENGTH : LENGTH + size])[METADATA][KEY])
