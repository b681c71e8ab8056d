"""Networks that are no presets are exported too: every op, in every format that holds floats, answers as in torch."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from edgedigits.export.formats import FORMATS, Source, get_format
from edgedigits.models.classifier import Deployed, build_classifier, compute_logits
from edgedigits.records.artifact import Contract
from edgedigits.records.model import ModelSpec
from edgedigits.records.network import Input, Network
from edgedigits.records.ops import OPS
from tests.helpers import HERE
from tests.helpers.networks import EVERYTHING, RESIDUAL

NETWORKS = {
    "every op": EVERYTHING,
    "a block with a shortcut": RESIDUAL,
    "other images": Network(RESIDUAL.layers, Input(side=32, fit="resize", threshold=77, ink="dark", turned=True)),
    "images by their own": Network(RESIDUAL.layers, Input(side=36, fit="pad-last", own=True)),
}
WHOLE = ("onnx", "torchscript", "pt2")  # containers with a form of every op; C has most: tests/export/c/test_floats.py
FLOATS = [
    name
    for name in FORMATS.own
    if (row := get_format(name)).precision == "float" and row.input == "digit" and row.container in WHOLE
]


def test_every_op_is_exported_here() -> None:
    whole = {"graph"}  # of networks that cannot be listed: tests/adopt/test_kept.py exports them
    assert {layer.op for layer in EVERYTHING.layers} == OPS.own.keys() - whole


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (20, 28, 28), dtype=np.uint8)


@pytest.mark.parametrize("format_name", FLOATS)
@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_answers_in_its_file_as_in_torch(
    name: str, format_name: str, images: np.ndarray, tmp_path: Path
) -> None:
    row = get_format(format_name)
    if row.unavailable():
        pytest.skip(str(row.unavailable()))
    torch.manual_seed(0)
    spec = ModelSpec(NETWORKS[name])
    classifier = build_classifier(spec)
    for module in classifier.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.5, 0.5)  # type: ignore[union-attr]
    path = tmp_path / f"model{row.suffix}"
    contract = Contract(format_name, tuple("0123456789"), "1" * 64, "mnist", 0.99)
    row.write(Source(Deployed(classifier.eval()), contract, spec=spec), path)
    logits, probabilities = HERE.open(path)(images)
    np.testing.assert_allclose(logits, compute_logits(classifier, images), atol=1e-4)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)


def test_what_is_compared_depends_on_the_image(images: np.ndarray) -> None:
    torch.manual_seed(0)
    logits = compute_logits(build_classifier(ModelSpec(EVERYTHING)), images)
    assert logits.std(0).min() > 1e-5
