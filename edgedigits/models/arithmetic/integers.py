"""A network in integers, and what it answers: the reference that every engine must equal in each score.

Values are uint8, and stand for `scale * (value - zero)`. What a step sums, in int32, becomes a value again by

    value = clip(floor(sum * multiplier / 2 ** shift + 1/2) + zero, low, high)

with one multiplier (16 bits) and shift a channel. Scores are such integers too, int32 and without a zero; they are the
logits in steps of `unit`, which is a power of two.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgedigits.errors import RecordError
from edgedigits.models.arithmetic import lifetimes, steps
from edgedigits.models.arithmetic.steps import KINDS, NAMES, Concat, Step, Values
from edgedigits.records.arrays import Images
from edgedigits.records.network import refused

Table = npt.NDArray[Any]
IMAGE_SIZE = 28 * 28
BATCH = 100  # images whose values are in memory at a time
MOST = 2**31 - 1  # that an int32 holds
MOST_VALUE = 255


@dataclass(frozen=True)
class Counted:
    """A step in integers.

    zeros   of the values that it reads
    zero    of what it gives
    low, high   what that is cut off at
    """

    step: Step
    zeros: tuple[int, ...]
    zero: int = 0
    low: int = 0
    high: int = MOST_VALUE

    def to_dict(self) -> dict[str, Any]:
        """As JSON types, its kind first."""
        rest = {"zeros": list(self.zeros), "zero": self.zero, "low": self.low, "high": self.high}
        return {"kind": NAMES[type(self.step)]} | self.step.to_dict() | rest

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Counted":
        """What `to_dict` gave. Raises RecordError."""
        try:
            found = dict(data)
            zeros, zero, low, high = (found.pop(name) for name in ("zeros", "zero", "low", "high"))
            return cls(
                KINDS[found.pop("kind")].from_dict(found), tuple(map(int, zeros)), int(zero), int(low), int(high)
            )
        except (KeyError, TypeError, ValueError) as error:
            raise RecordError(f"no step of a network in integers ({error})") from error


@dataclass(frozen=True)
class IntegerNetwork:
    """A network in integers: the only place where its arithmetic is decided.

    steps    in the order in which they run; the last gives the scores
    tables   "<step>.weight" int8, ".bias" int32, ".multiplier" uint16, ".shift" uint8, and ".table" uint8 `[n, 256]`
    unit     what a score of 1 is of a logit
    """

    steps: tuple[Counted, ...]
    tables: Mapping[str, Table]
    unit: float

    def __post_init__(self) -> None:
        for number in range(len(self.steps)):
            self._require_bounded(number)

    @property
    def classes(self) -> int:
        """How many scores it gives."""
        return self.steps[-1].step.size

    @property
    def products(self) -> int:
        """Multiply-accumulates of one image."""
        return sum(each.step.products for each in self.steps)

    def table(self, step: Step, name: str) -> Table:
        """A table of a step."""
        return self.tables[f"{step.name}.{name}"]

    @property
    def offsets(self) -> tuple[int, ...]:
        """Where in the scratch each value lies, from value 1 to the last but one; -1 for the scores."""
        sizes = {number: each.step.size for number, each in enumerate(self.steps[:-1], 1)}
        return (*lifetimes.offsets([each.step for each in self.steps], sizes).values(), -1)

    @property
    def scratch(self) -> int:
        """Bytes of scratch that it needs, a multiple of 4."""
        ends = [offset + each.step.size for offset, each in zip(self.offsets[:-1], self.steps, strict=False)]
        return -(-max(ends, default=1) // 4) * 4

    def scores(self, images: Images) -> npt.NDArray[np.int32]:
        """The scores `[n, classes]` of images uint8 `[n, 28, 28]`."""
        parts = [self._scores(images[start : start + BATCH]) for start in range(0, len(images), BATCH)]
        return np.concatenate(parts) if parts else np.zeros((0, self.classes), np.int32)

    def _scores(self, images: Images) -> npt.NDArray[np.int32]:
        values = [images[:, :, :, None].astype(np.float64)]
        for each in self.steps:
            values.append(self._given(each, [values[read] for read in each.step.reads]))
        return values[-1].reshape(len(images), -1).astype(np.int32)

    def _given(self, each: Counted, inputs: list[Values]) -> Values:
        """What a step gives, in whole numbers."""
        step = each.step
        match step:
            case steps.MaxPool():
                return step.largest(inputs[0].reshape(-1, *step.seen))
            case steps.Pad():
                return step.placed(inputs[0].reshape(-1, *step.seen), each.zero)
            case steps.Lookup():
                return _looked_up(self.table(step, "table"), inputs[0].reshape(-1, *step.plane))
            case steps.Concat():
                return np.concatenate(list(self._side_by_side(step, inputs)), axis=3)
        return self._rescaled(each, self._sums(each, inputs))

    def _side_by_side(self, step: Concat, inputs: list[Values]) -> Iterator[Values]:
        for table, value, channels in zip(self.table(step, "table"), inputs, step.channels, strict=True):
            yield _looked_up(table[None], value.reshape(-1, *step.plane[:2], channels))

    def _sums(self, each: Counted, inputs: list[Values]) -> Values:
        step = each.step
        centred = [value - zero for value, zero in zip(inputs, each.zeros, strict=True)]
        match step:
            case steps.Convolve() | steps.Dense():
                shaped = centred[0].reshape(-1, *step.seen) if isinstance(step, steps.Convolve) else centred[0]
                weight, bias = (self.table(step, name).astype(np.float64) for name in ("weight", "bias"))
                return step.sums(shaped, weight, bias)
            case steps.Average():
                return step.sums(centred[0].reshape(-1, *step.seen))
            case steps.Add():
                return step.sums([value.reshape(-1, *step.plane) for value in centred], self._addends(step))
            case steps.Multiply():
                return step.sums(*centred)
        raise TypeError(f"{type(step).__name__} is no kind of step")

    def _rescaled(self, each: Counted, sums: Values) -> Values:
        """Sums as values again; exact, since `sum * multiplier` stays below 2 ** 47."""
        multiplier, shift = self.scaling(each.step)
        half = np.left_shift(1, shift - 1)
        whole = (sums.astype(np.int64) * multiplier + half) >> shift
        found: Values = np.clip(whole + each.zero, each.low, each.high).astype(np.float64)
        return found

    def _addends(self, step: Step) -> list[float]:
        return [float(each) for each in self.table(step, "multiplier")]

    def scaling(self, step: Step) -> tuple[Table, Table]:
        """What a step's sums are multiplied by, and shifted by then; one a channel, or one."""
        multiplier, shift = (self.table(step, name).astype(np.int64) for name in ("multiplier", "shift"))
        return (np.ones_like(shift) if isinstance(step, steps.Add) else multiplier), shift

    def _require_bounded(self, number: int) -> None:
        """Raise UsageError where 32 bits may not hold a sum, or what it becomes."""
        each = self.steps[number]
        if isinstance(each.step, steps.MaxPool | steps.Pad | steps.Lookup | steps.Concat):
            return
        multiplier, shift = self.scaling(each.step)
        most = self.most(each)
        whole = ((most * multiplier) >> shift) + abs(each.zero) + 1
        if most.max() > MOST or whole.max() > MOST:
            raise refused(each.step.name, f"sums of up to {int(most.max()):,} do not fit in 32 bits")

    def most(self, each: Counted) -> npt.NDArray[np.int64]:
        """The largest that the absolute value of a sum, and of each of its parts, can be, by channel."""
        step = each.step
        reach = [
            max(abs(low - zero), abs(high - zero))
            for (low, high), zero in zip(map(self._range, step.reads), each.zeros, strict=True)
        ]
        match step:
            case steps.Convolve() | steps.Dense():
                weight = np.abs(self.table(step, "weight").astype(np.int64))
                bias = np.abs(self.table(step, "bias").astype(np.int64))
                most: npt.NDArray[np.int64] = bias + reach[0] * weight.reshape(-1, weight.shape[-1]).sum(axis=0)
                return most
            case steps.Average():
                return np.array([reach[0] * int((step.counts_seen * (step.whole // step.counts)).max())])
            case steps.Add():
                weights = self.table(step, "multiplier").astype(np.int64)
                half = 1 << int(self.table(step, "shift")[0])
                return np.array([int((weights * reach).sum()) + half])
        return np.array([math.prod(reach)])

    def _range(self, value: int) -> tuple[int, int]:
        """What a value can be."""
        each = self.steps[value - 1]
        kept = isinstance(each.step, steps.MaxPool | steps.Pad | steps.Lookup | steps.Concat)
        return (0, MOST_VALUE) if value == 0 or kept else (each.low, each.high)

    def plan(self) -> str:
        """Its steps as JSON, one a line; with the tables, it is the network."""
        lines = ",\n".join(json.dumps(each.to_dict(), separators=(", ", ": ")) for each in self.steps)
        return f'{{"unit": {self.unit!r}, "steps": [\n{lines}\n]}}'

    @classmethod
    def of_plan(cls, plan: str, tables: Mapping[str, Table]) -> "IntegerNetwork":
        """The network of a plan and its tables, in their shapes or flat. Raises RecordError and UsageError."""
        found, unit = read_plan(plan)
        return cls(found, _shaped(found, tables), unit)


def read_plan(plan: str) -> tuple[tuple[Counted, ...], float]:
    """The steps and the unit in a plan. Raises RecordError."""
    try:
        data = json.loads(plan)
        return tuple(map(Counted.from_dict, data["steps"])), float(data["unit"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise RecordError(f"no network in integers ({error})") from error


def _shaped(found: tuple[Counted, ...], tables: Mapping[str, Table]) -> dict[str, Table]:
    """Tables in the shapes that their steps take them in."""
    shapes: dict[str, tuple[int, ...]] = {}
    for each in found:
        step = each.step
        if isinstance(step, steps.Convolve | steps.Dense):
            shapes[f"{step.name}.weight"] = step.weights_shape
        if isinstance(step, steps.Lookup | steps.Concat):
            shapes[f"{step.name}.table"] = (-1, MOST_VALUE + 1)
    return {name: table.reshape(shapes.get(name, (-1,))) for name, table in tables.items()}


def _looked_up(table: Table, values: Values) -> Values:
    """Of each value what the table has, that of its channel where there is one for each."""
    channels = np.arange(values.shape[-1]) if len(table) > 1 else 0
    found: Values = table[channels, values.astype(np.int64)].astype(np.float64)
    return found
