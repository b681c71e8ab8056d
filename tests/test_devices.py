"""The proofs of `make devices`, on a small network: they find what falls short, and what differs."""

from pathlib import Path

import numpy as np
import pytest

from edgedigits import export, train
from edgedigits.data.dataset import Dataset
from edgedigits.export.c.canvas import CanvasNetwork, answer_type
from edgedigits.runtime.readers.c import read_network
from edgedigits.verify.verifier import verify
from tests.devices import canvases, proofs
from tests.devices.proofs import Demands
from tests.models.arithmetic.test_folding import images

STRICT = Demands(1.0, 0, 11_000, 2_400, 1, 1, 9_500)


@pytest.fixture
def model(exports: Path) -> Path:
    return exports / "cnn-tiny" / "cnn-tiny.int8.c"


def test_figures_are_held_against_what_is_demanded(model: Path, runs: Path) -> None:
    (report,) = verify(model, runs=runs, sample=20).reports
    found = {proof.what: proof for proof in [*proofs.answers(report, STRICT), *proofs.sizes(model, STRICT)]}
    assert found["verify"].holds
    assert found["scratch"].found == f"{read_network(model, model.read_bytes()).scratch:,}"
    assert found["scratch"].holds
    assert found["flash, clang -Os"].holds
    assert not found["wasm module"].holds
    assert all(proof.holds for proof in proofs.sizes(model, Demands()))


@pytest.mark.needs("gcc")
def test_every_engine_gives_the_same_scores(model: Path, digits: Dataset) -> None:
    found = list(proofs.same_scores(model, digits.test.images, emulated=20))
    assert len(found) == 8
    assert all(proof.holds for proof in found)
    assert [proof.what.rpartition("of ")[2] for proof in found] == [*["600"] * 5, *["200"] * 3]


@pytest.mark.needs("gcc")
def test_times_and_instructions_are_counted(model: Path) -> None:
    (proof, *_) = proofs.instructions(model, STRICT, images(1))
    assert not proof.holds
    assert int(proof.found.replace(",", "")) > 290_080
    (proof,) = proofs.times(model, model.with_name("cnn-tiny.onnx"), images(10))
    assert float(proof.found) > 1


@pytest.mark.needs("gcc")
def test_the_smallest_record_keeps_its_room_and_has_the_same_scores_everywhere(digits: Dataset, tmp_path: Path) -> None:
    run = train("cnn-2k", digits, epochs=1, batch_size=50, runs=tmp_path / "runs", device="cpu", threads=1)
    (made,) = export(run.folder, ["c-int8"], exports=tmp_path / "exports", dataset=digits)
    demands = proofs.RECORDS["cnn-2k"]
    found = [*proofs.sizes(made.path, demands), *proofs.instructions(made.path, demands, digits.test.images[:1])]
    found += proofs.same_scores(made.path, digits.test.images, emulated=5)
    assert {proof.wanted for proof in found} >= {"<= 5,000", "<= 6,144", "<= 8,000,000"}
    assert [proof for proof in found if not proof.holds] == []


@pytest.mark.needs("gcc")
def test_canvases_are_read_alike_everywhere() -> None:
    found = list(canvases.proofs(2_000))
    boxed = ["wasm, flags=-Os", "wasm, flags=-O3"]
    emulated = [f"cortex-m, processor=cortex-{name}" for name in ("m3", "m0", "m4")]
    assert [proof.what.split(":")[0] for proof in found] == ["sanitizers", "sanitizers", *boxed, *emulated]
    assert [proof.found for proof in found] == ["0"] * len(found)


def test_a_canvas_that_is_read_otherwise_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CanvasNetwork, "answers", lambda _, some: np.zeros(len(some), answer_type(10)))
    found = list(canvases.proofs(10))
    assert not any(proof.holds for proof in found)
    assert found[-1].found == "1 of 1 answers are not those of the integers in the file"
