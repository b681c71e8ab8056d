"""What the first version wrote is read on, and the words that it had are still the ones in the weights file."""

import json
from pathlib import Path
from typing import Any

import pytest

from edgedigits.errors import RecordError
from edgedigits.models.presets import PRESETS
from edgedigits.records.artifact import Manifest
from edgedigits.records.earlier import EarlierSpec
from edgedigits.records.model import ModelSpec
from edgedigits.records.network import Input, Layer, Network
from tests.helpers import TUTORIALS
from tests.helpers.networks import RESIDUAL, fc

SHELF = Path(__file__).parents[2] / "exports"
WORDS: dict[str, dict[str, Any]] = {  # as the first version wrote them
    "fc": {"family": "fc", "params": {"hidden": [50]}, "mean": 0.0, "std": 1.0},
    "fc-28": {"family": "fc", "params": {"hidden": [28]}, "mean": 0.0, "std": 1.0},
    "fc-deep": {"family": "fc", "params": {"hidden": [784, 500, 50]}, "mean": 0.0, "std": 1.0},
    "cnn": {"family": "cnn", "params": {"blocks": [[8], [16]]}, "mean": 0.0, "std": 1.0},
    "cnn-deep": {
        "family": "cnn",
        "params": {"blocks": [[32, 32], [32]], "hidden": [100, 50]},
        "mean": 0.5,
        "std": 0.5,
    },
}


def document(name: str) -> dict[str, Any]:
    words = WORDS[name]
    return {
        "family": words["family"],
        "params": words["params"],
        "labels": list("0123456789"),
        "mean": words["mean"],
        "std": words["std"],
        "input_shape": [28, 28],
    }


def test_every_preset_had_words() -> None:
    assert WORDS.keys() == set(TUTORIALS)


@pytest.mark.parametrize("name", WORDS)
def test_what_the_first_version_wrote_is_the_preset(name: str) -> None:
    assert ModelSpec.from_dict(document(name)) == PRESETS[name].spec
    assert ModelSpec.from_json(json.dumps(WORDS[name])) == PRESETS[name].spec  # the rest were defaults


@pytest.mark.parametrize("name", WORDS)
def test_the_words_for_a_preset_are_the_same_bytes_as_ever(name: str) -> None:
    spec = PRESETS[name].spec
    found = EarlierSpec.of(spec.network, spec.labels)
    assert found is not None
    assert found.to_json() == json.dumps(document(name), indent=2) + "\n"


@pytest.mark.parametrize("name", WORDS)
def test_the_manifests_of_the_shelf_are_read(name: str) -> None:
    record = Manifest.read(SHELF / name / "manifest.json").checkpoint
    assert record.spec == PRESETS[name].spec


def test_layers_are_what_is_written_today() -> None:
    spec = PRESETS["fc"].spec
    assert spec.to_dict()["network"]["layers"][1] == {
        "op": "dense",
        "name": "layers.0",
        "attributes": {"features": 50},
    }
    assert ModelSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize(
    "network",
    [
        RESIDUAL,
        Network(fc(5).network.layers, Input(ink="dark")),
        Network((Layer.of("flatten", "other"), *fc(5).network.layers[1:])),
        Network((*fc(5).network.layers[:-1], Layer.of("dense", "layers.2", features=10, bias=False))),
        Network((*(Layer.of("max_pool", f"features.{i}", kernel=1) for i in range(9)), *fc(5).network.layers)),
    ],
)
def test_other_networks_had_none(network: Network) -> None:
    assert EarlierSpec.of(network, tuple("0123456789")) is None


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"family": "fcc"}, "ModelSpec: unknown network 'fcc': did you mean 'fc'? Known: fc, cnn."),
        ({"params": []}, "ModelSpec.params: dict wanted, list found"),
        ({"params": {}}, "ModelSpec: network 'fc' cannot take the parameters {}: "),
        ({"params": {"hidden": 50}}, "ModelSpec: network 'fc' cannot take the parameters {'hidden': 50}: "),
        (
            {"params": {"hidden": ["50"]}},
            "ModelSpec: network 'fc' cannot take the parameters {'hidden': ('50',)}: layer",
        ),
        ({"params": {"hidden": [-1]}}, "ModelSpec: network 'fc' cannot take the parameters {'hidden': (-1,)}: layer"),
        ({"params": {"hidden": [5], "dropout": 0.5}}, "ModelSpec: network 'fc' cannot take the parameters"),
        ({"params": {"hidden": [5], "classes": 3}}, "ModelSpec: network 'fc' cannot take the parameters"),
        ({"family": "cnn", "params": {"blocks": [8, 16]}}, "ModelSpec: network 'cnn' cannot take the parameters"),
        ({"family": "cnn", "params": {"blocks": None}}, "ModelSpec: network 'cnn' cannot take the parameters"),
        ({"family": "cnn", "params": {"blocks": [[1]] * 5}}, "ModelSpec: network 'cnn' cannot take the parameters"),
        ({"std": 0}, "ModelSpec: network 'fc' cannot take the parameters"),
        ({"input_shape": [32, 32]}, "ModelSpec: input_shape: (28, 28) wanted, (32, 32) given"),
        ({"labels": []}, "ModelSpec: network 'fc' cannot take the parameters"),
        ({"labels": ["0", "0"]}, "ModelSpec: labels: no class twice wanted"),
        ({"layers": []}, "ModelSpec: unknown field 'layers'"),
    ],
)
def test_what_the_first_version_could_not_write_is_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(RecordError) as caught:
        ModelSpec.from_json(json.dumps(document("fc") | changes))
    assert str(caught.value).startswith(complaint)
    assert "\n" not in str(caught.value)
