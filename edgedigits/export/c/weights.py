"""Weights as they lie in a C file: a block of outputs after the other, in each a row for each value that is read.

Where a layer's weights have fewer than 8 bits, all layers of the network are packed: a row begins with a byte, and its
bits stand lowest first.
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from edgedigits.models.arithmetic.integers import Counted, IntegerNetwork, Table
from edgedigits.models.arithmetic.steps import Convolve, Dense, Step
from edgedigits.records.ops import row_bytes

MOST_BLOCK = 32  # outputs that are summed at a time where weights are packed: a stack of 256 bytes
BLOCKS = (16, 8)  # outputs that are summed at a time: what vector registers hold
WIDTHS = (2, 3, 4, 8)  # bits of a weight
WHOLE = 8  # bits of one that is not packed
Bytes = npt.NDArray[np.uint8]


def block_of(steps: Sequence[Counted]) -> int:
    """How many outputs are summed at a time: in wide registers what these hold, packed as many as there are."""
    packed = are_packed(steps)
    weighing = [each.step for each in steps if isinstance(each.step, Convolve | Dense)]
    outputs = [step.plane[2] // (packed_groups(step) if packed else _groups(step)) for step in weighing]
    most = max(outputs, default=0)
    if packed:
        return min(max(most, BLOCKS[-1]), MOST_BLOCK)
    return next((size for size in BLOCKS if size <= most), BLOCKS[-1])


def are_packed(steps: Iterable[Counted]) -> bool:
    """Whether weights of a network take fewer bits than a byte."""
    return any(bits_of(each.step) < WHOLE for each in steps)


def bits_of(step: Step) -> int:
    """Of a weight of a step; WHOLE where nothing is said of them, and in a step that has none."""
    return (isinstance(step, Convolve | Dense) and step.bits) or WHOLE


def is_depthwise(step: Step) -> bool:
    """Whether each output reads a channel of its own: packed, all weights of a place make a row."""
    return isinstance(step, Convolve) and step.groups == step.seen[2] == step.plane[2]


def laid_out(steps: Sequence[Counted], step: Convolve | Dense, weights: Table) -> Table:
    """The weights of a step as they lie in the file, flat: int8, or uint8 where they are packed."""
    block, bits = block_of(steps), bits_of(step)
    if not are_packed(steps):
        return np.concatenate([in_blocks(group, block) for group in np.split(weights, _groups(step), axis=-1)])
    groups = np.split(weights, packed_groups(step), axis=-1)
    return np.concatenate([pack(part, bits) for group in groups for part in blocks_of(group, block)])


def read_back(steps: Sequence[Counted], step: Convolve | Dense, flat: Table, block: int) -> Table:
    """The weights of a step, in their shape, that `laid_out` laid out in such blocks.

    Raises ValueError where they are too few, or of so many bits as none are.
    """
    bits, shape = bits_of(step), step.weights_shape
    if bits not in WIDTHS:
        raise ValueError(f"{step.name}: weights of {bits} bits")
    if not are_packed(steps):
        return from_blocks(flat, shape, _groups(step), block)
    groups, at, parts = packed_groups(step), 0, []
    rows, outputs = math.prod(shape[:-1]), shape[-1] // groups
    for first in [first for _ in range(groups) for first in range(0, outputs, block)]:
        count = min(block, outputs - first)
        end = at + rows * row_bytes(count, bits)
        parts.append(unpack(flat[at:end], rows, count, bits))
        at = end
    return np.concatenate(parts, axis=1).reshape(shape)


def sizes_of(network: IntegerNetwork) -> tuple[int, int]:
    """Bytes of a network's weights as they lie in a file, and of its other tables."""
    rest = sum(table.nbytes for name, table in network.tables.items() if not name.endswith(".weight"))
    weighing = [each.step for each in network.steps if isinstance(each.step, Convolve | Dense)]
    laid = [laid_out(network.steps, step, network.table(step, "weight")) for step in weighing]
    return sum(table.nbytes for table in laid), rest


def _groups(step: Convolve | Dense) -> int:
    return step.groups if isinstance(step, Convolve) else 1


def packed_groups(step: Convolve | Dense) -> int:
    """Groups whose weights lie one after the other: those of a depthwise layer lie side by side."""
    return 1 if is_depthwise(step) else _groups(step)


def blocks_of(weights: Table, block: int) -> list[Table]:
    """The rows `[n, outputs]` of weights `[..., outputs]`, a block of outputs after the other."""
    rows = weights.reshape(-1, weights.shape[-1])
    return [rows[:, first : first + block] for first in range(0, rows.shape[1], block)]


def in_blocks(weights: Table, block: int) -> Table:
    """Weights `[..., outputs]` as they are read: a block of outputs after the other, flat."""
    return np.concatenate([part.ravel() for part in blocks_of(weights, block)])


def from_blocks(flat: Table, shape: tuple[int, ...], groups: int, block: int) -> Table:
    """The weights of a shape that `in_blocks` laid out, group by group."""
    rows, outputs = math.prod(shape[:-1]), shape[-1] // groups
    found = []
    for group in np.split(flat, groups):
        edges = [rows * first for first in range(block, outputs, block)]
        found += [part.reshape(rows, -1) for part in np.split(group, edges)]
    return np.concatenate(found, axis=1).reshape(shape)


def pack(rows: Table, bits: int) -> Bytes:
    """Rows of weights int8 `[n, outputs]` as bytes, `row_bytes` of each."""
    each = np.unpackbits(rows.view(np.uint8)[..., None], axis=2, count=bits, bitorder="little")
    return np.packbits(each.reshape(len(rows), -1), axis=1, bitorder="little").ravel()


def unpack(packed: Bytes, rows: int, outputs: int, bits: int) -> Table:
    """The rows int8 `[rows, outputs]` that `pack` made these bytes of. Raises ValueError where they are too few."""
    stored = np.unpackbits(packed.reshape(rows, row_bytes(outputs, bits)), axis=1, bitorder="little")
    each = np.packbits(stored[:, : outputs * bits].reshape(rows, outputs, bits), axis=2, bitorder="little")[..., 0]
    empty = WHOLE - bits  # bits above a weight, which take the sign of its highest
    found: Table = (each << empty).view(np.int8) >> empty
    return found
