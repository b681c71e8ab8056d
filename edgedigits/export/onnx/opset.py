"""From opset 18, in which torch's exporter thinks, to 17, which older runtimes read.

The exporter asks onnx's own converter for that, and quietly keeps 18 where that one knows no way back: with Pad. What
changed in 18 (onnx, docs/Changelog.md) and what torch writes of it are reductions, whose axes became an input, and Pad,
which got an input more.
"""

import onnx
from onnx import defs, helper, numpy_helper

from edgedigits.errors import ModelFileError
from edgedigits.export.onnx.graph import OPSET, prune

LATER = OPSET + 1


def lower(model: onnx.ModelProto) -> None:
    """Make a model of opset 18 one of 17, in place; others stay as they are. Raises ModelFileError where it cannot."""
    imported = [opset for opset in model.opset_import if opset.domain in ("", "ai.onnx") and opset.version == LATER]
    if not imported:
        return
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        if defs.get_schema(node.op_type, LATER).since_version == LATER:
            _lower(node, constants)
    imported[0].version = OPSET
    prune(model.graph)


def _lower(node: onnx.NodeProto, constants: dict[str, onnx.TensorProto]) -> None:
    """One node whose operator changed."""
    if node.op_type.startswith("Reduce") and all(name in constants for name in node.input[1:]):
        kept = [attribute for attribute in node.attribute if attribute.name != "noop_with_empty_axes"]
        axes = [numpy_helper.to_array(constants[name]).tolist() for name in node.input[1:]]
        del node.attribute[:], node.input[1:]
        node.attribute.extend([*kept, *(helper.make_attribute("axes", each) for each in axes)])
    elif not (node.op_type == "Pad" and len(node.input) <= 3):
        raise ModelFileError(f"torch wrote an operator that opset {OPSET} has in no such form: {node.op_type}")
