"""What a model file may be: the checks that stand between a stranger's bytes and the runtime that runs them.

    read       a plain file of bounded size, whose SHA-256 is the one in the manifest beside it, if there is one
    check_onnx nothing but data: standard operators, all tensors inside, every size stated and bounded
    require_trusted   formats that can hold code are loaded on a recorded hash, or on request

A manifest proves that a file is what was exported, not who exported it: whoever can write the file can
write its manifest. So ONNX files, which are data, pass `check_onnx` wherever they come from, and commands
run them in a process of their own (`edgedigits/runtime/sandbox.py`).
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgedigits.runtime.mistakes import line
from edgedigits.runtime.safety import BOUNDS, Refused

if TYPE_CHECKING:
    import onnx

RANDOM = frozenset(
    {"Bernoulli", "Dropout", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}
)
PLAIN_ATTRIBUTES = frozenset({"FLOAT", "FLOATS", "INT", "INTS", "STRING", "STRINGS", "TENSOR"})
ELEMENTS = {  # element types: the bits of a value, and the field that holds values which are not raw
    "FLOAT": (32, "float_data"),
    "DOUBLE": (64, "double_data"),
    "FLOAT16": (16, "int32_data"),
    "BFLOAT16": (16, "int32_data"),
    "INT64": (64, "int64_data"),
    "INT32": (32, "int32_data"),
    "INT16": (16, "int32_data"),
    "INT8": (8, "int32_data"),
    "INT4": (4, "int32_data"),
    "UINT64": (64, "uint64_data"),
    "UINT32": (32, "uint64_data"),
    "UINT16": (16, "int32_data"),
    "UINT8": (8, "int32_data"),
    "UINT4": (4, "int32_data"),
    "BOOL": (8, "int32_data"),
}


def check_onnx(serialized: bytes) -> "onnx.ModelProto":
    """The model, once it is sure that it is data of bounded size. Raises Refused, and what onnx raises.

    Our own checks come first: they are cheap, and leave little that could surprise onnx's checker, which
    comes next. Shapes that follow from the declared ones are inferred and bounded too.
    """
    import onnx

    if serialized[4:8] == b"ORTM":
        raise Refused("ONNX Runtime's own format, not ONNX")
    model = onnx.load_model_from_string(serialized)
    _check_extras(model)
    _check_operators(model)
    _check_tensors(model.graph)
    _check_declared(model.graph)
    onnx.checker.check_model(serialized, full_check=True)
    inferred = onnx.shape_inference.infer_shapes(serialized, strict_mode=True, data_prop=True)
    _check_declared(inferred.graph)
    _check_empty(inferred.graph)
    return model


def _check_extras(model: "onnx.ModelProto") -> None:
    """Nothing beside one graph, its opset and bounded metadata."""
    graph = model.graph
    for what, found in {
        "functions": model.functions,
        "training": model.training_info,
        "sparse tensors": graph.sparse_initializer,
        "quantization annotations": graph.quantization_annotation,
    }.items():
        if found:
            raise Refused(f"{what}: none wanted")
    if {opset.domain for opset in model.opset_import} - {"", "ai.onnx"} or len(model.opset_import) != 1:
        raise Refused("operator sets: ONNX's own alone wanted")
    if sum(len(entry.key) + len(entry.value) for entry in model.metadata_props) > BOUNDS.metadata:
        raise Refused(f"metadata: more than {BOUNDS.metadata:,} characters")
    for what, values in {"initializers": graph.initializer, "inputs": graph.input, "outputs": graph.output}.items():
        if len(values) > BOUNDS.values:
            raise Refused(f"{what}: {len(values):,}, at most {BOUNDS.values:,} wanted")


def _check_operators(model: "onnx.ModelProto") -> None:
    """Standard and deterministic operators, none with a graph inside: nothing that loops or calls."""
    from onnx import defs

    if len(model.graph.node) > BOUNDS.nodes:
        raise Refused(f"nodes: {len(model.graph.node):,}, at most {BOUNDS.nodes:,} wanted")
    opset = model.opset_import[0].version
    for node in model.graph.node:
        name = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
        if node.domain not in ("", "ai.onnx") or not defs.has(node.op_type, opset, ""):
            raise Refused(f"operator {name}: not of the ONNX standard, opset {opset}")
        if node.op_type in RANDOM:
            why = f": {line('training mode')}" if node.op_type == "Dropout" else ""
            raise Refused(f"operator {name}: not deterministic{why}")
        if max(len(node.input), len(node.output), len(node.attribute)) > BOUNDS.values:
            raise Refused(f"operator {name}: more than {BOUNDS.values:,} names")
        if not all(node.output):  # ONNX Runtime 1.31 crashes on a Split with such an output
            raise Refused(f"operator {name}: an output without a name")
        for attribute in node.attribute:
            _check_attribute(name, attribute)
        if _is_trained(node):
            raise Refused(f"operator {name}: {line('training mode')}")


def _is_trained(node: "onnx.NodeProto") -> bool:
    """Whether a node is a batch norm that goes by the batch: it says so, or, before opset 14, gives its statistics."""
    told = any(attribute.name == "training_mode" and attribute.i for attribute in node.attribute)
    return told or (node.op_type == "BatchNormalization" and len(node.output) > 1)


def _check_attribute(operator: str, attribute: "onnx.AttributeProto") -> None:
    from onnx import AttributeProto

    where = f"operator {operator}: attribute '{attribute.name}'"
    kind = AttributeProto.AttributeType.Name(attribute.type)
    if attribute.HasField("g") or attribute.graphs:
        raise Refused(f"{where} holds a graph: loops and branches are not wanted")
    if kind not in PLAIN_ATTRIBUTES or attribute.ref_attr_name:
        raise Refused(f"{where} is no number, text or tensor ({kind})")
    if attribute.tensors or attribute.HasField("sparse_tensor") or attribute.sparse_tensors:
        raise Refused(f"{where} holds more than one plain tensor")
    if max(len(attribute.ints), len(attribute.floats), len(attribute.strings)) > BOUNDS.values:
        raise Refused(f"{where} has more than {BOUNDS.values:,} values")


def _check_tensors(graph: "onnx.GraphProto") -> None:
    """Every tensor is inside the file, and as large as it says."""
    for tensor in graph.initializer:
        _check_tensor(tensor)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                _check_tensor(attribute.t)


def _check_tensor(tensor: "onnx.TensorProto") -> None:
    from onnx import TensorProto

    where = f"tensor '{tensor.name}'"
    if tensor.external_data or tensor.data_location != TensorProto.DEFAULT:
        raise Refused(f"{where}: {line('external data')}")
    if tensor.HasField("segment"):
        raise Refused(f"{where}: a part of a tensor")
    bits, field = ELEMENTS.get(_type_name(tensor.data_type), (0, ""))
    if not bits:
        raise Refused(f"{where}: element type {_type_name(tensor.data_type)}")
    count = _elements(where, tensor.dims)
    raw = tensor.HasField("raw_data")
    stored = len(tensor.raw_data) if raw else len(getattr(tensor, field))
    wanted = -(-count * bits // 8) if raw else -(-count * min(bits, 8) // 8)
    if stored != wanted:
        raise Refused(f"{where}: {stored:,} {'bytes' if raw else 'values'} stored, {wanted:,} declared")


def _type_name(data_type: int) -> str:
    from onnx import TensorProto

    return TensorProto.DataType.Name(data_type) if data_type in TensorProto.DataType.values() else str(data_type)


def _check_declared(graph: "onnx.GraphProto") -> None:
    """Every input, output and value in between is a tensor whose known axes are within bounds."""
    from onnx import TensorProto

    for value in (*graph.input, *graph.output, *graph.value_info):
        where = f"value '{value.name}'"
        kind = value.type.WhichOneof("value") or "tensor_type"
        if kind != "tensor_type":
            raise Refused(f"{where}: a {kind.removesuffix('_type')}; tensors wanted")
        if value.type.tensor_type.elem_type == TensorProto.STRING:
            raise Refused(f"{where}: text; numbers wanted")
        _elements(where, [axis.dim_value for axis in value.type.tensor_type.shape.dim if axis.HasField("dim_value")])


def _check_empty(graph: "onnx.GraphProto") -> None:
    """No value without elements: a kernel larger than its image makes one, and runtimes divide by its size."""
    for value in (*graph.value_info, *graph.output):
        for axis in value.type.tensor_type.shape.dim:
            if axis.HasField("dim_value") and axis.dim_value == 0:
                raise Refused(f"value '{value.name}': empty")


def _elements(where: str, dims: Sequence[int]) -> int:
    """The number of elements of a shape. Raises Refused unless it is within bounds."""
    if len(dims) > BOUNDS.rank:
        raise Refused(f"{where}: {len(dims)} axes, at most {BOUNDS.rank} wanted")
    if min(dims, default=0) < 0:
        raise Refused(f"{where}: an axis of {min(dims)}")
    count = math.prod(dims)
    if max(count, *dims, 0) > BOUNDS.elements:  # an axis of 0 would hide the others
        raise Refused(f"{where}: shape {list(dims)}, at most {BOUNDS.elements:,} elements wanted")
    return count
