"""A model that is ready to answer: called with images, it returns logits and probabilities.

ModelFile   a file's bytes and contract, once its reader has passed them: what an engine gets
Session     a file in a runtime: what an engine gives
Predictor   a Session with every check around it: what a caller gets
"""

import functools
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from edgedigits.data import canvases
from edgedigits.data.canvases import SIDES
from edgedigits.data.doubts import Doubt, doubts
from edgedigits.errors import ModelFileError, UsageError
from edgedigits.export.formats import Format
from edgedigits.records.arrays import EVALUATION_BATCH, Images, Scores
from edgedigits.records.artifact import Contract
from edgedigits.records.model import IMAGE_SHAPE

FAR_CALLS = 1000  # of one image each, that are asked for at once where each is far from here
CANVAS = (280, 280)  # height and width of the canvas to measure times with
WARM_UP = 20  # calls before each measurement, until the caches hold this file's weights
CALLS = 100  # of one image each, that a latency is measured with

Inputs = Images | list[Images]  # what a file is given: a batch, or canvases of different sizes
Call = Callable[[Images], Sequence[npt.NDArray[Any]]]  # a file's outputs, in the contract's order, for one input
Clock = Callable[[Inputs, int], list[float]]


@dataclass(frozen=True)
class ModelFile:
    """A model file that has passed its reader's checks, as an engine gets it: bytes, never a path to open."""

    path: Path
    format: Format
    content: bytes
    contract: Contract


class Session(NamedTuple):
    """A file in a runtime, ready to answer.

    call    gives the file one input
    each    gives it many images, one a call, and returns its outputs joined, where each call is far from here
    clock   what each of so many runs takes, in seconds, where that must be measured elsewhere than here
    """

    call: Call
    each: Call | None = None
    clock: Clock | None = None


@dataclass(frozen=True)
class Predictor:
    """A model that is ready to answer.

    Called with uint8 images `[batch, 28, 28]` (background 0, ink 255), it returns logits and
    probabilities, both float32 `[batch, classes]`, as its runtime computed them. Files that take
    something else than such images say in a subclass how they are given them. `call`, `each` and `clock` are
    those of a Session.
    """

    contract: Contract
    call: Call
    each: Call | None = None
    clock: Clock | None = None
    one_by_one: ClassVar[bool] = False  # takes one image a call

    def __call__(self, images: Images) -> tuple[Scores, Scores]:
        """Logits and probabilities of images. Raises what `answers` raises."""
        logits, probabilities, _ = self.answers(images)
        return logits, probabilities

    def answers(self, images: Images) -> tuple[Scores, Scores, Images]:
        """Logits and probabilities of images, and what the network inside the file was shown, uint8 `[batch, 28, 28]`.

        Raises UsageError unless they are uint8 `[batch, 28, 28]`, and ModelFileError where the file fails to
        answer, or answers otherwise than its contract promises.
        """
        if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != IMAGE_SHAPE:
            raise UsageError(f"images: uint8 [batch, 28, 28] wanted, {images.dtype} {list(images.shape)} given")
        wanted = (len(images), len(self.contract.labels))
        answers = self.run(self.present(images))
        for name, found in zip(("logits", "probabilities"), answers[:2], strict=True):
            _require_scores(name, found, wanted)
        return answers

    def alone(self, images: Images) -> Scores:
        """The logits of images that are given to the file one a call. Raises what `answers` raises."""
        if self.each is None:
            return self.in_batches(images, size=1)[0]
        logits: Scores = np.concatenate(
            [self.each(part)[0] for part in np.split(images, range(FAR_CALLS, len(images), FAR_CALLS))]
        )
        _require_scores("logits", logits, (len(images), len(self.contract.labels)))
        return logits

    def in_batches(self, images: Images, size: int = EVALUATION_BATCH) -> tuple[Scores, Scores, Images]:
        """The same for any number of images, `size` a call."""
        batches = [self.answers(images[start : start + size]) for start in range(0, len(images), size)]
        logits, probabilities, shown = (np.concatenate(parts) for parts in zip(*batches, strict=True))
        return logits, probabilities, shown

    def seconds(self, inputs: Inputs, calls: int) -> list[float]:
        """What each of so many runs takes: of the runtime alone, without the checks, which are ours."""
        if self.clock:
            return self.clock(inputs, calls)
        spent = []
        for _ in range(calls):
            start = time.perf_counter()
            self.run(inputs)
            spent.append(time.perf_counter() - start)
        return spent

    def present(self, images: Images) -> Inputs:
        """The images as the file takes them."""
        return images

    def run(self, inputs: Inputs) -> tuple[Scores, Scores, Images]:
        """Logits and probabilities of what `present` returned, and what the network was shown of it."""
        images = cast(Images, inputs)
        logits, probabilities = self.call(images)
        return logits, probabilities, images

    def samples(self, count: int) -> Inputs:
        """Inputs to measure times with."""
        return np.random.default_rng(0).integers(0, 256, (count, *IMAGE_SHAPE), dtype=np.uint8)


@dataclass(frozen=True)
class Reading:
    """A canvas file's answer: logits and probabilities float32 `[classes]`, `seen` uint8 `[28, 28]`.

    canvas   what was read
    """

    logits: Scores
    probabilities: Scores
    seen: Images
    canvas: Images

    @functools.cached_property
    def doubts(self) -> tuple[Doubt, ...]:
        """What a person should look at in the canvas, whatever the answer."""
        return doubts(self.canvas)


@dataclass(frozen=True)
class CanvasPredictor(Predictor):
    """A canvas file that is ready to answer.

    `read` takes one canvas. Called as every Predictor is, with images `[batch, 28, 28]`, it pastes each
    onto a canvas as `canvases.paste` does.
    """

    one_by_one: ClassVar[bool] = True

    def read(self, canvas: Images) -> Reading:
        """The answer to one canvas. Raises UsageError unless it is uint8 `[height, width]`, both within SIDES."""
        if canvas.dtype != np.uint8 or canvas.ndim != 2:
            raise UsageError(f"canvas: uint8 [height, width] wanted, {canvas.dtype} {list(canvas.shape)} given")
        if not all(SIDES[0] <= side <= SIDES[1] for side in canvas.shape):
            raise UsageError(f"canvas: sides of {SIDES[0]} to {SIDES[1]} pixels wanted, {list(canvas.shape)} given")
        logits, probabilities, seen = self.call(canvas)
        return Reading(logits, probabilities, seen, canvas)

    def present(self, images: Images) -> Inputs:
        """Each image on a canvas."""
        return [canvases.paste(image) for image in images]

    def run(self, inputs: Inputs) -> tuple[Scores, Scores, Images]:
        """Logits and probabilities of canvases, and what the network is shown of them, as the file itself says."""
        logits, probabilities, seen = zip(*(self.call(canvas) for canvas in inputs), strict=True)
        return np.stack(logits), np.stack(probabilities), np.stack(seen)

    def samples(self, count: int) -> Inputs:
        """One canvas of 280x280 pixels, a stroke on it, `count` times."""
        canvas = np.zeros(CANVAS, np.uint8)
        canvas[40:240, 130:150] = 255
        return [canvas] * count


PREDICTORS: Mapping[str, type[Predictor]] = {"digit": Predictor, "canvas": CanvasPredictor}  # by a format's input


def latency_us(predictor: Predictor) -> float:
    """Median microseconds of one image a call, after warm-up."""
    times = predictor.seconds(predictor.samples(1), WARM_UP + CALLS)[WARM_UP:]
    return 1e6 * statistics.median(times)


def _require_scores(name: str, found: npt.NDArray[Any], wanted: tuple[int, int]) -> None:
    if found.shape != wanted or found.dtype != np.float32:
        raise ModelFileError(f"{name}: {found.dtype} {found.shape} came out, float32 {wanted} wanted")
