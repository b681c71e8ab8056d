"""ONNX with 8-bit weights: dynamic quantization of the matrix products of the float file.

Each weight matrix is stored in 8 bits, symmetric, one scale a column. How it is multiplied depends
on what stands before it, and is chosen so that no layer is slower than in float, and no answer
depends on the other images of its batch:

    pixels        the layer that sees the image multiplies the uint8 pixels themselves, as integers:
                  scaling and normalization move behind the product, and its input loses nothing
    large         activations are quantized when they come, one scale an image, then multiplied as
                  integers (per-token dynamic quantization: Yao et al. 2022, arXiv:2206.01861)
    small         the weights become float again when they are used: cheaper than to quantize
    tiny          stays float, as convolutions do: they hold few of the weights, and their integer
                  form is several times slower

ONNX Runtime's own `quantize_dynamic` takes one scale for a whole batch, so its answers change with
the batch, and its `fc` file measured a fifth slower than float at batch 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edgedigits.errors import ModelFileError
from edgedigits.export.formats import Source
from edgedigits.export.onnx.convert import float_graph, save
from edgedigits.export.onnx.graph import TINY, Array, prune

SMALL = 16_384  # weights: below, dequantizing them is faster than quantizing the activations


def write(source: Source, path: Path) -> None:
    """Write the quantized model: the same bytes for the same model in any folder."""
    save(quantize(float_graph(source.model)), source.contract, path)


def quantize(serialized: bytes) -> bytes:
    """A float ONNX model with the weights of its matrix products in 8 bits.

    Raises ModelFileError when it holds no product that is worth it: a file must not be called int8
    and be none.
    """
    model = onnx.load_model_from_string(serialized)
    graph = model.graph
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    layers = [Layer(node, arrays) for node in graph.node if node.op_type == "Gemm"]
    layers = [layer for layer in layers if layer.weights.size >= TINY]
    if not layers:
        raise ModelFileError(f"nothing to quantize: no matrix product has {TINY:,} weights or more")
    for layer in layers:
        _multiply(layer, graph, arrays)
        _replace(graph, layer)
    prune(graph)
    return bytes(model.SerializeToString())


class Layer:
    """A matrix product `source @ weights + bias` of a float graph, and the nodes that will replace it.

    weights   float32 `[inputs, outputs]`; `rounded` are the integers -127..127 nearest to them, in
              units of `scales` float32 `[outputs]`
    """

    def __init__(self, gemm: onnx.NodeProto, arrays: Mapping[str, Array]) -> None:
        transposed = any(attribute.name == "transB" and attribute.i for attribute in gemm.attribute)
        stored = arrays[gemm.input[1]]
        self.gemm = gemm
        self.source = gemm.input[0]
        self.weights = stored.T if transposed else stored
        self.bias = arrays[gemm.input[2]]
        self.scales = np.maximum(np.abs(self.weights).max(axis=0), np.finfo(np.float32).tiny) / 127
        self.rounded = np.rint(self.weights / self.scales)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, array: Array) -> str:
        """Add an initializer and return its name."""
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), f"{self.gemm.output[0]}.{name}"))
        return self.constants[-1].name

    def add(self, operator: str, *inputs: str, last: bool = False, **attributes: Any) -> str:
        """Add a node and return the name of its output; the last one has the output of the product."""
        name = self.gemm.output[0]
        output = name if last else f"{name}.{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def integer_product(self, integers: str) -> str:
        """uint8 `[batch, inputs]` times the rounded weights: int32, exact.

        The weights are uint8 around 128, not int8: x86 processors without VNNI saturate in products
        of uint8 and int8, and elsewhere both are as fast.
        """
        weights = self.constant("weights", (self.rounded + 128).astype(np.uint8))
        zero = self.constant("zero", np.array(128, np.uint8))
        return self.add("MatMulInteger", integers, weights, "", zero)


@dataclass(frozen=True)
class Pixels:
    """How a layer's input comes from the image: `flat` reshapes it, then value = pixel * scale + offset."""

    image: str
    flat: str
    scale: float
    offset: float


def _multiply(layer: Layer, graph: onnx.GraphProto, arrays: Mapping[str, Array]) -> None:
    """Choose the form of the product, as the head of this file says."""
    if pixels := _pixels(graph, layer.source, arrays):
        _multiply_pixels(layer, pixels)
    elif layer.weights.size >= SMALL and _after_relu(graph, layer.source):
        _multiply_quantized(layer)
    else:
        _multiply_dequantized(layer)


def _multiply_pixels(layer: Layer, pixels: Pixels) -> None:
    # (scale u + offset) W + b = scale (u W) + (offset * column sums of W + b)
    bias = layer.bias + pixels.offset * layer.weights.sum(axis=0)
    flat = layer.add("Reshape", pixels.image, pixels.flat)
    product = layer.add("Cast", layer.integer_product(flat), to=onnx.TensorProto.FLOAT)
    _scale_and_shift(layer, product, layer.scales * pixels.scale, bias)


def _multiply_quantized(layer: Layer) -> None:
    # A row reaches from 0 to its maximum, since it has passed a ReLU. A row of zeros gets the scale 0:
    # whatever integers it is given, the product is multiplied by 0 again.
    largest = layer.add("ReduceMax", layer.source, axes=[1], keepdims=0)  # (B,)
    scale = layer.add("Mul", largest, layer.constant("step", np.array(1 / 255, np.float32)))
    integers = layer.add("QuantizeLinear", layer.source, scale, axis=0)
    product = layer.add("DequantizeLinear", layer.integer_product(integers), scale, axis=0)
    _scale_and_shift(layer, product, layer.scales, layer.bias)


def _multiply_dequantized(layer: Layer) -> None:
    integers = layer.constant("weights", layer.rounded.astype(np.int8))
    weights = layer.add("DequantizeLinear", integers, layer.constant("scales", layer.scales), axis=1)
    layer.add("Gemm", layer.source, weights, layer.constant("bias", layer.bias), last=True)


def _scale_and_shift(layer: Layer, product: str, scales: Array, bias: Array) -> None:
    scaled = layer.add("Mul", product, layer.constant("scales", scales.astype(np.float32)))
    layer.add("Add", scaled, layer.constant("bias", bias.astype(np.float32)), last=True)


def _pixels(graph: onnx.GraphProto, name: str, arrays: Mapping[str, Array]) -> Pixels | None:
    """How `name` comes from the image by scaling, shifting and one final reshape; None if otherwise."""
    producers = {output: node for node in graph.node for output in node.output}
    scale, offset, flat = 1.0, 0.0, None
    while (node := producers.get(name)) is not None:
        if node.op_type == "Mul" and node.input[1] in arrays:  # later steps already stand in scale and offset
            scale *= float(arrays[node.input[1]])
        elif node.op_type == "Add" and node.input[1] in arrays:
            offset += scale * float(arrays[node.input[1]])
        elif node.op_type == "Reshape":
            flat = flat or node.input[1]
        elif node.op_type not in ("Cast", "Unsqueeze"):
            return None
        name = node.input[0]
    return Pixels(name, flat, scale, offset) if flat else None


def _after_relu(graph: onnx.GraphProto, name: str) -> bool:
    """Whether `name` is a ReLU's output, perhaps pooled or reshaped since."""
    producers = {output: node for node in graph.node for output in node.output}
    while (node := producers.get(name)) is not None and node.op_type in ("Reshape", "MaxPool"):
        name = node.input[0]
    return node is not None and node.op_type == "Relu"


def _replace(graph: onnx.GraphProto, layer: Layer) -> None:
    position = list(graph.node).index(layer.gemm)
    nodes = [*graph.node[:position], *layer.nodes, *graph.node[position + 1 :]]
    del graph.node[:]
    graph.node.extend(nodes)
    graph.initializer.extend(layer.constants)
