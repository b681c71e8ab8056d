"""Printed lines, ruled across the paper or around fields, are taken away; strokes that cross them stay whole."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from edgedigits.data.number.constants import BARE, BOXED, FACING, RULED, SIDE, SLOPES, SQUARE, THIN, THINNEST
from edgedigits.data.number.ink import Integers, Mask
from edgedigits.data.number.shapes import runs_of

SHIFT = 9  # bits of a slope's fraction: 512ths


def without_rulings(mask: Mask) -> Mask:
    """The mask `[height, width]` without straight lines across it, and without the sides of fields between these.

    Of a line, only pixels go that have no more ink above and below them than the line is thick: what crosses it stays.
    """
    thickest = max(THINNEST, min(mask.shape) // THIN)
    ruled = _ruled(mask, thickest)
    if ruled is None:
        return mask
    upright = _ruled(mask.T, thickest, slope=-ruled.slope) if len(ruled.tracks) > 1 else None
    if upright is not None and len(upright.tracks) > 1:  # squared paper
        return mask & ~(ruled.pixels | upright.pixels.T)
    return mask & ~(ruled.pixels | _sides(mask, ruled))


@dataclass(frozen=True)
class _Ruled:
    """Lines across a mask.

    slope       how far they go down on their way to the right, in 512ths
    tracks      the first and last row of each, at the left border
    thickness   in pixels, at most
    pixels      those that are on a line alone
    """

    slope: int
    tracks: list[tuple[int, int]]
    thickness: int
    pixels: Mask


def _ruled(mask: Mask, thickest: int, slope: int | None = None) -> _Ruled | None:
    """The lines across a mask, of any slope or of the one that is given; None where there are none."""
    thin = _thin(mask, thickest)
    slope, lines = _lines(thin, mask, slope)
    if not lines.size:
        return None
    tracks = _tracks(lines, thickest)
    near = thin & _near(mask.shape, slope, lines, thickest)
    thickness = min(thickest, int(near.sum()) // (len(tracks) * mask.shape[1]) + 2)
    return _Ruled(slope, tracks, thickness, near & _thin(mask, thickness))


def _thin(mask: Mask, thickest: int) -> Mask:
    """Pixels that have no more ink above and below them than a line is thick."""
    columns, starts, ends = runs_of(mask.T)
    lengths = ends - starts
    thin = np.zeros(mask.T.shape, np.bool_)
    thin[mask.T] = (lengths <= thickest).repeat(lengths)
    del columns
    return thin.T


def _lines(thin: Mask, mask: Mask, known: int | None) -> tuple[int, Integers]:
    """The slope, in 512ths, at which lines are, and where they cross the left border; none where there are none.

    A line has ink in nearly all columns of the picture; or of its ink, if that is much wider than high, or if there is
    another line at the other end of it: a box.
    """
    height, width = mask.shape
    rows, columns = np.nonzero(thin)
    used, tall = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    if not len(rows):
        return 0, rows
    across, high = int(used[-1] + 1 - used[0]), int(tall[-1] + 1 - tall[0])
    length = across if across >= SQUARE * high else width
    if 100 * len(rows) < BARE * length:
        return 0, rows[:0]
    margin = (width * SLOPES >> SHIFT) + 1
    best, slope, counts = -1, 0, rows
    for index in range(2 * SLOPES + 1):
        tried = (index + 1) // 2 * (1 if index % 2 else -1)  # 0, 1, -1, 2, -2, ...
        if known is None or tried == known:
            found = np.bincount(rows - (columns * tried >> SHIFT) + margin, minlength=height + 2 * margin)
            if found.max() > best:
                best, slope, counts = int(found.max()), tried, found
    bare = np.flatnonzero(100 * counts >= BARE * length) - margin
    kept = [line for line in bare.tolist() if 100 * _inked_columns(mask, line, slope) >= RULED * length]
    lone = bool(kept) and 100 * (kept[-1] - kept[0]) < FACING * high
    return slope, np.array([] if lone and length < width and across < BOXED * high else kept, np.int64)


def _inked_columns(mask: Mask, line: int, slope: int) -> int:
    """How many columns have ink on a line, or just above or below it."""
    height, width = mask.shape
    columns = np.arange(width)
    rows = line + (columns * slope >> SHIFT)
    found = np.zeros(width, np.bool_)
    for off in (-1, 0, 1):
        inside = (rows + off >= 0) & (rows + off < height)
        found |= inside & mask[np.clip(rows + off, 0, height - 1), columns]
    return int(found.sum())


def _near(shape: tuple[int, ...], slope: int, lines: Integers, thickest: int) -> Mask:
    """Pixels as near to a line as it is thick."""
    height, width = shape
    margin = (width * abs(slope) >> SHIFT) + 1 + thickest
    flags = np.zeros(height + 2 * margin, np.bool_)
    for off in range(-thickest, thickest + 1):
        flags[np.clip(lines + margin + off, 0, len(flags) - 1)] = True
    places = np.arange(height)[:, None] - (np.arange(width) * slope >> SHIFT) + margin
    near: Mask = flags[places]
    return near


def _tracks(lines: Integers, thickest: int) -> list[tuple[int, int]]:
    """Lines that are near to each other as one: where each begins and ends."""
    breaks = np.flatnonzero(np.diff(lines) > 2 * thickest) + 1
    return [(int(part[0]), int(part[-1])) for part in np.split(lines, breaks)]


def _sides(mask: Mask, ruled: _Ruled) -> Mask:
    """Pixels of the sides of fields: upright lines from one ruled line to the next, or nearly."""
    gone = np.zeros(mask.shape, np.bool_)
    for (_, above), (below, _) in pairwise(ruled.tracks):
        gone |= _between(mask, ruled.slope, above, below, ruled.thickness)
    return gone


def _between(mask: Mask, slope: int, above: int, below: int, thickest: int) -> Mask:
    """The same between two lines, by where these cross the left border."""
    height, width = mask.shape
    gone = np.zeros(mask.shape, np.bool_)
    middle = (width // 2 * slope) >> SHIFT
    top, bottom = max(0, above + middle), min(height, below + middle + 1)
    if bottom - top < 4 * thickest:
        return gone
    band = mask[top:bottom]
    upright = _thin(band.T, thickest).T
    rows, columns = np.nonzero(upright)
    places = columns + (rows * slope >> SHIFT) + bottom
    counts = np.bincount(places, minlength=width + 2 * bottom)
    sides = np.flatnonzero(_spread(counts, 1) * 100 >= SIDE * (bottom - top - 2))  # both lines are thick there
    flags = np.zeros(len(counts) + 2 * thickest, np.bool_)
    for off in range(-thickest, thickest + 1):
        flags[np.clip(sides + off, 0, len(flags) - 1)] = True
    gone[top:bottom][rows, columns] = flags[places]
    return gone


def _spread(counts: Integers, reach: int) -> Integers:
    """The largest of the counts nearby."""
    padded = np.pad(counts, reach)
    largest: Integers = np.max([padded[off : off + len(counts)] for off in range(2 * reach + 1)], axis=0)
    return largest
