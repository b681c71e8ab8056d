"""ONNX files: data, once `onnx_check` has passed them."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import onnx
from onnx import numpy_helper

from edgedigits.errors import ModelFileError, first_line
from edgedigits.export.onnx.graph import NETWORK
from edgedigits.records.artifact import CONTRACT_KEY, Contract, TensorInfo, TensorSpec
from edgedigits.runtime.readers import Description, parse_contract
from edgedigits.runtime.safety.onnx_check import check_onnx

T = TypeVar("T")


def read_contract(path: Path, content: bytes) -> Contract:
    """The contract, which inputs and outputs keep, of a graph that has passed `check_onnx`. Raises ModelFileError."""
    signature, metadata = _checked(path, content, lambda model: (_declared(model.graph), _metadata(model)))
    contract = parse_contract(path, metadata.get(CONTRACT_KEY))
    _require_signature(path, signature, contract)
    return contract


def describe(path: Path, content: bytes) -> Description:
    """The graph as it is stored; of a canvas file's tensors, those of the network: the framing's are none.

    Raises ModelFileError.
    """
    metadata, found = _checked(path, content, lambda model: (_metadata(model), _described(model)))
    contract = parse_contract(path, metadata.get(CONTRACT_KEY))
    operators, tensors, opset, ir_version = found
    if contract.sides:
        tensors = tuple(tensor for tensor in tensors if tensor.name.startswith(NETWORK))
    return Description(contract, operators, tensors, opset, ir_version)


def _checked(path: Path, content: bytes, look: Callable[[onnx.ModelProto], T]) -> T:
    """What a look at a model finds, once it has passed the checks. Raises ModelFileError."""
    try:
        return look(check_onnx(content))
    except Exception as error:  # the exceptions of onnx and protobuf have no other base in common
        raise ModelFileError(f"{path}: not a valid ONNX model ({first_line(error)}).") from error


def _metadata(model: onnx.ModelProto) -> dict[str, str]:
    return {entry.key: entry.value for entry in model.metadata_props}


def _described(model: onnx.ModelProto) -> tuple[dict[str, int], tuple[TensorInfo, ...], int, int]:
    """How often each operator is there, the stored tensors, opset and IR version."""
    operators = Counter(node.op_type for node in model.graph.node)
    tensors = tuple(_tensor_info(tensor) for tensor in model.graph.initializer)
    return operators, tensors, model.opset_import[0].version, model.ir_version


def _tensor_info(tensor: onnx.TensorProto) -> TensorInfo:
    values = numpy_helper.to_array(tensor)
    return TensorInfo(tensor.name, values.dtype.name, tuple(values.shape), values.nbytes)


def _declared(graph: onnx.GraphProto) -> list[TensorSpec]:
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
