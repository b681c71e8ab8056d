"""What a training is shown: a split, in random batches, each image once a pass and changed as the recipe says."""

import dataclasses
import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from edgedigits.data.dataset import Split
from edgedigits.records.model import Recipe
from edgedigits.train import augmentation, outliers, touching
from edgedigits.train.distributed import ALONE, World
from edgedigits.train.thinning import thinned
from edgedigits.train.written import Pen, Writer

NO_DIGIT = -1  # the label of what is none
NATIONAL = 0.04  # of the images, as many digits of our pen in the forms that other countries write
PARTED = 0.06  # as many that were cut from a neighbour
POOL = 4  # passes that the outliers are enough for, until some are seen again


def make_batches(split: Split, recipe: Recipe, device: torch.device, world: World = ALONE) -> "Batches":
    """The batches that a recipe asks for."""
    return (Written if recipe.written else Batches)(split, recipe, device, world)


class Batches:
    """A split on a device, in random batches: each pass over it gives every image once, augmented as the recipe says.

    A pass is shuffled and shifted as a whole, so that a batch is a slice of it. Several processes draw
    the same batches, and each gives its share of them, with the weight of the share's mean loss in the
    batch's (`World.share`): 1 in a process alone.
    """

    def __init__(self, split: Split, recipe: Recipe, device: torch.device, world: World = ALONE) -> None:
        self.padded = nn.functional.pad(torch.from_numpy(split.images).to(device), (recipe.shift,) * 4)
        self.labels = torch.from_numpy(split.labels).to(device)
        self.recipe = recipe
        self.generator = torch.Generator().manual_seed(recipe.seed)
        self.begun = self.generator.get_state()  # at the beginning of the pass
        self.world = world

    def __len__(self) -> int:
        return math.ceil(len(self.labels) / self.recipe.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, float]]:
        return self.rest(0)

    def rest(self, done: int) -> Iterator[tuple[Tensor, Tensor, float]]:
        """The next pass, without so many batches of it as are done."""
        count, size = len(self.labels), self.recipe.batch_size
        order = torch.randperm(count, generator=self.generator).to(self.labels.device)
        images, labels = augmentation.shifted(self.padded, order, self.recipe.shift), self.labels[order]
        warps = augmentation.draw_warps(self.recipe, count, self.generator, self.labels.device)
        for start in range(done * size, count, size):
            mine, weight = self.world.share(start, min(start + size, count))
            batch = images[mine] if warps is None else augmentation.warped(images[mine], warps.of(mine))
            yield batch, labels[mine], weight  # (B, 28, 28), (B,)
        self.begun = self.generator.get_state()


class Written(Batches):
    """The same, as people write: each image is written anew (`written.py`), among digits of our pen, digits cut from
    a neighbour, and outliers.

    An image may be its skeleton, as the thinnest pen leaves it. Every batch has a generator of its own, so that a
    training that is gone on with draws what it would have drawn.
    """

    def __init__(
        self,
        split: Split,
        recipe: Recipe,
        device: torch.device,
        world: World = ALONE,
        pen: Pen = Pen(),  # noqa: B008 - it is frozen
    ) -> None:
        drawn = outliers.national(round(NATIONAL * len(split)), recipe.seed)
        pieces = touching.parted(round(PARTED * len(split)), split, recipe.seed)
        self.digits = len(split) + len(drawn) + len(pieces)  # of a pass
        self.outliers = round((recipe.outliers or 0) * len(split))
        others = outliers.make(POOL * self.outliers, split, recipe.seed)
        everything = _joined(split, drawn, pieces, Split(others, np.full(len(others), NO_DIGIT)))
        super().__init__(everything, dataclasses.replace(recipe, shift=0), device, world)
        self.thin = torch.from_numpy(thinned(everything.images)).to(device)  # all: else a thin line says "a digit"
        self.pen = pen

    def __len__(self) -> int:
        return math.ceil((self.digits + self.outliers) / self.recipe.batch_size)

    def rest(self, done: int) -> Iterator[tuple[Tensor, Tensor, float]]:
        """The next pass, without so many batches of it as are done: all digits, and outliers taken at random."""
        count, size = self.digits + self.outliers, self.recipe.batch_size
        taken = self.digits + torch.randperm(len(self.labels) - self.digits, generator=self.generator)
        seen = torch.cat([torch.arange(self.digits), taken[: self.outliers]])
        order = seen[torch.randperm(count, generator=self.generator)].to(self.labels.device)
        first = int(torch.randint(2**62, (), generator=self.generator))
        for start in range(done * size, count, size):
            mine, weight = self.world.share(0, min(size, count - start))
            chosen = order[start : start + size]
            yield self._written(chosen, first + start)[mine], self.labels[chosen[mine]], weight
        self.begun = self.generator.get_state()

    def _written(self, chosen: Tensor, seed: int) -> Tensor:
        """The images of a whole batch: several processes write all of it, and take their shares."""
        writer = Writer(seed, self.labels.device, self.pen)
        thin = torch.rand(len(chosen), generator=writer.generator).to(chosen.device) < self.pen.thinned
        images = torch.where(thin[:, None, None], self.thin[chosen], self.padded[chosen])
        return writer.write(images)


def _joined(*splits: Split) -> Split:
    """One split after the other."""
    return Split(np.concatenate([each.images for each in splits]), np.concatenate([each.labels for each in splits]))
