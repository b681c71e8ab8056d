"""ONNX with 8-bit weights and integer products, for ONNX Runtime: large dense layers take half the time.

How a weight matrix is multiplied depends on what stands before it, and is chosen so that no layer is slower than in
float, and no answer depends on the other images of its batch:

    pixels        the layer that sees the image multiplies the uint8 pixels themselves, as integers:
                  scaling and normalization move behind the product, and its input loses nothing
    large         activations are quantized when they come, one scale an image, then multiplied as
                  integers (per-token dynamic quantization: Yao et al. 2022, arXiv:2206.01861)
    else          in float, its weights stored in 8 bits (`quantize_weights`): cheaper than to quantize the activations;
                  so are convolutions, whose integer form is several times slower

ONNX Runtime's own `quantize_dynamic` takes one scale for a whole batch, so its answers change with
the batch, and its `fc` file measured a fifth slower than float at batch 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edgedigits.errors import ModelFileError
from edgedigits.export.formats import Source
from edgedigits.export.onnx.convert import float_graph, save
from edgedigits.export.onnx.graph import TINY, Array, arrays_of, output_axis
from edgedigits.export.onnx.quantize_weights import rounded, store_weights

if TYPE_CHECKING:
    from edgedigits.models.classifier import Deployed

LARGE = 16_384  # weights: below, to quantize the activations costs more than integers save
NO_FORM = (
    f"no dense layer of {TINY:,} weights or more sees the pixels themselves, and none of {LARGE:,} or more stands "
    "behind a ReLU"
)


def write(source: Source, path: Path) -> None:
    """Write the quantized model: the same bytes for the same model in any folder."""
    save(quantize(float_graph(source.model), source.bits), source.contract, path)


def misfit(model: "Deployed") -> str | None:
    """Why a model has no form with integer products; None where it has."""
    return None if _layers(onnx.load_model_from_string(float_graph(model)).graph) else NO_FORM


def quantize(serialized: bytes, bits: int | None = None) -> bytes:
    """A float ONNX model with integer products where they pay, and the weights of the others in 8 bits.

    bits   the most that a weight was trained with; None where none was

    Raises ModelFileError where none pays: a file must not be called that and be none.
    """
    model = onnx.load_model_from_string(serialized)
    layers = _layers(model.graph, bits)
    if not layers:
        raise ModelFileError(f"nothing to multiply as integers: {NO_FORM}")
    for layer, pixels in layers:
        if pixels:
            _multiply_pixels(layer, pixels)
        else:
            _multiply_quantized(layer)
        _replace(model.graph, layer)
    store_weights(model.graph, bits)
    return bytes(model.SerializeToString())


class Layer:
    """A matrix product `source @ weights + bias` of a float graph, and the nodes that will replace it.

    weights   float32 `[inputs, outputs]`; `integers` are those -127..127 nearest to them, in units of `scales`
              float32 `[outputs]`
    """

    def __init__(self, gemm: onnx.NodeProto, arrays: Mapping[str, Array], bits: int | None) -> None:
        stored = arrays[gemm.input[1]]
        self.gemm = gemm
        self.source = gemm.input[0]
        self.weights = stored.T if output_axis(gemm) == 0 else stored
        self.bias = arrays[gemm.input[2]]
        self.integers, scales = rounded(self.weights, 1, bits)
        self.scales = scales[0]
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
        weights = self.constant("weights", (self.integers.astype(np.int16) + 128).astype(np.uint8))
        zero = self.constant("zero", np.array(128, np.uint8))
        return self.add("MatMulInteger", integers, weights, "", zero)


@dataclass(frozen=True)
class Pixels:
    """How a layer's input comes from the image: `flat` reshapes it, then value = pixel * scale + offset."""

    image: str
    flat: str
    scale: float
    offset: float


def _layers(graph: onnx.GraphProto, bits: int | None = None) -> list[tuple[Layer, Pixels | None]]:
    """The products that gain by integers; of those that see the image, how they see it."""
    arrays = arrays_of(graph)
    dense = [node for node in graph.node if node.op_type == "Gemm" and len(node.input) == 3 and node.input[1] in arrays]
    found = []
    for layer in (Layer(node, arrays, bits) for node in dense):
        pixels = _pixels(graph, layer.source, arrays) if layer.weights.size >= TINY else None
        if pixels or (layer.weights.size >= LARGE and _after_relu(graph, layer.source)):
            found.append((layer, pixels))
    return found


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
