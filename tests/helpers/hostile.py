"""Files that ask for more than a classifier may, each with the words in which it must be refused.

`MODELS` spoil a good ONNX model; `FILES` are whole files, links and folders, built beside a good one. Some are
refused by the checks before a runtime sees them, some only by the limits of the process that runs them.
"""

import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgedigits.runtime.safety import BOUNDS

HUGE = 1 << 40


@dataclass(frozen=True)
class Hostile:
    """How a good model is spoiled, and what its refusal says. `running`: nothing shows before it runs."""

    spoil: Callable[[onnx.ModelProto], None]
    reason: str
    running: bool = False


def _external(location: str) -> Callable[[onnx.ModelProto], None]:
    def spoil(model: onnx.ModelProto) -> None:
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)

    return spoil


def _external_in_attribute(model: onnx.ModelProto) -> None:
    _external("weights.bin")(model)
    tensor = model.graph.initializer[0]
    node = helper.make_node("Constant", [], [tensor.name], value=tensor)
    model.graph.node.insert(0, node)
    del model.graph.initializer[0]


def _huge_tensor(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].dims[:] = [1 << 20, 1 << 20]


def _huge_beside_an_empty_axis(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[0]
    tensor.dims[:] = [0, HUGE]
    tensor.raw_data = b""


def _more_declared_than_stored(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].dims[0] += 1


def _prepend(model: onnx.ModelProto, *nodes: onnx.NodeProto, **initializers: np.ndarray) -> None:
    """Nodes whose results nobody uses; runtimes compute constant ones while they load."""
    model.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in initializers.items())
    model.graph.node.extend(nodes)


def _huge_constant(model: onnx.ModelProto) -> None:
    node = helper.make_node("ConstantOfShape", ["sides"], ["constant"])
    _prepend(model, node, sides=np.array([1 << 20, 1 << 20]))


def _huge_expansion(model: onnx.ModelProto) -> None:
    _prepend(model, helper.make_node("Expand", ["one", "sides"], ["wide"]), one=np.ones(1), sides=np.array([HUGE]))


def _huge_kernel(model: onnx.ModelProto) -> None:
    pool = next(node for node in model.graph.node if node.op_type == "MaxPool")
    for attribute in pool.attribute:
        if attribute.name == "kernel_shape":
            attribute.ints[:] = [5000, 5000]


def _empty_value(model: onnx.ModelProto) -> None:
    pool = [node for node in model.graph.node if node.op_type == "MaxPool"][-1]
    for attribute in pool.attribute:
        if attribute.name == "kernel_shape":
            attribute.ints[:] = [16, 2]  # of an image of 14: no row is left, and runtimes divide by what is left


def _branch(body: onnx.GraphProto) -> onnx.NodeProto:
    return helper.make_node("If", ["flag"], ["out"], then_branch=body, else_branch=body)


def _nested(depth: int) -> onnx.GraphProto:
    value = helper.make_tensor_value_info("out", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Constant", [], ["out"], value_floats=[0.0])], "leaf", [], [value])
    for _ in range(depth):
        graph = helper.make_graph([_branch(graph)], "branch", [], [value])
    return graph


def _nested_branches(model: onnx.ModelProto) -> None:
    _prepend(model, _branch(_nested(5)), flag=np.array(True))


def _endless_loop(model: onnx.ModelProto) -> None:
    condition = helper.make_tensor_value_info("go", TensorProto.BOOL, [])
    count = helper.make_tensor_value_info("i", TensorProto.INT64, [])
    again = helper.make_tensor_value_info("again", TensorProto.BOOL, [])
    same = helper.make_node("Identity", ["go"], ["again"])
    body = helper.make_graph([same], "body", [count, condition], [again])
    _prepend(model, helper.make_node("Loop", ["", "flag"], [], body=body), flag=np.array(True))


def _recursion(model: onnx.ModelProto) -> None:
    call = helper.make_node("Again", ["x"], ["y"], domain="own")
    opsets = [helper.make_opsetid("own", 1)]
    model.functions.append(helper.make_function("own", "Again", ["x"], ["y"], [call], opsets))
    model.opset_import.append(opsets[0])


def _foreign_operator(model: onnx.ModelProto) -> None:
    model.graph.node[-1].domain = "com.microsoft"


def _unknown_operator(model: onnx.ModelProto) -> None:
    model.graph.node[-1].op_type = "System"


def _random_operator(model: onnx.ModelProto) -> None:
    _prepend(model, helper.make_node("RandomNormal", [], ["noise"], shape=[1]))


def _sequence(model: onnx.ModelProto) -> None:
    _prepend(model, helper.make_node("SequenceConstruct", ["logits"], ["sequence"]))


def _text(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(helper.make_tensor("text", TensorProto.STRING, [1], [b"text"]))


def _nameless_output(model: onnx.ModelProto) -> None:
    _prepend(model, helper.make_node("Split", ["logits"], [""]))  # crashes ONNX Runtime 1.31


def _cycle(model: onnx.ModelProto) -> None:
    model.graph.node[0].input[0] = "logits"


def _many_nodes(model: onnx.ModelProto) -> None:
    model.graph.node.extend([helper.make_node("Identity", ["logits"], ["unused"])] * (BOUNDS.nodes + 1))


def _long_attribute(model: onnx.ModelProto) -> None:
    _prepend(model, helper.make_node("Constant", [], ["many"], value_ints=[0] * (BOUNDS.values + 1)))


def _much_metadata(model: onnx.ModelProto) -> None:
    model.metadata_props.add(key="long", value="x" * (BOUNDS.metadata + 1))


def _training(model: onnx.ModelProto) -> None:
    model.training_info.add()


def _sparse(model: onnx.ModelProto) -> None:
    model.graph.sparse_initializer.add()


def _insert_before_logits(model: onnx.ModelProto, nodes: list[onnx.NodeProto]) -> None:
    """Put nodes that make `logits` of what were the logits, `scores` now, before the last softmax."""
    last = next(node for node in model.graph.node if "logits" in node.output)
    last.output[0] = "scores"
    softmax = model.graph.node.pop()
    model.graph.node.extend([*nodes, softmax])


def _memory_by_pixels(model: onnx.ModelProto) -> None:
    """A constant whose size follows from the image: 2^40 values for any image but a blank one."""
    nodes = [
        helper.make_node("Cast", ["image"], ["ink"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMax", ["ink"], ["most"], keepdims=0),
        helper.make_node("Sign", ["most"], ["any"]),
        helper.make_node("Mul", ["any", "huge"], ["size"]),
        helper.make_node("Cast", ["size"], ["whole"], to=TensorProto.INT64),
        helper.make_node("Reshape", ["whole", "flat"], ["shape"]),
        helper.make_node("ConstantOfShape", ["shape"], ["block"]),
        helper.make_node("ReduceMax", ["block"], ["top"], keepdims=0),
        helper.make_node("Add", ["scores", "top"], ["logits"]),
    ]
    _insert_before_logits(model, nodes)
    huge = {"huge": np.float32(HUGE), "flat": np.array([1])}
    model.graph.initializer.extend(numpy_helper.from_array(np.asarray(array), name) for name, array in huge.items())


def _endless_products(model: onnx.ModelProto) -> None:
    """Small to store and to declare, and minutes to compute: a matrix multiplied by itself, again and again."""
    side = 2048
    nodes = [helper.make_node("Expand", ["one", "sides"], ["product0"])]
    nodes += [helper.make_node("MatMul", [f"product{i}"] * 2, [f"product{i + 1}"]) for i in range(1000)]
    nodes += [
        helper.make_node("ReduceMax", ["product1000"], ["top"], keepdims=0),
        helper.make_node("Add", ["scores", "top"], ["logits"]),
    ]
    _insert_before_logits(model, nodes)
    for name, array in {"one": np.ones((1, 1), np.float32), "sides": np.array([side, side])}.items():
        model.graph.initializer.append(numpy_helper.from_array(array, name))


MODELS = {
    "external data": Hostile(_external("weights.bin"), "external data"),
    "external data at an absolute path": Hostile(_external("/etc/passwd"), "external data"),
    "external data out of the folder": Hostile(_external("../../etc/passwd"), "external data"),
    "external data behind a hard link": Hostile(_external("hard-link"), "external data"),
    "external data behind a symbolic link": Hostile(_external("symbolic-link"), "external data"),
    "external data in an attribute": Hostile(_external_in_attribute, "external data"),
    "huge tensor": Hostile(_huge_tensor, r"shape \[1048576, 1048576\], at most"),
    "huge tensor beside an empty axis": Hostile(_huge_beside_an_empty_axis, "at most"),
    "more declared than stored": Hostile(_more_declared_than_stored, "bytes stored"),
    "huge constant": Hostile(_huge_constant, "value 'constant': shape"),
    "huge expansion": Hostile(_huge_expansion, "value 'wide': shape"),
    "huge kernel": Hostile(_huge_kernel, "not a valid ONNX model"),
    "a value without elements": Hostile(_empty_value, "empty"),
    "nested branches": Hostile(_nested_branches, "holds a graph"),
    "endless loop": Hostile(_endless_loop, "holds a graph"),
    "recursion": Hostile(_recursion, "functions: none wanted"),
    "foreign operator": Hostile(_foreign_operator, "com.microsoft.Softmax: not of the ONNX standard"),
    "unknown operator": Hostile(_unknown_operator, "System: not of the ONNX standard"),
    "random operator": Hostile(_random_operator, "RandomNormal: not deterministic"),
    "sequence": Hostile(_sequence, "a sequence; tensors wanted"),
    "text": Hostile(_text, "element type STRING"),
    "an output without a name": Hostile(_nameless_output, "Split: an output without a name"),
    "cycle": Hostile(_cycle, "not a valid ONNX model"),
    "many nodes": Hostile(_many_nodes, "nodes: "),
    "long attribute": Hostile(_long_attribute, "has more than"),
    "much metadata": Hostile(_much_metadata, "metadata: more than"),
    "training": Hostile(_training, "training: none wanted"),
    "sparse tensors": Hostile(_sparse, "sparse tensors: none wanted"),
    "memory by pixels": Hostile(_memory_by_pixels, "fails to answer|ended early", running=True),
    "endless products": Hostile(_endless_products, "no answer after 1 seconds of computing", running=True),
}


@dataclass(frozen=True)
class HostileFile:
    """How a path is made that is no file of ours, from the bytes of a good one; and what its refusal says."""

    make: Callable[[Path, bytes], Path]
    reason: str


def _device(folder: Path, _: bytes) -> Path:
    (folder / "zero.onnx").symlink_to("/dev/zero")
    return folder / "zero.onnx"


def _pipe(folder: Path, _: bytes) -> Path:
    os.mkfifo(folder / "pipe.onnx")
    return folder / "pipe.onnx"


def _folder(folder: Path, _: bytes) -> Path:
    (folder / "folder.onnx").mkdir()
    return folder / "folder.onnx"


def _link_in_a_circle(folder: Path, _: bytes) -> Path:
    (folder / "circle.onnx").symlink_to("circle.onnx")
    return folder / "circle.onnx"


def _large(folder: Path, _: bytes) -> Path:
    with (folder / "large.onnx").open("wb") as file:
        file.truncate(BOUNDS.file_bytes + 1)  # takes no room on the disk
    return folder / "large.onnx"


def _runtime_format(folder: Path, content: bytes) -> Path:
    (folder / "ort.onnx").write_bytes(content[:4] + b"ORTM" + content[8:])
    return folder / "ort.onnx"


def _no_utf8(folder: Path, content: bytes) -> Path:
    (folder / "words.onnx").write_bytes(content.replace(b"background 0", b"\xff\xfeckground 0"))
    return folder / "words.onnx"


def _nested_messages(folder: Path, _: bytes) -> Path:
    """A message in a message in a message, ten thousand deep: graphs inside attributes inside nodes."""
    content = b""
    for field in (b"\x0a", b"\x2a", b"\x32") * 3000:  # GraphProto.node, NodeProto.attribute, AttributeProto.g
        size, length = len(content), b""
        while size >= 0x80:
            length, size = length + bytes([size & 0x7F | 0x80]), size >> 7
        content = field + length + bytes([size]) + content
        if len(content) > 100_000:
            break
    (folder / "nested.onnx").write_bytes(b"\x08\x08" + content)
    return folder / "nested.onnx"


def _zip_bomb(folder: Path, _: bytes) -> Path:
    path = folder / "bomb.torchscript.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a/data.pkl", "w") as entry:
        block = bytes(1 << 20)
        for _ in range((BOUNDS.file_bytes >> 20) + 1):
            entry.write(block)
    return path


FILES = {
    "device": HostileFile(_device, "not a plain file"),
    "pipe": HostileFile(_pipe, "not a plain file"),
    "folder": HostileFile(_folder, "not a plain file|Is a directory"),
    "link in a circle": HostileFile(_link_in_a_circle, "cannot be read"),
    "large file": HostileFile(_large, "bytes, at most"),
    "the runtime's own format": HostileFile(_runtime_format, "ONNX Runtime's own format"),
    "a contract that is no UTF-8": HostileFile(_no_utf8, "its contract is damaged"),
    "messages nested too deep": HostileFile(_nested_messages, "not a valid ONNX model"),
    "zip bomb": HostileFile(_zip_bomb, "bytes unpacked, at most"),
}
