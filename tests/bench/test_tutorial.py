"""The published loops: networks as the tutorials have them, and errors for what they do not know."""

import pytest
import torch

from edgedigits.bench import tutorial
from edgedigits.errors import UsageError
from edgedigits.models.classifier import build_classifier
from edgedigits.models.presets import PRESETS
from tests.helpers import TUTORIALS


@pytest.mark.parametrize("model", TUTORIALS)
def test_each_network_is_its_presets_as_published(model: str) -> None:
    """The same function of the same weights, but for the ReLU on the output of fc-deep."""
    published, ours = tutorial.NETWORKS[model](), build_classifier(PRESETS[model].spec).network
    weights = dict(zip(ours.state_dict(), published.state_dict().values(), strict=True))
    ours.load_state_dict(weights)
    images = torch.rand(5, 1, 28, 28)
    wanted = ours(images)
    torch.testing.assert_close(published(images), wanted.relu() if model == "fc-deep" else wanted)


@pytest.mark.parametrize(("model", "dataset", "hint"), [("fcc", "mnist", "fc"), ("fc", "mnist-5k", "mnist")])
def test_unknown_names_are_told(model: str, dataset: str, hint: str) -> None:
    with pytest.raises(UsageError, match=f"did you mean '{hint}'"):
        tutorial.train(model, dataset)
