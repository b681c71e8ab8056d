"""Training: the same bytes for the same seed, whole runs or none, and figures that can be checked."""

import dataclasses
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from edgedigits.data.dataset import Dataset, Split, hold_out
from edgedigits.errors import MissingCapability, UsageError
from edgedigits.models.checkpoint import read_checkpoint
from edgedigits.models.presets import PRESETS
from edgedigits.models.weights import load_classifier
from edgedigits.records.model import Checkpoint, DatasetRef, History, Recipe
from edgedigits.records.progress import Progress
from edgedigits.train.device import choose_precision, find_device
from edgedigits.train.trainer import run_name, train
from tests.helpers import TUTORIALS

FILES = {"model.safetensors", "checkpoint.json", "history.json", "curves.png", "confusion.png"}


@pytest.fixture
def clean_flags() -> Iterator[None]:
    yield
    torch.use_deterministic_algorithms(False)


def quick(digits: Dataset, runs: Path, model: str = "fc", **options: Any) -> Checkpoint:
    return train(model, digits, **{"runs": runs, "epochs": 2, "batch_size": 50, "device": "cpu", **options})


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden ones too."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("model", ["fc", "cnn"])
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(
    model: str, digits: Dataset, tmp_path: Path
) -> None:
    weights = []
    for index, seed in enumerate((7, 7, 8)):
        torch.manual_seed(index)  # the caller's own seed does not matter
        run = quick(digits, tmp_path / str(index), model, seed=seed)
        weights.append((run.folder / run.weights).read_bytes())
    assert weights[0] == weights[1] != weights[2]


def test_another_training_in_its_place_is_told(
    digits: Dataset, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    quick(digits, tmp_path)
    quick(digits, tmp_path)
    assert not [note for note in recwarn if "replaced" in str(note.message)]  # the same bytes
    with pytest.warns(UserWarning, match=r"replaced: .*fc-tiny, trained otherwise \(\d+\.\d\d%\); files exported"):
        quick(digits, tmp_path, seed=1)


@pytest.mark.parametrize("model", TUTORIALS)
def test_a_run_holds_its_five_files_and_nothing_else(model: str, runs: Path) -> None:
    assert {path.name for path in (runs / f"{model}-tiny").iterdir()} == FILES


@pytest.mark.parametrize("model", TUTORIALS)
def test_every_preset_learns(model: str, runs: Path) -> None:
    assert read_checkpoint(runs / f"{model}-tiny").metrics.test_accuracy >= 0.9


def test_the_pictures_are_pictures(runs: Path) -> None:
    for name in ("curves.png", "confusion.png"):
        assert (runs / "fc-tiny" / name).read_bytes().startswith(b"\x89PNG")


def test_the_history_has_one_line_per_epoch(runs: Path) -> None:
    epochs = History.read(runs / "cnn-tiny" / "history.json").epochs
    assert [epoch.epoch for epoch in epochs] == list(range(1, 13))
    assert all(epoch.validation_accuracy is not None and epoch.images_per_second > 0 for epoch in epochs)


@pytest.mark.parametrize("model", ["fc", "cnn-deep"])
def test_the_recorded_accuracies_are_those_of_the_recorded_weights(model: str, runs: Path, digits: Dataset) -> None:
    run = read_checkpoint(runs / f"{model}-tiny")
    classifier = load_classifier(run)
    _, held = hold_out(digits.train, run.recipe)
    assert held is not None

    def right(split: Split) -> float:
        with torch.no_grad():
            answers = classifier(torch.from_numpy(split.images)).argmax(1).numpy()
        return sum(int(a) == int(b) for a, b in zip(answers, split.labels, strict=True)) / len(split)

    assert run.metrics.test_accuracy == pytest.approx(right(digits.test))
    assert run.metrics.train_accuracy == pytest.approx(right(digits.train))
    assert run.metrics.validation_accuracy == pytest.approx(right(held))
    assert run.metrics.train_seconds > 0


def test_the_record_tells_what_was_trained_and_how(digits: Dataset, tmp_path: Path) -> None:
    run = quick(digits, tmp_path, recipe="tutorial", lr=0.01, seed=5)
    assert run.recipe == dataclasses.replace(PRESETS["fc"].tutorial, epochs=2, batch_size=50, lr=0.01, seed=5)
    assert (run.name, run.model, run.dataset) == ("fc-tiny", "fc", digits.ref)
    assert (run.device, run.threads) == ("cpu", torch.get_num_threads())
    assert run.versions["torch"] == importlib.metadata.version("torch")
    assert read_checkpoint(tmp_path / "fc-tiny") == run


def test_a_recipe_of_ones_own_is_taken_as_it_is(digits: Dataset, tmp_path: Path) -> None:
    recipe = Recipe(epochs=1, batch_size=100, lr=1e-3, validation=0.2, shift=2)
    run = train("fc", digits, recipe=recipe, runs=tmp_path, device="cpu")
    assert run.recipe == recipe
    assert len(History.read(run.folder / "history.json").epochs) == 1


def test_the_data_set_gives_the_labels(digits: Dataset, tmp_path: Path) -> None:
    two = [
        Split(split.images[split.labels < 2], split.labels[split.labels < 2]) for split in (digits.train, digits.test)
    ]
    run = quick(Dataset(DatasetRef("two", "", "two"), ("zero", "one"), *two), tmp_path)
    assert run.spec.labels == ("zero", "one")
    assert load_classifier(run)(torch.zeros(3, 28, 28, dtype=torch.uint8)).shape == (3, 2)


@pytest.mark.parametrize(
    ("name", "source", "expected"),
    [
        ("mnist", "mnist", "fc"),
        ("fashion", "fashion", "fc-fashion"),
        ("tiny", "/data/tiny", "fc-tiny"),
        ("mnist", "./mnist", "fc-mnist"),
    ],
)
def test_only_the_real_mnist_goes_without_a_suffix(name: str, source: str, expected: str) -> None:
    assert run_name("fc", DatasetRef(name, "", source)) == expected


def numbered(count: int) -> Split:
    """Images that can be told apart: each is filled with its label."""
    labels = np.arange(count)
    return Split(np.repeat(labels, 784).reshape(-1, 28, 28).astype(np.uint8), labels)


def test_held_out_images_are_a_division_that_can_be_made_again() -> None:
    recipe = Recipe(epochs=1, batch_size=1, lr=1, validation=0.2)
    learn, held = hold_out(numbered(200), recipe)
    assert held is not None
    assert len(held) == 40
    assert sorted([*learn.labels, *held.labels]) == list(range(200))
    for split in (learn, held):
        assert np.array_equal(split.images[:, 0, 0], split.labels)  # each image kept its own label

    again, other = (hold_out(numbered(200), dataclasses.replace(recipe, seed=seed))[1] for seed in (0, 1))
    assert again is not None
    assert other is not None
    assert np.array_equal(again.labels, held.labels)
    assert not np.array_equal(other.labels, held.labels)


def test_a_recipe_without_validation_learns_from_every_image() -> None:
    split = numbered(10)
    assert hold_out(split, Recipe(epochs=1, batch_size=1, lr=1)) == (split, None)


@pytest.fixture
def devices(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """A machine that has the named devices besides its CPU."""
    for kind, home in (("cuda", torch.cuda), ("mps", torch.backends.mps)):
        monkeypatch.setattr(home, "is_available", lambda kind=kind: kind in request.param)


@pytest.mark.parametrize(
    ("devices", "expected"),
    [((), "cpu"), (("mps",), "mps"), (("cuda",), "cuda"), (("cuda", "mps"), "cuda")],
    indirect=["devices"],
)
@pytest.mark.usefixtures("devices")
def test_auto_takes_the_fastest_device_there_is(expected: str) -> None:
    assert find_device("auto").type == expected


@pytest.mark.parametrize(
    ("asked", "features", "expected"),
    [
        ("auto", {}, "float32"),
        ("auto", {"avx512_bf16": True}, "bfloat16"),
        ("auto", {"amx_bf16": True}, "bfloat16"),
        ("float32", {"amx_bf16": True}, "float32"),
        ("bfloat16", {}, "bfloat16"),
    ],
)
def test_auto_precision_is_bfloat16_where_the_processor_has_it(
    asked: str, features: dict[str, bool], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: features)
    assert choose_precision(asked, torch.device("cpu")) == expected


@pytest.mark.parametrize("model", TUTORIALS)
def test_no_record_leaves_the_precision_open(model: str, runs: Path) -> None:
    assert read_checkpoint(runs / f"{model}-tiny").recipe.precision in {"float32", "bfloat16"}


@pytest.mark.parametrize("devices", [()], indirect=True)
@pytest.mark.parametrize("name", ["cuda", "mps"])
@pytest.mark.usefixtures("devices")
def test_a_device_that_is_not_there_is_a_missing_capability(name: str, digits: Dataset, tmp_path: Path) -> None:
    with pytest.raises(MissingCapability, match=f"--device {name}.*--device cpu") as caught:
        quick(digits, tmp_path, device=name)
    assert caught.value.exit_code == 4
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ({"model": "cn"}, "unknown model 'cn': did you mean 'cnn'"),
        ({"recipe": "tutoral"}, "unknown recipe 'tutoral': did you mean 'tutorial'"),
        ({"device": "cdua"}, "unknown device 'cdua': did you mean 'cuda'"),
        ({"epoch": 3}, "unknown field of a recipe 'epoch': did you mean 'epochs'"),
        ({"lr": -1.0}, "lr: a positive number wanted, -1.0 given"),
    ],
)
def test_a_wrong_argument_is_named_before_anything_is_written(
    wrong: dict[str, Any], hint: str, digits: Dataset, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as caught:
        quick(digits, tmp_path, **wrong)
    assert hint in str(caught.value)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("recipe", ["default", "tutorial"])
@pytest.mark.parametrize("batch_size", [50, 1000])  # 1000: a single step, which nothing comes behind
def test_a_diverging_training_leaves_the_earlier_run_as_it_was(
    recipe: str, batch_size: int, digits: Dataset, tmp_path: Path
) -> None:
    quick(digits, tmp_path)
    before = snapshot(tmp_path)
    with pytest.raises(UsageError, match=r"diverged.*--lr"):
        quick(digits, tmp_path, recipe=recipe, epochs=1, batch_size=batch_size, lr=1e30)
    assert snapshot(tmp_path) == before


def test_an_interrupted_training_leaves_the_earlier_run_as_it_was(digits: Dataset, tmp_path: Path) -> None:
    def interrupt(event: Progress) -> None:
        if event.done > event.total // 2:
            raise KeyboardInterrupt

    quick(digits, tmp_path)
    before = snapshot(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        quick(digits, tmp_path, seed=1, observer=interrupt)
    assert snapshot(tmp_path) == before
    assert [path.name for path in tmp_path.rglob("*") if path.is_dir()] == ["fc-tiny"]  # no temporary folder either


@pytest.mark.parametrize("flags", [(False, False), (True, False), (True, True)])
@pytest.mark.usefixtures("clean_flags")
def test_the_callers_torch_stays_as_it_was(flags: tuple[bool, bool], digits: Dataset, tmp_path: Path) -> None:
    torch.use_deterministic_algorithms(flags[0], warn_only=flags[1])
    before = torch.get_rng_state()
    quick(digits, tmp_path, epochs=1)
    assert torch.equal(torch.get_rng_state(), before)
    found = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    assert found == flags


def test_without_matplotlib_all_but_the_pictures_is_written(
    digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick(digits, tmp_path)  # its pictures would belie the run that follows
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "matplotlib" else found(name, *a))
    with pytest.warns(UserWarning, match=r"pip install 'edgedigits\[plots\]'"):
        run = quick(digits, tmp_path, seed=1)
    assert {path.name for path in run.folder.iterdir()} == FILES - {"curves.png", "confusion.png"}
    assert read_checkpoint(run.folder).recipe.seed == 1


@pytest.mark.parametrize("blocked", ["runs", "runs/fc-tiny"])
def test_a_folder_that_cannot_be_written_is_told_before_training(blocked: str, digits: Dataset, tmp_path: Path) -> None:
    (tmp_path / blocked).parent.mkdir(exist_ok=True)
    (tmp_path / blocked).write_text("in the way")
    events: list[Progress] = []
    with pytest.raises(MissingCapability, match=r"cannot write to .*fc-tiny") as caught:
        quick(digits, tmp_path / "runs", observer=events.append)
    assert caught.value.exit_code == 4
    assert not events
