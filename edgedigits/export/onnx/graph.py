"""ONNX graphs, built node by node, and what all of ours have in common: opset, IR version."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgedigits.export.formats import ONNX_OPSET

OPSET = ONNX_OPSET
IR_VERSION = 8  # the first that allows opset 17: older runtimes and other engines read it
PRODUCTS = ("Conv", "Gemm", "MatMul")  # operators whose second input can be weights
NETWORK = "network."  # in a canvas file, begins the names of all that comes from the network's own graph
TINY = 1_000  # weights: below, int8 saves less than a kilobyte or two and costs time

Array = npt.NDArray[Any]


class Graph:
    """An ONNX graph that grows node by node: `graph.Add(a, 1.0)` adds a node and returns its output's name.

    Inputs are names, or numbers and arrays, which become constants: float32 unless they are arrays
    of another type.
    """

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[tuple[str, bytes, tuple[int, ...]], onnx.TensorProto] = {}
        self.weights: list[onnx.TensorProto] = []

    def __getattr__(self, operator: str) -> Callable[..., str]:
        if not operator[0].isupper():
            raise AttributeError(operator)

        def add(*inputs: Any, output: str = "", **attributes: Any) -> str:
            name = output or str(len(self.nodes))  # short: a canvas file has a thousand
            self.nodes.append(helper.make_node(operator, [self.name(value) for value in inputs], [name], **attributes))
            return name

        return add

    def name(self, value: Any) -> str:
        """The name under which a value can be an input."""
        if isinstance(value, str):
            return value
        array = value if isinstance(value, np.ndarray) else np.asarray(value, np.float32)
        key = (array.dtype.name, array.tobytes(), array.shape)
        if key not in self.constants:
            self.constants[key] = numpy_helper.from_array(array, f"c{len(self.constants)}")
        return self.constants[key].name

    def include(self, model: onnx.ModelProto, prefix: str, **inputs: str) -> None:
        """Add another model's nodes; its values get the prefix, and its inputs are taken from `inputs`."""
        renamed = {"": ""} | inputs
        for tensor in model.graph.initializer:
            self.weights.append(numpy_helper.from_array(numpy_helper.to_array(tensor), prefix + tensor.name))
        for node in model.graph.node:
            copied = onnx.NodeProto()
            copied.CopyFrom(node)
            copied.name = ""
            copied.input[:] = [renamed.get(name, prefix + name) for name in node.input]
            copied.output[:] = [prefix + name for name in node.output]
            self.nodes.append(copied)

    def model(self, inputs: list[onnx.ValueInfoProto], outputs: list[onnx.ValueInfoProto]) -> onnx.ModelProto:
        """All of it, as a model."""
        graph = helper.make_graph(self.nodes, "canvas", inputs, outputs, [*self.constants.values(), *self.weights])
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)


def prune(graph: onnx.GraphProto) -> None:
    """Remove the nodes and initializers that nothing uses any more."""
    needed = {output.name for output in graph.output}
    nodes = []
    for node in reversed(graph.node):  # in topological order, so every consumer has been seen
        if needed.intersection(node.output):
            needed.update(node.input)
            nodes.append(node)
    initializers = [tensor for tensor in graph.initializer if tensor.name in needed]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(reversed(nodes))
    graph.initializer.extend(initializers)


def arrays_of(graph: onnx.GraphProto) -> dict[str, Array]:
    """The stored tensors of a graph, by name."""
    return {stored.name: numpy_helper.to_array(stored) for stored in graph.initializer}


def output_axis(product: onnx.NodeProto) -> int:
    """The axis of a product's weights that counts its output channels."""
    transposed = any(attribute.name == "transB" and attribute.i for attribute in product.attribute)
    return 0 if product.op_type == "Conv" or transposed else 1


def tensor(name: str, *shape: str | int, kind: int = TensorProto.UINT8) -> onnx.ValueInfoProto:
    """An input or output of a graph."""
    return helper.make_tensor_value_info(name, kind, shape)
