"""Images written anew: what each change does, that framing is that of canvas files, and which batches come of it."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from edgedigits.data import drawn, framing
from edgedigits.data.dataset import Dataset, hold_out
from edgedigits.errors import UsageError
from edgedigits.models.presets import READER
from edgedigits.records.model import Recipe
from edgedigits.train import written
from edgedigits.train.batches import NO_DIGIT, POOL, Written, make_batches
from edgedigits.train.distributed import World
from edgedigits.train.touching import parted
from edgedigits.train.trainer import train
from edgedigits.train.written import SHEET, Pen, Writer

CPU = torch.device("cpu")
STILL = Pen(*[0.0] * len(dataclasses.fields(Pen)))  # writes what it is given
RECIPE = dataclasses.replace(READER, epochs=1, batch_size=64)


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.from_numpy(drawn.digits(50, seed=0)[0])


def write(images: torch.Tensor, seed: int = 0, **changes: float) -> torch.Tensor:
    found = Writer(seed, CPU, dataclasses.replace(STILL, **changes)).write(images)
    assert found.dtype == torch.float32
    assert found.shape == images.shape
    assert 0 <= found.min() <= found.max() <= 255
    return found


def alike(first: torch.Tensor, second: torch.Tensor) -> float:
    """The mean correlation of images with others."""
    one, other = (
        images.float().flatten(1) - images.float().flatten(1).mean(1, keepdim=True) for images in (first, second)
    )
    return float(nn_cosine(one, other).mean())


def nn_cosine(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.cosine_similarity(one, other)


def ink(images: torch.Tensor) -> float:
    return float((images > 127).float().mean())


def test_a_pen_that_changes_nothing_writes_the_same_digits(images: torch.Tensor) -> None:
    assert alike(write(images), images) > 0.8
    torch.testing.assert_close(write(images, plain=1.0), images.float())


def test_the_same_seed_writes_the_same_and_another_one_does_not(images: torch.Tensor) -> None:
    first, again, other = (Writer(seed, CPU).write(images) for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_lines_become_thinner_and_thicker(images: torch.Tensor) -> None:
    thin, same, thick = (
        ink(write(images, **{name: size})) for name, size in (("thin", 1.6), ("bend", 0.0), ("thick", 2.4))
    )
    assert thin < 0.95 * same < 1.05 * same < thick


@pytest.mark.parametrize(
    "change", ["degrees", "slant", "stretch", "bend", "uneven", "dust", "line", "noise", "coarse", "loose"]
)
def test_each_change_changes_digits_and_leaves_them_alike(change: str, images: torch.Tensor) -> None:
    size = getattr(Pen(), change)
    changed = write(images, **{change: max(size, 1.0) if change in ("dust", "line", "coarse") else size})
    assert not torch.equal(changed, write(images))
    assert alike(changed, write(images)) > 0.4


def test_framing_is_that_of_canvas_files(images: torch.Tensor) -> None:
    canvases = torch.nn.functional.pad(images[:20], (10, 18, 20, 8))
    found = written.frame(canvases.float() / 255, torch.zeros(20, 4))
    for canvas, seen in zip(canvases.numpy(), found.numpy(), strict=True):
        wanted = framing.frame(canvas).astype(int)
        best = min(np.abs(np.roll(seen, move, (0, 1)) - wanted).max() for move in np.ndindex(2, 2))
        assert best <= 2  # a tie of the centre of mass may fall to either side


def test_a_loose_frame_makes_a_digit_smaller(images: torch.Tensor) -> None:
    sheets = torch.nn.functional.pad(images, (14,) * 4).float() / 255
    heights = [
        (written.frame(sheets, torch.full((len(images), 4), loose)) > 60).any(2).sum(1).float().mean()
        for loose in (0.0, 3.0)
    ]
    assert heights[1] < 0.9 * heights[0]


def test_coarse_jpeg_rounds_and_fine_jpeg_keeps(images: torch.Tensor) -> None:
    sheets = torch.nn.functional.pad(images, (14,) * 4).float() / 255
    fine, coarse = (written.jpeg(sheets, torch.full((len(images),), step)) for step in (0.01, 80.0))
    torch.testing.assert_close(fine, sheets, atol=1e-3, rtol=0)
    assert 0.005 < (coarse - sheets).abs().mean() < 0.1
    assert sheets.shape[1] == SHEET


def test_a_pass_gives_every_image_once_with_drawn_digits_and_outliers_among_them(digits: Dataset) -> None:
    batches = make_batches(digits.train, RECIPE, CPU)
    assert isinstance(batches, Written)
    labels = torch.cat([of_batch for _, of_batch, _ in batches])
    count = len(digits.train)
    assert (labels == NO_DIGIT).sum() == round(RECIPE.outliers * count)
    pieces = len(parted(round(0.06 * count), digits.train, RECIPE.seed))
    assert pieces > 0
    assert len(labels) == round((1 + RECIPE.outliers) * count) + round(0.04 * count) + pieces
    assert len(batches.labels) - len(labels) == (POOL - 1) * batches.outliers  # those of other passes
    digits_seen = labels[labels != NO_DIGIT].sort().values
    assert torch.equal(digits_seen, batches.labels[: batches.digits].sort().values)


def test_a_pass_that_is_gone_on_with_gives_what_it_would_have_given(digits: Dataset) -> None:
    whole = list(make_batches(digits.train, RECIPE, CPU))
    rest = list(make_batches(digits.train, RECIPE, CPU).rest(2))
    assert len(rest) == len(whole) - 2
    assert all(
        torch.equal(one[0], other[0]) and torch.equal(one[1], other[1])
        for one, other in zip(whole[2:], rest, strict=True)
    )


def test_the_last_images_are_held_out_whatever_the_seed(digits: Dataset) -> None:
    for seed in (0, 1):
        learn, held = hold_out(digits.train, dataclasses.replace(RECIPE, seed=seed, validation=0.1))
        assert held is not None
        assert np.array_equal(np.concatenate([learn.images, held.images]), digits.train.images)


def test_it_learns_digits_and_that_outliers_are_none(digits: Dataset, tmp_path: Path) -> None:
    run = train("reader", digits, runs=tmp_path, epochs=6, batch_size=32)
    assert run.metrics.test_accuracy > 0.5
    assert run.recipe == dataclasses.replace(READER, epochs=6, batch_size=32, precision=run.setup().recipe.precision)


def test_classes_that_are_no_digits_are_refused(digits: Dataset, tmp_path: Path) -> None:
    shoes = dataclasses.replace(digits, labels=tuple("abcdefghij"))
    with pytest.raises(UsageError, match="no digits 0 to 9, which a recipe that writes them is for"):
        train("cnn", shoes, recipe="reader", runs=tmp_path)
    assert not list(tmp_path.iterdir())


def test_outliers_are_for_a_recipe_that_writes() -> None:
    with pytest.raises(UsageError, match="outliers"):
        Recipe(epochs=1, batch_size=1, lr=1.0, outliers=0.2)


def test_batch_norm_is_trained_in_one_process(digits: Dataset, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="reader: batch norm measures whole batches"):
        train("reader", digits, runs=tmp_path, world=World(rank=1, size=2))
