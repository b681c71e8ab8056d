"""Images to score, of any number: an IDX or `.npy` file, a CSV file of pixels, a folder, or a text file of paths.

Arrays are read a batch at a time and not memory-mapped: a mapped file that another program cuts short
kills the process, and its pages count as memory in use. Folders are walked and lists read as the
batches are asked for; of a folder, the names in it are held while it is walked.
"""

import functools
import itertools
import math
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from edgedigits.data.idx import GZIP, UINT8, is_idx, read_header
from edgedigits.data.images import read_image
from edgedigits.data.kinds import Skips, walk
from edgedigits.data.pixel_csv import PixelCsv, find_pixel_csv
from edgedigits.data.transposed import turned, upright
from edgedigits.errors import DataError, UsageError, first_line
from edgedigits.records.arrays import Uint8Array
from edgedigits.records.model import IMAGE_SHAPE

IMAGE_BYTES = math.prod(IMAGE_SHAPE)
PEEK = 4096  # bytes that tell text from something else
SAMPLE = 1000  # images that tell whether they lie on their sides
Ids = Sequence[int] | Sequence[str]
Take = Callable[[range], Uint8Array]  # reads the images of a range, ink light; it raises DataError


@dataclass(frozen=True)
class Shard:
    """Part `index` of `count`, from 0 to count - 1. The parts of an input are disjoint and complete."""

    index: int = 0
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """The shard written as "i/N". Raises UsageError unless 0 <= i < N."""
        index, slash, count = text.partition("/")
        if not (slash and index.isdecimal() and count.isdecimal() and int(index) < int(count)):
            raise UsageError(f"shard '{text}': i/N with i from 0 to N - 1 wanted, as in 0/4")
        return cls(int(index), int(count))

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"


@dataclass(frozen=True)
class Batch:
    """Consecutive items: images uint8 `[n, 28, 28]`, and by position why one could not be read (it is blank then)."""

    ids: Ids
    images: Uint8Array
    errors: Mapping[int, str] = field(default_factory=dict)


class Source(Protocol):
    """Where images come from.

    column        what an item is called by: "index" or "path"
    fingerprint   changes with the content, as far as that can be seen without reading all of it
    skips         what was left out by those who last went through its groups
    """

    @property
    def column(self) -> str: ...  # noqa: D102

    @property
    def fingerprint(self) -> str: ...  # noqa: D102

    @property
    def skips(self) -> Skips: ...  # noqa: D102

    def count(self, shard: Shard) -> int | None:
        """The number of items in a shard; None where it is not known beforehand."""

    def groups(self, shard: Shard, size: int) -> Iterator[Ids]:
        """The items of a shard in their order, `size` at a time, the last group perhaps smaller."""

    def start(self, ids: Ids, pool: Executor) -> Callable[[], Batch]:
        """Begin to read a group in a pool; what is returned waits for the batch. It raises DataError."""


def find_source(path: str | Path, dark_ink: bool = False) -> Source:
    """The source that a path is, by what it holds.

    `dark_ink` says that images show dark ink on a light ground, and inverts them. Raises DataError
    when there is nothing, no image, or none of what a source may be.
    """
    source = _open(Path(path), dark_ink)
    if not any(source.groups(Shard(), 1)):
        raise DataError(f"{path}: holds no image.{source.skips.lines()}")
    return source


@dataclass(frozen=True)
class Array:
    """`total` images of a file, of which `take` reads those of a range. Shards are consecutive ranges."""

    take: Take
    total: int
    fingerprint: str
    column: str = "index"
    skips: Skips = field(default_factory=Skips)

    def count(self, shard: Shard) -> int:
        """The number of images in a shard."""
        return len(self._range(shard))

    def groups(self, shard: Shard, size: int) -> Iterator[range]:
        """Ranges of indices."""
        mine = self._range(shard)
        return (mine[start : start + size] for start in range(0, len(mine), size))

    def start(self, ids: Ids, pool: Executor) -> Callable[[], Batch]:
        """Read a range in one piece."""
        return pool.submit(self._read, ids).result

    def _range(self, shard: Shard) -> range:
        first, last = (self.total * part // shard.count for part in (shard.index, shard.index + 1))
        return range(first, last)

    def _read(self, ids: Ids) -> Batch:
        assert isinstance(ids, range)
        return Batch(ids, self.take(ids))


@dataclass(frozen=True)
class Files:
    """Image files, read as `read_image` does. Item k is in shard k modulo the number of shards."""

    paths: Callable[[], Iterator[str]]
    dark_ink: bool = False
    column: str = "path"
    fingerprint: str = "paths"  # the journal of a run has the SHA-256 of those that are done
    skips: Skips = field(default_factory=Skips)

    def count(self, shard: Shard) -> None:
        """Not known before all of them were seen."""

    def groups(self, shard: Shard, size: int) -> Iterator[list[str]]:
        """Lists of paths."""
        self.skips.clear()
        mine = itertools.islice(self.paths(), shard.index, None, shard.count)
        while group := list(itertools.islice(mine, size)):
            yield group

    def start(self, ids: Ids, pool: Executor) -> Callable[[], Batch]:
        """Decode each image by itself: whoever stops the pool waits for a few of them at most."""
        decoded = [pool.submit(_decode, str(path), self.dark_ink) for path in ids]
        return lambda: _collect(ids, decoded)


def lines(path: Path) -> Iterator[str]:
    """The paths in a text file, one a line, relative to the current folder; empty lines do not count."""
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:  # a name may be no UTF-8
            yield from filter(None, (line.rstrip("\n") for line in file))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}).") from error


def _decode(path: str, dark_ink: bool) -> Uint8Array | str:
    """The image, or why it could not be read."""
    try:
        return read_image(Path(path), dark_ink)
    except DataError as error:
        return str(error).removeprefix(f"{path}: ")
    except Exception as error:  # whatever Pillow stumbles over in one file of millions, the run goes on
        return f"not a readable image ({type(error).__name__}: {error})."


def _collect(ids: Ids, decoded: Sequence[Future[Uint8Array | str]]) -> Batch:
    images, errors = np.zeros((len(ids), *IMAGE_SHAPE), np.uint8), {}
    for position, future in enumerate(decoded):
        found = future.result()
        if isinstance(found, str):
            errors[position] = found
        else:
            images[position] = found
    return Batch(ids, images, errors)


def _open(path: Path, dark_ink: bool) -> Source:
    if path.is_dir():
        skips = Skips()
        return Files(lambda: walk(path, skips), dark_ink, skips=skips)
    start = _peek(path)
    if is_idx(start):
        return _idx(path, start, dark_ink)
    if path.suffix == ".npy":
        return _npy(path, dark_ink)
    if start.startswith(GZIP):
        raise DataError(f"{path}: packed. Unpack it: gzip -dk {shlex.quote(str(path))}")
    if b"\0" in start:
        raise DataError(f"{path}: a folder, an IDX, .npy or CSV file, or a text file of paths wanted.")
    if table := find_pixel_csv(path):
        return _csv(path, table, dark_ink)
    return Files(lambda: lines(path), dark_ink)


def _peek(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(PEEK)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}).") from error


def _idx(path: Path, start: bytes, dark_ink: bool) -> Array:
    """An IDX file: its header, then the pixels and nothing else."""
    header = read_header(start, str(path)) if start[2] == UINT8 else None
    if header is None or header.shape[1:] != IMAGE_SHAPE:
        raise DataError(f"{path}: an IDX file, but not of images: uint8 of the shape [n, 28, 28] wanted.")
    total = header.shape[0]
    wanted, found = header.size + total * IMAGE_BYTES, path.stat().st_size
    if found != wanted:
        raise DataError(f"{path}: its header says {total:,} images, {wanted:,} bytes; it has {found:,}.")
    take = functools.partial(_take, path, header.size)
    return _array(path, take, total, dark_ink)


def _npy(path: Path, dark_ink: bool) -> Array:
    """A .npy file; numpy maps it only to check its header against its size."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # numpy reads the header as Python source: its errors have no other base in common
        raise DataError(f"{path}: not a readable .npy file ({first_line(error)}).") from error
    if not isinstance(array, np.memmap):
        raise DataError(f"{path}: an archive of arrays; a single array wanted.")
    if array.dtype != np.uint8 or array.shape[1:] != IMAGE_SHAPE or not array.flags.c_contiguous:
        raise DataError(f"{path}: uint8 [n, 28, 28] in C order wanted, {array.dtype} {list(array.shape)} found.")
    return _array(path, functools.partial(_take, path, array.offset), len(array), dark_ink)


def _csv(path: Path, table: PixelCsv, dark_ink: bool) -> Array:
    """A CSV file of pixels; its labels do not count."""

    def take(ids: range) -> Uint8Array:
        return table.images(table.lines(ids.start, ids.stop), ids)

    return _array(path, take, table.total, dark_ink)


def _array(path: Path, take: Take, total: int, dark_ink: bool) -> Array:
    """The images of a file, turned upright where it is one of EMNIST's."""

    def inked(ids: range) -> Uint8Array:
        return 255 - take(ids) if dark_ink else take(ids)

    def whole(ids: range) -> Uint8Array:
        return turned(inked(ids))

    first = inked(range(min(total, SAMPLE)))
    if upright(path, first) is first:
        return Array(inked, total, _fingerprint(path))
    return Array(whole, total, f"{_fingerprint(path)}, turned")


def _take(path: Path, offset: int, ids: range) -> Uint8Array:
    """The images of a range, one behind the other from a byte of a file on. Raises DataError."""
    wanted = len(ids) * IMAGE_BYTES
    try:
        pixels = np.fromfile(path, np.uint8, wanted, offset=offset + ids.start * IMAGE_BYTES)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}).") from error
    if pixels.size < wanted:
        raise DataError(f"{path}: became shorter while it was read.")
    return pixels.reshape(-1, *IMAGE_SHAPE)


def _fingerprint(path: Path) -> str:
    status = path.stat()
    return f"{status.st_size} bytes of {status.st_mtime_ns}"
