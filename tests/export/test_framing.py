"""The framing: against the same in float64, cell by cell, and against MNIST itself."""

import math
from pathlib import Path

import numpy as np
import onnx.reference
import onnxruntime
import pytest
from PIL import Image

from edgedigits import load
from edgedigits.data import canvases, drawn
from edgedigits.data.canvases import SIDES
from edgedigits.data.dataset import Dataset
from edgedigits.data.framing import find_by_looking
from edgedigits.data.paper import BOX, CONTRAST
from edgedigits.export.contracts import canvas_contract
from edgedigits.export.formats import Source
from edgedigits.export.onnx import framing
from edgedigits.export.onnx.canvas import framed
from edgedigits.export.onnx.framing import NUDGE, frame
from edgedigits.export.onnx.graph import Graph, tensor
from edgedigits.records.arrays import Uint8Array
from edgedigits.records.artifact import Refusal

SHELF = Path(__file__).parents[2] / "exports"


def reference(canvas: Uint8Array) -> Uint8Array:
    """What the head of framing.py says of the ink that is found, in words of its own: loops over cells, float64."""
    ink = find_by_looking(canvas).strength
    seen = np.zeros((28, 28), np.uint8)
    if ink.max() < CONTRAST:
        return seen
    strength = ink / ink.max()
    rows, columns = (np.flatnonzero((strength > BOX).any(axis=axis)) for axis in (1, 0))
    spans = [(int(found[0]), int(found[-1]) + 1) for found in (rows, columns)]
    longest = max(end - start for start, end in spans)
    counts = [max(1, math.floor(20 * (end - start) / longest + 0.5)) for start, end in spans]
    weights = [cells(span, count, side) for span, count, side in zip(spans, counts, canvas.shape, strict=True)]
    ink = np.maximum(weights[0] @ strength @ weights[1].T, 0)
    digit = np.floor(255 * ink / ink.max() + 0.5 + NUDGE)
    offsets = []
    for axis, count in enumerate(counts):
        centre = (digit.sum(axis=1 - axis) * np.arange(count)).sum() / digit.sum()
        offsets.append(min(max(math.ceil(13.5 - NUDGE - centre), 0), 28 - count))
    seen[offsets[0] : offsets[0] + counts[0], offsets[1] : offsets[1] + counts[1]] = digit
    return seen


def cells(span: tuple[int, int], count: int, side: int) -> np.ndarray:
    """The part of each pixel that lies in each cell, `[count, side]`."""
    step = (span[1] - span[0]) / count
    width = max(step, 1)
    found = np.zeros((count, side))
    for cell in range(count):
        start = span[0] + (cell + 0.5) * step - width / 2
        start = min(max(start, span[0]), span[1] - width)
        for pixel in range(side):
            found[cell, pixel] = max(0, min(start + width, pixel + 1) - max(start, pixel))
    return found


def some_canvases() -> list[Uint8Array]:
    """Pasted digits, scribbles, noise, blanks, and the smallest canvases."""
    rng = np.random.default_rng(0)
    digits = [canvases.paste(image) for image in drawn.digits(10, seed=0)[0]]
    others = [made for kind in canvases.no_digits(4, seed=3).values() for made in kind]
    small = [rng.integers(0, 256, shape, dtype=np.uint8) for shape in ((8, 8), (8, 40), (31, 9), (15, 15))]
    return [*digits, *others, *small]


def test_it_is_what_its_description_says() -> None:
    for canvas in some_canvases():
        wanted, found = reference(canvas).astype(int), frame(canvas).astype(int)
        assert np.abs(wanted - found).max() <= 1
        assert (wanted != found).mean() < 0.005  # a value in the middle between two whole ones


def test_a_digit_of_mnists_kind_is_seen_as_it_is() -> None:
    """A 20-pixel box, its mass at the centre: nothing to scale, nothing to move."""
    digit = np.zeros((28, 28), np.uint8)
    digit[4:24, 12:16] = 255
    np.testing.assert_array_equal(frame(digit), digit)


@pytest.mark.parametrize("factor", [1, 3, 7, 60])
def test_an_enlarged_digit_is_seen_as_the_digit_itself(factor: int) -> None:
    digit = np.zeros((28, 28), np.uint8)
    digit[4:24, 8:10] = digit[22:24, 8:20] = digit[4:10, 18:20] = 255
    np.testing.assert_array_equal(frame(np.kron(digit, np.ones((factor, factor), np.uint8))), frame(digit))


def test_polarity_makes_no_difference() -> None:
    for canvas in some_canvases()[:10]:
        np.testing.assert_array_equal(frame(canvas), frame(255 - canvas))


def test_place_and_brightness_make_no_difference() -> None:
    image = np.asarray(Image.fromarray(drawn.digits(4, seed=1)[0][3]).resize((140, 140)))
    wanted = frame(np.pad(image, 30))
    for above, left in ((0, 0), (200, 7), (3, 400)):
        np.testing.assert_array_equal(frame(np.pad(image, ((above, 40), (left, 40)))), wanted)
    fainter = np.pad(image // 2 + 60, 30, constant_values=60)
    even = np.pad(image // 2 * 2, 30)
    assert np.abs(frame(fainter).astype(int) - frame(even)).max() <= 1


@pytest.mark.parametrize("value", [0, 128, 255])
@pytest.mark.parametrize("shape", [(8, 8), (280, 280), (SIDES[1], 8)])
def test_a_canvas_of_one_colour_is_blank(value: int, shape: tuple[int, int]) -> None:
    assert not frame(np.full(shape, value, np.uint8)).any()


def test_faint_grain_is_blank_and_more_is_not() -> None:
    canvas = np.full((100, 100), 200, np.uint8)
    canvas[40:60, 40:60] -= CONTRAST - 1
    assert not frame(canvas).any()
    canvas[40:60, 40:60] -= 1
    assert frame(canvas).max() == 255


def test_a_digit_that_fills_its_canvas_is_seen_whole() -> None:
    canvas = np.zeros((300, 200), np.uint8)
    canvas[:, 90:110] = 255
    seen = frame(canvas)
    assert (seen.max(axis=1) > 0).sum() == 20


def test_the_mass_lies_where_mnist_has_it() -> None:
    for canvas in some_canvases()[:10]:
        seen = frame(canvas).astype(np.float64)
        for axis in (0, 1):
            centre = (seen.sum(axis=1 - axis) * np.arange(28)).sum() / seen.sum()
            assert 13.5 - NUDGE <= centre < 14.5


@pytest.mark.parametrize("shape", [(SIDES[1], SIDES[1]), (8, SIDES[1])])
def test_the_largest_canvas_is_read(shape: tuple[int, int]) -> None:
    canvas = np.zeros(shape, np.uint8)
    canvas[2:-2, shape[1] // 2 - 90 : shape[1] // 2 + 90] = 255
    assert frame(canvas).max() == 255


@pytest.mark.parametrize("shape", [(SIDES[1] + 1, 100), (100, 3 * SIDES[1])])
def test_the_graph_itself_refuses_a_larger_canvas(shape: tuple[int, int]) -> None:
    with pytest.raises(onnxruntime.capi.onnxruntime_pybind11_state.Fail):
        frame(np.zeros(shape, np.uint8))


def test_the_training_images_of_mnist_keep_its_rule_of_placement(mnist: Dataset) -> None:
    images = mnist.train.images.astype(np.float64)
    kept = np.ones(len(images), bool)
    for axis in (1, 2):
        profile = images.sum(axis=3 - axis)
        centres = (profile * np.arange(28)).sum(axis=1) / profile.sum(axis=1)
        kept &= (centres >= 13.5) & (centres < 14.5)
    assert (~kept).sum() == 2


@pytest.mark.lengthy
def test_the_test_images_of_mnist_pasted_on_canvases_lose_at_most_half_a_point(mnist: Dataset) -> None:
    """The promise of canvas files, kept by the `cnn` on the shelf behind the framing; and at 280x280 it is fast."""
    plain = SHELF / "cnn" / "cnn.onnx"
    predict = load(plain)
    refusal = Refusal(1.0, 0.5, 0, 0.0, 0.0, {})
    source = Source(None, predict.contract, refusal=refusal)  # type: ignore[arg-type]
    model = framed(plain.read_bytes(), canvas_contract(source))
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    labels = mnist.test.labels
    answers = [session.run(["logits"], {"image": canvases.paste(image)})[0].argmax() for image in mnist.test.images]
    reached = (predict(mnist.test.images)[0].argmax(1) == labels).mean()
    assert (np.array(answers) == labels).mean() >= reached - 0.005


def test_a_graph_keeps_constants_apart_by_type_and_shape() -> None:
    graph = Graph()
    names = [graph.name(value) for value in (1.0, 1, np.array([1.0], np.float32), np.array(1))]
    assert names[0] == names[1]
    assert len(set(names)) == 3
    with pytest.raises(AttributeError):
        _ = graph.anything


@pytest.mark.lengthy
def test_another_runtime_sees_the_same() -> None:
    """ONNX's reference evaluator adds and divides otherwise; what whole numbers make must not hang on a last bit."""
    graph = Graph()
    graph.Cast(framing.add_frame(graph, "image"), to=onnx.TensorProto.UINT8, output="seen")
    model = graph.model([tensor("image", "height", "width")], [tensor("seen", 28, 28)])
    evaluator = onnx.reference.ReferenceEvaluator(model)
    for canvas in some_canvases():
        (found,) = evaluator.run(None, {"image": canvas})
        wanted = frame(canvas).astype(int)
        assert np.abs(wanted - found).max() <= 1
        assert (wanted != found).mean() < 0.005


def test_no_part_of_a_contrast_ties_with_a_whole_level() -> None:
    parts = np.arange(1, 256) * BOX
    assert np.abs(parts - parts.round()).min() > 5e-5


def test_nothing_but_standard_operators_of_opset_17() -> None:
    graph = Graph()
    output = graph.Cast(framing.add_frame(graph, "image"), to=onnx.TensorProto.UINT8)
    model = graph.model([tensor("image", "height", "width")], [tensor(output, 28, 28)])
    onnx.checker.check_model(model, full_check=True)
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 17)]
