"""Strangers' networks as C: what has a form answers as its numbers and its ONNX file do; the rest says why not."""

from pathlib import Path

import pytest
import torch

from edgedigits.adopt.adopter import adopt
from edgedigits.data.dataset import Dataset
from edgedigits.errors import UsageError
from edgedigits.export.exporter import export
from edgedigits.records.model import Checkpoint
from edgedigits.runtime.load import Opener, load
from tests.adopt.test_strangers import STRANGERS, learned, shown

WHOLE = "needs the list of layers, and theirs is kept whole as a graph|graph has no form without a runtime"
REFUSED = {
    "hardswish": "the input: threshold 127 has no form without a runtime",  # drawn digits are read best binarized
    "log_softmax": r"layer '4': log_softmax before the end has no form without a runtime",
    "32x32": "the input: fit 'pad-last' has no form without a runtime",
    "one image and no list": WHOLE,
    "layer norm": WHOLE,
    "group norm": WHOLE,
}
FEW = 3  # int8 answers of 60 that may differ


def adopted(name: str, digits: Dataset, folder: Path) -> Checkpoint:
    images = shown(name, digits.train.images)
    module = learned(name, images, torch.from_numpy(digits.train.labels))
    return adopt(module, name="theirs", dataset=digits, runs=folder / "runs")


@pytest.mark.lengthy
@pytest.mark.parametrize("name", [name for name in STRANGERS if name not in REFUSED])
def test_a_strangers_network_answers_in_c(name: str, digits: Dataset, tmp_path: Path) -> None:
    run = adopted(name, digits, tmp_path)
    formats = ("onnx", "c", "c-int8")
    onnx, floats, integers = export(run, formats, dataset=digits, exports=tmp_path / "exports")
    images = digits.test.images
    wanted = load(onnx.path)(images)[0].argmax(1)
    boxed = Opener(engine="wasm")  # raises where a score is not that of the reference
    assert (boxed.open(floats.path).in_batches(images)[0].argmax(1) == wanted).all()
    assert (boxed.open(integers.path).in_batches(images)[0].argmax(1) != wanted).sum() <= FEW


@pytest.mark.lengthy
@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("format_name", ["c", "c-int8"])
def test_what_has_no_form_in_c_says_why(name: str, format_name: str, digits: Dataset, tmp_path: Path) -> None:
    run = adopted(name, digits, tmp_path)
    with pytest.raises(UsageError, match=REFUSED[name]):
        export(run, format_name, dataset=digits, exports=tmp_path / "exports")
    assert not (tmp_path / "exports").exists()
