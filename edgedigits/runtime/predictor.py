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
from typing import Any, ClassVar, NamedTuple, NoReturn, Protocol, cast

import numpy as np
import numpy.typing as npt

from edgedigits.data import canvases
from edgedigits.data.doubts import Doubt, doubts
from edgedigits.data.fitting import INVERTED
from edgedigits.errors import ModelFileError, UsageError
from edgedigits.export.formats import Format
from edgedigits.records.arrays import EVALUATION_BATCH, Images, Scores
from edgedigits.records.artifact import Contract
from edgedigits.records.model import IMAGE_SHAPE
from edgedigits.runtime.inputs import as_canvas, as_images

FAR_CALLS = 1000  # of one image each, that are asked for at once where each is far from here
CANVAS = (280, 280)  # height and width of the canvas to measure times with
WARM_UP = 20  # calls before each measurement, until the caches hold this file's weights
CALLS = 100  # of one image each, that a latency is measured with

Inputs = Images | list[Images]  # what a file is given: a batch, or canvases of different sizes
Outputs = Sequence[npt.NDArray[Any]]  # of a file, in the contract's order
Call = Callable[[Images], Outputs]  # of one input
Many = Callable[[Sequence[Images]], Outputs]  # of several, each output joined
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
    alive   whether it can still be asked, where it can end before this process does
    many    gives it many canvases, where they are answered faster together
    """

    call: Call
    each: Call | None = None
    clock: Clock | None = None
    alive: Callable[[], bool] | None = None
    many: Many | None = None

    def __reduce__(self) -> NoReturn:
        raise UsageError(
            "a session in a runtime cannot be pickled. What edgedigits.load gives can: it travels as its path"
        )


class Asked(Protocol):
    """What a predictor asks: a Session, or what opens one where it must (`runtime/session.py`)."""

    @property
    def call(self) -> Call: ...  # noqa: D102

    @property
    def each(self) -> Call | None: ...  # noqa: D102

    @property
    def clock(self) -> Clock | None: ...  # noqa: D102

    @property
    def many(self) -> Many | None: ...  # noqa: D102


@dataclass(frozen=True)
class Predictor:
    """A model that is ready to answer: in any thread, in forked processes, and pickled, as its path, in others.

    Called with images `[batch, 28, 28]` (background 0, ink 255), it returns logits and probabilities, both float32
    `[batch, classes]`, as its runtime computed them. Files that take something else than such images say in a subclass
    how they are given them.

    Images may be uint8, or other whole numbers 0 to 255, or fractions 0 to 1; arrays, lists, torch tensors and data
    frames; `[28, 28]`, `[784]`, `[1, 28, 28]` and `[28, 28, 1]` for one, each also in a batch; or pictures and paths
    of pictures, which `edgedigits score` reads alike. They are asked for in batches: memory does not grow with them.
    """

    contract: Contract
    session: Asked
    one_by_one: ClassVar[bool] = False  # takes one image a call

    @property
    def fixed(self) -> int | None:
        """Images that it takes a call, no more and no fewer; None where it takes any number."""
        return None

    def __call__(self, images: Any) -> tuple[Scores, Scores]:
        """Logits and probabilities of images. Raises what `answers` raises."""
        logits, probabilities, _ = self.answers(images)
        return logits, probabilities

    def answers(self, images: Any) -> tuple[Scores, Scores, Images]:
        """Logits and probabilities of images, and what the network inside the file was shown, uint8 `[batch, 28, 28]`.

        Raises UsageError where they are none, DataError where a picture cannot be read, and ModelFileError where the
        file fails to answer, or answers otherwise than its contract promises.
        """
        return self.in_batches(as_images(images))

    def read(self, canvas: Any) -> "Reading":  # noqa: ARG002 - as canvas files have it
        """What a canvas file can, and this one cannot: raises UsageError."""
        raise UsageError(
            "this model takes digits of 28x28 pixels: call it with them. What reads a canvas of any size is a canvas "
            "file: edgedigits export --input canvas."
        )

    def alone(self, images: Images) -> Scores:
        """The logits of images that are given to the file one a call. Raises what `answers` raises."""
        if (each := self.session.each) is None:
            return self.in_batches(images, size=1)[0]
        parts = np.split(images, range(FAR_CALLS, len(images), FAR_CALLS))
        logits: Scores = np.concatenate([each(part)[0] for part in parts])
        _require_scores("logits", logits, self._wanted(images))
        return logits

    def in_batches(self, images: Images, size: int = EVALUATION_BATCH) -> tuple[Scores, Scores, Images]:
        """The answers to uint8 images `[n, 28, 28]`, `size` a call."""
        if not len(images):
            none = np.zeros(self._wanted(images), np.float32)
            return none, none.copy(), images
        batches = [self._batch(images[start : start + size]) for start in range(0, len(images), size)]
        logits, probabilities, shown = map(np.concatenate, zip(*batches, strict=True))
        return logits, probabilities, shown

    def _batch(self, images: Images) -> tuple[Scores, Scores, Images]:
        answers = self.run(self.present(images))
        for name, found in zip(("logits", "probabilities"), answers[:2], strict=True):
            _require_scores(name, found, self._wanted(images))
        return answers

    def _wanted(self, images: Images) -> tuple[int, int]:
        """The shape of their scores."""
        return len(images), len(self.contract.labels)

    def seconds(self, inputs: Inputs, calls: int) -> list[float]:
        """What each of so many runs takes: of the runtime alone, without the checks, which are ours."""
        if clock := self.session.clock:
            return clock(inputs, calls)
        spent = []
        for _ in range(calls):
            start = time.perf_counter()
            self.call(inputs)
            spent.append(time.perf_counter() - start)
        return spent

    def present(self, images: Images) -> Inputs:
        """The images as the file takes them."""
        return images

    def call(self, inputs: Inputs) -> None:
        """Let the runtime answer what `present` returned, whatever comes out."""
        self.session.call(cast(Images, inputs))

    def run(self, inputs: Inputs) -> tuple[Scores, Scores, Images]:
        """Logits and probabilities of what `present` returned, and what the network was shown of it."""
        images = cast(Images, inputs)
        logits, probabilities = self.session.call(images)
        return logits, probabilities, images

    def samples(self, count: int) -> Inputs:
        """Inputs to measure times with."""
        return np.random.default_rng(0).integers(0, 256, (count, *IMAGE_SHAPE), dtype=np.uint8)


@dataclass(frozen=True)
class Reading:
    """A canvas file's answer: logits and probabilities float32 `[classes]`, `seen` uint8 `[28, 28]`.

    canvas   what was read
    whole    whether `seen` is all of that, not the digit found on it
    """

    logits: Scores
    probabilities: Scores
    seen: Images
    canvas: Images
    whole: bool = False

    @functools.cached_property
    def doubts(self) -> tuple[Doubt, ...]:
        """What a person should look at in the canvas, whatever the answer."""
        return doubts(self.canvas, self.whole)


@dataclass(frozen=True)
class CanvasPredictor(Predictor):
    """A canvas file that is ready to answer.

    `read` takes one canvas. Called as every Predictor is, with images `[batch, 28, 28]`, it pastes each onto a canvas
    as `canvases.paste` does, or, where the network is shown canvases as a whole, makes one of it.
    """

    one_by_one: ClassVar[bool] = True

    def read(self, canvas: Any) -> Reading:
        """The answer to one canvas, `[height, width]`, both within SIDES, of pixels as `Predictor` takes them.

        It may be a picture, in colour too, or the path of one. Raises UsageError where it is none, DataError where a
        picture cannot be read, and ModelFileError.
        """
        pixels = as_canvas(canvas)
        logits, probabilities, seen = self.session.call(pixels)
        return Reading(logits, probabilities, seen, pixels, self.contract.framing is not None)

    def present(self, images: Images) -> Inputs:
        """Each image on a canvas."""
        if framing := self.contract.framing:
            return [canvases.enlarge(image, INVERTED[framing]) for image in images]
        return [canvases.paste(image) for image in images]

    def call(self, inputs: Inputs) -> None:
        """Let the runtime answer canvases, one a call."""
        for canvas in inputs:
            self.session.call(canvas)

    def run(self, inputs: Inputs) -> tuple[Scores, Scores, Images]:
        """Logits and probabilities of canvases, and what the network is shown of them, as the file itself says."""
        if many := self.session.many:
            return cast(tuple[Scores, Scores, Images], tuple(many(list(inputs))))
        logits, probabilities, seen = zip(*(self.session.call(canvas) for canvas in inputs), strict=True)
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
