"""The usual mistakes in files that say they are ours: `verify` names each as the cause of its failure."""

import copy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from edgedigits.export.formats import Source, get_format
from edgedigits.models.checkpoint import read_checkpoint
from edgedigits.models.classifier import Classifier, Deployed
from edgedigits.models.weights import load_classifier
from edgedigits.records.network import Input
from edgedigits.verify.verifier import verify
from tests.helpers import HERE, keep
from tests.helpers.broken import Answering
from tests.verify.test_verify import rewrite

NAME = "cnn-deep-tiny"  # normalized by mean 0.5 and std 0.5


@pytest.fixture
def exported(all_files: dict[tuple[str, str], Path], tmp_path: Path) -> Path:
    """The ONNX file of a run, to be spoiled."""
    file = all_files[NAME, "onnx"]
    folder = Path(shutil.copytree(file.parent, tmp_path / NAME))
    keep(folder, "onnx")
    return folder / file.name


def seen_as(mean: float, std: float) -> Callable[[Deployed], nn.Module]:
    return lambda model: Deployed(Classifier(cast(Classifier, model.classifier).network, Input(mean=mean, std=std)))


def not_loaded(model: Deployed) -> nn.Module:
    """Its largest layer, as it was before the training."""
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        max(layers, key=lambda layer: layer.weight.numel()).reset_parameters()
    return model


MISTAKES: dict[str, tuple[Callable[[Deployed], nn.Module], str]] = {
    "no normalization": (seen_as(0, 1), "normalization missing: mean 0.5 and std 0.5 are not in the file"),
    "two normalizations": (seen_as(0.75, 0.25), "normalization doubled: mean 0.5 and std 0.5 are applied twice"),
    "bytes": (seen_as(0, 1 / 255), "0..255 instead of 0..1: pixels are not divided by 255"),
    "two divisions": (seen_as(0.5 * 255, 0.5 * 255), "0..1 instead of 0..255: pixels are divided by 255 twice"),
    "ink": (lambda model: Answering(model, images=lambda x: 255 - x), "ink and paper swapped: "),
    "transposed": (lambda model: Answering(model, images=lambda x: x.transpose(1, 2)), "transposed: "),
    "two softmaxes": (lambda model: Answering(model, logits=lambda x: torch.softmax(x, dim=1)), "softmax twice: "),
    "labels": (lambda model: Answering(model, logits=lambda x: x.roll(1, 1)), "labels permuted: "),
    "weights": (not_loaded, "weights not loaded: "),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_the_cause_is_named(name: str, exported: Path, runs: Path) -> None:
    spoil, cause = MISTAKES[name]
    model = copy.deepcopy(Deployed(load_classifier(read_checkpoint(runs / NAME))))
    contract = HERE.open(exported).contract
    get_format("onnx").write(Source(spoil(model).eval(), contract), exported)  # type: ignore[arg-type]
    rewrite(exported, exported.read_bytes())
    (report,) = verify([exported], runs=runs, opener=HERE).reports
    assert not report.passed
    assert any(failure.startswith(f"cause: {cause}") for failure in report.failures), report.failures


def one_image(model: onnx.ModelProto) -> None:
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 1


def channels_last(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim.add(dim_value=1)
    first = next(node for node in model.graph.node if "image" in node.input)
    first.input[list(first.input).index("image")] = "square"
    model.graph.node.insert(0, helper.make_node("Squeeze", ["image", "last"], ["square"]))
    model.graph.initializer.append(numpy_helper.from_array(np.array([3]), "last"))


def dropout(model: onnx.ModelProto) -> None:
    last = next(node for node in model.graph.node if "logits" in node.output)
    last.output[:] = ["before"]
    model.graph.node.insert(len(model.graph.node) - 1, helper.make_node("Dropout", ["before", "", "yes"], ["logits"]))
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "yes"))


def outside(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="weights.bin")


EDITS: dict[str, tuple[Callable[[onnx.ModelProto], None], str]] = {
    "batch": (one_image, "Batch size baked in: it takes 1 image a call."),
    "channels last": (channels_last, "Channels last: it takes images as [n, side, side, channels]."),
    "dropout": (dropout, "still in training mode: "),
    "external data": (outside, "external data missing: "),
}


@pytest.mark.parametrize("name", EDITS)
def test_a_graph_that_is_refused_says_the_mistake(name: str, exported: Path, runs: Path) -> None:
    edit, words = EDITS[name]
    model = onnx.load(exported)
    edit(model)
    rewrite(exported, model.SerializeToString())
    (report,) = verify([exported], runs=runs, opener=HERE).reports
    (failure,) = report.failures
    assert words in failure
    assert len(failure.splitlines()) == 1
