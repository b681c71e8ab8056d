"""Which of several networks the tensors belong to: each is shown training digits, and the losses tell.

The usual one stays unless another is clearly better, in loss and in accuracy: by the loss alone, a network that was
trained with relu is now and then a little surer with something else. Test images are never shown.
"""

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edgedigits.adopt.built import as_unknown
from edgedigits.adopt.guess import Candidate
from edgedigits.records.adoption import Tried
from edgedigits.records.arrays import Images, Int64Array
from edgedigits.records.network import Network
from edgedigits.records.progress import Observer, Progress
from edgedigits.runtime.finding import ENOUGH, Found, find_input
from edgedigits.runtime.readings import parse

FEWEST, FEW, SOME, MANY = 20, 80, 300, 1_500  # digits that all are shown, and those that are left, again and again
HEAVY = 10_000_000  # products for one image, above which the first two are halved
USUAL = 4  # styles tried of each family, one of each activation: a wrong one's loss says nothing of the family
STYLES = 8  # where none of those is any good
LEFT = 6  # candidates that are shown some digits, beside the usual one: the best of each activation first
NEAR, SLACK = 2.0, 6.0  # the most loss of those that are left, as so many of the least, and in nats of all digits more
LOWER, HIGHER = 0.9, 0.003  # a clearly better one's loss, as a part of the usual one's, and its accuracy above
FAR = 0.5  # a loss that is clear enough where the accuracy is as high at least: near 100% it cannot be much higher
UPRIGHT = ("upright", "light ink")  # what nearly all networks are shown


@dataclass(frozen=True, eq=False)
class Judged:
    """A candidate, and what digits say of it in its best reading.

    said   what was known of the reading, in words
    rank   how unusual it is; 0 is the usual one
    """

    candidate: Candidate
    found: Found
    said: str = ""
    rank: int = 0

    @property
    def loss(self) -> float:
        """Mean cross-entropy; endless where scores are not finite."""
        loss = self.found.rows[0].loss
        return float("inf") if loss is None else loss

    @property
    def accuracy(self) -> float:
        """0 to 1."""
        return self.found.rows[0].accuracy

    @property
    def tried(self) -> Tried:
        """The same for a record."""
        return Tried(self.candidate.words, self.found.rows[0].loss, self.accuracy)


@dataclass(frozen=True)
class Outcome:
    """The candidate to go on with, and all that were shown many digits: first that one."""

    winner: Candidate
    rivals: tuple[Tried, ...]


class Contest:
    """Candidates of one file, shown the same digits: a few to everyone, more to those that are near the best.

    said   what is known of the input, in words
    """

    def __init__(self, name: str, images: Images, labels: Int64Array, said: str, observer: Observer) -> None:
        self.name = name
        self.images = images
        self.labels = labels
        self.said = said
        self.observer = observer
        self.shown = 0

    def choose(self, families: Sequence[Iterable[Candidate]]) -> Outcome:
        """The right one of several candidates, which come by their way through the convolutions, the usual one of each
        first."""
        styles = list(self._likely(families))
        everyone = self._screened(styles)
        if not are_useful(everyone):  # perhaps transposed, or dark ink
            everyone = self._screened(styles, upright=False)
        judged = [self._again(one, SOME) for one in left(everyone)]
        rivals = near(judged, SOME)
        judged = [self._again(one, MANY) if one in rivals and len(rivals) > 1 else one for one in judged]
        winner = pick(judged)
        rest = sorted((one for one in judged if one is not winner), key=lambda one: one.loss)
        return Outcome(winner.candidate, tuple(one.tried for one in (winner, *rest)))

    def _likely(self, families: Sequence[Iterable[Candidate]]) -> Iterable[Candidate]:
        """The family of the lowest loss, in its best style; where none is useful, of more styles, or turned."""
        if len(families) == 1:
            return families[0]
        for count, upright in ((USUAL, True), (STYLES, True), (USUAL, False)):
            found = [self._best(family, rank, count, upright) for rank, family in enumerate(families)]
            if are_useful(found):
                break
        for before, more in itertools.pairwise((FEWEST, FEW, SOME)):
            found = near(found, before)
            if len(found) > 1:
                found = [self._again(one, more) for one in found]
        least = min(one.loss for one in found)
        return families[next(one.rank for one in found if LOWER * one.loss <= least)]

    def _best(self, family: Iterable[Candidate], rank: int, count: int, upright: bool) -> Judged:
        """The best of the first candidates of a family."""
        judged = [self._first(candidate, rank, upright) for candidate in itertools.islice(family, count)]
        return min(judged, key=lambda one: one.loss)

    def _screened(self, styles: Sequence[Candidate], upright: bool = True) -> list[Judged]:
        """The candidates that are left of all, and the best of each activation."""
        everyone = [self._first(candidate, rank, upright) for rank, candidate in enumerate(styles)]
        kept = (everyone[0], *near(everyone, FEWEST), *leaders(everyone))
        return [self._again(one, FEW) for one in everyone if one in kept]

    def _first(self, candidate: Candidate, rank: int, upright: bool) -> Judged:
        """A candidate, shown the fewest digits in all likely readings."""
        self.observer(Progress(f"{self.name}: {candidate.words}", self.shown, None))
        self.shown += 1
        known = parse(self.said)
        more = [word for word in UPRIGHT if upright and not parse(word).keys() & known.keys()]
        return self._judged(candidate, ", ".join(filter(None, [self.said, *more])), FEWEST, rank)

    def _again(self, one: Judged, count: int) -> Judged:
        """The same, shown so many digits: in the reading that was best, or in all of them while digits are few."""
        said = one.said if count <= FEW else one.found.rows[0].words
        return self._judged(one.candidate, said, count, one.rank)

    def _judged(self, candidate: Candidate, said: str, count: int, rank: int) -> Judged:
        model = as_unknown(self.name, candidate.network, candidate.tensors)
        count = count // 2 if count <= FEW and products(candidate.network) > HEAVY else count
        return Judged(candidate, find_input(model, self.images[:count], self.labels[:count], said), said, rank)


def are_useful(judged: Sequence[Judged]) -> bool:
    """Whether one of them reads digits."""
    return max(one.accuracy for one in judged) >= ENOUGH


def near(judged: Sequence[Judged], count: int) -> list[Judged]:
    """Those that may be the best, for all that so many digits say; all of them, where none is any good."""
    if not are_useful(judged):
        return list(judged)
    most = NEAR * min(one.loss for one in judged) + SLACK / count
    return [one for one in judged if one.loss <= most]


def leaders(judged: Sequence[Judged]) -> list[Judged]:
    """The best of each activation, by their loss."""
    ranked = sorted(judged, key=lambda one: one.loss)
    styles = [(one, one.candidate.style) for one in reversed(ranked)]
    kinds = {str((style.activation, style.dense, style.last)): one for one, style in styles}
    return [one for one in ranked if one in kinds.values()]


def left(everyone: Sequence[Judged]) -> list[Judged]:
    """Those to be shown some digits: the usual one, the best of each activation, and what is good beside them."""
    best = leaders(everyone)
    rest = sorted((one for one in everyone if one not in best), key=lambda one: one.loss)
    usual = min(everyone, key=lambda one: one.rank)
    return [usual, *(one for one in [*best, *rest][:LEFT] if one is not usual)]


def pick(judged: Sequence[Judged]) -> Judged:
    """The usual one, which is the first, unless others are clearly better: in loss and in accuracy.

    Of those, the accuracy decides between losses that are hardly apart, since one that is surer of everything may have
    the lower; then the more usual one. Of a network whose output is cut off by a relu, only the loss is asked: classes
    may have died in training, and without the cut they would be answered by chance.
    """
    usual = judged[0]
    better = [one for one in judged if _is_clearly_better(one, usual)]
    near = [one for one in better if LOWER * one.loss <= min(other.loss for other in better)]
    most = max((one.accuracy for one in near), default=0.0)
    return min((one for one in near if one.accuracy + HIGHER >= most), key=lambda one: one.rank, default=usual)


def _is_clearly_better(one: Judged, usual: Judged) -> bool:
    if one.loss < FAR * usual.loss and one.accuracy >= usual.accuracy:
        return True
    surely = one.accuracy > usual.accuracy + HIGHER or one.candidate.style.last
    return one.loss < LOWER * usual.loss and surely


def products(network: Network) -> int:
    """Multiplications for one image: of each weight, one for every place that it is laid on."""
    places = {layer.name: math.prod(network.shapes[layer.name][1:]) for layer in network.layers}
    weights = {name: weight for name, weight in network.weights.items() if len(weight.shape) > 1}
    return sum(math.prod(weight.shape) * places[name.rpartition(".")[0]] for name, weight in weights.items())
