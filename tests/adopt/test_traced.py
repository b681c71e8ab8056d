"""Modules as strangers write them: their layers are found, one to one, and answer as the module does."""

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgedigits.adopt.aten import WORDS
from edgedigits.adopt.listing import NoRow
from edgedigits.adopt.traced import Traced, read_module
from edgedigits.errors import BadInput
from edgedigits.models.network import Walk
from edgedigits.models.presets import PRESETS
from edgedigits.records.network import Input
from tests.helpers.networks import RESIDUAL


class Functional(nn.Module):
    """The tutorial's: layers in __init__, everything else in forward."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, kernel_size=5)
        self.conv2 = nn.Conv2d(4, 6, kernel_size=5)
        self.conv2_drop = nn.Dropout2d()
        self.fc1 = nn.Linear(96, 20)
        self.fc2 = nn.Linear(20, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2_drop(self.conv2(x)), 2))
        x = x.view(-1, 96)
        x = F.relu(self.fc1(x))
        x = F.dropout(x, training=self.training)
        return F.log_softmax(self.fc2(x), dim=-1)


class Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += self.downsample(x)
        return self.relu(out)


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer1 = nn.Sequential(Block(1, 4, 2), Block(4, 4, 1))
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(4, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(torch.flatten(self.avgpool(self.layer1(x)), 1))


class Depthwise(nn.Module):
    """Depthwise convolutions, a gate over channels, and `same` padding of an even kernel."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 6, 4, padding="same"), nn.BatchNorm2d(6), nn.Hardswish())
        self.depth = nn.Conv2d(6, 6, 3, stride=2, padding=1, groups=6)
        self.squeeze = nn.Conv2d(6, 2, 1)
        self.excite = nn.Conv2d(2, 6, 1)
        self.point = nn.Conv2d(6, 8, 1, padding="valid")
        self.act = nn.ReLU6()
        self.head = nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.depth(self.stem(x)))
        gate = F.adaptive_avg_pool2d(x, 1)
        gate = F.hardsigmoid(self.excite(F.relu(self.squeeze(gate))))
        x = self.act(self.point(x * gate))
        return self.head(x.mean([2, 3]))


class Shared(nn.Module):
    """One convolution twice, constants by the way, two branches joined, half of torch's activations."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 3, 3, padding=1)
        self.again = nn.Conv2d(3, 3, 3, padding=1)
        self.slope = nn.PReLU(3)
        self.register_buffer("mean", torch.tensor([0.1, 0.2, 0.3]).view(3, 1, 1))
        self.out = nn.Linear(6 * 4, 10, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = (x - 0.1307) / 0.3081
        x = self.slope(self.first(x)) - self.mean
        x = F.silu(self.again(x)) + F.gelu(self.again(F.elu(x, 0.5)), approximate="tanh")
        left = F.avg_pool2d(F.pad(x, (1, 1, 0, 0)), 7, stride=(14, 15), count_include_pad=False)
        right = F.max_pool2d(F.pad(x, (2, 2, 2, 2), mode="reflect"), 3, 16, ceil_mode=True)
        x = torch.cat((1 - left, -right), dim=1)
        return F.softmax(self.out(x.flatten(1)), 1)


class Bare(nn.Module):
    """No modules at all."""

    def __init__(self) -> None:
        super().__init__()
        self.w1 = nn.Parameter(torch.randn(784, 12) / 28)
        self.b1 = nn.Parameter(torch.randn(12))
        self.w2 = nn.Parameter(torch.randn(10, 12))

    def forward(self, x: Tensor) -> Tensor:
        hidden = (x.reshape(x.shape[0], -1) @ self.w1 + self.b1).clamp(min=0)
        return hidden.matmul(self.w2.t())


class Modified(nn.Module):
    """What is changed in place and read again, a leaf with a name inside another's, and weights that are computed."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.utils.parametrizations.weight_norm(nn.Linear(784, 8))
        self.relu = nn.Linear(8, 10)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.body(x.squeeze(1).flatten(1))
        F.relu_(hidden)
        hidden = hidden + torch.tanh(hidden)
        return self.relu(hidden), hidden


class Colored(nn.Module):
    """Made for pictures in color, three times the same, and for channels at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 5, stride=4)
        self.fc = nn.Linear(4 * 6 * 6, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = x.permute(0, 3, 1, 2)
        x = self.conv(x.repeat(1, 3, 1, 1)) + self.conv(x.expand(-1, 3, -1, -1))
        return self.fc(torch.relu_(x).flatten(start_dim=1))


def lenet() -> nn.Module:
    features = (nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 8, 5), nn.Sigmoid(), nn.AvgPool2d(2))
    return nn.Sequential(*features, nn.Flatten(), nn.Linear(200, 20), nn.LeakyReLU(0.2), nn.Linear(20, 10))


def flat() -> nn.Module:
    hidden = (nn.Linear(784, 9), nn.BatchNorm1d(9, affine=False), nn.ReLU(), nn.Dropout(0.2))
    return nn.Sequential(*hidden, nn.Linear(9, 10), nn.Softmax(dim=1))


def nested() -> nn.Module:
    inner = nn.ModuleDict({"net": nn.Sequential(nn.Flatten(), nn.Linear(784, 10))})
    outer = nn.Module()
    outer.model = inner
    outer.forward = lambda x: inner["net"](x)  # type: ignore[method-assign, assignment]
    return outer


MODULES: dict[str, tuple[Callable[[], nn.Module], Input, str]] = {  # the layers that are found, in a line
    "functional": (
        Functional,
        Input(),
        "conv1 max_pool2d relu conv2 conv2_drop max_pool2d_1 relu_1 view fc1 relu_2 dropout fc2 log_softmax",
    ),
    "residual": (
        Residual,
        Input(),
        "layer1.0.conv1 layer1.0.bn1 layer1.0.relu layer1.0.conv2 layer1.0.bn2 layer1.0.downsample.0 "
        "layer1.0.downsample.1 add_ relu__1 layer1.1.conv1 layer1.1.bn1 layer1.1.relu layer1.1.conv2 layer1.1.bn2 "
        "layer1.1.downsample.0 layer1.1.downsample.1 add__1 relu__3 avgpool flatten fc",
    ),
    "depthwise": (
        Depthwise,
        Input(),
        "conv2d stem.0 stem.1 stem.2 depth act adaptive_avg_pool2d squeeze relu excite hardsigmoid mul point "
        "hardtanh_1 mean head",
    ),
    "shared": (
        Shared,
        Input(),
        "sub div first slope sub_1 again silu elu conv2d_2 gelu add pad avg_pool2d pad_1 max_pool2d rsub neg cat "
        "flatten out softmax",
    ),
    "colored": (Colored, Input(layout="nhwc"), "permute repeat conv expand conv2d_1 add relu_ flatten fc"),
    "bare": (Bare, Input(), "reshape matmul add clamp matmul_1"),
    "modified": (Modified, Input(), "squeeze flatten linear relu_ tanh add relu"),
    "lenet": (lenet, Input(side=32, fit="pad"), "0 1 2 3 4 5 6 7 8 9"),
    "flat": (flat, Input(layout="flat"), "0 1 2 3 4 5"),
    "nested": (nested, Input(), "model.net.0 model.net.1"),
}


def randomized(module: nn.Module) -> nn.Module:
    """With statistics that are no defaults, in evaluation mode."""
    for name, tensor in module.named_buffers():
        if "running" in name:
            tensor.copy_(torch.rand_like(tensor) + 0.5)
    return module.eval()


def answers(traced: Traced, images: Tensor) -> Tensor:
    walk = Walk(traced.network).eval()
    walk.load_state_dict(dict(traced.state))
    with torch.no_grad():
        found: Tensor = walk(images)
    return found


@pytest.mark.parametrize("name", MODULES)
def test_its_layers_answer_as_the_module_does(name: str) -> None:
    torch.manual_seed(0)
    build, seen, layers = MODULES[name]
    module, images = randomized(build()), torch.randn(5, *seen.shape)
    traced = read_module(module, seen)
    with torch.no_grad():
        wanted = module(images)
    torch.testing.assert_close(answers(traced, images), wanted[0] if isinstance(wanted, tuple) else wanted)
    assert " ".join(layer.name for layer in traced.network.layers) == layers
    assert traced.network.input == seen


@pytest.mark.parametrize("name", ["functional", "residual", "depthwise", "lenet", "flat", "nested"])
def test_tensors_keep_the_names_of_the_state_dict(name: str) -> None:
    module = randomized(MODULES[name][0]())
    traced = read_module(module, MODULES[name][1])
    state = module.state_dict()
    assert traced.state.keys() == state.keys()
    assert all(torch.equal(tensor, state[key]) for key, tensor in traced.state.items())


@pytest.mark.parametrize("network", [RESIDUAL, *(preset.spec.network for preset in PRESETS.values())])
def test_what_is_made_from_a_list_is_read_as_that_list(network: Any) -> None:
    walk = Walk(network).eval()
    found = read_module(walk, network.input)
    torch.manual_seed(0)
    images = torch.randn(3, *network.input.shape)
    torch.testing.assert_close(answers(found, images), walk(images))
    if network != RESIDUAL:
        assert found.network == network


def test_a_layer_that_is_used_twice_has_its_tensors_once() -> None:
    traced = read_module(Shared().eval())
    tied = {layer.name: layer.tied for layer in traced.network.layers if layer.tied}
    assert tied == {"conv2d_2": "again"}
    assert traced.network.parameters == sum(parameter.numel() for parameter in Shared().parameters())


SOURCE = """import torch
from torch import nn
from torch.nn import functional as F

class Stranger(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(784, 10)

    def forward(self, x):
        return {}
"""
LINE = 11


def stranger(returned: str, folder: Path) -> nn.Module:
    """A module in a file of its own, whose forward returns that expression."""
    path = folder / "net.py"
    path.write_text(SOURCE.format(returned))
    built: nn.Module = runpy.run_path(str(path))["Stranger"]().eval()
    return built


REFUSED = {  # what forward returns, and what is said of its line
    "torch.fft.fft(x.flatten(1)).real": "torch's fft_fft has no place in a list of layers",
    "F.mish(self.fc(x.flatten(1)))": "torch's mish has no place in a list of layers",
    "torch.chunk(self.fc(x.flatten(1)), 2, 1)[0]": "torch's chunk has no place in a list of layers",
    "F.dropout(self.fc(x.flatten(1)))": "dropout that is always on",
    "F.softmax(self.fc(x.flatten(1)), 0)": "axis: a whole number from 1 wanted, 0 given",
    "self.fc(x.view(-1, 784)).view(-1, 5)": "view from [7, 10] to [14, 5] mixes the images of a batch",
    "self.fc(x.transpose(2, 3).flatten(1))": "transpose exchanges axes of [7, 1, 28, 28]",
    "x[:, :, 1:].flatten(1)": "torch's slice has no place in a list of layers",
    "x.flatten(1).repeat(1, 2)": "repeat from [7, 784] to [7, 1568], channels made of one wanted",
    "x.mean()": "axes: axes behind the batch wanted, (0,) given",
    "x.mean((0, 1))": "axes: axes behind the batch wanted, [0, 1] given",
    "self.fc((x * torch.ones(28, 28)).flatten(1))": "a constant [28, 28], neither one number nor one a channel",
    "x.mean((1, 2, 3)) + torch.ones(7)": "a constant [7], neither one number nor one a channel",
    "torch.matmul(x.flatten(1), x.flatten(1).t())": "torch's t has no place in a list of layers",
    "F.linear(x.flatten(1), x.flatten(1))": "linear has weights that depend on the image",
    "x.flatten(1) @ torch.ones(784)": "a product with [784], a matrix wanted",
    "self.fc(x.flatten(1).clamp(0, 1))": "clamp from 0 to 1, 0 to 6 wanted",
    "F.selu(self.fc(x.flatten(1)))": "torch's selu has no place in a list of layers",
    "F.pad(x, (-1, 0, 0, 0)).flatten(1)": "padding: pixels to the left, right, top and bottom wanted,",
    "F.avg_pool2d(x, 2, divisor_override=3)": "a pool that divides by another number",
    "torch.div(x, 2, rounding_mode='floor')": "a division that rounds",
    "2 / self.fc(x.flatten(1))": "torch's reciprocal has no place in a list of layers",
    "self.fc(x.flatten(1)).half()": "values of type torch.float16, float32 wanted",
}


@pytest.mark.parametrize("returned", REFUSED)
def test_what_has_no_place_in_the_list_is_named_by_its_line(returned: str, tmp_path: Path) -> None:
    with pytest.raises(NoRow) as caught:
        read_module(stranger(returned, tmp_path))
    assert str(caught.value).startswith(f"net.py:{LINE}: return {returned}: {REFUSED[returned]}")
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 3


UNFOLLOWED = {
    "x if x.sum() > 0 else -x": "Stranger: torch cannot follow its forward with images [7, 1, 28, 28] (",
    "self.fc(x)": "Stranger: torch cannot follow its forward with images [7, 1, 28, 28] (",
    "torch.ones(7, 10)": "forward returns what no layer gives",
    "3": "forward returns no tensor",
    "x": "layers: 1 to 10,000 wanted, 0 given",
    "torch.cat([x.tanh(), x.flatten(1).view(7, 1, 28, 28)], 2)[:, :, :28]": "net.py:11: return torch.cat",
}


@pytest.mark.parametrize("returned", UNFOLLOWED)
def test_a_forward_that_cannot_be_followed_is_told_in_a_line(returned: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        read_module(stranger(returned, tmp_path))
    assert str(caught.value).startswith(UNFOLLOWED[returned])
    assert "\n" not in str(caught.value)


def test_a_module_left_in_training_is_told_by_its_line() -> None:
    left = nn.Sequential(nn.Flatten(), nn.Linear(784, 10), nn.BatchNorm1d(10)).train()
    with pytest.raises(NoRow, match="batch normalization still in training mode"):
        read_module(left)


def test_the_graph_of_every_word_is_one_that_torch_has() -> None:
    assert [word for word in WORDS if not hasattr(torch.ops.aten, word)] == []
