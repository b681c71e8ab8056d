"""Data sets of IDX files of one's own: four in a folder, plain or gzipped, as KMNIST, EMNIST and QMNIST are published.

A file is known by its content, its part in the set by its name: `<set>-train-images-idx3-ubyte.gz` and the like.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgedigits.data.dataset import MOST_IMAGES, Dataset, Split, divide, own_dataset
from edgedigits.data.idx import is_idx, peek, read_idx
from edgedigits.data.paper import warn_of_polarity
from edgedigits.data.transposed import upright, warn_of_transposition
from edgedigits.errors import DataError
from edgedigits.records.arrays import Int64Array, Uint8Array
from edgedigits.records.model import IMAGE_SHAPE, DatasetRef
from edgedigits.system import files

NAME = re.compile(
    r"(?:(?P<set>(?!(?:train|test|t10k)\b).+?)[-_.])?(?:(?P<part>train|test|t10k)[-_.])?(?P<what>images|labels)\b.*",
    re.IGNORECASE,
)
PARTS = {"train": "train", "test": "test", "t10k": "test", None: "all"}
RAW = "raw"  # the folder that torchvision puts them in
MOST_VALUES = MOST_IMAGES * IMAGE_SHAPE[0] * IMAGE_SHAPE[1]
MOST_CLASSES = 1000
MOST_BYTES = 1 << 16  # of a mapping
DIGITS, CAPITALS = "0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
EMNIST_LABELS = {  # what its labels mean, by its splits' names (Cohen et al. 2017, arXiv:1702.05373), from 0 on
    "byclass": DIGITS + CAPITALS + CAPITALS.lower(),
    "bymerge": DIGITS + CAPITALS + "abdefghnqrt",
    "balanced": DIGITS + CAPITALS + "abdefghnqrt",
    "letters": " " + CAPITALS,  # from 1 on
}


@dataclass(frozen=True)
class IdxFiles:
    """The files of a set: (part, what) to path, the parts "train", "test" or "all", what "images" or "labels"."""

    folder: Path
    name: str
    paths: Mapping[tuple[str, str], Path]


def find_sets(folder: Path) -> list[IdxFiles]:
    """The sets of IDX files in a folder, or in its folder `raw`, by name. Plain files go before gzipped ones."""
    for place in (folder, folder / RAW):
        found: dict[str, dict[tuple[str, str], Path]] = {}
        for path in sorted(place.iterdir(), reverse=True) if place.is_dir() else ():
            named = NAME.fullmatch(path.name)
            if named and path.is_file() and is_idx(peek(path)):
                part = PARTS[named["part"] and named["part"].lower()]
                found.setdefault(named["set"] or "", {})[part, named["what"].lower()] = path
        if found:
            return [IdxFiles(place, name, paths) for name, paths in sorted(found.items())]
    return []


def find_set(source: Path) -> IdxFiles | None:
    """The set in a folder, or the one of `FOLDER/SET`; None where there is none. Raises DataError on several."""
    inside = find_sets(source)
    if len(inside) > 1:
        names = ", ".join(found.name or "(without a name)" for found in inside)
        raise DataError(f"{source}: {len(inside)} data sets: {names}. Name one: {source / inside[-1].name}")
    beside = [found for found in find_sets(source.parent) if found.name == source.name] if source.name else []
    return next(iter([*inside, *beside]), None)


def load_idx_files(source: Path, found: IdxFiles, dark_ink: bool) -> Dataset:
    """The data set in IDX files. Without a test part, every sixth image of a class is for it. Raises DataError."""
    parts = [part for part in ("train", "test", "all") if (part, "images") in found.paths]
    if parts not in (["train", "test"], ["train"], ["all"]):
        raise DataError(f"{found.folder}: images to train on wanted, {' and '.join(parts) or 'none'} found.")
    read = {part: (_images(found, part, dark_ink), _labels(found, part)) for part in parts}
    for part, (images, numbers) in read.items():
        if len(images) != len(numbers):
            raise DataError(f"{found.folder}: {len(images):,} images and {len(numbers):,} labels to {part}.")
    numbers = np.unique(np.concatenate([numbers for _, numbers in read.values()]))
    if not 2 <= len(numbers) <= MOST_CLASSES:
        raise DataError(f"{found.folder}: {len(numbers):,} classes, 2 to {MOST_CLASSES:,} wanted.")
    names = _names(found)
    labels = tuple(names.get(number, str(number)) for number in numbers.tolist())
    splits = [Split(images, np.searchsorted(numbers, given).astype(np.int64)) for images, given in read.values()]
    train, test = splits if len(splits) == 2 else divide(splits[0])
    warn_of_polarity(source, train.images, dark_ink)
    warn_of_transposition(source, train.images, labels)
    name = found.name or (source.resolve().parent if source.name == RAW else source.resolve()).name
    return own_dataset(DatasetRef(name, "", str(source), dark_ink), labels, train, test)


def _images(found: IdxFiles, part: str, dark_ink: bool) -> Uint8Array:
    path = found.paths[part, "images"]
    array = read_idx(path, MOST_VALUES)
    if array.shape[1:] != IMAGE_SHAPE:
        raise DataError(f"{path}: images of 28x28 pixels wanted, {list(array.shape)} found.")
    images = _whole(path, array, 255).astype(np.uint8)
    return upright(path, 255 - images if dark_ink else images)


def _labels(found: IdxFiles, part: str) -> Int64Array:
    """Labels int64 `[n]`; of `[n, k]`, as QMNIST has them, the first of each."""
    path = found.paths.get((part, "labels"))
    if path is None:
        raise DataError(f"{found.folder}: no labels beside {found.paths[part, 'images'].name}.")
    array = read_idx(path, MOST_VALUES)
    if not array.size or array.ndim > 2:
        raise DataError(f"{path}: a label an image wanted, {list(array.shape)} found.")
    column = array if array.ndim == 1 else array[:, 0]
    return _whole(path, column, np.iinfo(np.int32).max).astype(np.int64)


def _whole(path: Path, values: npt.NDArray[np.generic], largest: int) -> npt.NDArray[np.generic]:
    """The same values, all of which are whole numbers from 0 on. Raises DataError."""
    low, high = (values.min(), values.max()) if values.size else (0, 0)
    if not (low >= 0 and high <= largest) or (values.dtype.kind == "f" and (values % 1 != 0).any()):
        raise DataError(
            f"{path}: whole numbers 0 to {largest:,} wanted, {values.dtype.name} from {low} to {high} found."
        )
    return values


def _names(found: IdxFiles) -> Mapping[int, str]:
    """What the labels are called, where that is known: by the mapping beside the files, or by EMNIST's names."""
    mapping = found.folder / f"{found.name}-mapping.txt"
    if mapping.is_file():
        try:
            rows = [line.split() for line in files.read_bytes(mapping, MOST_BYTES).decode("ascii").splitlines()]
            return {int(label): chr(int(code)) for label, code, *_ in filter(None, rows)}
        except (OSError, ValueError) as error:
            raise DataError(f"{mapping}: no mapping of labels to codes of characters ({error}).") from error
    known = EMNIST_LABELS.get(found.name.rpartition("-")[2].lower(), "")
    return dict(enumerate(known))
