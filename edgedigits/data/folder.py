"""A data set of one's own: a folder of images a class, with `train` and `test` above them or without."""

import functools
import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from edgedigits.data.dataset import MOST_IMAGES, Dataset, Split, divide, in_order, own_dataset
from edgedigits.data.images import read_image
from edgedigits.data.kinds import LEFTOVERS, SPOKEN, Skips, entries, is_picture, walk, why_skipped
from edgedigits.data.paper import warn_of_polarity
from edgedigits.errors import DataError
from edgedigits.records.model import DatasetRef

NO_CLASS = "beside the class folders, so of no class"


def load_folder(folder: Path, dark_ink: bool) -> Dataset:
    """The data set in a folder of class folders. Raises DataError."""
    parts, skips = {"train", "test"}, Skips()
    names = set(_subfolders(folder))
    if names == parts:
        labels = _class_names(folder / "train")
        if (other := _class_names(folder / "test")) != labels:
            raise DataError(f"{folder}: train has the classes {', '.join(labels)}, test {', '.join(other)}.")
        train, test = (_read_split(folder / part, labels, dark_ink, skips) for part in ("train", "test"))
    elif names & parts:  # not to be taken for classes
        raise DataError(f"{folder}: either train and test or class folders wanted, {', '.join(sorted(names))} found.")
    else:
        labels = _class_names(folder)
        train, test = divide(_read_split(folder, labels, dark_ink, skips))
    for skipped in skips.all():
        warnings.warn(str(skipped), stacklevel=3)
    return own_dataset(DatasetRef(folder.resolve().name, "", str(folder), dark_ink), labels, train, test)


def _class_names(folder: Path) -> tuple[str, ...]:
    """Class folders in order: by number when all are numbers, else by name."""
    names = _subfolders(folder)
    if len(names) < 2:
        found = f"only '{names[0]}'" if names else "none"
        raise DataError(f"{folder}: at least two class folders wanted, {found} found.")
    return in_order(names)


def _subfolders(folder: Path) -> list[str]:
    """Names of the folders in a folder, in order; those that tools leave behind do not count."""
    try:
        return sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith(LEFTOVERS))
    except OSError as error:
        raise DataError(f"{folder}: cannot be read ({error.strerror}).") from error


def _read_split(folder: Path, labels: tuple[str, ...], dark_ink: bool, skips: Skips) -> Split:
    """Decode all images of the class folders, in parallel: Pillow lets other threads run meanwhile."""
    for name, _ in filter(lambda entry: not (folder / entry[0]).is_dir(), entries(folder)):
        skips.add(str(folder / name), NO_CLASS if is_picture(name) else why_skipped(name))
    found = [(Path(path), index) for index, label in enumerate(labels) for path in walk(folder / label, skips)]
    if not found:
        raise DataError(f"{folder}: its class folders hold no picture ({SPOKEN}).{skips.lines()}")
    if len(found) > MOST_IMAGES:
        raise DataError(f"{folder}: {len(found):,} images, at most {MOST_IMAGES:,} wanted. Train on a part of them.")
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # no more, since each holds a picture of any size
        images = list(pool.map(functools.partial(read_image, dark_ink=dark_ink), [path for path, _ in found]))
    warn_of_polarity(folder, images, dark_ink)
    return Split(np.stack(images), np.array([index for _, index in found], dtype=np.int64))
