"""The records' queue, their figures and the search: what is measured is what counts, and nothing is measured twice."""

import dataclasses
import json
from pathlib import Path

import pytest

from edgedigits.bench import gpu, record_tables, records, search
from edgedigits.bench.records import GOALS, RecordRun, Standing, measure, queue, standings
from edgedigits.bench.search import Trial, candidate, read_log
from edgedigits.data.dataset import Dataset, hold_out
from edgedigits.errors import MissingCapability, UsageError
from edgedigits.models import presets
from edgedigits.models.presets import RECORDS
from edgedigits.models.small import Conv, convolutions, products, weight_bytes
from edgedigits.records.model import ModelSpec, Recipe

SHORT = Recipe(epochs=2, batch_size=50, lr=1e-2, validation=0.2)
TINY = presets.Preset("tiny", ModelSpec(convolutions(4, (Conv(4, 5, 2), Conv(6, 3, 2)))), SHORT)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RECORDS, "cnn-2k", TINY)  # type: ignore[arg-type]


def test_the_queue_has_all_seeds_of_all_presets_the_first_ones_first(tmp_path: Path) -> None:
    found = queue(tmp_path)
    assert len(found) == len(set(found)) == sum(goal.seeds for goal in GOALS.values())
    assert found[: len(GOALS)] == [(name, 0) for name in RECORDS]


@pytest.mark.usefixtures("tiny")
def test_what_is_measured_is_written_and_leaves_the_queue(
    digits_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = measure("cnn-2k", 1, tmp_path / "runs", tmp_path / "into", str(digits_folder))
    assert RecordRun.read(tmp_path / "into" / "cnn-2k-1.json") == found
    assert (found.seed, found.recipe.seed, found.recipe.epochs) == (1, 1, 2)
    assert 0 <= found.test_accuracy <= 1
    assert abs(found.test_accuracy - found.float_accuracy) < 0.1
    assert (found.weight_bytes, found.products) == (weight_bytes(TINY.spec.listed), products(TINY.spec.listed))
    assert found.scratch_bytes >= 4 * 14 * 14
    assert found.footprint is not None
    assert (found.footprint.scratch, found.footprint.missing) == (found.scratch_bytes, None)
    assert found.footprint.flash is not None
    assert found.footprint.flash > found.weight_bytes
    assert found.flips is not None
    assert tuple(found.flips) == records.FORMATS
    assert found.flips["onnx"] == found.flips["torchscript"] == 0
    assert ("cnn-2k", 1) not in queue(tmp_path / "into")
    assert standings(tmp_path / "into")["cnn-2k"].runs == (found,)
    with pytest.warns(UserWarning, match="is complete, and kept as it is"):
        again = measure("cnn-2k", 1, tmp_path / "runs", tmp_path / "into", str(digits_folder))
    assert again == found  # its minutes, too
    longer = dataclasses.replace(TINY, default=dataclasses.replace(SHORT, epochs=3))
    monkeypatch.setitem(RECORDS, "cnn-2k", longer)  # type: ignore[arg-type]
    assert ("cnn-2k", 1) in queue(tmp_path / "into")  # what was measured is of another recipe


def figures(*accuracies: float) -> Standing:
    run = RecordRun("cnn-2k", 0, SHORT, "", 0.99, 0.99, 1900, 2000, 300_000, 12.0, "", "here")
    runs = [dataclasses.replace(run, seed=seed, test_accuracy=each) for seed, each in enumerate(accuracies)]
    return Standing(GOALS["cnn-2k"], tuple(runs))


def test_the_table_says_how_many_seeds_a_mean_is_of(monkeypatch: pytest.MonkeyPatch) -> None:
    for standing, said in (
        (figures(), "not measured yet"),
        (figures(0.99), "99.00% (n=1 of 5)"),
        (figures(0.99, 0.991, 0.992, 0.993, 0.994), "99.20% ± 0.16 (n=5)"),
    ):
        monkeypatch.setattr(record_tables, "standings", lambda found=standing: {"cnn-2k": found})
        assert record_tables.records()[0][8] == said


def test_trials_of_one_network_by_one_recipe_are_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = "adamw 0.01, batch 200, 24 epochs, one-cycle, shift 2, rotate 10, zoom 0.1, shear 0.1, bend 1"
    network = convolutions(4, (Conv(8, 5, 2), Conv(10))).describe()
    trial = Trial(5_000, "cnn", 0, 24, recipe, network, 4_800, 1, 0.99, 1.0, 0.03, search.LARGE)
    other = dataclasses.replace(trial, held_out=0.992, loss=0.02, seed=1)
    small = dataclasses.replace(trial, digits=None)
    monkeypatch.setattr(record_tables, "read_log", lambda: [trial, small, other])
    wanted = ("4,800", "8-10-10", "4", "24", "adamw 0.01, batch 200, bend 1", "99.10%", "0.0250", "2")
    assert record_tables.trials() == [wanted]


def test_the_figures_that_ship_can_be_read() -> None:
    assert all(run.preset in RECORDS for standing in standings().values() for run in standing.runs)
    assert all(trial.bytes <= trial.budget for trial in read_log())


@pytest.mark.parametrize(("budget", "family"), [(2_000, "cnn"), (16_000, "fc")])
def test_a_candidate_is_always_the_same_and_fits(budget: int, family: str) -> None:
    found = candidate(budget, family, 20)
    assert found == candidate(budget, family, 20) != candidate(budget, family, 21)
    assert 0.9 * budget <= weight_bytes(found) <= budget


def test_designs_are_the_first_candidates_and_fit_too() -> None:
    for (family, budget), designs in search.DESIGNS.items():
        found = [candidate(budget, family, number) for number in range(len(designs) + 1)]
        assert tuple(found[:-1]) == designs
        assert all(weight_bytes(network) <= budget for network in found)


def test_each_preset_for_a_number_of_bytes_is_a_design_that_was_tried() -> None:
    tried = {trial.network for trial in read_log()}
    for name, goal in GOALS.items():
        if goal.bytes is not None:
            network = RECORDS[name].spec.listed
            assert network in search.DESIGNS[name.partition("-")[0], goal.bytes]
            assert network.describe() in tried


def test_a_budget_that_no_network_fits_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "DRAWS", 20)
    with pytest.raises(UsageError, match=r"^budget: 50 bytes hold no network of the family 'cnn': others wanted\.$"):
        candidate(50, "cnn", 0)
    with pytest.raises(UsageError, match=r"family: cnn or fc wanted, 'rnn' given"):
        next(search.search(2_000, "rnn"))


def test_a_search_goes_on_with_what_its_log_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "ROUNDS", ((3, 1), (1, 2)))
    scores = {0: 0.5, 1: 0.9, 2: 0.7}
    asked: list[tuple[int, int]] = []

    def tried(log: Path, budget: int, family: str, number: int, epochs: int, recipe: Recipe) -> Trial:
        asked.append((number, epochs))
        trial = Trial(budget, family, number, epochs, search._words(recipe, epochs), "", 1, 1, scores[number], 1.0)
        with log.open("a") as file:
            file.write(trial.to_line() + "\n")
        return trial

    monkeypatch.setattr(search, "_tried", tried)
    log = tmp_path / "search.jsonl"
    first = list(search.search(2_000, "cnn", log))
    assert asked == [(0, 1), (1, 1), (2, 1), (1, 2)]  # the best alone goes on
    log.write_text("\n".join(log.read_text().splitlines()[:2]) + "\n")
    assert list(search.search(2_000, "cnn", log)) == first
    assert asked[4:] == [(2, 1), (1, 2)]
    assert len(read_log(log)) == 4
    list(search.search(2_000, "cnn", log, SHORT))
    assert len(asked) == 6 + 4  # what another recipe gave is no answer


def test_a_trial_is_trained_on_some_digits_and_measured_on_others(
    digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgedigits.data.load.load_data", lambda _: digits)
    monkeypatch.setattr(search, "candidate", lambda *_: TINY.spec.listed)
    trial = search._tried(tmp_path / "log", 2_000, "cnn", 0, 2, SHORT)
    _, held = hold_out(digits.train, dataclasses.replace(SHORT, validation=search.HELD_OUT))
    assert held is not None
    assert (trial.held_out * len(held)) % 1 < 1e-9
    assert read_log(tmp_path / "log") == [trial]


def test_a_race_measures_each_seed_warm_and_cold(digits_folder: Path) -> None:
    races = [gpu.Race("fc", "tutorial", 0.0)]
    found = gpu.race("cpu", str(digits_folder), seeds=range(2), races=races)
    (row,) = found.rows
    assert [len(each) for each in (row.test_accuracy, row.warm_seconds, row.cold_seconds)] == [2, 2, 2]
    assert min(row.cold_seconds) > max(row.warm_seconds)  # a whole process
    assert (row.flips, row.reached) == (0, True)
    assert not dataclasses.replace(row, goal=1.01).reached
    assert found.device
    assert json.loads(found.to_json())["rows"][0]["model"] == "fc"


def test_a_race_on_a_device_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(MissingCapability, match="finds no CUDA device here"):
        gpu.race()


def test_work_is_done_by_processes_whose_exit_codes_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "queue", lambda _: [("cnn-2k", 0), ("nobody", 0)])
    monkeypatch.setattr(records.subprocess, "call", lambda command: int("nobody" in command))
    assert sorted(records.work_off(tmp_path, tmp_path)) == [("cnn-2k", 0, 0), ("nobody", 0, 1)]
