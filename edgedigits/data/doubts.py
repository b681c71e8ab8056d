"""What is doubtful about a picture, whatever a network answers: empty, low contrast, cut off, several digits.

A doubt is a word of WORDS, for programs, with its sentence, for people. One canvas is looked at by `doubts`, many
28x28 images at once by `words_of`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edgedigits.data import shapes
from edgedigits.data.paper import BOX, CONTRAST, find_ink
from edgedigits.data.shapes import Mask
from edgedigits.records.arrays import Uint8Array
from edgedigits.records.record import Record

WORDS: Mapping[str, str] = {  # and their sentences; a figure goes into the braces
    "empty": "empty: nothing differs from the paper",
    "low-contrast": "low contrast: {:.0f} of 255 between ink and paper",
    "touches-border": "touches the border: part of it may be missing",
    "several-shapes": "several digits: {} separate shapes",
    "several-frames": "several frames: the first is read",
}
LOW_CONTRAST = 64  # levels of 255 between ink and paper
GRID = 96  # cells of the longer side in which shapes are told apart
AT_ONCE = 512  # images that are looked at together: their arrays stay in a processor's cache


@dataclass(frozen=True)
class Doubt(Record):
    """A word of WORDS, and what it says of this picture."""

    word: str
    sentence: str

    @classmethod
    def of(cls, word: str, figure: float = 0) -> "Doubt":
        """The doubt of that word, with the figure that it tells of."""
        return cls(word, WORDS[word].format(figure))

    def __str__(self) -> str:
        return self.sentence


def doubts(canvas: Uint8Array, whole: bool = False) -> tuple[Doubt, ...]:
    """What a person should look at in a canvas uint8 `[height, width]`; nothing when all is well.

    whole   a network is shown all of it: it may show anything, anywhere
    """
    strength, contrast = find_ink(canvas)
    if contrast < CONTRAST:
        return (Doubt.of("empty"),)
    inked = strength > BOX
    found = []
    if contrast < LOW_CONTRAST:
        found.append(Doubt.of("low-contrast", float(contrast)))
    if whole:
        return tuple(found)
    if _on_border(inked):
        found.append(Doubt.of("touches-border"))
    if (count := shapes.count(_reduced(inked))) > 1:
        found.append(Doubt.of("several-shapes", count))
    return tuple(found)


def words_of(images: Uint8Array) -> list[tuple[str, ...]]:
    """The words of the doubts about each of the images uint8 `[n, 28, 28]`, as `doubts` has them."""
    parts = [_words_of(images[start : start + AT_ONCE]) for start in range(0, len(images), AT_ONCE)]
    return [words for part in parts for words in part]


def _words_of(images: Uint8Array) -> list[tuple[str, ...]]:
    strength, contrast = find_ink(images)
    inked = strength > BOX
    full = contrast >= CONTRAST
    which = {
        "empty": ~full,
        "low-contrast": full & (contrast < LOW_CONTRAST),
        "touches-border": full & _on_border(inked),
        "several-shapes": full & (shapes.count_each(inked) > 1),
    }
    found = np.flatnonzero(np.any(list(which.values()), axis=0)).tolist()
    words: list[tuple[str, ...]] = [()] * len(images)
    for index in found:
        words[index] = tuple(word for word, these in which.items() if these[index])
    return words


def _on_border(inked: Mask) -> Mask:
    """Whether any of the outermost pixels has ink, of masks `[..., height, width]`."""
    touches = inked[..., [0, -1], :].any(axis=(-2, -1)) | inked[..., [0, -1]].any(axis=(-2, -1))
    return np.asarray(touches, np.bool_)


def _reduced(inked: Mask) -> Mask:
    """The mask in at most GRID cells each way; a cell has ink where any of its pixels has."""
    grain = -(-max(inked.shape) // GRID)
    rest = [(0, -side % grain) for side in inked.shape]
    padded = np.pad(inked, rest)
    height, width = (side // grain for side in padded.shape)
    reduced: Mask = padded.reshape(height, grain, width, grain).max(axis=(1, 3))
    return reduced
