"""What stands in front of the network where canvases are shown to it as a whole: `data/fitting.py`, as ONNX."""

import numpy as np
from onnx import TensorProto

from edgedigits.data.canvases import SIDES
from edgedigits.data.framing import FRAME
from edgedigits.data.paper import CONTRAST
from edgedigits.export.onnx import framing
from edgedigits.export.onnx.framing import Box
from edgedigits.export.onnx.graph import Graph


def add_fit(graph: Graph, image: str, inverted: bool | None = None) -> str:
    """Add the fitting of a canvas, uint8 `[height, width]`; the name of `seen`, float32 `[28, 28]`, is returned.

    inverted   whether the paper is light; None: what most of the border is

    All values of `seen` are whole numbers 0 to 255, and all are 0 where the canvas is blank.
    """
    pixels = graph.Cast(image, to=TensorProto.FLOAT)  # (H, W)
    low, high = graph.ReduceMin(pixels, keepdims=0), graph.ReduceMax(pixels, keepdims=0)
    places = [framing.positions(graph, image, axis) for axis in (0, 1)]
    extents = [graph.Add(graph.ReduceMax(along, keepdims=0), 1.0) for along in places]
    if inverted is None:
        light = _light_border(graph, pixels, graph.Mul(graph.Add(low, high), 0.5))
        is_light = graph.Greater(light, graph.Add(*extents))  # of a border of 2 (H + W) pixels
        values = graph.Where(is_light, graph.Sub(255.0, pixels), pixels)
    else:
        values = graph.Sub(255.0, pixels) if inverted else pixels
    longest = graph.Max(*extents)
    cells = [_cells(graph, extent, longest) for extent in extents]
    rows, columns = (_shares(graph, *of_axis) for of_axis in zip(extents, places, cells, strict=True))
    means = framing.rounded(graph, graph.MatMul(graph.MatMul(rows, values), graph.Transpose(columns, perm=[1, 0])))
    down, right = (_in_the_middle(graph, count, axis) for axis, count in enumerate(cells))
    has_ink = graph.Greater(graph.Sub(high, low), CONTRAST - 0.5)
    return graph.Where(has_ink, graph.MatMul(graph.MatMul(down, means), right), 0.0)


def _light_border(graph: Graph, pixels: str, middle: str) -> str:
    """How many pixels of the four sides are lighter than that; corners count twice."""
    counts = []
    for axis in (0, 1):
        for start, end in ((0, 1), (-1, 2 * SIDES[1])):
            side = graph.Slice(pixels, np.array([start]), np.array([end]), np.array([axis]))
            light = graph.Cast(graph.Greater(side, middle), to=TensorProto.FLOAT)
            counts.append(graph.ReduceSum(light, keepdims=0))
    return graph.Sum(*counts)


def _cells(graph: Graph, extent: str, longest: str) -> str:
    """How many of 28 cells an axis fills."""
    return graph.Max(framing.rounded(graph, graph.Div(graph.Mul(extent, float(FRAME)), longest)), 1.0)


def _shares(graph: Graph, extent: str, positions: str, cells: str) -> str:
    """What share of each cell each pixel has along an axis, `[28, pixels]`."""
    covered = framing.coverage(graph, Box(graph.name(0.0), extent, positions), cells, FRAME)
    return graph.Div(covered, graph.Max(graph.Div(extent, cells), 1.0))


def _in_the_middle(graph: Graph, cells: str, axis: int) -> str:
    """Where the cells go along an axis, as zeros and ones."""
    shift = graph.Round(graph.Mul(graph.Sub(float(FRAME), cells), 0.5))  # of halves the even one, as Pillow
    return framing.placement(graph, shift, axis, FRAME)
