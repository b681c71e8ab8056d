"""What can be trained: five networks by name, each with the recipe of its tutorial and a better one.

The published tutorials: 784-50-10 and the two-convolution network are the common PyTorch MNIST
lessons; `fc-deep` is published with a ReLU on its output, which kills classes for good, and stands
here without it. The default recipes were chosen on a held-out part of the training images.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from edgedigits.errors import unknown
from edgedigits.records.model import ModelSpec, Recipe

RECIPES = ("default", "tutorial")
DEFAULT_MODELS = ("fc", "cnn")


@dataclass(frozen=True)
class Preset:
    """A network, the two recipes to train it, and the data set of its tutorial."""

    network: str
    spec: ModelSpec
    default: Recipe
    tutorial: Recipe
    dataset: str = "mnist"


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
PRESETS: Mapping[str, Preset] = {
    "fc": Preset(
        network="784-50-10",
        spec=ModelSpec("fc", {"hidden": (50,)}),
        default=OURS,
        tutorial=Recipe(epochs=1, batch_size=64, lr=1e-3),
    ),
    "fc-28": Preset(
        network="784-28-10",
        spec=ModelSpec("fc", {"hidden": (28,)}),
        default=dataclasses.replace(OURS, lr=5e-2),
        tutorial=Recipe(epochs=5, batch_size=64, lr=1e-2),
        dataset="fashion",
    ),
    "fc-deep": Preset(
        network="784-784-500-50-10",
        spec=ModelSpec("fc", {"hidden": (784, 500, 50)}),
        default=dataclasses.replace(OURS, epochs=8, batch_size=256, lr=4e-3),
        tutorial=Recipe(epochs=50, batch_size=8192, lr=1e-3),
    ),
    "cnn": Preset(
        network="conv 8, pool, conv 16, pool, 10",
        spec=ModelSpec("cnn", {"blocks": ((8,), (16,))}),
        default=dataclasses.replace(OURS, epochs=4, batch_size=128, lr=2e-2),
        tutorial=Recipe(epochs=5, batch_size=64, lr=1e-3),
    ),
    "cnn-deep": Preset(
        network="conv 32, conv 32, pool, conv 32, pool, 100-50-10",
        spec=ModelSpec("cnn", {"blocks": ((32, 32), (32,)), "hidden": (100, 50)}, mean=0.5, std=0.5),
        default=dataclasses.replace(OURS, epochs=4, batch_size=128, lr=5e-3),
        tutorial=Recipe(epochs=10, batch_size=64, lr=1e-4, betas=(0.5, 0.999)),
    ),
}


def find_preset(name: str) -> Preset:
    """The preset of that name. Raises UsageError, with the nearest name."""
    if name not in PRESETS:
        raise unknown("model", name, PRESETS)
    return PRESETS[name]


def find_recipe(name: str, which: str = "default") -> Recipe:
    """A preset's "default" or "tutorial" recipe. Raises UsageError."""
    preset = find_preset(name)
    if which not in RECIPES:
        raise unknown("recipe", which, RECIPES)
    chosen: Recipe = getattr(preset, which)
    return chosen
