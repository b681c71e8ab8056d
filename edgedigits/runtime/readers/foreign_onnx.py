"""What other exporters of ONNX write, and our checks would refuse without need, put right without a change of sense.

Nodes in any order (some converters write them from the output up) are sorted; a Dropout that is not training, or told
that it is not, passes on what it gets, so an Identity stands for it.
"""

import graphlib

import onnx
from onnx import TensorProto

from edgedigits.runtime.safety import BOUNDS, Refused

LEAST_OPSET = 7  # ONNX Runtime takes no earlier one; from here on a Dropout trains only where an input says so
MODE = 2  # of Dropout's inputs, from opset 12 on: whether it trains


def tidied(content: bytes) -> bytes:
    """The bytes of a model, its nodes sorted and its idle Dropouts gone; the same bytes where there is nothing to do.

    Raises Refused where the opset is too old, the nodes are too many or wait for each other, and what protobuf raises.
    """
    model = onnx.load_model_from_string(content)
    if len(model.graph.node) > BOUNDS.nodes:
        raise Refused(f"nodes: {len(model.graph.node):,}, at most {BOUNDS.nodes:,} wanted")
    opset = max((opset.version for opset in model.opset_import if opset.domain in ("", "ai.onnx")), default=0)
    if opset < LEAST_OPSET:
        raise Refused(f"opset {opset}: {LEAST_OPSET} or later wanted")
    changed = _without_idle(model)
    return model.SerializeToString() if _sorted(model.graph) or changed else content


def _without_idle(model: onnx.ModelProto) -> bool:
    """Put an Identity in the place of each Dropout that does nothing; whether there was one."""
    used = {name for node in model.graph.node for name in node.input} | {one.name for one in model.graph.output}
    off = _switched_off(model.graph)
    idle = [node for node in model.graph.node if _is_idle(node, used, off)]
    for node in idle:
        node.CopyFrom(onnx.helper.make_node("Identity", node.input[:1], node.output[:1], node.name))
    return bool(idle)


def _switched_off(graph: onnx.GraphProto) -> set[str]:
    """The stored values that are a plain false, by the names that nodes read them by."""
    stored = {tensor.name: tensor for tensor in graph.initializer}
    stored |= {
        node.output[0]: node.attribute[0].t
        for node in graph.node
        if node.op_type == "Constant" and node.output and node.attribute
    }
    return {name for name, tensor in stored.items() if tensor.data_type == TensorProto.BOOL and _is_false(tensor)}


def _is_false(tensor: onnx.TensorProto) -> bool:
    """Whether a tensor of one truth value is false."""
    return tensor.raw_data == b"\0" or list(tensor.int32_data) == [0]


def _is_idle(node: onnx.NodeProto, used: set[str], off: set[str]) -> bool:
    """Whether a node is a Dropout that is not told to train, and whose mask nobody reads.

    off   stored values that tell it not to
    """
    trains = len(node.input) > MODE and node.input[MODE] and node.input[MODE] not in off
    return node.op_type == "Dropout" and not node.domain and not trains and not used & set(node.output[1:])


def _sorted(graph: onnx.GraphProto) -> bool:
    """Put the nodes into an order in which each has what it reads; whether they were in none."""
    makers = {name: index for index, node in enumerate(graph.node) for name in node.output if name}
    needs = [{makers[name] for name in node.input if name in makers} for node in graph.node]
    if all(max(need, default=-1) < index for index, need in enumerate(needs)):
        return False
    try:
        order = list(graphlib.TopologicalSorter(dict(enumerate(needs))).static_order())
    except graphlib.CycleError as error:
        raise Refused("its nodes wait for each other") from error
    nodes = [onnx.NodeProto.FromString(graph.node[index].SerializeToString()) for index in order]
    del graph.node[:]
    graph.node.extend(nodes)
    return True
