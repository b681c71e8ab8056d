"""The operators in numpy are those of ONNX: each gives what ONNX Runtime gives."""

from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import helper

from edgedigits.data.operators import FLOAT, INT64, NUMPY, Numpy
from edgedigits.export.onnx.graph import Graph

RNG = np.random.default_rng(0)
ONE, OTHER = (RNG.integers(-9, 10, (6, 6)).astype(np.float32) for _ in range(2))
PLANES = ONE.reshape(1, 1, 6, 6)
CASES: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    **dict.fromkeys(
        ("Add", "Div", "Equal", "Greater", "Less", "MatMul", "Max", "Min", "Mul", "Sub"), ((ONE, OTHER), {})
    ),
    **dict.fromkeys(("Abs", "Ceil", "Floor"), ((ONE / 4,), {})),
    "Cast": ((ONE > 0,), {"to": FLOAT}),
    "Concat": ((ONE[:1], OTHER), {"axis": 0}),
    "CumSum": ((ONE, np.array(0)), {"reverse": 1}),
    "Gather": ((ONE, np.array([5, 0, 0])), {"axis": 0}),
    "MaxPool": ((PLANES,), {"kernel_shape": [3, 3], "pads": [1] * 4, "strides": [1, 1]}),
    "ReduceMax": ((ONE,), {"axes": [1], "keepdims": 0}),
    "ReduceSum": ((ONE,), {"keepdims": 0}),
    "Reshape": ((ONE, np.array([4, 9])), {}),
    "Transpose": ((ONE,), {"perm": [1, 0]}),
    "Where": ((ONE > 0, ONE, OTHER), {}),
}


def test_every_operator_is_tried() -> None:
    assert CASES.keys() == NUMPY.keys()


@pytest.mark.parametrize("name", NUMPY)
def test_numpy_gives_what_onnx_runtime_gives(name: str) -> None:
    inputs, attributes = CASES[name]
    graph = Graph()
    getattr(graph, name)(*inputs, output="found", **attributes)
    model = graph.model([], [helper.make_empty_tensor_value_info("found")])
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    with np.errstate(divide="ignore", invalid="ignore"):
        found = getattr(Numpy(), name)(*inputs, **attributes)
    np.testing.assert_array_equal(found, session.run(None, {})[0])


def test_sums_go_down_and_whole_numbers_are_made() -> None:
    np.testing.assert_array_equal(Numpy().CumSum(ONE, np.array(0)), np.cumsum(ONE, axis=0))
    whole = Numpy().Cast(ONE, to=INT64)
    assert whole.dtype == np.int64
    np.testing.assert_array_equal(whole, ONE)


def test_pools_of_windows_side_by_side() -> None:
    found = Numpy().MaxPool(PLANES, kernel_shape=[2, 2], pads=[0] * 4, strides=[2, 2])
    np.testing.assert_array_equal(found[0, 0], ONE.reshape(3, 2, 3, 2).max(axis=(1, 3)))
