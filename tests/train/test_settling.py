"""Training in few bits: what it sees are the integers that a checkpoint becomes, score by score."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedigits.data.dataset import Dataset
from edgedigits.errors import UsageError
from edgedigits.models import lowbits, presets
from edgedigits.models.arithmetic.folding import fold
from edgedigits.models.arithmetic.integers import IntegerNetwork
from edgedigits.models.arithmetic.quantizing import quantize
from edgedigits.models.classifier import Classifier, build_classifier, compute_logits
from edgedigits.models.presets import Preset
from edgedigits.models.weights import load_classifier
from edgedigits.records.model import ModelSpec, Recipe
from edgedigits.records.network import Input, Layer, Network
from edgedigits.records.ops import BITS, levels
from edgedigits.records.progress import ignore
from edgedigits.train import loop, settling
from edgedigits.train.trainer import train

IMAGES = np.random.default_rng(0).integers(0, 256, (20, 28, 28), dtype=np.uint8)
NONE = np.zeros((0, 28, 28), np.uint8)
SHORT = Recipe(epochs=2, batch_size=50, lr=3e-3)
FEW_BITS = Preset(
    network="in few bits",
    spec=ModelSpec(
        Network(
            (
                Layer.of("conv", "conv1", channels=6, kernel=5, stride=2, padding=2, bias=False, bits=4),
                Layer.of("batch_norm", "norm1"),
                Layer.of("relu", "act1"),
                Layer.of("conv", "conv2", channels=8, kernel=3, padding=1, bias=False, bits=3),
                Layer.of("batch_norm", "norm2"),
                Layer.of("max_pool", "pool", kernel=2),
                Layer.of("relu", "act2"),
                Layer.of("flatten", "flat"),
                Layer.of("dense", "head", features=10, bits=2),
            )
        )
    ),
    default=Recipe(epochs=8, batch_size=25, lr=1e-2, optimizer="adamw", schedule="one-cycle", precision="auto"),
    tutorial=SHORT,
)


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Convolutions of few bits with what may stand around them, now and then a shortcut, and a head."""
    bits = st.sampled_from(BITS)
    layers: list[Layer] = []
    for place in range(draw(st.integers(1, 3))):
        channels = draw(st.integers(1, 6))
        shape = {"kernel": draw(st.sampled_from((1, 3, 5))), "stride": draw(st.integers(1, 2)), "padding": 1}
        layers.append(Layer.of("conv", f"{place}.conv", channels=channels, bits=draw(bits), **shape))
        between = [Layer.of("batch_norm", f"{place}.norm"), Layer.of("max_pool", f"{place}.pool", kernel=2)]
        layers += draw(st.permutations(between))[: draw(st.integers(0, 2))]
        layers.append(Layer.of(draw(st.sampled_from(("relu", "relu6"))), f"{place}.act"))
        if draw(st.booleans()):
            again = Layer.of("conv", f"{place}.again", channels=channels, kernel=3, padding=1, bits=draw(bits))
            layers += [again, Layer.of("add", f"{place}.sum", f"{place}.act", f"{place}.again", ranged=True)]
    layers.append(draw(st.sampled_from((Layer.of("flatten", "flat"), Layer.of("mean", "mean", ranged=True)))))
    layers.append(Layer.of("dense", "head", features=10, bits=draw(bits)))
    try:
        return Network(tuple(layers), Input(mean=0.1307, std=0.3081) if draw(st.booleans()) else Input())
    except UsageError:  # a window larger than what is left of the image
        return draw(networks())


def measured(network: Network) -> Classifier:
    """A classifier to train, of random weights, whose batch norm has seen images."""
    torch.manual_seed(0)
    classifier = build_classifier(ModelSpec(network)).train()
    for few in lowbits.low_bits(classifier).values():
        torch.nn.init.uniform_(few.layer.scale, 0.5, 1.5)
    for norm in (each for each in classifier.modules() if isinstance(each, torch.nn.BatchNorm2d)):
        torch.nn.init.uniform_(norm.weight, -0.5, 1.5)
    classifier(torch.from_numpy(IMAGES))
    return classifier


def integers(classifier: Classifier) -> IntegerNetwork:
    """What a checkpoint of it becomes, without another look at images."""
    walk = classifier.network
    return quantize(fold(walk.listed, {name: each.numpy() for name, each in walk.state_dict().items()}), NONE)  # type: ignore[arg-type]


def test_what_a_first_convolution_of_few_bits_gives_lies_as_its_weights_do() -> None:
    classifier = build_classifier(FEW_BITS.spec).to(memory_format=torch.channels_last)
    with lowbits.learning(classifier):
        found = classifier.network.get_submodule("conv1")(torch.rand(2, 1, 28, 28))
    assert found.is_contiguous(memory_format=torch.channels_last)


@settings(derandomize=True, deadline=None, database=None, max_examples=40)
@given(networks())
def test_the_scores_that_training_sees_are_those_of_the_integers(network: Network) -> None:
    classifier = measured(network)
    with lowbits.learning(classifier):
        settled = settling.Settling(classifier, IMAGES, steps=1)
        settled.follow(0)
        logits = classifier(torch.from_numpy(IMAGES))
        seen = settled.values[len(settled.integers.network.steps)].flatten(1)
        logits.square().mean().backward()
        settled.end()
    layers = [few.layer for few in lowbits.low_bits(classifier).values()]
    assert all(layer.weight.grad is not None and layer.scale.grad is not None for layer in layers)
    found = integers(classifier)
    np.testing.assert_array_equal(seen.numpy(), found.scores(IMAGES))
    np.testing.assert_array_equal(logits.detach().numpy(), (found.scores(IMAGES) * found.unit).astype(np.float32))


def fitted(digits: Dataset, network: Network, recipe: Recipe) -> Classifier:
    torch.manual_seed(0)
    classifier = build_classifier(ModelSpec(network))
    loop.fit(classifier, recipe, digits.train, digits.test, ignore)
    return classifier


def test_trained_weights_are_whole_multiples_of_their_scales(digits: Dataset) -> None:
    classifier = fitted(digits, FEW_BITS.spec.listed, SHORT)
    for few, bits in zip(lowbits.low_bits(classifier).values(), (4, 3, 2), strict=True):
        parts = few.layer.weight.detach().flatten(1) / few.layer.scale.detach()[:, None]
        torch.testing.assert_close(parts, parts.round(), atol=1e-4, rtol=0)
        assert levels(bits) / 2 < parts.abs().max().round() <= levels(bits)
        assert few.layer.scale.min() > 0


def test_integers_and_floats_of_a_trained_network_agree(digits: Dataset) -> None:
    classifier = fitted(digits, FEW_BITS.spec.listed, FEW_BITS.default)
    wanted = compute_logits(classifier, digits.test.images)
    found = integers(classifier)
    scores = found.scores(digits.test.images)
    assert (scores.argmax(1) == wanted.argmax(1)).mean() > 0.95
    assert (scores.argmax(1) == digits.test.labels).mean() > 0.8
    assert np.abs(scores * found.unit - wanted).max() < 0.1 * np.ptp(wanted)


def test_what_is_held_out_is_answered_by_the_integers(digits: Dataset) -> None:
    torch.manual_seed(0)
    classifier = build_classifier(FEW_BITS.spec)
    history = loop.fit(classifier, SHORT, digits.train, digits.test, ignore)
    right = integers(classifier).scores(digits.test.images).argmax(1) == digits.test.labels
    assert history.epochs[-1].validation_accuracy == right.mean()


@pytest.mark.lengthy
@pytest.mark.parametrize("average", [None, 0.9])
def test_an_interrupted_training_goes_on_to_the_same_bytes(
    average: float | None, digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(presets.PRESETS, "few", FEW_BITS)  # type: ignore[arg-type]
    whole = train("few", digits, runs=tmp_path / "whole", device="cpu", average=average, threads=1)
    steps = 12 * 8  # 300 images, 25 a step
    first = int(steps * (1 - settling.PART))
    for stop in (5, first, first + 1, steps - 1, steps):
        runs = tmp_path / str(stop)
        with monkeypatch.context() as patch:
            patch.setattr(loop.Training, "average", _stopping(loop.Training.average, stop))
            with pytest.raises(KeyboardInterrupt):
                train("few", digits, runs=runs, device="cpu", average=average, threads=1, save_every=0)
        with pytest.warns(UserWarning, match="goes on in epoch"):
            again = train("few", digits, runs=runs, device="cpu", average=average, threads=1, resume=True)
        assert again.weights_sha256 == whole.weights_sha256


def _stopping(average, stop):  # type: ignore[no-untyped-def]
    def stops(training: loop.Training) -> None:
        if training.meter.step == stop - 1:
            raise KeyboardInterrupt
        average(training)

    return stops


def test_the_weights_in_the_end_may_be_a_mean(digits: Dataset, tmp_path: Path) -> None:
    plain, mean = (
        load_classifier(train("fc", digits, runs=tmp_path / str(average), epochs=2, device="cpu", average=average))
        for average in (None, 0.5)
    )
    weights = [each.get_parameter("network.layers.0.weight") for each in (plain, mean)]
    assert 0 < (weights[0] - weights[1]).abs().max() < 0.2


def test_a_network_whose_ranges_are_not_kept_is_refused_by_the_layers_name(digits: Dataset) -> None:
    layers = (
        Layer.of("conv", "conv", channels=4, kernel=3, bits=4),
        Layer.of("mean", "mean"),
        Layer.of("dense", "head", features=10, bits=4),
    )
    with pytest.raises(UsageError, match=r"^layer 'mean': keeps no range, which training in few bits needs"):
        fitted(digits, Network(layers), SHORT)


def test_a_channel_that_training_left_hardly_more_than_its_bias_has_integers_too(digits: Dataset) -> None:
    classifier = fitted(digits, FEW_BITS.spec.listed, SHORT)
    conv, norm = (classifier.network.get_submodule(name) for name in ("conv2", "norm2"))
    with torch.no_grad():
        conv.weight[0] *= 1e-9  # type: ignore[index,operator]
        conv.scale[0] *= 1e-9  # type: ignore[index,operator]
        norm.bias[0] = 1.0  # type: ignore[index,operator]
    found, logits = integers(classifier).scores(digits.test.images), compute_logits(classifier, digits.test.images)
    assert (found.argmax(1) == logits.argmax(1)).mean() > 0.95


def test_weights_that_are_no_multiples_are_not_taken_for_low_bits() -> None:
    walk = measured(FEW_BITS.spec.listed).network
    folded = fold(walk.listed, {name: each.numpy() for name, each in walk.state_dict().items()})  # type: ignore[arg-type]
    with pytest.raises(
        UsageError, match=r"^layer 'conv1': its weights are not of 4 bits: whole multiples of its scale"
    ):
        quantize(folded, IMAGES)


def test_a_trained_layer_is_torchs_own(digits: Dataset) -> None:
    layers = [few.layer for few in lowbits.low_bits(fitted(digits, FEW_BITS.spec.listed, SHORT)).values()]
    assert [type(layer) for layer in layers] == [torch.nn.Conv2d, torch.nn.Conv2d, torch.nn.Linear]
    assert all("forward" not in vars(layer) for layer in layers)
