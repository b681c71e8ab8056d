"""Learning from a teacher: the run whose probabilities are learned beside the labels."""

import dataclasses
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from edgedigits.data.dataset import Dataset
from edgedigits.errors import CheckpointError, UsageError
from edgedigits.models.checkpoint import read_checkpoint
from edgedigits.models.presets import PRESETS
from edgedigits.train.loop import TEMPERATURE, distilled
from edgedigits.train.trainer import train

QUICK = {"epochs": 2, "batch_size": 50, "device": "cpu", "threads": 1}


def test_probabilities_that_are_the_teachers_cost_nothing_and_others_what_divides_them() -> None:
    logits, answers = torch.tensor([[2.0, 0.0, -1.0]]), torch.tensor([[0.0, 1.0, 0.0]])
    assert distilled(answers, answers + 3).abs() < 1e-6  # logits say the same whatever is added to all
    soft, wanted = F.softmax(logits / TEMPERATURE, 1), F.softmax(answers / TEMPERATURE, 1)
    expected = (wanted * (wanted / soft).log()).sum() * TEMPERATURE**2
    torch.testing.assert_close(distilled(logits, answers), expected)


def test_a_teacher_changes_what_is_learned_and_the_run_names_it(runs: Path, digits: Dataset, tmp_path: Path) -> None:
    alone = train("fc", digits, runs=tmp_path / "alone", **QUICK)
    taught = train("fc", digits, runs=tmp_path / "taught", teacher=runs / "cnn-tiny", **QUICK)
    assert taught.recipe is not None
    assert taught.recipe.teacher == read_checkpoint(runs / "cnn-tiny").weights_sha256
    assert alone.recipe is not None
    assert "teacher" not in alone.recipe.to_dict()
    assert taught.weights_sha256 != alone.weights_sha256
    again = train("fc", digits, runs=tmp_path / "again", teacher=runs / "cnn-tiny", **QUICK)
    assert again.weights_sha256 == taught.weights_sha256


def test_a_teacher_of_other_classes_is_refused_in_one_line(runs: Path, digits: Dataset, tmp_path: Path) -> None:
    letters = dataclasses.replace(digits, labels=tuple("abcdefghij"))
    with pytest.raises(UsageError) as error:
        train("fc", letters, runs=tmp_path, teacher=runs / "cnn-tiny", **QUICK)
    assert str(error.value) == (
        f"--teacher {runs / 'cnn-tiny'}: answers with the classes 0 1 2 3 4 5 6 7 8 9; a b c d e f g h i j wanted, "
        "those of the data."
    )


def test_a_recipe_that_has_a_teacher_asks_for_it(runs: Path, digits: Dataset, tmp_path: Path) -> None:
    recipe = dataclasses.replace(PRESETS["fc"].default, teacher="ab" * 32)
    with pytest.raises(UsageError, match=r"learns from the run with weights abababababab: add --teacher RUN"):
        train("fc", digits, recipe=recipe, runs=tmp_path, device="cpu")
    with pytest.raises(UsageError, match=r"is another run than the recipe's, which has weights abababababab"):
        train("fc", digits, recipe=recipe, runs=tmp_path, device="cpu", teacher=runs / "cnn-tiny")


def test_a_teacher_that_is_no_run_is_refused(digits: Dataset, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError):
        train("fc", digits, runs=tmp_path, teacher=tmp_path / "nobody", **QUICK)
