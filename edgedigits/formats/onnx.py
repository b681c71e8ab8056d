"""ONNX, float32: one self-contained file, opset 17, IR version 8, standard operators only."""

import functools
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx
from onnx import numpy_helper

from edgedigits import engines, formats, safety
from edgedigits.engines import onnxruntime
from edgedigits.errors import EdgeDigitsError, ModelFileError
from edgedigits.formats import Call, Clock, Description, Predictor, Session, Source
from edgedigits.records import Contract, TensorInfo, TensorSpec

if TYPE_CHECKING:
    from edgedigits.models import Deployed

NAME = "onnx"
SUFFIX = ".onnx"
PACKAGES: tuple[str, ...] = ("torch", "onnx", "onnxscript")
DATA_ONLY = True
CALIBRATED = False
INPUT = "digit"
PREDICTOR = Predictor
OPSET: int | None = 17
IR_VERSION = 8  # the first that allows opset 17: older runtimes and other engines read it
LIMITS = formats.FLOAT_LIMITS
SETTINGS = onnxruntime.SETTINGS

CONTRACT_KEY = "edgedigits.contract"
IMAGE_METADATA = {  # ONNX's own words for gray pixels from 0 to 255 (onnx, docs/MetadataProps.md)
    "Image.BitmapPixelFormat": "Gray8",
    "Image.NominalPixelRange": "NominalRange_0_255",
}


def unavailable() -> str | None:
    """ONNX needs nothing that is not installed with this package."""
    return None


def export(source: Source, path: Path) -> None:
    """Write the model as an ONNX file: the same bytes for the same model in any folder."""
    save(graph(source.model), source.contract, path)


@functools.lru_cache(maxsize=1)  # the quantized formats start from the same graph
def graph(model: "Deployed") -> bytes:
    """The serialized ONNX model of a torch model, bare of all metadata."""
    import torch  # to load a file takes no torch

    example = (torch.zeros(2, 28, 28, dtype=torch.uint8),)
    with formats.quiet():
        program = torch.onnx.export(
            model,
            example,
            dynamo=True,
            opset_version=OPSET,
            input_names=["image"],
            output_names=["logits", "probabilities"],
            dynamic_shapes=({0: "batch"},),
            external_data=False,
            verbose=False,
        )
    assert program is not None
    serialized: bytes = program.model_proto.SerializeToString(deterministic=True)
    return serialized


def save(serialized: bytes, contract: Contract, path: Path) -> None:
    """Clean a model, give it its contract, check it against the standard and write it."""
    model = onnx.load_model_from_string(serialized)
    _strip(model)
    model.ir_version = IR_VERSION
    onnx.helper.set_model_props(model, {CONTRACT_KEY: contract.to_line(), **IMAGE_METADATA})
    _require_opset(model)
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString(deterministic=True))


def _strip(model: onnx.ModelProto) -> None:
    """Remove what is not computed: stack traces with source paths, and shapes that quantization makes stale."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.initializer, *graph.input, *graph.output):
        del part.metadata_props[:]
        part.ClearField("doc_string")
    del graph.value_info[:]
    model.ClearField("domain")
    standard = [opset for opset in model.opset_import if opset.domain in ("", "ai.onnx")]
    del model.opset_import[:]
    model.opset_import.extend(standard)


def _require_opset(model: onnx.ModelProto) -> None:
    # torch's exporter keeps another opset, without an exception, when it cannot convert to the one asked for
    opsets = [(opset.domain, opset.version) for opset in model.opset_import]
    if opsets != [("", OPSET)]:
        raise ModelFileError(f"torch exported with the operator sets {opsets}, opset {OPSET} of ONNX alone wanted")
    foreign = {node.domain for node in model.graph.node} - {"", "ai.onnx"}
    if foreign:
        raise ModelFileError(f"operators outside the standard: {', '.join(sorted(foreign))}")


def load(path: Path, setting: str | None = None) -> Predictor:
    """The file in ONNX Runtime, on one thread by default, which is fastest for models of this size.

    Raises ModelFileError.
    """
    return Predictor(*open_session(path, setting))


def open_session(
    path: Path, setting: str | None = None, engine: str = engines.DEFAULT
) -> tuple[Contract, Call, Call | None, Clock | None]:
    """The contract of a file, and its session in an engine.

    It is loaded from its bytes, so external data is refused, and only after `safety.check_onnx` has
    passed it: that keeps malformed graphs from crashing the engine. Raises ModelFileError.
    """
    serialized = formats.read_bytes(path)
    try:
        model = safety.check_onnx(serialized)
        signature = _signature(model.graph)
        metadata = {entry.key: entry.value for entry in model.metadata_props}
    except Exception as error:  # the exceptions of onnx and protobuf have no other base in common
        raise ModelFileError(f"{path}: not a valid ONNX model ({formats.first_line(error)}).") from error
    contract = formats.parse_contract(path, metadata.get(CONTRACT_KEY))
    _require_signature(path, signature, contract)
    return contract, *_session(path, serialized, contract, setting, engine)


def _session(path: Path, serialized: bytes, contract: Contract, setting: str | None, engine: str) -> Session:
    """A session that says in the engine's words, as a ModelFileError, what it cannot load or answer."""
    module = engines.get(engine)

    def named(ask: Callable[..., Any], what: str) -> Callable[..., Any]:
        @functools.wraps(ask)
        def asked(*arguments: object) -> Any:
            try:
                return ask(*arguments)
            except EdgeDigitsError:
                raise
            except Exception as error:  # the exceptions of the engines have no other base in common
                raise ModelFileError(f"{path}: {engine} {what} ({module.words(error)}).") from error

        return asked

    session = named(module.session, "cannot load it")(serialized, contract, setting)
    return Session(*(part and named(part, "fails to answer") for part in session))


def describe(path: Path) -> Description:
    """The file's graph as it is stored, after `safety.check_onnx` has passed it. Raises ModelFileError."""
    serialized = formats.read_bytes(path)
    try:
        model = safety.check_onnx(serialized)
        tensors = tuple(_tensor_info(tensor) for tensor in model.graph.initializer)
        metadata = {entry.key: entry.value for entry in model.metadata_props}
        operators = Counter(node.op_type for node in model.graph.node)
    except Exception as error:  # the exceptions of onnx and protobuf have no other base in common
        raise ModelFileError(f"{path}: not a valid ONNX model ({formats.first_line(error)}).") from error
    return Description(
        contract=formats.parse_contract(path, metadata.get(CONTRACT_KEY)),
        operators=operators,
        tensors=tensors,
        opset=next((opset.version for opset in model.opset_import if opset.domain in ("", "ai.onnx")), None),
        ir_version=model.ir_version,
    )


def _tensor_info(tensor: onnx.TensorProto) -> TensorInfo:
    values = numpy_helper.to_array(tensor)
    return TensorInfo(tensor.name, values.dtype.name, tuple(values.shape), values.nbytes)


def _signature(graph: onnx.GraphProto) -> list[TensorSpec]:
    """Inputs and outputs as the graph declares them."""
    stored = {tensor.name for tensor in graph.initializer}
    return [_tensor_spec(value) for value in (*graph.input, *graph.output) if value.name not in stored]


def _tensor_spec(value: onnx.ValueInfoProto) -> TensorSpec:
    kind = value.type.tensor_type
    dtype = onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type).name
    axes = (axis.dim_param or axis.dim_value for axis in kind.shape.dim)
    return TensorSpec(value.name, dtype, tuple(axes))


def _require_signature(path: Path, found: list[TensorSpec], contract: Contract) -> None:
    """Inputs and outputs as the contract says: names, element types, shapes."""
    wanted = [contract.input, *contract.outputs]
    if found != wanted:
        found_text, wanted_text = (
            ", ".join(f"{s.name} {s.dtype} {list(s.shape)}" for s in part) for part in (found, wanted)
        )
        raise ModelFileError(f"{path}: inputs and outputs are {found_text}; its contract says {wanted_text}.")
