"""What canvas files read and refuse, as tables: a group or a set of pictures a row, a file a column."""

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from edgedigits.bench.pictures import DIGIT, FLAWS, FORMS, NOTHING, NUMBER
from edgedigits.bench.reader import Reading, Tally, by_name, deviations, means
from edgedigits.models.metrics import wilson

Row = Sequence[str]
Cell = Callable[[Tally], str]


@dataclass(frozen=True)
class ReaderTables:
    """Of files that were measured on the same pictures, one or more."""

    readings: Sequence[Reading]
    others: Sequence[Reading] = ()  # trainings of the same networks with other seeds

    @property
    def trainings(self) -> dict[str, list[Reading]]:
        """Of files that there are others of, by name."""
        found = by_name((*self.readings, *self.others))
        return {name: found[name] for name in by_name(self.others)}

    @property
    def training_heads(self) -> Row:
        """Above the columns of `means`."""
        heads = ((f"`{name.partition('.')[0]}` (n={len(rows)})", "wrong") for name, rows in self.trainings.items())
        return ("pictures", *itertools.chain(*heads))

    def means(self) -> list[Row]:
        """A group a row: of each network's trainings, the mean of what is right and of what is wrong."""
        columns = [_means(rows) for rows in self.trainings.values()]
        return [(group, *itertools.chain(*(column[group] for column in columns))) for group in columns[0]]

    @property
    def heads(self) -> Row:
        """Above the columns: what the rows are, and each file's model."""
        return ("pictures", *(f"`{reading.file.partition('.')[0]}`" for reading in self.readings))

    @property
    def thresholds(self) -> Row:
        """Each file's, below which it refuses."""
        return ("threshold", *(f"{reading.threshold:.2f}" for reading in self.readings))

    def right(self) -> list[Row]:
        """Of pictures that show a digit, the share answered with it."""
        return self._groups(lambda tally: _share(tally.right, tally), DIGIT)

    def wrong(self) -> list[Row]:
        """Of the same, the share answered otherwise; the rest was refused."""
        return self._groups(lambda tally: _share(tally.wrong, tally), DIGIT)

    def answered(self) -> list[Row]:
        """Of pictures without a digit, the share answered."""
        return self._groups(lambda tally: _share(tally.wrong, tally), NOTHING)

    def numbers(self) -> list[Row]:
        """Of pictures of numbers: all digits right, and any wrong without a doubt."""
        return self._groups(_both, NUMBER)

    def flaws(self) -> list[Row]:
        """A flaw a row: right and wrong."""
        return self._sets(FLAWS)

    def forms(self) -> list[Row]:
        """A form of our pen a row: right and wrong."""
        return self._sets(FORMS)

    def errors(self) -> list[Row]:
        """Of pictures that show a digit, the expected calibration error of all probabilities."""
        return self._groups(lambda tally: f"{tally.calibration_error:.3f}", DIGIT)

    def _groups(self, cell: Cell, show: str) -> list[Row]:
        groups = [reading.by_group() for reading in self.readings]
        return [
            _row(f"{group} ({tally.samples:,})", (found[group] for found in groups), cell)
            for group, tally in groups[0].items()
            if tally.show == show
        ]

    def _sets(self, group: str) -> list[Row]:
        by_set = zip(*(reading.of_group(group) for reading in self.readings), strict=True)
        return [_row(tallies[0].pictures, tallies, _both) for tallies in by_set]


def _means(trainings: Sequence[Reading]) -> dict[str, Row]:
    """In each group, the share that is right, where there is a digit, and the one that is wrong: mean and deviation."""
    found, spread, tallies = means(trainings), deviations(trainings), trainings[0].by_group()
    return {
        group: (
            "-" if tallies[group].show == NOTHING else _spread(mean.right, spread[group].right),
            _spread(mean.wrong, spread[group].wrong),
        )
        for group, mean in found.items()
    }


def _spread(mean: float, deviation: float) -> str:
    """In percent."""
    return f"{100 * mean:.1f} ± {100 * deviation:.1f}"


def _row(name: str, tallies: Iterable[Tally], cell: Cell) -> Row:
    return (name, *map(cell, tallies))


def _share(count: int, tally: Tally) -> str:
    """In percent, with its interval."""
    low, high = wilson(count, tally.samples)
    return f"{100 * count / tally.samples:.1f} ({100 * low:.1f}-{100 * high:.1f})"


def _both(tally: Tally) -> str:
    right, wrong, *_ = tally.shares
    return f"{100 * right:.1f} / {100 * wrong:.1f}"
