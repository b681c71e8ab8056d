"""Digits that touch a neighbour: together they are none, and cut apart they still are two.

`data/number` cuts shapes of numbers where it crosses little ink. A piece may have lost a bit of its digit then, or kept
a bit of the neighbour: a network that has learnt from such pieces reads them.
"""

import itertools
from collections.abc import Iterator

import numpy as np

from edgedigits.data.dataset import Split
from edgedigits.data.framing import find_by_border, frame
from edgedigits.data.handwriting import on_paper
from edgedigits.data.number.cuts import find_cuts
from edgedigits.data.numbers import INKED, meeting
from edgedigits.data.shapes import Mask
from edgedigits.records.arrays import Int64Array, Uint8Array
from edgedigits.records.model import IMAGE_SHAPE

ENLARGED = 2  # times an image, before it is cut
OVERLAP = (1, 4)  # pixels of it that two digits have in common, where they are nearest
OFF = 6  # pixels, that one lies higher than the other, at most
MOST = 0.12  # of a piece's ink is lost, or the neighbour's


def together(left: Uint8Array, right: Uint8Array, rng: np.random.Generator) -> tuple[Uint8Array, Uint8Array]:
    """Two images uint8 `[28, 28]`, enlarged, each on a sheet of both: the right one as near as their strokes allow."""
    sheets = [np.pad(image.repeat(ENLARGED, 0).repeat(ENLARGED, 1), ((OFF, OFF), (0, 0))) for image in (left, right)]
    sheets[1] = np.roll(sheets[1], rng.integers(-OFF, OFF + 1), axis=0)
    meets = meeting(sheets[0] > INKED, sheets[1] > INKED) or 0
    start = max(0, meets - int(rng.integers(*OVERLAP)))
    return np.pad(sheets[0], ((0, 0), (0, start))), np.pad(sheets[1], ((0, 0), (start, 0)))


def parted(count: int, split: Split, seed: int) -> Split:
    """So many digits, uint8 `[n, 28, 28]`, each cut from a neighbour; fewer, where of as many pairs too few are."""
    rng = np.random.default_rng(seed)
    pairs = (rng.integers(len(split), size=2) for _ in range(count))
    pieces = list(itertools.islice(itertools.chain.from_iterable(_pieces(split, pair, rng) for pair in pairs), count))
    images, labels = zip(*pieces, strict=True) if pieces else ((), ())
    return Split(np.array(images, np.uint8).reshape(-1, *IMAGE_SHAPE), np.array(labels, np.int64))


def _pieces(split: Split, pair: Int64Array, rng: np.random.Generator) -> Iterator[tuple[Uint8Array, int]]:
    """The framed pieces of two digits, cut where least is lost, with their labels: those that are whole enough."""
    left, right = split.images[pair]
    sheets = together(left, right, rng)
    both = np.maximum(*sheets)
    one, two = (sheet > INKED for sheet in sheets)
    columns = np.arange(both.shape[1])
    lefts = [columns < cut.columns[:, None] for cut in find_cuts(one | two, both.shape[0] - 2 * OFF)]
    best = min(lefts, key=lambda left: _spoilt(one, two, left) + _spoilt(two, one, ~left), default=None)
    if best is None:
        return
    labels = split.labels[pair].tolist()
    for own, other, side, label in ((one, two, best, labels[0]), (two, one, ~best, labels[1])):
        if _spoilt(own, other, side) <= MOST and (seen := frame(on_paper(both * side), find_by_border)).any():
            yield seen, label


def _spoilt(own: Mask, other: Mask, side: Mask) -> float:
    """How much of a digit's ink is not on its side of a cut, and how much of the other's is, in parts of its own."""
    wrong = (own & ~side).sum() + (other & ~own & side).sum()
    return float(wrong / max(1, own.sum()))
