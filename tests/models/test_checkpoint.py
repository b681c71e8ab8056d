"""Checkpoints: what was saved comes back, and nothing is believed that does not fit."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from edgedigits.data.dataset import Dataset
from edgedigits.errors import BadInput, CheckpointError, UsageError
from edgedigits.models.checkpoint import RECORD, read_checkpoint, select_runs
from edgedigits.models.classifier import build_classifier, compute_logits
from edgedigits.models.weights import SPEC_KEY, load_classifier, write_checkpoint
from edgedigits.records.model import ModelSpec
from edgedigits.system import files
from tests.helpers.networks import RESIDUAL, fc

WEIGHTS = "model.safetensors"
WEIGHT, BIAS = "network.layers.0.weight", "network.layers.2.bias"
Tensors = dict[str, Tensor]


@pytest.fixture
def run(runs: Path, tmp_path: Path) -> Path:
    """A run folder to damage."""
    return Path(shutil.copytree(runs / "fc-tiny", tmp_path / "fc-tiny"))


def rewrite(run: Path, tensors: Tensors | None = None, metadata: dict[str, str] | None = None) -> None:
    """Replace tensors or metadata of the weights, and make the record's hash right again."""
    path = run / WEIGHTS
    with safe_open(path, framework="pt") as file:
        kept = file.metadata()
    save_file(load_file(path) if tensors is None else tensors, path, kept if metadata is None else metadata)
    record_hash(run)


def record_hash(run: Path) -> None:
    edit_record(run, weights_sha256=files.sha256(run / WEIGHTS))


def edit_record(run: Path, **changes: object) -> None:
    record = json.loads((run / RECORD).read_text())
    (run / RECORD).write_text(json.dumps({**record, **changes}))


def test_what_was_saved_comes_back(runs: Path, tmp_path: Path, digits: Dataset) -> None:
    record = read_checkpoint(runs / "cnn-tiny")
    torch.manual_seed(3)
    fresh = build_classifier(record.spec).to(memory_format=torch.channels_last)
    saved = write_checkpoint(fresh, record, tmp_path)
    found = read_checkpoint(tmp_path)
    assert found == saved == dataclasses.replace(record, weights_sha256=files.sha256(tmp_path / WEIGHTS))
    assert found.folder == tmp_path

    classifier = load_classifier(found)
    assert not classifier.training
    wanted = compute_logits(fresh, digits.test.images)
    np.testing.assert_allclose(compute_logits(classifier, digits.test.images), wanted, atol=1e-6)


def test_a_network_that_the_first_version_had_no_words_for_is_saved_and_read(runs: Path, tmp_path: Path) -> None:
    record = dataclasses.replace(read_checkpoint(runs / "fc-tiny"), spec=ModelSpec(RESIDUAL))
    saved = write_checkpoint(build_classifier(record.spec), record, tmp_path)
    assert read_checkpoint(tmp_path) == saved
    assert load_classifier(read_checkpoint(tmp_path)).state_dict().keys() == load_file(tmp_path / WEIGHTS).keys()


def test_a_run_of_the_first_version_is_read(run: Path) -> None:
    """Its record had the words that its weights file still has."""
    edit_record(run, spec=json.loads(spec_of(run)))
    assert json.loads((run / RECORD).read_text())["spec"]["family"] == "fc"
    assert not load_classifier(read_checkpoint(run)).training


def test_the_weights_file_names_its_own_architecture(runs: Path) -> None:
    with safe_open(runs / "cnn-tiny" / WEIGHTS, framework="pt") as file:
        spec = ModelSpec.from_json(file.metadata()[SPEC_KEY])
    assert spec == read_checkpoint(runs / "cnn-tiny").spec
    assert build_classifier(spec).state_dict().keys() == load_file(runs / "cnn-tiny" / WEIGHTS).keys()


TENSORS: dict[str, tuple[Callable[[Tensors], object], str, str]] = {
    "missing": (lambda t: t.pop(BIAS), BIAS, "is missing"),
    "extra": (lambda t: t.update(extra=torch.zeros(1)), "extra", "is not part of the model"),
    "misshapen": (lambda t: t.update({WEIGHT: t[WEIGHT].T.contiguous()}), WEIGHT, "((784, 50), 'float32')"),
    "wrong dtype": (lambda t: t.update({BIAS: t[BIAS].double()}), BIAS, "((10,), 'float64')"),
    "NaN": (lambda t: t[WEIGHT][3].fill_(torch.nan), WEIGHT, "not finite"),
    "infinite": (lambda t: t[BIAS][9:].fill_(torch.inf), BIAS, "not finite"),
}


@pytest.mark.parametrize("case", TENSORS)
def test_a_tensor_that_does_not_fit_is_refused_by_name(case: str, run: Path) -> None:
    change, name, problem = TENSORS[case]
    tensors = load_file(run / WEIGHTS)
    change(tensors)
    rewrite(run, tensors)
    with pytest.raises(CheckpointError) as caught:
        load_classifier(read_checkpoint(run))
    for words in (str(run / WEIGHTS), f"'{name}'", problem, "Train it anew"):
        assert words in str(caught.value)
    assert caught.value.exit_code == 3


def spec_of(run: Path, **changes: object) -> str:
    """The spec in the words of the first version, as its weights file has it, with other values."""
    with safe_open(run / WEIGHTS, framework="pt") as file:
        return json.dumps({**json.loads(file.metadata()[SPEC_KEY]), **changes})


def respecify(run: Path, **changes: object) -> None:
    """Change the ModelSpec both in the weights and in the record, so that the two agree."""
    text = spec_of(run, **changes)
    rewrite(run, metadata={SPEC_KEY: text})
    edit_record(run, spec=json.loads(text))


def relayer(run: Path, **changes: object) -> None:
    """Change the first dense layer of the record."""
    spec = json.loads((run / RECORD).read_text())["spec"]
    spec["network"]["layers"][1] |= changes
    edit_record(run, spec=spec)


DAMAGE: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "other mean than recorded": (
        lambda run: rewrite(run, metadata={SPEC_KEY: spec_of(run, mean=0.25)}),
        WEIGHTS,
        f"describes another model than {RECORD}",
    ),
    "no spec": (lambda run: rewrite(run, metadata={}), WEIGHTS, "no weights file of ours"),
    "unknown network": (lambda run: respecify(run, family="fcc"), RECORD, "unknown network 'fcc'"),
    "impossible parameters": (lambda run: respecify(run, params={"wide": 1}), RECORD, "cannot take the parameters"),
    "unknown op": (lambda run: relayer(run, op="denser"), RECORD, "layer 'layers.0': unknown op 'denser'"),
    "unknown attribute": (
        lambda run: relayer(run, attributes={"width": 1}),
        RECORD,
        "layer 'layers.0': unknown attribute 'width'",
    ),
    "layers that do not fit": (
        lambda run: relayer(run, op="conv", attributes={"channels": 50, "kernel": 3}),
        RECORD,
        "layer 'layers.0': conv: takes [channels, height, width], not [784]",
    ),
    "other layers than recorded": (
        lambda run: relayer(run, attributes={"features": 51}),
        WEIGHTS,
        f"describes another model than {RECORD}",
    ),
    "one byte changed": (lambda run: flip_last_byte(run / WEIGHTS), WEIGHTS, "changed since it was recorded (SHA-256"),
    "hash of other weights": (lambda run: edit_record(run, weights_sha256="0" * 64), WEIGHTS, "says 000000000000…"),
    "no weights": (lambda run: (run / WEIGHTS).unlink(), WEIGHTS, "cannot be read"),
    "weights in a folder's place": (lambda run: folder_instead(run / WEIGHTS), WEIGHTS, "cannot be read"),
    "not safetensors": (lambda run: replace_weights(run, b"PK\3\4 a pickle"), WEIGHTS, "no weights file of ours"),
    "empty": (lambda run: replace_weights(run, b""), WEIGHTS, "no weights file of ours"),
    "truncated": (
        lambda run: replace_weights(run, (run / WEIGHTS).read_bytes()[:-100]),
        WEIGHTS,
        "no weights file of ours",
    ),
    "no record": (lambda run: (run / RECORD).unlink(), RECORD, "name the right folder with --runs"),
    "record is not JSON": (lambda run: (run / RECORD).write_text("{"), RECORD, "not JSON"),
    "record lacks a field": (lambda run: (run / RECORD).write_text('{"name": "fc"}'), RECORD, "is missing"),
}


def flip_last_byte(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


def replace_weights(run: Path, content: bytes) -> None:
    (run / WEIGHTS).write_bytes(content)
    record_hash(run)


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_run_is_refused_by_file(case: str, run: Path) -> None:
    damage, name, problem = DAMAGE[case]
    damage(run)
    with pytest.raises(CheckpointError) as caught:
        load_classifier(read_checkpoint(run))
    assert str(run / name) in str(caught.value)
    assert problem in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 2
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ((), ["cnn-deep-tiny", "cnn-tiny", "fc-28-tiny", "fc-deep-tiny", "fc-tiny"]),
        (("fc-tiny", "cnn-tiny"), ["cnn-tiny", "fc-tiny"]),
    ],
)
def test_runs_are_selected_in_order_of_name(names: tuple[str, ...], expected: list[str], runs: Path) -> None:
    found = select_runs(runs, names)
    assert [run.name for run in found] == expected
    assert [run.folder for run in found] == [runs / name for name in expected]


def test_an_unknown_run_gets_the_nearest_name(runs: Path) -> None:
    with pytest.raises(UsageError, match="unknown run 'fc-tinny': did you mean 'fc-tiny'") as caught:
        select_runs(runs, ["cnn-tiny", "fc-tinny"])
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("folder", ["nowhere", "."])
def test_where_there_are_no_runs_the_message_says_how_to_make_one(folder: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="edgedigits train") as caught:
        select_runs(tmp_path / folder)
    assert caught.value.exit_code == 3
    assert str(tmp_path) in str(caught.value)


def test_a_damaged_run_among_whole_ones_is_not_passed_over(run: Path) -> None:
    shutil.copytree(run, run.parent / "whole")
    flip_last_byte(run / WEIGHTS)
    assert [found.name for found in select_runs(run.parent, ["whole"])] == ["whole"]
    with pytest.raises(CheckpointError, match="fc-tiny"):
        select_runs(run.parent)


def test_a_copied_run_goes_by_its_folders_name(run: Path) -> None:
    """Or it would be exported to the folder of the run that it was copied from."""
    shutil.copytree(run, run.parent / "fc-old")
    assert [found.name for found in select_runs(run.parent)] == ["fc-old", "fc-tiny"]


def test_a_record_that_asks_for_all_memory_is_refused_before_anything_is_allocated(runs: Path, tmp_path: Path) -> None:
    """Weights and record agree, in a model whose first layer would take 31 GB."""
    run = Path(shutil.copytree(runs / "fc-tiny", tmp_path / "fc-tiny"))
    record = read_checkpoint(run)
    spec = fc(10**7)
    classifier = load_classifier(record)
    saved = write_checkpoint(classifier, dataclasses.replace(record, spec=spec), run)
    with pytest.raises(CheckpointError, match=r"tensor .* is .*50, 784.*10000000, 784"):
        load_classifier(saved)
