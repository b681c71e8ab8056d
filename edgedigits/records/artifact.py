"""Exported files: the contract that each carries, and the manifest that lists them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edgedigits.records.model import IMAGE_SHAPE, Checkpoint
from edgedigits.records.record import LOCAL, OPTIONAL, Record, require, require_plain

MANIFEST = "manifest.json"  # in a folder of exported files
ANSWERS = "answers.safetensors"  # beside it
CONTRACT_KEY = "edgedigits.contract"  # of the metadata of a file, or of an extra file in its archive
CONTRACT_VERSION = 1
WHOLE = "whole"  # a framing of canvases: nothing is looked for on them, the network is shown all, ink light or dark
ON_DARK, ON_LIGHT = "whole, light on dark", "whole, dark on light"  # the same, where that cannot be told from a picture
FRAMINGS = (None, WHOLE, ON_DARK, ON_LIGHT)
MANIFEST_VERSION = 1


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
    source_sha256    of a C file, with zeros in the place of this
    framing          of canvases, one of FRAMINGS: None where a digit is found on them
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
    source_sha256: str | None = field(default=None, metadata=OPTIONAL)
    framing: str | None = field(default=None, metadata=OPTIONAL)

    def __post_init__(self) -> None:
        if not self.outputs:  # both have one column a label, which a default cannot know
            names = ("logits", "probabilities")
            outputs = tuple(TensorSpec(n, "float32", ("batch", len(self.labels))) for n in names)
            object.__setattr__(self, "outputs", outputs)
        require(self.version == CONTRACT_VERSION, "version", f"{CONTRACT_VERSION}", self.version)
        require(self.temperature is None or self.temperature > 0, "temperature", "above 0", self.temperature)
        require(self.framing in FRAMINGS, "framing", f"one of {FRAMINGS}", self.framing)
        require(self.threshold is None or 0 <= self.threshold <= 1, "threshold", "0 to 1", self.threshold)

    @classmethod
    def of(cls, checkpoint: Checkpoint, format_name: str) -> "Contract":
        """The contract of a file that is made from a checkpoint."""
        return cls(
            format=format_name,
            labels=checkpoint.spec.labels,
            checkpoint_sha256=checkpoint.weights_sha256,
            dataset=checkpoint.dataset.name,
            test_accuracy=checkpoint.metrics.test_accuracy,
        )


@dataclass(frozen=True)
class Refusal(Record):
    """When a canvas file's answer is "no digit", and how that was found: on held-out digits, never on test images.

    temperature, threshold      as in the Contract
    samples                     held-out digits that both were chosen on
    error_before, error_after   expected calibration error there, 0 to 1, without the temperature and with it
    refused                     share refused of the held-out digits, and of each kind of canvas without a digit
    framing                     as in the Contract
    framed                      where that is not None: the accuracy on held-out pictures, framed as digits and whole
    """

    temperature: float
    threshold: float
    samples: int
    error_before: float
    error_after: float
    refused: Mapping[str, float]
    framing: str | None = field(default=None, metadata=OPTIONAL)
    framed: Mapping[str, float] | None = field(default=None, metadata=OPTIONAL)


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
        require_plain("name", self.name)
        require_plain("file", self.file)

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self.folder / self.file


@dataclass(frozen=True)
class Answers(Record):
    """The torch model's answers to a test split, in a file beside the exported ones, as their manifest describes it.

    dataset_sha256   of the data set whose split it is
    samples          images of the split, all of them, in its order
    """

    size_bytes: int
    sha256: str
    checkpoint_sha256: str
    dataset_sha256: str
    samples: int
    file: str = ANSWERS
    folder: Path = field(default=Path(), compare=False, metadata=LOCAL)

    def __post_init__(self) -> None:
        require_plain("file", self.file)
        require(self.samples > 0, "samples", "1 or more", self.samples)

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self.folder / self.file


@dataclass(frozen=True)
class Manifest(Record):
    """`manifest.json`: the files of one folder, all made from one checkpoint.

    answers   None where the images to ask the torch model were not at hand, and in folders of earlier versions
    """

    checkpoint: Checkpoint
    artifacts: tuple[Artifact, ...]
    version: int = MANIFEST_VERSION
    answers: Answers | None = field(default=None, metadata=OPTIONAL)

    def __post_init__(self) -> None:
        require(self.version == MANIFEST_VERSION, "version", f"{MANIFEST_VERSION}", self.version)
        name, weights = self.checkpoint.name, self.checkpoint.weights_sha256
        for artifact in self.artifacts:
            require(artifact.name == name, f"{artifact.file}: name", f"the checkpoint's, '{name}',", artifact.name)
        for listed in self.listed:
            found = listed.checkpoint_sha256
            require(found == weights, f"{listed.file}: checkpoint_sha256", f"the checkpoint's, {weights},", found)
        names = [listed.file for listed in self.listed]
        require(len(set(names)) == len(names), "artifacts", "no file twice", names)

    @property
    def listed(self) -> "tuple[Artifact | Answers, ...]":
        """All files that it lists."""
        return (*self.artifacts, *([self.answers] if self.answers else []))


@dataclass(frozen=True)
class TensorInfo(Record):
    """A tensor stored in a file: its element type, its shape, and the bytes of its values."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    bytes: int
