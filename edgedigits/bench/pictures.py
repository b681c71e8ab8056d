"""The pictures that canvas files are measured with (`reader.py`): digits as people write them, and what is no digit.

    MNIST's test digits, pasted · other people's pictures · training digits with flaws · forms of our own pen
    blank pages with flaws · noise and scribbles · letters, marks and pairs of digits · Fashion-MNIST
    numbers made of test digits, apart and touching

Nothing is chosen on any of them but the flaws and what our pen writes. Other people's pictures are in no repository of
ours, so that whoever has some names their folder.
"""

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from edgedigits.data import canvases, flaws, handwriting, pen
from edgedigits.data.dataset import Split
from edgedigits.data.images import read_picture
from edgedigits.data.load import load_data
from edgedigits.data.numbers import write_numbers
from edgedigits.errors import DataError
from edgedigits.records.arrays import Uint8Array

STRANGERS, FLAWS, FORMS = "other people's pictures", "digits with a flaw", "digits of our pen"  # groups
LABELS = "labels.csv"  # in each folder of pictures: file, label
FLAWED = 1000  # training digits, the last ones, that show each flaw: no recipe of a reader learns from them
WRITTEN = 300  # canvases of each form of a digit
OTHERS = 1000  # canvases of each kind that shows no digit
BLANK = 50  # pages with each flaw
SEED = 1  # thresholds are chosen with 0 (`export/rejection.py`)
NUMBERS = 600  # pictures of numbers of each kind, on plain, ruled and boxed paper in turn
TOUCHING = 0.2  # of the neighbours in numbers of the second kind
NO_DIGIT = -1
DIGIT, NOTHING, NUMBER = "a digit", "nothing", "a number"  # what a picture shows

Labelled = Iterator[tuple[Uint8Array, int | str]]  # canvases, each with its label, an index, or NO_DIGIT; or a number


@dataclass(frozen=True)
class Pictures:
    """A set of pictures.

    group   of sets that are summed up in one row of a table
    make    gives them, the same each time
    show    DIGIT, NOTHING or NUMBER, all of them
    """

    group: str
    name: str
    make: Callable[[], Labelled]
    show: str = DIGIT


def sets(strangers: Path | None = None, data_dir: Path | None = None) -> list[Pictures]:
    """All sets of pictures; with the folder of strangers' pictures, these too.

    Raises DataError where MNIST or Fashion-MNIST cannot be had, or a folder has no pictures.
    """
    mnist, fashion = (load_data(name, data_dir) for name in ("mnist", "fashion"))
    found = [Pictures("MNIST's test digits, pasted", "all", partial(_pasted, mnist.test))]
    if strangers:
        found.append(Pictures(STRANGERS, "all", partial(_strangers, _tables(strangers))))
    return [*found, *flawed(mnist.train), *forms(), *blanks(), *others(mnist.train, fashion.test), *numbers(mnist.test)]


def flawed(train: Split) -> list[Pictures]:
    """The last FLAWED of the training digits, with each flaw."""
    last = Split(train.images[-FLAWED:], train.labels[-FLAWED:])
    return [Pictures(FLAWS, name, partial(_flawed, name, last)) for name in flaws.names()]


def forms() -> list[Pictures]:
    """The forms that some countries give digits, by our pen."""
    return [Pictures(FORMS, name, partial(_form, name)) for name in pen.FORMS]


def blanks() -> list[Pictures]:
    """Blank pages with each flaw that a blank page can have."""
    return [Pictures("blank pages with a flaw", name, partial(_blank, name), NOTHING) for name in flaws.BLANK]


def others(train: Split, fashion: Split) -> list[Pictures]:
    """What is no digit, or more than one."""
    kinds: dict[str, Callable[[], Iterable[Uint8Array]]] = {
        **{kind: partial(_of_kind, kind) for kind in canvases.KINDS},
        "letters of our pen": partial(handwriting.written, pen.LETTERS.values(), OTHERS, SEED),
        "marks of our pen": partial(handwriting.written, pen.MARKS.values(), OTHERS, SEED),
        "signs of our pen, never learnt": partial(handwriting.written, pen.SIGNS.values(), OTHERS, SEED),
        "two digits": partial(handwriting.pairs, train.images[-FLAWED:], SEED),
        "Fashion-MNIST, pasted": partial(map, canvases.paste, fashion.images),
    }
    return [Pictures(kind, "all", partial(_no_digits, make), NOTHING) for kind, make in kinds.items()]


def numbers(test: Split) -> list[Pictures]:
    """Numbers of 2 to 6 test digits, apart, and some of them touching."""
    kinds = {"numbers, digits apart": 0.0, f"numbers, {TOUCHING:.0%} of neighbours touch": TOUCHING}
    return [Pictures(kind, "all", partial(_numbers, test, touching), NUMBER) for kind, touching in kinds.items()]


def _pasted(split: Split) -> Labelled:
    return zip(map(canvases.paste, split.images), split.labels.tolist(), strict=True)


def _flawed(name: str, split: Split) -> Labelled:
    return zip(flaws.flawed(name, split.images), split.labels.tolist(), strict=True)


def _form(name: str) -> Labelled:
    form = pen.FORMS[name]
    return ((canvas, form.label) for canvas in handwriting.written([form.shape], WRITTEN, SEED))


def _blank(name: str) -> Labelled:
    return ((canvas, NO_DIGIT) for canvas in flaws.blank(name, BLANK))


def _of_kind(kind: str) -> Iterable[Uint8Array]:
    rng = np.random.default_rng(SEED)
    return (canvases.KINDS[kind](rng, canvases.LARGEST) for _ in range(OTHERS))


def _no_digits(make: Callable[[], Iterable[Uint8Array]]) -> Labelled:
    return ((canvas, NO_DIGIT) for canvas in make())


def _numbers(split: Split, touching: float) -> Labelled:
    made = write_numbers(split.images, split.labels, NUMBERS, SEED, touching)
    return ((each.canvas, each.text) for each in made)


def _tables(folder: Path) -> list[Path]:
    if found := sorted(folder.glob(f"*/{LABELS}")):
        return found
    raise DataError(f"{folder}: no folder with pictures and their {LABELS} here.")


def _strangers(tables: list[Path]) -> Labelled:
    for table in tables:
        with table.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                yield read_picture(str(table.with_name(row["file"]))).canvas, int(row["label"])
