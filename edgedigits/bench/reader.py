"""What canvas files read and what they refuse, in `reader.json`; `make reader` measures it anew.

    a set of `pictures` ──each file──> answers ──> a Tally: right, wrong, and the rest was refused

Answers do not depend on the machine. A file is called by its name: files of one name are trainings with several seeds,
of which the shelf has the first, and `reader_seeds.json` what the others read.
"""

import dataclasses
import itertools
import statistics
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from edgedigits.bench.pictures import DIGIT, NUMBER, Labelled, Pictures
from edgedigits.data.shapes import Mask
from edgedigits.export.rejection import calibration_gaps
from edgedigits.inference.numbers import numbers_on
from edgedigits.inference.predict import open_canvas_file
from edgedigits.models.presets import PRESETS
from edgedigits.records.arrays import Uint8Array
from edgedigits.records.record import OPTIONAL, Record
from edgedigits.runtime.load import Opener
from edgedigits.runtime.predictor import CanvasPredictor
from edgedigits.system import files

FILE = Path(__file__).with_name("reader.json")
SEEDS = Path(__file__).with_name("reader_seeds.json")  # of files of the same names, from trainings with other seeds
AT_ONCE = 200  # canvases in memory


class Shares(NamedTuple):
    """What a file, or several, make of pictures: fractions of them."""

    right: float
    wrong: float
    refused: float
    calibration_error: float


@dataclass(frozen=True)
class Tally(Record):
    """How a file reads a set of pictures; what is neither right nor wrong was refused.

    show    what the pictures do: pictures.DIGIT, NOTHING or NUMBER
    right   answered with the label, or with all digits of the number
    wrong   answered otherwise, and all answers where there is nothing to read
    gaps    of all digits, refused or not, in bins of confidence: how many are right, less the sum of the confidences
    """

    group: str
    pictures: str
    show: str
    samples: int
    right: int
    wrong: int
    gaps: tuple[float, ...] = dataclasses.field(default=(), metadata=OPTIONAL)

    @property
    def refused(self) -> int:
        """Answered with "no digit"."""
        return self.samples - self.right - self.wrong

    @property
    def calibration_error(self) -> float:
        """Expected calibration error of digits, 0 to 1: of all answers, also those that were refused."""
        return sum(map(abs, self.gaps)) / self.samples

    @property
    def shares(self) -> "Shares":
        """The counts as fractions."""
        right, wrong, refused = (count / self.samples for count in (self.right, self.wrong, self.refused))
        return Shares(right, wrong, refused, self.calibration_error)


@dataclass(frozen=True)
class Reading(Record):
    """A canvas file, by its name and its SHA-256, its threshold, and how it reads each set of pictures."""

    file: str
    sha256: str
    threshold: float
    tallies: tuple[Tally, ...]

    def by_group(self) -> dict[str, Tally]:
        """The sets of a group together."""
        groups = itertools.groupby(self.tallies, key=lambda tally: tally.group)
        return {group: summed(list(tallies)) for group, tallies in groups}

    def of_groups(self, groups: Container[str]) -> "Reading":
        """The same file on the sets of some groups."""
        return dataclasses.replace(self, tallies=tuple(tally for tally in self.tallies if tally.group in groups))

    def of_group(self, group: str) -> list[Tally]:
        """The sets of a group, each for itself."""
        return [tally for tally in self.tallies if tally.group == group]


@dataclass(frozen=True)
class Readings(Record):
    """All files that were measured, on the same pictures."""

    rows: tuple[Reading, ...]


def read_readings() -> tuple[Reading, ...]:
    """What ships with the package; nothing, until it was measured once."""
    return _kept(FILE)


def read_seeds() -> tuple[Reading, ...]:
    """What other trainings read of the networks whose files ship; nothing, until one was measured."""
    return _kept(SEEDS)


def _kept(path: Path) -> tuple[Reading, ...]:
    return Readings.read(path).rows if path.exists() else ()


def by_name(readings: Iterable[Reading]) -> dict[str, list[Reading]]:
    """The trainings of each file's name."""
    found: dict[str, list[Reading]] = {}
    for reading in readings:
        found.setdefault(reading.file, []).append(reading)
    return found


def shelf_files(exports: Path) -> list[Path]:
    """The float canvas files of all presets: behind its framing, an int8 file is what it is without."""
    return [path for name in PRESETS if (path := exports / name / f"{name}.canvas.onnx").is_file()]


class Readers:
    """Canvas files, each with what it has read so far. Raises ModelFileError where one is none."""

    def __init__(self, paths: Iterable[Path]) -> None:
        opener = Opener(isolated=False)  # they are ours
        self.files = [(open_canvas_file(path, opener), path) for path in paths]
        self.tallies: list[list[Tally]] = [[] for _ in self.files]

    def read(self, pictures: Pictures) -> list[Tally]:
        """Let each file read a set of pictures, which are made once for all."""
        parts: list[list[Tally]] = [[] for _ in self.files]
        for batch in _in_batches(pictures.make()):
            for part, (predictor, _) in zip(parts, self.files, strict=True):
                part.append(_tally(predictor, pictures, batch))
        found = list(map(summed, parts))
        for tallies, tally in zip(self.tallies, found, strict=True):
            tallies.append(tally)
        return found

    def readings(self, before: Iterable[Reading] = ()) -> tuple[Reading, ...]:
        """A row a file; of one that is the same as `before`, sets that were not read now stand as they were."""
        known = {reading.sha256: reading.tallies for reading in before}
        return tuple(
            self._reading(predictor, path, tallies, known)
            for (predictor, path), tallies in zip(self.files, self.tallies, strict=True)
        )

    def _reading(
        self, predictor: CanvasPredictor, path: Path, tallies: Sequence[Tally], before: dict[str, tuple[Tally, ...]]
    ) -> Reading:
        sha256, now = files.sha256(path), {(tally.group, tally.pictures): tally for tally in tallies}
        stood = [now.pop((tally.group, tally.pictures), tally) for tally in before.get(sha256, ())]
        return Reading(path.name, sha256, predictor.contract.threshold or 0.0, (*stood, *now.values()))


def summed(tallies: Sequence[Tally]) -> Tally:
    """Several tallies of a group as one, by the name of the first."""
    by_bin = zip(*(tally.gaps for tally in tallies), strict=True)
    return dataclasses.replace(
        tallies[0],
        samples=sum(tally.samples for tally in tallies),
        right=sum(tally.right for tally in tallies),
        wrong=sum(tally.wrong for tally in tallies),
        gaps=tuple(round(sum(gaps), 3) for gaps in by_bin),
    )


def means(readings: Sequence[Reading]) -> dict[str, Shares]:
    """In each group of sets, the mean of what several files reach: those of one name."""
    return _each(readings, statistics.fmean)


def deviations(readings: Sequence[Reading]) -> dict[str, Shares]:
    """Likewise, the standard deviation among several files."""
    return _each(readings, statistics.stdev)


def _each(readings: Sequence[Reading], statistic: Callable[[Sequence[float]], float]) -> dict[str, Shares]:
    found = [{group: tally.shares for group, tally in reading.by_group().items()} for reading in readings]
    return {
        group: Shares(*map(statistic, zip(*(shares[group] for shares in found), strict=True))) for group in found[0]
    }


def _tally(predictor: CanvasPredictor, pictures: Pictures, batch: Sequence[tuple[Uint8Array, int | str]]) -> Tally:
    made, truths = zip(*batch, strict=True)
    if pictures.show == NUMBER:
        found = [numbers_on(canvas, predictor, pictures.name)[0].number for canvas in made]
        answered = np.array([number is not None for number in found])
        right = np.array(found) == np.array(truths)
        return _counted(pictures, answered, right)
    _, probabilities, _ = predictor.run(list(made))
    answered = probabilities.max(axis=1) >= (predictor.contract.threshold or 0)
    labels = np.array(truths)
    right = answered & (probabilities.argmax(axis=1) == labels)
    gaps = calibration_gaps(probabilities, labels).tolist() if pictures.show == DIGIT else ()
    return _counted(pictures, answered, right, gaps)


def _counted(pictures: Pictures, answered: Mask, right: Mask, gaps: Iterable[float] = ()) -> Tally:
    return Tally(
        group=pictures.group,
        pictures=pictures.name,
        show=pictures.show,
        samples=len(answered),
        right=int(right.sum()),
        wrong=int((answered & ~right).sum()),
        gaps=tuple(gaps),
    )


def _in_batches(labelled: Labelled) -> Iterator[list[tuple[Uint8Array, int | str]]]:
    while batch := list(itertools.islice(labelled, AT_ONCE)):
        yield batch
