"""A forward that takes one image, made one that takes a batch: it answers each image as before."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgedigits.adopt.lifted import lifted
from edgedigits.adopt.listing import NoRow
from edgedigits.adopt.traced import read_module
from edgedigits.records.network import Input
from edgedigits.runtime.asking import Way
from tests.adopt.test_strangers import Forward

BARE, ONE = Way(bare=True), Way(1)
COUNT = 5  # images of a batch


def planes(forward: Callable[[Any, Tensor], Tensor]) -> nn.Module:
    heads = {"fc": nn.Linear(784, 10), "twice": nn.Linear(1568, 10), "few": nn.Linear(4, 10)}
    return Forward(forward, conv=nn.Conv2d(1, 4, 3, 2, 1), norm=nn.BatchNorm2d(4), **heads)


CASES: dict[str, tuple[Way, Callable[[Any, Tensor], Tensor]]] = {
    "flat": (BARE, lambda net, x: F.softmax(net.fc(x.view(-1)), dim=0)),
    "flat, the last axis": (BARE, lambda net, x: net.fc(x.ravel()).log_softmax(-1)),
    "planes": (BARE, lambda net, x: net.fc(F.relu(net.conv(x)).flatten())),
    "a mean": (BARE, lambda net, x: net.few(net.conv(x).mean((1, 2)))),
    "joined": (BARE, lambda net, x: net.twice(torch.cat([net.conv(x), net.conv(x).relu()]).flatten())),
    "a batch of one": (ONE, lambda net, x: net.fc(net.norm(net.conv(x)).view(1, -1))),
    "a batch of one that ends": (ONE, lambda net, x: net.fc(net.norm(net.conv(x)).flatten())),
    "squeezed": (ONE, lambda net, x: net.fc(x.squeeze().reshape(784))),
    "a batch of one, its classes": (ONE, lambda net, x: F.softmax(net.fc(x.view(1, -1)), dim=1)),
}


@pytest.mark.parametrize("name", CASES)
def test_a_batch_is_answered_as_its_images_are(name: str) -> None:
    torch.manual_seed(0)
    way, forward = CASES[name]
    module, images = planes(forward).eval(), torch.rand(COUNT, 1, 28, 28)
    batched = lifted(module, way, Input())
    alone = torch.stack([module(image if way.bare else image[None]).view(-1) for image in images])
    torch.testing.assert_close(batched(images), alone)
    assert {*read_module(batched, Input()).state} <= {*module.state_dict()}


def test_what_runs_over_the_batch_of_one_is_refused() -> None:
    module = planes(lambda net, x: F.softmax(net.fc(x.view(1, -1)), dim=0)).eval()
    with pytest.raises(NoRow, match="takes one image a call, and softmax runs over the batch"):
        lifted(module, ONE, Input())
