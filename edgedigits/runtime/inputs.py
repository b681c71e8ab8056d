"""What callers give a predictor, read as it is meant where that is unmistakable: arrays of any kind, pictures, paths.

    images   uint8 `[n, 28, 28]`, background 0 and ink 255
    canvas   uint8 `[height, width]`

Pixels are whole numbers 0 to 255 of any type, or fractions 0 to 1; normalized ones are refused, since the file
normalizes. Whatever cannot be read is a UsageError that names the shape and the type that came.
"""

import math
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgedigits.data.canvases import SIDES
from edgedigits.data.paper import MIDDLE
from edgedigits.errors import UsageError
from edgedigits.records.arguments import as_path
from edgedigits.records.arrays import Images
from edgedigits.records.model import IMAGE_SHAPE

PIXELS = math.prod(IMAGE_SHAPE)
LAYOUTS = (IMAGE_SHAPE, (1, *IMAGE_SHAPE), (*IMAGE_SHAPE, 1), (PIXELS,))  # of one image
NOTHING = (0,)  # the shape of an empty list
COLOURS = (3, 4)  # channels of a picture: red, green, blue, and how much is visible
IMAGES, CANVAS = "uint8 [batch, 28, 28]", "uint8 [height, width]"  # what is wanted, for errors
Array = npt.NDArray[Any]


def as_images(given: Any) -> Images:
    """A batch of images: an array, tensor, data frame, picture or path of one, or a sequence of such.

    Layouts of one image are `[28, 28]`, `[1, 28, 28]`, `[28, 28, 1]` and `[784]`, each also in a batch. Raises
    UsageError, and DataError where a picture cannot be read.
    """
    if _is_plain(given):
        return given  # type: ignore[no-any-return]
    if _is_picture(given):
        return _framed(given)[None]
    if isinstance(given, Sequence) and given and all(map(_is_picture, given)):
        return np.stack([_framed(picture) for picture in given])
    array = _array(given, IMAGES)
    if array.shape == NOTHING:
        return np.zeros((0, *IMAGE_SHAPE), np.uint8)
    if array.shape in LAYOUTS:
        array = array[None]
    if array.shape[1:] not in LAYOUTS:
        raise _refused(IMAGES, array)
    return np.ascontiguousarray(_pixels(array, IMAGES).reshape(-1, *IMAGE_SHAPE))


def as_canvas(given: Any) -> Images:
    """One canvas: an array or tensor `[height, width]`, a picture or a path of one. Raises UsageError and DataError.

    Also `[1, height, width]` and `[height, width, channels]`, with 1 channel or with those of a coloured picture.
    """
    if _is_picture(given):
        return _whole(given)
    array = _array(given, CANVAS)
    if array.ndim == 3 and 1 in (array.shape[0], array.shape[-1]):
        array = array.squeeze(0 if array.shape[0] == 1 else -1)
    coloured = array.ndim == 3 and array.shape[-1] in COLOURS
    if array.ndim != 2 and not coloured:
        raise _refused(CANVAS, array)
    if not all(SIDES[0] <= side <= SIDES[1] for side in array.shape[:2]):
        raise UsageError(f"canvas: sides of {SIDES[0]} to {SIDES[1]} pixels wanted, {list(array.shape)} given")
    pixels = np.ascontiguousarray(_pixels(array, CANVAS))
    return _gray(pixels) if coloured else pixels


def _is_plain(given: Any) -> bool:
    """Whether it is what files are given as it is."""
    return (
        type(given) is np.ndarray
        and given.dtype == np.uint8
        and given.shape[1:] == IMAGE_SHAPE
        and given.flags.c_contiguous
    )


def _is_picture(given: Any) -> bool:
    """Whether it is a picture of Pillow's, or a path."""
    pillow = sys.modules.get("PIL.Image")  # who has a picture of its has imported it
    return isinstance(given, str | os.PathLike) or (pillow is not None and isinstance(given, pillow.Image))


def _framed(picture: Any) -> Images:
    """A picture as a 28x28 image."""
    from edgedigits.data.images import image_of, read_image

    is_path = isinstance(picture, str | os.PathLike)
    image = read_image(as_path(picture, "images")) if is_path else image_of(picture)
    if image[[0, -1]].mean() > MIDDLE:
        name = picture if is_path else "picture"
        said = f"{name}: the ground seems light, and ink is 255 here. Invert it, or ask a canvas file"
        warnings.warn(said, stacklevel=6)
    return image


def _whole(picture: Any) -> Images:
    """A picture as a canvas."""
    from edgedigits.data.images import canvas_of, read_picture

    is_path = isinstance(picture, str | os.PathLike)
    return read_picture(str(as_path(picture, "canvas"))).canvas if is_path else canvas_of(picture)


def _gray(pixels: Images) -> Images:
    """A coloured picture `[height, width, 3 or 4]` as a canvas."""
    from PIL import Image

    return _whole(Image.fromarray(pixels))


def _array(given: Any, wanted: str) -> Array:
    """Anything that numpy or its makers can turn into an array of numbers. Raises UsageError."""
    try:
        array = _converted(given)
        if array.dtype == object and array.ndim == 1 and array.size:  # a column of arrays, as data frames have them
            array = np.stack([_converted(one) for one in array])
    except Exception as error:  # whatever a stranger's object does when it is to become an array
        raise UsageError(f"{wanted} wanted, {_kind(given)} given, which makes no array ({error})") from error
    if array.dtype.kind not in "buif":
        raise UsageError(f"{wanted} wanted, {_kind(given)} of {array.dtype} {list(array.shape)} given")
    return array


def _converted(given: Any) -> Array:
    if hasattr(given, "detach"):  # a tensor of torch, perhaps with a gradient, elsewhere, or of bfloat16
        given = given.detach().cpu()
        given = given.float() if given.is_floating_point() else given
    array = np.asarray(given.to_numpy() if hasattr(given, "to_numpy") else given)
    return array.astype(np.float64) if _holds_numbers(array) else array


def _holds_numbers(array: Array) -> bool:
    """Whether objects are numbers one and all, as in a row of a data frame that has a column of text."""
    return array.dtype == object and bool(array.size) and all(isinstance(one, int | float) for one in array.flat)


def _pixels(array: Array, wanted: str) -> Images:
    """uint8 of numbers that are pixels: 0 to 255 where they are whole, 0 to 1 where some are not. Raises UsageError."""
    if array.dtype == np.uint8 or not array.size:
        return array.astype(np.uint8, copy=False)
    values = array.astype(np.float64)
    low, high = float(values.min()), float(values.max())
    if array.dtype.kind in "bf" and low >= 0 and high <= 1:
        return np.rint(values * 255).astype(np.uint8)
    if array.dtype.kind in "ui" and (low, high) == (0, 1):
        raise UsageError(
            f"{wanted} wanted, {array.dtype} {list(array.shape)} of 0 and 1 given: "
            "255 is ink. Multiply by 255, or give bool or float"
        )
    if low >= 0 and high <= 255 and bool((values == np.rint(values)).all()):
        return values.astype(np.uint8)
    raise UsageError(
        f"{wanted} wanted, {array.dtype} {list(array.shape)} from {low:.4g} to {high:.4g} given: pixels are whole "
        "numbers 0 to 255, or fractions 0 to 1. Do not normalize: the file does"
    )


def _refused(wanted: str, array: Array) -> UsageError:
    return UsageError(f"{wanted} wanted, {array.dtype} {list(array.shape)} given")


def _kind(given: Any) -> str:
    return "None" if given is None else type(given).__name__
