"""Make exported files again from their manifest: `reproduce("exports/cnn")` gives a Reproduction.

    manifest.json ──train, or those that were adopted──> weights ──export──> files, compared by SHA-256 with the listed

The manifest says which data, recipe, seed, versions, threads and processor made which bytes. On the same kind of
machine they come out again, to the byte; where they do not, what differs from then is named. TorchScript alone
promises less: torch numbers the names in its files by what else the process exported.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edgedigits.data import published
from edgedigits.data.dataset import Dataset
from edgedigits.data.load import trained_on
from edgedigits.errors import BadInput, DataError
from edgedigits.export import manifest
from edgedigits.export.manifest import read_manifest
from edgedigits.models.checkpoint import find_run, read_checkpoint
from edgedigits.records.arguments import checked
from edgedigits.records.artifact import Artifact, Manifest
from edgedigits.records.model import Checkpoint
from edgedigits.records.progress import Observer, ignore
from edgedigits.records.record import Record
from edgedigits.runtime.names import find_place
from edgedigits.runtime.safety.trust import read_model
from edgedigits.system import environment
from edgedigits.system.places import temporary_folder


@dataclass(frozen=True)
class Reproduced(Record):
    """A file made again: the SHA-256 that its manifest recorded, and the one that came out."""

    file: str
    recorded: str
    found: str
    same: bool


@dataclass(frozen=True)
class Reproduction(Record):
    """A model and its files, made again from their manifest.

    files     the weights first
    changed   on what bytes depend that is not as it was then, in words: versions, threads, the processor
    """

    name: str
    same: bool
    files: tuple[Reproduced, ...]
    changed: tuple[str, ...]


@checked
def reproduce(
    folder: str | Path,
    *,
    dataset: str | Path | Dataset | None = None,
    data_dir: Path | None = None,
    keep: str | Path | None = None,
    runs: str | Path = "runs",
    exports: str | Path = "exports",
    observer: Observer = ignore,
) -> Reproduction:
    """Train and export anew what the manifest in a folder lists, elsewhere, and compare the bytes.

    A model that was adopted is not trained: its files are exported anew from the adopted weights.

    dataset    the one that it was trained on, where that is a folder of images: the manifest holds no path
    data_dir   where published data sets lie, if not in the default place
    runs       where adopted weights are, which are found by their SHA-256
    exports    where `folder` is looked up, when it is the name of a model
    keep       a folder for what is made; without it, it is removed

    With as many threads as then. Raises BadInput where the folder holds no files, they changed since, or the adopted
    weights are not at hand; DataError where the data set is not the recorded one, UsageError where this version has no
    such preset, and MissingCapability where a device or a format is lacking.
    """
    environment.import_torch("edgedigits reproduce")
    from edgedigits.export.exporter import export

    listing = _listing(find_place(folder, Path(exports)))
    record = listing.checkpoint
    adopted = _adopted(record, Path(runs)) if record.adopted else None
    digits = _dataset(record, dataset, data_dir)
    with _place(keep) as place, environment.torch_threads(record.threads):
        run = adopted or _trained(record, digits, place / "runs", observer)
        run = dataclasses.replace(run, name=record.name)
        names = [artifact.format for artifact in listing.artifacts]
        made = export(run, names, dataset=digits, exports=place / "exports", observer=observer)
        again = read_manifest(place / "exports" / run.name)
    found = {listed.file: listed.sha256 for listed in (again.listed if again else ())}
    compared = [_compare(record.weights, record.weights_sha256, run.weights_sha256)]
    compared += [_compare(listed.file, listed.sha256, found[listed.file]) for listed in listing.listed]
    return Reproduction(
        name=record.name,
        same=all(file.same for file in compared),
        files=tuple(compared),
        changed=_changed(_circumstances(record, listing.artifacts), _circumstances(run, made)),
    )


def _listing(folder: Path) -> Manifest:
    """The manifest of a folder, whose files are as it says. Raises BadInput."""
    listing = read_manifest(folder)
    if listing is None or not listing.artifacts:
        raise BadInput(f"{folder}: no {manifest.FILE} that lists files. Name a folder that edgedigits export wrote.")
    for artifact in listing.artifacts:
        read_model(folder / artifact.file)
    return listing


def _adopted(record: Checkpoint, runs: Path) -> Checkpoint:
    """The run that holds the weights that a model was adopted with. Raises BadInput and CheckpointError."""
    folder, source = find_run(record.weights_sha256, runs), record.adopted
    if folder is None:
        came = f" from {source.file} (SHA-256 {source.sha256[:12]}…)" if source else ""
        raise BadInput(
            f"{record.name}: was adopted{came}, and its weights {record.weights_sha256[:12]}… are not in {runs}. Name "
            "the folder with --runs, or adopt that file again."
        )
    return read_checkpoint(folder)


def _trained(record: Checkpoint, digits: Dataset, runs: Path, observer: Observer) -> Checkpoint:
    """A run of the same recipe. Raises UsageError and MissingCapability."""
    from edgedigits.train.trainer import train

    return train(
        record.model,
        digits,
        recipe=record.setup().recipe,
        device=record.device.partition(":")[0],
        runs=runs,
        threads=record.threads,
        observer=observer,
    )


def _dataset(record: Checkpoint, named: str | Path | Dataset | None, data_dir: Path | None) -> Dataset:
    if named is None and record.dataset.source not in published.KNOWN:
        raise DataError(f"{record.name} was trained on the images of a folder, '{record.dataset.name}': add --dataset.")
    return trained_on(record, named, data_dir)


@contextmanager
def _place(keep: str | Path | None) -> Iterator[Path]:
    if keep is not None:
        yield Path(keep)
        return
    with temporary_folder() as folder:
        yield folder


def _compare(file: str, recorded: str, found: str) -> Reproduced:
    return Reproduced(file, recorded, found, same=recorded == found)


def _changed(then: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """In words, on what the bytes depend that is not as it was; where they differ, it is the likely cause."""
    known = [name for name in then if name in now]
    return tuple(f"{name}: {then[name]} then, {now[name]} now" for name in known if then[name] != now[name])


def _circumstances(record: Checkpoint, artifacts: Sequence[Artifact]) -> dict[str, str]:
    """Where and with what a checkpoint and its files were made, as far as their records say.

    Of one that was adopted, its files alone: they are what is made anew.
    """
    network = record.spec.network
    found = {
        "threads": str(record.threads),
        "processes": str(record.processes),
        "network": network.describe(),
        "input": network.input.to_line(),
    }
    described: list[Artifact | Checkpoint] = [*artifacts] if record.adopted else [*artifacts, record]
    for about in described:
        found |= about.versions
        if about.processor:
            found["processor"] = about.processor
    return found
