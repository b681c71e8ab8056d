"""The classifier: what its network sees of an image, and what it answers."""

import dataclasses
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgedigits.errors import RecordError
from edgedigits.models.classifier import Classifier, Deployed, build_classifier
from edgedigits.models.presets import PRESETS
from edgedigits.records.model import ModelSpec
from edgedigits.records.network import FITS, LAYOUTS, Input, Layer, Network
from tests.helpers.networks import fc

PARAMETERS = {  # weights + biases, layer by layer
    "fc": (784 * 50 + 50) + (50 * 10 + 10),
    "fc-28": (784 * 28 + 28) + (28 * 10 + 10),
    "fc-deep": (784 * 784 + 784) + (784 * 500 + 500) + (500 * 50 + 50) + (50 * 10 + 10),
    "cnn": (9 * 8 + 8) + (9 * 8 * 16 + 16) + (7 * 7 * 16 * 10 + 10),
    "cnn-deep": (9 * 32 + 32) + 2 * (9 * 32 * 32 + 32) + (7 * 7 * 32 * 100 + 100) + (100 * 50 + 50) + (50 * 10 + 10),
    "reader": (25 * 16 + 16)
    + (9 * 16 * 32 + 32)
    + 2 * (9 * 32 * 32 + 32)
    + 2 * (16 + 3 * 32)  # of batch norm
    + (3 * 3 * 32 * 10 + 10),
    "reader-deep": (25 * 32 + 32)
    + (9 * 32 * 48 + 48)
    + (9 * 48 * 64 + 64)
    + (9 * 64 * 96 + 96)
    + 2 * (32 + 48 + 64 + 96)
    + (3 * 3 * 96 * 10 + 10),
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


def test_every_preset_has_its_parameters_counted_here() -> None:
    assert PARAMETERS.keys() == PRESETS.keys()


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_has_exactly_the_parameters_of_its_layers(name: str) -> None:
    spec = PRESETS[name].spec
    assert sum(parameter.numel() for parameter in build_classifier(spec).parameters()) == PARAMETERS[name]
    assert spec.network.parameters == PARAMETERS[name]


def test_counting_parameters_allocates_nothing() -> None:
    assert fc(10**7).network.parameters == 784 * 10**7 + 10**7 + 10 * 10**7 + 10  # 32 GB of weights


@pytest.mark.parametrize("classes", [2, 10, 26])
@pytest.mark.parametrize("name", PRESETS)
def test_a_classifier_gives_a_logit_for_each_label_of_each_image(name: str, classes: int, images: Tensor) -> None:
    spec = PRESETS[name].spec.with_labels(tuple(str(label) for label in range(classes)))
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
    seen = Classifier(nn.Identity(), Input(mean=mean, std=std))(images)
    torch.testing.assert_close(seen, normalized(images, mean, std), rtol=1e-6, atol=1e-6)


def test_pooling_before_relu_is_pooling_after_it(images: Tensor) -> None:
    torch.manual_seed(0)
    network = build_classifier(PRESETS["cnn-deep"].spec).network
    first, second, third = (layer for layer in network.modules() if isinstance(layer, nn.Conv2d))
    dense = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
    relu, pool = nn.ReLU(), nn.MaxPool2d(2)
    features = (first, relu, second, relu, pool, third, relu, pool, nn.Flatten())
    usual = nn.Sequential(*features, dense[0], relu, dense[1], relu, dense[2])
    x = normalized(images, 0.5, 0.5)
    assert torch.equal(network(x), usual(x))


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


INPUTS: dict[str, tuple[Input, Callable[[Tensor], Tensor]]] = {  # and the same, done by hand to pixels in 0..255
    "as they are": (Input(), lambda x: x[:, None] / 255),
    "0 to 255": (Input(range=(0, 255)), lambda x: x[:, None]),
    "-1 to 1": (Input(range=(-1, 1)), lambda x: x[:, None] / 127.5 - 1),
    "mean and std": (Input(mean=0.1307, std=0.3081), lambda x: (x[:, None] / 255 - 0.1307) / 0.3081),
    "each by its own": (
        Input(own=True),
        lambda x: ((x - x.mean((1, 2), keepdim=True)) / x.std((1, 2), keepdim=True))[:, None],
    ),
    "dark ink": (Input(ink="dark"), lambda x: 1 - x[:, None] / 255),
    "turned": (Input(turned=True), lambda x: x.transpose(1, 2)[:, None] / 255),
    "black and white": (
        Input(threshold=77, range=(-0.5, 0.5)),
        lambda x: torch.where(x > 77, 0.5, -0.5)[:, None],
    ),
    "padded with paper": (
        Input(side=32, fit="pad", mean=0.5, std=0.5),
        lambda x: (F.pad(x, (2, 2, 2, 2))[:, None] / 255 - 0.5) / 0.5,
    ),
    "padded with dark ink's paper": (
        Input(side=33, fit="pad", ink="dark"),
        lambda x: F.pad(1 - x / 255, (2, 3, 2, 3), value=1.0)[:, None],
    ),
    "padded last": (
        Input(side=32, fit="pad-last", mean=0.5, std=0.5),
        lambda x: F.pad((x / 255 - 0.5) / 0.5, (2, 2, 2, 2))[:, None],
    ),
    "made larger": (
        Input(side=32, fit="resize"),
        lambda x: F.interpolate(x[:, None] / 255, (32, 32), mode="bilinear"),
    ),
    "made smaller": (
        Input(side=14, fit="resize"),
        lambda x: F.interpolate(x[:, None] / 255, (14, 14), mode="bilinear", antialias=True),
    ),
    "without channels": (Input(layout="nhw"), lambda x: x / 255),
    "flat": (Input(layout="flat"), lambda x: x.flatten(1) / 255),
    "channels last": (Input(layout="nhwc"), lambda x: x[..., None] / 255),
    "in color": (Input(layout="rgb"), lambda x: torch.stack([x, x, x], 1) / 255),
}


@pytest.mark.parametrize("name", INPUTS)
def test_a_network_sees_what_its_input_says(name: str, images: Tensor) -> None:
    described, by_hand = INPUTS[name]
    seen = Classifier(nn.Identity(), described)(images)
    assert seen.shape == (len(images), *described.shape)
    torch.testing.assert_close(seen, by_hand(images.double()).float(), rtol=1e-5, atol=1e-5)


def test_an_image_of_one_value_has_no_deviation_and_stays_finite() -> None:
    seen = Classifier(nn.Identity(), Input(own=True))(torch.full((1, 28, 28), 9, dtype=torch.uint8))
    assert seen.abs().max() < 1e-1


def test_all_that_an_input_can_say_is_tried_here() -> None:
    tried = [described for described, _ in INPUTS.values()]
    assert {one.layout for one in tried} == LAYOUTS.keys()
    assert {one.fit for one in tried} == {None, *FITS}
    for field in dataclasses.fields(Input):
        assert len({getattr(one, field.name) for one in tried}) > 1, field.name


@pytest.mark.parametrize("op", ["softmax", "log_softmax"])
def test_what_ends_in_a_softmax_is_deployed_with_its_probabilities(op: str, images: Tensor) -> None:
    torch.manual_seed(0)
    spec = PRESETS["fc"].spec
    ending = ModelSpec(dataclasses.replace(spec.network, layers=(*spec.network.layers, Layer.of(op, "last"))))
    classifier = build_classifier(spec)
    other = build_classifier(ending)
    other.load_state_dict(classifier.state_dict())
    (_, wanted), (logits, found) = Deployed(classifier)(images), Deployed(other)(images)
    torch.testing.assert_close(found, wanted)
    assert torch.equal(logits.argmax(1), wanted.argmax(1))
    assert logits.isfinite().all()


def test_a_layer_that_torch_cannot_call_so_is_refused() -> None:
    layers = (Layer.of("flatten", "forward"), Layer.of("dense", "head", features=10))
    with pytest.raises(
        RecordError, match="cannot be built: layer 'forward': torch modules have something else of this"
    ):
        build_classifier(ModelSpec(Network(layers)))
