"""Which of several networks the tensors belong to: each is shown training digits, and the losses tell.

The usual one stays unless another is clearly better, in loss and in accuracy: by the loss alone, a network that was
trained with relu is now and then a little surer with something else. Test images are never shown.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from edgedigits.adopt.built import as_unknown
from edgedigits.adopt.guess import Candidate
from edgedigits.records.adoption import Tried
from edgedigits.records.arrays import Images, Int64Array
from edgedigits.records.network import Network
from edgedigits.records.progress import Observer, Progress
from edgedigits.runtime.finding import ENOUGH, Found, find_input
from edgedigits.runtime.readings import parse

FEW, MANY = 80, 1_500  # digits that every candidate is shown, and those that are left
HEAVY = 10_000_000  # products for one image, above which every candidate is shown half as many
STYLES = 8  # that are tried of each geometry, where the usual one of none is any good
LEFT = 6  # candidates that are shown many digits, beside the usual one: the best of each activation first
LOWER, HIGHER = 0.9, 0.003  # a clearly better one's loss, as a part of the usual one's, and its accuracy above
FAR = 0.5  # a loss that is clear enough where the accuracy is as high at least: near 100% it cannot be much higher
UPRIGHT = ("upright", "light ink")  # what nearly all networks are shown


@dataclass(frozen=True)
class Judged:
    """A candidate, and what digits say of it in its best reading.

    rank   how unusual it is; 0 is the usual one
    """

    candidate: Candidate
    found: Found
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
    """Candidates of one file, shown the same digits.

    said   what is known of the input, in words
    """

    def __init__(self, name: str, images: Images, labels: Int64Array, said: str, observer: Observer) -> None:
        self.name = name
        self.images = images
        self.labels = labels
        self.said = said
        self.observer = observer
        self.shown = 0

    def choose(self, geometries: Sequence[Sequence[Candidate]]) -> Outcome:
        """The right one of several candidates, which come by their geometry, the usual one of each first."""
        styles = self._likely(geometries)
        everyone = [self._shown_few(candidate, rank) for rank, candidate in enumerate(styles)]
        if max(one.accuracy for one in everyone) < ENOUGH:  # perhaps transposed, or dark ink
            everyone = [self._shown_few(one.candidate, one.rank, upright=False) for one in everyone]
        judged = [self._shown_many(one) for one in left(everyone)]
        winner = pick(judged)
        rest = sorted((one for one in judged if one is not winner), key=lambda one: one.loss)
        return Outcome(winner.candidate, tuple(one.tried for one in (winner, *rest)))

    def _likely(self, geometries: Sequence[Sequence[Candidate]]) -> Sequence[Candidate]:
        """The geometry whose usual style has the lowest loss, or any style where that is useless in all."""
        if len(geometries) == 1:
            return geometries[0]
        first = [[self._shown_few(styles[0])] for styles in geometries]
        if max(one.accuracy for judged in first for one in judged) < ENOUGH:
            first = [[self._shown_few(candidate) for candidate in styles[:STYLES]] for styles in geometries]
        losses = [min(one.loss for one in judged) for judged in first]
        return next(styles for styles, loss in zip(geometries, losses, strict=True) if LOWER * loss <= min(losses))

    def _shown_few(self, candidate: Candidate, rank: int = 0, upright: bool = True) -> Judged:
        self.observer(Progress(f"{self.name}: {candidate.words}", self.shown, None))
        self.shown += 1
        known = parse(self.said)
        more = [word for word in UPRIGHT if upright and not parse(word).keys() & known.keys()]
        count = FEW // 2 if products(candidate.network) > HEAVY else FEW
        return self._judged(candidate, rank, count, ", ".join(filter(None, [self.said, *more])))

    def _shown_many(self, one: Judged) -> Judged:
        return self._judged(one.candidate, one.rank, MANY, one.found.rows[0].words)

    def _judged(self, candidate: Candidate, rank: int, count: int, said: str) -> Judged:
        model = as_unknown(self.name, candidate.network, candidate.tensors)
        return Judged(candidate, find_input(model, self.images[:count], self.labels[:count], said), rank)


def left(everyone: Sequence[Judged]) -> list[Judged]:
    """Those to be shown many digits: the usual one, the best of each activation, and what is good beside them."""
    ranked = sorted(everyone, key=lambda one: one.loss)
    styles = [(one, one.candidate.style) for one in reversed(ranked)]
    kinds = {str((style.activation, style.dense, style.last)): one for one, style in styles}
    best = [one for one in ranked if one in kinds.values()]
    chosen = [*best, *(one for one in ranked if one not in best)][:LEFT]
    usual = min(everyone, key=lambda one: one.rank)
    return [usual, *(one for one in chosen if one is not usual)]


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
