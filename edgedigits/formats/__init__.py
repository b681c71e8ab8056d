"""The export formats, one file each. Adding a format is adding a file here, and its test.

A format is a module with the attributes of `Format`. The name of an int8 format is that of its float
format with `-int8` behind it, which is all that `--quantize` needs to know.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt

from edgedigits.errors import ModelFileError, RecordError, UsageError, unknown
from edgedigits.records import IMAGE_SHAPE, Contract, Limits

NAMES = tuple(sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__)))
FLOAT_NAMES = tuple(name for name in NAMES if not name.endswith("-int8"))

FLOAT_LIMITS = Limits(max_flips=0, max_logit_diff=1e-4)
INT8_LIMITS = Limits(max_flips=50, max_drop=0.002)

Images = npt.NDArray[np.uint8]
Scores = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Predictor:
    """A model that is ready to answer.

    Called with uint8 images `[batch, 28, 28]` (background 0, ink 255), it returns logits and
    probabilities, both float32 `[batch, classes]`, as its runtime computed them.
    """

    contract: Contract
    run: Callable[[Images], tuple[Scores, Scores]]

    def __call__(self, images: Images) -> tuple[Scores, Scores]:
        """Logits and probabilities of images. Raises UsageError unless they are uint8 `[batch, 28, 28]`."""
        if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != IMAGE_SHAPE:
            raise UsageError(f"images: uint8 [batch, 28, 28] wanted, {images.dtype} {list(images.shape)} given")
        return self.run(images)


class Format(Protocol):
    """What a file in this folder provides.

    PACKAGES     whose versions decide the bytes of the file, for the manifest
    OPSET        of ONNX, where there is one
    LIMITS       what `verify` lets pass unless it is told otherwise
    """

    NAME: str
    SUFFIX: str
    PACKAGES: tuple[str, ...]
    OPSET: int | None
    LIMITS: Limits

    def unavailable(self) -> str | None:
        """Why this format cannot be used on this machine, or None."""

    def export(self, model: object, contract: Contract, path: Path) -> None:
        """Write `model` (a `models.Deployed`) with its contract to `path`."""

    def load(self, path: Path) -> Predictor:
        """The file as a Predictor. Raises ModelFileError when it is damaged or breaks the contract."""


def require(name: str) -> None:
    """Raise UsageError, with the nearest name, unless there is a format of that name."""
    if name not in NAMES:
        raise unknown("format", name, NAMES)


def get(name: str) -> Format:
    """The format of that name. Raises UsageError."""
    require(name)
    return cast(Format, importlib.import_module(f"{__name__}.{name.replace('-', '_')}"))


def with_quantized(names: tuple[str, ...]) -> tuple[str, ...]:
    """The formats, and behind each float one its int8 counterpart."""
    wanted = [both for name in names for both in (name, f"{name}-int8") if both in NAMES or both == name]
    return tuple(dict.fromkeys(wanted))


def of_file(path: Path) -> Format | None:
    """The format whose suffix a file has: the longest that fits; None when none does."""
    fitting = [module for module in map(get, NAMES) if path.name.endswith(module.SUFFIX)]
    return max(fitting, key=lambda module: len(module.SUFFIX), default=None)


def read_bytes(path: Path) -> bytes:
    """The bytes of a model file. Raises ModelFileError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read ({error.strerror}).") from error


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
