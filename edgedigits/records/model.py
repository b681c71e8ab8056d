"""A model and its training as data: network, recipe, data set, what happened, and the checkpoint they end in."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from edgedigits.errors import UsageError
from edgedigits.records import earlier
from edgedigits.records.adoption import Adoption
from edgedigits.records.arguments import checked
from edgedigits.records.foreign import ForeignNetwork
from edgedigits.records.network import IMAGE_SHAPE as IMAGE_SHAPE
from edgedigits.records.network import Network, refused
from edgedigits.records.record import LOCAL, OPTIONAL, Record, require, require_plain

OPTIMIZERS = ("adam", "adamw", "muon")
SCHEDULES = ("constant", "one-cycle")
PRECISIONS = ("float32", "bfloat16", "auto")


@checked
@dataclass(frozen=True)
class ModelSpec(Record):
    """A network, complete: enough to build it and to feed it.

    network   what its input is, and its layers; or how a graph of somebody else's is asked, which is kept whole
    labels    one string a class, in the order of what the last layer gives
    """

    former: ClassVar = (earlier.EarlierSpec,)
    network: Network | ForeignNetwork
    labels: tuple[str, ...] = tuple("0123456789")

    def __post_init__(self) -> None:
        require(len(self.labels) >= 2, "labels", "at least two classes", self.labels)
        require(len(set(self.labels)) == len(self.labels), "labels", "no class twice", self.labels)
        require(self.network.parameters > 0, "network", "layers with weights", self.network.describe()[:60])
        if isinstance(self.network, ForeignNetwork):
            require(
                len(self.network.columns) == len(self.labels), "columns", "one for each label", self.network.columns
            )
            return
        last = self.network.layers[-1].name
        found, wanted = self.network.shapes[last], (len(self.labels),)
        if found != wanted:
            raise refused(last, f"gives {list(found)}, {list(wanted)} wanted: one value for each label")

    @property
    def listed(self) -> Network:
        """The network as a list of layers. Raises UsageError where it is kept whole."""
        if isinstance(self.network, ForeignNetwork):
            raise UsageError(f"{self.network.describe()}: torch has no form of it, and its layers are not known")
        return self.network

    def with_labels(self, labels: tuple[str, ...]) -> "ModelSpec":
        """The same for other classes: the last layer gives as many values."""
        if len(labels) == len(self.labels):
            return dataclasses.replace(self, labels=labels)
        return ModelSpec(self.listed.with_classes(len(labels)), labels)

    @classmethod
    def modernized(cls, data: dict[str, Any], where: str) -> dict[str, Any]:
        """The first version had networks by name, with parameters."""
        return earlier.modernized(data, where) if "family" in data else data


@checked
@dataclass(frozen=True)
class Recipe(Record):
    """How a network is trained. All that the result depends on, but for the data and the machine.

    schedule     "constant", or "one-cycle" (Smith 2018, arXiv:1803.09820): the learning rate climbs to
                 its peak and falls to nearly zero, once over the whole training
    shift, rotate, zoom   augmentation, at random each time an image is seen: moved by up to so many pixels each
                 way, turned by up to so many degrees, made larger or smaller by up to such a fraction
    shear, bend  the same: slanted by up to such a fraction of the height; points of a coarse grid, and all between
                 them, moved by up to so many pixels each way (elastic distortion)
    average      the weights at the end are a mean over all steps, in which each step's count for such a part of the
                 next one's: 0.999 is a mean over the last thousand or so; None: they are the last
    teacher      SHA-256 of the weights of a run whose probabilities are learned, beside the labels
    precision    of the products while training: "float32", "bfloat16", or "auto", which `train` replaces by
                 bfloat16 where the device multiplies it natively, else float32; weights are float32
    validation   the part of the training images that is held out; nothing but this is looked at when
                 a recipe is chosen, and never the test images
    written      images are changed as people write and photograph digits (`train/written.py`). The last ones are held
                 out, on which the flaws of pictures are measured
    outliers     for each image, so many of what is no digit, which no class is to answer (`train/outliers.py`)
    """

    epochs: int
    batch_size: int
    lr: float
    optimizer: str = "adam"
    betas: tuple[float, ...] = (0.9, 0.999)
    weight_decay: float = 0.0
    schedule: str = "constant"
    shift: int = 0
    rotate: float = 0.0
    zoom: float = 0.0
    precision: str = "float32"
    validation: float = 0.0
    seed: int = 0
    written: bool | None = field(default=None, metadata=OPTIONAL)
    outliers: float | None = field(default=None, metadata=OPTIONAL)
    shear: float | None = field(default=None, metadata=OPTIONAL)
    average: float | None = field(default=None, metadata=OPTIONAL)
    teacher: str | None = field(default=None, metadata=OPTIONAL)
    bend: float | None = field(default=None, metadata=OPTIONAL)

    def __post_init__(self) -> None:
        require(self.epochs >= 1, "epochs", "at least 1", self.epochs)
        require(self.batch_size >= 1, "batch_size", "at least 1", self.batch_size)
        require(0 < self.lr < float("inf"), "lr", "a positive number", self.lr)
        require(self.optimizer in OPTIMIZERS, "optimizer", " or ".join(OPTIMIZERS), self.optimizer)
        require(len(self.betas) == 2 and all(0 <= b < 1 for b in self.betas), "betas", "two of 0..1", self.betas)
        require(0 <= self.weight_decay < float("inf"), "weight_decay", "0 or more", self.weight_decay)
        require(self.schedule in SCHEDULES, "schedule", " or ".join(SCHEDULES), self.schedule)
        require(0 <= self.shift <= 8, "shift", "0 to 8 pixels", self.shift)
        require(0 <= self.rotate <= 180, "rotate", "0 to 180 degrees", self.rotate)
        require(0 <= self.zoom <= 0.5, "zoom", "0 to 0.5", self.zoom)
        require(self.shear is None or 0 <= self.shear <= 0.5, "shear", "0 to 0.5", self.shear)
        require(self.bend is None or 0 <= self.bend <= 4, "bend", "0 to 4 pixels", self.bend)
        require(self.average is None or 0 < self.average < 1, "average", "between 0 and 1", self.average)
        require(self.teacher is None or len(self.teacher) == 64, "teacher", "a SHA-256", self.teacher)
        require(self.precision in PRECISIONS, "precision", " or ".join(PRECISIONS), self.precision)
        require(0 <= self.validation <= 0.5, "validation", "0 to 0.5", self.validation)
        require(0 <= self.seed < 2**63, "seed", "0 or more", self.seed)
        require(0 <= (self.outliers or 0) <= 1, "outliers", "0 to 1", self.outliers)
        require(
            bool(self.written) or not self.outliers, "outliers", "none, where images are not written", self.outliers
        )


@dataclass(frozen=True)
class DatasetRef(Record):
    """Which data: a name to speak of, a SHA-256 to join by, and where the user said it is.

    source       a known name ("mnist") or the folder or file as it was given
    dark_ink     its images, of one's own, show dark ink on a light ground
    """

    name: str
    sha256: str
    source: str
    dark_ink: bool = False


@dataclass(frozen=True)
class Epoch(Record):
    """One line of the history. `loss` and `accuracy` are means over the batches while they trained."""

    epoch: int
    loss: float
    accuracy: float
    lr: float
    seconds: float
    images_per_second: float
    validation_loss: float | None = None
    validation_accuracy: float | None = None


@dataclass(frozen=True)
class History(Record):
    """What happened during a training, epoch by epoch."""

    epochs: tuple[Epoch, ...]


@dataclass(frozen=True)
class Metrics(Record):
    """What a training reached, measured once, after its last epoch.

    train_accuracy   on all training images; of an adopted model, on those that it was asked: `adopted.digits` of them
    """

    test_accuracy: float
    train_accuracy: float
    validation_accuracy: float | None
    train_seconds: float


@dataclass(frozen=True)
class Checkpoint(Record):
    """A trained model: the record in `checkpoint.json`, beside its weights.

    name             of the run: the preset's, with `-<dataset>` behind it when that is not MNIST
    model            the preset; of an adopted model, the name it was given
    recipe           how it was trained here; None where it was adopted
    dataset          that it was trained on; of an adopted model, whose digits it was asked
    weights          file name of the weights (safetensors), in the record's own folder
    weights_sha256   identifies the checkpoint everywhere: the weights file also holds the ModelSpec
    threads          of torch while it trained; the same seed gives the same bytes for the same number
    processes        that trained it together, each with so many threads; sums are rounded otherwise for another number
    processor        the kind that trained it, which may round otherwise too; None where an early version did not say
    adopted          where it comes from, where it was not trained here
    """

    name: str
    model: str
    spec: ModelSpec
    recipe: Recipe | None
    dataset: DatasetRef
    metrics: Metrics
    versions: Mapping[str, str]
    device: str
    threads: int
    weights: str = "model.safetensors"
    weights_sha256: str = ""
    processes: int = 1
    processor: str | None = field(default=None, metadata=OPTIONAL)
    adopted: Adoption | None = field(default=None, metadata=OPTIONAL)
    folder: Path = field(default=Path(), compare=False, metadata=LOCAL)

    def __post_init__(self) -> None:
        require_plain("name", self.name)
        require_plain("weights", self.weights)
        require((self.recipe is None) != (self.adopted is None), "recipe", "one, or where it was adopted", self.recipe)

    def setup(self) -> "Setup":
        """What its training depended on. Raises UsageError where it was adopted: nobody knows."""
        if self.recipe is None:
            raise UsageError(f"{self.name}: was adopted, and how it was trained is not known.")
        return Setup(
            model=self.model,
            spec=self.spec,
            recipe=self.recipe,
            dataset=self.dataset.sha256,
            device=self.device,
            processor=self.processor or "",
            threads=self.threads,
            processes=self.processes,
            versions=self.versions,
        )

    def anonymous(self) -> "Checkpoint":
        """The same without the path of the user's data, for files that leave this machine."""
        return dataclasses.replace(self, dataset=dataclasses.replace(self.dataset, source=self.dataset.name))


@dataclass(frozen=True)
class Setup(Record):
    """All that the bytes of a training depend on: two with the same one end alike.

    dataset     SHA-256
    processor   which kind: another may round products otherwise
    """

    model: str
    spec: ModelSpec
    recipe: Recipe
    dataset: str
    device: str
    processor: str
    threads: int
    processes: int
    versions: Mapping[str, str]
