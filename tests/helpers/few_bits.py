"""Networks whose weights have few bits, in integers."""

import dataclasses

import numpy as np

from edgedigits.models.arithmetic import quantizing
from edgedigits.models.arithmetic.folding import fold
from edgedigits.models.arithmetic.integers import IntegerNetwork
from edgedigits.models.arithmetic.steps import Convolve, Dense
from edgedigits.records.arrays import Images
from edgedigits.records.network import Layer, Network
from edgedigits.records.ops import levels

SMALL = Network(  # what a network of 2 kB is like: few channels, depthwise convolutions, a small head
    (
        Layer.of("conv", "stem", channels=8, kernel=3, padding=1, bits=4),
        Layer.of("max_pool", "stem_pool", kernel=2),
        Layer.of("relu", "stem_act"),
        Layer.of("conv", "second", channels=16, kernel=3, padding=1, bits=4),
        Layer.of("max_pool", "second_pool", kernel=2),
        Layer.of("relu", "second_act"),
        Layer.of("conv", "depth", channels=16, kernel=3, padding=1, groups=16, bits=4),
        Layer.of("relu", "depth_act"),
        Layer.of("conv", "point", channels=24, kernel=1, bits=4),
        Layer.of("max_pool", "point_pool", kernel=2),
        Layer.of("relu", "point_act"),
        Layer.of("flatten", "flat"),
        Layer.of("dense", "head", features=10, bits=4),
    )
)


def integers(network: Network, images: Images, seed: int = 0) -> IntegerNetwork:
    """The same in integers, its values' ranges those of the images, and every weight of each layer's bits in it."""
    random = np.random.default_rng(seed)
    tensors = {name: random.normal(size=each.shape) for name, each in network.weights.items()}
    tensors |= {name: np.zeros(2) for name in tensors if name.endswith(".range")}
    tensors |= {name: np.abs(each) for name, each in tensors.items() if name.endswith(".running_var")}
    plain = Network(tuple(map(_whole, network.layers)), network.input)
    found = quantizing.quantize(fold(plain, tensors), images)
    tables, steps, bits = dict(found.tables), [], {layer.name: layer.values.get("bits") for layer in network.layers}
    for each in found.steps:
        step = each.step
        if isinstance(step, Convolve | Dense) and (most := bits[step.name]):
            wide = levels(most)
            key = f"{step.name}.weight"
            tables[key] = random.integers(-wide, wide, tables[key].shape, endpoint=True).astype(np.int8)
            step = dataclasses.replace(step, bits=most)
        steps.append(dataclasses.replace(each, step=step))
    return dataclasses.replace(found, steps=tuple(steps), tables=tables)


def _whole(layer: Layer) -> Layer:
    """The same with weights of 8 bits."""
    return dataclasses.replace(layer, attributes={k: v for k, v in layer.attributes.items() if k != "bits"})
