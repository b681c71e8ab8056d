"""What `--json` prints where no record of a stage is the whole document: lists of what a command made, in one record.

Being records, they have a schema as all others (`edgedigits schema train`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from edgedigits.bench.figures import Measurement
from edgedigits.records.adoption import Adoption
from edgedigits.records.artifact import Artifact, Refusal
from edgedigits.records.footprint import Footprint
from edgedigits.records.foreign import ForeignNetwork
from edgedigits.records.model import Checkpoint, Recipe
from edgedigits.records.network import Network
from edgedigits.records.record import OPTIONAL, Record


@dataclass(frozen=True)
class TrainedRun(Record):
    """A run that `train` made; accuracies are fractions, `path` is its folder."""

    name: str
    model: str
    dataset: str
    path: str
    test_accuracy: float
    train_accuracy: float
    validation_accuracy: float | None
    train_seconds: float
    epochs: int
    seed: int
    device: str
    threads: int
    weights_sha256: str

    @classmethod
    def of(cls, run: Checkpoint) -> Self:
        """What a checkpoint says of a run that was trained here."""
        recipe, metrics = run.setup().recipe, run.metrics
        return cls(
            name=run.name,
            model=run.model,
            dataset=run.dataset.name,
            path=str(run.folder),
            test_accuracy=metrics.test_accuracy,
            train_accuracy=metrics.train_accuracy,
            validation_accuracy=metrics.validation_accuracy,
            train_seconds=metrics.train_seconds,
            epochs=recipe.epochs,
            seed=recipe.seed,
            device=run.device,
            threads=run.threads,
            weights_sha256=run.weights_sha256,
        )


@dataclass(frozen=True)
class Training(Record):
    """The document of `train`."""

    runs: tuple[TrainedRun, ...]


@dataclass(frozen=True, kw_only=True)
class AdoptedRun(Adoption):
    """The document of `adopt`: the run that was made, in the folder `path`, and how it was found.

    test_accuracy, train_accuracy   of the adopted model on all test images, and on the `digits` training digits that it
                                    was asked, as fractions
    """

    name: str
    path: str
    dataset: str
    test_accuracy: float
    train_accuracy: float
    weights_sha256: str
    network: Network | ForeignNetwork

    @classmethod
    def of(cls, run: Checkpoint, made: Adoption) -> Self:
        """What a checkpoint says of a run that was adopted."""
        return cls(
            **vars(made),
            name=run.name,
            path=str(run.folder),
            dataset=run.dataset.name,
            test_accuracy=run.metrics.test_accuracy,
            train_accuracy=run.metrics.train_accuracy,
            weights_sha256=run.weights_sha256,
            network=run.spec.network,
        )


@dataclass(frozen=True)
class ExportedFile(Record):
    """A file that `export` wrote.

    opset       of ONNX; None in other formats
    refusal     None where the file gives an answer to everything
    footprint   what a C file takes of a microcontroller
    """

    path: str
    name: str
    format: str
    size_bytes: int
    sha256: str
    checkpoint_sha256: str
    opset: int | None
    refusal: Refusal | None
    footprint: Footprint | None = field(default=None, metadata=OPTIONAL)

    @classmethod
    def of(cls, artifact: Artifact, footprint: Footprint | None = None) -> Self:
        """What a manifest says of a file, and where that is."""
        return cls(
            path=str(artifact.path),
            name=artifact.name,
            format=artifact.format,
            size_bytes=artifact.size_bytes,
            sha256=artifact.sha256,
            checkpoint_sha256=artifact.checkpoint_sha256,
            opset=artifact.opset,
            refusal=artifact.refusal,
            footprint=footprint,
        )


@dataclass(frozen=True)
class Exported(Record):
    """The document of `export`."""

    artifacts: tuple[ExportedFile, ...]


@dataclass(frozen=True)
class EmbeddedFolder(Record):
    """The document of `embed`: a folder that runs a model in another program.

    size_bytes   of all files
    models       its model files, the main one first
    files        all that was written, with sizes in bytes
    selftest     the command that proves runtime and preprocessing, run in the folder
    """

    path: str
    size_bytes: int
    target: str
    models: tuple[str, ...]
    files: Mapping[str, int]
    selftest: str


@dataclass(frozen=True)
class ModelCard(Record):
    """A card that was written."""

    name: str
    path: str


@dataclass(frozen=True)
class Cards(Record):
    """The document of `card`."""

    cards: tuple[ModelCard, ...]

    @classmethod
    def of(cls, paths: Iterable[Path]) -> Self:
        """The cards in these files, each named as its folder."""
        return cls(tuple(ModelCard(path.parent.name, str(path)) for path in paths))


@dataclass(frozen=True)
class PresetFacts(Record):
    """A preset: its network in words, its recipes by name, and what was measured of it."""

    name: str
    network: str
    parameters: int
    input: str
    recipes: Mapping[str, Recipe]
    measured: tuple[Measurement, ...]


@dataclass(frozen=True)
class Models(Record):
    """The document of `models`."""

    models: tuple[PresetFacts, ...]


@dataclass(frozen=True)
class DataFile(Record):
    """A raw file of a published data set.

    state    "whole", "missing" or "damaged"
    advice   what to do; None where it is whole
    """

    dataset: str
    path: str
    state: str
    advice: str | None


@dataclass(frozen=True)
class DataFiles(Record):
    """The document of `data`."""

    files: tuple[DataFile, ...]
