"""How a graph uses its operators, where that decides which runtimes load it: `uses_of(model)`, in words.

Most operators work in a runtime or do not. Of some, it depends on what they are given; those are rows here, by the
words that the table of runtimes (`compatibility`) has for them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import onnx
from onnx import TensorProto


@dataclass(frozen=True)
class Use:
    """A node as a runtime sees it.

    kind       element type of its first input, of ONNX; 0 where nobody knows
    behind     the operator that makes its first input; empty where that is stored, or the graph's own input
    computed   its second input is not stored, but comes from another node
    """

    operator: str
    kind: int
    behind: str
    computed: bool


USES: Mapping[str, Callable[[Use], bool]] = {
    "Equal of truth values": lambda use: use.operator == "Equal" and use.kind == TensorProto.BOOL,
    "QuantizeLinear by a computed scale": lambda use: use.operator == "QuantizeLinear" and use.computed,
    "QuantizeLinear behind Gemm": lambda use: use.operator == "QuantizeLinear" and use.behind == "Gemm",
}


def uses_of(model: onnx.ModelProto) -> tuple[str, ...]:
    """Of USES, those that a model has. It must have passed the checks of `safety`: its types are inferred."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    kinds = {value.name: value.type.tensor_type.elem_type for value in (*graph.input, *graph.value_info)}
    makers = {output: node.op_type for node in graph.node for output in node.output}
    found = [
        Use(
            operator=node.op_type,
            kind=kinds.get(node.input[0], TensorProto.UNDEFINED),
            behind=makers.get(node.input[0], ""),
            computed=len(node.input) > 1 and node.input[1] in makers,
        )
        for node in graph.node
        if node.input
    ]
    return tuple(name for name, holds in USES.items() if any(map(holds, found)))
