import dataclasses

import pytest

from edgedigits.data import published
from edgedigits.errors import UsageError
from edgedigits.models.classifier import build_classifier
from edgedigits.models.presets import DEFAULT_MODELS, OURS, PRESETS, RECIPES, find_preset, find_recipe
from edgedigits.records.earlier import EarlierSpec
from edgedigits.records.model import Recipe

PUBLISHED = {  # network, normalization, optimizer and data set of each tutorial
    "fc": (
        EarlierSpec("fc", {"hidden": (50,)}),
        Recipe(optimizer="adam", lr=1e-3, batch_size=64, epochs=1),
        "mnist",
    ),
    "fc-28": (
        EarlierSpec("fc", {"hidden": (28,)}),
        Recipe(optimizer="adam", lr=1e-2, batch_size=64, epochs=5),
        "fashion",
    ),
    "fc-deep": (
        EarlierSpec("fc", {"hidden": (784, 500, 50)}),
        Recipe(optimizer="adam", lr=1e-3, batch_size=8192, epochs=50),
        "mnist",
    ),
    "cnn": (
        EarlierSpec("cnn", {"blocks": ((8,), (16,))}),
        Recipe(optimizer="adam", lr=1e-3, batch_size=64, epochs=5),
        "mnist",
    ),
    "cnn-deep": (
        EarlierSpec("cnn", {"blocks": ((32, 32), (32,)), "hidden": (100, 50)}, mean=0.5, std=0.5),
        Recipe(optimizer="adam", lr=1e-4, betas=(0.5, 0.999), batch_size=64, epochs=10),
        "mnist",
    ),
}
READERS = {"reader": 30_000, "reader-deep": 200_000}  # with the most parameters that they may have
PLAIN = {"weight_decay": 0.0, "schedule": "constant", "shift": 0, "validation": 0.0}  # none of the tutorials does more


def test_every_preset_is_compared_with_its_tutorial() -> None:
    assert PUBLISHED.keys() == PRESETS.keys() - READERS


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_tutorial_recipe_is_the_published_one(name: str) -> None:
    spec, recipe, dataset = PUBLISHED[name]
    assert PRESETS[name].spec.network == spec.network
    assert find_recipe(name, "tutorial") == dataclasses.replace(recipe, **PLAIN)
    assert PRESETS[name].dataset == dataset


@pytest.mark.parametrize("name", PRESETS)
def test_the_default_recipe_is_ours_and_holds_images_out(name: str) -> None:
    default = find_recipe(name)
    assert default == find_recipe(name, "default") != PRESETS[name].tutorial
    assert default.schedule == OURS.schedule
    assert 0 < default.validation < 0.5


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_names_a_data_set_that_is_known(name: str) -> None:
    assert PRESETS[name].dataset in published.KNOWN


@pytest.mark.parametrize("name", PRESETS)
def test_a_presets_recipes_are_those_that_it_has(name: str) -> None:
    preset = PRESETS[name]
    lacking = {which for which in ("long", "tutorial") if getattr(preset, which) is None}
    assert set(preset.recipes) == set(RECIPES) - lacking
    assert all(find_recipe(name, kind) == recipe for kind, recipe in preset.recipes.items())


@pytest.mark.parametrize("name", PRESETS)
def test_every_network_can_learn_to_read_what_people_write(name: str) -> None:
    recipe = find_recipe(name, "reader")
    assert recipe.written
    assert recipe.outliers
    assert (recipe == find_recipe(name)) == (name in READERS)


@pytest.mark.parametrize("name", READERS)
def test_readers_are_small(name: str) -> None:
    assert PRESETS[name].spec.network.parameters <= READERS[name]


def test_a_long_recipe_takes_more_epochs() -> None:
    assert find_recipe("fc", "long").epochs > find_recipe("fc").epochs


def test_a_recipe_that_a_preset_has_not_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match=r"model fc-deep: has no recipe 'long', only default, reader, tutorial\."):
        find_recipe("fc-deep", "long")


def test_one_model_of_each_network_is_trained_by_default() -> None:
    assert DEFAULT_MODELS == ("fc", "cnn")
    assert set(DEFAULT_MODELS) <= PRESETS.keys()


STATE = {  # names in the state dict, which checkpoints and files of other programs hold
    "fc": ["layers.0", "layers.2"],
    "fc-28": ["layers.0", "layers.2"],
    "fc-deep": ["layers.0", "layers.2", "layers.4", "layers.6"],
    "cnn": ["features.0", "features.3", "head.0"],
    "cnn-deep": ["features.0", "features.2", "features.5", "head.0", "head.2", "head.4"],
}


@pytest.mark.parametrize("name", STATE)
def test_tensors_keep_their_names(name: str) -> None:
    wanted = [f"{layer}.{part}" for layer in STATE[name] for part in ("weight", "bias")]
    assert list(PRESETS[name].spec.network.weights) == wanted
    assert list(build_classifier(PRESETS[name].spec).state_dict()) == [f"network.{each}" for each in wanted]


def test_a_misspelt_model_gets_the_nearest_name() -> None:
    with pytest.raises(UsageError, match=r"unknown model 'cnn-deeep': did you mean 'cnn-deep'\? Known: fc, fc-28,"):
        find_preset("cnn-deeep")


def test_a_misspelt_recipe_gets_the_nearest_name() -> None:
    with pytest.raises(UsageError, match=r"unknown recipe 'tutorail': did you mean 'tutorial'\?"):
        find_recipe("cnn", "tutorail")
