"""Mistakes in a model whose input was found, noticed by asking it a little more: each becomes a remark."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgedigits.models.metrics import cross_entropy
from edgedigits.records.arrays import Images, Int64Array
from edgedigits.runtime.asking import Answers, Asker, Unknown, askers
from edgedigits.runtime.finding import LEAST, SCREENED, TRIED, Found, find_input
from edgedigits.runtime.foreign import open_foreign
from edgedigits.runtime.load import Opener
from edgedigits.runtime.mistakes import Array, line, not_loaded
from edgedigits.runtime.readers.onnx import stored_floats
from edgedigits.runtime.readings import SCALINGS, Input
from edgedigits.runtime.safety.trust import read_model

FEW = SCREENED // 10  # digits that are answered once more, beside others
CHANGED = 0.02  # of the range of scores: files in 8 bits change by less with the images beside them
ROUNDING = 1e-6  # of a probability in float32
BETTER = 0.5  # of the loss: a mistake is believed where undoing it comes below
NORMALIZATIONS = ((0.1307, 0.3081), (0.5, 0.5))  # mean and std, as published loops have them
BYTES, SIGNED = SCALINGS["0..255"]["range"], SCALINGS["-1..1"]["range"]


def find_in_file(path: Path, images: Images, labels: Int64Array, said: str, opener: Opener) -> Found:
    """What the input of an ONNX file without a contract is, and the mistakes in it. Errors as those of `find_input`."""
    model = open_foreign(path, opener)
    first = find_input(model, images, labels, said)
    found = noticed(model, first, images, labels, said, stored_floats(path, read_model(path)))
    remarks = list(found.remarks)
    if (wanted := _normalization(found.rows[0].input)) and not said:
        remarks.append(line("no normalization", mean=wanted[0], std=wanted[1]))
    if len(opener.describe(path).outputs) == 1 and found.output != "softmax":
        remarks.append(line("no softmax"))
    return replace(found, remarks=tuple(remarks))


def noticed(
    model: Unknown, found: Found, images: Images, labels: Int64Array, said: str, tensors: Mapping[str, Array]
) -> Found:
    """What was found of a model, with a remark for each mistake.

    images, labels   training digits, uint8 `[n, 28, 28]` and int64 `[n]`
    said             what its input was said to be: where another reading is far better, that was a mistake
    tensors          its weights, by name, as far as they are known
    """
    reading = found.rows[0].input
    free = find_input(model, images, labels) if said else found
    wrong = _misread(reading, free.rows[0].input) if _is_far_better(free, found) else _of_reading(reading)
    chosen = np.random.default_rng(1).permutation(len(labels))[:SCREENED]
    asker = askers(model, images[:TRIED], {"layout": reading.layout, "side": reading.side})[0]
    shown = _Shown(asker, found, images[chosen], labels[chosen])
    return replace(found, remarks=(*found.remarks, *wrong, *shown.remarks(), *not_loaded(tensors)))


def _is_far_better(free: Found, found: Found) -> bool:
    loss, other = free.rows[0].loss, found.rows[0].loss
    return loss is not None and (other is None or loss < BETTER * other)


def _of_reading(reading: Input) -> Iterator[str]:
    """What is unusual in how a model is shown images; that it wants them normalized is not."""
    usual = (
        Input() if reading.range == BYTES else replace(Input(), range=reading.range, mean=reading.mean, std=reading.std)
    )
    return _misread(usual, reading)


def _misread(said: Input, right: Input) -> Iterator[str]:
    """What makes of one reading another."""
    if said.ink != right.ink:
        yield line("ink")
    if said.turned != right.turned:
        yield line("transposed")
    if said.layout != right.layout and right.layout == "nhwc":
        yield line("channels last")
    if (said.range == BYTES) != (right.range == BYTES):
        yield line("two divisions" if said.range == BYTES else "bytes")
    elif (wanted := _normalization(right)) and not _normalization(said):
        yield line("no normalization", mean=wanted[0], std=wanted[1])


def _normalization(reading: Input) -> tuple[float, float] | None:
    """The mean and std, of pixels 0..1, that a reading normalizes by; None where it does not."""
    if reading.own or reading.threshold is not None or reading.range == BYTES:
        return None
    if reading.range == SIGNED:
        return 0.5, 0.5
    return None if (reading.mean, reading.std) == (0.0, 1.0) else (reading.mean, reading.std)


class _Shown:
    """A model that was shown some digits in the reading that was taken."""

    def __init__(self, asker: Asker, found: Found, images: Images, labels: Int64Array) -> None:
        self.asker = asker
        self.found = found
        self.reading = found.rows[0].input
        self.images = images
        self.wanted = np.array(found.columns)[labels]
        self.answers = asker.answers(self.reading, images)

    def remarks(self) -> Iterator[str]:
        """What its answers say."""
        if self._changes():
            yield line("training mode")
        if self._is_flat():
            yield line("two softmaxes")
        if doubled := self._doubled():
            yield line("two normalizations", mean=doubled[0], std=doubled[1])

    def _changes(self) -> bool:
        """Whether images are answered otherwise once more, and beside others."""
        again = self.asker.answers(self.reading, self.images[:FEW])
        return bool(np.abs(again - self.answers[:FEW]).max() > CHANGED * np.ptp(self.answers))

    def _is_flat(self) -> bool:
        """Whether no probability is above what a softmax makes of probabilities: e of e + 1 + ... + 1 at most."""
        most = np.e / (np.e + self.found.classes - 1)
        return self.found.output == "softmax" and bool(self.answers.max() <= most + ROUNDING)

    def _doubled(self) -> tuple[float, float] | None:
        """The mean and std that must be undone before a model applies them; None where there are none."""
        if self.reading.own or self.reading.threshold is not None:
            return None
        plain = replace(self.reading, range=(0.0, 1.0), mean=0.0, std=1.0)
        tried = [(known, _undone(base, *known)) for known in NORMALIZATIONS for base in (self.reading, plain)]
        losses = [(self._loss(self.asker.answers(reading, self.images)), known) for known, reading in tried]
        loss, known = min(losses)
        return known if loss < BETTER * self._loss(self.answers) else None

    def _loss(self, answers: Answers) -> float:
        scores = np.log(np.maximum(answers, LEAST)) if self.found.output == "softmax" else answers
        return cross_entropy(scores.astype(np.float32), self.wanted)


def _undone(reading: Input, mean: float, std: float) -> Input:
    """A reading whose pixels become what they were, once a model normalizes them by that mean and std."""
    return replace(reading, mean=reading.mean - mean * reading.std / std, std=reading.std / std)
