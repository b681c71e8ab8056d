import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from edgedigits.errors import RecordError, UsageError
from edgedigits.models.classifier import NETWORKS, Classifier, Deployed, build_classifier, parameter_count
from edgedigits.models.networks import cnn
from edgedigits.models.presets import PRESETS
from edgedigits.records.model import ModelSpec

PARAMETERS = {  # weights + biases, layer by layer
    "fc": (784 * 50 + 50) + (50 * 10 + 10),
    "fc-28": (784 * 28 + 28) + (28 * 10 + 10),
    "fc-deep": (784 * 784 + 784) + (784 * 500 + 500) + (500 * 50 + 50) + (50 * 10 + 10),
    "cnn": (9 * 8 + 8) + (9 * 8 * 16 + 16) + (7 * 7 * 16 * 10 + 10),
    "cnn-deep": (9 * 32 + 32) + 2 * (9 * 32 * 32 + 32) + (7 * 7 * 32 * 100 + 100) + (100 * 50 + 50) + (50 * 10 + 10),
}


@pytest.fixture
def images() -> Tensor:
    """Five images of noise, uint8 `[5, 28, 28]`, black and white pixels among them."""
    torch.manual_seed(0)
    noise = torch.randint(256, (5, 28, 28), dtype=torch.uint8)
    noise[0, 0, :2] = torch.tensor([0, 255], dtype=torch.uint8)
    return noise


def normalized(images: Tensor, mean: float, std: float) -> Tensor:
    return ((images.double() / 255 - mean) / std).float().unsqueeze(1)


def test_every_network_is_trained_by_a_preset() -> None:
    assert NETWORKS.own.keys() == {preset.spec.family for preset in PRESETS.values()}


def test_every_preset_has_its_parameters_counted_here() -> None:
    assert PARAMETERS.keys() == PRESETS.keys()


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_has_exactly_the_parameters_of_its_layers(name: str) -> None:
    assert parameter_count(PRESETS[name].spec) == PARAMETERS[name]


def test_counting_parameters_allocates_nothing() -> None:
    assert parameter_count(ModelSpec("fc", {"hidden": (10**9,)})) == 784 * 10**9 + 10**9 + 10 * 10**9 + 10


@pytest.mark.parametrize("classes", [2, 10, 26])
@pytest.mark.parametrize("name", PRESETS)
def test_a_classifier_gives_a_logit_for_each_label_of_each_image(name: str, classes: int, images: Tensor) -> None:
    spec = dataclasses.replace(PRESETS[name].spec, labels=tuple(str(label) for label in range(classes)))
    for batch in (images, images[:1], images[:0]):
        logits = build_classifier(spec)(batch)
        assert logits.shape == (len(batch), classes)
        assert logits.dtype == torch.float32


@pytest.mark.parametrize("name", PRESETS)
def test_the_last_layer_is_free_to_be_negative(name: str, images: Tensor) -> None:
    torch.manual_seed(0)
    assert build_classifier(PRESETS[name].spec)(images).min() < 0


@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (0.5, 0.5), (0.1307, 0.3081), (0.0, 2.0), (-1.0, 1.0)])
def test_a_network_sees_scaled_and_normalized_pixels(mean: float, std: float, images: Tensor) -> None:
    seen = Classifier(nn.Identity(), mean, std)(images)
    torch.testing.assert_close(seen, normalized(images, mean, std), rtol=1e-6, atol=1e-6)


def test_pooling_before_relu_is_pooling_after_it(images: Tensor) -> None:
    torch.manual_seed(0)
    network = cnn.Network(10, blocks=((4, 5), (6,)), hidden=(7,))
    first, second, third = (layer for layer in network.features if isinstance(layer, nn.Conv2d))
    relu, pool = nn.ReLU(), nn.MaxPool2d(2)
    usual = nn.Sequential(first, relu, second, relu, pool, third, relu, pool, nn.Flatten(), network.head)
    x = normalized(images, 0.5, 0.5)
    assert torch.equal(network(x), usual(x))


def test_a_cnn_has_relu_after_each_convolution_and_pools_once_a_block() -> None:
    kinds = [type(layer).__name__ for layer in cnn.Network(10, blocks=((4, 5), (6,))).features]
    assert kinds == ["Conv2d", "ReLU", "Conv2d", "MaxPool2d", "ReLU", "Conv2d", "MaxPool2d", "ReLU"]


@pytest.mark.parametrize("name", PRESETS)
def test_an_image_gets_the_same_answer_whatever_is_beside_it(name: str, images: Tensor) -> None:
    classifier = build_classifier(PRESETS[name].spec).eval()
    alone = torch.cat([classifier(image[None]) for image in images])
    torch.testing.assert_close(classifier(images), alone)


def test_deployed_gives_logits_and_their_softmax(images: Tensor) -> None:
    classifier = build_classifier(PRESETS["fc"].spec)
    logits, probabilities = Deployed(classifier)(images)
    assert torch.equal(logits, classifier(images))
    torch.testing.assert_close(probabilities, logits.exp() / logits.exp().sum(dim=1, keepdim=True))


def test_the_same_seed_builds_the_same_network() -> None:
    built = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        built.append(build_classifier(PRESETS["cnn"].spec).state_dict())
    assert all(torch.equal(built[0][name], built[1][name]) for name in built[0])
    assert not all(torch.equal(built[0][name], built[2][name]) for name in built[0])


def test_an_unknown_network_is_named_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="unknown network 'cmn': did you mean 'cnn'"):
        build_classifier(ModelSpec("cmn", {}))


@pytest.mark.parametrize(
    ("family", "params"),
    [
        ("fc", {}),
        ("fc", {"hidden": 50}),
        ("fc", {"hidden": ("50",)}),
        ("fc", {"hidden": (-1,)}),
        ("fc", {"hidden": (50,), "dropout": 0.5}),
        ("fc", {"hidden": (50,), "classes": 3}),
        ("cnn", {"blocks": (8, 16)}),
        ("cnn", {"blocks": None}),
    ],
)
def test_parameters_that_a_network_does_not_take_are_named(family: str, params: dict[str, Any]) -> None:
    with pytest.raises(RecordError) as caught:
        build_classifier(ModelSpec(family, params))
    assert str(caught.value).startswith(f"network '{family}' cannot take the parameters {params}: ")
