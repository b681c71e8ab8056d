"""The command `adopt`: what it prints of a network that is found, and how it ends where there is none."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.cli.test_cli import Cli, edgedigits  # noqa: F401 - a fixture


@pytest.fixture
def weights(runs: Path) -> Path:
    return runs / "fc-tiny" / "model.safetensors"


def test_it_says_what_was_found_and_names_the_next_command(
    weights: Path,
    digits_folder: Path,
    edgedigits: Cli,  # noqa: F811
    tmp_path: Path,
) -> None:
    found = edgedigits("adopt", weights, "--name", "mine", "--dataset", digits_folder, "--input", "0..1, upright")
    assert (found.code, found.err) == (0, "Next: edgedigits export --model mine && edgedigits verify mine\n")
    lines = found.out.splitlines()
    assert lines[0].split() == ["input", "read", "as", "loss", "accuracy"]
    assert lines[1].startswith("0..1, nchw ")
    assert "structure guessed: flatten, layers.0, relu, layers.2" in lines
    assert any(line.startswith("flatten, layers.0, sigmoid, layers.2 ") for line in lines)
    assert lines[-1].startswith("runs/mine/: ")
    record = json.loads((tmp_path / "runs" / "mine" / "checkpoint.json").read_text())
    assert (record["recipe"], record["adopted"]["structure"]) == (None, "guessed")
    again = edgedigits("adopt", weights, "--name", "mine", "--dataset", digits_folder)
    assert (again.code, again.out) == (2, "")
    assert again.err.startswith("edgedigits: runs/mine: a run has this name.")


@pytest.mark.parametrize("how", [(), ("--json",)])
def test_where_no_reading_is_right_the_table_is_shown_and_nothing_is_written(
    how: tuple[str, ...],
    digits_folder: Path,
    edgedigits: Cli,  # noqa: F811
    tmp_path: Path,
) -> None:
    torch.manual_seed(0)
    torch.save(nn.Linear(784, 10).state_dict(), tmp_path / "model.pt")
    found = edgedigits("adopt", "model.pt", "--dataset", digits_folder, *how)
    assert found.code == 3
    assert found.out.startswith("reading ") != bool(how)
    assert found.err.startswith("edgedigits: model.pt: no reading of its input makes 80% of the training digits right")
    assert len(found.err.splitlines()) == 1
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("nothing.pt",), 3, "nothing.pt: cannot be read"),
        (("text.pt",), 3, "text.pt: text, not weights."),
        (("text.pt", "--input", "mean/sdt"), 2, "unknown word of an input reading 'mean/sdt'"),
        (("text.pt", "--name", "a/b"), 2, "name: a name without folders wanted"),
    ],
)
def test_what_is_wrong_is_one_line(
    arguments: tuple[str, ...],
    code: int,
    message: str,
    edgedigits: Cli,  # noqa: F811
    tmp_path: Path,
) -> None:
    (tmp_path / "text.pt").write_text("hello, this is a text")
    found = edgedigits("adopt", *arguments)
    assert (found.code, found.out) == (code, "")
    assert found.err.startswith(f"edgedigits: {message}")
    assert len(found.err.splitlines()) == 1
    assert not (tmp_path / "runs").exists()
