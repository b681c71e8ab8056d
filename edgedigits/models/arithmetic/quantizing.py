"""A Folded becomes an IntegerNetwork, its scales calibrated on training images.

    range     of each value from the smallest to the largest that the images give, and 0 is always in it
    weights   int8, -127 to 127, one scale an output channel
    trained   where training in few bits kept ranges and scales, these: so the integers are those that training saw
    bias      int32, in steps of the input's scale times the weights'
    scores    in steps of 2 ** -16 of a logit, or as many bits fewer as 32 bits need

Raises UsageError, by the layer's name, where 32 bits do not hold a sum, or a network ends in no sum.
"""

import math
from dataclasses import dataclass, field

import numpy as np

from edgedigits.models.arithmetic import floats, steps
from edgedigits.models.arithmetic.folding import Folded
from edgedigits.models.arithmetic.integers import MOST, MOST_VALUE, Counted, IntegerNetwork, Table
from edgedigits.models.arithmetic.steps import Step, Tensor
from edgedigits.records.arrays import Images
from edgedigits.records.network import refused
from edgedigits.records.ops import levels

LEVELS = 127  # of a weight, each way
SCORE_BITS = 16  # of a score, behind the point
BIAS_BITS = 30  # that a channel's bias may take
MULTIPLIER_BITS = 16
ADDEND_BITS = 14  # of the multiplier of what is added: two and more of them fit in 32 bits
MOST_SHIFT = 46
PRECISION = 2.0**10  # of scales: another processor's last bit in a sum must not change the file
OFF = 1e-3  # of a step, that a trained weight may lie beside a whole one: float32 rounds it
EXTREMES = (-math.inf, math.inf)


@dataclass(frozen=True)
class Scale:
    """What a uint8 value stands for: `step * (value - zero) + rest`; there is a rest in images alone."""

    step: float
    zero: int
    rest: float = 0.0

    def floats(self) -> Tensor:
        """What 0 to 255 stand for."""
        return self.step * (np.arange(MOST_VALUE + 1, dtype=np.float64) - self.zero) + self.rest

    def integers(self, numbers: Tensor) -> Table:
        """The nearest values."""
        found: Table = np.clip(np.rint(numbers / self.step) + self.zero, 0, MOST_VALUE).astype(np.uint8)
        return found

    def clip(self, clip: tuple[float, float]) -> tuple[int, int]:
        """What values are cut off at, where numbers are at `clip`."""
        low, high = np.clip(np.rint(np.array(clip) / self.step) + self.zero, 0, MOST_VALUE)
        return int(low), int(high)


@dataclass
class Quantizing:
    """The steps so far in integers; scales are those of all values but the scores."""

    folded: Folded
    scales: list[Scale]
    found: list[Counted] = field(default_factory=list)
    tables: dict[str, Table] = field(default_factory=dict)
    unit: float = 2.0**-SCORE_BITS

    def inputs(self, step: Step) -> list[Scale]:
        """The scales of what a step reads."""
        return [self.scales[read] for read in step.reads]

    def keep(self, step: Step, **tables: Table) -> None:
        """Tables of a step."""
        self.tables |= {f"{step.name}.{name}": table for name, table in tables.items()}


def quantize(folded: Folded, images: Images) -> IntegerNetwork:
    """The network in integers, calibrated on training images uint8 `[n, 28, 28]`. Raises UsageError."""
    work = Quantizing(folded, scales_of(folded, images))
    for number in range(len(folded.steps)):
        _add(work, number, scores=number == len(folded.steps) - 1)
    return IntegerNetwork(tuple(work.found), work.tables, work.unit)


def scales_of(folded: Folded, images: Images) -> list[Scale]:
    """What each value stands for: the image, and what each step gives but for the scores, which have a unit instead."""
    ranges = _ranges(folded, images)
    scales = [_image_scale(folded)]
    for number, step in enumerate(folded.steps[:-1]):
        scales.append(scales[step.reads[0]] if keeps_scale(step) else scale_of(*ranges[number]))
    return scales


def keeps_scale(step: Step) -> bool:
    """Whether its values are some of those that it reads."""
    return isinstance(step, steps.MaxPool | steps.Pad)


def _ranges(folded: Folded, images: Images) -> dict[int, tuple[float, float]]:
    """The range of each step by its number: that which training kept, else that which the images give."""
    names = {number: step.name for number, step in enumerate(folded.steps)}
    trained = {number: folded.trained[name].range for number, name in names.items() if name in folded.trained}
    found = {number: (low, high) for number, (low, high) in trained.items() if low < high}  # else it kept none
    needed = {number for number, step in enumerate(folded.steps[:-1]) if not keeps_scale(step)}
    return found if needed <= found.keys() else dict(enumerate(calibrated(folded, images))) | found


def calibrated(folded: Folded, images: Images) -> list[tuple[float, float]]:
    """The smallest and the largest number that each step gives of any image."""
    seen = [
        [(float(value.min()), float(value.max())) for value in values[1:]]
        for values in floats.each_batch(folded, images)
    ]
    extremes = np.array(seen)  # (batches, steps, 2)
    return list(zip(extremes[..., 0].min(axis=0), extremes[..., 1].max(axis=0), strict=True))


def _image_scale(folded: Folded) -> Scale:
    """Pixels are such integers from the start."""
    zero = round(-folded.offset / folded.scale)
    return Scale(folded.scale, zero, folded.offset + folded.scale * zero)


def scale_of(smallest: float, largest: float) -> Scale:
    """That of values from the smallest to the largest; 0 is always one of them."""
    low, high = min(smallest, 0.0), max(largest, 0.0)
    step = _rounded((high - low) / MOST_VALUE) or 1.0
    return Scale(step, round(-low / step))


def _rounded(scale: float) -> float:
    """A scale with as many bits as PRECISION, rounded up: the largest value must fit."""
    mantissa, exponent = math.frexp(scale)
    return math.ldexp(math.ceil(mantissa * PRECISION) / PRECISION, exponent)


def _add(work: Quantizing, number: int, scores: bool) -> None:
    """One step more, in integers."""
    step, inputs = work.folded.steps[number], work.inputs(work.folded.steps[number])
    zeros = tuple(each.zero for each in inputs)
    match step:
        case steps.Convolve() | steps.Dense():
            parts = _weigh(work, step, inputs[0])
        case steps.Average():
            parts = np.array([inputs[0].step / step.whole])
        case steps.Multiply():
            parts = np.array([math.prod(each.step for each in inputs)])
        case steps.Add():
            parts = np.array([each.step for each in inputs])
        case _:
            return _choose(work, number, scores)
    clip = work.folded.clips[number]
    if not scores:
        scale = work.scales[number + 1]
        _rescale(work, step, parts / scale.step)
        work.found.append(Counted(step, zeros, scale.zero, *scale.clip(clip)))
        return None
    work.unit = _unit(work, step, parts)
    _rescale(work, step, parts / work.unit)
    low, high = np.clip(np.array(clip) / work.unit, -MOST, MOST)
    work.found.append(Counted(step, zeros, 0, round(low), round(high)))
    return None


def _choose(work: Quantizing, number: int, scores: bool) -> None:
    """A step that sums nothing: its values are chosen among those that it reads, or looked up."""
    step, inputs = work.folded.steps[number], work.inputs(work.folded.steps[number])
    if scores:
        raise refused(step.name, "is the last layer and sums nothing: a network whose scores it gives has no form here")
    scale = work.scales[number + 1]
    if isinstance(step, steps.Pad) and not 0 <= scale.zero <= MOST_VALUE:
        raise refused(step.name, "pads with 0, which is no pixel's value")
    if isinstance(step, steps.Lookup):
        given = step.apply(np.repeat(inputs[0].floats()[:, None], step.plane[2] if step.channels else 1, axis=1))
        work.keep(step, table=scale.integers(given.T))
    if isinstance(step, steps.Concat):
        work.keep(step, table=np.stack([scale.integers(each.floats()) for each in inputs]))
    work.found.append(Counted(step, tuple(each.zero for each in inputs), scale.zero))


def _weigh(work: Quantizing, step: Step, seen: Scale) -> Tensor:
    """Weights and bias in integers, and what a sum of 1 stands for, by channel."""
    weight, bias = work.folded.weights[f"{step.name}.weight"], work.folded.weights[f"{step.name}.bias"]
    others = tuple(range(weight.ndim - 1))
    bias = bias + seen.rest * weight.sum(axis=others)
    # A channel of zeros would leave no scale, and its bias no room: so many of its steps must hold it.
    least = np.maximum(np.abs(bias) / (seen.step * 2.0**BIAS_BITS), np.finfo(np.float32).tiny)
    scales = _scales(work, step, weight, least)
    units: Tensor = seen.step * scales
    whole = np.rint(weight / scales).astype(np.int8)
    work.keep(step, weight=whole, bias=np.rint(bias / units).astype(np.int32))
    return units


def _scales(work: Quantizing, step: Step, weight: Tensor, least: Tensor) -> Tensor:
    """What a step of each channel's weights is: as it was trained, else so that the largest is one of LEVELS."""
    assert isinstance(step, steps.Convolve | steps.Dense)
    others = tuple(range(weight.ndim - 1))
    trained = work.folded.trained.get(step.name)
    if step.bits is None or trained is None or trained.scales is None:
        largest: Tensor = np.maximum(np.abs(weight).max(axis=others) / LEVELS, least)
        return largest
    # Training leaves channels that are their bias and hardly more: there, what is seen of the weights is rounded anew.
    own = (np.abs(weight).max(axis=others) > 0) & (trained.scales >= least)
    scales: Tensor = np.where(own, trained.scales, least)
    parts = weight / scales
    beside = np.abs(parts - np.rint(parts))[..., own].max(initial=0.0)
    if beside > OFF or np.abs(np.rint(parts)).max() > levels(step.bits):
        raise refused(step.name, f"its weights are not of {step.bits} bits: whole multiples of its scale wanted")
    return scales


def _unit(work: Quantizing, step: Step, parts: Tensor) -> float:
    """The step of the scores: 2 ** -SCORE_BITS, or the next that leaves them room in 32 bits."""
    most = float((parts * _most(work, step)).max())
    bits = min(SCORE_BITS, 30 - max(0, math.frexp(most)[1]))
    return 2.0**-bits


def _most(work: Quantizing, step: Step) -> Tensor:
    """No sum is larger, by channel."""
    reach = [max(abs(each.zero), abs(MOST_VALUE - each.zero)) for each in work.inputs(step)]
    match step:
        case steps.Convolve() | steps.Dense():
            weight, bias = (work.tables[f"{step.name}.{name}"].astype(np.float64) for name in ("weight", "bias"))
            most: Tensor = np.abs(bias) + reach[0] * np.abs(weight).reshape(-1, weight.shape[-1]).sum(axis=0)
            return most
        case steps.Average():
            return np.array([float(reach[0] * step.whole * step.counts_seen.max() / step.counts.min())])
        case steps.Add():
            return np.array(reach, np.float64)
    return np.array([float(math.prod(reach))])


def _rescale(work: Quantizing, step: Step, factors: Tensor) -> None:
    """Multipliers and shifts for sums times `factors`."""
    if isinstance(step, steps.Add):
        exponent = math.frexp(float(factors.max()))[1]
        shift = min(ADDEND_BITS - exponent, 20)
        _require_shift(step.name, shift)
        whole = np.rint(factors * 2.0**shift)
        work.keep(step, multiplier=whole.astype(np.uint16), shift=np.array([shift], np.uint8))
        return
    pairs = [fixed_point(step.name, float(factor)) for factor in factors]
    multipliers, shifts = zip(*pairs, strict=True)
    work.keep(step, multiplier=np.array(multipliers, np.uint16), shift=np.array(shifts, np.uint8))


def fixed_point(name: str, factor: float) -> tuple[int, int]:
    """A factor as multiplier / 2 ** shift. Raises UsageError, by a layer's name, where it is too large for that."""
    mantissa, exponent = math.frexp(factor)
    multiplier, shift = round(mantissa * 2**MULTIPLIER_BITS), MULTIPLIER_BITS - exponent
    if multiplier == 2**MULTIPLIER_BITS:
        multiplier, shift = multiplier // 2, shift - 1
    if shift > MOST_SHIFT:
        multiplier, shift = multiplier >> min(shift - MOST_SHIFT, 63), MOST_SHIFT
    _require_shift(name, shift)
    return multiplier, shift


def _require_shift(name: str, shift: int) -> None:
    if shift < 1:
        raise refused(name, "its values are so much finer than their sums that 32 bits do not hold these")
