"""Golden inputs: pictures of ours, and what a file answers to them, for the self-test of an embedded file.

    drawn      a digit of each class, drawn by `edgedigits/data/drawn.py`
    between    two digits blended until the file hardly knows which: its top two logits are close
    no digit   blanks, noise, scribbles

All are made from a fixed seed; no image of a data set is among them. What is expected is what the file
itself answers in ONNX Runtime, one picture a call; of a C file, its integers in numpy.

A canvas is framed in float32, and every runtime adds in an order of its own. A value that lies at a tie may
be rounded up in one and down in the other, and neither is wrong. A golden canvas has no such value (`SURE`),
so that a self-test may demand every pixel that the network is shown.
"""

import base64
import functools
import hashlib
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from edgedigits.data import canvases, drawn, fitting
from edgedigits.data.framing import rounding_margin
from edgedigits.export.formats import Format
from edgedigits.export.onnx import framing
from edgedigits.records.arrays import Uint8Array
from edgedigits.records.artifact import Contract
from edgedigits.records.record import OPTIONAL, Record
from edgedigits.runtime.predictor import CanvasPredictor, Predictor, Reading
from edgedigits.system import environment

SEED = 20
PAIRS = ((4, 9), (3, 5), (1, 7), (2, 8), (0, 6), (5, 6))  # digits to blend: labels as they are drawn
SHARES = np.linspace(0.2, 0.8, 61)  # of the first of a pair
ENLARGED = (0.6, 3.2)  # digits on golden canvases: small ones, since every picture is stored
LARGEST = (90, 110)
CANDIDATES = 60  # canvases of each kind that shows no digit
SURE = 2e-3  # levels of 255, twice the most that float32 was seen to be off on canvases of these sizes: 9.7e-4
INT8_TOLERANCE = 0.1  # twice the most seen, 0.043: where runtimes round an activation otherwise, it moves by a step
DECIMALS = 6
RUNTIMES = {"onnx": "onnxruntime", "c": "numpy"}  # what answers files of a container here


@dataclass(frozen=True)
class Ready:
    """A model file that has passed the checks: its name, its bytes, and how to ask it."""

    file: str
    content: bytes
    predictor: Predictor
    format: Format


@dataclass(frozen=True)
class GoldenInput(Record):
    """A picture, uint8 `[height, width]`.

    pixels   row by row, in base64
    seen     what the network is shown of a canvas, uint8 `[28, 28]` in base64; None where that is the picture
    """

    name: str
    height: int
    width: int
    pixels: str
    seen: str | None = field(default=None, metadata=OPTIONAL)


@dataclass(frozen=True)
class GoldenAnswer(Record):
    """What a file answers to an input.

    answer   a label, or None: no digit
    close    whether logits that are off by the tolerance could make another answer of it
    """

    logits: tuple[float, ...]
    answer: str | None
    close: bool


@dataclass(frozen=True)
class GoldenModel(Record):
    """A model file, by its SHA-256, and its answers to the inputs, in their order.

    tolerance   by which any logit may be off, absolute
    """

    file: str
    sha256: str
    tolerance: float
    answers: tuple[GoldenAnswer, ...]


@dataclass(frozen=True)
class Golden(Record):
    """`golden.json`: the inputs, the answers of each model file, and the runtime that gave them."""

    runtime: str
    models: tuple[GoldenModel, ...]
    inputs: tuple[GoldenInput, ...]

    def to_lines(self, labels: Sequence[str]) -> str:
        """`golden.tsv`: the tolerance, then an input a line, with the main file's answer.

        Cells: name, height, width, pixels and what is seen of them in hexadecimal digits (empty where that is the
        picture), the answer's index in `labels` (-1: no digit), whether it is close (1 or 0), logits with commas.
        """
        main = self.models[0]
        lines = [f"{main.tolerance:g}"]
        for picture, answer in zip(self.inputs, main.answers, strict=True):
            images = (base64.b64decode(image or "").hex() for image in (picture.pixels, picture.seen))
            index = -1 if answer.answer is None else labels.index(answer.answer)
            logits = ",".join(map(str, answer.logits))
            cells = (picture.name, picture.height, picture.width, *images, index, int(answer.close), logits)
            lines.append("\t".join(map(str, cells)))
        return "".join(f"{line}\n" for line in lines)


def make_golden(ready: Sequence[Ready]) -> Golden:
    """The golden inputs of a model, with the answers of its files; near-ties are those of the first.

    Raises ModelFileError where a file fails to answer.
    """
    predictor = ready[0].predictor
    canvas = isinstance(predictor, CanvasPredictor)
    pictures = list((_canvases if canvas else _digits)(predictor))
    inputs = tuple(
        _input(name, picture, ask(predictor, picture).seen if canvas else None) for name, picture in pictures
    )
    models = tuple(_model(file, [picture for _, picture in pictures]) for file in ready)
    runtime = RUNTIMES[ready[0].format.container]
    return Golden(f"{runtime} {environment.versions(runtime)[runtime]}", models, inputs)


def ask(predictor: Predictor, picture: Uint8Array) -> Reading:
    """A file's answer to one picture: a canvas, or 28x28 pixels. Raises ModelFileError and UsageError."""
    if isinstance(predictor, CanvasPredictor):
        return predictor.read(picture)
    logits, probabilities = predictor(picture[None])
    return Reading(logits[0], probabilities[0], picture, picture)


def decoded(found: GoldenInput) -> Uint8Array:
    """The picture of an input, uint8 `[height, width]`."""
    return np.frombuffer(base64.b64decode(found.pixels), np.uint8).reshape(found.height, found.width)


def _input(name: str, picture: Uint8Array, seen: Uint8Array | None) -> GoldenInput:
    height, width = picture.shape
    return GoldenInput(name, height, width, _base64(picture), None if seen is None else _base64(seen))


def _base64(image: Uint8Array) -> str:
    return base64.b64encode(image.tobytes()).decode()


def _model(file: Ready, pictures: Sequence[Uint8Array]) -> GoldenModel:
    readings = [ask(file.predictor, picture) for picture in pictures]
    limit = file.format.limits.scaled(np.stack([reading.logits for reading in readings])).max_logit_diff
    tolerance = float(f"{limit or INT8_TOLERANCE:.2g}")  # self-tests print it
    answers = tuple(_answer(reading, file.predictor.contract, tolerance) for reading in readings)
    return GoldenModel(file.file, hashlib.sha256(file.content).hexdigest(), tolerance, answers)


def _answer(reading: Reading, contract: Contract, tolerance: float) -> GoldenAnswer:
    """The answer to a reading, and whether logits that are off by the tolerance could change it."""
    best = int(reading.probabilities.argmax())
    second, first = np.sort(reading.logits)[-2:]
    above = float(reading.probabilities[best]) - (contract.threshold or 0)
    undecided = abs(above) <= tolerance / 2 / (contract.temperature or 1)  # softmax moves no farther than that
    refused = above < 0
    return GoldenAnswer(
        logits=tuple(round(float(logit), DECIMALS) for logit in reading.logits),
        answer=None if refused else contract.labels[best],
        close=bool(undecided or (not refused and first - second <= 2 * tolerance)),
    )


Pictures = Iterator[tuple[str, Uint8Array]]


def _digits(predictor: Predictor) -> Pictures:
    """28x28 pixels, background 0 and ink 255."""
    yield from _drawn(predictor)
    for value in (0, 128, 255):
        yield f"blank, all {value}", np.full((28, 28), value, np.uint8)
    rng = np.random.default_rng(SEED)
    for index in range(3):
        yield f"noise {index}", rng.integers(0, 256, (28, 28), dtype=np.uint8)
    corner = np.zeros((28, 28), np.uint8)
    corner[1, 26] = 255
    yield "one pixel in a corner", corner
    for index, scribble in enumerate(canvases.no_digits(5, SEED)["scribbles"]):
        yield f"scribble {index}", framing.frame(scribble)


def _canvases(predictor: Predictor) -> Pictures:
    """Canvases of several sizes, light on dark and dark on light."""
    whole = predictor.contract.framing is not None
    yield from _drawn(predictor, whole)
    yield from _other_canvases(whole).items()


@functools.cache
def _other_canvases(whole: bool) -> Mapping[str, Uint8Array]:
    """Canvases that no file has a say in: made once in a process."""
    sure = functools.partial(_sure, whole=whole)
    faint = drawn.digits(8, SEED + 1)[0][3]
    sevens = (drawn.draw(7, np.random.default_rng(seed)) for seed in itertools.count(SEED))
    found = {
        "drawn 3, of low contrast": next(sure(canvas // 4 + 90 for canvas in _pasted(faint))),
        "drawn 7, as small as can be": next(sure(seven[6:22:2, 6:22:2].copy() for seven in sevens)),
        "blank, all 0": np.zeros((8, 8), np.uint8),
        "blank, all 255": np.full((8, 400), 255, np.uint8),
    }
    for kind, candidates in canvases.no_digits(CANDIDATES, SEED, LARGEST).items():
        for index, canvas in enumerate(itertools.islice(sure(candidates), 3)):
            found[f"{kind} {index}"] = canvas
    return found


def _pasted(image: Uint8Array) -> Iterator[Uint8Array]:
    """An image on canvases, of other sizes for ever; they depend on its own pixels alone."""
    rng = np.random.default_rng(int(image.sum()))
    while True:
        enlarged = rng.uniform(*ENLARGED)
        yield canvases.paste(image, (enlarged, enlarged), LARGEST)


def _sure(pictures: Iterable[Uint8Array], whole: bool) -> Iterator[Uint8Array]:
    """Those of which all runtimes show a network the same, the digit on them or all."""
    margin = fitting.rounding_margin if whole else rounding_margin
    return (picture for picture in pictures if margin(picture) >= SURE)


def _drawn(predictor: Predictor, whole: bool | None = None) -> Pictures:
    """A digit of each class, and near-ties."""
    digits, blends = _digits_and_blends(whole)
    yield from digits.items()
    for name, found in blends.items():
        yield name, min(found, key=lambda blend: _margin(ask(predictor, blend)))


@functools.cache
def _digits_and_blends(whole: bool | None) -> tuple[Mapping[str, Uint8Array], Mapping[str, Sequence[Uint8Array]]]:
    """The pictures of which near-ties are chosen: the same for every file, so made once in a process.

    whole   whether canvases are shown as a whole; None where they are no canvases
    """

    def present(image: Uint8Array) -> Uint8Array:
        return image if whole is None else next(_sure(_pasted(image), whole))

    images, labels = drawn.digits(10, SEED)
    digits = {f"drawn {label}": present(image) for label, image in zip(labels, images, strict=True)}
    blends = {
        f"between {one} and {other}": [present(_blend(images[one], images[other], share)) for share in SHARES]
        for one, other in PAIRS
    }
    return digits, blends


def _blend(one: Uint8Array, other: Uint8Array, share: float) -> Uint8Array:
    return (share * one + (1 - share) * other).round().astype(np.uint8)


def _margin(reading: Reading) -> float:
    """How far the top two logits are apart."""
    second, first = np.sort(reading.logits)[-2:]
    return float(first - second)
