"""What a constructor was given, told by the shapes of the weights that it made; and weights that are not a class's."""

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import nn

from edgedigits.adopt.fitting import Stored, find_arguments
from edgedigits.errors import UsageError


class Perceptron(nn.Sequential):
    def __init__(self, inputs: int, hidden: int, classes: int) -> None:
        super().__init__(nn.Flatten(), nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, classes))


class Doubled(nn.Sequential):
    """Twice the width in its second layer, and a side that only the dense layer shows."""

    def __init__(self, width: int, side: int) -> None:
        convs = (nn.Conv2d(1, width, 3, padding=1), nn.Conv2d(width, 2 * width, 3, padding=1), nn.MaxPool2d(2))
        super().__init__(*convs, nn.Flatten(), nn.Linear(2 * width * (side // 2) ** 2, 10))


class Listed(nn.Sequential):
    def __init__(self, widths: list[int]) -> None:
        super().__init__(*(nn.Linear(a, b) for a, b in itertools.pairwise(widths)))


class Deep(nn.Sequential):
    def __init__(self, depth: int, *, width: int) -> None:
        super().__init__(nn.Linear(784, width), *(nn.Linear(width, width) for _ in range(depth)), nn.Linear(width, 10))


class Dropped(nn.Sequential):
    def __init__(self, hidden: int, p: float) -> None:
        super().__init__(nn.Linear(784, hidden), nn.Dropout(p), nn.Linear(hidden, 10))


class Configured(nn.Module):
    def __init__(self, config: Any) -> None:
        super().__init__()
        self.fc = nn.Linear(784, config.classes)


def function(hidden: int) -> nn.Module:
    return Perceptron(784, hidden, 10)


def stored(module: nn.Module, prefix: str = "") -> Stored:
    return Stored(module.state_dict(), prefix)


TOLD: dict[str, tuple[Callable[..., nn.Module], dict[str, Any]]] = {
    "sizes": (Perceptron, {"inputs": 784, "hidden": 32, "classes": 10}),
    "a width that is doubled": (Doubled, {"width": 4, "side": 28}),
    "a list": (Listed, {"widths": [784, 64, 32, 10]}),
    "how many layers": (Deep, {"depth": 3, "width": 20}),
    "of a function": (function, {"hidden": 16}),
}


@pytest.mark.parametrize("name", TOLD)
def test_arguments_are_told_by_the_shapes(name: str) -> None:
    maker, arguments = TOLD[name]
    assert find_arguments(maker, {}, stored(maker(**arguments))) == arguments


def test_only_what_is_not_given_is_looked_for() -> None:
    assert find_arguments(Dropped, {"p": 0.5}, stored(Dropped(24, 0.5))) == {"hidden": 24}
    assert find_arguments(nn.Flatten, {}, stored(nn.Linear(3, 3))) == {}


ASKED: dict[str, tuple[Callable[..., nn.Module], Mapping[str, Any], nn.Module, str]] = {
    "several": (
        Dropped,
        {},
        Dropped(24, 0.5),
        "takes hidden, p; the shapes of its weights do not tell p "
        '({"hidden": 24, "p": 0}, {"hidden": 24, "p": 1} fit). '
        'Say them with --args \'{"hidden": 24, "p": "..."}\'',
    ),
    "none": (
        Configured,
        {},
        nn.Sequential(nn.Linear(784, 10)),
        'takes config; the shapes of its weights do not tell config. Say them with --args \'{"config": "..."}\'',
    ),
    "another class's": (
        Perceptron,
        {},
        nn.Linear(784, 10),
        "takes inputs, hidden, classes; the shapes of its weights do not tell inputs, hidden, classes. Say them",
    ),
}


@pytest.mark.parametrize("name", ASKED)
def test_where_the_shapes_leave_no_one_choice_it_is_asked_for(name: str) -> None:
    maker, given, module, message = ASKED[name]
    with pytest.raises(UsageError) as asked:
        find_arguments(maker, given, stored(module))
    assert str(asked.value).startswith(message)


def test_an_argument_that_leaves_shapes_alone_is_not_told_by_the_one_value_that_runs() -> None:
    def strict(hidden: int, groups: int) -> nn.Module:
        if groups != hidden:
            raise ValueError("as many groups as channels wanted")
        return Perceptron(784, 16, 10)

    with pytest.raises(UsageError, match="do not tell hidden, groups"):
        find_arguments(strict, {}, stored(strict(16, 16)))


def test_names_are_those_of_the_class() -> None:
    module = Perceptron(784, 8, 10)
    outer = nn.ModuleDict({"body": module})
    assert stored(module).named_for(outer).keys() == outer.state_dict().keys()
    assert stored(module, "body.").mismatches(outer) == []
    other = {"1.weight": torch.zeros(9, 784), "1.bias": torch.zeros(8), "x": torch.zeros(3)}
    assert Stored(other).mismatches(module) == [
        "missing: 3.weight [10, 8]",
        "missing: 3.bias [10]",
        "left over: x [3]",
        "1.weight: [9, 784], in the class [8, 784]",
    ]
