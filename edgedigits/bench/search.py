"""The search for networks that take a number of bytes: candidates at random, the better half of which goes on.

    BUDGET ──draw──> candidates ──train on `fit`, measure on `held-out`──> search.jsonl, a line a training

The first candidates of a budget may be designs of ours; the rest are drawn from a family (`models/small.py`) by a seed
that the budget and their number give, so a search that was stopped goes on with what its log lacks. Of each round the
better candidates are trained anew, longer (successive halving: Jamieson and Talwalkar 2016, arXiv:1502.07943). Training
digits alone are looked at, 5,000 of them held out.
"""

import dataclasses
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edgedigits.errors import UsageError
from edgedigits.models.presets import LIGHT, LONG
from edgedigits.models.small import Conv, convolutions, denses, pooled, products, weight_bytes
from edgedigits.records.model import ModelSpec, Recipe
from edgedigits.records.network import Network
from edgedigits.records.record import OPTIONAL, Record
from edgedigits.records.words import describe

LOG = Path(__file__).with_name("search.jsonl")
ROUNDS = ((18, 10), (3, 40))  # candidates, epochs
HELD_OUT = 1 / 12  # of the training digits
LARGE = 10_000  # digits that are held out where small differences count
FULL = 0.9  # of its budget, that a candidate takes at least
SMALL = 2_000  # a budget up to which digits are changed little, and an image takes no more than
MOST_PRODUCTS = 1_000_000  # multiply-accumulates: what a microcontroller computes in time
DRAWS = 2_000  # until a budget counts as too small
FAMILIES = ("cnn", "fc")
DESIGNS = {  # first candidates, by family and budget
    ("cnn", 2_000): (
        convolutions(4, (Conv(8, 5, 2), Conv(10), Conv(12, 3, 2), Conv(10))),
        convolutions(3, (Conv(8, 5, 2), Conv(11), Conv(13, 3, 2), Conv(11))),
        convolutions(2, (Conv(10, 5, 2), Conv(14), Conv(15, 3, 2), Conv(14))),
        convolutions(4, (Conv(8, 5, 2), Conv(10, 3, 2), Conv(10, 3, 2)), "flatten"),
        convolutions(4, (Conv(8, 3, 2), Conv(10, 3, 2), Conv(12), Conv(11))),
        convolutions(4, (Conv(6, 5, 2), Conv(8), Conv(8), Conv(12, 3, 2), Conv(10))),
        convolutions(4, (Conv(8, 5, 2), pooled(13), Conv(16))),
        convolutions(4, (pooled(8), pooled(14), pooled(10)), "flatten"),
        convolutions(4, (Conv(8, 5, 2), pooled(13), pooled(8)), "flatten"),
        convolutions(4, (pooled(8, 5), pooled(13), pooled(10)), "flatten"),
        convolutions(4, (pooled(8, 5), pooled(14), pooled(10)), "flatten"),
        convolutions(4, (pooled(6, 5), pooled(12), pooled(12)), "flatten"),
        convolutions(4, (pooled(10, 5), pooled(12), pooled(10)), "flatten"),
        convolutions(4, (pooled(6, 5), pooled(9, 5), pooled(9)), "flatten"),
    ),
    ("cnn", 5_000): (
        convolutions(4, (pooled(12, 5), pooled(22), pooled(20)), "flatten"),
        convolutions(4, (pooled(12, 5), Conv(14), pooled(18), pooled(16)), "flatten"),
        convolutions(4, (pooled(10, 5), pooled(20), Conv(16), pooled(14)), "flatten"),
        convolutions(4, (pooled(10, 5), pooled(20), Conv(16), pooled(15)), "flatten"),
        convolutions(4, (pooled(8, 5), pooled(24), Conv(16), pooled(14)), "flatten"),
    ),
    ("cnn", 8_000): (
        convolutions(4, (pooled(8, 5), pooled(24), Conv(24), pooled(24)), "flatten"),
        convolutions(4, (pooled(12, 5), pooled(26), Conv(23), pooled(20)), "flatten"),
    ),
    ("cnn", 16_000): (
        convolutions(4, (pooled(16, 5), pooled(32), Conv(40), pooled(28)), "flatten"),
        convolutions(4, (pooled(16, 5), pooled(36), Conv(36), pooled(30)), "flatten"),
    ),
    ("fc", 16_000): (
        denses(4, (96, 48, 32), halved=True),
        denses(4, (104, 56, 32), halved=True),
        denses(3, (128, 64, 48), halved=True),
        denses(2, (176, 80, 48), halved=True),
    ),
}


@dataclass(frozen=True)
class Trial(Record):
    """A candidate that was trained: one line of the log.

    recipe     in words, as `describe` says it
    held_out   accuracy on the digits held out, of its integers
    loss       mean cross-entropy on them, which tells networks apart sooner; None of early trials
    digits     so many were held out; None: 5,000
    seed       of the training; None: 0
    """

    budget: int
    family: str
    number: int
    epochs: int
    recipe: str
    network: str
    bytes: int
    products: int
    held_out: float
    seconds: float
    loss: float | None = field(default=None, metadata=OPTIONAL)
    digits: int | None = field(default=None, metadata=OPTIONAL)
    seed: int | None = field(default=None, metadata=OPTIONAL)


def candidate(budget: int, family: str, number: int) -> Network:
    """The candidate of that number. Raises UsageError where no network of the family fits."""
    designs = DESIGNS.get((family, budget), ())
    if number < len(designs):
        return designs[number]
    random_ = random.Random(f"{family} {budget} {number}")
    most = MOST_PRODUCTS if budget <= SMALL else math.inf
    for _ in range(DRAWS):
        found = _drawn(random_, family)
        if FULL * budget <= weight_bytes(found) <= budget and products(found) <= most:
            return found
    raise UsageError(f"budget: {budget:,} bytes hold no network of the family '{family}': others wanted.")


def _drawn(random_: random.Random, family: str) -> Network:
    """A network of any size."""
    bits = random_.choice((2, 3, 4))
    if family == "fc":
        halved = random_.random() < 0.5
        widths = sorted((random_.randrange(24, 161, 8) for _ in range(random_.choice((1, 2, 3)))), reverse=True)
        return denses(bits, tuple(widths), halved)
    width = random_.randrange(4, 33, 2)
    convs = [_halved(random_, width, random_.choice((3, 5)))]
    for halved in (False, True, *random_.choice(((), (False,), (False, False), (True,), (False, True)))):
        width = max(4, round(width * random_.uniform(0.7, 1.6)))
        convs.append(_halved(random_, width, 3) if halved else Conv(width, depth=random_.random() < 0.25))
    return convolutions(bits, tuple(convs), random_.choice(("mean", "flatten", "flatten")))


def _halved(random_: random.Random, width: int, kernel: int) -> Conv:
    """A convolution that leaves half as many rows and columns."""
    return random_.choice((Conv(width, kernel, 2), pooled(width, kernel)))


def search(budget: int, family: str, log: Path = LOG, recipe: Recipe | None = None) -> Iterator[Trial]:
    """Round after round, by a recipe or the usual one; yields each trial as it ends, those of the log at once."""
    if family not in FAMILIES:
        raise UsageError(f"family: {' or '.join(FAMILIES)} wanted, {family!r} given")
    recipe = recipe or (LIGHT if budget <= SMALL else LONG)
    numbers: Sequence[int] = range(ROUNDS[0][0])
    for count, epochs in ROUNDS:
        trials = []
        for number in numbers[:count]:
            trial = _known(log, budget, family, number, _words(recipe, epochs)) or _tried(
                log, budget, family, number, epochs, recipe
            )
            trials.append(trial)
            yield trial
        numbers = [trial.number for trial in sorted(trials, key=lambda each: -each.held_out)]


def read_log(log: Path = LOG) -> list[Trial]:
    """All trials so far."""
    return [Trial.from_json(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []


def _known(log: Path, *wanted: object) -> Trial | None:
    """A trial of that budget, family, number and recipe, by the seed 0."""
    trials = [each for each in read_log(log) if not each.seed]
    found = [each for each in trials if (each.budget, each.family, each.number, each.recipe) == wanted]
    return found[0] if found else None


def _words(recipe: Recipe, epochs: int) -> str:
    return describe(dataclasses.replace(recipe, epochs=epochs))


def _tried(log: Path, budget: int, family: str, number: int, epochs: int, recipe: Recipe) -> Trial:
    """Train a candidate, and write a line."""
    network = candidate(budget, family, number)
    accuracy, loss, seconds = _trained(network, dataclasses.replace(recipe, epochs=epochs, validation=HELD_OUT))
    trial = Trial(
        budget=budget,
        family=family,
        number=number,
        epochs=epochs,
        recipe=_words(recipe, epochs),
        network=network.describe(),
        bytes=weight_bytes(network),
        products=products(network),
        held_out=accuracy,
        seconds=round(seconds, 1),
        loss=round(loss, 4),
    )
    with log.open("a", encoding="utf-8", newline="\n") as file:
        file.write(trial.to_line() + "\n")
    return trial


def _trained(network: Network, recipe: Recipe) -> tuple[float, float, float]:
    """Accuracy and loss of a network's integers on the digits held out, and the seconds it took, on one thread."""
    import torch

    from edgedigits.data.dataset import hold_out
    from edgedigits.data.load import load_data
    from edgedigits.models.classifier import build_classifier
    from edgedigits.records.progress import ignore
    from edgedigits.system.environment import torch_threads
    from edgedigits.train import loop
    from edgedigits.train.device import reproducible

    learn, held = hold_out(load_data("mnist").train, recipe)
    with torch_threads(1), reproducible(recipe.seed, torch.device("cpu")):
        classifier = build_classifier(ModelSpec(network)).to(memory_format=torch.channels_last)
        epochs = loop.fit(classifier, recipe, learn, held, ignore).epochs
    accuracy, loss = epochs[-1].validation_accuracy, epochs[-1].validation_loss
    assert accuracy is not None
    assert loss is not None
    return accuracy, loss, sum(epoch.seconds for epoch in epochs)
