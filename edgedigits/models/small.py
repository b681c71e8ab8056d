"""Networks of few bits for few bytes: a family of convolutions, one of dense layers, and what their weights take.

Strides make planes smaller, or pooling. At these sizes training spends most of its time on planes of 28 by 28, which a
stride reads once; pooled, a plane keeps what is strongest in it.
"""

import dataclasses
import math
from dataclasses import dataclass

from edgedigits.records.network import Layer, Network
from edgedigits.records.ops import row_bytes

CHANNEL_BYTES = 7  # of an output channel: bias in 4, multiplier in 2, shift in 1
SIDE = 28


@dataclass(frozen=True)
class Conv:
    """A convolution with batch norm and ReLU.

    depth    one in each channel by itself, and then one of 1 by 1
    pooled   the largest of each 2 by 2 is what batch norm sees: a quarter of the values, in training too
    """

    channels: int
    kernel: int = 3
    stride: int = 1
    depth: bool = False
    pooled: bool = False


def pooled(channels: int, kernel: int = 3) -> Conv:
    """A convolution whose plane is halved by max pooling."""
    return Conv(channels, kernel, pooled=True)


def convolutions(bits: int, convs: tuple[Conv, ...], head: str = "mean") -> Network:
    """Convolutions, then the mean of each channel ("mean") or all values ("flatten"), and a dense layer."""
    layers: list[Layer] = []
    channels = 1
    for place, conv in enumerate(convs, 1):
        if conv.depth:
            each = dataclasses.replace(conv, channels=channels, pooled=False)
            layers += _conv(f"conv{place}.each", bits, each, groups=channels)
            layers += _conv(f"conv{place}.all", bits, Conv(conv.channels, 1, pooled=conv.pooled))
        else:
            layers += _conv(f"conv{place}", bits, conv)
        channels = conv.channels
    end = Layer.of("mean", "mean", ranged=True) if head == "mean" else Layer.of("flatten", "flatten")
    return Network((*layers, end, Layer.of("dense", "head", features=10, bits=bits)))


def _conv(name: str, bits: int, conv: Conv, groups: int = 1) -> list[Layer]:
    shape = {"kernel": conv.kernel, "stride": conv.stride, "padding": conv.kernel // 2, "groups": groups}
    return [
        Layer.of("conv", f"{name}.conv", channels=conv.channels, bias=False, bits=bits, **shape),
        *([Layer.of("max_pool", f"{name}.pool", kernel=2)] if conv.pooled else []),
        Layer.of("batch_norm", f"{name}.norm"),
        Layer.of("relu", f"{name}.act"),
    ]


def denses(bits: int, widths: tuple[int, ...], halved: bool = False) -> Network:
    """Dense layers with batch norm and ReLU between them, of all pixels or (`halved`) of means of 2 by 2."""
    layers = [Layer.of("avg_pool", "halved", kernel=2, ranged=True)] if halved else []
    layers.append(Layer.of("flatten", "flatten"))
    for place, width in enumerate(widths, 1):
        layers.append(Layer.of("dense", f"dense{place}", features=width, bias=False, bits=bits))
        layers += [Layer.of("batch_norm", f"norm{place}"), Layer.of("relu", f"act{place}")]
    return Network((*layers, Layer.of("dense", "head", features=10, bits=bits)))


def weight_bytes(network: Network) -> int:
    """Bytes of weights, packed, with the bias, multiplier and shift of each output channel, as a C file has them."""
    total = 0
    for layer in network.layers:
        if layer.name + ".weight" in network.weights and "bits" in layer.values:
            outputs, *inputs = network.weights[layer.name + ".weight"].shape
            groups = 1 if layer.values.get("groups") == outputs else layer.values.get("groups", 1)
            row = row_bytes(outputs // groups, layer.values["bits"] or 8)
            total += groups * math.prod(inputs) * row + CHANNEL_BYTES * outputs
    return total


def products(network: Network) -> int:
    """Multiply-accumulates of an image: each weight as often as its layer has places."""
    total = 0
    for layer in network.layers:
        weight = network.weights.get(layer.name + ".weight")
        if weight is not None and "bits" in layer.values:
            total += math.prod(weight.shape) * math.prod(network.shapes[layer.name][1:])
    return total
