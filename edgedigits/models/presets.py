"""What can be trained: networks by name, five with the recipe of their tutorial and a better one, two that read more,
and six that hold the records of their sizes.

The published tutorials: 784-50-10 and the two-convolution network are the common PyTorch MNIST
lessons; `fc-deep` is published with a ReLU on its output, which kills classes for good, and stands
here without it. The default recipes, and the long ones that are slower and better, were chosen on a held-out part of
the training images.

The networks of records have weights of few bits (`models/small.py`), and take a given number of bytes in a C file. Such
networks are compared on a held-out part of the training images (`bench/search.py`).

A network is a list of layers (`records/network.py`). A new preset is a row here; a plug-in adds one by an entry point
in the group `edgedigits.presets` (`edgedigits/system/plugins.py`).
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from edgedigits.errors import UsageError, unknown
from edgedigits.models.small import Conv, convolutions, denses, pooled
from edgedigits.records.model import ModelSpec, Recipe
from edgedigits.records.network import Input, Layer, Network
from edgedigits.system.plugins import Registry

RECIPES = ("default", "long", "reader", "tutorial")
DEFAULT_MODELS = ("fc", "cnn")


@dataclass(frozen=True)
class Preset:
    """A network, the recipes to train it, and the data set of its tutorial.

    network   its layers, in a few words
    tutorial  as published; None where it is none of a tutorial's
    long      takes longer than the default one, and reaches more; None where there is none
    """

    network: str
    spec: ModelSpec
    default: Recipe
    tutorial: Recipe | None = None
    dataset: str = "mnist"
    long: Recipe | None = None

    @property
    def recipes(self) -> Mapping[str, Recipe]:
        """Its recipes by name, of RECIPES; that of the readers every network has."""
        found = {"default": self.default, "long": self.long, "reader": self._reader, "tutorial": self.tutorial}
        return {name: recipe for name, recipe in found.items() if recipe is not None}

    @property
    def _reader(self) -> Recipe:
        return self.default if self.default.written else READER


OURS = Recipe(
    epochs=12,
    batch_size=512,
    lr=3e-2,
    optimizer="adamw",
    weight_decay=1e-2,
    schedule="one-cycle",
    shift=1,
    precision="auto",
    validation=0.05,
)
MUON = dataclasses.replace(OURS, optimizer="muon", lr=0.3)  # what AdamW reaches, in half to two thirds of the epochs
READER = Recipe(
    epochs=20,
    batch_size=256,
    lr=1e-2,
    optimizer="adamw",
    weight_decay=1e-2,
    schedule="one-cycle",
    precision="auto",
    validation=0.05,
    written=True,
    outliers=0.5,
)
FC = (
    Layer.of("flatten", "flatten"),
    Layer.of("dense", "layers.0", features=50),
    Layer.of("relu", "layers.1"),
    Layer.of("dense", "layers.2", features=10),
)
FC_28 = (
    Layer.of("flatten", "flatten"),
    Layer.of("dense", "layers.0", features=28),
    Layer.of("relu", "layers.1"),
    Layer.of("dense", "layers.2", features=10),
)
FC_DEEP = (
    Layer.of("flatten", "flatten"),
    Layer.of("dense", "layers.0", features=784),
    Layer.of("relu", "layers.1"),
    Layer.of("dense", "layers.2", features=500),
    Layer.of("relu", "layers.3"),
    Layer.of("dense", "layers.4", features=50),
    Layer.of("relu", "layers.5"),
    Layer.of("dense", "layers.6", features=10),
)
# Pooling before ReLU is the same function as after it, since ReLU is monotonic, over a quarter of the values: 1.3 times
# faster to train.
CNN = (
    Layer.of("conv", "features.0", channels=8, kernel=3, padding=1),
    Layer.of("max_pool", "features.1", kernel=2),
    Layer.of("relu", "features.2"),
    Layer.of("conv", "features.3", channels=16, kernel=3, padding=1),
    Layer.of("max_pool", "features.4", kernel=2),
    Layer.of("relu", "features.5"),
    Layer.of("flatten", "flatten"),
    Layer.of("dense", "head.0", features=10),
)
CNN_DEEP = (
    Layer.of("conv", "features.0", channels=32, kernel=3, padding=1),
    Layer.of("relu", "features.1"),
    Layer.of("conv", "features.2", channels=32, kernel=3, padding=1),
    Layer.of("max_pool", "features.3", kernel=2),
    Layer.of("relu", "features.4"),
    Layer.of("conv", "features.5", channels=32, kernel=3, padding=1),
    Layer.of("max_pool", "features.6", kernel=2),
    Layer.of("relu", "features.7"),
    Layer.of("flatten", "flatten"),
    Layer.of("dense", "head.0", features=100),
    Layer.of("relu", "head.1"),
    Layer.of("dense", "head.2", features=50),
    Layer.of("relu", "head.3"),
    Layer.of("dense", "head.4", features=10),
)


def _convolution(number: int, channels: int, kernel: int = 3, pooled: bool = False) -> tuple[Layer, ...]:
    """A convolution that keeps the size, batch norm and ReLU; pooled before them, over a quarter of the values."""
    name = f"features.{number}"
    return (
        Layer.of("conv", f"{name}.conv", channels=channels, kernel=kernel, padding=kernel // 2),
        *((Layer.of("max_pool", f"{name}.pool", kernel=2),) if pooled else ()),
        Layer.of("batch_norm", f"{name}.norm"),
        Layer.of("relu", f"{name}.relu"),
    )


HEAD = (Layer.of("flatten", "flatten"), Layer.of("dense", "head", features=10))
READER_NET = (
    *_convolution(0, 16, kernel=5, pooled=True),
    *_convolution(1, 32),
    *_convolution(2, 32, pooled=True),
    *_convolution(3, 32, pooled=True),
    *HEAD,
)
READER_DEEP = (
    *_convolution(0, 32, kernel=5, pooled=True),
    *_convolution(1, 48),
    *_convolution(2, 64, pooled=True),
    *_convolution(3, 96, pooled=True),
    *HEAD,
)
PRESETS: Mapping[str, Preset] = {
    "fc": Preset(
        network="784-50-10",
        spec=ModelSpec(Network(FC)),
        default=dataclasses.replace(MUON, epochs=6, batch_size=1280),
        tutorial=Recipe(epochs=1, batch_size=64, lr=1e-3),
        long=dataclasses.replace(MUON, batch_size=1024),
    ),
    "fc-28": Preset(
        network="784-28-10",
        spec=ModelSpec(Network(FC_28)),
        default=dataclasses.replace(MUON, epochs=8, batch_size=1024),
        tutorial=Recipe(epochs=5, batch_size=64, lr=1e-2),
        dataset="fashion",
    ),
    "fc-deep": Preset(
        network="784-784-500-50-10",
        spec=ModelSpec(Network(FC_DEEP)),
        default=dataclasses.replace(OURS, epochs=9, batch_size=768, lr=6e-3),
        tutorial=Recipe(epochs=50, batch_size=8192, lr=1e-3),
    ),
    "cnn": Preset(
        network="conv 8, pool, conv 16, pool, 10",
        spec=ModelSpec(Network(CNN)),
        default=dataclasses.replace(MUON, epochs=3, batch_size=320, lr=0.2),
        tutorial=Recipe(epochs=5, batch_size=64, lr=1e-3),
    ),
    "cnn-deep": Preset(
        network="conv 32, conv 32, pool, conv 32, pool, 100-50-10",
        spec=ModelSpec(Network(CNN_DEEP, Input(mean=0.5, std=0.5))),
        default=dataclasses.replace(MUON, epochs=3, batch_size=384, lr=0.1),
        tutorial=Recipe(epochs=10, batch_size=64, lr=1e-4, betas=(0.5, 0.999)),
    ),
    "reader": Preset(
        network="conv 16, pool, conv 32, conv 32, pool, conv 32, pool, 10",
        spec=ModelSpec(Network(READER_NET)),
        default=READER,
    ),
    "reader-deep": Preset(
        network="conv 32, pool, conv 48, conv 64, pool, conv 96, pool, 10",
        spec=ModelSpec(Network(READER_DEEP)),
        default=dataclasses.replace(READER, epochs=14),
    ),
}
LONG = Recipe(  # of the networks of few bits, but for their epochs
    epochs=100,
    batch_size=200,
    lr=1e-2,
    optimizer="adamw",
    weight_decay=1e-2,
    schedule="one-cycle",
    shift=2,
    rotate=10.0,
    zoom=0.1,
    shear=0.1,
    bend=1.0,
)
SMALL_STEPS = dataclasses.replace(LONG, batch_size=100)  # better for 5 kB alone, on held-out digits
LIGHT = dataclasses.replace(LONG, shift=1, rotate=5.0, zoom=0.05, shear=None, bend=None)  # 2 kB hold no more than that


def _record(words: str, network: Network, epochs: int, recipe: Recipe = LONG) -> Preset:
    """As many epochs as take less than 20 minutes on one core, `cnn-best` 90."""
    bits = min(layer.values["bits"] for layer in network.layers if "bits" in layer.values)
    default = dataclasses.replace(recipe, epochs=epochs)
    return Preset(network=f"{words}, weights of {bits} bits", spec=ModelSpec(network), default=default)


CNN_2K = pooled(8, 5), pooled(14), pooled(10)
CNN_5K = pooled(8, 5), pooled(24), Conv(16), pooled(14)
CNN_8K = pooled(12, 5), pooled(26), Conv(23), pooled(20)
CNN_16K = pooled(16, 5), pooled(32), Conv(40), pooled(28)
CNN_BEST = pooled(32, 5), Conv(48), pooled(64), pooled(96)
RECORDS: Mapping[str, Preset] = {
    "cnn-2k": _record("convs 8, 14, 10", convolutions(4, CNN_2K, "flatten"), 88, LIGHT),
    "cnn-5k": _record("convs 8, 24, 16, 14", convolutions(4, CNN_5K, "flatten"), 70, SMALL_STEPS),
    "cnn-8k": _record("convs 12, 26, 23, 20", convolutions(4, CNN_8K, "flatten"), 54),
    "cnn-16k": _record("convs 16, 32, 40, 28", convolutions(4, CNN_16K, "flatten"), 40),
    "fc-best": _record("means of 2 by 2, 96-48-32-10", denses(4, (96, 48, 32), halved=True), 320),
    "cnn-best": _record("convs 32, 48, 64, 96", convolutions(8, CNN_BEST, "flatten"), 44),
}
ALL = Registry("preset", {**PRESETS, **RECORDS}, Preset)  # ours, and those of plug-ins


def find_preset(name: str) -> Preset:
    """The preset of that name. Raises UsageError, with the nearest name; MissingCapability of a broken plug-in."""
    if name in (ours := {**PRESETS, **RECORDS}):
        return ours[name]
    if name not in ALL:
        raise unknown("model", name, ALL.names)
    return ALL[name]


def find_recipe(name: str, which: str = "default") -> Recipe:
    """A preset's recipe by that name, of RECIPES. Raises UsageError, also where this preset has none by that name."""
    recipes = find_preset(name).recipes
    if which not in RECIPES:
        raise unknown("recipe", which, RECIPES)
    if which not in recipes:
        raise UsageError(f"model {name}: has no recipe '{which}', only {', '.join(recipes)}.")
    return recipes[which]
