"""A graph that takes so many images a call, and no others, made one that takes any number.

An exporter that is given one example writes its batch into the graph: in the declared shapes, in what is reshaped, or
so that there is no axis for the batch at all. A walk through the graph follows the images, node by node:

    leading   a value whose first axis counts the images: it stays, and is free now
    bare      a value of one image, without such an axis: it gets one in front

and changes what says the number of images, or counts axes. What a node does that is not known here it goes on doing;
whether all answers are still the same, the digits tell (`file`).
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edgedigits.export.onnx.graph import prune
from edgedigits.runtime.safety import Refused

BATCH = "batch"
RESHAPING = ("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Gather")  # where no value moves, all of an image stay
ONE_AXIS = ("Softmax", "LogSoftmax", "Concat")
TAKE_BATCHES = (
    "Conv ConvTranspose MaxPool AveragePool GlobalMaxPool GlobalAveragePool BatchNormalization InstanceNormalization "
    "LRN Gemm"
)
SAME = (  # value by value, or row by row: broadcasting counts axes from the last one
    "Add Sub Mul Div Pow Max Min Sum PRelu Where Greater Less Equal MatMul Relu LeakyRelu Elu Selu Celu Sigmoid "
    "HardSigmoid HardSwish Tanh Softplus Softsign ThresholdedRelu Exp Log Sqrt Abs Neg Sign Erf Clip Cast Identity"
)
Shape = tuple[int, ...]


def freed(model: onnx.ModelProto, shape: Shape, bare: bool) -> onnx.ModelProto:
    """A copy of a model whose one input takes a batch of any size.

    shape   of its input, as it takes it; the batch comes first, unless it is `bare`, without an axis for it

    Raises Refused, which names the node, where the batch is in what the graph computes.
    """
    copied = onnx.ModelProto()
    copied.CopyFrom(model)
    _declare(copied.graph.input[0], shape)
    for output in copied.graph.output:
        output.type.tensor_type.ClearField("shape")
    freeing = _Freeing(copied, 1 if bare else shape[0])
    freeing.leading[copied.graph.input[0].name] = not bare
    for node in list(copied.graph.node):
        freeing.visit(node)
    return freeing.finished(shape[0 if bare else 1 :])


def _declare(value: onnx.ValueInfoProto, shape: tuple[int | str, ...]) -> None:
    kind = value.type.tensor_type.elem_type
    value.CopyFrom(helper.make_tensor_value_info(value.name, kind, shape))


class _Freeing:
    """A graph while it is walked through.

    count     images a call, so far
    leading   of each value that images go into, whether its first axis counts them
    shapes    of the values, as they are so far
    """

    def __init__(self, model: onnx.ModelProto, count: int) -> None:
        self.model = model
        self.count = count
        self.leading: dict[str, bool] = {}
        self.shapes = _shapes(model)
        self.stored: dict[str, onnx.TensorProto] = {}

    def visit(self, node: onnx.NodeProto) -> None:
        """Change a node so that it does to each image of a batch what it does to one."""
        seen = {name: self.leading[name] for name in node.input if name in self.leading}
        if not seen or node.op_type in ("Shape", "Size"):
            return
        if len(set(seen.values())) > 1:
            raise Refused(f"{_title(node)} brings images together in two ways")
        leads = next(iter(seen.values()))
        change = self._rule(node, leads)
        leads = change(node, leads)
        self.leading |= dict.fromkeys(filter(None, node.output), leads)

    def _rule(self, node: onnx.NodeProto, leads: bool) -> Callable[[onnx.NodeProto, bool], bool]:
        """What changes such a node, and says whether the axis of the images still comes first."""
        kind = node.op_type
        if kind in RESHAPING:
            return self._reshape
        if kind in SAME.split():
            return self._same
        if kind in ONE_AXIS:
            return self._one_axis
        if kind == "Transpose":
            return self._transpose
        if kind.startswith("Reduce"):
            return self._reduce
        if not leads:
            raise Refused(f"{_title(node)} is given one image without an axis for the batch")
        return self._leave

    def _leave(self, node: onnx.NodeProto, leads: bool) -> bool:
        """Images stay on the first axis of all that is known to take them, and of what else may be."""
        if node.op_type not in TAKE_BATCHES.split() and self._shape(node.output[0], node)[:1] != (self.count,):
            raise Refused(f"{_title(node)} does something with the axis of the images")
        return leads

    def _same(self, node: onnx.NodeProto, leads: bool) -> bool:
        rank = max(len(self._shape(name, node)) for name in node.input if name in self.leading)
        constants = [self._shape(name, node) for name in node.input if name and name not in self.leading]
        if node.op_type == "MatMul":
            return self._product(node, leads, rank)
        wide = [shape for shape in constants if len(shape) >= rank + (not leads) and shape[0] != 1]
        if wide or any(len(shape) > rank + (not leads) for shape in constants):
            raise Refused(f"{_title(node)} has a constant for each image of a batch")
        return leads or any(len(shape) > rank for shape in constants)

    def _product(self, node: onnx.NodeProto, leads: bool, rank: int) -> bool:
        """Rows of images times weights, or weights times columns of images."""
        left = node.input[0] in self.leading
        other = self.shapes.get(node.input[left], ()) if not all(n in self.leading for n in node.input) else ()
        both = all(name in self.leading for name in node.input)
        if len(other) > 2 or ((both or not left) and rank < 2 + leads):
            raise Refused(f"{_title(node)} multiplies the axis of the images")
        return leads

    def _reshape(self, node: onnx.NodeProto, leads: bool) -> bool:
        """What holds the same values in the same order, and says how many images there are."""
        before, after = self._shape(node.input[0], node), self._shape(node.output[0], node)
        count = self.count if leads else 1
        values = math.prod(before) // count
        if math.prod(after) != math.prod(before):
            raise Refused(f"{_title(node)} takes some of the images, or some values of each")
        leads = after[:1] == (count,) and math.prod(after[1:]) == values
        if not leads and count > 1:
            raise Refused(f"{_title(node)} mixes the images of a batch")
        wanted = self._constant(f"{node.output[0]}.shape", [-1, *after[leads:]])
        node.CopyFrom(helper.make_node("Reshape", [node.input[0], wanted], [node.output[0]], node.name))
        return leads

    def _one_axis(self, node: onnx.NodeProto, leads: bool) -> bool:
        if any(name not in self.leading for name in node.input):
            raise Refused(f"{_title(node)} puts a constant beside the images")
        default = -1 if node.op_type != "Concat" else 0
        axis = self._axis(node, _attribute(node, "axis", default), leads)
        _set(node, "axis", axis)
        return leads

    def _transpose(self, node: onnx.NodeProto, leads: bool) -> bool:
        order = list(_attribute(node, "perm", reversed(range(len(self._shape(node.input[0], node))))))
        if leads and order[0] != 0:
            raise Refused(f"{_title(node)} moves the axis of the images")
        _set(node, "perm", order if leads else [0, *(place + 1 for place in order)])
        return leads

    def _reduce(self, node: onnx.NodeProto, leads: bool) -> bool:
        axes = self._axes(node)
        changed = [self._axis(node, axis, leads) for axis in axes]
        if len(node.input) > 1:
            node.input[1] = self._constant(f"{node.output[0]}.axes", changed)
        else:
            _set(node, "axes", changed)
        return leads

    def _axes(self, node: onnx.NodeProto) -> list[int]:
        """The axes that are reduced: given as an attribute or an input; else all."""
        if len(node.input) > 1 and node.input[1]:
            if node.input[1] not in self._constants:
                raise Refused(f"{_title(node)} reduces axes that it computes")
            return [int(axis) for axis in self._constants[node.input[1]].tolist()]
        return list(_attribute(node, "axes", range(len(self._shape(node.input[0], node)))))

    def _axis(self, node: onnx.NodeProto, axis: int, leads: bool) -> int:
        """Where an axis of one image is once there is one for the batch. Raises Refused where it is that one."""
        place = axis % len(self._shape(node.input[0], node))
        if leads and place == 0:
            raise Refused(f"{_title(node)} runs over the images of a batch")
        return place if leads else place + 1

    def _shape(self, name: str, node: onnx.NodeProto) -> Shape:
        if name not in self.shapes:
            raise Refused(f"{_title(node)} has shapes that depend on what it is given")
        return self.shapes[name]

    def _constant(self, name: str, values: list[int]) -> str:
        self.stored[name] = numpy_helper.from_array(np.array(values, np.int64), name)
        return name

    @property
    def _constants(self) -> Mapping[str, Any]:
        return constants(self.model.graph)

    def finished(self, image: Shape) -> onnx.ModelProto:
        """The graph with its new shapes, of one image and of its scores."""
        graph = self.model.graph
        graph.initializer.extend(self.stored.values())
        for output in graph.output:
            if output.name not in self.leading:
                raise Refused(f"output {output.name} does not depend on the images")
            _declare(output, (BATCH, *self.shapes[output.name][self.leading[output.name] :]))
        _declare(graph.input[0], (BATCH, *image))
        prune(graph)
        try:
            onnx.checker.check_model(self.model, full_check=True)
        except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
            raise Refused("its shapes contradict each other for other batches") from error
        return self.model


def constants(graph: onnx.GraphProto) -> dict[str, Any]:
    """The arrays that a graph holds, by name: stored ones, and those of nodes."""
    found = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute and node.attribute[0].HasField("t"):
            found[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
    return found


def _shapes(model: onnx.ModelProto) -> dict[str, Shape]:
    """The shapes of all values that are known."""
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True).graph
    found = {name: array.shape for name, array in constants(model.graph).items()}
    for value in (*inferred.input, *inferred.value_info, *inferred.output):
        kind = value.type.tensor_type
        if kind.HasField("shape") and all(axis.HasField("dim_value") for axis in kind.shape.dim):
            found[value.name] = tuple(axis.dim_value for axis in kind.shape.dim)
    return found


def _title(node: onnx.NodeProto) -> str:
    """A node in words."""
    return f"{node.op_type} '{node.name or node.output[0]}'"


def _attribute(node: onnx.NodeProto, name: str, default: Any) -> Any:
    return next((helper.get_attribute_value(one) for one in node.attribute if one.name == name), default)


def _set(node: onnx.NodeProto, name: str, value: Any) -> None:
    kept = [one for one in node.attribute if one.name != name]
    del node.attribute[:]
    node.attribute.extend([*kept, helper.make_attribute(name, value)])
