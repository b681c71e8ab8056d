"""Networks as strangers write them: adopted with nothing said of their input, exported, and proven against their own
forward, which torch runs in its own way."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgedigits.adopt.adopter import adopt
from edgedigits.data.dataset import Dataset
from edgedigits.export.exporter import export
from edgedigits.runtime.load import load

STEPS = 60


class Forward(nn.Module):
    """Layers by name, and a function that says what runs when."""

    def __init__(self, forward: Callable[[Any, Tensor], Any], **layers: nn.Module) -> None:
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)
        self._forward = forward

    def forward(self, x: Tensor) -> Any:
        return self._forward(self, x)


def image(*layers: nn.Module, width: int = 4 * 14 * 14) -> nn.Sequential:
    """A convolution of stride 2, some layers, and a dense one."""
    return nn.Sequential(nn.Conv2d(1, 4, 3, 2, 1), *layers, nn.Flatten(), nn.Linear(width, 10))


def conv(**options: Any) -> nn.Conv2d:
    return nn.Conv2d(4, 4, 3, padding=options.pop("padding", 1), **options)


def dense(*behind: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 24), *behind, nn.Linear(24, 10))


def head() -> nn.Linear:
    return nn.Linear(784, 10)


def stem() -> nn.Conv2d:
    return nn.Conv2d(1, 4, 3, 2, 1)


STRANGERS: dict[str, Callable[[], nn.Module]] = {
    "batch norm before relu": lambda: image(nn.BatchNorm2d(4), nn.ReLU()),
    "batch norm behind relu": lambda: image(nn.ReLU(), nn.BatchNorm2d(4)),
    "batch norm of a vector": lambda: dense(nn.BatchNorm1d(24), nn.ReLU()),
    "depthwise": lambda: image(nn.ReLU(), conv(groups=4), nn.Conv2d(4, 4, 1), nn.ReLU6()),
    "dilation": lambda: image(nn.ReLU(), conv(dilation=2, padding=2), nn.ReLU()),
    "groups": lambda: image(nn.ReLU(), conv(groups=2), nn.ReLU()),
    "prelu": lambda: image(nn.PReLU(4)),
    "gelu": lambda: dense(nn.GELU()),
    "silu": lambda: dense(nn.SiLU()),
    "hardswish": lambda: image(nn.Hardswish()),
    "tanh": lambda: dense(nn.Tanh()),
    "no biases": lambda: nn.Sequential(
        nn.Flatten(), nn.Linear(784, 24, bias=False), nn.ReLU(), nn.Linear(24, 10, bias=False)
    ),
    "adaptive average pool": lambda: image(nn.ReLU(), nn.AdaptiveAvgPool2d(7), width=4 * 7 * 7),
    "log_softmax": lambda: dense(nn.ReLU(), nn.Linear(24, 24), nn.LogSoftmax(1)),
    "softmax": lambda: nn.Sequential(dense(nn.ReLU()), nn.Softmax(1)),
    "padding of its own": lambda: nn.Sequential(
        nn.ZeroPad2d(2), nn.Conv2d(1, 4, 5, 4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 7 * 7, 10)
    ),
    "residual": lambda: Forward(
        lambda net, x: net.head((net.conv(F.relu(net.stem(x))) + F.relu(net.stem(x))).flatten(1)),
        stem=stem(),
        conv=conv(),
        head=head(),
    ),
    "shared layers": lambda: Forward(
        lambda net, x: net.head(F.relu(net.conv(F.relu(net.conv(net.stem(x))))).flatten(1)),
        stem=stem(),
        conv=conv(),
        head=head(),
    ),
    "concat": lambda: Forward(
        lambda net, x: net.head(torch.cat([net.left(x), net.right(x)], 1).relu().flatten(1)),
        left=nn.Conv2d(1, 2, 3, 2, 1),
        right=nn.Conv2d(1, 2, 5, 2, 2),
        head=head(),
    ),
    "constants in forward": lambda: Forward(
        lambda net, x: net.inner(x * 2 - 1), inner=dense(nn.BatchNorm1d(24), nn.ReLU())
    ),
    "a tuple": lambda: Forward(lambda net, x: (net.inner(x), x), inner=dense(nn.ReLU())),
    "nested": lambda: Forward(lambda net, x: net.model(x), model=nn.Sequential(nn.Sequential(dense(nn.ReLU())))),
    "flat": lambda: nn.Sequential(nn.Linear(784, 24), nn.ReLU(), nn.Linear(24, 10)),
    "layer norm": lambda: dense(nn.LayerNorm(24), nn.ReLU()),
    "group norm": lambda: image(nn.GroupNorm(2, 4), nn.ReLU()),
}


def learned(name: str, images: Tensor, labels: Tensor) -> nn.Module:
    """A network that has learnt the drawn digits."""
    torch.manual_seed(0)
    module = STRANGERS[name]()
    optimizer = torch.optim.Adam(module.parameters(), 1e-2)
    for _, part in itertools.product(range(STEPS // 2), (slice(0, None, 2), slice(1, None, 2))):
        optimizer.zero_grad()
        F.cross_entropy(scores(module, images[part]), labels[part]).backward()
        optimizer.step()
    return module.eval()


def scores(module: nn.Module, images: Tensor) -> Tensor:
    found: Any = module(images)
    first: Tensor = found[0] if isinstance(found, tuple) else found
    return first


@pytest.mark.parametrize("name", STRANGERS)
def test_a_strangers_network_is_adopted_exported_and_proven(name: str, digits: Dataset, tmp_path: Path) -> None:
    shape = (-1, 784) if name == "flat" else (-1, 1, 28, 28)
    images = torch.from_numpy(digits.train.images).reshape(shape) / 255
    module = learned(name, images, torch.from_numpy(digits.train.labels))
    run = adopt(module, name="theirs", dataset=digits, runs=tmp_path / "runs")
    (file,) = export(run, "onnx", dataset=digits, exports=tmp_path / "exports")
    with torch.inference_mode():
        wanted = scores(module, images).argmax(1).numpy()
    assert (load(file.path)(digits.train.images)[0].argmax(1) == wanted).all()
