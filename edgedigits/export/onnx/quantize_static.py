"""ONNX with 8-bit weights and activations: static quantization, written as QDQ.

The values between two products are uint8. Their scales are fixed by what training images make of
them, so no answer depends on the other images of its batch. The pixels are such integers from the
start: they are dequantized as they come, with nothing to calibrate and nothing lost. Runtimes fuse
dequantize, product and quantize into one integer product; those that do not compute it in float.

Chosen on 10,000 training images that are not in the calibration, all five presets:

    range       from 0 to the largest value seen. Percentiles (99.99, 99.9) moved logits up to 6 times
                as far, and flipped more answers in sum
    weights     int8, one scale an output channel, -64 to 64. x86 processors without VNNI add pairs of
                products of uint8 and int8 in 16 bits, which 127 * 255 * 2 overflows: emulated, 0.6% of
                the answers of `fc` flipped there, and with 64 none; here it costs at most 6 of 10,000
    tiny        products stay float: they hold few weights, and `cnn` is up to twice as fast for it

ONNX Runtime's own `quantize_static` quantizes the normalized pixels anew, and the logits: `fc` flipped
17 answers where this flips 3.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edgedigits.errors import ModelFileError
from edgedigits.export.calibration import PRODUCTS, activation_ranges
from edgedigits.export.formats import Source
from edgedigits.export.onnx.convert import float_graph, save
from edgedigits.export.onnx.graph import TINY, Array, arrays_of, output_axis
from edgedigits.records.arrays import Images

MOVING = ("MaxPool", "Reshape", "Unsqueeze")  # move values or choose among them: integers as well as floats
LEVELS = 64  # of a weight, each way: 64 * 255 * 2 fits in 16 bits
PRECISION = 2.0**10  # of scales: another processor's last bit in a sum must not change the file


def write(source: Source, path: Path) -> None:
    """Write the quantized model: the same bytes for the same model and images in any folder."""
    save(quantize(float_graph(source.model), source.require_calibration()), source.contract, path)


def quantize(serialized: bytes, images: Images) -> bytes:
    """A float ONNX model with its products in 8 bits, calibrated on uint8 images `[n, 28, 28]`.

    Raises ModelFileError when it holds no product that is worth it, or one between which values are
    not what ReLU leaves: a file must not be called int8 and be none.
    """
    model = onnx.load_model_from_string(serialized)
    quantizer = Quantizer(model.graph, activation_ranges(model, images))
    for node in model.graph.node:
        quantizer.add(node)
    if not quantizer.products:
        raise ModelFileError(f"nothing to quantize: no product has {TINY:,} weights or more")
    del model.graph.node[:], model.graph.initializer[:]
    model.graph.node.extend(quantizer.nodes)
    model.graph.initializer.extend(quantizer.constants.values())
    return bytes(model.SerializeToString())


@dataclass(frozen=True)
class Integers:
    """A value of the float graph as uint8, under a name of its own: value = scale * (integer - zero).

    zero   where the value is 0; it need not be whole, and then the next product's bias makes up for it
    """

    name: str
    scale: float
    zero: float = 0.0

    @property
    def zero_point(self) -> int:
        """The nearest whole `zero`, as ONNX stores it."""
        return int(np.clip(np.rint(self.zero), 0, 255))


class Quantizer:
    """Rewrites a float graph node by node, in order.

    integers    which values of the float graph there are as integers by now, and `floats` which as floats
    ranges      smallest and largest value seen of each input and output of a product
    rectified   outputs of products from which ReLU will take what is below 0
    """

    def __init__(self, graph: onnx.GraphProto, ranges: Mapping[str, tuple[float, float]]) -> None:
        image = graph.input[0].name
        self.arrays = arrays_of(graph)
        self.integers = {image: Integers(image, scale=1.0)}
        self.floats: set[str] = set()
        self.ranges = ranges
        self.rectified = _rectified(graph)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}
        self.products = 0

    def add(self, node: onnx.NodeProto) -> None:
        """Add a node of the float graph, in integers where that is possible."""
        source, output = self.integers.get(node.input[0]), node.output[0]
        other = self.arrays.get(node.input[1]) if len(node.input) > 1 else None
        if node.op_type in PRODUCTS and other is not None and other.size >= TINY:
            self._multiply(node, source or self._quantize(node.input[0]))
        elif source and node.op_type in MOVING:
            moved = replace(source, name=f"{output}.integers")
            self._copy(node, [source.name, *node.input[1:]], moved.name)
            self.integers[output] = moved
        elif source and (node.op_type == "Cast" or (node.op_type == "Relu" and source.zero == 0)):
            self.integers[output] = source  # stands for the float already, and is not below 0
        elif source and node.op_type == "Mul" and other is not None and other.size == 1:
            self.integers[output] = replace(source, scale=source.scale * float(other))
        elif source and node.op_type == "Add" and other is not None and other.size == 1:
            self.integers[output] = replace(source, zero=source.zero - float(other) / source.scale)
        else:
            self._copy(node, [self._float(name) for name in node.input], output)

    def _multiply(self, node: onnx.NodeProto, source: Integers) -> None:
        """A product of integers and 8-bit weights; the bias takes what the zero point was rounded by."""
        output = node.output[0]
        weights, bias = self.arrays[node.input[1]], self.arrays[node.input[2]].astype(np.float64)
        axis = output_axis(node)
        others = tuple(other for other in range(weights.ndim) if other != axis)
        bias += source.scale * (source.zero_point - source.zero) * weights.sum(axis=others)
        # A channel of zeros would leave no scale, and its bias no room: 2 ** 30 of these steps must hold it.
        scales = np.maximum(np.abs(weights).max(axis=others) / LEVELS, np.abs(bias) / (source.scale * 2**30))
        scales = np.maximum(scales, np.finfo(np.float32).tiny).astype(np.float32)
        rounded = np.rint(weights / np.expand_dims(scales, others)).astype(np.int8)
        steps = np.float32(source.scale) * scales
        inputs = [
            self._dequantize(f"{output}.source", source.name, source.scale, np.uint8(source.zero_point)),
            self._dequantize(f"{output}.weights", rounded, scales, np.zeros(len(scales), np.int8), axis),
            self._dequantize(f"{output}.bias", np.rint(bias / steps).astype(np.int32), steps, axis=0),
        ]
        self._copy(node, inputs, output)
        self.products += 1
        if output in self.rectified:
            self._quantize(output)

    def _quantize(self, name: str) -> Integers:
        """Integers of a float value, from 0 to the largest seen; what is below 0 becomes 0, as in ReLU."""
        smallest, largest = self.ranges[name]
        if smallest < 0 and name not in self.rectified:
            raise ModelFileError(f"{name}: below 0, and no ReLU takes it away: static quantization has no form for it")
        integers = Integers(f"{name}.integers", _rounded(largest / 255) if largest > 0 else 1.0)
        scale = self._constant(f"{integers.name}.scale", np.float32(integers.scale))
        zero = self._constant(f"{integers.name}.zero", np.uint8(0))
        self.nodes.append(helper.make_node("QuantizeLinear", [name, scale, zero], [integers.name]))
        self.integers[name] = integers
        return integers

    def _float(self, name: str) -> str:
        """The float of an integer value; any other value as it is."""
        source = self.integers.get(name)
        if source is None or name in self.floats:
            return name
        whole = self._dequantize(f"{name}.float", source.name, source.scale, np.uint8(source.zero_point))
        if source.zero == source.zero_point:
            return whole
        rest = self._constant(f"{name}.rest", np.float32(source.scale * (source.zero_point - source.zero)))
        self.nodes.append(helper.make_node("Add", [whole, rest], [f"{name}.shifted"]))
        return f"{name}.shifted"

    def _dequantize(self, name: str, integers: str | Array, scale: Any, zero: Any = None, axis: int = 0) -> str:
        """`scale * (integers - zero)` as a value of that name; `integers` is a value's name or a constant.

        axis   along which scale and zero run, where they are no scalars
        """
        stored = integers if isinstance(integers, str) else self._constant(f"{name}.integers", integers)
        inputs = [stored, self._constant(f"{name}.scale", np.asarray(scale, np.float32))]
        if zero is not None:
            inputs.append(self._constant(f"{name}.zero", zero))
        self.nodes.append(helper.make_node("DequantizeLinear", inputs, [name], axis=axis))
        return name

    def _copy(self, node: onnx.NodeProto, inputs: Sequence[str], output: str) -> None:
        copied = onnx.NodeProto()
        copied.CopyFrom(node)
        copied.input[:] = [self._constant(name, self.arrays[name]) if name in self.arrays else name for name in inputs]
        copied.output[:] = [output]
        self.nodes.append(copied)
        self.floats.add(output)

    def _constant(self, name: str, array: Any) -> str:
        self.constants[name] = numpy_helper.from_array(np.asarray(array), name)
        return name


def _rectified(graph: onnx.GraphProto) -> set[str]:
    """The outputs of products from which ReLU takes what is below 0, perhaps pooled or reshaped before."""
    producers = {node.output[0]: node for node in graph.node}
    found = set()
    for relu in (node for node in graph.node if node.op_type == "Relu"):
        name = relu.input[0]
        while name in producers and producers[name].op_type in MOVING:
            name = producers[name].input[0]
        found.add(name)
    return found


def _rounded(scale: float) -> float:
    """A scale with as many bits as PRECISION, rounded up: the largest value must fit."""
    mantissa, exponent = math.frexp(scale)
    return math.ldexp(math.ceil(mantissa * PRECISION) / PRECISION, exponent)
