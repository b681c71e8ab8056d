"""What `verify` found of exported files, and the limits that it let them pass by."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from edgedigits.records.arguments import checked
from edgedigits.records.footprint import MAIN, Footprint
from edgedigits.records.record import OPTIONAL, Record, require

if TYPE_CHECKING:
    from edgedigits.records.arrays import Scores

TORCH_MODEL, ANSWERS, RECORDED, OTHER_FILE = "torch model", "answers", "manifest", "file"  # what is compared with
ADOPTED_FILE = "adopted file"
WORDS = {TORCH_MODEL: "torch", OTHER_FILE: "the other file", ADOPTED_FILE: "the adopted file"}  # for these
FILES = (OTHER_FILE, ADOPTED_FILE)  # of these, what is no torch model and is asked all the same
DEVICE_LIMITS = ("max_flash", "max_ram", "max_instructions")  # fields of Limits


def reference_of(reports: Iterable["ParityReport"]) -> str:
    """What files were compared with: a torch model, another file or an adopted one; empty where not all with one."""
    found = {report.compared_with for report in reports}
    only = found.pop() if len(found) == 1 else ""
    return only if only in (TORCH_MODEL, *FILES) else ""


def in_words(compared_with: str) -> str:
    """What a file was compared with, as a sentence calls it."""
    return WORDS.get(compared_with, "the model")


@checked
@dataclass(frozen=True)
class Limits(Record):
    """What `verify` lets pass; None is no limit.

    max_flips        test images whose predicted class may differ from the torch model's
    max_drop         accuracy that may be lost, as a fraction; one image always may
    max_logit_diff   largest absolute difference of any logit; a format's own is a part of their range (`scaled`)
    min_accuracy     accuracy that a file must reach, as a fraction
    max_size         bytes
    max_latency_us   median microseconds of one image, on one thread

    Those of DEVICE_LIMITS are of C files alone, and of figures of their Footprint, on a Cortex-M3:

    max_flash          bytes
    max_ram            bytes of scratch and stack
    max_instructions   of an image
    """

    max_flips: int | None = None
    max_drop: float | None = None
    max_logit_diff: float | None = None
    min_accuracy: float | None = None
    max_size: int | None = None
    max_latency_us: float | None = None
    max_flash: int | None = field(default=None, metadata=OPTIONAL)
    max_ram: int | None = field(default=None, metadata=OPTIONAL)
    max_instructions: int | None = field(default=None, metadata=OPTIONAL)

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            require(value is None or value >= 0, name, "0 or more", value)
        for name in ("max_drop", "min_accuracy"):
            value = getattr(self, name)
            require(value is None or value <= 1, name, "at most 1, a fraction", value)

    @property
    def of_devices(self) -> bool:
        """Whether one of DEVICE_LIMITS is set."""
        return any(getattr(self, name) is not None for name in DEVICE_LIMITS)

    def without_devices(self) -> "Limits":
        """The same for a file that is not for them."""
        return replace(self, **dict.fromkeys(DEVICE_LIMITS))

    def scaled(self, scores: "Scores") -> "Limits":
        """The same for a model with such scores: what one may be off by grows with their range, where that is above 1.

        float32 has 7 digits: the logits of a network that was never normalized are in the thousands, and so exact.
        """
        if self.max_logit_diff is None:
            return self
        return replace(self, max_logit_diff=self.max_logit_diff * max(1.0, float(scores.max() - scores.min())))


@dataclass(frozen=True)
class EngineRef(Record):
    """What ran a file: an engine of `edgedigits/runtime/engines`, and the version of the runtime behind it.

    setting   in which it was called; None for `default`
    """

    name: str
    version: str
    setting: str | None = field(default=None, metadata=OPTIONAL)

    def __str__(self) -> str:
        return f"{self.name} {self.version}{f', {self.setting}' if self.setting else ''}"


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
class InSetting(Record):
    """A file in one of its engine's settings: what users get who call it so, over the whole test set.

    accuracy       a fraction
    flips          answers that differ from the torch model's, and
    max_abs_diff   the largest difference of any logit from its; None where that is not at hand
    judged         whether the verdict is about this one
    """

    setting: str
    accuracy: float
    flips: int | None
    max_abs_diff: float | None
    judged: bool


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
    """One file against the torch model it came from, or what is named in its place, over a test set.

    Figures are None, and `readable` is false, when the file or its checkpoint could not be read.

    compared_with   "torch model"; where that cannot be asked, and `missing` says why, "answers", which export recorded
                    of it, or "manifest": then its accuracy is what the manifest recorded, and figures of single
                    answers are None; or "file", where another one is asked; or "adopted file", the one that the model
                    was adopted from, where that is an ONNX graph
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
    unchecked       limits, as options name them, whose figure is missing; one that was asked for is a failure, too
    engine          what ran it; None where that was what runs files of its format by default, but for C files
    settings        the file in each setting of that engine, where it has several
    sampled_from    test images there are, where `samples` are some of them; indices are still those of all
    against         what somebody named to compare with: a run or a file
    reading         how a file that says nothing of its input was shown the images
    compared_as     what was compared where it was not logits: "log-probabilities" or "probabilities"
    remarks         what is to be said of such a file, or of what was not asked, in words; no failures
    footprint       what a C file takes of a microcontroller, where that has a limit
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
    settings: tuple[InSetting, ...] = field(default=(), metadata=OPTIONAL)
    unchecked: tuple[str, ...] = field(default=(), metadata=OPTIONAL)
    missing: str | None = field(default=None, metadata=OPTIONAL)
    sampled_from: int | None = field(default=None, metadata=OPTIONAL)
    against: str | None = field(default=None, metadata=OPTIONAL)
    reading: str | None = field(default=None, metadata=OPTIONAL)
    compared_as: str | None = field(default=None, metadata=OPTIONAL)
    remarks: tuple[str, ...] = field(default=(), metadata=OPTIONAL)
    footprint: Footprint | None = field(default=None, metadata=OPTIONAL)

    @property
    def flash(self) -> int | None:
        """Bytes on a Cortex-M3."""
        return self.footprint.flash if self.footprint else None

    @property
    def ram(self) -> int | None:
        """Bytes of scratch and stack there."""
        return self.footprint.ram if self.footprint else None

    @property
    def instructions(self) -> int | None:
        """Of an image there."""
        return self.footprint.instructions.get(MAIN) if self.footprint else None


@dataclass(frozen=True)
class Verification(Record):
    """All reports of one `verify`: what `--json` prints and `parity.json` holds; fields after them as in them.

    signer   who signed the manifests of all files, where somebody expected to be told
    """

    passed: bool
    dataset: str
    samples: int
    reports: tuple[ParityReport, ...]
    engine: EngineRef | None = field(default=None, metadata=OPTIONAL)
    sampled_from: int | None = field(default=None, metadata=OPTIONAL)
    against: str | None = field(default=None, metadata=OPTIONAL)
    signer: str | None = field(default=None, metadata=OPTIONAL)

    @classmethod
    def of(cls, reports: Sequence[ParityReport]) -> "Verification":
        """What the reports of files say together."""
        whole = {report.dataset: report.sampled_from for report in reports if report.sampled_from}
        used = {report.dataset: report.samples for report in reports if report.dataset}
        return cls(
            passed=all(report.passed for report in reports),
            dataset=", ".join(sorted(used)),
            samples=sum(used.values()),
            reports=tuple(reports),
            sampled_from=sum(whole.values()) or None,
        )
