"""What is attacked: a command, what it finds, and who reads what it leaves. MNIST is small here, and drawn."""

import dataclasses
import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgedigits.data import download, published
from edgedigits.data.drawn import draw
from edgedigits.data.published import IDX_SETS
from edgedigits.export import manifest
from edgedigits.export.manifest import read_manifest
from edgedigits.inference import sinks
from edgedigits.models.checkpoint import find_runs, read_checkpoint
from edgedigits.models.weights import load_classifier
from edgedigits.records.arrays import Uint8Array
from edgedigits.runtime.load import load
from edgedigits.runtime.safety.trust import read_model
from edgedigits.system import files
from edgedigits.train import resume

TRAIN = ("train", "--model", "fc", "--epochs", "2", "--batch-size", "100", "--seed")
EXPORT = ("export", "--quantize", "--format", "onnx")
SCORE = ("score", "exports/fc/fc.onnx", "train-images-idx3-ubyte", "--batch-size", "60", "--out")
FETCH = ("data", "mnist", "--fetch", "--data-dir", "data")


@dataclass(frozen=True)
class Scene:
    """A command, and what it finds.

    setup     commands that make the folder, from nothing
    find      what is changed there by hand, before the command finds it
    command   that is attacked
    again     that is run afterwards, if it is not the same
    read      raises where something cannot be read; it runs in the folder
    partly    how names of files end that may hold a part of the work: the next run goes on with them
    tells     what it finds, where it may not write that down
    """

    setup: tuple[tuple[str, ...], ...]
    command: tuple[str, ...]
    read: Callable[[], None]
    again: tuple[str, ...] = ()
    find: Callable[[Path], None] = lambda _: None
    partly: tuple[str, ...] = ()
    tells: bool = False


def read_runs() -> None:
    for folder in find_runs(Path("runs")):
        load_classifier(read_checkpoint(folder))
    for path in Path("runs").glob(f"*/{resume.FILE}"):
        resume.State.from_bytes(path.read_bytes())


def read_exports() -> None:
    read_runs()
    for folder in Path("exports").glob("*/"):
        listing = read_manifest(folder)
        for artifact in listing.artifacts if listing else ():
            read_model(folder / artifact.file)
            load(folder / artifact.file)
        manifest.read_parity(folder)


def read_rows() -> None:
    files.recover(Path())
    for record in Path().glob("*.journal"):
        journal = sinks.Journal.read(record)
        whole = Path(record.stem)  # once it is there, the journal is of no more use
        assert whole.exists() or Path(f"{whole}.partial").stat().st_size >= journal.size


def read_data() -> None:
    published.status("mnist", Path("data"))


def images(folder: Path) -> None:
    (folder / "train-images-idx3-ubyte").write_bytes(FILES["train-images-idx3-ubyte"])


def damage(folder: Path) -> None:
    """Of the four raw files one is missing, one is damaged."""
    raw = folder / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name, content in list(FILES.items())[:3]:
        (raw / name).write_bytes(content if "images" in name else content[:-1])


def make_files() -> dict[str, bytes]:
    """The raw files: 30 digits of each class to learn from, 6 to test on."""
    rng = np.random.default_rng(0)
    found = {}
    for part, count in (("train", 30), ("t10k", 6)):
        labels = np.tile(np.arange(10, dtype=np.uint8), count)
        found[f"{part}-images-idx3-ubyte"] = _idx(np.stack([draw(int(label), rng) for label in labels]))
        found[f"{part}-labels-idx1-ubyte"] = _idx(labels)
    return found


def _idx(array: Uint8Array) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


FILES = make_files()
RUN = ((*TRAIN, "0"),)
EXPORTED = (*RUN, ("export", "--format", "torchscript", "--format", "onnx"), ("verify", "--max-flips", "60"))
PARTLY = (".partial", ".journal")
STATE = (resume.FILE,)
SCENES = {
    "train": Scene(RUN, (*TRAIN, "1"), read_runs, partly=STATE),
    "train-first": Scene((), (*TRAIN, "1"), read_runs, partly=STATE),
    "resume": Scene((), (*TRAIN, "1", "--resume", "--save-every", "0"), read_runs, partly=STATE),
    "export": Scene((*EXPORTED, (*TRAIN, "1")), EXPORT, read_exports),
    "export-first": Scene(RUN, EXPORT, read_exports),
    "verify": Scene(
        (*RUN, EXPORT, ("verify", "--max-flips", "60")), ("verify", "--max-flips", "50"), read_exports, tells=True
    ),
    "score": Scene((*RUN, EXPORT), (*SCORE, "a.csv"), read_rows, (*SCORE, "a.csv", "--resume"), images, PARTLY),
    "parquet": Scene(
        (*RUN, EXPORT), (*SCORE, "a.parquet"), read_rows, (*SCORE, "a.parquet", "--resume"), images, PARTLY
    ),
    "fetch": Scene((), FETCH, read_data, find=damage),
    "fetch-first": Scene((), FETCH, read_data),
}


def make_small() -> None:
    """Put the drawn digits in the place of MNIST, and one mirror on this machine in the place of its own."""
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
    IDX_SETS["mnist"] = dataclasses.replace(IDX_SETS["mnist"], files=hashes)
    sinks.COMMIT_SECONDS = 0.0  # after every batch
    download.SCHEME = "http"


def ask_mirrors(*addresses: str, seconds: float = 60.0) -> None:
    """Fetch from there from now on, with so much patience for a byte, and half as much again for a file."""
    download.READ_SECONDS, download.FILE_SECONDS = seconds, 1.5 * seconds
    IDX_SETS["mnist"] = dataclasses.replace(IDX_SETS["mnist"], mirrors=addresses)
