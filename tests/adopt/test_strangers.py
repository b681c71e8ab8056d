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
from tests.helpers import few

STEPS, MORE = 60, {"global mean": 200}  # of training: less sure, it would read black and white as well


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


def pair() -> dict[str, nn.Module]:
    return {"hidden": nn.Linear(784, 24), "out": nn.Linear(24, 10)}


def functions() -> nn.Module:
    """What runs is defined in forward itself, and called several times."""

    def forward(net: Any, x: Tensor) -> Tensor:
        def block(x: Tensor, conv: nn.Module) -> Tensor:
            return F.leaky_relu(conv(x), 0.1)

        for conv in (net.stem, net.conv):
            x = block(x, conv)
        return net.head(torch.flatten(x, 1))

    return Forward(forward, stem=stem(), conv=conv(), head=head())


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
    "three channels": lambda: nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU(), nn.Flatten(), head()),
    "32x32": lambda: nn.Sequential(
        nn.Conv2d(1, 4, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4 * 14 * 14, 10)
    ),
    "half precision": lambda: dense(nn.ReLU()),
    "one image a call": lambda: Forward(
        lambda net, x: F.softmax(net.out(net.hidden(x.view(-1)).sigmoid()), 0), **pair()
    ),
    "one image of planes": lambda: Forward(
        lambda net, x: net.head(F.max_pool2d(F.relu(net.stem(x)), 1).flatten()), stem=stem(), head=head()
    ),
    "a batch of one": lambda: Forward(
        lambda net, x: net.head(F.relu(net.norm(net.stem(x))).view(1, -1)),
        stem=stem(),
        norm=nn.BatchNorm2d(4),
        head=head(),
    ),
    "one image and no list": lambda: Forward(
        lambda net, x: net.out(F.layer_norm(net.hidden(x.flatten()), [24]).relu()), **pair()
    ),
    "global mean": lambda: nn.Sequential(
        stem(), nn.ReLU(), nn.Conv2d(4, 32, 5, 2), nn.ReLU(), Forward(lambda _, x: x.mean((2, 3))), nn.Linear(32, 10)
    ),
    "functions inside forward": functions,
    "Lightning": lambda: Forward(
        lambda net, x: net.net(x), net=dense(nn.ReLU()), criterion=nn.CrossEntropyLoss(), test=nn.Identity()
    ),
    "layer norm": lambda: dense(nn.LayerNorm(24), nn.ReLU()),
    "group norm": lambda: image(nn.GroupNorm(2, 4), nn.ReLU()),
}


ALONE = {  # what one image is
    "one image a call": (1, 28, 28),
    "one image of planes": (1, 28, 28),
    "a batch of one": (1, 1, 28, 28),
    "one image and no list": (1, 28, 28),
}


FEW = (
    "batch norm before relu",
    "depthwise",
    "gelu",
    "log_softmax",
    "residual",
    "a tuple",
    "three channels",
    "half precision",
    "one image a call",
    "functions inside forward",
)


def learned(name: str, images: Tensor, labels: Tensor) -> nn.Module:
    """A network that has learnt the drawn digits."""
    torch.manual_seed(0)
    module = STRANGERS[name]()
    optimizer = torch.optim.Adam(module.parameters(), 1e-2)
    for _, part in itertools.product(range(MORE.get(name, STEPS) // 2), (slice(0, None, 2), slice(1, None, 2))):
        optimizer.zero_grad()
        F.cross_entropy(scores(name, module, images[part]), labels[part]).backward()
        optimizer.step()
    return (module.half() if name == "half precision" else module).eval()


def scores(name: str, module: nn.Module, images: Tensor) -> Tensor:
    """What a module answers in its own way: float32 `[n, 10]`."""
    if name in ALONE:
        return torch.stack([module(image.view(ALONE[name])).view(-1) for image in images])
    found: Any = module(images.to(next(module.parameters()).dtype))
    first: Tensor = found[0] if isinstance(found, tuple) else found
    return first.float()


def shown(name: str, images: Any) -> Tensor:
    """Images uint8 `[n, 28, 28]` as a network takes them."""
    found = torch.from_numpy(images)[:, None] / 255
    if name == "32x32":
        found = F.pad(found, (2, 2, 2, 2))
    if name == "three channels":
        found = found.expand(-1, 3, -1, -1)
    return found.flatten(1) if name == "flat" else found


@pytest.mark.lengthy
@pytest.mark.parametrize("name", few(STRANGERS, FEW))
def test_a_strangers_network_is_adopted_exported_and_proven(name: str, digits: Dataset, tmp_path: Path) -> None:
    images = shown(name, digits.train.images)
    module = learned(name, images, torch.from_numpy(digits.train.labels))
    run = adopt(module, name="theirs", dataset=digits, runs=tmp_path / "runs")
    (file,) = export(run, "onnx", dataset=digits, exports=tmp_path / "exports")
    with torch.inference_mode():
        wanted = scores(name, module, images).argmax(1).numpy()
    assert (load(file.path)(digits.train.images)[0].argmax(1) == wanted).all()
