"""Weights of fewer than 8 bits as they lie in a C file: a row after the other, each from a byte on, lowest bits first.

Eight weights are as many bytes as one has bits. They are read together, so behind the last row there are zeros to read.
"""

import numpy as np
import numpy.typing as npt

from edgedigits.models.arithmetic.integers import IntegerNetwork, Table
from edgedigits.models.arithmetic.steps import Convolve, Dense, Step

WHOLE = 8  # bits of a weight that is not packed
Bytes = npt.NDArray[np.uint8]


def bits_of(step: Step) -> int:
    """Of a weight of a step; WHOLE where nothing is said of them, and in a step that has none."""
    return (isinstance(step, Convolve | Dense) and step.bits) or WHOLE


def is_packed(network: IntegerNetwork) -> bool:
    """Whether weights of a network take fewer bits than a byte: then all its layers are printed for that."""
    return any(bits_of(each.step) < WHOLE for each in network.steps)


def is_depthwise(step: Step) -> bool:
    """Whether each output reads a channel of its own: then all weights of a place make a row."""
    return isinstance(step, Convolve) and step.groups == step.seen[2] == step.plane[2]


def pack(rows: Table, bits: int) -> Bytes:
    """Rows of weights int8 `[n, outputs]` as bytes `[n * ceil(outputs * bits / 8)]`."""
    each = np.unpackbits(rows.astype(np.int8).view(np.uint8)[..., None], axis=2, count=bits, bitorder="little")
    return np.packbits(each.reshape(len(rows), -1), axis=1, bitorder="little").ravel()


def unpack(packed: Bytes, outputs: int, bits: int) -> Table:
    """The rows `[n, outputs]` that `pack` made these bytes of."""
    stored = np.unpackbits(packed.reshape(-1, row_bytes(outputs, bits)), axis=1, bitorder="little")
    each = stored[:, : outputs * bits].reshape(len(stored), outputs, bits)
    whole = np.packbits(each, axis=2, bitorder="little")[..., 0].astype(np.int16)
    found: Table = (whole - ((whole >> (bits - 1)) << bits)).astype(np.int8)
    return found


def row_bytes(outputs: int, bits: int) -> int:
    """Bytes of a row."""
    return -(-outputs * bits // 8)
