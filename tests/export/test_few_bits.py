"""Weights of few bits in every format: as they were trained, or refused by name."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from edgedigits import embed, export, train, verify
from edgedigits.data.dataset import Dataset
from edgedigits.errors import UsageError
from edgedigits.export.formats import FORMATS
from edgedigits.export.onnx import quantize_weights
from edgedigits.models import lowbits, presets
from edgedigits.models.checkpoint import read_checkpoint
from edgedigits.models.weights import load_classifier
from edgedigits.records.artifact import MANIFEST, Manifest
from edgedigits.runtime import footprint
from edgedigits.runtime.load import load
from edgedigits.runtime.readers.c import read_network
from tests.train.test_settling import FEW_BITS

NAME = "in-few-bits-tiny"
KEPT = ["onnx", "torchscript", "c", "onnx-int8", "onnx-canvas-int8", "c-int8", "c-canvas-int8"]
BITS = (4, 3, 2)  # of its layers


@pytest.fixture(scope="module")
def run(digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A run of three layers of few bits, with batch norm behind two of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(presets.PRESETS, "in-few-bits", FEW_BITS)  # type: ignore[arg-type]
        runs = tmp_path_factory.mktemp("runs")
        train("in-few-bits", digits, runs=runs, device="cpu", validation=0.1)
        yield runs / NAME


@pytest.fixture(scope="module")
def files(run: Path, digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Its file in each format that keeps the weights."""
    folder = tmp_path_factory.mktemp("exports")
    return {each.format: each.path for each in export(run, KEPT, exports=folder, dataset=digits)}


def multiples(run: Path) -> list[np.ndarray[tuple[int, ...], np.dtype[np.int8]]]:
    """The weights of its layers as training left them, in whole steps."""
    layers = [each.layer for each in lowbits.low_bits(load_classifier(read_checkpoint(run))).values()]
    parts = [each.weight.detach().flatten(1) / each.scale.detach()[:, None] for each in layers]
    return [part.round().to(torch.int8).numpy() for part in parts]


def test_the_c_file_has_the_weights_that_were_trained(run: Path, files: dict[str, Path]) -> None:
    network = read_network(files["c-int8"], files["c-int8"].read_bytes())
    steps = [each.step for each in network.steps]
    assert tuple(step.bits for step in steps) == BITS  # type: ignore[attr-defined]
    for step, wanted in zip(steps[:2], multiples(run), strict=False):
        found = network.table(step, "weight").transpose(3, 2, 0, 1).reshape(len(wanted), -1)
        np.testing.assert_array_equal(np.abs(found), np.abs(wanted))  # batch norm may turn a channel's sign


def test_weights_in_a_footprint_are_packed(files: dict[str, Path]) -> None:
    found = footprint.counted(read_network(files["c-int8"], files["c-int8"].read_bytes()))
    outputs, rows = (6, 8, 10), (25, 54, 392)
    packed = [n * -(-o * bits // 8) for n, o, bits in zip(rows, outputs, BITS, strict=True)]
    assert found.weights == sum(packed)


def test_a_folder_around_a_c_file_counts_its_weights_packed(files: dict[str, Path], tmp_path: Path) -> None:
    embed("c", files["c-int8"], tmp_path / "embedded")
    found = footprint.counted(read_network(files["c-int8"], files["c-int8"].read_bytes()))
    assert f"{found.weights + found.tables} bytes of constants" in (tmp_path / "embedded" / "README.md").read_text()


@pytest.mark.parametrize("format_name", ["onnx-int8", "onnx-canvas-int8"])
def test_onnx_stores_the_weights_that_were_trained(format_name: str, run: Path, files: dict[str, Path]) -> None:
    graph = onnx.load(files[format_name]).graph
    stored = [numpy_helper.to_array(each) for each in graph.initializer if each.name.endswith(".integers")]
    assert len(stored) == 3
    for integers, wanted in zip(stored, multiples(run), strict=True):
        rows = (integers if len(integers) == len(wanted) else integers.T).reshape(len(wanted), -1)
        steps = np.abs(wanted).max(axis=1) // np.maximum(np.abs(rows.astype(int)).max(axis=1), 1)  # a common factor
        np.testing.assert_array_equal(np.abs(rows) * steps[:, None], np.abs(wanted))


def test_onnx_in_8_bits_answers_as_torch_and_as_c(digits: Dataset, files: dict[str, Path]) -> None:
    images = digits.test.images
    wanted, found, integers = (load(files[name])(images)[0] for name in ("onnx", "onnx-int8", "c-int8"))
    np.testing.assert_allclose(found, wanted, atol=1e-4 * np.ptp(wanted))
    assert (found.argmax(1) != integers.argmax(1)).mean() <= 0.05


def test_every_file_passes(run: Path, files: dict[str, Path], digits: Dataset) -> None:
    exports = files["c-int8"].parent.parent
    assert verify(runs=run.parent, exports=exports, dataset=digits).passed


@pytest.mark.parametrize("name", ["onnx-static", "torchscript-int8", "torchscript-static"])
def test_formats_that_would_round_the_weights_anew_are_refused(name: str, run: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        export(run, [name], exports=tmp_path)
    assert str(raised.value) == (
        f"{name}: would round anew the weights of {NAME}, which were trained with few bits. Formats that keep them: "
        f"{', '.join(row.name for row in FORMATS if not row.rounds)}."
    )
    assert list(tmp_path.iterdir()) == []


def test_a_format_that_was_not_asked_for_is_left_out(run: Path, tmp_path: Path, digits: Dataset) -> None:
    with pytest.warns(UserWarning, match="format torchscript-int8 left out: it would round anew"):
        export(run, quantize=True, exports=tmp_path, dataset=digits)
    listed = Manifest.read(tmp_path / NAME / MANIFEST).artifacts
    assert [each.format for each in listed] == ["onnx", "onnx-int8", "torchscript"]


def test_weights_are_whole_multiples_where_they_are_any() -> None:
    steps = np.array([[0.1], [0.7], [0.3]], np.float32)
    given = np.array([[-7, 3, 5, 0], [1, 0, -1, 1], [0, 0, 0, 0]], np.float32) * steps
    given = np.concatenate([given, [[0.11, -0.24, 0.37, 0.02]]]).astype(np.float32)
    integers, scales = quantize_weights.rounded(given, 0, bits=4)
    assert integers[:3].tolist() == [[-7, 3, 5, 0], [1, 0, -1, 1], [0, 0, 0, 0]]
    assert np.abs(integers[3]).max() == 127  # trained with no such steps, and so rounded to the nearest
    np.testing.assert_allclose(scales[:2], steps[:2], rtol=1e-6)
    np.testing.assert_array_equal(quantize_weights.rounded(given, 0)[0].max(axis=1), [91, 127, 0, 127])
