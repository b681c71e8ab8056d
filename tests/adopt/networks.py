"""Networks as strangers write them; classes of a module, so that they can be pickled whole."""

import torch
from torch import nn


class Small(nn.Module):
    """Convolution, batch norm, leaky relu, average pooling, a dense layer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 3, 3, padding=1)
        self.bn = nn.BatchNorm2d(3)
        self.act = nn.LeakyReLU(0.2)
        self.pool = nn.AvgPool2d(4)
        self.fc = nn.Linear(3 * 7 * 7, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        hidden = self.pool(self.act(self.bn(self.conv(images))))
        return torch.log_softmax(self.fc(hidden.flatten(1)), dim=1)


class Wrapped(nn.Module):
    """A network inside another under a name that is none of its own, as Lightning's modules have it."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.model(images)  # type: ignore[no-any-return]


class Trainer:
    """No module: it holds one, with what training needs."""

    def __init__(self, model: nn.Module) -> None:
        self.epoch = 3
        self.model = model


def small() -> Small:
    """The same weights every time, with batch norm that has seen something."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = Small()
        model(torch.rand(8, 1, 28, 28))
    return model.eval()
