"""An IntegerNetwork in torch: the same integers as its own numpy gives, fast enough to train with.

Values are whole numbers in floats, `[batch, height, width, channels]`. Products and sums of them are exact in float32
where no sum leaves 24 bits, and in float64 where one may.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgedigits.models.arithmetic import steps
from edgedigits.models.arithmetic.integers import Counted, IntegerNetwork
from edgedigits.models.arithmetic.steps import Step

EXACT = 2**24  # up to here float32 holds every integer


class Integers(nn.Module):
    """uint8 images `[batch, 28, 28]`, on a device, to scores int32 `[batch, classes]`."""

    def __init__(self, network: IntegerNetwork, device: torch.device = torch.device("cpu")) -> None:  # noqa: B008
        super().__init__()
        self.network, self.device = network, device

    def forward(self, image: Tensor) -> Tensor:
        """The scores of images."""
        values = [image[..., None].float()]
        for each in self.network.steps:
            values.append(self.given(each, [values[read] for read in each.step.reads]))
        return values[-1].flatten(1).to(torch.int32)

    def given(self, each: Counted, inputs: list[Tensor]) -> Tensor:
        """What a step gives of what it reads."""
        step, first = each.step, inputs[0]
        match step:
            case steps.MaxPool():
                return _pooled(step, first.view(-1, *step.seen))
            case steps.Pad():
                return _framed(step, first.view(-1, *step.seen), each.zero)
            case steps.Lookup():
                return _looked_up(self._table(step, "table"), first.view(-1, *step.plane))
            case steps.Concat():
                parts = zip(self._table(step, "table"), inputs, step.channels, strict=True)
                shaped = [_looked_up(table[None], x.view(-1, *step.plane[:2], c)) for table, x, c in parts]
                return torch.cat(shaped, dim=3)
        centred = [value - zero if zero else value for value, zero in zip(inputs, each.zeros, strict=True)]
        return self._rescaled(each, self._sums(each, centred))

    def _sums(self, each: Counted, inputs: list[Tensor]) -> Tensor:
        """In float32 or float64, whichever holds them."""
        step = each.step
        wide = torch.float32 if self.network.most(each).max() < EXACT else torch.float64
        inputs = [value.to(wide) for value in inputs]
        match step:
            case steps.Convolve():
                return _convolved(step, inputs[0].view(-1, *step.seen), *self._weights(step, wide))
            case steps.Dense():
                weight, bias = self._weights(step, wide)
                return torch.addmm(bias, inputs[0].flatten(1), weight).view(-1, *step.plane)
            case steps.Average():
                return _averaged(step, inputs[0].view(-1, *step.seen))
            case steps.Add():
                addends = zip(inputs, self._table(step, "multiplier"), strict=True)
                return torch.stack([value.view(-1, *step.plane) * factor for value, factor in addends]).sum(0)
            case steps.Multiply():
                return inputs[0].view(-1, *step.plane) * (inputs[1] if step.gate else inputs[1].view(-1, *step.plane))
        raise TypeError(f"{type(step).__name__} is no kind of step")

    def _rescaled(self, each: Counted, sums: Tensor) -> Tensor:
        multiplier, shift = (torch.from_numpy(table).to(self.device) for table in self.network.scaling(each.step))
        half = torch.ones_like(shift) << (shift - 1)
        whole = ((sums.long() * multiplier + half) >> shift) + each.zero
        return whole.clamp_(each.low, each.high).to(sums.dtype if each.high < EXACT else torch.float64)

    def _table(self, step: Step, name: str) -> Tensor:
        return torch.from_numpy(self.network.table(step, name).astype("int64")).to(self.device)

    def _weights(self, step: Step, wide: torch.dtype) -> tuple[Tensor, Tensor]:
        return self._table(step, "weight").to(wide), self._table(step, "bias").to(wide)


def _framed(step: steps.Pad, value: Tensor, ground: float) -> Tensor:
    (top, left), (height, width, _) = step.corner, step.seen
    right, bottom = step.plane[1] - width - left, step.plane[0] - height - top
    return F.pad(value, (0, 0, left, right, top, bottom), value=ground)


def _windows(step: steps.Convolve | steps.MaxPool, value: Tensor, places: steps.Pair, outside: float) -> Tensor:
    """What all windows see together, channels first: padded, and cut off where no window begins."""
    spans = [d * (k - 1) + 1 for k, d in zip(step.kernel, step.dilation, strict=True)]
    needed = [s * (p - 1) + span for p, s, span in zip(places, step.stride, spans, strict=True)]
    bottom, right = (n - p - size for n, p, size in zip(needed, step.padding, step.seen[:2], strict=True))
    top, left = step.padding
    return F.pad(value.permute(0, 3, 1, 2), (left, right, top, bottom), value=outside)  # (B, C, height, width)


def _convolved(step: steps.Convolve, value: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    seen = _windows(step, value, step.places, 0.0)
    kernel = weight.permute(3, 2, 0, 1).contiguous()
    sums = F.conv2d(seen, kernel, bias, step.stride, 0, step.dilation, step.groups)
    return (F.max_pool2d(sums, step.window) if step.pool else sums).permute(0, 2, 3, 1).contiguous()


def _pooled(step: steps.MaxPool, value: Tensor) -> Tensor:
    seen = _windows(step, value, step.plane[:2], -torch.inf)
    return F.max_pool2d(seen, step.kernel, step.stride, 0, step.dilation).permute(0, 2, 3, 1).contiguous()


def _averaged(step: steps.Average, value: Tensor) -> Tensor:
    rows, columns = (list(zip(edges[::2], edges[1::2], strict=True)) for edges in (step.rows, step.columns))
    sums = [value[:, top:bottom, left:right].sum((1, 2)) for top, bottom in rows for left, right in columns]
    factors = torch.from_numpy(step.whole // step.counts)[..., None]
    return torch.stack(sums, 1).view(-1, *step.plane) * factors.to(value)


def _looked_up(table: Tensor, value: Tensor) -> Tensor:
    """Of each value what the table has, that of its channel where there is one for each."""
    channels = torch.arange(value.shape[-1], device=value.device) if len(table) > 1 else 0
    return table[channels, value.long()].to(value.dtype)
