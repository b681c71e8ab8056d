"""ONNX with 8-bit weights that every runtime reads: stored as int8, multiplied in float.

Each weight tensor is symmetric, one scale an output channel. Weights that were trained with few bits are the same whole
multiples of their channel's scale here, so that none is rounded. Two nodes make it float again, out of constants alone:

    int8 ──Cast──> float32 ──Mul by the scales──> the weights of the product

A runtime computes them once, when it loads the file. From then on it runs the float file's graph, as fast as that, and
no answer depends on the other images of its batch. Tiny tensors stay float: they hold few of the weights.

`DequantizeLinear` says the same in one node, but ONNX Runtime computes it at every call (75 us for `fc`, not 10), or
quantizes the activations too (logits of `cnn` off by 0.025 from those in all other runtimes). Integer products are
missing or incomplete everywhere else: they are a method of their own (`quantize_integer`).
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgedigits.errors import ModelFileError
from edgedigits.export.formats import Source
from edgedigits.export.onnx.convert import float_graph, save
from edgedigits.export.onnx.graph import PRODUCTS, TINY, Array, arrays_of, output_axis, prune
from edgedigits.records.ops import levels

LEVELS = 127  # of a weight, each way
OFF = 1e-4  # of a trained scale, that a weight may lie beside a whole multiple: float32 rounds it


def write(source: Source, path: Path) -> None:
    """Write the quantized model: the same bytes for the same model in any folder."""
    save(quantize(float_graph(source.model), source.bits), source.contract, path)


def quantize(serialized: bytes, bits: int | None = None) -> bytes:
    """A float ONNX model with the weights of its products in 8 bits.

    bits   the most that a weight was trained with; None where none was

    Raises ModelFileError when it holds none that are worth it: a file must not be called int8 and be none.
    """
    model = onnx.load_model_from_string(serialized)
    if not store_weights(model.graph, bits):
        raise ModelFileError(f"nothing to quantize: no product has {TINY:,} weights or more")
    return bytes(model.SerializeToString())


def store_weights(graph: onnx.GraphProto, bits: int | None = None) -> int:
    """Store the weights of a graph's float products in 8 bits, where there are TINY or more, or were trained with few.

    Returns of how many. What nothing uses any more is removed.
    """
    arrays = arrays_of(graph)
    least = TINY if bits is None else 1
    products = [node for node in graph.node if _has_weights(node, arrays, least)]
    nodes: list[onnx.NodeProto] = []
    for product in products:
        weights, name = arrays[product.input[1]], f"{product.output[0]}.weights"
        integers, scales = rounded(weights, output_axis(product), bits)
        graph.initializer.append(numpy_helper.from_array(integers, f"{name}.integers"))
        graph.initializer.append(numpy_helper.from_array(scales, f"{name}.scales"))
        nodes.append(helper.make_node("Cast", [f"{name}.integers"], [f"{name}.floats"], to=TensorProto.FLOAT))
        nodes.append(helper.make_node("Mul", [f"{name}.floats", f"{name}.scales"], [name]))
        product.input[1] = name
    nodes.extend(graph.node)
    del graph.node[:]
    graph.node.extend(nodes)
    prune(graph)
    return len(products)


def rounded(weights: Array, axis: int, bits: int | None = None) -> tuple[Array, Array]:
    """Weights as int8 -127 to 127, and the float32 scales, one an index of `axis`, that times them are the weights.

    bits   the most that a weight was trained with: in a channel whose weights are whole multiples of one of its scales,
           they are these

    The scales have as many axes as the weights, of length 1 but for `axis`.
    """
    others = tuple(other for other in range(weights.ndim) if other != axis)
    largest = np.maximum(np.abs(weights).max(axis=others, keepdims=True), np.finfo(np.float32).tiny)
    most = np.full_like(largest, LEVELS)
    for trained in range(0 if bits is None else levels(bits), 0, -1):  # the fewest that do are kept
        multiples = weights / largest * trained
        beside = np.abs(multiples - np.rint(multiples)).max(axis=others, keepdims=True)
        most = np.where(beside < OFF, trained, most)
    scales = (largest / most).astype(np.float32)
    return np.rint(weights / scales).astype(np.int8), scales


def _has_weights(node: onnx.NodeProto, arrays: dict[str, Array], least: int) -> bool:
    """Whether a node multiplies by as many stored weights."""
    stored = arrays.get(node.input[1]) if node.op_type in PRODUCTS else None
    return stored is not None and stored.size >= least
