"""Interrupted trainings: what goes on ends with the same bytes, and what cannot go on is refused by name."""

import contextlib
import dataclasses
import json
import shutil
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from edgedigits.data.dataset import Dataset
from edgedigits.errors import CheckpointError, MissingCapability, UsageError
from edgedigits.models import presets
from edgedigits.models.checkpoint import read_checkpoint
from edgedigits.records.earlier import EarlierSpec
from edgedigits.records.model import Checkpoint, History, Recipe
from edgedigits.records.network import Layer, Network
from edgedigits.records.progress import Progress
from edgedigits.system import files
from edgedigits.train import resume
from edgedigits.train.distributed import ALONE
from edgedigits.train.loop import Training
from edgedigits.train.resume import FILE, State, StateSaver
from edgedigits.train.trainer import train
from tests.train.test_train import FILES, snapshot

RECIPE = Recipe(epochs=3, batch_size=60, lr=1e-3, shift=1, validation=0.1, schedule="one-cycle")  # 270 images: 5 steps
RECIPES = {
    "fc": RECIPE,
    "fc by Muon": dataclasses.replace(RECIPE, optimizer="muon", lr=0.05, weight_decay=0.1),
    "fc in bfloat16": dataclasses.replace(RECIPE, precision="bfloat16", optimizer="adamw", weight_decay=0.1),
    "fc without validation": Recipe(epochs=3, batch_size=70, lr=1e-3),
    "cnn, turned and zoomed": dataclasses.replace(RECIPE, rotate=10, zoom=0.1),
    "cnn, bent": dataclasses.replace(RECIPE, shear=0.1, bend=1.0),
    "cnn in bfloat16": dataclasses.replace(RECIPE, precision="bfloat16", shift=2),
}
LEGS = (
    1,
    3,
    2,
    1,
    1,
    3,
    1,
    3,
)  # states written before each interruption: an epoch writes one a step, and one at its end


class Killed(Exception):
    """A training that is interrupted at once, with no time to put anything in order."""


def begin(digits: Dataset, runs: Path, recipe: Recipe = RECIPE, model: str = "fc", **options: Any) -> Checkpoint:
    return train(model, digits, **{"recipe": recipe, "runs": runs, "device": "cpu", "save_every": 0, **options})


def interrupted(
    after: int, digits: Dataset, runs: Path, recipe: Recipe = RECIPE, model: str = "fc", **options: Any
) -> Path:
    """Train until so many states are written, and no further; the run's folder."""
    save, count = StateSaver._save, 0

    def saving(self: StateSaver, training: Training) -> None:
        nonlocal count
        save(self, training)
        count += 1
        if count == after:
            raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StateSaver, "_save", saving)
        with pytest.raises(Killed):
            begin(digits, runs, recipe, model, **options)
    return runs / f"{model}-tiny"


@pytest.fixture
def quiet() -> None:
    """Notes are no failures here."""
    warnings.simplefilter("ignore")


@pytest.fixture(scope="module")
def whole(digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of RECIPE's training, never interrupted."""
    return begin(digits, tmp_path_factory.mktemp("whole")).folder


def untimed(folder: Path) -> tuple[Any, ...]:
    """All of a run but what was measured of time."""
    run, history = read_checkpoint(folder), History.read(folder / "history.json")
    epochs = [dataclasses.replace(epoch, seconds=0, images_per_second=0) for epoch in history.epochs]
    metrics = dataclasses.replace(run.metrics, train_seconds=0)
    return (folder / run.weights).read_bytes(), dataclasses.replace(run, metrics=metrics, folder=Path()), epochs


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.usefixtures("quiet")
def test_however_often_it_is_interrupted_it_ends_with_the_same_bytes(
    name: str, digits: Dataset, tmp_path: Path
) -> None:
    recipe, model = RECIPES[name], name.split(maxsplit=1)[0].strip(",")
    never = begin(digits, tmp_path / "never", recipe, model, save_every=60)
    for after in LEGS:
        folder = interrupted(after, digits, tmp_path / "often", recipe, model, resume=True)
        assert {path.name for path in folder.iterdir()} == {FILE}
    run = begin(digits, tmp_path / "often", recipe, model, resume=True)
    assert untimed(run.folder) == untimed(never.folder)
    assert {path.name for path in run.folder.iterdir()} == FILES


@pytest.mark.usefixtures("quiet")
def test_the_legs_above_end_in_the_midst_of_an_epoch_at_its_last_step_and_behind_it(
    digits: Dataset, tmp_path: Path
) -> None:
    places = []
    for after in LEGS:
        record = State.from_bytes((interrupted(after, digits, tmp_path, resume=True) / FILE).read_bytes()).record
        places.append((record.step, len(record.epochs)))
    assert places == [(1, 0), (4, 0), (5, 1), (6, 1), (7, 1), (10, 1), (10, 2), (13, 2)]


@pytest.mark.usefixtures("quiet")
def test_after_the_last_step_only_measuring_is_left(digits: Dataset, whole: Path, tmp_path: Path) -> None:
    events: list[Any] = []
    interrupted(18, digits, tmp_path)
    assert untimed(begin(digits, tmp_path, resume=True, observer=events.append).folder) == untimed(whole)
    assert not events


@pytest.mark.usefixtures("quiet")
def test_times_are_sums_of_the_parts(digits: Dataset, tmp_path: Path) -> None:
    folder = interrupted(3, digits, tmp_path)
    state = State.from_bytes((folder / FILE).read_bytes())
    record = dataclasses.replace(state.record, seconds=1000.0, epoch_seconds=500.0)
    (folder / FILE).write_bytes(dataclasses.replace(state, record=record).to_bytes())
    run = begin(digits, tmp_path, resume=True)
    first, second, _ = History.read(folder / "history.json").epochs
    assert 1000 < run.metrics.train_seconds < 1100
    assert 500 < first.seconds < 600
    assert first.images_per_second == pytest.approx(270 / first.seconds)
    assert second.seconds < 100


@pytest.mark.usefixtures("quiet")
def test_layers_that_draw_at_random_draw_on_where_they_were(
    digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = presets.PRESETS["fc"].spec
    dropping = Network((Layer.of("dropout", "drop"), *spec.network.layers))
    preset = dataclasses.replace(presets.PRESETS["fc"], spec=dataclasses.replace(spec, network=dropping))
    monkeypatch.setattr(presets, "PRESETS", {"fc": preset})
    never = begin(digits, tmp_path / "never")
    for after in (3, 5):
        interrupted(after, digits, tmp_path / "often", resume=True)
    assert untimed(begin(digits, tmp_path / "often", resume=True).folder) == untimed(never.folder)


@pytest.mark.usefixtures("quiet")
def test_what_the_first_version_began_is_gone_on_with(digits: Dataset, whole: Path, tmp_path: Path) -> None:
    """Its states described the network in other words."""
    folder = interrupted(3, digits, tmp_path)
    state = State.from_bytes((folder / FILE).read_bytes())
    document, spec = state.record.to_dict(), state.record.setup.spec
    words = EarlierSpec.of(spec.network, spec.labels)
    assert words is not None
    document["setup"]["spec"] = words.to_dict()
    line = json.dumps(document)
    metadata = {resume.RECORD_KEY: line, resume.SHA256_KEY: resume._sha256(line, state.tensors)}
    (folder / FILE).write_bytes(safetensors.torch.save(dict(state.tensors), metadata=metadata))
    assert untimed(begin(digits, tmp_path, resume=True).folder) == untimed(whole)


def test_where_nothing_was_interrupted_it_trains(digits: Dataset, whole: Path, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = begin(digits, tmp_path, resume=True)
    assert untimed(run.folder) == untimed(whole)


def test_a_short_training_writes_no_state(digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StateSaver, "_save", lambda *_: pytest.fail("written"))
    train("fc", digits, recipe=RECIPE, runs=tmp_path, device="cpu")


def test_a_complete_training_is_kept(digits: Dataset, whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "fc-tiny")
    before = snapshot(tmp_path)
    with pytest.warns(UserWarning, match="fc-tiny: is complete, and kept as it is"):
        run = begin(digits, tmp_path, resume=True)
    assert run == read_checkpoint(whole)
    assert run.folder == tmp_path / "fc-tiny"
    assert snapshot(tmp_path) == before


@pytest.mark.usefixtures("quiet")
def test_a_complete_training_of_another_seed_is_replaced(digits: Dataset, whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "fc-tiny")
    assert begin(digits, tmp_path, resume=True, seed=1).recipe.seed == 1


@pytest.mark.usefixtures("quiet")
def test_killed_between_its_last_two_acts_it_is_complete(digits: Dataset, whole: Path, tmp_path: Path) -> None:
    folder = interrupted(18, digits, tmp_path)
    shutil.copytree(whole, folder, dirs_exist_ok=True)
    assert begin(digits, tmp_path, resume=True).metrics == read_checkpoint(whole).metrics
    assert {path.name for path in folder.iterdir()} == FILES


@pytest.mark.usefixtures("quiet")
def test_killed_among_its_last_files_it_goes_on(digits: Dataset, whole: Path, tmp_path: Path) -> None:
    folder = interrupted(18, digits, tmp_path)
    for name in ("checkpoint.json", "confusion.png"):
        shutil.copy(whole / name, folder)
    assert untimed(begin(digits, tmp_path, resume=True).folder) == untimed(whole)


def test_without_resume_it_begins_anew_and_says_so(digits: Dataset, whole: Path, tmp_path: Path) -> None:
    folder = interrupted(9, digits, tmp_path)
    with pytest.warns(UserWarning, match="fc-tiny: begins anew; --resume would go on with an interrupted training"):
        assert untimed(begin(digits, tmp_path).folder) == untimed(whole)
    assert {path.name for path in folder.iterdir()} == FILES


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Python's own handler of Ctrl-C: a test run in the background is born ignoring it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def press(_: Progress) -> None:
    """An observer that presses Ctrl-C."""
    signal.raise_signal(signal.SIGINT)


@pytest.mark.usefixtures("ctrl_c")
def test_a_forgotten_resume_costs_no_more_than_a_ctrl_c(digits: Dataset, whole: Path, tmp_path: Path) -> None:
    path = interrupted(9, digits, tmp_path) / FILE
    before = path.read_bytes()
    with pytest.warns(UserWarning, match="the earlier training is kept; edgedigits"), pytest.raises(KeyboardInterrupt):
        begin(digits, tmp_path, save_every=60, observer=press)
    assert path.read_bytes() == before
    with pytest.warns(UserWarning, match="goes on in epoch 2, after step 8 of 15"):
        assert untimed(begin(digits, tmp_path, resume=True).folder) == untimed(whole)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_finishes_the_step_and_writes_the_state(digits: Dataset, whole: Path, tmp_path: Path) -> None:
    with (
        pytest.warns(UserWarning, match="interrupted in epoch 2, after step 5 of 15"),
        pytest.raises(KeyboardInterrupt),
    ):
        begin(digits, tmp_path, save_every=60, observer=press)  # when the first epoch is reported
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with pytest.warns(UserWarning, match="goes on in epoch 2, after step 5 of 15"):
        assert untimed(begin(digits, tmp_path, resume=True).folder) == untimed(whole)


def state_saver(whole: Path, tmp_path: Path) -> StateSaver:
    return StateSaver(tmp_path, read_checkpoint(whole).setup(), 60, ALONE)


@pytest.mark.usefixtures("ctrl_c")
def test_a_second_ctrl_c_does_not_wait(whole: Path, tmp_path: Path) -> None:
    with contextlib.suppress(KeyboardInterrupt), state_saver(whole, tmp_path) as saver:
        signal.raise_signal(signal.SIGINT)
        assert saver.signal == signal.SIGINT
        signal.raise_signal(signal.SIGINT)
        pytest.fail("it waited")


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_behind_the_last_step_is_not_lost(whole: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), state_saver(whole, tmp_path):
        signal.raise_signal(signal.SIGINT)


def test_a_handler_of_the_callers_own_stays(whole: Path, tmp_path: Path) -> None:
    wanted = {signal.SIGINT: signal.SIG_IGN, signal.SIGTERM: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in wanted.items()}
    try:
        with state_saver(whole, tmp_path):
            assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) != signal.SIG_DFL
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_a_thread_trains_without_signals(digits: Dataset, whole: Path, tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(begin, digits, tmp_path).result()
    assert untimed(run.folder) == untimed(whole)


def test_the_note_says_where_it_goes_on(digits: Dataset, tmp_path: Path) -> None:
    interrupted(8, digits, tmp_path)
    with pytest.warns(UserWarning, match="fc-tiny: goes on in epoch 2, after step 7 of 15"):
        begin(digits, tmp_path, resume=True)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seed": 5}, "seed 0, now 5"),
        ({"lr": 2e-3, "batch_size": 50}, "batch_size 60, now 50, lr 0.001, now 0.002"),
        ({"precision": "bfloat16"}, "precision float32, now bfloat16"),
    ],
)
def test_another_recipe_is_not_gone_on_with(
    changes: dict[str, Any], said: str, digits: Dataset, tmp_path: Path
) -> None:
    interrupted(2, digits, tmp_path)
    before = snapshot(tmp_path)
    with pytest.raises(UsageError, match=f"fc-tiny/{FILE}: that training was begun with {said}. Say the same again"):
        begin(digits, tmp_path, resume=True, **changes)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"processes": 2}, "processes 2, now 1"),
        ({"processor": "abacus"}, "processor abacus, now "),
        ({"dataset": "0" * 64}, "dataset 000000000000…, now "),
        ({"device": "cuda"}, "device cuda, now cpu"),
        (
            {"versions": {"edgedigits": "0.0.1", "torch": "1.0", "python": "3"}},
            "edgedigits 0.0.1, .*torch 1.0, now",
        ),
    ],
)
def test_another_machine_is_not_gone_on_with(
    change: dict[str, Any], said: str, digits: Dataset, tmp_path: Path
) -> None:
    path = interrupted(2, digits, tmp_path) / FILE
    state = State.from_bytes(path.read_bytes())
    record = dataclasses.replace(state.record, setup=dataclasses.replace(state.record.setup, **change))
    path.write_bytes(dataclasses.replace(state, record=record).to_bytes())
    with pytest.raises(UsageError, match=said):
        begin(digits, tmp_path, resume=True)


@pytest.mark.usefixtures("quiet")
def test_another_python_goes_on(digits: Dataset, whole: Path, tmp_path: Path) -> None:
    path = interrupted(2, digits, tmp_path) / FILE
    state = State.from_bytes(path.read_bytes())
    setup = dataclasses.replace(state.record.setup, versions={**state.record.setup.versions, "python": "3.99"})
    path.write_bytes(dataclasses.replace(state, record=dataclasses.replace(state.record, setup=setup)).to_bytes())
    assert untimed(begin(digits, tmp_path, resume=True).folder) == untimed(whole)


def flipped(content: bytes) -> bytes:
    return content[:-1000] + bytes([content[-1000] ^ 1]) + content[-999:]


def edited(content: bytes) -> bytes:
    """A figure of the history, changed without another SHA-256."""
    changed = content.replace(b'\\"step\\":7', b'\\"step\\":6')
    assert changed != content
    return changed


def pickled(_: bytes) -> bytes:
    import pickle

    return pickle.dumps({"weights": [1.0]})


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda content: content[:1000],
        lambda content: content[:-1],
        lambda content: content + b"\0",
        lambda _: b"\xff" * 4096,
        lambda _: safetensors.torch.save({"network.weight": torch.zeros(3)}),
        flipped,
        edited,
        pickled,
    ],
    ids=["empty", "cut", "one short", "one long", "noise", "foreign", "flipped", "edited", "pickle"],
)
def test_a_damaged_state_is_refused_by_name(damage: Callable[[bytes], bytes], digits: Dataset, tmp_path: Path) -> None:
    path = interrupted(8, digits, tmp_path) / FILE
    path.write_bytes(damage(path.read_bytes()))
    before = snapshot(tmp_path)
    with pytest.raises(CheckpointError, match=f"fc-tiny/{FILE}: no state to go on from .*leave out --resume") as caught:
        begin(digits, tmp_path, resume=True)
    assert caught.value.exit_code == 3
    assert snapshot(tmp_path) == before


def forged(path: Path, record: dict[str, Any] | None = None, **tensors: torch.Tensor | None) -> None:
    """Write another state in the place of one, with a SHA-256 that agrees; None takes a tensor away."""
    state = State.from_bytes(path.read_bytes())
    kept = {name: tensor for name, tensor in {**state.tensors, **tensors}.items() if tensor is not None}
    path.write_bytes(State(dataclasses.replace(state.record, **(record or {})), kept).to_bytes())


@pytest.mark.parametrize(
    ("record", "tensors"),
    [
        ({"step": 16}, {}),
        ({"step": 4}, {}),
        ({"step": -1}, {}),
        ({"step": 2**70}, {}),
        ({"epochs": ()}, {}),
        ({}, {"means.0": None}),
        ({}, {"more": torch.zeros(1)}),
        ({}, {"weights.network.layers.0.weight": torch.zeros(784, 50)}),
        ({}, {"steps.0": torch.zeros((), dtype=torch.float64)}),
        ({}, {"pass": torch.full((5056,), 255, dtype=torch.uint8)}),
        ({}, {"0.random": torch.full((5056,), 255, dtype=torch.uint8)}),
    ],
)
def test_a_state_that_is_none_of_this_training_is_refused(
    record: dict[str, Any], tensors: dict[str, torch.Tensor | None], digits: Dataset, tmp_path: Path
) -> None:
    path = interrupted(8, digits, tmp_path) / FILE
    forged(path, record, **tensors)
    with pytest.raises(CheckpointError, match=f"fc-tiny/{FILE}: no state to go on from"):
        begin(digits, tmp_path, resume=True)


def test_a_state_larger_than_such_a_training_needs_is_not_read(digits: Dataset, tmp_path: Path) -> None:
    path = interrupted(2, digits, tmp_path) / FILE
    with path.open("ab") as file:
        file.truncate(10 << 30)  # holes: it takes no room
    with pytest.raises(CheckpointError, match=r"10,737,[0-9,]+ bytes, at most"):
        begin(digits, tmp_path, resume=True)


@pytest.mark.usefixtures("quiet")
def test_a_full_disk_ends_the_training_and_leaves_the_last_state(
    digits: Dataset, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = interrupted(4, digits, tmp_path)
    before = snapshot(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(MissingCapability, match=f"cannot write to {folder}: No space left on device"):
            begin(digits, tmp_path, resume=True)
    assert snapshot(tmp_path) == before
    assert [path.name for path in folder.iterdir()] == [FILE]
    assert untimed(begin(digits, tmp_path, resume=True).folder) == untimed(whole)


@pytest.mark.usefixtures("quiet")
def test_what_a_killed_process_left_is_swept_away(digits: Dataset, tmp_path: Path) -> None:
    folder = interrupted(2, digits, tmp_path)
    (folder / f"{files.STAGE}killed").mkdir()
    (folder / f"{files.STAGE}killed" / FILE).write_bytes(b"half")
    (folder / ".lock").touch()
    begin(digits, tmp_path, resume=True)
    assert {path.name for path in folder.iterdir()} == FILES


def test_a_state_holds_no_path_and_no_pickle(digits: Dataset, tmp_path: Path) -> None:
    content = (interrupted(2, digits, tmp_path) / FILE).read_bytes()
    assert str(tmp_path).encode() not in content
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert set(header["__metadata__"]) == {resume.RECORD_KEY, resume.SHA256_KEY}


@pytest.mark.lengthy
@pytest.mark.skipif(sys.platform == "win32", reason="processes fork there not at all")
def test_killed_at_random_moments_it_ends_with_the_same_bytes(tmp_path: Path) -> None:
    """A few of the moments that `python -m tests.helpers.kills --moments 300` tries."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.helpers.kills", "--moments", "6", "--folder", tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 kills" in done.stdout
