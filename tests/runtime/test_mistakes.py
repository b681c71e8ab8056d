"""The usual mistakes: each is made, and its line read."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from edgedigits.runtime.asking import Unknown
from edgedigits.runtime.finding import find_input
from edgedigits.runtime.mistakes import is_initial, not_loaded
from edgedigits.runtime.noticing import noticed
from tests.helpers.unknown import digits, model, softmax

MEAN, STD = 0.1307, 0.3081


def remarks(ask: Callable[[Any], Any], said: str = "", tensors: Mapping[str, np.ndarray] | None = None) -> str:
    """What is remarked of a model, line by line."""
    images, labels = digits()
    unknown = Unknown("theirs", ask)
    found = find_input(unknown, images, labels, said)
    return "\n".join(noticed(unknown, found, images, labels, said, tensors or {}).remarks)


def trained() -> Callable[[Any], Any]:
    """Its scores come from a dropout that is still on."""
    rng, inner = np.random.default_rng(0), model("0..1, nchw")
    return lambda batch: (scores := inner(batch)) * (rng.random(scores.shape) < 0.9)


def doubled() -> Callable[[Any], Any]:
    inner = model("mean/std, nchw")
    return lambda batch: inner((((batch - MEAN) / STD - MEAN) / STD).astype(np.float32))


WRONG: dict[str, Callable[[], Callable[[Any], Any]]] = {
    "still in training mode": trained,
    "normalization doubled": doubled,
    "ink and paper swapped": lambda: model("0..1, nchw, dark ink"),
    "transposed": lambda: model("0..1, nchw, transposed"),
    "channels last": lambda: model("0..1, nhwc"),
    "0..255 instead of 0..1": lambda: model("0..255, nchw"),
    "softmax twice": lambda: model("0..1, nchw", lambda scores: softmax(softmax(scores))),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_is_named(name: str) -> None:
    found = remarks(WRONG[name]()).splitlines()
    assert any(line.startswith(f"{name}: ") for line in found), found


@pytest.mark.parametrize(
    ("made", "said", "name"),
    [
        ("0..1, nchw, dark ink", "light ink", "ink and paper swapped"),
        ("mean/std, nchw", "0..255", "0..1 instead of 0..255"),
        ("0..1, nchw, transposed", "upright", "transposed"),
    ],
)
def test_what_is_said_wrongly_is_named(made: str, said: str, name: str) -> None:
    assert f"{name}: " in remarks(model(made), said)


def test_what_is_right_has_no_remark() -> None:
    assert remarks(model("0..1, nchw")) == ""


def test_tensors_as_torch_initializes_them_are_named() -> None:
    rng = np.random.default_rng(0)
    fresh = rng.uniform(-1 / 28, 1 / 28, (50, 784)).astype(np.float32)
    assert is_initial(fresh)
    assert is_initial(np.ascontiguousarray(fresh.T))
    assert not is_initial(fresh * np.float32(1.2))
    assert not is_initial(rng.normal(0, 0.02, (50, 784)).astype(np.float32))
    assert list(not_loaded({"fc1.weight": fresh, "fc2.weight": fresh * 3})) == [
        "weights not loaded: fc1.weight is as torch initializes them; load them with strict=True"
    ]
