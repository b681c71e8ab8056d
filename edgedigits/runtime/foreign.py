"""Somebody else's ONNX file, opened to be asked: its graph says names, types and shapes, and nothing more is known."""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgedigits.errors import ModelFileError
from edgedigits.export.formats import require_format
from edgedigits.records.artifact import Contract, TensorSpec
from edgedigits.runtime.asking import ANY_SHAPE, LEAST_CLASSES, OTHER_SIDE, Shapes, Unknown
from edgedigits.runtime.load import Opener
from edgedigits.runtime.predictor import Call, Session
from edgedigits.runtime.readings import SCALINGS, SIDE, SIDES, Inputs, square_side
from edgedigits.runtime.safety.trust import read_model
from edgedigits.runtime.sandbox import open_apart
from edgedigits.runtime.session import Opening, open_here

BYTES = SCALINGS["0..255"]  # all that whole numbers can hold of an image
LOGITS = "logits"  # an output of that name is preferred
TRIED = (SIDE, OTHER_SIDE)  # where nothing says how large images are
CHANNELS: dict[int | None, tuple[str, ...]] = {1: ("nchw",), 3: ("rgb",), None: ("nchw", "rgb")}  # by the second axis
USUAL_CLASSES = 10
Array = npt.NDArray[Any]


def open_foreign(path: Path, opener: Opener) -> Unknown:
    """An ONNX file without a contract, to be asked as `finding.find_input` does.

    It passes the checks of every file, and runs in a process of its own where the opener says so. Raises ModelFileError
    and MissingCapability.
    """
    return as_unknown(path, *open_session(path, opener))


def open_session(path: Path, opener: Opener) -> tuple[Contract, Session]:
    """The same file in its runtime, with what its graph says in the place of a contract."""
    opening = Opening(path, require_format(path), read_model(path), opener.engine, opener.setting, foreign=True)
    return open_apart(opening) if opener.isolated else open_here(opening)


def as_unknown(path: Path, contract: Contract, session: Session) -> Unknown:
    """What `open_session` opened, to be asked. Raises ModelFileError where it takes no images."""
    names = [output.name for output in contract.outputs]

    def scores(call: Call, batch: Inputs) -> Array:
        outputs = call(as_declared(batch, contract.input))
        return outputs[scores_among(outputs, names)]

    shapes, batch = _shapes(path, contract.input)
    ask = functools.partial(scores, session.call)
    each = functools.partial(scores, session.each) if session.each else None
    whole = np.dtype(contract.input.dtype).kind in "ui"
    return Unknown(str(path), ask, shapes, batch, each, BYTES if whole else {})


def as_declared(batch: Inputs, spec: TensorSpec) -> Array:
    """A batch in the element type that the graph takes: of whole numbers, the nearest."""
    dtype = np.dtype(spec.dtype)
    return (np.clip(np.rint(batch), 0, 255) if dtype.kind in "ui" else batch).astype(dtype)


def scores_among(outputs: Sequence[Array], names: Sequence[str]) -> int:
    """Which output are the scores: what is called so, else what is as wide as there are digits, or hardly wider.

    Raises ValueError where none can be.
    """
    found = [
        (name != LOGITS, array.shape[-1] < USUAL_CLASSES, array.shape[-1], index)
        for index, (name, array) in enumerate(zip(names, outputs, strict=True))
        if array.dtype.kind == "f" and 1 <= array.ndim <= 2 and array.shape[-1] >= LEAST_CLASSES
    ]
    if not found:
        raise ValueError(f"outputs of shape {', '.join(str(list(array.shape)) for array in outputs)}: no scores")
    return min(found)[-1]


def _shapes(path: Path, spec: TensorSpec) -> tuple[Shapes, int | None]:
    """The layouts and sides that an input declares, and how many images a call. Raises ModelFileError."""
    axes = [side if isinstance(side, int) and side > 0 else None for side in spec.shape]  # None: free, or not said
    if not axes:  # not even how many axes
        return ANY_SHAPE, None
    found = [(layout, side) for layout, sides in _layouts(axes).items() for side in sides]
    if not found:
        raise ModelFileError(f"{path}: its input is {list(spec.shape)}: no images of digits.")
    bare = len(axes) == 1 or (len(axes) == 2 and "nhw" in _layouts(axes))  # no axis for the batch
    return tuple(found), None if bare else axes[0]


def _layouts(axes: list[int | None]) -> dict[str, tuple[int, ...]]:
    """The layouts that axes may mean, each with its sides."""
    if len(axes) == 4:
        _, second, third, fourth = axes
        found = {layout: _sides(third, fourth) for layout in CHANNELS.get(second, ())}
        return found or ({"nhwc": _sides(second, third)} if fourth in (1, None) else {})
    if len(axes) == 3:
        return {"nhw": _sides(*axes[1:])}
    if len(axes) == 2 and axes[0] == axes[1] and axes[0] is not None:
        return {"nhw": _sides(*axes)}
    return {"flat": tuple(side for side in TRIED if axes[-1] in (None, side * side)) or _square(axes[-1])}


def _sides(height: int | None, width: int | None) -> tuple[int, ...]:
    """The sides of a square with these; none where they are not equal."""
    if height is None and width is None:
        return TRIED
    side = height or width or 0
    return (side,) if (width or side) == side and SIDES[0] <= side <= SIDES[1] else ()


def _square(pixels: int | None) -> tuple[int, ...]:
    side = square_side(pixels or 0)
    return (side,) if side else ()
