"""An ONNX model of another opset as one of ours, which old runtimes read, with the same nodes where that is possible.

From a later opset most nodes are the same, and only say another version: where the checker of ONNX finds nothing wrong
with them, nothing is done. All else is the work of ONNX's own converter. Whether a graph still answers as before, the
digits tell (`file`).
"""

import onnx
from onnx import version_converter

from edgedigits.errors import EdgeDigitsError, first_line
from edgedigits.export.onnx.graph import IR_VERSION, OPSET
from edgedigits.export.onnx.opset import lower
from edgedigits.runtime.safety import Refused


def settled(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy of a model, at our opset and IR version. Raises Refused where ONNX knows no way there."""
    found = opset_of(model)
    settled = onnx.ModelProto()
    settled.CopyFrom(model)
    _tidy(settled)
    if found == OPSET or (found > OPSET and _relabel(settled, found)):
        return settled
    try:
        settled = version_converter.convert_version(model, OPSET)
        _tidy(settled)
        onnx.checker.check_model(settled, full_check=True)
    except Exception as error:  # its exceptions have no other base in common
        raise Refused(f"opset {found} cannot be made {OPSET}: {first_line(error)}") from error
    return settled


def opset_of(model: onnx.ModelProto) -> int:
    """The version of ONNX's own operators that a model is written in."""
    return max((opset.version for opset in model.opset_import if opset.domain in ("", "ai.onnx")), default=0)


def _tidy(model: onnx.ModelProto) -> None:
    """Our IR version, in which stored tensors are no inputs; and no shapes in between, which are inferred anew."""
    model.ir_version = IR_VERSION
    stored = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in stored]
    del model.graph.input[:], model.graph.value_info[:]
    model.graph.input.extend(inputs)


def _relabel(model: onnx.ModelProto, found: int) -> bool:
    """Say that a model is of our opset, if it could be; whether it is."""
    for opset in model.opset_import:
        opset.version = OPSET + 1
    try:
        lower(model)  # of which it knows what changed
        for opset in model.opset_import:
            opset.version = OPSET
        onnx.checker.check_model(model, full_check=True)
    except (EdgeDigitsError, onnx.checker.ValidationError, onnx.shape_inference.InferenceError):
        return False
    return found > OPSET
