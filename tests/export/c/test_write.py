"""What cannot be a C file is refused on one line, and leaves nothing behind."""

from pathlib import Path

import pytest
import torch

from edgedigits.errors import UsageError
from edgedigits.export.formats import Source, get_format
from edgedigits.models.classifier import Deployed, build_classifier
from edgedigits.records.artifact import Contract
from edgedigits.records.model import ModelSpec
from edgedigits.records.network import Layer, Network
from tests.models.arithmetic.test_folding import images

FLATTEN, HEAD = Layer.of("flatten", "f"), Layer.of("dense", "head", features=10)
PLAIN = Network((FLATTEN, HEAD))
DIGITS = tuple("0123456789")
WIDE = Network((Layer.of("conv", "c", channels=96, kernel=1), FLATTEN, HEAD))


def write(format_name: str, path: Path, network: Network = PLAIN, labels: tuple[str, ...] = DIGITS) -> None:
    spec = ModelSpec(network, labels)
    classifier = build_classifier(spec)
    for weight in classifier.parameters():
        torch.nn.init.ones_(weight)
    contract = Contract(format_name, spec.labels, "0" * 64, "mnist", 0.5)
    source = Source(Deployed(classifier).eval(), contract, calibration=images(2), spec=spec)
    get_format(format_name).write(source, path)


def refused(folder: Path, format_name: str, file: str, *given: object) -> str:
    with pytest.raises(UsageError) as raised:
        write(format_name, folder / file, *given)  # type: ignore[arg-type]
    assert list(folder.iterdir()) == []
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize("format_name", ["c", "c-int8"])
@pytest.mark.parametrize("label", ['"9"', "ni\nne", "nine */"])
def test_labels_that_c_would_read_otherwise(format_name: str, label: str, tmp_path: Path) -> None:
    said = refused(tmp_path, format_name, "small.c", PLAIN, (*DIGITS[:9], label))
    assert said.startswith(f"label {label!r}: plain ASCII without quotes")


@pytest.mark.parametrize("format_name", ["c", "c-int8"])
def test_names_that_are_none_in_c(format_name: str, tmp_path: Path) -> None:
    assert refused(tmp_path, format_name, "7.c").startswith("7.c: names in C begin with a letter")


@pytest.mark.parametrize("format_name", ["c", "c-int8"])
def test_layers_without_a_form(format_name: str, tmp_path: Path) -> None:
    said = refused(tmp_path, format_name, "small.c", Network((FLATTEN, Layer.of("softmax", "x"), HEAD)))
    assert said.startswith("layer 'x': softmax before the end")


def test_sums_that_32_bits_do_not_hold(tmp_path: Path) -> None:
    assert refused(tmp_path, "c-int8", "small.int8.c", WIDE).startswith("layer 'head': sums of up to 2,4")
    write("c", tmp_path / "small.c", WIDE)  # in float they fit
