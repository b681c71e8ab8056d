"""Networks as plain steps: what these give in floats against torch, and what has no such form."""

import numpy as np
import pytest
import torch

from edgedigits.errors import UsageError
from edgedigits.models.arithmetic import floats, steps
from edgedigits.models.arithmetic.folding import Folded, fold
from edgedigits.models.classifier import Classifier, build_classifier, compute_logits
from edgedigits.models.presets import PRESETS
from edgedigits.records.arrays import Images
from edgedigits.records.model import ModelSpec
from edgedigits.records.network import Input, Layer, Network
from tests.helpers.networks import RESIDUAL

POOLED = Network(  # what pools and averages in windows that are not all of a size
    (
        Layer.of("conv", "a", channels=4, kernel=(3, 2), stride=(2, 1), dilation=(1, 2), padding=(2, 1)),
        Layer.of("batch_norm", "a_norm"),
        Layer.of("relu6", "a_act"),
        Layer.of("max_pool", "a_pool", kernel=3, stride=2, padding=1, dilation=2, ceil=True),
        Layer.of("avg_pool", "b", kernel=3, stride=2, padding=1, ceil=True, count_padding=False),
        Layer.of("pad", "c", padding=(1, 2, 0, 1)),
        Layer.of("avg_pool", "d", kernel=2, padding=1, stride=1),
        Layer.of("adaptive_avg_pool", "e", size=(3, 2)),
        Layer.of("affine", "f", factor=(1.0, -2.0, 0.5, 3.0), term=0.25),
        Layer.of("gelu", "g"),
        Layer.of("reshape", "h", shape=(24,)),
        Layer.of("batch_norm", "h_norm"),
        Layer.of("dense", "i", features=12, bias=False),
        Layer.of("batch_norm", "i_norm"),
        Layer.of("elu", "j"),
        Layer.of("dense", "k", features=10),
        Layer.of("log_softmax", "l"),
    ),
    Input(mean=0.1307, std=0.3081),
)
FLAT = Network(
    (Layer.of("dense", "a", features=6), Layer.of("relu", "b"), Layer.of("dense", "c", features=10)),
    Input(layout="flat"),
)
COLOURED = Network(
    (Layer.of("conv", "a", channels=4, kernel=5), Layer.of("mean", "b"), Layer.of("dense", "c", features=10)),
    Input(layout="rgb"),
)
NETWORKS = {name: preset.spec.network for name, preset in PRESETS.items()} | {
    "residual": RESIDUAL,
    "pooled": POOLED,
    "flat": FLAT,
    "coloured": COLOURED,
}


def images(count: int) -> Images:
    return np.random.default_rng(0).integers(0, 256, (count, 28, 28), dtype=np.uint8)


def built(network: Network) -> Classifier:
    """A network that batch norm has seen something in."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        classifier = build_classifier(ModelSpec(network))
        with torch.no_grad():
            classifier(torch.from_numpy(images(16)))
    return classifier.eval()


def folded(network: Network) -> Folded:
    return fold(network, {name: each.numpy() for name, each in built(network).network.state_dict().items()})


@pytest.mark.parametrize("name", NETWORKS)
def test_the_steps_give_what_torch_gives(name: str) -> None:
    network = NETWORKS[name]
    wanted = torch.from_numpy(compute_logits(built(network), images(5)))
    scores = torch.from_numpy(floats.evaluated(folded(network), images(5)))
    if network.output == "log-probabilities":
        scores = scores.log_softmax(dim=1)
    np.testing.assert_allclose(scores, wanted, atol=1e-5)


def test_what_can_be_part_of_another_step_is() -> None:
    found = folded(PRESETS["cnn"].spec.network)
    assert [type(step) for step in found.steps] == [steps.Convolve, steps.Convolve, steps.Dense]
    assert [step.plane for step in found.steps] == [(14, 14, 8), (7, 7, 16), (1, 1, 10)]
    assert found.clips == ((0, np.inf), (0, np.inf), (-np.inf, np.inf))


def test_what_somebody_else_reads_too_stays_as_it_is() -> None:
    head = Layer.of("dense", "head", features=10)
    conv, pool, relu = Layer.of("conv", "a", channels=2, kernel=28), Layer.of("mean", "p"), Layer.of("relu", "b")
    join = Layer.of("add", "c", "p", "b")
    found = folded(Network((conv, pool, relu, join, head)))
    assert [type(step) for step in found.steps] == [
        steps.Convolve,
        steps.Average,
        steps.Lookup,
        steps.Add,
        steps.Dense,
    ]


REFUSED = {
    "softmax before the end": (Layer.of("flatten", "f"), Layer.of("softmax", "x")),
    "dense over 3 axes": (Layer.of("dense", "x", features=3), Layer.of("flatten", "f")),
    "reflect padding": (Layer.of("pad", "x", padding=(1, 1, 1, 1), mode="reflect"), Layer.of("flatten", "f")),
    "mean over axes": (Layer.of("mean", "x", axes=(3,)), Layer.of("flatten", "f")),
    "values in another order": (
        Layer.of("conv", "c", channels=4, kernel=3),
        Layer.of("reshape", "r", shape=(2, 52, 26)),
        Layer.of("conv", "x", channels=2, kernel=3),
        Layer.of("flatten", "f"),
    ),
    "concat along another axis": (
        Layer.of("conv", "c", channels=2, kernel=3),
        Layer.of("relu", "r"),
        Layer.of("concat", "x", "c", "r", axis=2),
        Layer.of("flatten", "f"),
    ),
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_has_no_such_form_is_refused_by_its_name(words: str) -> None:
    network = Network((*REFUSED[words], Layer.of("dense", "head", features=10)))
    with pytest.raises(UsageError, match=f"^layer 'x': .*{words}"):
        folded(network)


@pytest.mark.parametrize("name", ["turned", "own", "threshold", "ink", "fit"])
def test_an_input_that_is_more_than_scaled_is_refused_by_its_name(name: str) -> None:
    given = {"turned": True, "own": True, "threshold": 127, "ink": "dark", "fit": "pad"}[name]
    seen = Input(**{name: given}, side=32 if name == "fit" else 28)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=f"^the input: {name} "):
        folded(Network((Layer.of("flatten", "f"), Layer.of("dense", "head", features=10)), seen))
