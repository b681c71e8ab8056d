import dataclasses
from pathlib import Path

import pytest

from edgedigits.bench import figures, training
from edgedigits.bench.bench import Benchmark
from edgedigits.bench.figures import PUBLISHED, QUICK, Measured, Measurement, find_figures, read_figures
from edgedigits.bench.training import Plan
from edgedigits.cli import measure, tables
from edgedigits.data import published
from edgedigits.data.dataset import Dataset
from edgedigits.models import presets
from edgedigits.models.checkpoint import read_checkpoint
from tests.helpers import TUTORIALS

FC_DEEP_AS_PUBLISHED = Plan("fc-deep", PUBLISHED, "mnist", (0,))  # 49%: its output's ReLU kills classes
THREE = Measurement(
    model="cnn",
    recipe="default",
    dataset="mnist",
    epochs=5,
    seeds=(0, 1, 2),
    test_accuracy=(0.98, 0.99, 0.97),
    train_accuracy=(1.0, 1.0, 1.0),
    train_seconds=(5.0, 60.0, 4.0),
    machine="x86_64, AVX2, 2 threads",
)
ONE = dataclasses.replace(
    THREE, recipe=PUBLISHED, seeds=(0,), test_accuracy=(0.9,), train_accuracy=(0.9,), train_seconds=(30.0,)
)
INFERENCE = Benchmark("mnist", 10_000, 1, 256, 2_000, "x86_64", {}, ())


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """THREE and ONE in the place of the figures that ship."""
    path = tmp_path / "measured.json"
    path.write_text(Measured((THREE, ONE), INFERENCE).to_json())
    monkeypatch.setattr(figures, "FILE", path)


def test_figures_are_the_mean_the_sample_deviation_and_the_median() -> None:
    assert THREE.mean == pytest.approx(0.98)
    assert THREE.spread == pytest.approx(0.01)
    assert THREE.seconds == 5.0


def test_one_seed_has_no_spread() -> None:
    assert (ONE.mean, ONE.spread, ONE.seconds) == (0.9, 0.0, 30.0)


@pytest.mark.usefixtures("recorded")
def test_a_measurement_is_found_by_model_recipe_and_data_set() -> None:
    assert read_figures().training == (THREE, ONE)
    assert find_figures("cnn", PUBLISHED) == ONE
    assert find_figures("cnn", "default", "mnist") == THREE
    assert find_figures("cnn", "default", "fashion") is None
    assert find_figures("fc", "default") is None


@pytest.mark.usefixtures("recorded")
def test_the_table_says_how_many_times_faster_we_are(capsys: pytest.CaptureFixture[str]) -> None:
    tables.print_table(measure.trainings(read_figures().training))
    heading, row, how = (" ".join(line.split()) for line in capsys.readouterr().out.splitlines())
    assert heading.startswith("model tutorial's loop: seconds")
    assert row == "cnn 30.0 90.00% default 5 5.00 98.00% ± 1.00 (n=3) 6.0 times"
    assert how.endswith("x86_64, AVX2, 2 threads")


def test_the_figures_that_ship_are_complete_and_of_things_that_exist() -> None:
    shipped = {(entry.model, entry.recipe, entry.dataset): entry for entry in read_figures().training}
    assert list(shipped) == [(plan.model, plan.recipe, plan.dataset) for plan in training.plans()]
    for plan, entry in zip(training.plans(), shipped.values(), strict=True):
        assert entry.model in presets.PRESETS
        assert entry.dataset in published.KNOWN
        assert (entry.seeds, entry.epochs) == (plan.seeds, training.epochs_of(plan))
        for column in (entry.test_accuracy, entry.train_accuracy, entry.train_seconds):
            assert len(column) == len(entry.seeds)
        if plan != FC_DEEP_AS_PUBLISHED:
            assert all(0.5 < accuracy <= 1 for accuracy in (*entry.test_accuracy, *entry.train_accuracy))


def test_every_preset_was_benchmarked_in_torch_and_in_every_format() -> None:
    rows = [(row.name, row.format) for row in read_figures().inference.rows]
    wanted = ("torch", *(name + form for name in training.FORMATS for form in ("", "-int8")))
    gaining = [(name, "onnx-integer") for name in training.GAINING]
    devices = [(name, "c-int8") for name in training.FOR_DEVICES]
    assert sorted(rows) == sorted([*((name, form) for name in TUTORIALS for form in wanted), *gaining, *devices])
    assert all((row.footprint is not None) == (row.format == "c-int8") for row in read_figures().inference.rows)
    assert not any(Path(row.path).parent.name for row in read_figures().inference.rows)


def test_measuring_trains_with_every_seed(monkeypatch: pytest.MonkeyPatch, digits: Dataset, tmp_path: Path) -> None:
    tutorial = dataclasses.replace(presets.PRESETS["fc"].tutorial, epochs=1)
    preset = dataclasses.replace(presets.PRESETS["fc"], default=dataclasses.replace(tutorial, epochs=2, shift=1))
    monkeypatch.setattr(presets, "PRESETS", {"fc": dataclasses.replace(preset, tutorial=tutorial)})
    plans = training.plans()
    assert [(plan.recipe, len(plan.seeds)) for plan in plans] == [
        (PUBLISHED, 1),
        ("default", 10),
        ("long", 10),
        (QUICK, 10),
        ("tutorial", 1),
    ]
    few = [dataclasses.replace(plan, seeds=plan.seeds[:2]) for plan in plans[1:] if plan.recipe != "long"]
    default, quick, ours = (training.measure(plan, digits, tmp_path) for plan in few)
    assert (default.epochs, quick.epochs, ours.epochs) == (2, 1, 1)
    assert default.train_accuracy[0] != default.train_accuracy[1]  # another seed
    assert default.train_accuracy[0] != quick.train_accuracy[0]  # another recipe
    kept = read_checkpoint(tmp_path / "default" / "fc-tiny")
    assert (kept.recipe.seed, kept.metrics.test_accuracy) == (0, default.test_accuracy[0])


@pytest.mark.lengthy
def test_the_published_loop_is_timed_beside_ours(mnist: Dataset, tmp_path: Path) -> None:
    found = training.measure(Plan("fc", PUBLISHED, "mnist", (0,)), mnist, tmp_path)
    assert (found.epochs, found.seeds) == (1, (0,))
    assert found.test_accuracy[0] > 0.92  # over 90% is what the tutorial claims
    assert found.train_seconds[0] > 0
