"""Models that do not say what their input is: linear ones, fitted to digits in a known reading, and as ONNX files."""

import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgedigits.models.metrics import cross_entropy
from edgedigits.records.arrays import Images, Int64Array
from edgedigits.runtime.readings import Input, parse, present
from tests.conftest import draw

COUNT = 900  # digits
SHARPNESS = np.geomspace(4, 60, 12)  # that make logits of fitted values: the best is taken
PIXELS = 784
Array = np.ndarray


@functools.cache
def digits(seed: int = 1) -> tuple[Images, Int64Array]:
    """Training digits, uneven and blotted: no linear model is sure of all of them, and none without their grays."""
    rng = np.random.default_rng(seed)
    labels = np.arange(COUNT) % 10
    images = np.stack([draw(str(label), rng) for label in labels]).astype(np.int64)
    images = images * rng.uniform(0.3, 1, images.shape)
    blots = rng.integers(0, 256, images.shape) * (rng.random(images.shape) < 0.08)
    return np.clip(images + blots, 0, 255).astype(np.uint8), labels


def reading(words: str) -> Input:
    """An Input out of words."""
    return replace(Input(), **parse(words))


@functools.cache
def fitted(words: str) -> tuple[Array, Array]:
    """Weights `[pixels, 10]` and biases of a ridge regression on other digits in a reading, as sharp as is best."""
    seen, labels = _seen(words, 2)
    mean, spread = seen.mean(0), seen.std()
    centred = (seen - mean) / spread
    weights = np.linalg.solve(centred.T @ centred + 300 * np.eye(centred.shape[1]), centred.T @ np.eye(10)[labels])
    asked, wanted = _seen(words, 1)
    scores = ((asked - mean) / spread @ weights).astype(np.float32)
    sharpness = min(SHARPNESS, key=lambda factor: cross_entropy(np.float32(factor) * scores, wanted))
    weights *= sharpness / spread
    return weights.astype(np.float32), (-mean @ weights).astype(np.float32)


def _seen(words: str, seed: int) -> tuple[Array, Int64Array]:
    images, labels = digits(seed)
    return present(reading(words), images).reshape(COUNT, -1).astype(np.float64), labels


def model(words: str, after: Callable[[Array], Array] = lambda scores: scores) -> Callable[[Array], Any]:
    """A model that takes a batch in that reading's layout alone; `after` changes its scores."""
    weights, biases = fitted(words)
    wanted = present(reading(words), digits()[0][:1]).shape[1:]

    def ask(batch: Array) -> Array:
        if batch.shape[1:] != wanted:
            raise RuntimeError(f"expected {list(wanted)}, got {list(batch.shape[1:])}\nand more")
        return after(batch.reshape(len(batch), -1) @ weights + biases)

    return ask


def softmax(scores: Array) -> Array:
    """Along the last axis."""
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def write_onnx(
    path: Path,
    words: str,
    shape: list[int | str],
    opset: int = 13,
    element: int = TensorProto.FLOAT,
    spoil: Callable[[onnx.GraphProto], None] = lambda _: None,
) -> Path:
    """The fitted model as an ONNX file whose input has that shape, as another exporter might write it."""
    weights, biases = fitted(words)
    image = helper.make_tensor_value_info("x", element, shape)
    bare = len(shape) < 3 and shape[0] in (28, PIXELS)  # no axis for the batch
    scores = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1 if bare else shape[0], 10])
    nodes = [
        helper.make_node("Cast", ["x"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["real", "flat"], ["row"]),
        helper.make_node("Gemm", ["row", "weights", "biases"], ["y"]),
    ]
    stored = {"flat": np.array([-1, len(weights)]), "weights": weights, "biases": biases}
    initializers = [numpy_helper.from_array(array, name) for name, array in stored.items()]
    graph = helper.make_graph(nodes, "net", [image], [scores], initializers)
    spoil(graph)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    path.write_bytes(proto.SerializeToString())
    return path
