"""What a model's input is, found by asking: training digits are shown in each likely reading, and the loss tells.

Accuracy does not tell readings apart: a network that was trained on 0..1 reads -1..1 nearly as well. The loss does.
Every reading is shown a few digits, the best of them thousands. Test images are never shown.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from edgedigits.errors import ModelFileError
from edgedigits.models.metrics import cross_entropy
from edgedigits.records.arrays import Images, Int64Array, Scores
from edgedigits.records.record import Record
from edgedigits.records.words import percent
from edgedigits.runtime.asking import Answers, Asker, Unknown, askers
from edgedigits.runtime.mistakes import columns_words, line
from edgedigits.runtime.readings import FITS, SCALINGS, SIDE, Fields, Input, in_words, is_unusual, parse

TRIED, SCREENED, SHOWN = 3, 200, 3_000  # digits for every shape, every reading, and the best readings
KEPT = {False: 4, True: 2}  # readings that are shown all digits: usual ones, and unusual ones
BEST = 5  # rows of the table
ENOUGH = 0.8  # accuracy below which no reading is right
ALIVE = 0.5  # of the classes: where fewer are ever answered, no reading is right
FAR = 0.5  # of the loss of the best usual reading: an unusual one is believed below it
LEAST = 1e-12  # probability, or the loss of a wrong answer would be endless
Columns = tuple[int, ...]


@dataclass(frozen=True)
class Row(Record):
    """A reading, and what training digits say of it: mean cross-entropy in nats, and accuracy 0 to 1.

    words   the reading, as `readings.parse` understands it
    loss    None where the scores are not finite
    alike   other readings, in words, that answer every digit alike
    """

    input: Input
    words: str
    loss: float | None
    accuracy: float
    alike: tuple[str, ...] = ()


@dataclass(frozen=True)
class Found(Record):
    """What was found of a model's input.

    rows      the best readings: first the one that is taken, then the others by their loss
    digits    training digits that each row was shown
    classes   that the model tells apart
    columns   of the scores: which is the first label's, the second's, ...
    output    "logits", "log-softmax", "softmax" or "relu"
    remarks   in words
    enough    accuracy below which no reading is right
    """

    name: str
    rows: tuple[Row, ...]
    digits: int
    classes: int
    columns: Columns
    output: str
    remarks: tuple[str, ...] = ()
    enough: float = ENOUGH

    @property
    def doubt(self) -> str | None:
        """In words, why none of the readings is right, with what was remarked; None where one is."""
        best = self.rows[0]
        if best.accuracy >= self.enough:
            return None
        why = (
            f"{self.name}: no reading of its input makes {percent(self.enough, 0)} of the training digits right; the "
            f"best, {best.words}, {percent(best.accuracy, 1)}. It is no model of these digits, or takes them in a "
            "reading that was not tried."
        )
        return " ".join([why, *(f"{remark[0].upper()}{remark[1:]}." for remark in self.remarks)])

    def taken(self) -> Input:
        """The reading to go on with. Raises ModelFileError where none is right."""
        if self.doubt:
            raise ModelFileError(self.doubt)
        return self.rows[0].input


@dataclass(frozen=True)
class _Shown:
    """A reading, and the scores that digits got in it."""

    asker: Asker
    reading: Input
    answers: Answers

    def with_more(self, images: Images) -> "_Shown":
        """The same, once it was shown these as well, behind the others."""
        if not len(images):
            return self
        return replace(self, answers=np.concatenate([self.answers, self.asker.answers(self.reading, images)]))

    def measured(self, labels: Int64Array, columns: Columns, output: str) -> tuple[float, float]:
        """Loss and accuracy."""
        with np.errstate(all="ignore"):  # what overflows is not finite, and so its loss is not
            scores = np.log(np.maximum(self.answers, LEAST)) if output == "softmax" else self.answers
            wanted = np.array(columns)[labels]
            loss = cross_entropy(scores.astype(np.float32), wanted)
        return (loss if np.isfinite(loss) else np.inf), float((self.answers.argmax(1) == wanted).mean())


def find_input(model: Unknown, images: Images, labels: Int64Array, said: str = "") -> Found:
    """Show a model training digits in every likely reading, and rank the readings by their loss.

    images   uint8 `[n, 28, 28]`; some thousands of them are shown, the same every time
    labels   int64 `[n]`, 0 and up
    said     what is known of the input, in the words of `readings.parse`; the rest is found

    An unusual reading (0..255, an image's own mean and std) is taken only where its loss is far lower. Raises
    ModelFileError where the model takes images in no layout, or tells fewer classes apart than there are, and
    UsageError where words are none.
    """
    fields = {**model.known, **parse(said)}
    chosen = np.random.default_rng(0).permutation(len(labels))[:SHOWN]
    images, labels = images[chosen], labels[chosen]
    shapes = [asker for asker in askers(model, images[:TRIED], fields) if asker.classes > labels.max()]
    if not shapes:
        raise ModelFileError(f"{model.name}: tells fewer than {labels.max() + 1} classes apart, and so many there are.")
    few = [_shown(asker, reading, images[:SCREENED]) for asker in shapes for reading in _readings(asker, fields)]
    output = kind_of(few[0].answers)
    columns = _columns(few, labels[:SCREENED], output)
    many = [one.with_more(images[SCREENED:]) for one in _best(few, labels[:SCREENED], columns, output)]
    rows = _rows(many, labels, columns, output)
    taken = next(one for one in many if one.reading == rows[0].input)
    remarks = tuple(_remarks(taken, rows, columns, output, int(labels.max()) + 1))
    enough = ENOUGH * (_within_reach(taken, labels, columns) if output == "relu" else 1)
    return Found(model.name, rows[:BEST], len(labels), taken.asker.classes, columns, output, remarks, enough)


def _within_reach(taken: _Shown, labels: Int64Array, columns: Columns) -> float:
    """The part of the digits that a network whose output a relu cuts off can answer: some of its classes may be dead.

    All of them, where most classes seem so: such a network may as well be shown digits in a wrong reading.
    """
    alive = np.isin(columns, taken.answers.argmax(axis=1))
    return float(alive[labels].mean()) if alive.mean() >= ALIVE else 1.0


def _shown(asker: Asker, reading: Input, images: Images) -> _Shown:
    return _Shown(asker, reading, asker.answers(reading, images))


def _readings(asker: Asker, said: Fields) -> Iterator[Input]:
    """The grid of likely readings in a shape, without those that contradict what is known."""
    side = asker.example.side
    fits = [None] if side == SIDE else list(FITS.values()) if side > SIDE else ["resize"]
    aspects: list[list[Fields]] = [
        [{"fit": fit} for fit in fits],
        list(SCALINGS.values()),
        [{"ink": ink} for ink in ("light", "dark")],
        [{"turned": turned} for turned in (False, True)],
    ]
    for parts in itertools.product(*(_options(aspect, said) for aspect in aspects)):
        yield replace(asker.example, **{name: value for part in parts for name, value in part.items()})


def _options(aspect: list[Fields], said: Fields) -> list[Fields]:
    """The likely values of some fields, or the one that is known."""
    known = {name: said[name] for name in aspect[0] if name in said}
    return [known] if known else aspect


def kind_of(answers: Answers | Scores) -> str:
    """What scores `[n, classes]` are: probabilities, their logarithms, numbers that a relu cut off, or plain logits."""
    if answers.min() >= 0 and np.allclose(answers.sum(axis=1), 1, atol=1e-3):
        return "softmax"
    if answers.max() <= 1e-6 and np.allclose(np.exp(answers).sum(axis=1), 1, atol=1e-3):
        return "log-softmax"
    return "relu" if answers.min() == 0 else "logits"


def _columns(few: list[_Shown], labels: Int64Array, output: str) -> Columns:
    """Which column of the scores is which label's: as they stand, unless only another order makes answers right."""
    count = int(labels.max()) + 1
    plain = tuple(range(count))
    if max(one.measured(labels, plain, output)[1] for one in few) >= ENOUGH:
        return plain
    orders = [(one, order) for one in few if (order := _order(one.answers, labels, count)) is not None]
    measured = [(*one.measured(labels, order, output), order) for one, order in orders]
    right = [(loss, order) for loss, accuracy, order in measured if accuracy >= ENOUGH]
    return min(right)[1] if right else plain


def _order(answers: Answers, labels: Int64Array, count: int) -> Columns | None:
    """The column that each label's images are mostly answered with; None where two labels share one."""
    answered = answers.argmax(axis=1)
    order = tuple(int(np.bincount(answered[labels == label], minlength=1).argmax()) for label in range(count))
    return order if len(set(order)) == count else None


def _best(few: list[_Shown], labels: Int64Array, columns: Columns, output: str) -> list[_Shown]:
    """The likeliest readings of the usual sort, and of the unusual one."""
    ranked = sorted(few, key=lambda one: one.measured(labels, columns, output)[0])
    parts = {sort: [one for one in ranked if is_unusual(one.reading) is sort] for sort in KEPT}
    return [one for sort, part in parts.items() for one in part[: KEPT[sort]]]


def _rows(many: list[_Shown], labels: Int64Array, columns: Columns, output: str) -> tuple[Row, ...]:
    """A row for each reading that answers in a way of its own, the one to take first."""
    groups: dict[bytes, list[Row]] = {}
    for one in many:
        loss, accuracy = one.measured(labels, columns, output)
        others = tuple(in_words(replace(one.reading, layout=layout)) for layout in one.asker.alike)
        row = Row(one.reading, in_words(one.reading), loss if loss < np.inf else None, accuracy, others)
        groups.setdefault(one.answers.argmax(axis=1).tobytes(), []).append(row)
    ranked = sorted(groups.values(), key=lambda rows: min(map(_loss, rows)))  # without biases, 0..1 may seem unsure
    merged = [_merged(rows) for rows in ranked]
    usual = [row for row in merged if not is_unusual(row.input)]
    if usual and _loss(merged[0]) >= FAR * _loss(usual[0]):
        merged.remove(usual[0])
        merged.insert(0, usual[0])
    return tuple(merged)


def _merged(rows: list[Row]) -> Row:
    """One row for readings that answer alike: the usual one of the lowest loss, with the names of the others."""
    first = min(rows, key=lambda row: (is_unusual(row.input), _loss(row)))
    others = [word for row in rows for word in ((row.words, *row.alike) if row is not first else row.alike)]
    return replace(first, alike=tuple(others))


def _loss(row: Row) -> float:
    return np.inf if row.loss is None else row.loss


def _remarks(taken: _Shown, rows: tuple[Row, ...], columns: Columns, output: str, count: int) -> Iterator[str]:
    """What is to be said of a model, in words."""
    if words := taken.asker.way.words:
        yield words
    if columns == tuple((label + 1) % taken.asker.classes for label in range(count)):
        yield f"its labels begin with 1: column {columns[0]} is the first"
    elif columns != tuple(range(count)):
        yield line("labels", columns=columns_words(columns))
    if taken.asker.classes > count:
        yield f"it tells {taken.asker.classes} classes apart, of which {count} were asked for"
    if output == "relu":
        yield "a relu cuts off its output: classes below 0 tie"
    answered = set(taken.answers.argmax(axis=1).tolist())
    if never := [str(label) for label, column in enumerate(columns) if column not in answered]:
        yield f"it never answers {', '.join(never)}"
    if is_unusual((lowest := min(rows, key=_loss)).input) and lowest is not rows[0]:
        yield f"{lowest.words} has a lower loss, but hardly anybody trains so"
