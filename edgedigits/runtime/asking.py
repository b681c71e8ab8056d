"""How a model that says nothing of its input is given digits: in which layouts and sizes, and how many a call.

A model is asked with some images in each shape that it may take. What it does not take, it says by an exception, or by
an answer that is no row of scores for each image.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edgedigits.errors import ModelFileError, first_line
from edgedigits.records.arrays import EVALUATION_BATCH, Images
from edgedigits.runtime.mistakes import count_words, line
from edgedigits.runtime.readings import LAYOUTS, SIDE, Fields, Input, Inputs, present

OTHER_SIDE = 32  # pixels: what LeNet-5 was made for
LEAST_CLASSES = 2
Answers = npt.NDArray[np.float64]  # scores [n, classes]
Shapes = tuple[tuple[str, int], ...]  # layouts, and sides in pixels
ANY_SHAPE: Shapes = tuple(itertools.product(LAYOUTS, (SIDE, OTHER_SIDE)))


@dataclass(frozen=True)
class Unknown:
    """A model whose input nobody has described.

    name     of it, in errors
    ask      answers a batch float32 with scores `[n, classes]`; what it raises says that it does not take such a batch
    shapes   layouts and sides that it may take
    batch    images that it takes a call, no more and no fewer; None where that is not known
    each     answers images that are given to it one a call with their scores, where one by one is slow from here
    known    fields of its input that it says itself
    """

    name: str
    ask: Callable[[Inputs], Any]
    shapes: Shapes = ANY_SHAPE
    batch: int | None = None
    each: Callable[[Inputs], Any] | None = None
    known: Fields = field(default_factory=dict)


@dataclass(frozen=True)
class Way:
    """How many images a model is given a call: `batch`, or any number; `bare` is one without an axis for the batch."""

    batch: int | None = None
    bare: bool = False

    @property
    def words(self) -> str | None:
        """What is to be said of it; None where it takes any number."""
        if self.bare:
            return "it takes one image a call, without an axis for the batch"
        return line("batch", count=count_words(self.batch)) if self.batch else None


@dataclass(frozen=True)
class Asker:
    """A model in a shape that it takes.

    example   what the shape is: a reading with its layout and side
    alike     other layouts that it answers alike
    classes   scores that come out for an image
    """

    model: Unknown
    way: Way
    example: Input
    classes: int
    alike: tuple[str, ...] = ()

    def answers(self, reading: Input, images: Images) -> Answers:
        """The scores of uint8 images in a reading of this shape, which is not finite where the model's are not."""
        batches = range(0, len(images), EVALUATION_BATCH)
        parts = [present(reading, images[start : start + EVALUATION_BATCH]) for start in batches]
        return np.concatenate([_given(self.model, self.way, part) for part in parts])


def askers(model: Unknown, images: Images, said: Fields) -> list[Asker]:
    """A model in each shape that it takes of those that it may.

    images   some digits to try it with
    said     fields of the input that are known

    Many images a call come first: only a model that takes them in no shape is given one. Raises ModelFileError where it
    takes that neither, from what it said first.
    """
    reasons: list[Exception] = []
    for way in [Way(model.batch)] if model.batch else [Way(), Way(bare=True), Way(1)]:
        if found := _askers(model, way, images, said, reasons):
            return found
    tried = ", ".join(f"{layout} {side}x{side}" for layout, side in _shapes(model, said))
    why = first_line(reasons[0])
    raise ModelFileError(f"{model.name}: takes images in none of the layouts tried: {tried} ({why}).") from reasons[0]


def _askers(model: Unknown, way: Way, images: Images, said: Fields, reasons: list[Exception]) -> list[Asker]:
    """A model in each shape that it takes so many images in; what it says against the others is put to `reasons`."""
    found: list[tuple[Asker, Answers]] = []
    for example in _examples(model, said):
        try:
            answers = _whole(_given(model, way, present(example, images)))
        except Exception as error:  # a stranger's model raises what it likes
            reasons.append(error)
            continue
        same = next((index for index, one in enumerate(found) if _are_alike(one, example, answers)), None)
        if same is None:
            found.append((Asker(model, way, example, answers.shape[1]), answers))
        else:
            asker, known = found[same]
            found[same] = replace(asker, alike=(*asker.alike, example.layout)), known
    return [asker for asker, _ in found]


def _shapes(model: Unknown, said: Fields) -> Shapes:
    """The shapes to try: what is known of the layout or the side leaves others out."""
    layouts = [said["layout"]] if "layout" in said else dict.fromkeys(layout for layout, _ in model.shapes)
    sides = [said["side"]] if "side" in said else dict.fromkeys(side for _, side in model.shapes)
    return tuple(itertools.product(layouts, sides))


def _examples(model: Unknown, said: Fields) -> Iterator[Input]:
    for layout, side in _shapes(model, said):
        yield Input(layout=layout, side=side, fit=None if side == SIDE else "resize")


def _given(model: Unknown, way: Way, batch: Inputs) -> Answers:
    """The scores of a batch, given as the model takes it. Raises ValueError where they are none."""
    if way.bare:
        return np.stack([_rows(model.ask(image), 1)[0] for image in batch])
    if way.batch is None:
        return _rows(model.ask(batch), len(batch))
    if way.batch == 1 and model.each:
        return _rows(np.reshape(model.each(batch), (len(batch), -1)), len(batch))
    size = way.batch
    missing = -len(batch) % size
    filled = np.concatenate([batch, np.repeat(batch[-1:], missing, axis=0)])
    parts = [_rows(model.ask(filled[start : start + size]), size) for start in range(0, len(filled), size)]
    return np.concatenate(parts)[: len(batch)]


def _rows(answer: Any, count: int) -> Answers:
    """Scores `[count, classes]` out of an answer, which may lack the first axis for one image. Raises ValueError."""
    scores = np.asarray(answer, np.float64)
    if count == 1 and scores.ndim == 1:
        scores = scores[None]
    if scores.ndim != 2 or len(scores) != count or scores.shape[1] < LEAST_CLASSES:
        raise ValueError(f"an answer of shape {list(np.shape(answer))} to {count} images")
    return scores


def _whole(answers: Answers) -> Answers:
    """Answers, where each is of its own image. Raises ValueError where a softmax ran over the images instead."""
    sums = answers.sum(axis=0)
    if answers.min() >= 0 and np.allclose(sums, 1, atol=1e-3) and not np.allclose(answers.sum(axis=1), 1, atol=1e-3):
        raise ValueError("its softmax runs over the images of a batch")
    return answers


def _are_alike(known: tuple[Asker, Answers], example: Input, answers: Answers) -> bool:
    """Whether another layout of the same size is answered alike, as where the network begins by flattening."""
    asker, others = known
    same_shape = asker.example.side == example.side and others.shape == answers.shape
    return same_shape and np.allclose(others, answers, rtol=1e-4, atol=1e-5)
