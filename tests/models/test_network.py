"""The walk: layers as torch modules, each with its own inputs, where their names say."""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgedigits.models.classifier import build_classifier
from edgedigits.models.network import Walk
from edgedigits.records.model import ModelSpec
from edgedigits.records.network import Layer, Network
from tests.helpers.networks import RESIDUAL


def by_hand(walk: nn.Module, x: Tensor) -> Tensor:
    """RESIDUAL as a stranger would write it."""
    parts = dict(walk.named_modules())
    stem = F.hardswish(parts["stem.1"](parts["stem.0"](x)))
    total = stem + parts["block.act"](parts["block.depth"](stem))
    again = parts["block.depth"](total)
    gated = again * torch.sigmoid(again.mean((2, 3), keepdim=True))
    return parts["head"](torch.cat([total, gated], 1).mean((2, 3)))


def test_layers_read_what_they_name() -> None:
    torch.manual_seed(0)
    walk, images = Walk(RESIDUAL).eval(), torch.randn(4, 1, 28, 28)
    torch.testing.assert_close(walk(images), by_hand(walk, images))


def test_tensors_are_where_their_names_say_and_shared_ones_are_there_once() -> None:
    walk = Walk(RESIDUAL)
    assert walk.state_dict().keys() == RESIDUAL.weights.keys()
    assert sum(parameter.numel() for parameter in walk.parameters()) == RESIDUAL.parameters
    assert isinstance(walk.get_submodule("stem.0"), nn.Conv2d)


def test_weights_begin_as_torchs_own_in_the_order_of_the_layers() -> None:
    layers = (
        Layer.of("conv", "b", channels=2, kernel=3),
        Layer.of("flatten", "a"),
        Layer.of("dense", "c", features=10),
    )
    torch.manual_seed(7)
    found = Walk(Network(layers)).state_dict()
    torch.manual_seed(7)
    wanted = [*nn.Conv2d(1, 2, 3).parameters(), *nn.Linear(2 * 26 * 26, 10).parameters()]
    assert all(torch.equal(one, other) for one, other in zip(found.values(), wanted, strict=True))


def test_a_copy_has_modules_of_its_own() -> None:
    walk = Walk(RESIDUAL).eval()
    images = torch.randn(2, 1, 28, 28)
    before, other = walk(images), copy.deepcopy(walk)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.zero_()
    assert torch.equal(walk(images), before)
    assert other(images).abs().max() == 0


def test_a_module_that_is_replaced_is_the_one_that_runs() -> None:
    """As torch's quantization does."""
    walk = Walk(RESIDUAL).eval()
    walk.head = nn.Linear(8, 3)
    assert walk(torch.randn(2, 1, 28, 28)).shape == (2, 3)


def test_what_is_asked_for_by_name_is_kept_and_nothing_else() -> None:
    classifier = build_classifier(ModelSpec(RESIDUAL))
    kept = [step.name for step in classifier.network._steps if step.kept]  # type: ignore[union-attr]
    assert kept == ["stem.2", "block.act", "block.sum", "block.again", "gate.act", "gate.out"]


def test_it_learns() -> None:
    torch.manual_seed(0)
    classifier = build_classifier(ModelSpec(RESIDUAL))
    labels = torch.arange(20) % 10
    images = (labels * 25).to(torch.uint8)[:, None, None].expand(-1, 28, 28)  # each class in its own gray
    optimizer = torch.optim.Adam(classifier.parameters(), 0.05)
    losses = []
    for _ in range(30):
        loss = F.cross_entropy(classifier(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 0.5
    assert all(parameter.grad is not None for parameter in classifier.parameters())
