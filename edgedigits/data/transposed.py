"""Images that are stored with rows for columns, as EMNIST publishes its own: noticed, named, and turned upright."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgedigits.data.paper import BOX
from edgedigits.records.arrays import Uint8Array

EMNIST = "emnist"  # what the names of its files begin with
WIDER = 1.15  # times as wide as high, in the mean: MNIST's digits are 0.75, Fashion-MNIST's clothes 0.90
ENOUGH = 20  # images to judge by
MOST = 2000  # images that are looked at


def upright(path: Path, images: Uint8Array) -> Uint8Array:
    """The images `[n, 28, 28]` of a file, ink light, turned where they are EMNIST's, which is said."""
    if not is_transposed(path, images):
        return images
    warnings.warn(f"{path}: stored transposed, as EMNIST publishes its images: turned upright.", stacklevel=2)
    return turned(images)


def turned(images: Uint8Array) -> Uint8Array:
    """The same images with rows for columns."""
    return np.ascontiguousarray(images.transpose(0, 2, 1))


def is_transposed(path: Path, images: Uint8Array) -> bool:
    """Whether a file is EMNIST's by its name, and nobody turned its images already."""
    return path.name.lower().startswith(EMNIST) and not _wider(images) < 1 / WIDER


def looks_transposed(images: Uint8Array) -> bool:
    """Whether digits or letters `[n, 28, 28]`, ink light, are wider than high: upright handwriting is not."""
    return _wider(images) > WIDER


def warn_of_transposition(source: Path, images: Uint8Array, labels: Sequence[str]) -> None:
    """Warn where images of digits or letters seem to be stored transposed."""
    if all(len(label) == 1 for label in labels) and looks_transposed(images):
        warnings.warn(
            f"{source}: its images seem to be stored transposed, rows for columns, as EMNIST stores them. If they are, "
            f"begin the file's name with {EMNIST}: such files are turned upright when they are read.",
            stacklevel=2,
        )


def _wider(images: Uint8Array) -> float:
    """Mean width over mean height of what is inked; NaN where too few are to judge by."""
    inked = images[:: max(1, len(images) // MOST)] > 255 * BOX
    inked = inked[np.asarray(inked.any(axis=(1, 2)))]
    if len(inked) < ENOUGH:
        return float("nan")
    return _extent(np.asarray(inked.any(axis=1))) / _extent(np.asarray(inked.any(axis=2)))


def _extent(used: npt.NDArray[np.bool_]) -> float:
    """The mean length from the first to the last True in the rows of bool `[n, 28]`, each of which has one."""
    return float((used.shape[1] - used[:, ::-1].argmax(axis=1) - used.argmax(axis=1)).mean())
