"""What travels between the stages: frozen dataclasses that become JSON and come back.

    ModelSpec, Recipe ──train──> Checkpoint ──export──> Artifact ──verify──> ParityReport

Records are joined by SHA-256, never by file name. Fractions are fractions (0.99, not 99), sizes are
bytes, times are seconds. Fields marked LOCAL say where a record was found; they are never written.
Fields marked OPTIONAL are left out where they are None, so that what does without them keeps its bytes.
Standard library only, so that reading a record costs nothing.
"""

import dataclasses
import json
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from edgedigits import files
from edgedigits.errors import RecordError, UsageError

LOCAL: Mapping[str, bool] = {"local": True}
OPTIONAL: Mapping[str, bool] = {"optional": True}
IMAGE_SHAPE = (28, 28)
CONTRACT_VERSION = 1
MANIFEST_VERSION = 1
MOST_NAME = 255  # bytes of a file's name, on any system
MOST_BYTES = 64 << 20  # of a JSON file: the largest of ours, a page of flips, has a few

TORCH_MODEL, RECORDED = "torch model", "manifest"  # what a ParityReport compares with
OPTIMIZERS = ("adam", "adamw")
SCHEDULES = ("constant", "one-cycle")
PRECISIONS = ("float32", "bfloat16", "auto")


def _require(holds: bool, name: str, wanted: str, value: object) -> None:
    if not holds:
        raise UsageError(f"{name}: {wanted} wanted, {value!r} given")


def _require_plain(name: str, value: str) -> None:
    """Names become files and folders: none may lead out of where it is used."""
    plain = value not in ("", ".", "..") and not set(value) & set("/\\\0")
    encoded = value.encode(errors="ignore")
    fits = encoded.decode() == value and len(encoded) <= MOST_NAME
    _require(plain and fits, name, "a name without folders", value[:MOST_NAME])


class Record:
    """What all records can do: `to_dict`, `to_json`, and strictly back."""

    def to_dict(self) -> dict[str, Any]:
        """This record as JSON types, in the order of its fields, without the LOCAL ones."""
        values = {f: getattr(self, f.name) for f in _fields(type(self))}
        return {f.name: _encode(value) for f, value in values.items() if value is not None or not _optional(f)}

    def to_json(self) -> str:
        """This record as an indented JSON document that ends with a newline."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def to_line(self) -> str:
        """This record as JSON on one line, without spaces."""
        return json.dumps(self.to_dict(), separators=(",", ":"), ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_dict(cls, data: object) -> Self:
        """The record that `to_dict` gave. Raises RecordError on a missing, unknown or ill-typed field."""
        return typing.cast(Self, _decode(cls, data, cls.__name__))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The record that `to_json` gave. Raises RecordError."""
        try:
            data = json.loads(text, parse_constant=_no_constant)
            json.dumps(data, ensure_ascii=False).encode()  # or half a surrogate pair would break whoever writes it
            return cls.from_dict(data)
        except (ValueError, RecursionError) as error:
            raise RecordError(f"{cls.__name__}: not JSON ({error})") from error

    @classmethod
    def read(cls, path: Path) -> Self:
        """The record in a JSON file. Raises RecordError, which names the file."""
        try:
            return cls.from_json(files.read_bytes(path, MOST_BYTES))
        except OSError as error:
            raise RecordError(f"{path}: cannot be read ({error.strerror})") from error
        except RecordError as error:
            raise RecordError(f"{path}: {error}") from error


@dataclass(frozen=True)
class ModelSpec(Record):
    """A network, complete: enough to build it and to feed it.

    family       a file in `edgedigits/models`
    params       the keyword arguments of that family's network
    labels       one string a class, in the order of the logits
    mean, std    of the pixels after scaling to 0..1: the network sees (pixel / 255 - mean) / std
    """

    family: str
    params: Mapping[str, Any]
    labels: tuple[str, ...] = tuple("0123456789")
    mean: float = 0.0
    std: float = 1.0
    input_shape: tuple[int, ...] = IMAGE_SHAPE

    def __post_init__(self) -> None:
        _require(len(self.labels) >= 2, "labels", "at least two classes", self.labels)
        _require(len(set(self.labels)) == len(self.labels), "labels", "no class twice", self.labels)
        _require(self.input_shape == IMAGE_SHAPE, "input_shape", f"{IMAGE_SHAPE}", self.input_shape)
        _require(0 < self.std < float("inf"), "std", "a positive number", self.std)
        _require(abs(self.mean) < float("inf"), "mean", "a finite number", self.mean)


@dataclass(frozen=True)
class Recipe(Record):
    """How a network is trained. All that the result depends on, but for the data and the machine.

    schedule     "constant", or "one-cycle" (Smith 2018, arXiv:1803.09820): the learning rate climbs to
                 its peak and falls to nearly zero, once over the whole training
    shift, rotate, zoom   augmentation, at random each time an image is seen: moved by up to so many pixels each
                 way, turned by up to so many degrees, made larger or smaller by up to such a fraction
    precision    of the products while training: "float32", "bfloat16", or "auto", which `train` replaces by
                 bfloat16 where the device multiplies it natively, else float32; weights are float32
    validation   the part of the training images that is held out; nothing but this is looked at when
                 a recipe is chosen, and never the test images
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

    def __post_init__(self) -> None:
        _require(self.epochs >= 1, "epochs", "at least 1", self.epochs)
        _require(self.batch_size >= 1, "batch_size", "at least 1", self.batch_size)
        _require(0 < self.lr < float("inf"), "lr", "a positive number", self.lr)
        _require(self.optimizer in OPTIMIZERS, "optimizer", " or ".join(OPTIMIZERS), self.optimizer)
        _require(len(self.betas) == 2 and all(0 <= b < 1 for b in self.betas), "betas", "two of 0..1", self.betas)
        _require(0 <= self.weight_decay < float("inf"), "weight_decay", "0 or more", self.weight_decay)
        _require(self.schedule in SCHEDULES, "schedule", " or ".join(SCHEDULES), self.schedule)
        _require(0 <= self.shift <= 8, "shift", "0 to 8 pixels", self.shift)
        _require(0 <= self.rotate <= 180, "rotate", "0 to 180 degrees", self.rotate)
        _require(0 <= self.zoom <= 0.5, "zoom", "0 to 0.5", self.zoom)
        _require(self.precision in PRECISIONS, "precision", " or ".join(PRECISIONS), self.precision)
        _require(0 <= self.validation <= 0.5, "validation", "0 to 0.5", self.validation)
        _require(0 <= self.seed < 2**63, "seed", "0 or more", self.seed)


@dataclass(frozen=True)
class DatasetRef(Record):
    """Which data: a name to speak of, a SHA-256 to join by, and where the user said it is.

    source       a known name ("mnist") or the folder as it was given
    dark_ink     the folder's images show dark ink on a light ground
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
    """What a training reached, measured once, after its last epoch."""

    test_accuracy: float
    train_accuracy: float
    validation_accuracy: float | None
    train_seconds: float


@dataclass(frozen=True)
class Checkpoint(Record):
    """A trained model: the record in `checkpoint.json`, beside its weights.

    name             of the run: the preset's, with `-<dataset>` behind it when that is not MNIST
    weights          file name of the weights (safetensors), in the record's own folder
    weights_sha256   identifies the checkpoint everywhere: the weights file also holds the ModelSpec
    threads          of torch while it trained; the same seed gives the same bytes for the same number
    processes        that trained it together, each with so many threads; sums are rounded otherwise for another number
    processor        the kind that trained it, which may round otherwise too; None where an early version did not say
    """

    name: str
    model: str
    spec: ModelSpec
    recipe: Recipe
    dataset: DatasetRef
    metrics: Metrics
    versions: Mapping[str, str]
    device: str
    threads: int
    weights: str = "model.safetensors"
    weights_sha256: str = ""
    processes: int = 1
    processor: str | None = field(default=None, metadata=OPTIONAL)
    folder: Path = field(default=Path(), compare=False, metadata=LOCAL)

    def __post_init__(self) -> None:
        _require_plain("name", self.name)
        _require_plain("weights", self.weights)

    def setup(self) -> "Setup":
        """What its training depended on."""
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


@dataclass(frozen=True)
class Unfinished(Record):
    """How far an interrupted training came: what `resume.safetensors` says beside its tensors.

    step            steps done, of all epochs
    epochs          those that are complete
    epoch_seconds   of the one that is not
    seconds         of training, all parts together
    """

    setup: Setup
    step: int
    epochs: tuple[Epoch, ...]
    epoch_seconds: float
    seconds: float


@dataclass(frozen=True)
class TensorSpec(Record):
    """Name, type and shape of an input or output; a string in `shape` names a free axis."""

    name: str
    dtype: str
    shape: tuple[str | int, ...]


@dataclass(frozen=True)
class Contract(Record):
    """What an embedder must know, carried inside every exported file.

    polarity, range  what the pixels mean
    test_accuracy    of the torch model that the file was made from, on the test split of `dataset`
    sides            the shortest and the longest side of a canvas, in pixels; None where the size is fixed
    temperature      by which the logits are divided before the softmax; None is 1
    threshold        the probability below which an answer is "no digit"; None where every answer counts
    """

    format: str
    labels: tuple[str, ...]
    checkpoint_sha256: str
    dataset: str
    test_accuracy: float
    input: TensorSpec = TensorSpec("image", "uint8", ("batch", *IMAGE_SHAPE))
    outputs: tuple[TensorSpec, ...] = ()
    polarity: str = "background 0, ink 255"
    range: tuple[int, ...] = (0, 255)
    version: int = CONTRACT_VERSION
    sides: tuple[int, ...] | None = field(default=None, metadata=OPTIONAL)
    temperature: float | None = field(default=None, metadata=OPTIONAL)
    threshold: float | None = field(default=None, metadata=OPTIONAL)

    def __post_init__(self) -> None:
        if not self.outputs:  # both have one column a label, which a default cannot know
            names = ("logits", "probabilities")
            outputs = tuple(TensorSpec(n, "float32", ("batch", len(self.labels))) for n in names)
            object.__setattr__(self, "outputs", outputs)
        _require(self.version == CONTRACT_VERSION, "version", f"{CONTRACT_VERSION}", self.version)
        _require(self.temperature is None or self.temperature > 0, "temperature", "above 0", self.temperature)
        _require(self.threshold is None or 0 <= self.threshold <= 1, "threshold", "0 to 1", self.threshold)


@dataclass(frozen=True)
class Refusal(Record):
    """When a canvas file's answer is "no digit", and how that was found: on held-out digits, never on test images.

    temperature, threshold      as in the Contract
    samples                     held-out digits that both were chosen on
    error_before, error_after   expected calibration error there, 0 to 1, without the temperature and with it
    refused                     share refused of the held-out digits, and of each kind of canvas without a digit
    """

    temperature: float
    threshold: float
    samples: int
    error_before: float
    error_after: float
    refused: Mapping[str, float]


@dataclass(frozen=True)
class Calibration(Record):
    """The training images that a file's scales come from: how many, and the SHA-256 of their bytes, in order."""

    samples: int
    sha256: str


@dataclass(frozen=True)
class Artifact(Record):
    """An exported file, as its manifest describes it.

    calibration   None where no scale was calibrated
    refusal       None where the file gives an answer to everything
    processor     the kind that exported it: what was fitted or calibrated is rounded as it rounds
    """

    name: str
    format: str
    file: str
    size_bytes: int
    sha256: str
    checkpoint_sha256: str
    opset: int | None
    versions: Mapping[str, str]
    calibration: Calibration | None = None
    refusal: Refusal | None = field(default=None, metadata=OPTIONAL)
    processor: str | None = field(default=None, metadata=OPTIONAL)
    folder: Path = field(default=Path(), compare=False, metadata=LOCAL)

    def __post_init__(self) -> None:
        _require_plain("name", self.name)
        _require_plain("file", self.file)

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self.folder / self.file


@dataclass(frozen=True)
class Manifest(Record):
    """`manifest.json`: the files of one folder, all made from one checkpoint."""

    checkpoint: Checkpoint
    artifacts: tuple[Artifact, ...]
    version: int = MANIFEST_VERSION

    def __post_init__(self) -> None:
        _require(self.version == MANIFEST_VERSION, "version", f"{MANIFEST_VERSION}", self.version)
        name, weights = self.checkpoint.name, self.checkpoint.weights_sha256
        for artifact in self.artifacts:
            _require(artifact.name == name, f"{artifact.file}: name", f"the checkpoint's, '{name}',", artifact.name)
            found = artifact.checkpoint_sha256
            _require(found == weights, f"{artifact.file}: checkpoint_sha256", f"the checkpoint's, {weights},", found)
        names = [artifact.file for artifact in self.artifacts]
        _require(len(set(names)) == len(names), "artifacts", "no file twice", names)


@dataclass(frozen=True)
class Reproduced(Record):
    """A file made again: the SHA-256 that its manifest recorded, and the one that came out."""

    file: str
    recorded: str
    found: str
    same: bool


@dataclass(frozen=True)
class Reproduction(Record):
    """A model and its files, trained and exported again from their manifest.

    files     the weights first
    changed   on what bytes depend that is not as it was then, in words: versions, threads, the processor
    """

    name: str
    same: bool
    files: tuple[Reproduced, ...]
    changed: tuple[str, ...]


@dataclass(frozen=True)
class Limits(Record):
    """What `verify` lets pass; None is no limit.

    max_flips        test images whose predicted class may differ from the torch model's
    max_drop         accuracy that may be lost, as a fraction
    max_logit_diff   largest absolute difference of any logit
    min_accuracy     accuracy that a file must reach, as a fraction
    max_size         bytes
    max_latency_us   median microseconds of one image, on one thread
    """

    max_flips: int | None = None
    max_drop: float | None = None
    max_logit_diff: float | None = None
    min_accuracy: float | None = None
    max_size: int | None = None
    max_latency_us: float | None = None

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            _require(value is None or value >= 0, name, "0 or more", value)
        for name in ("max_drop", "min_accuracy"):
            value = getattr(self, name)
            _require(value is None or value <= 1, name, "at most 1, a fraction", value)


@dataclass(frozen=True)
class EngineRef(Record):
    """What ran a file: an engine of `edgedigits/engines`, and the version of the runtime behind it."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True)
class Deployment(Record):
    """A file run otherwise than in large batches: one image a call, another optimization level, two threads.

    flips          answers that differ from the torch model's; None where that is not at hand
    changed        answers that differ from the file's own in large batches
    max_abs_diff   largest difference of any logit from the file's own in large batches
    """

    setting: str
    samples: int
    flips: int | None
    changed: int
    max_abs_diff: float | None


@dataclass(frozen=True)
class Robustness(Record):
    """The file and the torch model on images off the test set; accuracies are None where no digit is shown."""

    condition: str
    samples: int
    flips: int
    max_abs_diff: float | None
    reference_accuracy: float | None
    accuracy: float | None


@dataclass(frozen=True)
class ParityReport(Record):
    """One file against the torch model it came from, over a whole test set.

    Figures are None, and `readable` is false, when the file or its checkpoint could not be read.

    compared_with   "torch model"; or "manifest" where the checkpoint is not at hand: then the torch model's
                    accuracy is what the manifest recorded, and figures of single answers are None
    interval        Wilson's 95% interval of each accuracy
    flip_indices    the test images whose predicted class differs; `lost` of them were right in
                    torch and became wrong, `gained` the other way
    flip_margins    torch's top minus second probability at each of them
    flip_answers    the classes that torch and the file predict there, as indices of labels
    mcnemar_p       exact p-value of lost against gained
    max_abs_diff    largest absolute difference of any logit, at `worst_image`; None also when a logit is
                    not finite, and then `worst_image` is the first that has one
    softmax_diff    largest difference of the probabilities from the softmax of the logits
    latency_us      median microseconds of one image a call, where it was measured
    failures        why it did not pass: one sentence each, beginning with the name of the check
    engine          what ran it; None where that was what runs files of its format by default
    """

    name: str
    format: str
    path: str
    sha256: str
    size_bytes: int
    dataset: str = ""
    samples: int = 0
    compared_with: str = TORCH_MODEL
    reference_accuracy: float | None = None
    reference_interval: tuple[float, ...] | None = None
    reference_by_class: tuple[float | None, ...] = ()
    accuracy: float | None = None
    interval: tuple[float, ...] | None = None
    by_class: tuple[float | None, ...] = ()
    flips: int | None = None
    flip_indices: tuple[int, ...] = ()
    flip_margins: tuple[float, ...] = ()
    flip_answers: tuple[tuple[int, ...], ...] = ()
    lost: int | None = None
    gained: int | None = None
    mcnemar_p: float | None = None
    max_abs_diff: float | None = None
    mean_abs_diff: float | None = None
    p999_abs_diff: float | None = None
    worst_image: int | None = None
    softmax_diff: float | None = None
    latency_us: float | None = None
    deployments: tuple[Deployment, ...] = ()
    robustness: tuple[Robustness, ...] = ()
    limits: Limits = Limits()
    passed: bool = False
    failures: tuple[str, ...] = ()
    readable: bool = True
    engine: EngineRef | None = field(default=None, metadata=OPTIONAL)


@dataclass(frozen=True)
class Verification(Record):
    """All reports of one `verify`: what `--json` prints and `parity.json` holds; `engine` as in them."""

    passed: bool
    dataset: str
    samples: int
    reports: tuple[ParityReport, ...]
    engine: EngineRef | None = field(default=None, metadata=OPTIONAL)


@dataclass(frozen=True)
class Ratios(Record):
    """Figures of one benchmark row over those of another: 2 is twice as many bytes, microseconds or images a second."""

    size: float
    latency: float
    latency_p99: float
    throughput: float


@dataclass(frozen=True)
class BenchRow(Record):
    """A file, or the torch model it came from (format "torch"), measured beside the others.

    path                         of the file, or of the torch model's weights
    flips                        answers that differ from the torch model's
    latency_us, latency_p99_us   median and 99th percentile of one image a call, in microseconds
    images_per_second            in large batches, median
    to_torch, to_float           these figures over those of the torch model, and of its float file; None
                                 where that was not measured
    """

    name: str
    format: str
    path: str
    checkpoint_sha256: str
    size_bytes: int
    accuracy: float
    flips: int
    latency_us: float = 0.0
    latency_p99_us: float = 0.0
    images_per_second: float = 0.0
    to_torch: Ratios | None = None
    to_float: Ratios | None = None


@dataclass(frozen=True)
class Benchmark(Record):
    """All rows of one `bench`, measured in one run; `slower` says which int8 files take longer than their float ones.

    threads, batch, calls   of every row: threads used, images of a large batch, timed calls of one image
    """

    dataset: str
    samples: int
    threads: int
    batch: int
    calls: int
    machine: str
    versions: Mapping[str, str]
    rows: tuple[BenchRow, ...]
    slower: tuple[str, ...] = ()


@dataclass(frozen=True)
class TensorInfo(Record):
    """A tensor stored in a file: its element type, its shape, and the bytes of its values."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    bytes: int


@dataclass(frozen=True)
class Runtime(Record):
    """A runtime, and the version from which it loads a file; None where no such is known, and `note` says why."""

    name: str
    minimum: str | None
    note: str


@dataclass(frozen=True)
class Inspection(Record):
    """What a file is, read without running it.

    checkpoint        the run folder of the checkpoint it came from; None where it is not at hand
    operators         how often the graph has each
    opset, ir_version of ONNX; None in other formats
    tensors           what is stored, the largest first
    parameters        elements of the tensors that hold weights, biases or scales
    quantized_share   the part of these that is stored in 8 bits, 0 to 1
    verified          what the parity report beside it says of it; None where there is none
    """

    path: str
    format: str
    size_bytes: int
    sha256: str
    contract: Contract
    checkpoint: str | None
    operators: Mapping[str, int]
    opset: int | None
    ir_version: int | None
    tensors: tuple[TensorInfo, ...]
    parameters: int
    quantized_share: float
    runtimes: tuple[Runtime, ...]
    verified: str | None = None


@dataclass(frozen=True)
class ScoreSummary(Record):
    """What a `score` did.

    items               of this shard, with those that could not be read and those that an earlier run did
    errors              items that could not be read: each has a row that says why
    resumed             items that were done already when this run began
    seconds             that this run took, from loading the model to the finished output
    images_per_second   of this run
    """

    model: str
    model_sha256: str
    input: str
    output: str
    shard: str
    items: int
    errors: int
    resumed: int
    seconds: float
    images_per_second: float


@dataclass(frozen=True)
class Embedding(Record):
    """A folder that runs a model in another program.

    models     its model files, the main one first
    files      all that was written, with sizes in bytes
    selftest   the command that proves runtime and preprocessing, run in the folder
    """

    target: str
    models: tuple[str, ...]
    files: Mapping[str, int]
    selftest: str
    folder: Path = field(default=Path(), compare=False, metadata=LOCAL)

    @property
    def size_bytes(self) -> int:
        """Of all files."""
        return sum(self.files.values())


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")  # JSON knows no NaN and no infinity, Python's reader does


def _fields(cls: type) -> tuple[dataclasses.Field[Any], ...]:
    return tuple(f for f in dataclasses.fields(cls) if not f.metadata.get("local"))


def _optional(f: dataclasses.Field[Any]) -> bool:
    return bool(f.metadata.get("optional"))


def _encode(value: Any) -> Any:
    if isinstance(value, Record):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {key: _encode(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_encode(item) for item in value]
    return value


def _decode(kind: Any, value: Any, where: str) -> Any:
    """`value`, which came from JSON, as the type `kind`; `where` names the field in errors."""
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return _frozen(value)
    if origin in (types.UnionType, typing.Union):
        return _decode_union(args, value, where)
    if origin is tuple:
        items = _expect(list, value, where)
        return tuple(_decode(args[0], item, f"{where}[{i}]") for i, item in enumerate(items))
    if origin is Mapping:
        entries = _expect(dict, value, where)
        return {key: _decode(args[1], item, f"{where}.{key}") for key, item in entries.items()}
    if isinstance(kind, type) and issubclass(kind, Record):
        return _decode_record(kind, _expect(dict, value, where), where)
    if kind is float:
        return _decode_float(value, where)
    return _expect(kind, value, where)


def _decode_float(value: Any, where: str) -> float:
    """A finite number: JSON does not tell 1 from 1.0, and Python's reader takes 1e999 for infinity."""
    try:
        number = float(value) if type(value) is int else _expect(float, value, where)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise RecordError(f"{where}: a finite number wanted")
    return number


def _decode_union(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and types.NoneType in kinds:
        return None
    present = [kind for kind in kinds if kind is not types.NoneType]
    fitting = [kind for kind in present if type(value) is kind]
    return _decode((fitting or present)[0], value, where)


def _decode_record(cls: type[Record], data: dict[str, Any], where: str) -> Record:
    known = {f.name: f for f in _fields(cls)}
    if extra := data.keys() - known.keys():
        raise RecordError(f"{where}: unknown field '{min(extra)}'")
    optional = (dataclasses.MISSING, dataclasses.MISSING)
    required = {name for name, f in known.items() if (f.default, f.default_factory) == optional}
    if missing := required - data.keys():
        raise RecordError(f"{where}: field '{min(missing)}' is missing")
    hints = typing.get_type_hints(cls)
    values = {name: _decode(hints[name], item, f"{where}.{name}") for name, item in data.items()}
    try:
        return cls(**values)
    except UsageError as error:
        raise RecordError(f"{where}: {error}") from error


def _expect(kind: type, value: Any, where: str) -> Any:
    if type(value) is not kind:  # not isinstance: True is no int here
        raise RecordError(f"{where}: {kind.__name__} wanted, {type(value).__name__} found")
    return value


def _frozen(value: Any) -> Any:
    """JSON's lists as tuples, so that a record read back equals the one written."""
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    if isinstance(value, dict):
        return {key: _frozen(item) for key, item in value.items()}
    return value
