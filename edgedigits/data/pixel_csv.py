"""CSV files of pixels, as MNIST and its like are handed on: a row an image, 784 numbers and perhaps a label.

With a header or without, the label first, last or missing, commas, semicolons or tabs between. Rows are found by an
index of the file's lines, so that any of them can be read while no more than these are in memory.
"""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgedigits.data.dataset import MOST_IMAGES, Dataset, Split, divide, in_order, own_dataset
from edgedigits.data.paper import warn_of_polarity
from edgedigits.data.transposed import upright, warn_of_transposition
from edgedigits.errors import DataError
from edgedigits.records.arrays import Uint8Array
from edgedigits.records.model import IMAGE_SHAPE, DatasetRef
from edgedigits.system import files

PIXELS = IMAGE_SHAPE[0] * IMAGE_SHAPE[1]
PEEK = 1 << 16  # bytes that hold a header and the first row
CHUNK = 1 << 20  # bytes, to look for the ends of lines in
STRIDE = 256  # rows from one entry of the index to the next
MOST_LINE = 1 << 15  # bytes: 784 numbers with all their decimals take about half
MOST_CLASSES = 1000
MOST_LABEL = 99  # of a column that no header names: above, its numbers are pixels
SAMPLE = 16  # entries of the index that are looked at to tell labels from pixels
CLEAR = 0.25  # difference of two shares of rows that says which column is the label's
DELIMITERS = ",;\t"
NUMBER = re.compile(r'"?\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*"?')
NUMBERING = ("", "id", "imageid", "image_id", "index", "unnamed: 0")  # names of columns that number the rows
WANTED = "whole numbers 0 to 255 wanted"
HINT = "put a line before the first that names the columns: label,pixel0,pixel1,..."


@dataclass(frozen=True)
class PixelCsv:
    """A CSV file of `total` images.

    label    the column of labels, and `first` that of the first pixel, both counted from 0; None: it has none
    skipped  lines of header
    starts   bytes at which every STRIDE-th line begins, and the last one ends
    """

    path: Path
    delimiter: str
    width: int
    label: int | None
    first: int
    skipped: int
    total: int
    starts: tuple[int, ...]

    def lines(self, start: int, stop: int) -> list[str]:
        """The text of rows `start` to `stop`. Raises DataError."""
        return _lines(self.path, self.starts, start + self.skipped, stop + self.skipped)

    def images(self, lines: Sequence[str], rows: Iterable[int]) -> Uint8Array:
        """The images uint8 `[n, 28, 28]` of lines, which are those rows of the file. Raises DataError."""
        columns = range(self.first, self.first + PIXELS)
        options = {"delimiter": self.delimiter, "usecols": columns, "ndmin": 2, "comments": None, "quotechar": '"'}
        try:
            pixels = np.loadtxt(lines, dtype=np.uint8, **options)  # type: ignore[call-overload]
        except ValueError:  # perhaps whole numbers that are written as 255.0
            pixels = np.array([self._row(line, row) for line, row in zip(lines, rows, strict=True)])
        if len(pixels) != len(lines):
            raise DataError(f"{self.path}: an empty line among the rows. Remove it.")
        return np.asarray(pixels, dtype=np.uint8).reshape(-1, *IMAGE_SHAPE)

    def labels(self, lines: list[str]) -> list[str]:
        """The labels of lines. The file must have some."""
        assert self.label is not None
        behind = self.width - self.label  # columns from the label on
        if self.label < self.first:
            found = [line.split(self.delimiter, self.label + 1)[self.label] for line in lines]
        else:
            found = [line.rsplit(self.delimiter, behind)[-behind] for line in lines]
        return [_label(field) for field in found]

    def _row(self, line: str, row: int) -> npt.NDArray[np.float64]:
        """One row that may have decimal points. Raises DataError, which names the line and the number."""
        where = f"{self.path}: line {row + self.skipped + 1}"
        fields = line.strip().split(self.delimiter)
        if len(fields) != self.width:
            raise DataError(f"{where} has {len(fields)} columns, the first has {self.width}.")
        values = np.array([_number(field) for field in fields[self.first : self.first + PIXELS]])
        wrong = ~((values >= 0) & (values <= 255) & (values % 1 == 0))
        if wrong.any():
            column = self.first + int(wrong.argmax())
            raise DataError(f"{where}, column {column + 1}: {fields[column]!r} is no pixel; {WANTED}.")
        return values


def find_pixel_csv(path: Path) -> PixelCsv | None:
    """The CSV of pixels that a text file is; None where it is no table. Raises DataError on another table."""
    start = _peek(path)
    rows = [line for line in start.splitlines() if line.strip()][:2]
    if not rows:
        return None
    delimiter = max(DELIMITERS, key=rows[0].count)
    fields = [row.strip().split(delimiter) for row in rows]
    header = fields[0] if _is_header(fields) else None
    if not _is_numeric(fields[-1 if header else 0]) or os.path.lexists(rows[0].strip()):
        return None
    starts, total = _index(path)
    skipped = 1 if header else 0
    if total == skipped:
        return None
    sample = _sample(path, starts, skipped, total)
    label, first = _columns(path, header, [line.strip().split(delimiter) for line in sample.values()])
    found = PixelCsv(path, delimiter, len(fields[0]), label, first, skipped, total - skipped, starts)
    if found.images(list(sample.values()), sample).max() == 1:
        raise DataError(f"{path}: no pixel is above 1; {WANTED}: multiply them by 255.")
    return found


def load_csv(path: Path, dark_ink: bool) -> Dataset:
    """The data set in a CSV file of pixels and labels; every sixth image of a class is its test. Raises DataError."""
    table = find_pixel_csv(path)
    if table is None:
        raise DataError(f"{path}: no table of pixels. A row is 784 whole numbers 0 to 255 and a label.")
    if table.label is None:
        raise DataError(f"{path}: images without labels. To train on them, add a column 'label'.")
    if table.total > MOST_IMAGES:
        raise DataError(f"{path}: {table.total:,} images, at most {MOST_IMAGES:,} wanted. Train on a part of them.")
    images, names = np.empty((table.total, *IMAGE_SHAPE), np.uint8), []
    for start in range(0, table.total, STRIDE):
        rows = range(start, min(start + STRIDE, table.total))
        lines = table.lines(rows.start, rows.stop)
        images[rows.start : rows.stop] = table.images(lines, rows)
        names += table.labels(lines)
    labels = in_order(set(names))
    if not 2 <= len(labels) <= MOST_CLASSES:
        raise DataError(f"{path}: different labels: {len(labels):,}, 2 to {MOST_CLASSES:,} wanted. If need be, {HINT}")
    images = upright(path, 255 - images if dark_ink else images)
    warn_of_polarity(path, images, dark_ink)
    warn_of_transposition(path, images, labels)
    index = {label: number for number, label in enumerate(labels)}
    everything = Split(images, np.array([index[name] for name in names], dtype=np.int64))
    return own_dataset(DatasetRef(path.stem, "", str(path), dark_ink), labels, *divide(everything))


def _peek(path: Path) -> str:
    try:
        with files.open_plain(path) as file:
            return file.read(PEEK).decode("utf-8-sig", "replace")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}).") from error


def _is_numeric(fields: list[str]) -> bool:
    """Whether a row is one of numbers, but for a label."""
    numbers = sum(bool(NUMBER.fullmatch(field)) for field in fields)
    return numbers >= max(1, len(fields) - 1)


def _is_header(fields: list[list[str]]) -> bool:
    """Whether the first row names the columns: no numbers above numbers, or 0, 1, 2 and so on as pandas has it."""
    if len(fields) < 2 or len(fields[0]) != len(fields[1]):
        return False
    numbers = [NUMBER.fullmatch(field) for field in fields[0]]
    if not any(numbers) or (len(fields[0]) > PIXELS and not all(numbers[1:-1])):
        return _is_numeric(fields[1])
    counted = [_number(field) for field in fields[0] if NUMBER.fullmatch(field)]
    return len(counted) > 2 and any(counted == list(range(first, first + len(counted))) for first in (0, 1))


def _index(path: Path) -> tuple[tuple[int, ...], int]:
    """Where every STRIDE-th line begins and the last one ends; and how many lines there are. Raises DataError."""
    starts, count, at = [0], 0, 0
    size = _size(path)
    with files.open_plain(path) as file:
        while chunk := file.read(min(CHUNK, size - at)):
            ends = np.flatnonzero(np.frombuffer(chunk, np.uint8) == ord("\n"))
            wanted = ends[(STRIDE - 1 - count) % STRIDE :: STRIDE]
            starts += (at + 1 + wanted).tolist()
            count, at = count + len(ends), at + len(chunk)
    starts.append(size)
    if max(np.diff(starts)) > STRIDE * MOST_LINE:
        raise DataError(f"{path}: lines of more than {MOST_LINE:,} bytes. A row is 784 numbers and perhaps a label.")
    return tuple(starts), count + 1


def _size(path: Path) -> int:
    """The bytes of a file without empty lines at its end."""
    size = path.stat().st_size
    with files.open_plain(path) as file:
        file.seek(max(0, size - PEEK))
        end = file.read(PEEK)
    return size - len(end) + len(end.rstrip())


def _lines(path: Path, starts: tuple[int, ...], start: int, stop: int) -> list[str]:
    """Lines `start` to `stop` of a file. Raises DataError."""
    block, last = start // STRIDE, -(-stop // STRIDE)
    begin, end = starts[block], starts[min(last, len(starts) - 1)]
    try:
        with files.open_plain(path) as file:
            file.seek(begin)
            content = file.read(end - begin)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}).") from error
    if len(content) < end - begin:
        raise DataError(f"{path}: became shorter while it was read.")
    encoding = "utf-8" if begin else "utf-8-sig"
    return content.decode(encoding, "replace").split("\n")[start - block * STRIDE : stop - block * STRIDE]


def _sample(path: Path, starts: tuple[int, ...], skipped: int, total: int) -> dict[int, str]:
    """Rows from all over a file, since labels may be sorted, by their numbers."""
    sample: dict[int, str] = {}
    for block in np.unique(np.linspace(0, len(starts) - 2, SAMPLE).astype(int)).tolist():
        first = max(skipped, block * STRIDE)
        lines = _lines(path, starts, first, min(total, block * STRIDE + 2 * SAMPLE))
        sample |= {first - skipped + row: line for row, line in enumerate(lines)}
    return sample


def _columns(path: Path, header: list[str] | None, rows: list[list[str]]) -> tuple[int | None, int]:
    """The column of labels, or None, and that of the first pixel. Raises DataError where that cannot be told."""
    width = len(header or rows[0])
    names = [name.strip('" ').lower() for name in header or [str(number) for number in range(width)]]
    others = [column for column, name in enumerate(names) if not any(map(str.isdigit, name))]
    pixels = [column for column in range(width) if column not in others]
    labels = [column for column in others if names[column] not in NUMBERING]
    if len(pixels) == PIXELS + 1 and not others:
        label = _guess(path, rows)
        return label, 1 - min(label, 1)
    if len(pixels) != PIXELS or pixels[-1] - pixels[0] != PIXELS - 1 or len(labels) > 1:
        raise DataError(
            f"{path}: a table of {width:,} column{'s'[: width != 1]}. An image is a row of {PIXELS} numbers (28x28), "
            "with a label first, last or missing; a list of pictures has a path a line, and nothing else."
        )
    return (labels[0] if labels else None), pixels[0]


def _guess(path: Path, rows: list[list[str]]) -> int:
    """Which of 785 columns without names holds the labels: the first, or the last.

    The other is a corner of the images, where nearly all is ground. Raises DataError where that does not tell them.
    """
    ends = {0: [row[0] for row in rows], PIXELS: [row[-1] for row in rows]}
    ground = np.median([_number(field) for row in rows[::SAMPLE] for field in row[1:-1]])
    possible = [column for column, fields in ends.items() if _may_be_labels(fields)]
    shares = [np.mean([_number(field) == ground for field in ends[column]]) for column in possible]
    if len(possible) == 2 and min(shares) < 1 and abs(shares[0] - shares[1]) < CLEAR:
        possible = []
    if not possible:
        raise DataError(f"{path}: which column holds the labels, the first or the last, cannot be told: {HINT}")
    return possible[int(np.argmin(shares))]


def _may_be_labels(fields: list[str]) -> bool:
    """Whether a column can hold labels: words, or small whole numbers."""
    numbers = [_number(field) for field in fields if NUMBER.fullmatch(field)]
    return all(0 <= number <= MOST_LABEL and number % 1 == 0 for number in numbers)


def _number(field: str) -> float:
    """The number in a field; NaN where it is none."""
    return float(field.strip('" ')) if NUMBER.fullmatch(field) else float("nan")


def _label(field: str) -> str:
    """A label as it is called: 7 where a table has 7.0."""
    name = field.strip().strip('"').strip()
    return re.sub(r"\.0*$", "", name) if NUMBER.fullmatch(name) else name
