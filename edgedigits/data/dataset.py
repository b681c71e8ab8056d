"""A data set in memory, and how its images are divided: train and test, learnt and held out."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from edgedigits.errors import DataError
from edgedigits.records.arrays import Int64Array, Uint8Array
from edgedigits.records.model import DatasetRef, Recipe

MOST_BYTES = 64 << 20  # of a raw file or an image; the largest published one has 47,040,016
MOST_IMAGES = 1_000_000  # of a set of one's own: training takes about 4 kB for each
TEST_EVERY = 6  # of a set without a test split, as many for the test as in MNIST: 1 in 6 or so


@dataclass(frozen=True)
class Split:
    """Images uint8 `[n, 28, 28]`, background 0 and ink 255; labels int64 `[n]`, 0 .. classes-1."""

    images: Uint8Array
    labels: Int64Array

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Dataset:
    """A data set in memory. `test` is for reporting alone."""

    ref: DatasetRef
    labels: tuple[str, ...]
    train: Split
    test: Split


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Labels in order: by number when all are numbers, else by name."""
    found = sorted(names)
    return tuple(sorted(found, key=int if all(name.isdecimal() for name in found) else None))


def own_dataset(ref: DatasetRef, labels: tuple[str, ...], train: Split, test: Split) -> Dataset:
    """A data set that is not published: it gets the SHA-256 of its content.

    Raises DataError where a class has no image to learn from, or none to test on.
    """
    for part, split in (("train on", train), ("test on", test)):
        counts = np.bincount(split.labels, minlength=len(labels))
        if not counts.all():
            label = labels[int(np.argmin(counts))]
            raise DataError(f"{ref.source}: class '{label}' has too few images: none is left to {part}.")
    digest = hashlib.sha256("\0".join(labels).encode())
    for split in (train, test):
        digest.update(split.images.tobytes() + split.labels.tobytes())
    return Dataset(replace(ref, sha256=digest.hexdigest()), labels, train, test)


def divide(everything: Split) -> tuple[Split, Split]:
    """Train and test: every sixth image of each class, at least one, goes to the test."""
    ranks = np.zeros(len(everything), dtype=np.int64)
    for label in np.unique(everything.labels):
        members = everything.labels == label
        ranks[members] = np.arange(members.sum())
    chosen = ranks % TEST_EVERY == 1
    return tuple(Split(everything.images[m], everything.labels[m]) for m in (~chosen, chosen))  # type: ignore[return-value]


def hold_out(split: Split, recipe: Recipe) -> tuple[Split, Split | None]:
    """The images to learn from, and those held out for validation (None when the recipe holds out none).

    The division depends on `recipe.seed` and the split's size alone, so it can be made again; a recipe that writes
    images as people do holds out the last ones, whatever its seed.
    """
    count = round(len(split) * recipe.validation)
    if count == 0:
        return split, None
    if recipe.written:
        return Split(split.images[:-count], split.labels[:-count]), Split(split.images[-count:], split.labels[-count:])
    order = np.random.default_rng(recipe.seed).permutation(len(split))
    held, kept = np.sort(order[:count]), np.sort(order[count:])
    return Split(split.images[kept], split.labels[kept]), Split(split.images[held], split.labels[held])
