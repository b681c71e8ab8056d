"""When a canvas file's answer is no answer: calibrated probabilities, and the one below which there is no digit.

Both are chosen on held-out training digits, never on test images. They are made canvases and shown to the network as
the file will show them, so that what is measured is what it will answer. How that is to be is chosen there, too.
"""

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgedigits.data import canvases, fitting, handwriting, load, pen
from edgedigits.data.dataset import Dataset, Split, hold_out
from edgedigits.data.framing import find_paper
from edgedigits.errors import UsageError
from edgedigits.export.onnx import framing
from edgedigits.models import metrics
from edgedigits.models.presets import RECORDS
from edgedigits.records.arrays import Images, Int64Array, Scores, Uint8Array
from edgedigits.records.artifact import ON_DARK, ON_LIGHT, WHOLE, Refusal
from edgedigits.records.model import Checkpoint, Recipe

BINS = 15  # of the expected calibration error, as in Guo et al.
TEMPERATURES = (0.2, 5.0)  # a few held-out digits, all of them right, would make any answer certain
STEPS = 100  # of the search: each leaves two thirds of the range
NO_DIGITS = 300  # canvases of each kind
SEED = 0
ADOPTED = Recipe(epochs=1, batch_size=1, lr=1.0, validation=0.05)  # of which nobody knows what it was trained on
LOST = 0.02  # of the accuracy on held-out pictures: a network that loses more where digits are framed is shown all
MISTAKEN = 0.002  # of them, at most, whose border is mostly ink, where it is to say what the paper is
Ask = Callable[[Images], Scores]  # logits [n, classes] of images uint8 [n, 28, 28]
DIGITS_REFUSED = 0.05  # at most, of the held-out digits: more than that, and a user draws too many in vain
REFUSED_BY_READERS = 0.01  # the same where outliers were learnt from: then little else is as sure as a digit


@dataclass(frozen=True)
class View:
    """How canvases are shown to a network.

    framing   as in the Contract
    placed    makes a canvas of an image uint8 `[28, 28]`
    show      what the network sees of a canvas: uint8 `[28, 28]`
    """

    framing: str | None
    placed: Callable[[Uint8Array], Uint8Array]
    show: Callable[[Uint8Array], Uint8Array]

    def shown(self, made: Iterable[Uint8Array]) -> Uint8Array:
        """What the network sees of canvases, uint8 `[n, 28, 28]`."""
        return np.stack([self.show(canvas) for canvas in made])


DIGIT_VIEW = View(None, canvases.paste, framing.frame)
WHOLE_VIEWS = {
    name: View(
        name, functools.partial(canvases.enlarge, inverted=light), functools.partial(fitting.fit, inverted=light)
    )
    for name, light in fitting.INVERTED.items()
}


def fit_rejection(
    checkpoint: Checkpoint, ask: Ask, dataset: Dataset | None = None, data_dir: Path | None = None
) -> Refusal:
    """Framing, temperature and threshold of a trained model, chosen on the digits that its recipe held out.

    Of an adopted model, on as many training digits, though it may have learnt from them and be too sure there.

    ask        gives the model's logits
    dataset    the one that the model was trained on, where it is in memory; else it is loaded
    data_dir   where published data sets lie, if not in the default place

    Raises UsageError where the recipe held out none, and DataError where the data set cannot be had.
    """
    dataset = load.trained_on(checkpoint, dataset, data_dir)
    recipe = checkpoint.recipe or ADOPTED
    _, held_out = hold_out(dataset.train, recipe)
    if held_out is None:
        raise UsageError(
            f"{checkpoint.name}: its recipe held out no digits, and when to refuse a canvas is chosen on them. "
            f"Train it with --recipe {'reader' if checkpoint.model in RECORDS else 'default'}."
        )
    view, accuracies = choose_view(ask, held_out, checkpoint.dataset.dark_ink)
    seen = view.shown(map(view.placed, held_out.images))
    logits = ask(seen)
    temperature = fit_temperature(logits, held_out.labels)
    confidences = {"digits": _confidence(logits, seen, temperature)}
    for kind, other in (_no_digits(view) | (_pen_and_pairs(view, held_out) if recipe.outliers else {})).items():
        confidences[kind] = _confidence(ask(other), other, temperature)
    most = REFUSED_BY_READERS if recipe.outliers else DIGITS_REFUSED
    threshold = choose_threshold(confidences, classes=logits.shape[1], most=most)
    return Refusal(
        temperature=temperature,
        threshold=threshold,
        samples=len(held_out),
        error_before=calibration_error(metrics.softmax(logits), held_out.labels),
        error_after=calibration_error(metrics.softmax(metrics.tempered(logits, seen, temperature)), held_out.labels),
        refused={kind: float((found < threshold).mean()) for kind, found in confidences.items()},
        framing=view.framing,
        framed=accuracies if view.framing else None,
    )


def choose_view(ask: Ask, held_out: Split, dark_ink: bool) -> tuple[View, Mapping[str, float]]:
    """How canvases are to be shown to a network, and its accuracy on held-out pictures, framed as digits and whole.

    dark_ink   of the pictures that it learnt from, before they were read

    Of one's own classes, pictures may be anything: where they were no digits framed as MNIST's, more than LOST of the
    accuracy is lost by framing them so. Where their border does not say what is paper, it is what it was in training.
    """
    framed = DIGIT_VIEW.shown(map(DIGIT_VIEW.placed, held_out.images))
    accuracies = {
        name: float((ask(images).argmax(1) == held_out.labels).mean())
        for name, images in (("digit", framed), (WHOLE, held_out.images))
    }
    if accuracies[WHOLE] - accuracies["digit"] <= LOST:
        return DIGIT_VIEW, accuracies
    mistaken = np.mean([find_paper(image).inverted for image in held_out.images])
    fixed = ON_LIGHT if dark_ink else ON_DARK
    return WHOLE_VIEWS[WHOLE if mistaken <= MISTAKEN else fixed], accuracies


def fit_temperature(logits: Scores, labels: Int64Array) -> float:
    """The temperature that makes the labels likeliest, to three digits (Guo et al. 2017, arXiv:1706.04599).

    The cross-entropy is convex in the inverse of the temperature, so a ternary search finds its minimum.
    """
    low, high = (1 / temperature for temperature in reversed(TEMPERATURES))
    for _ in range(STEPS):
        third = (high - low) / 3
        losses = [
            metrics.cross_entropy(logits * np.float32(inverse), labels) for inverse in (low + third, high - third)
        ]
        low, high = (low, high - third) if losses[0] <= losses[1] else (low + third, high)
    return float(f"{2 / (low + high):.3g}")


def calibration_error(probabilities: Scores, labels: Int64Array) -> float:
    """How far confidence and accuracy are apart, on average over bins of confidence (ECE, as in Guo et al.)."""
    return float(np.abs(calibration_gaps(probabilities, labels)).sum() / len(labels))


def calibration_gaps(probabilities: Scores, labels: Int64Array) -> npt.NDArray[np.float64]:
    """In each bin of confidence, `[BINS]`, how many answers are right, less the sum of their confidences."""
    confidence, right = probabilities.max(1), probabilities.argmax(1) == labels
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return np.asarray(np.bincount(bins, right - confidence, BINS), np.float64)


def choose_threshold(confidences: Mapping[str, Scores], classes: int, most: float = DIGITS_REFUSED) -> float:
    """The confidence, in hundredths, below which an answer is no digit.

    Of those that refuse at most such a part of the "digits", the one that refuses most of the other
    kinds, and the lowest where several do. It is above what a blank canvas gets, 1 / classes.
    """
    candidates = [hundredths / 100 for hundredths in range(1, 100) if hundredths * classes > 100]
    bearable = [limit for limit in candidates if (confidences["digits"] < limit).mean() <= most]
    others = np.concatenate([found for kind, found in confidences.items() if kind != "digits"])
    return max(bearable or candidates[:1], key=lambda limit: float((others < limit).mean()))


def _confidence(logits: Scores, seen: Uint8Array, temperature: float) -> Scores:
    """The largest probability of each answer, `[n]`, as the file gives it."""
    confidence: Scores = metrics.softmax(metrics.tempered(logits, seen, temperature)).max(1)
    return confidence


@functools.cache
def _no_digits(view: View) -> dict[str, Uint8Array]:
    """What the network sees of canvases without a digit: the same for every model, so it is made once."""
    return {kind: view.shown(made) for kind, made in canvases.no_digits(NO_DIGITS, SEED).items()}


def _pen_and_pairs(view: View, held_out: Split) -> dict[str, Uint8Array]:
    """What the network sees of letters and marks of our pen, and of two digits: asked where it learnt of such."""
    made = {
        "letters": handwriting.written(pen.LETTERS.values(), NO_DIGITS, SEED),
        "marks": handwriting.written(pen.MARKS.values(), NO_DIGITS, SEED),
        "two digits": handwriting.pairs(held_out.images[: 2 * NO_DIGITS], SEED),
    }
    return {kind: view.shown(made_of_kind) for kind, made_of_kind in made.items()}
