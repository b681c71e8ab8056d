"""What callers give a predictor, read as it is meant where that is unmistakable: arrays of any kind, pictures, paths.

    images   uint8 `[n, 28, 28]`, background 0 and ink 255
    canvas   uint8 `[height, width]`

Pixels are whole numbers 0 to 255 of any type, or fractions 0 to 1; normalized ones are refused, since the file
normalizes. Whatever cannot be read is a UsageError that names the shape and the type that came.
"""

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgedigits.errors import DataError, UsageError
from edgedigits.records.arrays import Images
from edgedigits.records.model import IMAGE_SHAPE

PIXELS = math.prod(IMAGE_SHAPE)
LAYOUTS = (IMAGE_SHAPE, (1, *IMAGE_SHAPE), (*IMAGE_SHAPE, 1), (PIXELS,))  # of one image


def as_images(given: Any) -> Images:
    """A batch of images: an array, tensor, data frame, picture or path of one, or a sequence of such.

    Layouts of one image are `[28, 28]`, `[1, 28, 28]`, `[28, 28, 1]` and `[784]`, each also in a batch. Raises UsageError.
    """
    if _is_plain(given):
        return given
    if _is_pictures(given):
        return np.stack([_picture(one, framed=True) for one in (given if _is_sequence(given) else [given])])
    array = _array(given, "images")
    if not array.size and array.ndim <= 3:
        return np.zeros((0, *IMAGE_SHAPE), np.uint8)
    if array.shape in LAYOUTS:
        array = array[None]
    if array.shape[1:] not in LAYOUTS:
        raise UsageError(f"images: uint8 [batch, 28, 28] wanted, {array.dtype} {list(array.shape)} given")
    return _pixels(array, "images").reshape(-1, *IMAGE_SHAPE)


def as_canvas(given: Any) -> Images:
    """One canvas: an array or tensor `[height, width]`, or a picture or path of one. Raises UsageError."""
    if _is_pictures(given) and not _is_sequence(given):
        return _picture(given, framed=False)
    array = _array(given, "canvas")
    if array.ndim == 3 and 1 in (array.shape[0], array.shape[-1]):
        array = array.squeeze(0 if array.shape[0] == 1 else -1)
    if array.ndim != 2:
        raise UsageError(f"canvas: uint8 [height, width] wanted, {array.dtype} {list(array.shape)} given")
    return _pixels(array, "canvas")


def _is_plain(given: Any) -> bool:
    return isinstance(given, np.ndarray) and given.dtype == np.uint8 and given.shape[1:] == IMAGE_SHAPE


def _is_sequence(given: Any) -> bool:
    return isinstance(given, Sequence) and not isinstance(given, str | bytes)


def _is_pictures(given: Any) -> bool:
    """Whether it is a picture or a path, or a sequence of nothing else."""
    if _is_sequence(given):
        return bool(given) and all(map(_is_pictures, given))
    return isinstance(given, str | os.PathLike) or hasattr(given, "tobitmap")  # as Pillow's images have


def _picture(given: Any, framed: bool) -> Images:
    """A picture's pixels; `framed` as a 28x28 image, else whole. Raises UsageError."""
    from edgedigits.data.images import canvas_of, image_of, read_image, read_picture

    try:
        if isinstance(given, str | os.PathLike):
            return read_image(Path(given)) if framed else read_picture(str(given)).canvas
        return image_of(given) if framed else canvas_of(given)
    except DataError as error:
        raise UsageError(str(error)) from error


def _array(given: Any, what: str) -> npt.NDArray[Any]:
    """Anything that numpy or its makers can turn into an array of numbers. Raises UsageError."""
    if hasattr(given, "detach"):  # a tensor, perhaps on another device and with a gradient
        given = given.detach().cpu()
    try:
        array = np.asarray(given.to_numpy() if hasattr(given, "to_numpy") else given)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{what}: an array of pixels wanted, {type(given).__name__} given ({error})") from error
    if array.dtype == object and array.size and array.ndim == 1:  # a column of arrays, as data frames have them
        return _stacked(array, what)
    if array.dtype.kind not in "buif":
        raise UsageError(f"{what}: an array of pixels wanted, {type(given).__name__} of {array.dtype} given")
    return array


def _stacked(column: npt.NDArray[Any], what: str) -> npt.NDArray[Any]:
    try:
        return _array(np.stack([np.asarray(one, dtype=np.float64) for one in column]), what)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{what}: arrays of one shape wanted, others given ({error})") from error


def _pixels(array: npt.NDArray[Any], what: str) -> Images:
    """uint8 of numbers that are pixels: 0 to 255 where they are whole, 0 to 1 where some are not. Raises UsageError."""
    if array.dtype == np.uint8:
        return array
    values = array.astype(np.float64)
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    whole = bool((values == np.rint(values)).all())
    if 0 <= low and high <= 1 and array.dtype.kind in "bf":
        return np.rint(values * 255).astype(np.uint8)
    if whole and 0 <= low and high <= 255:
        return values.astype(np.uint8)
    raise UsageError(
        f"{what}: whole numbers 0 to 255 or fractions 0 to 1 wanted, {array.dtype} from {low:.4g} to {high:.4g} given; "
        "do not normalize: the file does"
    )
