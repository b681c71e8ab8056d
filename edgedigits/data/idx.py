"""IDX files, as MNIST is published in (http://yann.lecun.com/exdb/mnist): a header, then the values."""

import gzip
import io
import math
import struct
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgedigits.errors import DataError, first_line
from edgedigits.system import files

UINT8 = 0x08  # the code of unsigned bytes
TYPES = {UINT8: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}  # of elements, big-endian
MOST_RANK = 3  # axes: images have three, labels one, or two with remarks
LONGEST_HEADER = 4 + 4 * MOST_RANK
GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Header:
    """What an IDX file says of itself: the code of its elements, its shape, and where the values begin."""

    kind: int
    shape: tuple[int, ...]
    size: int

    @property
    def count(self) -> int:
        """How many values it declares."""
        return math.prod(self.shape)

    @property
    def itemsize(self) -> int:
        """Bytes of a value."""
        return np.dtype(TYPES[self.kind]).itemsize


def is_idx(start: bytes) -> bool:
    """Whether a file that starts so is an IDX file, of whatever elements."""
    return len(start) > 2 and start[:2] == b"\0\0" and start[2] in TYPES


def read_header(start: bytes, where: str) -> Header:
    """The header of an IDX file with 1 to MOST_RANK axes, which `where` names in errors. Raises DataError."""
    if len(start) < 4 or not is_idx(start) or not 1 <= start[3] <= MOST_RANK:
        raise DataError(f"{where}: no IDX file with 1 to {MOST_RANK} axes.")
    size = 4 + 4 * start[3]
    if len(start) < size:
        raise DataError(f"{where}: ends in its header, after {len(start)} bytes.")
    return Header(start[2], struct.unpack_from(f">{start[3]}I", start, 4), size)


def parse_idx(raw: bytes, where: str) -> npt.NDArray[Any]:
    """The array of an IDX file (http://yann.lecun.com/exdb/mnist), big-endian; `where` names the file in errors.

    Nothing is allocated before the header and the size agree. Raises DataError when they do not.
    """
    header = read_header(raw, where)
    if (declared := header.count) != (found := (len(raw) - header.size) / header.itemsize):
        raise DataError(f"{where}: its header declares {declared:,} values, {found:,.10g} are there.")
    if math.prod(side or 1 for side in header.shape) > sys.maxsize // header.itemsize:  # an axis of 0 hides the others
        raise DataError(f"{where}: its header declares axes {list(header.shape)}, more than an array can have.")
    return np.frombuffer(raw, TYPES[header.kind], offset=header.size).reshape(header.shape)


def read_idx(path: Path, most: int) -> npt.NDArray[Any]:
    """The array of an IDX file, gzipped or not, of at most `most` values. Raises DataError."""
    try:
        with files.open_plain(path) as file, _unpacked(file) as unpacked:
            start = unpacked.read(LONGEST_HEADER)
            header = read_header(start, str(path))
            if header.count > most:
                raise DataError(f"{path}: its header declares {header.count:,} values, at most {most:,} wanted.")
            end = header.size + header.count * header.itemsize
            rest = unpacked.read(max(0, end - len(start)) + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({first_line(error)}). Get it anew.") from error
    return parse_idx(start + rest, str(path))


def peek(path: Path) -> bytes:
    """The first bytes of a file, of what is packed where it is gzipped; none where it cannot be read."""
    try:
        with files.open_plain(path) as file, _unpacked(file) as unpacked:
            return unpacked.read(LONGEST_HEADER)
    except (OSError, EOFError, zlib.error):
        return b""


def _unpacked(file: io.BufferedReader) -> io.BufferedIOBase:
    is_packed = file.peek(len(GZIP))[: len(GZIP)] == GZIP
    return gzip.GzipFile(fileobj=file) if is_packed else file
