"""Small ONNX graphs as other exporters write them, with what `adopt` finds of each: the target `adopted` spoils."""

from dataclasses import dataclass, replace

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from edgedigits.records.foreign import ForeignNetwork
from edgedigits.runtime.asking import Way
from edgedigits.runtime.readings import Input, parse

CLASSES = 10
STORED = {
    "kernels": (4, 1, 5, 5),
    "columns": (144, CLASSES),
    "rows": (784, CLASSES),
    "biases": (CLASSES,),
    "scale": (4,),
    "few": (28, CLASSES),
}


@dataclass(frozen=True)
class Theirs:
    """A graph, and how it is asked."""

    model: onnx.ModelProto
    network: ForeignNetwork
    way: Way
    classes: int = CLASSES


def _theirs(nodes: list[NodeProto], shape: list[int | str], words: str, way: Way, opset: int, kind: str) -> Theirs:
    rng = np.random.default_rng(0)
    arrays = {name: rng.normal(0, 0.1, shape).astype(np.float32) for name, shape in STORED.items()}
    arrays |= {"squares": np.ones(4, np.float32), "flat": np.array([way.batch or -1, 144])}
    used = {name for node in nodes for name in node.input}
    initializers = [numpy_helper.from_array(array, name) for name, array in arrays.items() if name in used]
    image = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    scores = helper.make_tensor_value_info("y", TensorProto.FLOAT, [CLASSES] if way.bare else [shape[0], CLASSES])
    graph = helper.make_graph(nodes, "theirs", [image], [scores], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    seen = replace(Input(), **parse(words))
    return Theirs(model, ForeignNetwork(seen, "y", kind, tuple(range(CLASSES)), 0, ""), way)


def _convolution(last: str) -> list[NodeProto]:
    """A convolution, batch norm, a pool and a dense layer."""
    make = helper.make_node
    return [
        make("Conv", ["x", "kernels"], ["c"], strides=[2, 2]),
        make("BatchNormalization", ["c", "scale", "scale", "scale", "squares"], ["n"]),
        make("Relu", ["n"], ["r"]),
        make("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        make("Reshape", ["p", "flat"], ["f"]),
        make("MatMul", ["f", "columns"], ["m"]),
        make("Add", ["m", "biases"], ["s"]),
        make(last, ["s"], ["y"], axis=1),
    ]


def _dense() -> list[NodeProto]:
    """A dense layer on one image without an axis for the batch."""
    make = helper.make_node
    return [
        make("Sigmoid", ["x"], ["s"]),
        make("MatMul", ["s", "rows"], ["m"]),
        make("Add", ["m", "biases"], ["a"]),
        make("Softmax", ["a"], ["y"], axis=0),
    ]


def _rows() -> list[NodeProto]:
    """Rows of an image, turned, beside each other, and their mean."""
    make = helper.make_node
    return [
        make("Transpose", ["x"], ["t"], perm=[0, 2, 1]),
        make("Concat", ["x", "t"], ["c"], axis=1),
        make("MatMul", ["c", "few"], ["m"]),
        make("ReduceMean", ["m"], ["y"], axes=[1], keepdims=0),
    ]


THEIRS = (
    _theirs(_convolution("Softmax"), [1, 1, 28, 28], "mean/std, nchw", Way(1), 9, "softmax"),
    _theirs(_convolution("LogSoftmax"), [10, 1, 28, 28], "0..1, nchw", Way(10), 13, "log-softmax"),
    _theirs(_dense(), [784], "-1..1, flat", Way(bare=True), 17, "softmax"),
    _theirs(_rows(), [3, 28, 28], "0..1, nhw, dark ink", Way(3), 11, "logits"),
    _theirs(_convolution("Softmax"), ["N", 1, 28, 28], "binarized, nchw, transposed", Way(), 20, "softmax"),
)
