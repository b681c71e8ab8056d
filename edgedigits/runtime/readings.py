"""How a model that says nothing of its input may be meant to be shown a digit: one vocabulary, parsed and printed.

    Input      layout, size, range, ink, whether rows are columns: how a digit becomes what the model takes
    present    digits as a model with that input takes them
    in_words   "mean/std, nchw"
    parse      what such words say, by field; what they leave open is not in it

`asking` finds out which reading is right.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from edgedigits.errors import UsageError, unknown
from edgedigits.records.arrays import Images
from edgedigits.records.network import IMAGE_SHAPE
from edgedigits.records.network import Input as Input

SIDE = IMAGE_SHAPE[0]
SIDES = (8, 512)  # of what a model takes, in pixels
Inputs = npt.NDArray[np.float32]
Values = npt.NDArray[Any]
Fields = dict[str, Any]  # of an Input, by name
PIXELS: Fields = {"range": (0.0, 1.0), "mean": 0.0, "std": 1.0, "own": False, "threshold": None}
SCALINGS: Mapping[str, Fields] = {  # what becomes of the pixels: the usual ones first
    "0..1": PIXELS,
    "mean/std": {**PIXELS, "mean": 0.1307, "std": 0.3081},  # of MNIST's training pixels, as torch's examples have them
    "-1..1": {**PIXELS, "range": (-1.0, 1.0)},
    "binarized": {**PIXELS, "threshold": 127},
    "per image": {**PIXELS, "own": True},
    "0..255": {**PIXELS, "range": (0.0, 255.0)},
}
UNUSUAL = ("per image", "0..255")  # nearly nobody trains so
LAYOUTS: Mapping[str, Callable[[Inputs], Inputs]] = {  # images [n, side, side] as a batch of that layout
    "nchw": lambda images: images[:, None],
    "nhw": lambda images: images,
    "flat": lambda images: images.reshape(len(images), -1),
    "nhwc": lambda images: images[..., None],
    "rgb": lambda images: np.repeat(images[:, None], 3, axis=1),
}
FITS = {"padded": "pad", "padded after": "pad-last", "resized": "resize"}
SWITCHES: Mapping[str, Fields] = {
    "light ink": {"ink": "light"},
    "dark ink": {"ink": "dark"},
    "upright": {"turned": False},
    "transposed": {"turned": True},
}
NUMBER = r"([+-]?\d{1,9}(?:\.\d{1,9})?)"
SIZE = re.compile(rf"(\d{{1,4}})x(\d{{1,4}}) ({'|'.join(sorted(FITS, reverse=True))})")
MEAN_STD = re.compile(rf"mean {NUMBER} std {NUMBER}")
ABOVE = re.compile(r"above (\d{1,3})")
MINUS = re.compile(rf"minus {NUMBER}")
VOCABULARY = (
    *SCALINGS,
    *LAYOUTS,
    *SWITCHES,
    "28x28",
    *(f"32x32 {fit}" for fit in FITS),
    "mean M std S",
    "above T",
    "minus M",
)


def parse(text: str) -> Fields:
    """The fields of an Input that words say: "mean/std, nchw", "above 77, minus 0.5, 32x32 padded, dark ink".

    Raises UsageError, with the nearest word, where one is not in the vocabulary, and where two say the same thing.
    """
    found: Fields = {}
    for phrase in filter(None, (part.strip().lower() for part in text.split(","))):
        minus = MINUS.fullmatch(phrase)
        if minus and "range" in found:  # it changes what was said of the pixels before
            found["mean"] = float(minus[1])
            continue
        said = _said(phrase)
        if twice := found.keys() & said.keys():
            raise UsageError(f"input reading '{text}': says twice what its {min(twice)} is")
        found |= said
    return found


def _said(phrase: str) -> Fields:
    """What one phrase says. Raises UsageError."""
    for table in (SCALINGS, SWITCHES):
        if phrase in table:
            return dict(table[phrase])
    if phrase in LAYOUTS:
        return {"layout": phrase}
    if phrase == "28x28":
        return {"side": SIDE, "fit": None}
    if size := SIZE.fullmatch(phrase):
        return _size(phrase, int(size[1]), int(size[2]), FITS[size[3]])
    if own := MEAN_STD.fullmatch(phrase):
        if float(own[2]) <= 0:
            raise UsageError(f"input reading '{phrase}': a std above 0 wanted")
        return {**PIXELS, "mean": float(own[1]), "std": float(own[2])}
    if (above := ABOVE.fullmatch(phrase)) and int(above[1]) < 255:
        return {**PIXELS, "threshold": int(above[1])}
    if minus := MINUS.fullmatch(phrase):
        return {**PIXELS, "mean": float(minus[1])}
    raise unknown("word of an input reading", phrase, VOCABULARY)


def _size(phrase: str, height: int, width: int, fit: str) -> Fields:
    if height != width or height == SIDE or not SIDES[0] <= height <= SIDES[1]:
        raise UsageError(f"input reading '{phrase}': as wide as high wanted, {SIDES[0]} to {SIDES[1]} pixels, not 28")
    if fit != "resize" and height < SIDE:
        raise UsageError(f"input reading '{phrase}': 28 pixels cannot be padded to fewer")
    return {"side": height, "fit": fit}


def in_words(reading: Input) -> str:
    """An input in the words that `parse` understands: pixels and layout, and the rest where it is not the usual."""
    words = [_pixel_words(reading), reading.layout]
    words += [f"{reading.side}x{reading.side} {word}" for word, fit in FITS.items() if fit == reading.fit]
    for word, said in SWITCHES.items():
        if _agrees(reading, said) and not _agrees(Input(), said):
            words.append(word)
    return ", ".join(words)


def _agrees(reading: Input, said: Fields) -> bool:
    return all(getattr(reading, name) == value for name, value in said.items())


def _pixel_words(reading: Input) -> str:
    for word, said in SCALINGS.items():
        if _agrees(reading, said):
            return word
    if reading.threshold is not None:
        return f"above {reading.threshold}" + (f", minus {reading.mean:g}" if reading.mean else "")
    base = next((word for word, said in SCALINGS.items() if said["range"] == reading.range), "0..1")
    if reading.std == 1:
        return f"{base}, minus {reading.mean:g}" if base != "0..1" else f"minus {reading.mean:g}"
    return f"mean {reading.mean:g} std {reading.std:g}"


def is_unusual(reading: Input) -> bool:
    """Whether nearly nobody trains so: it is believed only where it is far better."""
    return any(_agrees(reading, SCALINGS[word]) for word in UNUSUAL)


def present(reading: Input, images: Images) -> Inputs:
    """Images uint8 `[n, 28, 28]` as a batch of float32 in the input's layout."""
    if reading.turned:
        images = images.transpose(0, 2, 1)
    if reading.threshold is not None:
        images = np.where(images > reading.threshold, 255, 0).astype(np.uint8)
    if reading.ink == "dark":
        images = 255 - images
    if reading.fit == "pad":
        images = _padded(images, reading.side, 255 if reading.ink == "dark" else 0)
    if reading.fit == "resize":
        images = resized(images, reading.side)
    values: Inputs = _normalized(images, reading)
    if reading.fit == "pad-last":
        values = _padded(values, reading.side, 0)
    return np.ascontiguousarray(LAYOUTS[reading.layout](values))


def _normalized(images: Images, reading: Input) -> Inputs:
    low, high = map(np.float32, reading.range)
    values = images.astype(np.float32)
    if (span := high - low) != 255:
        values = values / np.float32(255) * span
    values += low
    if reading.own:
        means, stds = (measure(axis=(1, 2), keepdims=True) for measure in (values.mean, values.std))
        return np.asarray((values - means) / np.maximum(stds, np.float32(1e-6)))
    return np.asarray((values - np.float32(reading.mean)) / np.float32(reading.std))


def _padded(images: Values, side: int, ground: int) -> Values:
    """The images in the middle of a ground."""
    before = (side - SIDE) // 2
    around = (before, side - SIDE - before)
    return np.pad(images, ((0, 0), around, around), constant_values=ground)


def resized(images: Images, side: int) -> Images:
    """Images of another size, bilinear as Pillow does it: rows, then columns, each rounded."""
    weights = bilinear(side)
    for _ in range(2):
        images = np.rint(np.einsum("or,nrc->nco", weights, images.astype(np.float64))).astype(np.uint8)
    return images


def bilinear(side: int) -> npt.NDArray[np.float64]:
    """The weights `[side, 28]` of Pillow's triangle filter, which is wider where an image becomes smaller."""
    step = SIDE / side
    reach = max(step, 1.0)
    centres = (np.arange(side) + 0.5) * step
    distances = np.abs(np.arange(SIDE) + 0.5 - centres[:, None]) / reach
    weights = np.maximum(0.0, 1.0 - distances)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def square_side(pixels: int) -> int | None:
    """The side of a square image of so many pixels; None where there is none within bounds."""
    side = math.isqrt(pixels)
    return side if side * side == pixels and SIDES[0] <= side <= SIDES[1] else None
