"""Somebody's class with somebody's weights: run apart, adopted as it is, and every way to fail is a line."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import edgedigits as ed
from edgedigits.adopt.adopter import adopt
from edgedigits.adopt.parts import NoFit
from edgedigits.data.dataset import Dataset
from edgedigits.errors import BadInput, UsageError
from tests.adopt.test_extracted import made

SOURCE = """
import torch
from torch import nn
import something_that_is_not_installed

class Net(nn.Module):
    def __init__(self, width, classes=10):
        super().__init__()
        self.left, self.right = nn.Linear(784, width), nn.Linear(784, width)
        self.head = nn.Linear(width, classes)

    def forward(self, x):
        x = torch.flatten(x, 1)
        return torch.log_softmax(self.head(torch.relu(self.left(x)) + torch.tanh(self.right(x))), dim=1)

class Switched(Net):
    def __init__(self, width, tanh):
        super().__init__(width)

class Loop(nn.Module):
    def __init__(self):
        while True:
            pass

class Leaves(nn.Module):
    def __init__(self):
        import os
        os._exit(7)

class Starts(nn.Module):
    def __init__(self, mark):
        import os, subprocess
        print("x" * 10_000_000)
        subprocess.Popen(["sh", "-c", f"sleep 2; touch {mark}"])
        os._exit(7)

class Raises(nn.Module):
    def __init__(self):
        self.width = 1 // 0

def number():
    return 7

raise SystemExit("training begins")
"""
SAID = "0..1, nchw, upright, light ink"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "net.py"
    path.write_text(SOURCE)
    return path


@pytest.fixture
def weights(file: Path, digits: Dataset) -> Path:
    """Those of a Net of width 12, which has learnt the digits."""
    torch.manual_seed(0)
    model: nn.Module = made(file, "Net")["Net"](12)
    images = torch.from_numpy(digits.train.images)[:, None] / 255
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(40):
        loss = F.nll_loss(model(images), torch.from_numpy(digits.train.labels))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    torch.save(model.state_dict(), file.parent / "model.pt")
    return file.parent / "model.pt"


def test_a_class_with_branches_is_adopted_with_its_weights(weights: Path, file: Path, digits: Dataset) -> None:
    runs = file.parent / "runs"
    run = adopt(weights, net=f"{file}:Net", said=SAID, dataset=digits, runs=runs)
    assert run.adopted is not None
    assert (run.adopted.structure, run.adopted.file) == ("traced", "model.pt")
    told = 'arguments told by the shapes of its weights: {"width": 12}'
    assert run.adopted.remarks[:2] == ("its class is Net of net.py", told)
    model = made(file, "Net")["Net"](12)
    model.load_state_dict(torch.load(weights))
    with torch.inference_mode():
        wanted = model(torch.from_numpy(digits.test.images)[:, None] / 255).argmax(1)
    assert (ed.load(run.folder)(digits.test.images)[0].argmax(1) == wanted.numpy()).all()


WRONG: dict[str, tuple[str, dict[str, Any], type[Exception], str]] = {
    "arguments": (
        "Switched",
        {},
        UsageError,
        r"net\.py: Switched takes width, tanh; .* tell tanh .*Say them with --args",
    ),
    "no JSON": ("Net", {"args": "width=12"}, UsageError, "args: JSON wanted"),
    "a list": ("Net", {"args": "[12]"}, UsageError, "args: a JSON object"),
    "other shapes": ("Net", {"args": '{"width": 9}'}, NoFit, r"left\.weight: \[12, 784\], in the class \[9, 784\]"),
    "no such class": ("Nit", {}, UsageError, "unknown class or function in .*Known: Net, Switched, Loop"),
    "an endless loop": ("Loop", {"timeout": 3.0}, BadInput, "Loop did not end within 3 s"),
    "an end": ("Leaves", {}, BadInput, r"Leaves ended its process \(exit code 7\)"),
    "an exception": ("Raises", {}, BadInput, r"net\.py:39: ZeroDivisionError: integer"),
    "no module": ("number", {}, BadInput, "number gives int, a torch module wanted"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_goes_wrong_there_is_said_and_nothing_is_written(
    name: str, weights: Path, file: Path, digits: Dataset
) -> None:
    word, more, error, message = WRONG[name]
    with pytest.raises(error, match=message):
        adopt(weights, net=f"{file}:{word}", said=SAID, dataset=digits, runs=file.parent / "runs", **more)
    assert not (file.parent / "runs").exists()


def test_what_a_class_starts_ends_with_it(weights: Path, file: Path, digits: Dataset) -> None:
    mark = file.parent / "mark"
    with pytest.raises(BadInput, match=r"Starts ended its process \(exit code 7\)"):
        adopt(weights, net=f"{file}:Starts", args=json.dumps({"mark": str(mark)}), said=SAID, dataset=digits)
    time.sleep(3)
    assert not mark.exists()
