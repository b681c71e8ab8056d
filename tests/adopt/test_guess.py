"""What modules in a file tell of the layers between those with weights, and what is said where they do not tell."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from edgedigits.adopt.adopted import NoReading
from edgedigits.adopt.adopter import adopt
from edgedigits.adopt.guess import candidates
from edgedigits.adopt.skeleton import skeleton
from edgedigits.adopt.weights import Weights, read_weights
from edgedigits.data.dataset import Dataset


class Named(nn.Module):
    """Two activations that are modules, which say not where they stand: all that runs is in forward."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 5)
        self.fc1, self.fc2 = nn.Linear(4 * 12 * 12, 16), nn.Linear(16, 10)
        self.relu, self.tanh, self.pool = nn.ReLU(), nn.Tanh(), nn.MaxPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.relu(self.conv(x))).flatten(1)
        scores: Tensor = self.fc2(self.tanh(self.fc1(x)))
        return scores


class Block(nn.Module):
    """A residual block."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1, groups=2, bias=False)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.norm(self.conv(x)))


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, stride=2, padding=1)
        self.blocks = nn.Sequential(Block(4), Block(4))
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(4 * 7 * 7, 10)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.fc(self.pool(self.blocks(self.stem(x))).flatten(1))
        return scores


def mixed() -> nn.Module:
    convs = (nn.Conv2d(1, 4, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 5), nn.LeakyReLU(0.2), nn.MaxPool2d(2))
    return nn.Sequential(*convs, nn.Flatten(), nn.Linear(6 * 16, 16), nn.Tanh(), nn.Linear(16, 10))


def saved(module: nn.Module, folder: Path) -> Path:
    torch.save(module, folder / "model.pt")
    return folder / "model.pt"


def weights(module: nn.Module, folder: Path) -> Weights:
    return read_weights(saved(module, folder))


MIXED: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "in their places": (
        mixed,
        "0, relu, max pool 2, 3, leaky relu, max pool 2, flatten, 7, tanh, 9",
    ),
    "by name alone": (Named, "conv, relu, max pool 2, flatten, fc1, tanh, fc2"),
}


@pytest.mark.parametrize("name", MIXED)
def test_several_activations_are_told_by_modules(name: str, tmp_path: Path) -> None:
    network, words = MIXED[name]
    styles = [one.words for one in candidates(weights(network(), tmp_path))[0]]
    assert words in styles
    if name == "in their places":
        assert styles[0] == words
        assert not any("sigmoid" in style for style in styles)


def test_where_they_stand_is_found_by_digits(digits: Dataset, tmp_path: Path) -> None:
    torch.manual_seed(0)
    module, images = Named(), torch.from_numpy(digits.train.images)[:, None] / 255
    optimizer = torch.optim.Adam(module.parameters(), 1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(module(images), torch.from_numpy(digits.train.labels)).backward()
        optimizer.step()
    run = adopt(saved(module, tmp_path), said="0..1, nchw, upright, light ink", dataset=digits, runs=tmp_path)
    assert run.adopted is not None
    assert run.adopted.layers == MIXED["by name alone"][1]


def test_a_class_to_fill_in_has_what_the_modules_say(tmp_path: Path) -> None:
    source = skeleton(weights(Residual(), tmp_path)).partition("\n")[2]
    compile(source, "net.py", "exec")
    assert "        self.stem = nn.Conv2d(1, 4, 3, stride=2, padding=1)\n" in source
    assert "nn.Conv2d(4, 4, 3, padding=1, groups=2, bias=False)" in source
    assert "        self.pool = nn.MaxPool2d(kernel_size=2, stride=2)\n" in source
    space: dict[str, type[nn.Module]] = {}
    exec(source, space)
    assert space["Net"]().state_dict().keys() == Residual().state_dict().keys()


def test_of_blocks_of_their_own_it_is_said_that_their_forward_is_not_known(digits: Dataset, tmp_path: Path) -> None:
    torch.manual_seed(0)
    with pytest.raises(NoReading) as refused:
        adopt(saved(Residual(), tmp_path), said="0..1, nchw, upright", dataset=digits, runs=tmp_path / "runs")
    message = str(refused.value)
    assert "Its layers were guessed: what the forward of Residual, Block does is not read from a file." in message
    assert "--net net.py:Net" in message
    assert not (tmp_path / "runs").exists()
