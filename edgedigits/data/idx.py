"""IDX files, as MNIST is published in (http://yann.lecun.com/exdb/mnist): a header, then the values."""

import math
import struct
from dataclasses import dataclass

import numpy as np

from edgedigits.errors import DataError
from edgedigits.records.arrays import Uint8Array

UINT8 = 0x08  # the code of unsigned bytes
TYPES = (UINT8, 0x09, 0x0B, 0x0C, 0x0D, 0x0E)  # of elements, as the format knows them
MOST_RANK = 3  # axes: images have three, labels one


@dataclass(frozen=True)
class Header:
    """What an IDX file says of itself: the code of its elements, its shape, and where the values begin."""

    kind: int
    shape: tuple[int, ...]
    size: int


def is_idx(start: bytes) -> bool:
    """Whether a file that starts so is an IDX file, of whatever elements."""
    return len(start) > 2 and start[:2] == b"\0\0" and start[2] in TYPES


def read_header(start: bytes, where: str) -> Header:
    """The header of an IDX file of bytes with 1 to MOST_RANK axes, which `where` names in errors. Raises DataError."""
    if len(start) < 4 or not is_idx(start) or start[2] != UINT8 or not 1 <= start[3] <= MOST_RANK:
        raise DataError(f"{where}: no IDX file of bytes with 1 to {MOST_RANK} axes.")
    size = 4 + 4 * start[3]
    if len(start) < size:
        raise DataError(f"{where}: ends in its header, after {len(start)} bytes.")
    return Header(start[2], struct.unpack_from(f">{start[3]}I", start, 4), size)


def parse_idx(raw: bytes, where: str) -> Uint8Array:
    """The array of an IDX file of bytes (http://yann.lecun.com/exdb/mnist); `where` names the file in errors.

    Nothing is allocated before the header and the size agree. Raises DataError when they do not.
    """
    header = read_header(raw, where)
    if (declared := math.prod(header.shape)) != len(raw) - header.size:
        raise DataError(f"{where}: its header declares {declared:,} values, {len(raw) - header.size:,} are there.")
    return np.frombuffer(raw, dtype=np.uint8, offset=header.size).reshape(header.shape).copy()
