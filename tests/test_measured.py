import dataclasses
import json
from pathlib import Path

import pytest

from edgedigits import data, measured, presets
from edgedigits.data import Dataset
from edgedigits.measured import Measurement

THREE = Measurement(
    model="cnn",
    recipe="default",
    dataset="mnist",
    seeds=(0, 1, 2),
    test_accuracy=(0.98, 0.99, 0.97),
    train_accuracy=(1.0, 1.0, 1.0),
    train_seconds=(5.0, 60.0, 4.0),
    machine="x86_64, cpu, 2 threads",
)
ONE = dataclasses.replace(
    THREE, recipe="tutorial", seeds=(0,), test_accuracy=(0.9,), train_accuracy=(0.9,), train_seconds=(3.0,)
)


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """THREE and ONE in the place of the figures that ship."""
    path = tmp_path / "measured.json"
    path.write_text(json.dumps([THREE.to_dict(), ONE.to_dict()]))
    monkeypatch.setattr(measured, "FILE", path)


def test_figures_are_the_mean_the_sample_deviation_and_the_median() -> None:
    assert THREE.mean == pytest.approx(0.98)
    assert THREE.spread == pytest.approx(0.01)
    assert THREE.seconds == 5.0


def test_one_seed_has_no_spread() -> None:
    assert (ONE.mean, ONE.spread, ONE.seconds) == (0.9, 0.0, 3.0)


@pytest.mark.usefixtures("recorded")
def test_a_measurement_is_found_by_model_recipe_and_data_set() -> None:
    assert measured.read() == (THREE, ONE)
    assert measured.find("cnn", "tutorial") == ONE
    assert measured.find("cnn", "default", "mnist") == THREE
    assert measured.find("cnn", "default", "fashion") is None
    assert measured.find("fc", "default") is None


def test_the_figures_that_ship_are_complete_and_of_things_that_exist() -> None:
    shipped = measured.read()
    keys = [(entry.model, entry.recipe, entry.dataset) for entry in shipped]
    assert len(set(keys)) == len(keys)
    for entry in shipped:
        assert entry.model in presets.PRESETS
        assert entry.dataset in data.KNOWN
        assert entry.seeds == measured.SEEDS[entry.recipe]
        for figures in (entry.test_accuracy, entry.train_accuracy, entry.train_seconds):
            assert len(figures) == len(entry.seeds)
        assert all(0.5 < accuracy <= 1 for accuracy in (*entry.test_accuracy, *entry.train_accuracy))


def test_measuring_trains_a_preset_with_every_recipe_and_seed_on_mnist_and_on_its_own_data_set(
    monkeypatch: pytest.MonkeyPatch, digits: Dataset
) -> None:
    tutorial = dataclasses.replace(presets.PRESETS["fc-28"].tutorial, epochs=1)
    default = dataclasses.replace(tutorial, shift=1)
    preset = dataclasses.replace(presets.PRESETS["fc-28"], default=default, tutorial=tutorial)
    monkeypatch.setattr(presets, "PRESETS", {"fc-28": preset})
    monkeypatch.setattr(measured, "SEEDS", {"default": (0, 1), "tutorial": (0,)})
    monkeypatch.setattr(data, "load", lambda _: digits)
    found = list(measured.measure())
    assert [(entry.recipe, entry.dataset, entry.seeds) for entry in found] == [
        ("default", "mnist", (0, 1)),
        ("default", "fashion", (0, 1)),
        ("tutorial", "mnist", (0,)),
        ("tutorial", "fashion", (0,)),
    ]
    accuracies = [entry.train_accuracy for entry in found]
    assert accuracies[0] == accuracies[1]  # the same digits here, the same seeds
    assert accuracies[0][0] != accuracies[0][1]  # another seed
    assert accuracies[0][0] != accuracies[2][0]  # another recipe
