"""Canvases as a whole: nothing is cut away or moved, as the pictures of one's own classes are read for training."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto
from PIL import Image

from edgedigits.data import canvases
from edgedigits.data.fitting import fit, rounding_margin
from edgedigits.data.images import read_image
from edgedigits.export.onnx import fitting
from edgedigits.export.onnx.graph import Graph, tensor
from edgedigits.records.arrays import Uint8Array

SURE = 2e-3  # levels that float32 may be off


@pytest.fixture(scope="module")
def session() -> onnxruntime.InferenceSession:
    graph = Graph()
    graph.Cast(fitting.add_fit(graph, "image"), to=TensorProto.UINT8, output="seen")
    model = graph.model([tensor("image", "height", "width")], [tensor("seen", 28, 28)])
    return onnxruntime.InferenceSession(model.SerializeToString())


def made(seed: int) -> Uint8Array:
    """A canvas of any size, of grains of any size."""
    rng = np.random.default_rng(seed)
    height, width = rng.integers(8, 400, 2)
    grain = int(rng.integers(1, 40))
    points = rng.integers(0, 256, (height // grain + 1, width // grain + 1))
    return np.kron(points, np.ones((grain, grain), int))[:height, :width].astype(np.uint8)


@pytest.mark.parametrize("seed", range(60))
def test_onnx_sees_what_numpy_does(seed: int, session: onnxruntime.InferenceSession) -> None:
    canvas = made(seed)
    seen = session.run(None, {"image": canvas})[0]
    if rounding_margin(canvas) > SURE:
        np.testing.assert_array_equal(seen, fit(canvas))
    assert np.abs(seen.astype(int) - fit(canvas)).max() <= 1


@pytest.mark.parametrize("level", [0, 90, 255])
def test_a_blank_canvas_is_all_zero(level: int, session: onnxruntime.InferenceSession) -> None:
    canvas = np.full((50, 90), level, np.uint8)
    canvas[20, 20] = min(255, level + 15)
    assert not fit(canvas).any()
    assert not session.run(None, {"image": canvas})[0].any()


def test_an_image_enlarged_by_a_whole_number_comes_back(digit: Uint8Array) -> None:
    canvas = digit.repeat(9, axis=0).repeat(9, axis=1)
    np.testing.assert_array_equal(fit(canvas), digit)
    np.testing.assert_array_equal(fit(255 - canvas), digit)


def test_pictures_are_as_training_reads_them(digit: Uint8Array, tmp_path: Path) -> None:
    picture = np.zeros((200, 120), np.uint8)
    picture[70:182, 4:116] = digit.repeat(4, axis=0).repeat(4, axis=1)  # anywhere on it
    Image.fromarray(picture).save(tmp_path / "picture.png")
    learnt = read_image(tmp_path / "picture.png").astype(int)
    assert np.abs(fit(picture).astype(int) - learnt).mean() < 3  # it is scaled by another kernel


def test_enlarged_images_fill_their_canvas(digit: Uint8Array) -> None:
    canvas = canvases.enlarge(digit)
    assert 84 <= canvas.shape[0] == canvas.shape[1] <= 336
    np.testing.assert_array_equal(fit(canvas), digit)


@pytest.mark.parametrize("inverted", [True, False])
def test_a_picture_full_of_ink_is_read_where_the_paper_is_known(inverted: bool) -> None:
    filled = np.full((28, 28), 255, np.uint8)
    filled[10:20, 10:20] = 0
    assert not np.array_equal(fit(filled), filled)
    canvas = canvases.enlarge(filled, inverted)
    np.testing.assert_array_equal(fit(canvas, inverted), filled)
    graph = Graph()
    graph.Cast(fitting.add_fit(graph, "image", inverted), to=TensorProto.UINT8, output="seen")
    model = graph.model([tensor("image", "height", "width")], [tensor("seen", 28, 28)])
    (seen,) = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"image": canvas})
    np.testing.assert_array_equal(seen, filled)


@pytest.fixture(scope="module")
def digit() -> Uint8Array:
    """A disc with a tail, not in the middle, its border dark."""
    rows, columns = np.indices((28, 28))
    disc = 255 * ((rows - 11) ** 2 + (columns - 17) ** 2 < 40)
    disc[15:24, 12:14] = 180
    return np.asarray(disc, np.uint8)
