"""A class is taken out of a file that must not be imported, with what it names, and nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest

from edgedigits.adopt.extracted import extract, parse_place
from edgedigits.errors import BadInput, UsageError

SOURCE = '''
"""A tutorial."""
import nothing_of_the_kind
import torch
import torch.nn as nn
try:
    import torch.nn.functional as F
except ImportError:
    F = None
from nowhere import Dataset
WIDTH = HIDDEN = 2 * 16
HIDDEN: int = WIDTH // 2

def block(inputs, outputs):
    return nn.Linear(inputs, outputs)

class Net(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.first, self.last = block(784, HIDDEN), block(HIDDEN, classes)

    def forward(self, x):
        return self.last(F.relu(self.first(x.flatten(1))))

class Lit(nothing_of_the_kind.LightningModule):
    def __init__(self, lr=1e-3):
        super().__init__()
        self.save_hyperparameters()
        self.net = Net()

    def forward(self, x):
        return self.net(x)

def make():
    scale = 3
    class Inner(nn.Module):
        factor = scale
    return Inner()

raise SystemExit("training begins")
'''


def made(path: Path, name: str) -> Any:
    namespace: dict[str, Any] = {"__name__": "net"}
    exec(extract(path, name), namespace)
    return namespace


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "net.py"
    path.write_text(SOURCE)
    return path


def test_a_class_comes_with_what_it_names_and_nothing_else(file: Path) -> None:
    found = made(file, "Net")
    assert found["Net"]().first.out_features == 16
    assert "Lit" not in found
    assert "make" not in found
    assert "Dataset" not in found


def test_a_base_of_lightning_is_a_module(file: Path) -> None:
    assert [name for name, _ in made(file, "Lit")["Lit"]().named_children()] == ["net"]


def test_a_function_and_a_class_inside_one_are_found(file: Path) -> None:
    assert made(file, "make")["make"]().factor == 3
    assert made(file, "Inner")["Inner"].factor == 3


def test_a_notebook_is_read_too(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["class Net: no"]},
        {"cell_type": "code", "source": ["%matplotlib inline\n", "!pip install torch\n", "from torch import nn"]},
        {"cell_type": "code", "source": ["class Net(nn.Module):\n", "    width = 3"]},
    ]
    path = tmp_path / "net.ipynb"
    path.write_text(json.dumps({"cells": cells}))
    assert made(path, "Net")["Net"].width == 3


def test_lines_are_those_of_the_file(file: Path) -> None:
    code = extract(file, "Net")
    lines = SOURCE.splitlines()
    assert code.co_filename == str(file)
    assert any(lines[line - 1].startswith("class Net") for _, _, line in code.co_lines() if line)


@pytest.mark.parametrize(
    ("name", "text", "error", "message"),
    [
        ("net.py", "class Net(:", BadInput, "net.py:1: no Python"),
        ("net.py", "class Net:\n    x = 1\n    return x", BadInput, "net.py:3: no Python .'return' outside function"),
        ("net.py", "class Other: pass", UsageError, "unknown class or function in .*'Net'.*Known: Other"),
        ("net.ipynb", "class Net: pass", BadInput, "neither Python nor a notebook"),
        ("net.ipynb", "[]", BadInput, "neither Python nor a notebook"),
        ("net.py", "\0", BadInput, "no Python|neither Python"),
    ],
)
def test_what_has_no_such_class_is_refused(
    name: str, text: str, error: type[Exception], message: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(error, match=message):
        extract(tmp_path / name, "Net")


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        extract(tmp_path / "net.py", "Net")


@pytest.mark.parametrize("net", ["net.py", "net.py:", ":Net", "net.py:not a name"])
def test_a_class_is_named_with_its_file(net: str) -> None:
    with pytest.raises(UsageError, match=r"FILE\.py:NAME wanted"):
        parse_place(net)
