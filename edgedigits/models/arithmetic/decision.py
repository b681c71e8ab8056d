"""When the largest of a network's scores is no answer, in whole numbers: a probability that is below a threshold.

The largest of the probabilities, a softmax of logits divided by a temperature, is 1 / (sum of exp((logit - largest) /
temperature)). Here the exponentials are powers of 1/2, of which 1 is ONE; between STEPS of an exponent they are linear,
in PARTS of a step, which is right to 3 in 100,000.

    place   floor((largest - score) * multiplier / 2 ** shift): the exponent, in parts of a step
    power   POWERS[step] * PARTS - (POWERS[step] - POWERS[step + 1]) * part
    sum     ONE, and of all other scores the power, shifted right by the whole exponent

Where the sum is above the limit, there is no digit.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgedigits.models.arithmetic.quantizing import fixed_point
from edgedigits.records.record import require

STEPS, PARTS = 64, 256
ONE = 2**23
BITS = 24  # of an exponent, from which on a power is 0
POWERS: npt.NDArray[np.uint16] = np.rint(ONE / PARTS * 2.0 ** (-np.arange(STEPS + 1) / STEPS)).astype(np.uint16)
MOST_LIMIT = 2**32 - 1 - ONE  # that one power more does not leave 32 bits
NONE = -1  # the label of what is no digit


@dataclass(frozen=True)
class Decision:
    """What is compared: `multiplier` and `shift` make exponents of scores; above the `limit` a sum is refused."""

    multiplier: int
    shift: int
    limit: int

    def __post_init__(self) -> None:
        require(0 < self.multiplier < 2**16, "multiplier", "16 bits", self.multiplier)
        require(0 < self.shift < 64, "shift", "1 to 63", self.shift)
        require(ONE <= self.limit <= MOST_LIMIT, "limit", f"{ONE} or more, in 32 bits,", self.limit)

    @classmethod
    def of(cls, unit: float, temperature: float, threshold: float) -> "Decision":
        """That of a contract, for scores in steps of `unit`. Raises UsageError where these are too coarse."""
        multiplier, shift = fixed_point("scores", unit / temperature * math.log2(math.e) * STEPS * PARTS)
        return cls(multiplier, shift, min(MOST_LIMIT, math.floor(ONE / threshold)) if threshold else MOST_LIMIT)

    def labels(self, scores: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """The labels `[n]` of scores `[n, classes]`: the first that has the largest, or NONE."""
        whole = scores.astype(np.int64)
        best = whole.argmax(axis=1)
        places = ((whole.max(axis=1, keepdims=True) - whole) * self.multiplier) >> self.shift
        exponents, rests = np.divmod(places, STEPS * PARTS)
        steps, parts = np.divmod(rests, PARTS)
        high, low = POWERS[steps].astype(np.int64), POWERS[steps + 1].astype(np.int64)
        powers = (high * PARTS - (high - low) * parts) >> np.minimum(exponents, BITS)
        powers[np.arange(len(best)), best] = ONE
        found: npt.NDArray[np.int32] = np.where(powers.sum(axis=1) <= self.limit, best, NONE).astype(np.int32)
        return found
