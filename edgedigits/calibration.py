"""The images that static quantization is calibrated on: from the training split, never from the test split."""

import hashlib
from pathlib import Path

import numpy as np

from edgedigits import data
from edgedigits.data import Dataset, Uint8Array
from edgedigits.errors import DataError, UsageError
from edgedigits.records import Calibration, Checkpoint

SAMPLES = 500
SEED = 0


def images(checkpoint: Checkpoint, dataset: Dataset | None = None, data_dir: Path | None = None) -> Uint8Array:
    """Training images `[n, 28, 28]` of the data set that a model was trained on, always the same ones.

    dataset    that data set, where it is in memory already; else it is loaded from where the checkpoint says
    data_dir   where published data sets lie, if not in the default place

    Raises DataError when it is missing, or is not the one that the model was trained on.
    """
    return choose(trained_on(checkpoint, dataset, data_dir))


def trained_on(checkpoint: Checkpoint, dataset: Dataset | None = None, data_dir: Path | None = None) -> Dataset:
    """The data set that a model was trained on, loaded where it is not given. Raises DataError as `images` does."""
    dataset = dataset or _load(checkpoint, data_dir)
    if dataset.ref.sha256 != checkpoint.dataset.sha256:
        raise DataError(
            f"data set {dataset.ref.name} (SHA-256 {dataset.ref.sha256[:12]}…) is not what {checkpoint.name} was "
            f"trained on ({checkpoint.dataset.sha256[:12]}…), and calibration needs that. Restore it, or train anew."
        )
    return dataset


def choose(dataset: Dataset) -> Uint8Array:
    """Up to SAMPLES images `[n, 28, 28]` of the training split, chosen by a fixed seed, in their own order."""
    count = len(dataset.train)
    chosen = np.random.default_rng(SEED).choice(count, min(SAMPLES, count), replace=False)
    return dataset.train.images[np.sort(chosen)]


def describe(chosen: Uint8Array) -> Calibration:
    """How many images these are, and the SHA-256 of their bytes, for the manifest."""
    return Calibration(len(chosen), hashlib.sha256(np.ascontiguousarray(chosen).tobytes()).hexdigest())


def _load(checkpoint: Checkpoint, data_dir: Path | None) -> Dataset:
    source = checkpoint.dataset.source
    try:
        return data.load(source, data_dir, checkpoint.dataset.dark_ink)
    except (DataError, UsageError) as error:  # a folder's name that leads nowhere is taken for a wrong name
        raise DataError(
            f"this export is calibrated on the training images of {checkpoint.name}, "
            f"and '{source}' cannot be loaded: {error}"
        ) from error
