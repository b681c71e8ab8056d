"""The export formats, one file each. Adding a format is adding a file here, and its test.

A format is a module with the attributes of `Format`. The name of a quantized format is that of its
float format with a suffix of METHODS behind it, which is all that `--quantize` needs to know.
"""

import contextlib
import importlib
import io
import logging
import pkgutil
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, cast

import numpy as np
import numpy.typing as npt

from edgedigits import safety
from edgedigits.errors import ModelFileError, RecordError, UsageError, unknown
from edgedigits.records import IMAGE_SHAPE, Contract, Limits, Record, Refusal, TensorInfo

if TYPE_CHECKING:
    from edgedigits.models import Deployed

NAMES = tuple(sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__)))
METHODS = {"dynamic": "-int8", "static": "-static"}  # of quantization, and the suffix of its formats
INPUTS = {"digit": "", "canvas": "-canvas"}  # what an image shows, and the suffix of its formats
FLOAT_NAMES = tuple(name for name in NAMES if not name.endswith(tuple(METHODS.values())))
DEFAULT_NAMES = ("onnx", "torchscript")  # what `export` writes when no format is named

FLOAT_LIMITS = Limits(max_flips=0, max_logit_diff=1e-4)
INT8_LIMITS = Limits(max_flips=50, max_drop=0.002)

CALLS = 1000  # of one image each, that are asked for at once where each is far from here
EVALUATION_BATCH = 200  # images a call, to get many answered: what deep networks make of them fits in the caches

Images = npt.NDArray[np.uint8]
Inputs = Images | list[Images]  # what a file is given: a batch, or canvases of different sizes
Scores = npt.NDArray[np.float32]
Call = Callable[[Images], Sequence[npt.NDArray[Any]]]  # a file's outputs, in the contract's order, for one input
Clock = Callable[[Inputs, int], list[float]]


class Session(NamedTuple):
    """A file in a runtime, ready to answer.

    call    gives the file one input
    each    gives it many images, one a call, and returns its outputs joined, where each call is far from here
    clock   what each of so many runs takes, in seconds, where that must be measured elsewhere than here
    """

    call: Call
    each: Call | None = None
    clock: Clock | None = None


@dataclass(frozen=True)
class Predictor:
    """A model that is ready to answer.

    Called with uint8 images `[batch, 28, 28]` (background 0, ink 255), it returns logits and
    probabilities, both float32 `[batch, classes]`, as its runtime computed them. Files that take
    something else than such images say in a subclass how they are given them. `call`, `each` and `clock` are
    those of a Session.
    """

    contract: Contract
    call: Call
    each: Call | None = None
    clock: Clock | None = None
    one_by_one: ClassVar[bool] = False  # takes one image a call

    def __call__(self, images: Images) -> tuple[Scores, Scores]:
        """Logits and probabilities of images. Raises what `answers` raises."""
        logits, probabilities, _ = self.answers(images)
        return logits, probabilities

    def answers(self, images: Images) -> tuple[Scores, Scores, Images]:
        """Logits and probabilities of images, and what the network inside the file was shown, uint8 `[batch, 28, 28]`.

        Raises UsageError unless they are uint8 `[batch, 28, 28]`, and ModelFileError where the file fails to
        answer, or answers otherwise than its contract promises.
        """
        if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != IMAGE_SHAPE:
            raise UsageError(f"images: uint8 [batch, 28, 28] wanted, {images.dtype} {list(images.shape)} given")
        wanted = (len(images), len(self.contract.labels))
        answers = self.run(self.present(images))
        for name, found in zip(("logits", "probabilities"), answers[:2], strict=True):
            _require_scores(name, found, wanted)
        return answers

    def alone(self, images: Images) -> Scores:
        """The logits of images that are given to the file one a call. Raises what `answers` raises."""
        if self.each is None:
            return self.in_batches(images, size=1)[0]
        logits: Scores = np.concatenate(
            [self.each(part)[0] for part in np.split(images, range(CALLS, len(images), CALLS))]
        )
        _require_scores("logits", logits, (len(images), len(self.contract.labels)))
        return logits

    def in_batches(self, images: Images, size: int = EVALUATION_BATCH) -> tuple[Scores, Scores, Images]:
        """The same for any number of images, `size` a call."""
        batches = [self.answers(images[start : start + size]) for start in range(0, len(images), size)]
        logits, probabilities, shown = (np.concatenate(parts) for parts in zip(*batches, strict=True))
        return logits, probabilities, shown

    def seconds(self, inputs: Inputs, calls: int) -> list[float]:
        """What each of so many runs takes: of the runtime alone, without the checks, which are ours."""
        if self.clock:
            return self.clock(inputs, calls)
        spent = []
        for _ in range(calls):
            start = time.perf_counter()
            self.run(inputs)
            spent.append(time.perf_counter() - start)
        return spent

    def present(self, images: Images) -> Inputs:
        """The images as the file takes them."""
        return images

    def run(self, inputs: Inputs) -> tuple[Scores, Scores, Images]:
        """Logits and probabilities of what `present` returned, and what the network was shown of it."""
        images = cast(Images, inputs)
        logits, probabilities = self.call(images)
        return logits, probabilities, images

    def samples(self, count: int) -> Inputs:
        """Inputs to measure times with."""
        return np.random.default_rng(0).integers(0, 256, (count, *IMAGE_SHAPE), dtype=np.uint8)


def _require_scores(name: str, found: npt.NDArray[Any], wanted: tuple[int, int]) -> None:
    if found.shape != wanted or found.dtype != np.float32:
        raise ModelFileError(f"{name}: {found.dtype} {found.shape} came out, float32 {wanted} wanted")


@dataclass(frozen=True)
class Description(Record):
    """What a file holds, read without running it; opset and IR version are ONNX's, None elsewhere."""

    contract: Contract
    operators: Mapping[str, int]
    tensors: tuple[TensorInfo, ...]
    opset: int | None = None
    ir_version: int | None = None


@dataclass(frozen=True)
class Source:
    """What a file is made from.

    calibration   training images uint8 `[n, 28, 28]`, for the formats that are CALIBRATED
    refusal       when an answer is none, for the formats whose INPUT is a canvas
    """

    model: "Deployed"
    contract: Contract
    calibration: Images | None = None
    refusal: Refusal | None = None

    def require_calibration(self) -> Images:
        """The images to calibrate on. Raises UsageError where there are none."""
        if self.calibration is None or not len(self.calibration):
            raise UsageError(f"{self.contract.format}: images to calibrate on wanted, none given")
        return self.calibration

    def require_refusal(self) -> Refusal:
        """When to refuse. Raises UsageError where that was not chosen."""
        if self.refusal is None:
            raise UsageError(f"{self.contract.format}: temperature and threshold wanted, none given")
        return self.refusal


class Format(Protocol):
    """What a file in this folder provides.

    PACKAGES     whose versions decide the bytes of the file, for the manifest
    DATA_ONLY    whether a file can hold nothing but data; those of other formats can hold code
    CALIBRATED   whether `export` needs training images to calibrate on
    INPUT        what an image shows, one of INPUTS
    PREDICTOR    what `load` returns
    OPSET        of ONNX, where there is one
    LIMITS       what `verify` lets pass unless it is told otherwise
    SETTINGS     how the runtime can be set otherwise: thread counts, levels of optimization; the first is the default
    """

    NAME: str
    SUFFIX: str
    PACKAGES: tuple[str, ...]
    DATA_ONLY: bool
    CALIBRATED: bool
    INPUT: str
    PREDICTOR: type[Predictor]
    OPSET: int | None
    LIMITS: Limits
    SETTINGS: tuple[str, ...]

    def unavailable(self) -> str | None:
        """Why this format cannot be used on this machine, or None."""

    def export(self, source: Source, path: Path) -> None:
        """Write a model, with its contract inside, to `path`. Raises UsageError without the calibration it needs."""

    def load(self, path: Path, setting: str | None = None) -> Predictor:
        """The file as a Predictor, run in a setting, by default the first.

        Raises ModelFileError when it is damaged or breaks the contract.
        """

    def describe(self, path: Path) -> Description:
        """What the file holds, without running it. Raises ModelFileError when it is damaged or has no contract."""


def require(name: str) -> None:
    """Raise UsageError, with the nearest name, unless there is a format of that name."""
    if name not in NAMES:
        raise unknown("format", name, NAMES)


def get(name: str) -> Format:
    """The format of that name. Raises UsageError."""
    require(name)
    return cast(Format, importlib.import_module(f"{__name__}.{name.replace('-', '_')}"))


def with_quantized(names: tuple[str, ...], method: str = "dynamic") -> tuple[str, ...]:
    """The formats, and behind each float one its counterpart, quantized with a method of METHODS.

    Raises UsageError on an unknown method, and where none of these formats has such a counterpart.
    """
    require_method(method)
    wanted = [both for name in names for both in (name, name + METHODS[method]) if both in (*NAMES, name)]
    if wanted and set(wanted) <= set(FLOAT_NAMES):
        missing = ", ".join(name + METHODS[method] for name in names)
        raise UsageError(f"nothing to quantize: there is no format {missing}")
    return tuple(dict.fromkeys(wanted))


def for_input(names: tuple[str, ...], input_name: str) -> tuple[str, ...]:
    """The formats named, in the form that takes an input of INPUTS; the default ones that have it where none is named.

    Raises UsageError on an unknown name or input, and where a format has no such form.
    """
    if input_name not in INPUTS:
        raise unknown("input", input_name, INPUTS)
    suffix = INPUTS[input_name]
    if not names:
        return tuple(name + suffix for name in DEFAULT_NAMES if name + suffix in NAMES)
    for name in names:
        require(name)
        if name.removesuffix(suffix) + suffix not in NAMES:
            raise UsageError(f"format {name} takes no {input_name}: there is no {name}{suffix}")
    return tuple(name.removesuffix(suffix) + suffix for name in names)


def require_method(method: str) -> None:
    """Raise UsageError, with the nearest name, unless there is a method of quantization of that name."""
    if method not in METHODS:
        raise unknown("method", method, METHODS)


def of_file(path: Path) -> Format | None:
    """The format whose suffix a file has: the longest that fits; None when none does."""
    fitting = [module for module in map(get, NAMES) if path.name.endswith(module.SUFFIX)]
    return max(fitting, key=lambda module: len(module.SUFFIX), default=None)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence torch's exporters and loaders: they print, warn and log what `unavailable` and our errors say."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)


@contextlib.contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch use `count` threads inside the block, and as many as before behind it."""
    import torch

    before = torch.get_num_threads()
    if before != count:  # to set it costs more than a small model takes
        torch.set_num_threads(count)
    try:
        yield
    finally:
        if before != count:
            torch.set_num_threads(before)


def read_bytes(path: Path) -> bytes:
    """The bytes of a model file, which are what the manifest beside it says. Raises ModelFileError."""
    return safety.read(path)


def parse_contract(path: Path, text: str | bytes | None) -> Contract:
    """The contract that a model file carries. Raises ModelFileError when there is none, or it is none of ours."""
    if text is None:
        raise ModelFileError(f"{path}: carries no contract of EdgeDigits. Export it with edgedigits export.")
    try:
        return Contract.from_json(text)
    except RecordError as error:
        raise ModelFileError(f"{path}: its contract is damaged ({error}).") from error


def first_line(error: Exception) -> str:
    """The first line of an error of another library, shortened."""
    return str(error).strip().partition("\n")[0][:200] or type(error).__name__
