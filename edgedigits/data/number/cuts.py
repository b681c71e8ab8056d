"""Where a shape may be cut, from top to bottom, to part digits that touch: paths that cross little ink."""

from dataclasses import dataclass

import numpy as np

from edgedigits.data.number.constants import APART, CROSSED, MOST_CUTS, REACH, STEP
from edgedigits.data.number.ink import Integers, Mask

INK = 16  # what a path pays for a pixel of ink; a step to the side costs 1
FAR = 1 << 30


@dataclass(frozen=True)
class Cut:
    """A path through a shape: the column in each row at which what is to the right of it begins.

    columns   int64 `[height]`
    crossed   pixels of ink that lie on it
    """

    columns: Integers
    crossed: int


def find_cuts(inked: Mask, height: int) -> list[Cut]:
    """The cheapest paths through a shape's mask, from left to right; `height` is that of the digits around it."""
    step, reach = max(1, height // STEP), max(1, height // REACH)
    centres = np.arange(step, inked.shape[1] - step + 1, step)
    if not len(centres):
        return []
    columns, costs = _cheapest(inked, centres, reach)
    crossed = inked[np.arange(len(inked)), columns].sum(axis=1)
    order = np.lexsort((np.arange(len(costs)), costs))
    chosen: list[int] = []
    most = MOST_CUTS * (inked.shape[1] // height + 1)
    sums = columns.sum(axis=1)
    for index in order.tolist():
        far = all(abs(int(sums[index] - sums[other])) * APART >= height * len(inked) for other in chosen)
        if 100 * crossed[index] <= CROSSED * height and far and len(chosen) < most:
            chosen.append(index)
    chosen.sort(key=lambda index: int(sums[index]))
    return [Cut(columns[index], int(crossed[index])) for index in chosen]


def _cheapest(inked: Mask, centres: Integers, reach: int) -> tuple[Integers, Integers]:
    """The cheapest path near each of some columns: its columns int64 `[n, height]`, and its cost.

    A path goes down a row at a time, straight or to a neighbour. Of equal ones, the straight one is taken, then the one
    from the left.
    """
    height, width = inked.shape
    places = centres[:, None] + np.arange(-reach, reach + 1)
    outside = (places < 1) | (places >= width)
    price = np.where(outside, FAR, INK * inked[:, np.clip(places, 0, width - 1)])  # (height, n, window)
    came = np.zeros(price.shape, np.int8)
    cost = np.full((len(centres), places.shape[1] + 2), FAR)  # with a place to each side that no path comes from
    cost[:, 1:-1] = price[0]
    for row in range(1, height):
        left, right = cost[:, :-2] + 1, cost[:, 2:] + 1
        beside = np.minimum(left, right)
        straight = cost[:, 1:-1]
        came[row] = np.where(beside < straight, np.where(right < left, 1, -1), 0)
        cost[:, 1:-1] = np.minimum(np.minimum(straight, beside) + price[row], FAR)
    cost = cost[:, 1:-1]
    ends = np.argmin(cost + np.abs(np.arange(-reach, reach + 1)), axis=1)
    costs = cost[np.arange(len(ends)), ends]
    paths = np.zeros((len(centres), height), np.int64)
    for row in range(height - 1, -1, -1):
        paths[:, row] = ends
        ends = ends + came[row, np.arange(len(ends)), ends]
    return paths + centres[:, None] - reach, costs
