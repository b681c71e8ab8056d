"""ONNX files: data, once `onnx_check` has passed them."""

import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from edgedigits.errors import ModelFileError, first_line
from edgedigits.export.onnx.graph import NETWORK
from edgedigits.records.artifact import CONTRACT_KEY, Contract, TensorInfo, TensorSpec
from edgedigits.runtime.mistakes import count_words, line
from edgedigits.runtime.readers import Description, foreign_onnx, parse_contract
from edgedigits.runtime.safety import Refused
from edgedigits.runtime.safety.onnx_check import check_onnx

STANDARD = ("", "ai.onnx")  # domains of ONNX's own operators
UNKNOWN = "unknown"  # the type of what a file gives none, or one that onnx has no name for


def read_contract(path: Path, content: bytes) -> Contract:
    """The contract, which inputs and outputs keep, of a graph that has passed `check_onnx`. Raises ModelFileError."""
    model, _ = _read(path, content)
    contract = parse_contract(path, _metadata(model).get(CONTRACT_KEY))
    inputs, outputs = _declared(model.graph)
    _require_signature(path, [*inputs, *outputs], contract)
    return contract


def stand_in(path: Path, content: bytes) -> tuple[Contract, bytes]:
    """What stands for the contract of somebody else's file, and its bytes.

    It says inputs and outputs as the graph declares them, and nothing of labels, data and accuracy. What the checks
    would refuse without need is put right first (`foreign_onnx`). Raises ModelFileError where the graph does not pass
    the checks, or has not one input.
    """
    try:
        tidy = foreign_onnx.tidied(content)
        model = check_onnx(tidy)
        inputs, outputs = _declared(model.graph)
    except Refused as error:
        raise ModelFileError(f"{path}: would not be run here ({error}).") from error
    except Exception as error:  # the exceptions of onnx and protobuf have no other base in common
        raise _invalid(path, error) from error
    if len(inputs) != 1 or not outputs:
        found = f"{len(inputs)} inputs and {len(outputs)} outputs"
        raise ModelFileError(f"{path}: {found}; one input of images wanted, and scores that come out.")
    return Contract("onnx", (), "", "", 0.0, input=inputs[0], outputs=tuple(outputs)), tidy


def describe(path: Path, content: bytes) -> Description:
    """The graph as it is stored; of a canvas file's tensors, those of the network: the framing's are none.

    Of a file without a contract, which is somebody else's, it also says why it would not be run. Raises ModelFileError.
    """
    model, refused = _read(path, content)
    text = _metadata(model).get(CONTRACT_KEY)
    contract = parse_contract(path, text) if text is not None else None
    try:
        inputs, outputs = _declared(model.graph)
        tensors = tuple(_tensor_info(tensor) for tensor in model.graph.initializer)
    except (KeyError, ValueError, TypeError) as error:  # an element type that nobody knows, in a refused file
        raise _invalid(path, error) from error
    if contract and contract.sides:
        tensors = tuple(tensor for tensor in tensors if tensor.name.startswith(NETWORK))
    return Description(
        contract=contract,
        operators=Counter(node.op_type for node in model.graph.node),
        tensors=tensors,
        opset=next((opset.version for opset in model.opset_import if opset.domain in STANDARD), None),
        ir_version=model.ir_version,
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        refused=refused,
    )


def stored_floats(path: Path, content: bytes) -> dict[str, np.ndarray[Any, Any]]:
    """The stored tensors of real numbers, by name, of a graph that has passed the checks. Raises ModelFileError."""
    model = _parsed(path, content)
    kept = [tensor for tensor in model.graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT]
    return {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in kept}


def _read(path: Path, content: bytes) -> tuple[onnx.ModelProto, str | None]:
    """A model that has passed the checks; one without a contract also with what they refuse. Raises ModelFileError.

    One without a contract is checked as `foreign_onnx` would put it right, and returned as it is.
    """
    try:
        if CONTRACT_KEY.encode() in content:
            return check_onnx(content), None
        check_onnx(foreign_onnx.tidied(content))
        return _parsed(path, content), None
    except Refused as error:
        model = _parsed(path, content)
        if CONTRACT_KEY in _metadata(model) or not model.graph.node:  # an empty file is a model to protobuf
            raise _invalid(path, error) from error
        return model, str(error)
    except Exception as error:  # the exceptions of onnx and protobuf have no other base in common
        raise _invalid(path, error) from error


def _parsed(path: Path, content: bytes) -> onnx.ModelProto:
    try:
        return onnx.load_model_from_string(content)
    except Exception as error:  # likewise
        raise _invalid(path, error) from error


def _invalid(path: Path, error: Exception) -> ModelFileError:
    return ModelFileError(f"{path}: not a valid ONNX model ({first_line(error)}).")


def _metadata(model: onnx.ModelProto) -> dict[str, str]:
    return {entry.key: entry.value for entry in model.metadata_props}


def _tensor_info(tensor: onnx.TensorProto) -> TensorInfo:
    """Of a stored tensor, whose values are not looked at."""
    shape, known = tuple(tensor.dims), _dtype(tensor.data_type)
    name, itemsize = (known.name, known.itemsize) if known else (UNKNOWN, 0)
    return TensorInfo(tensor.name, name, shape, math.prod(shape) * itemsize)


def _declared(graph: onnx.GraphProto) -> tuple[list[TensorSpec], list[TensorSpec]]:
    """Inputs and outputs as the graph declares them."""
    stored = {tensor.name for tensor in graph.initializer}
    inputs = [_tensor_spec(value) for value in graph.input if value.name not in stored]
    return inputs, [_tensor_spec(value) for value in graph.output if value.name not in stored]


def _tensor_spec(value: onnx.ValueInfoProto) -> TensorSpec:
    kind = value.type.tensor_type
    known = _dtype(kind.elem_type)
    axes = (axis.dim_param or axis.dim_value for axis in kind.shape.dim)
    return TensorSpec(value.name, known.name if known else _other(value.type), tuple(axes))


def _dtype(number: int) -> np.dtype[Any] | None:
    """Of tensors whose type has this number; None where onnx has none of that number."""
    try:
        return onnx.helper.tensor_dtype_to_np_dtype(number)
    except KeyError:
        return None


def _other(kind: onnx.TypeProto) -> str:
    """What is no tensor of a known type: sequence, map, optional, sparse_tensor."""
    which = kind.WhichOneof("value")
    return UNKNOWN if which in (None, "tensor_type") else which.removesuffix("_type")


def _require_signature(path: Path, found: list[TensorSpec], contract: Contract) -> None:
    """Inputs and outputs as the contract says: names, element types, shapes."""
    wanted = [contract.input, *contract.outputs]
    if found != wanted:
        found_text, wanted_text = (
            ", ".join(f"{s.name} {s.dtype} {list(s.shape)}" for s in part) for part in (found, wanted)
        )
        why = "".join(f" {one[0].upper()}{one[1:]}." for one in _misshapen(found[0], contract.input))
        raise ModelFileError(f"{path}: inputs and outputs are {found_text}; its contract says {wanted_text}.{why}")


def _misshapen(found: TensorSpec, wanted: TensorSpec) -> Iterator[str]:
    """The usual mistakes that give an input another shape."""
    if found.shape and isinstance(count := found.shape[0], int) and isinstance(wanted.shape[0], str):
        yield line("batch", count=count_words(count))
    if found.shape[1:] in [(*wanted.shape[1:], channels) for channels in (1, 3)]:
        yield line("channels last")
