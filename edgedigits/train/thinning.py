"""Digits as lines of a single pixel: what the thinnest pen leaves."""

import numpy as np
import numpy.typing as npt

from edgedigits.records.arrays import Uint8Array

INK = 100  # of 255: what is more is ink
STROKE = 0.1  # of the ink is in a skeleton, at least: else it is that of a filled shape
ROUNDS = 12  # at most: MNIST's lines are at most twice as many pixels wide
CHUNK = 250  # images at a time, which a processor's cache holds
AROUND = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))  # clockwise from above


def thinned(images: Uint8Array) -> Uint8Array:
    """The skeletons of images uint8 `[n, height, width]`: uint8, 0 and 255.

    Zhang & Suen 1984 (doi:10.1145/357994.358023), many images at once: in two turns, pixels at the edge are taken away
    that neither end a line nor join two. What is no stroke but a filled shape stays as it is: its skeleton is another
    shape's.
    """
    found = np.empty_like(images)
    for start in range(0, len(images), CHUNK):
        found[start : start + CHUNK] = _strokes(images[start : start + CHUNK])
    return found


def _strokes(images: Uint8Array) -> Uint8Array:
    """The skeletons, and whatever has too little of one."""
    thin = _skeletons(images)
    line, ink = ((each > INK).sum((1, 2), keepdims=True) for each in (thin, images))
    return np.where(line < STROKE * ink, images, thin)


def _skeletons(images: Uint8Array) -> Uint8Array:
    inked = np.pad(images > INK, ((0, 0), (1, 1), (1, 1))).astype(np.uint8)
    inside = inked[:, 1:-1, 1:-1]
    for _ in range(ROUNDS):
        before = inside.copy()
        for stays in STAYS:
            inside &= stays[_around(inked)]
        if np.array_equal(before, inside):
            break
    return inside * np.uint8(255)


def _around(inked: Uint8Array) -> Uint8Array:
    """Which of its eight neighbours are ink, a bit each, of all but the outermost pixels."""
    height, width = inked.shape[1] - 2, inked.shape[2] - 2
    found = np.zeros((len(inked), height, width), np.uint8)
    for bit, (down, right) in enumerate(AROUND):
        found |= inked[:, 1 + down : 1 + down + height, 1 + right : 1 + right + width] << bit
    return found


def _kept(turn: int) -> Uint8Array:
    """Whether a pixel of ink stays in a turn, 1 or 0, by its neighbours; those at one side of a line can go in each."""
    codes = np.arange(256)
    ring: npt.NDArray[np.int64] = (codes[:, None] >> np.arange(8)) & 1
    changes = ((ring == 0) & (np.roll(ring, -1, axis=1) == 1)).sum(1)
    up, right, down, left = ring[:, ::2].T
    sides = (up * right * down, right * down * left) if turn == 0 else (up * right * left, up * down * left)
    spare = (ring.sum(1) >= 2) & (ring.sum(1) <= 6) & (changes == 1) & (sides[0] == 0) & (sides[1] == 0)
    stays: Uint8Array = (~spare).astype(np.uint8)
    return stays


STAYS = (_kept(0), _kept(1))
