"""A network that was adopted as an ONNX graph and kept whole: what of it is exported, and its answers, which travel."""

import dataclasses
import functools
import hashlib
import shutil
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgedigits.errors import CheckpointError, UsageError
from edgedigits.export.answers import counted, unpacked
from edgedigits.export.formats import Format
from edgedigits.models.checkpoint import RECORD
from edgedigits.records.arrays import EVALUATION_BATCH, Images, Scores
from edgedigits.records.artifact import ANSWERS, Answers
from edgedigits.records.foreign import ForeignNetwork
from edgedigits.records.model import Checkpoint
from edgedigits.system import files


def is_kept(checkpoint: Checkpoint) -> bool:
    """Whether its network is a graph that is kept whole."""
    return isinstance(checkpoint.spec.network, ForeignNetwork)


def read_graph(checkpoint: Checkpoint) -> bytes:
    """The graph, a serialized ONNX model. Raises CheckpointError where it is not as it was recorded."""
    path = checkpoint.folder / checkpoint.weights
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror}). Adopt it anew.") from error
    if hashlib.sha256(content).hexdigest() != checkpoint.weights_sha256:
        raise CheckpointError(f"{path}: changed since it was recorded in {RECORD}. Adopt it anew.")
    return content


def possible(checkpoint: Checkpoint, rows: Sequence[Format], named: bool) -> list[Format]:
    """Of the formats, those that such a graph can be written in: the ones of ONNX, in float.

    named   somebody asked for each of them: then one that cannot be written is a UsageError, and else a note
    """
    found = [row for row in rows if row.container == "onnx" and row.precision == "float"]
    if len(found) == len(rows):
        return list(rows)
    others = ", ".join(row.name for row in rows if row not in found)
    said = f"{checkpoint.name} was adopted as an ONNX graph, which is exported as it is: {others}"
    if named or not found:
        raise UsageError(f"{said} cannot be made of it. Adopt its weights in torch for that, or use --format onnx.")
    warnings.warn(f"{said} left out", stacklevel=3)
    return found


def logits_of(graph: bytes, images: Images) -> Scores:
    """What a graph that was adopted answers, `[n, classes]`, to images uint8 `[n, 28, 28]`."""
    session = _session(graph)
    starts = range(0, len(images), EVALUATION_BATCH)
    parts = [session.run(["logits"], {"image": images[start : start + EVALUATION_BATCH]})[0] for start in starts]
    logits: Scores = np.concatenate(parts)
    return logits


@functools.lru_cache(maxsize=1)
def _session(graph: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def copy_answers(checkpoint: Checkpoint, folder: Path) -> Answers | None:
    """Put what the file as it was found answers to the test images, recorded when it was adopted, into a folder.

    None where that is gone, which a note says. Raises ModelFileError where it is not what was recorded.
    """
    source = checkpoint.folder / ANSWERS
    if not source.is_file():
        warnings.warn(f"{ANSWERS} left out: {source} is missing. Adopt it anew to have it", stacklevel=4)
        return None
    found = Answers(
        size_bytes=source.stat().st_size,
        sha256=files.sha256(source),
        checkpoint_sha256=checkpoint.weights_sha256,
        dataset_sha256=checkpoint.dataset.sha256,
        samples=counted(source),
        folder=checkpoint.folder,
    )
    unpacked(found, source.read_bytes(), len(checkpoint.spec.labels))
    shutil.copyfile(source, folder / ANSWERS)
    return dataclasses.replace(found, folder=Path())
