"""What stands in front of the network in a canvas file: from any canvas to the 28x28 digit, as ONNX.

MNIST was made by scaling each digit into 20x20 pixels, keeping its aspect, and placing its centre of
mass at the centre of 28x28 pixels (LeCun, Bottou, Bengio, Haffner 1998). The graph does the same:

    digit's cells   where the digit is, on a coarse grid, and how light the paper there (`data/looking.py`)
    ink       how far each pixel there is from the paper; of the strongest, the contrast
    box       the rows and columns that hold a pixel with at least BOX of the ink's contrast
    digit     the box in 20x20 pixels, scaled by averaging over areas; its strongest pixel becomes 255
    seen      the digit on 28x28 pixels, its centre of mass within half a pixel of (14, 14)

Scaling is two products, rows @ canvas @ columns, whose weights say how much of each pixel lies in
each cell: every shape follows from the canvas's own. Once the 20x20 pixels are rounded, all is done
in whole numbers that float32 holds exactly, so that runtimes which add in another order still see
the same digit. Of the 60,000 training images of MNIST, all but 2 obey the rule of placement.
"""

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from edgedigits.data.canvases import SIDES
from edgedigits.data.framing import CENTRE, FIELD, FRAME, TIE
from edgedigits.data.looking import Look, look
from edgedigits.data.paper import BOX, CONTRAST
from edgedigits.export.onnx.graph import Graph, tensor

NUDGE = 1 / TIE  # decides ties, which whole numbers often make, alike in runtimes that divide with another last bit


def frame(canvas: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """What a network is shown of a canvas uint8 `[height, width]`: uint8 `[28, 28]`, all 0 where it is blank."""
    seen: npt.NDArray[np.uint8] = _session().run(None, {"image": canvas})[0]
    return seen


@functools.cache
def _session() -> Any:
    import onnxruntime

    graph = Graph()
    graph.Cast(add_frame(graph, "image"), to=TensorProto.UINT8, output="seen")
    model = graph.model([tensor("image", "height", "width")], [tensor("seen", FRAME, FRAME)])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def add_frame(graph: Graph, image: str) -> str:
    """Add the framing of a canvas, uint8 `[height, width]`; the name of `seen`, float32 `[28, 28]`, is returned.

    All values of `seen` are whole numbers 0 to 255, and all are 0 where the canvas is blank.
    """
    pixels = graph.Cast(image, to=TensorProto.FLOAT)  # (H, W)
    places = [positions(graph, image, axis) for axis in (0, 1)]
    ink = _ink(graph, pixels, look(graph, pixels, (places[0], places[1])))  # (H, W), levels
    strongest_of = [graph.ReduceMax(ink, axes=[1 - axis], keepdims=0) for axis in (0, 1)]  # rows (H,), columns (W,)
    contrast = graph.ReduceMax(strongest_of[0], keepdims=0)
    has_ink = graph.Greater(contrast, CONTRAST - 0.5)
    least = graph.Where(has_ink, graph.Mul(contrast, BOX), 256.0)  # on a blank canvas, no row and no column has ink
    boxes = [_box(graph, along, graph.Greater(ink, least)) for along, ink in zip(places, strongest_of, strict=True)]
    longest = graph.Max(*(box.extent for box in boxes))
    cells = [_cells(graph, box.extent, longest) for box in boxes]
    rows, columns = (coverage(graph, box, count) for box, count in zip(boxes, cells, strict=True))  # (20, H), (20, W)
    sums = graph.MatMul(graph.MatMul(rows, ink), graph.Transpose(columns, perm=[1, 0]))
    sums = graph.Max(sums, 0.0)  # (20, 20)
    strongest = graph.Max(graph.ReduceMax(sums, keepdims=0), 1e-6)
    digit = graph.Where(has_ink, rounded(graph, graph.Mul(graph.Div(sums, strongest), 255.0)), 0.0)
    mass = graph.Max(graph.ReduceSum(digit, keepdims=0), 1.0)
    down, right = (_placement(graph, digit, mass, axis, cells[axis]) for axis in (0, 1))
    return graph.MatMul(graph.MatMul(down, digit), right)


def positions(graph: Graph, image: str, axis: int) -> str:
    """0, 1, 2 ... along an axis, `[pixels]`."""
    length = graph.Shape(image, start=axis, end=axis + 1)
    return graph.Slice(np.arange(SIDES[1], dtype=np.float32), np.array([0]), length)  # longer canvases fail here


def _ink(graph: Graph, pixels: str, found: Look) -> str:
    """How far each pixel of the digit's cells is from the paper, in levels, `[height, width]`; 0 in all others.

    Of dark paper, where levels are those of the negative, that is `pixel - 255 + level`.
    """
    negative = graph.Sub(1.0, found.is_light)  # 0 or 1
    level = graph.Sub(found.level, graph.Mul(negative, 255.0))
    level = _spread(graph, _spread(graph, level, found.columns.cell), found.rows.cell)
    return graph.Relu(graph.Add(level, graph.Mul(pixels, graph.Sub(graph.Mul(negative, 2.0), 1.0))))


def _spread(graph: Graph, cells: str, places: str) -> str:
    """What the column of cells holds that each pixel lies in, turned: `[pixels, rows]`. Copied by whole rows: fast."""
    return graph.Gather(graph.Transpose(cells, perm=[1, 0]), places, axis=0)


@dataclass(frozen=True)
class Box:
    """Names of where the ink begins along an axis, how far it extends, and the pixels' positions `[pixels]`."""

    first: str
    extent: str
    positions: str


def _box(graph: Graph, positions: str, inked: str) -> Box:
    """The part of an axis that holds ink."""
    first = graph.ReduceMin(graph.Where(inked, positions, float(SIDES[1])), keepdims=0)
    last = graph.ReduceMax(graph.Where(inked, positions, 0.0), keepdims=0)
    extent = graph.Max(graph.Add(graph.Sub(last, first), 1.0), 1.0)
    return Box(first, extent, positions)


def _cells(graph: Graph, extent: str, longest: str) -> str:
    """How many of the field's 20 cells the box fills along an axis: its aspect is kept to the nearest cell."""
    exact = graph.Div(graph.Mul(extent, float(FIELD)), longest)
    return graph.Max(rounded(graph, exact), 1.0)


def rounded(graph: Graph, value: str) -> str:
    """The nearest whole number, and of a half the larger one."""
    return graph.Floor(graph.Add(value, 0.5 + NUDGE))


def coverage(graph: Graph, box: Box, cells: str, field: int = FIELD) -> str:
    """How much of each pixel lies in each of the cells of a field, along one axis: `[field, pixels]`, 0 to 1.

    A cell is at least a pixel wide, so that a small digit is interpolated linearly. The cells behind
    the last one that the box fills cover nothing.
    """
    index = np.arange(field, dtype=np.float32)[:, None]
    step = graph.Div(box.extent, cells)
    width = graph.Max(step, 1.0)
    start = graph.Sub(graph.Mul(graph.Add(index, 0.5), step), graph.Mul(width, 0.5))
    start = graph.Min(graph.Max(start, 0.0), graph.Sub(box.extent, width))
    start = graph.Where(graph.Less(index, cells), graph.Add(start, box.first), -2.0 * SIDES[1])
    return graph.Sub(_before(graph, graph.Add(start, width), box.positions), _before(graph, start, box.positions))


def _before(graph: Graph, edges: str, positions: str) -> str:
    """How much of each pixel lies before each edge, 0 to 1: `[edges, pixels]`."""
    return graph.Clip(graph.Sub(edges, positions), 0.0, 1.0)


def _placement(graph: Graph, digit: str, mass: str, axis: int, cells: str) -> str:
    """Where the cells go along an axis, that the centre of mass is at CENTRE, as `placement` gives it."""
    index = np.arange(FIELD, dtype=np.float32).reshape((-1, 1) if axis == 0 else (1, -1))
    centre = graph.Div(graph.ReduceSum(graph.Mul(digit, index), keepdims=0), mass)
    shift = graph.Clip(graph.Ceil(graph.Sub(CENTRE - 0.5 - NUDGE, centre)), 0.0, graph.Sub(float(FRAME), cells))
    return placement(graph, shift, axis, FIELD)


def placement(graph: Graph, shift: str, axis: int, field: int) -> str:
    """The cells of a field, moved along an axis, as zeros and ones: rows `[28, field]`, or columns `[field, 28]`."""
    shape = (-1, 1) if axis == 0 else (1, -1)
    index, frame = (np.arange(count, dtype=np.float32) for count in (field, FRAME))
    moved = graph.Sub(frame.reshape(shape), shift)
    return graph.Cast(graph.Equal(moved, index.reshape(shape[::-1])), to=TensorProto.FLOAT)
