"""Which runtimes load an ONNX file, and from which version on: from its opset, its IR version and its operators.

The one table of such versions. "Seen" means tried here, on x86-64 Linux in November 2026, with files of all formats and
presets; versions between those tried may work too, hence "at least". A test compares what is said of the runtimes that
are installed with what they do.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from edgedigits.records.record import Record
from edgedigits.runtime.engines import DEFAULT, EXACT, get_engine
from edgedigits.runtime.readers import Description
from edgedigits.runtime.uses import USES

Version = tuple[int, ...]
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
# The others do not limit opset and IR version (onnx_importer.cpp; ops_bridge.cpp falls back with a warning). What
# decides is the operators: the oldest release seen to give right answers, None where the newest tried does not.
FLOAT_OPERATORS = ("Add", "Cast", "Conv", "Gemm", "MaxPool", "Mul", "Relu", "Reshape", "Softmax", "Unsqueeze")
FRAMING_OPERATORS = (
    *("Abs", "Ceil", "Clip", "Concat", "CumSum", "Div", "Equal", "Floor", "Gather", "Greater", "Less", "MatMul", "Max"),
    *("Min", "ReduceMax", "ReduceMin", "ReduceSum", "Shape", "Slice", "Sub", "Transpose", "Where"),
)
# Tried 4.5.5 to 4.10, which fail on the Unsqueeze of the uint8 image; 4.11, 4.12, 4.14, whose answers to QuantizeLinear
# are wrong, and which fail on the Shape of a canvas; and 5.0.
OPENCV: Mapping[str, Version | None] = {
    **dict.fromkeys(FLOAT_OPERATORS, (4, 11)),
    **dict.fromkeys(FRAMING_OPERATORS, (5, 0)),
    "DequantizeLinear": (4, 11),
    "QuantizeLinear": (5, 0),
    "MatMulInteger": None,
    "Equal of truth values": None,
    "QuantizeLinear behind Gemm": None,
}
OPENCV_NEWEST = (5, 0)
OPENCV_REMARK = "before 5.0, one image a call"  # with MaxPool after Conv, 4.14 still takes the batch for an axis
# Tried 2023.0, the oldest for Python 3.11, 2023.1, 2024.0, 2024.6, 2025.0, 2026.0 and 2026.4; canvas files from 2024.6
# on.
OPENVINO: Mapping[str, Version | None] = {
    **dict.fromkeys(FLOAT_OPERATORS, (2023, 0)),
    **dict.fromkeys(FRAMING_OPERATORS, (2024, 6)),
    "DequantizeLinear": (2023, 0),
    "QuantizeLinear": (2023, 0),
    "MatMulInteger": None,
}
OPENVINO_NEWEST = (2026, 4)
# Tried 0.21.0, 0.22.1, which fails on the Slice of a canvas, and 0.23.0 to 0.23.9; up to 0.23.7, its answers to
# QuantizeLinear are wrong.
TRACT: Mapping[str, Version | None] = {
    **dict.fromkeys(FLOAT_OPERATORS, (0, 21)),
    **dict.fromkeys(FRAMING_OPERATORS, (0, 23)),
    "DequantizeLinear": (0, 21),
    "QuantizeLinear": (0, 23, 8),
    "MatMulInteger": (0, 21),
    "Equal of truth values": None,
    "QuantizeLinear by a computed scale": None,
}
TRACT_NEWEST = (0, 23, 9)


@dataclass(frozen=True)
class Runtime(Record):
    """A runtime, and whether it loads a file.

    loads     None where nobody knows: it was not tried with such a file
    minimum   the version from which on it does; None where it does not, or nobody knows
    note      why, and how it is to be called, where it matters
    """

    name: str
    loads: bool | None
    minimum: str | None
    note: str


@dataclass(frozen=True)
class Graph:
    """What decides: opset and IR version, None where the file is no ONNX; operators, and uses of them."""

    opset: int | None
    ir_version: int | None
    operators: Collection[str]


@dataclass(frozen=True)
class Rules:
    """A runtime of the list.

    judge     what it makes of a graph that is ONNX
    engines   of this package that are this runtime (`runtime/engines`)
    """

    name: str
    judge: Callable[[str, Graph], Runtime]
    engines: tuple[str, ...]


def loading_runtimes(found: Description) -> tuple[Runtime, ...]:
    """What each runtime of the list makes of a file, in the order they are listed in."""
    graph = Graph(found.opset, found.ir_version, {*found.operators, *found.uses})
    return tuple(_judged(rules, graph) for rules in RUNTIMES)


def loads_in(engine: str, found: Description) -> bool | None:
    """Whether an engine loads a file, by the rules of its runtime; None where there are none, or nobody knows."""
    graph = Graph(found.opset, found.ir_version, {*found.operators, *found.uses})
    return next((_judged(rules, graph).loads for rules in RUNTIMES if engine in rules.engines), None)


def _judged(rules: Rules, graph: Graph) -> Runtime:
    if graph.opset is None or graph.ir_version is None:
        return Runtime(rules.name, False, None, "reads ONNX files, which this is none of")
    return rules.judge(rules.name, graph)


def _onnx_runtime(name: str, graph: Graph, first: Version = (1, 0)) -> Runtime:
    """By opset and IR version: the oldest release that accepts both, and not before the first one."""
    opset, ir_version = graph.opset or 0, graph.ir_version or 0
    fitting = (version for version, newest, ir in ONNX_RUNTIME if opset <= newest and ir_version <= ir)
    version = next(fitting, None) if opset >= ONNX_RUNTIME_OLDEST_OPSET else None
    if version is None:
        note = f"no release known here accepts opset {opset} with IR version {ir_version}"
        return Runtime(name, False, None, note)
    note = f"accepts opset {opset} and IR version {ir_version} from this release on"
    return Runtime(name, True, _text(max(version, first)), note)


def _onnx_runtime_web(name: str, graph: Graph) -> Runtime:
    return _onnx_runtime(name, graph, ONNX_RUNTIME_WEB_FIRST)


def _opencv(name: str, graph: Graph) -> Runtime:
    is_old = _oldest(OPENCV, graph.operators) < OPENCV_NEWEST
    remark = OPENCV_REMARK if is_old and "Conv" in graph.operators else ""
    return _tried(name, OPENCV, OPENCV_NEWEST, graph.operators, remark)


def _openvino(name: str, graph: Graph) -> Runtime:
    engine = get_engine("openvino")
    remark = f"set {engine.setting(EXACT)}: by default it {engine.setting(DEFAULT).about}"
    return _tried(name, OPENVINO, OPENVINO_NEWEST, graph.operators, remark)


def _tract(name: str, graph: Graph) -> Runtime:
    return _tried(name, TRACT, TRACT_NEWEST, graph.operators)


def _tried(
    name: str, known: Mapping[str, Version | None], newest: Version, operators: Iterable[str], remark: str = ""
) -> Runtime:
    """By operators: all must be known to work. Of what is used in the way of USES, only what fails is known."""
    operators = sorted(operators)
    if refused := [operator for operator in operators if operator in known and known[operator] is None]:
        return Runtime(name, False, None, f"{', '.join(refused)} as used here: refused, up to {_text(newest)}")
    if untried := [operator for operator in operators if operator not in known and operator not in USES]:
        return Runtime(name, None, None, f"not tried with {', '.join(untried)}")
    note = "; ".join(filter(None, ("the oldest release seen to answer right", remark)))
    return Runtime(name, True, _text(_oldest(known, operators)), note)


def _oldest(known: Mapping[str, Version | None], operators: Iterable[str]) -> Version:
    """The version from which on all operators work that are known to."""
    return max((found for operator in operators if (found := known.get(operator))), default=())


def _text(version: Version) -> str:
    return ".".join(map(str, version))


RUNTIMES = (
    Rules("ONNX Runtime", _onnx_runtime, ("onnxruntime", "node", "java")),
    Rules("ONNX Runtime Web", _onnx_runtime_web, ("web",)),
    Rules("OpenCV", _opencv, ("opencv",)),
    Rules("OpenVINO", _openvino, ("openvino",)),
    Rules("tract", _tract, ("tract",)),
)
