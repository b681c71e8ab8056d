"""Which runtimes load an ONNX file, and from which version on: from its opset, its IR version and its operators.

The one table of such versions. "Seen" means tried here, on x86-64 Linux in November 2026, with the
files of `exports/`; versions between those tried may work too, hence "at least".
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from edgedigits.records.record import Record

Version = tuple[int, int]
# The newest opset and IR version that a release accepts. Up to 1.20: onnxruntime.ai/docs/reference/compatibility.html.
# From 1.21: seen, with one-node models, in 1.20 to 1.26; a release that is not here accepts what the one above it does.
ONNX_RUNTIME: tuple[tuple[Version, int, int], ...] = (
    ((1, 0), 11, 6),
    ((1, 3), 12, 7),
    ((1, 6), 13, 7),
    ((1, 8), 14, 7),
    ((1, 9), 15, 8),
    ((1, 11), 16, 8),
    ((1, 12), 17, 8),
    ((1, 14), 18, 8),
    ((1, 15), 19, 8),
    ((1, 16), 19, 9),
    ((1, 17), 20, 9),
    ((1, 18), 21, 10),
    ((1, 21), 22, 10),
    ((1, 23), 23, 11),
    ((1, 24), 25, 13),
    ((1, 25), 26, 13),
)
ONNX_RUNTIME_OLDEST_OPSET = 7  # the same page
ONNX_RUNTIME_WEB_FIRST = (1, 8)  # of onnxruntime-web on npm; it holds the ONNX Runtime of its own version number
# OpenCV and OpenVINO do not limit opset and IR version (onnx_importer.cpp; ops_bridge.cpp falls back with a warning).
# What decides is the operators: the oldest release seen to give right answers, None where the newest tried does not.
# OpenCV: tried 4.5.5 to 4.10, which fail on the Unsqueeze of the uint8 image, 4.11, 4.12, 4.14 and 5.0.
FLOAT_OPERATORS = ("Add", "Cast", "Conv", "Gemm", "MaxPool", "Mul", "Relu", "Reshape", "Softmax", "Unsqueeze")
OPENCV: Mapping[str, Version | None] = {
    **dict.fromkeys(FLOAT_OPERATORS, (4, 11)),
    "DequantizeLinear": (4, 11),
    "MatMulInteger": None,
}
OPENCV_NEWEST = (5, 0)
OPENCV_REMARK = "; before 5.0, one image a call"  # with MaxPool after Conv, 4.14 still takes the batch for an axis
FRAMING_OPERATORS = (
    *("Abs", "Ceil", "Clip", "Concat", "Div", "Equal", "Floor", "Gather", "Greater", "Less", "MatMul", "Max", "Min"),
    *("ReduceMax", "ReduceMin", "ReduceSum", "Shape", "Slice", "Sub", "Transpose", "Where"),
)
# OpenVINO: tried 2023.0, the oldest for Python 3.11, 2023.1, 2024.0, 2024.6, 2025.0, 2026.0 and 2026.4; canvas files
# from 2024.6 on. In 2026.4 and OpenCV 5.0, `engines.json` has what all files of `exports/` answer.
OPENVINO: Mapping[str, Version | None] = {
    **dict.fromkeys(FLOAT_OPERATORS, (2023, 0)),
    **dict.fromkeys(FRAMING_OPERATORS, (2024, 6)),
    "DequantizeLinear": (2023, 0),
    "MatMulInteger": None,
}
OPENVINO_NEWEST = (2026, 4)


@dataclass(frozen=True)
class Runtime(Record):
    """A runtime, and the version from which it loads a file; None where no such is known, and `note` says why."""

    name: str
    minimum: str | None
    note: str


def loading_runtimes(opset: int | None, ir_version: int | None, operators: Collection[str]) -> tuple[Runtime, ...]:
    """The runtimes, each with the version that it takes to load such a file, in the order they are listed in."""
    names = ("ONNX Runtime", "ONNX Runtime Web", "OpenCV", "OpenVINO")
    if opset is None or ir_version is None:
        return tuple(Runtime(name, None, "reads ONNX files, which this is none of") for name in names)
    native = _onnx_runtime(opset, ir_version)
    return (
        _published(names[0], native, opset, ir_version),
        _published(names[1], native and max(native, ONNX_RUNTIME_WEB_FIRST), opset, ir_version),
        _tried(names[2], OPENCV, OPENCV_NEWEST, operators, OPENCV_REMARK if "Conv" in operators else ""),
        _tried(names[3], OPENVINO, OPENVINO_NEWEST, operators),
    )


def _onnx_runtime(opset: int, ir_version: int) -> Version | None:
    """The oldest release that accepts both."""
    if opset < ONNX_RUNTIME_OLDEST_OPSET:
        return None
    fitting = (version for version, newest, ir in ONNX_RUNTIME if opset <= newest and ir_version <= ir)
    return next(fitting, None)


def _published(name: str, version: Version | None, opset: int, ir_version: int) -> Runtime:
    if version is None:
        return Runtime(name, None, f"no release known here accepts opset {opset} with IR version {ir_version}")
    return Runtime(name, _text(version), f"accepts opset {opset} and IR version {ir_version} from this release on")


def _tried(
    name: str, known: Mapping[str, Version | None], newest: Version, operators: Iterable[str], remark: str = ""
) -> Runtime:
    """By operators: all must be known to work."""
    operators = sorted(operators)
    if refused := [operator for operator in operators if operator in known and known[operator] is None]:
        return Runtime(name, None, f"{', '.join(refused)} as used here: refused, up to {_text(newest)}")
    if untried := [operator for operator in operators if operator not in known]:
        return Runtime(name, None, f"not tried with {', '.join(untried)}")
    version = max((found for operator in operators if (found := known[operator])), default=newest)
    return Runtime(name, _text(version), f"the oldest release seen to answer right{remark}")


def _text(version: Version) -> str:
    return ".".join(map(str, version))
