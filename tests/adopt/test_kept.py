"""Networks that no list of layers says: their graph is kept whole, exported in float, and answers as they do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edgedigits.adopt.adopter import adopt
from edgedigits.adopt.kept import in_order, keep_module
from edgedigits.adopt.listing import NoRow
from edgedigits.data.dataset import Dataset
from edgedigits.errors import UsageError
from edgedigits.export.exporter import export
from edgedigits.models.graph import allowed
from edgedigits.models.network import Walk
from edgedigits.records.graph import Call, Graph, Held
from edgedigits.records.network import Input, Network
from edgedigits.verify.verifier import verify


class Normed(nn.Module):
    """LayerNorm, GroupNorm and InstanceNorm, and the size of the batch by name."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, stride=2, padding=1)
        self.group, self.instance = nn.GroupNorm(2, 4), nn.InstanceNorm2d(4, affine=True)
        self.layer = nn.LayerNorm(784)
        self.act = nn.ReLU(inplace=True)
        self.out = nn.Linear(784, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.instance(self.group(self.conv(x))))
        return self.out(self.layer(x.view(x.size(0), -1)))


class Recurrent(nn.Module):
    """An LSTM that reads row by row, and probabilities at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(28, 16, batch_first=True)
        self.out = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        hidden, _ = self.lstm(x.squeeze(1))
        return torch.softmax(self.out(hidden[:, -1]), dim=1)


class Attentive(nn.Module):
    """A transformer of patches."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(1, 16, 7, 7)
        self.first = nn.Parameter(torch.randn(1, 1, 16))
        self.encoder = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.out = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.first.expand(x.shape[0], -1, -1), x], 1)
        return self.out(self.encoder(x)[:, 0])


class Summed(nn.Module):
    """A product by einsum."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(10, 28, 28))

    def forward(self, x: Tensor) -> Tensor:
        return torch.einsum("bhw,khw->bk", x[:, 0], self.weight)


FORMATS = ["onnx", "torchscript"]
KEPT: dict[str, Callable[[], nn.Module]] = {
    "norms": Normed,
    "lstm": Recurrent,
    "attention": Attentive,
    "einsum": Summed,
}


def made(name: str) -> nn.Module:
    torch.manual_seed(0)
    return KEPT[name]().eval()


@pytest.mark.parametrize("name", KEPT)
def test_a_graph_answers_as_the_module_does_and_comes_back_from_json(name: str) -> None:
    module = made(name)
    kept = keep_module(module, Input())
    walk = Walk(Network.from_json(kept.network.to_json()))
    walk.load_state_dict(kept.state)
    images = torch.rand(13, 1, 28, 28)
    with torch.no_grad():
        found, wanted = walk(images), module(images)
    if name == "lstm":
        found = found.softmax(1)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)


def test_what_draws_lots_or_is_always_dropped_is_refused_by_its_line() -> None:
    class Dropped(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return nn.functional.dropout(x.flatten(1), 0.5, training=True)

    with pytest.raises(NoRow, match=r"test_kept.py:\d+: return .*dropout"):
        keep_module(Dropped().eval(), Input())


@pytest.mark.parametrize(
    "word", ["aten.from_file.default", "aten.save.default", "aten.relu_.default", "aten._values.default", "aten.no.no"]
)
def test_a_graph_calls_nothing_but_functions_of_tensors(word: str) -> None:
    with pytest.raises(UsageError, match="is no function that a graph may call"):
        allowed(word)


@pytest.mark.parametrize(
    ("calls", "message"),
    [
        ((), "calls: 1 to 10,000 wanted"),
        ((Call("a", "aten.relu.default", ({"value": "b"},)),), "a value that there is wanted, 'b' given"),
        ((Call("a", "aten.relu.default", ({"tensor": "b"},)),), "a tensor that there is wanted, 'b' given"),
        ((Call("a", "aten.relu.default", ({"value": "@input"},)),) * 2, "no name twice wanted, 'a' given"),
        ((Call("a", "aten.relu.default", ({"what": "b"},)),), "value, tensor or dtype with a name wanted"),
    ],
)
def test_graphs_that_contradict_themselves_are_refused(calls: tuple[Call, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Graph({"w": Held((2,))}, calls)


def test_classes_of_a_graph_are_put_in_order_by_one_more_call() -> None:
    module, images = made("einsum"), torch.rand(5, 1, 28, 28)
    kept = keep_module(module, Input())
    assert in_order(kept, range(10)) is kept
    for columns in ([9, 0, 1, 2, 3, 4, 5, 6, 7, 8], [4, 2]):
        ordered = in_order(kept, columns)
        walk = Walk(Network.from_json(ordered.network.to_json()))
        walk.load_state_dict(ordered.state)
        with torch.no_grad():
            torch.testing.assert_close(walk(images), module(images)[:, columns], rtol=1e-5, atol=1e-5)


def learned(digits: Dataset) -> nn.Module:
    """LayerNorm in a network that has learnt the drawn digits."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Flatten(), nn.Linear(784, 32), nn.LayerNorm(32), nn.ReLU(), nn.Linear(32, 10))
    images = torch.from_numpy(digits.train.images)[:, None] / 255
    optimizer = torch.optim.Adam(module.parameters(), 1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(module(images), torch.from_numpy(digits.train.labels)).backward()
        optimizer.step()
    return module.eval()


def test_such_a_module_is_adopted_exported_and_verified(digits: Dataset, tmp_path: Path) -> None:
    module = learned(digits)
    run = adopt(module, name="mine", dataset=digits, runs=tmp_path / "runs")
    record: Any = run.adopted
    assert record.structure == "kept"
    assert "layer_norm has no place in a list of layers" in record.remarks[0]
    export(run, FORMATS, dataset=digits, exports=tmp_path / "exports")
    report = verify(runs=tmp_path / "runs", exports=tmp_path / "exports", dataset=digits)
    assert [(one.flips, one.passed) for one in report.reports] == [(0, True)] * len(FORMATS)
    with pytest.raises(UsageError, match="onnx-int8: needs the list of layers, and mine is kept whole as a graph"):
        export(run, "onnx-int8", dataset=digits, exports=tmp_path / "exports")
    assert np.isfinite(run.metrics.test_accuracy)


@pytest.mark.parametrize("columns", [[1, 2, 3, 4, 5, 6, 7, 8, 9, 0], [3, 8, 0, 5, 7, 1, 9, 2, 6, 4]])
def test_its_labels_in_another_order_are_put_right(columns: list[int], digits: Dataset, tmp_path: Path) -> None:
    module = learned(digits)
    permuted = nn.Sequential(*module.children(), nn.Linear(10, 10, bias=False), nn.LayerNorm(10))
    permuted[-2].weight.data = torch.eye(10)[np.argsort(columns)]
    run = adopt(permuted, name="mine", dataset=digits, runs=tmp_path / "runs")
    record: Any = run.adopted
    assert record.structure == "kept"
    export(run, FORMATS, dataset=digits, exports=tmp_path / "exports")
    report = verify(runs=tmp_path / "runs", exports=tmp_path / "exports", dataset=digits)
    assert [(one.flips, one.passed) for one in report.reports] == [(0, True)] * len(FORMATS)
    with torch.inference_mode():
        theirs = permuted(torch.from_numpy(digits.test.images)[:, None] / 255)[:, columns].argmax(1)
    assert run.metrics.test_accuracy == pytest.approx((theirs.numpy() == digits.test.labels).mean())
