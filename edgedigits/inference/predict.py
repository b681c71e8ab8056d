"""Ask a canvas file about pictures: `predict(["photo.jpg"])` gives Predictions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edgedigits.data.doubts import Doubt
from edgedigits.data.images import find_pictures, read_picture
from edgedigits.data.kinds import Skipped, Skips
from edgedigits.errors import BadInput, DataError, ModelFileError
from edgedigits.export.formats import format_of, get_format
from edgedigits.records.arguments import OneOrMore, checked, several
from edgedigits.records.arrays import Uint8Array
from edgedigits.records.progress import Observer, Progress, ignore
from edgedigits.records.record import LOCAL, Record
from edgedigits.runtime.load import Opener
from edgedigits.runtime.names import find_file, preferred
from edgedigits.runtime.predictor import CanvasPredictor

CANVAS = get_format("onnx-canvas")
PREFERRED = ("reader", "cnn")  # of several models: it reads what people write; small, and the surest of the small ones


@dataclass(frozen=True)
class Prediction(Record):
    """The answer to one picture.

    answer          a label, or None: no digit
    probability     of the likeliest label, and `probabilities` of all
    doubts          what a person should look at: a word for programs, a sentence for people
    error           why the picture could not be read; then nothing else is there
    seen            what the network was shown, uint8 `[28, 28]`
    """

    picture: str
    answer: str | None = None
    probability: float | None = None
    probabilities: Mapping[str, float] = field(default_factory=dict)
    doubts: tuple[Doubt, ...] = ()
    error: str | None = None
    seen: Uint8Array | None = field(default=None, compare=False, metadata=LOCAL)


@dataclass(frozen=True)
class Predictions(Record):
    """All answers of one `predict`, the file that gave them, its threshold, and what else the folders hold."""

    model: str
    threshold: float | None
    predictions: tuple[Prediction, ...]
    skipped: tuple[Skipped, ...] = ()


@checked
def predict(
    sources: OneOrMore[str | Path],
    *,
    model: str | Path | None = None,
    exports: str | Path = "exports",
    opener: Opener = Opener(),  # noqa: B008 - it is frozen
    observer: Observer = ignore,
) -> Predictions:
    """The digits on pictures, one or several: files of any of KINDS, folders of them, or "-" for standard input.

    model     a canvas file, or the name of a model below `exports`; without it `reader`, `cnn`, or the first one there
    opener    how that is opened

    A picture that cannot be read becomes a Prediction with its error, and the others are answered all
    the same. Raises DataError on a folder without pictures, BadInput where there is no canvas file, and
    ModelFileError where the file named is damaged or none.
    """
    named: list[str | Path] = several(sources)
    skips = Skips()
    found = find_pictures([str(source) for source in named], skips)
    path = find_canvas_file(model, exports)
    predictor = open_canvas_file(path, opener)
    answers: list[Prediction] = []
    for source in found:
        observer(Progress("predict", len(answers), len(found)))
        answers.append(_predict(source, predictor))
    return Predictions(str(path), predictor.contract.threshold, tuple(answers), skips.all())


def find_canvas_file(model: str | Path | None, exports: str | Path) -> Path:
    """The canvas file that is named, or else the one that `find_model` finds. Raises what these raise."""
    return find_file(model, preferred(("canvas",)), Path(exports)) if model else find_model(Path(exports))


def find_model(exports: Path) -> Path:
    """The canvas file to ask: the first of PREFERRED, or else the first one. Raises BadInput where there is none."""
    named = (exports / name / f"{name}{CANVAS.suffix}" for name in PREFERRED)
    found = [path for path in named if path.is_file()] or sorted(exports.glob(f"*/*{CANVAS.suffix}"))
    if not found:
        raise BadInput(f"{exports}: no canvas file here. Run edgedigits export --input canvas, or name a canvas file.")
    return found[0]


def open_canvas_file(path: Path, opener: Opener = Opener()) -> CanvasPredictor:  # noqa: B008 - it is frozen
    """A canvas file, ready to read canvases. Raises ModelFileError."""
    predictor = opener.open(path) if format_of(path) else None
    if not isinstance(predictor, CanvasPredictor):
        raise ModelFileError(f"{path}: no canvas file. Make one with edgedigits export --input canvas.")
    return predictor


def _predict(source: str, predictor: CanvasPredictor) -> Prediction:
    try:
        picture = read_picture(source)
    except DataError as error:
        return Prediction(source, error=str(error))
    reading = predictor.read(picture.canvas)
    labels, best = predictor.contract.labels, int(np.argmax(reading.probabilities))
    probabilities = {label: float(value) for label, value in zip(labels, reading.probabilities, strict=True)}
    probability = probabilities[labels[best]]
    sure = probability >= (predictor.contract.threshold or 0)
    return Prediction(
        picture=source,
        answer=labels[best] if sure else None,
        probability=probability,
        probabilities=probabilities,
        doubts=(*picture.remarks, *reading.doubts),
        seen=reading.seen,
    )
