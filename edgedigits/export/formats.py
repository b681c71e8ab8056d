"""The table of formats: what a file of each is, and the function that writes it.

A format is a row: a container, which says what reads and what runs its files; a precision; an input; limits. Nothing is
learnt from its name. A new one is a new row and the function that writes it; a plug-in adds a row by an entry point in
the group `edgedigits.formats` (`edgedigits/system/plugins.py`). To read the table takes no torch, onnx or numpy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from edgedigits.errors import ModelFileError, UsageError, unknown
from edgedigits.records.report import Limits
from edgedigits.system.plugins import Registry, resolved

if TYPE_CHECKING:
    from edgedigits.models.classifier import Deployed
    from edgedigits.records.arrays import Images
    from edgedigits.records.artifact import Contract, Refusal
    from edgedigits.records.model import ModelSpec

# how far logits may be off is here a part of their range, or of 1, whichever is more (`Limits.scaled`)
FLOAT_LIMITS = Limits(max_flips=0, max_logit_diff=1e-4)
INT8_LIMITS = Limits(max_flips=50, max_drop=0.002)
CANVAS_LIMITS = Limits(max_drop=0.005, max_logit_diff=1e-4)
CANVAS_INT8_LIMITS = Limits(max_drop=CANVAS_LIMITS.max_drop)

INPUTS = ("digit", "canvas")  # what an image shows: a digit as MNIST has them, or one anywhere on a canvas
# Of quantization, all with 8-bit weights: multiplied in float; by activations that are quantized as they come, as
# integers; by activations whose scales were calibrated. A format's own int8 form is the first of these that it has.
METHODS = ("weights", "integer", "static")
PRECISIONS = ("float", *METHODS)
WEIGHTS = (".pt", ".pth", ".bin", ".tar", ".pkl", ".ckpt", ".safetensors")  # suffixes of other people's
DEFAULT_CONTAINERS = ("onnx", "torchscript")  # what `export` writes when no format is named


@dataclass(frozen=True)
class Container:
    """What a file is outside, whatever it computes: it has a reader (`runtime/readers`) and engines that run it.

    title       as people call it
    data_only   whether a file can hold nothing but data; those of other containers can hold code
    opset       of ONNX, where there is one
    """

    name: str
    title: str
    data_only: bool
    opset: int | None = None


ONNX_OPSET = 17
CONTAINERS = {
    "onnx": Container("onnx", "ONNX", data_only=True, opset=ONNX_OPSET),
    "torchscript": Container("torchscript", "TorchScript", data_only=False),
    "pt2": Container("pt2", "pt2", data_only=False),
    "c": Container("c", "C", data_only=False),
}


@dataclass(frozen=True)
class Source:
    """What a file is made from.

    model         in torch; or the graph of a network that is kept whole, a serialized ONNX model
    calibration   training images uint8 `[n, 28, 28]`, for the formats that are calibrated
    refusal       when an answer is none, for the formats whose input is a canvas
    spec          what the model was built from, for the formats that are printed from its layers
    """

    model: Deployed | bytes
    contract: Contract
    calibration: Images | None = None
    refusal: Refusal | None = None
    spec: ModelSpec | None = None

    def require_torch(self) -> Deployed:
        """The model in torch. Raises UsageError where it is a graph that is kept whole."""
        if isinstance(self.model, bytes):
            raise UsageError(f"{self.contract.format}: a model in torch wanted, an ONNX graph given")
        return self.model

    @property
    def bits(self) -> int | None:
        """The most bits that a weight was trained with; None where no layer says how many."""
        return None if self.spec is None else self.spec.listed.bits

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


Writer = Callable[[Source, Path], None]  # writes a model, with its contract inside, to a path
Hindrance = Callable[[], str | None]  # why a format cannot be written or run on this machine, or None
Misfit = Callable[["Deployed"], str | None]  # why a model has no form in a format, or None


@dataclass(frozen=True)
class Format:
    """A row of the table.

    container   one of CONTAINERS
    writer      a Writer, or where it is: "module:function"
    precision   one of PRECISIONS
    input       one of INPUTS
    limits      what `verify` lets pass unless it is told otherwise
    packages    whose versions decide the bytes of a file, for the manifest
    hindrance   a Hindrance, or where it is; None where there never is one
    misfit      a Misfit, or where it is; None where every model has a form
    rounds      whether weights are rounded anew: then those that were trained with few bits have no form in it
    """

    name: str
    suffix: str
    container: str
    writer: Writer | str
    precision: str = "float"
    input: str = "digit"
    limits: Limits = FLOAT_LIMITS
    packages: tuple[str, ...] = ("torch",)
    hindrance: Hindrance | str | None = None
    misfit: Misfit | str | None = None
    rounds: bool = False

    @property
    def box(self) -> Container:
        """Its container's record."""
        return CONTAINERS[self.container]

    @property
    def calibrated(self) -> bool:
        """Whether `export` needs training images to calibrate on."""
        return self.precision == "static"

    def write(self, source: Source, path: Path) -> None:
        """Write a model to `path`. Raises UsageError without the calibration it needs, and MissingCapability."""
        cast(Writer, _found(self.writer))(source, path)

    def unavailable(self) -> str | None:
        """Why it cannot be used on this machine, or None."""
        return cast(Hindrance, _found(self.hindrance))() if self.hindrance else None

    def lacking(self, model: Deployed) -> str | None:
        """Why a model has no form in it, or None."""
        return cast(Misfit, _found(self.misfit))(model) if self.misfit else None


def _found(function: Callable[..., object] | str) -> object:
    return resolved(function) if isinstance(function, str) else function


C, ONNX, TORCH = (f"edgedigits.export.{name}" for name in ("c", "onnx", "torch"))
ONNX_PACKAGES = ("torch", "onnx", "onnxscript")
QUANTIZED_PACKAGES = (*ONNX_PACKAGES, "numpy")
INTEGER_MISFIT = f"{ONNX}.quantize_integer:misfit"

FORMATS: Registry[Format] = Registry(
    "format",
    {
        row.name: row
        for row in (
            Format("c", ".c", "c", f"{C}.write:write", packages=("torch", "numpy")),
            Format(
                name="c-int8",
                suffix=".int8.c",
                container="c",
                writer=f"{C}.write:write_int8",
                precision="static",
                limits=INT8_LIMITS,
                packages=("torch", "numpy"),
            ),
            Format(
                name="c-canvas-int8",
                suffix=".canvas.int8.c",
                container="c",
                writer=f"{C}.write:write_canvas_int8",
                precision="static",
                input="canvas",
                limits=CANVAS_INT8_LIMITS,
                packages=("torch", "numpy"),
            ),
            Format("onnx", ".onnx", "onnx", f"{ONNX}.convert:write", packages=ONNX_PACKAGES),
            Format(
                name="onnx-canvas",
                suffix=".canvas.onnx",
                container="onnx",
                writer=f"{ONNX}.canvas:write",
                input="canvas",
                limits=CANVAS_LIMITS,
                packages=ONNX_PACKAGES,
            ),
            Format(
                name="onnx-canvas-int8",
                suffix=".canvas.int8.onnx",
                container="onnx",
                writer=f"{ONNX}.canvas:write_int8",
                precision="weights",
                input="canvas",
                limits=CANVAS_INT8_LIMITS,
                packages=QUANTIZED_PACKAGES,
            ),
            Format(
                name="onnx-canvas-integer",
                suffix=".canvas.integer.onnx",
                container="onnx",
                writer=f"{ONNX}.canvas:write_integer",
                precision="integer",
                input="canvas",
                limits=CANVAS_INT8_LIMITS,
                packages=QUANTIZED_PACKAGES,
                misfit=INTEGER_MISFIT,
            ),
            Format(
                name="onnx-int8",
                suffix=".int8.onnx",
                container="onnx",
                writer=f"{ONNX}.quantize_weights:write",
                precision="weights",
                limits=INT8_LIMITS,
                packages=QUANTIZED_PACKAGES,
            ),
            Format(
                name="onnx-integer",
                suffix=".integer.onnx",
                container="onnx",
                writer=f"{ONNX}.quantize_integer:write",
                precision="integer",
                limits=INT8_LIMITS,
                packages=QUANTIZED_PACKAGES,
                misfit=INTEGER_MISFIT,
            ),
            Format(
                name="onnx-static",
                suffix=".static.onnx",
                container="onnx",
                writer=f"{ONNX}.quantize_static:write",
                precision="static",
                limits=INT8_LIMITS,
                packages=(*ONNX_PACKAGES, "onnxruntime", "numpy"),
                rounds=True,
            ),
            Format("pt2", ".pt2", "pt2", f"{TORCH}.pt2:write"),
            Format(
                name="torchscript",
                suffix=".torchscript.pt",
                container="torchscript",
                writer=f"{TORCH}.torchscript:write",
                hindrance=f"{TORCH}.torchscript:hindrance",
            ),
            Format(
                name="torchscript-int8",
                suffix=".int8.torchscript.pt",
                container="torchscript",
                writer=f"{TORCH}.quantize:write_dynamic",
                precision="integer",
                limits=INT8_LIMITS,
                hindrance=f"{TORCH}.quantize:hindrance",
                rounds=True,
            ),
            Format(
                name="torchscript-static",
                suffix=".static.torchscript.pt",
                container="torchscript",
                writer=f"{TORCH}.quantize:write_static",
                precision="static",
                limits=INT8_LIMITS,
                hindrance=f"{TORCH}.quantize:hindrance",
                rounds=True,
            ),
        )
    },
    Format,
)


def get_format(name: str) -> Format:
    """The format of that name. Raises UsageError, with the nearest name."""
    return FORMATS[name]


def format_of(path: Path) -> Format | None:
    """The format whose suffix a file has: the longest that fits; None when none does."""
    fitting = [row for row in FORMATS if path.name.endswith(row.suffix)]
    return max(fitting, key=lambda row: len(row.suffix), default=None)


def require_format(path: Path) -> Format:
    """The format of a file, by its suffix. Raises ModelFileError."""
    found = format_of(path)
    if found is None:
        raise ModelFileError(f"{path}: no format has its suffix ({', '.join(FORMATS.names)}).{adoptable(path)}")
    return found


def adoptable(path: Path) -> str:
    """What to do with a file that by its suffix holds a network's weights, in a sentence; empty for any other."""
    return f" Weights become a run first: edgedigits adopt {path}." if path.suffix.lower() in WEIGHTS else ""


def sibling(row: Format, precision: str | None = None, input_name: str | None = None) -> Format | None:
    """The format of the same container with another precision or input; None where there is none."""
    wanted = (row.container, precision or row.precision, input_name or row.input)
    return next((other for other in FORMATS if (other.container, other.precision, other.input) == wanted), None)


def float_formats() -> list[Format]:
    """The formats that are not quantized."""
    return [row for row in FORMATS if row.precision == "float"]


def int8_form(row: Format, method: str | None = None, input_name: str | None = None) -> Format | None:
    """The int8 format of the same container, by a method or by the first of METHODS that it has; or None.

    input_name   what it takes, where that is not what the format takes
    """
    methods = METHODS if method is None else (method,)
    return next((found for name in methods if (found := sibling(row, name, input_name))), None)


def with_quantized(rows: list[Format], method: str | None = None) -> list[Format]:
    """The formats, and behind each float one its int8 form, by a method of METHODS or its own.

    Raises UsageError on an unknown method, and where none of these formats has such a form.
    """
    require_method(method)
    wanted: list[Format] = []
    for row in rows:
        wanted.append(row)
        if row.precision == "float" and (quantized := int8_form(row, method)):
            wanted.append(quantized)
    if wanted and all(row.precision == "float" for row in wanted):
        names = ", ".join(row.name for row in rows)
        by = f"with the method {method}" if method else "in 8 bits"
        raise UsageError(f"nothing to quantize: {names} has no form {by}")
    return list(dict.fromkeys(wanted))


def for_input(
    names: tuple[str, ...], input_name: str, quantize: bool = False, method: str | None = None
) -> list[Format]:
    """The formats named, in the form that takes an input of INPUTS; the default ones that have it where none is named.

    quantize   take the int8 form, by a method of METHODS or its own, where there is no other that takes this input

    Raises UsageError on an unknown name or input, and where a format has no such form.
    """
    if input_name not in INPUTS:
        raise unknown("input", input_name, INPUTS)
    if not names:
        return [row for row in float_formats() if row.input == input_name and row.container in DEFAULT_CONTAINERS]
    rows = []
    for row in map(get_format, names):
        # asked for by its own name, a canvas format stays one whatever the default input is
        found = row if input_name == INPUTS[0] else sibling(row, input_name=input_name)
        in_8_bits = int8_form(row, method, input_name)
        if found is None and in_8_bits and not quantize:
            raise UsageError(f"format {row.name} takes a {input_name} in 8 bits alone: add --quantize")
        if (found := found or in_8_bits) is None:
            raise UsageError(f"format {row.name} takes no {input_name}: there is no such form of it")
        rows.append(found)
    return rows


def require_method(method: str | None) -> None:
    """Raise UsageError, with the nearest name, where a method of quantization is named and there is none such."""
    if method is not None and method not in METHODS:
        raise unknown("method", method, METHODS)
