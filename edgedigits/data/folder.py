"""A data set of one's own: a folder of images a class, with `train` and `test` above them or without."""

import functools
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from edgedigits.data.dataset import Dataset, Split, divide
from edgedigits.data.images import image_suffixes, read_image
from edgedigits.data.paper import warn_of_polarity
from edgedigits.errors import DataError
from edgedigits.records.model import DatasetRef

MOST_IMAGES = 1_000_000  # of a folder: training takes about 4 kB for each


def load_folder(folder: Path, dark_ink: bool) -> Dataset:
    """The data set in a folder of class folders. Raises DataError."""
    parts = {"train", "test"}
    names = set(_subfolders(folder))
    if names == parts:
        labels = _class_names(folder / "train")
        if (other := _class_names(folder / "test")) != labels:
            raise DataError(f"{folder}: train has the classes {', '.join(labels)}, test {', '.join(other)}.")
        train, test = (_read_split(folder / part, labels, dark_ink) for part in ("train", "test"))
    elif names & parts:  # not to be taken for classes
        raise DataError(f"{folder}: either train and test or class folders wanted, {', '.join(sorted(names))} found.")
    else:
        labels = _class_names(folder)
        train, test = divide(_read_split(folder, labels, dark_ink))
    _check_classes(folder, labels, train, test)
    digest = hashlib.sha256("\0".join(labels).encode())
    for split in (train, test):
        digest.update(split.images.tobytes() + split.labels.tobytes())
    ref = DatasetRef(folder.resolve().name, digest.hexdigest(), source=str(folder), dark_ink=dark_ink)
    return Dataset(ref, labels, train, test)


def _class_names(folder: Path) -> tuple[str, ...]:
    """Class folders in order: by number when all are numbers, else by name."""
    names = _subfolders(folder)
    if len(names) < 2:
        found = f"only '{names[0]}'" if names else "none"
        raise DataError(f"{folder}: at least two class folders wanted, {found} found.")
    return tuple(sorted(names, key=int if all(name.isdecimal() for name in names) else None))


def _subfolders(folder: Path) -> list[str]:
    """Names of the folders in a folder, in order; hidden ones, which tools leave behind, do not count."""
    try:
        return sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError as error:
        raise DataError(f"{folder}: cannot be read ({error.strerror}).") from error


def _check_classes(folder: Path, labels: tuple[str, ...], train: Split, test: Split) -> None:
    for part, split in (("train on", train), ("test on", test)):
        counts = np.bincount(split.labels, minlength=len(labels))
        if not counts.all():
            label = labels[int(np.argmin(counts))]
            raise DataError(f"{folder}: class '{label}' has too few images: none is left to {part}.")


def _read_split(folder: Path, labels: tuple[str, ...], dark_ink: bool) -> Split:
    """Decode all images of the class folders, in parallel: Pillow lets other threads run meanwhile."""
    suffixes = image_suffixes()
    found = [
        (path, index)
        for index, label in enumerate(labels)
        for path in sorted((folder / label).rglob("*"))
        if path.suffix.lower() in suffixes and not _hidden(path.relative_to(folder))
    ]
    if not found:
        raise DataError(f"{folder}: its class folders hold no image (PNG, JPEG and so on).")
    if len(found) > MOST_IMAGES:
        raise DataError(f"{folder}: {len(found):,} images, at most {MOST_IMAGES:,} wanted. Train on a part of them.")
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # no more, since each holds a picture of any size
        images = list(pool.map(functools.partial(read_image, dark_ink=dark_ink), [path for path, _ in found]))
    warn_of_polarity(folder, images, dark_ink)
    return Split(np.stack(images), np.array([index for _, index in found], dtype=np.int64))


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
