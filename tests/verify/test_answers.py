"""Answers that travel: a device without torch compares answer by answer, and only with what is what it should be."""

import dataclasses
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch

from edgedigits.cli import tables, verdict
from edgedigits.data.dataset import Dataset
from edgedigits.errors import UsageError
from edgedigits.export import manifest
from edgedigits.export.answers import Origin, packed
from edgedigits.export.formats import Source, get_format
from edgedigits.models.checkpoint import read_checkpoint
from edgedigits.models.classifier import Deployed
from edgedigits.models.weights import load_classifier
from edgedigits.records.artifact import ANSWERS, Answers, Manifest
from edgedigits.records.report import ANSWERS as COMPARED
from edgedigits.records.report import RECORDED, TORCH_MODEL, Limits, ParityReport
from edgedigits.system import files
from edgedigits.verify.verifier import verify
from tests.helpers import HERE


@pytest.fixture
def folder(exports: Path, tmp_path: Path) -> Path:
    """A copy of one model's files, to be spoiled; not of reports that another test had written beside them."""
    kept = shutil.ignore_patterns(manifest.PARITY_FILE)
    return Path(shutil.copytree(exports / "fc-tiny", tmp_path / "exports" / "fc-tiny", ignore=kept))


def verify_one(path: Path, runs: Path, **options: object) -> ParityReport:
    (report,) = verify([path], runs=runs, opener=HERE, **options).reports  # type: ignore[arg-type]
    return report


def relist(folder: Path, **changes: object) -> None:
    """Make the manifest say what `answers.safetensors` is now, and whatever else of it."""
    path, answers = folder / manifest.FILE, folder / ANSWERS
    listing = Manifest.read(path)
    assert listing.answers
    found = {"sha256": files.sha256(answers), "size_bytes": answers.stat().st_size}
    entry = dataclasses.replace(listing.answers, **(found | changes))  # type: ignore[arg-type]
    path.write_text(dataclasses.replace(listing, answers=entry).to_json())


def rewrite(folder: Path, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Other answers of the same model to the same images, and a manifest that lists them."""
    listing = Manifest.read(folder / manifest.FILE).answers
    assert listing
    logits = safetensors.numpy.load_file(folder / ANSWERS)["logits"]
    origin = Origin(listing.checkpoint_sha256, listing.dataset_sha256)
    (folder / ANSWERS).write_bytes(packed(change(logits), origin))
    relist(folder)


@pytest.mark.parametrize("format_name", ["onnx", "onnx-int8", "torchscript"])
def test_without_a_checkpoint_the_figures_are_those_that_torch_gives(
    format_name: str, folder: Path, runs: Path, tmp_path: Path, digits: Dataset
) -> None:
    path = folder / f"fc-tiny{get_format(format_name).suffix}"
    with_torch, without = verify_one(path, runs), verify_one(path, tmp_path, dataset=digits)
    assert (with_torch.compared_with, without.compared_with) == (TORCH_MODEL, COMPARED)
    assert without.missing == "its checkpoint is not at hand"
    figures = ("flips", "flip_indices", "lost", "gained", "mcnemar_p", "reference_accuracy", "accuracy", "passed")
    assert [getattr(without, name) for name in figures] == [getattr(with_torch, name) for name in figures]
    assert without.max_abs_diff == pytest.approx(with_torch.max_abs_diff, abs=1e-6)
    assert [found.flips for found in without.deployments] == [found.flips for found in with_torch.deployments]
    assert (without.unchecked, without.robustness) == ((), ())


def test_a_file_that_answers_otherwise_fails_without_a_checkpoint(
    folder: Path, runs: Path, tmp_path: Path, digits: Dataset
) -> None:
    path = folder / "fc-tiny.onnx"
    contract, classifier = HERE.open(path).contract, load_classifier(read_checkpoint(runs / "fc-tiny"))
    next(iter(classifier.parameters())).data *= 0.02  # most answers change
    get_format("onnx").write(Source(Deployed(classifier).eval(), contract), tmp_path / "fc-tiny.onnx")
    listing = Manifest.read(folder / manifest.FILE)
    shutil.copy(tmp_path / "fc-tiny.onnx", path)
    entries = [
        dataclasses.replace(entry, sha256=files.sha256(path), size_bytes=path.stat().st_size)
        if entry.file == path.name
        else entry
        for entry in listing.artifacts
    ]
    (folder / manifest.FILE).write_text(dataclasses.replace(listing, artifacts=tuple(entries)).to_json())
    report = verify_one(path, tmp_path, dataset=digits)
    assert report.readable
    assert report.failures[0].startswith(f"flips: {report.flips} of 60 answers changed, limit 0; image ")
    assert any(failure.startswith("logits: off by") for failure in report.failures)
    assert report.worst_image is not None


def test_a_canvas_file_is_compared_by_its_answers_and_not_by_its_logits(
    folder: Path, tmp_path: Path, digits: Dataset
) -> None:
    report = verify_one(folder / "fc-tiny.canvas.onnx", tmp_path, dataset=digits)
    assert report.passed
    assert (report.max_abs_diff, report.worst_image, report.unchecked) == (None, None, ("max-logit-diff",))
    assert report.flips is not None
    asked = verify_one(folder / "fc-tiny.canvas.onnx", tmp_path, dataset=digits, limits=Limits(max_logit_diff=1.0))
    assert asked.failures[0].startswith("logits: max-logit-diff 1 cannot be checked, since its checkpoint is not")


def test_the_page_and_the_table_say_what_was_compared(
    folder: Path, tmp_path: Path, digits: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "report.html"
    result = verify([folder / "fc-tiny.onnx"], runs=tmp_path, dataset=digits, html=page, opener=HERE)
    tables.print_table(verdict.verification(result))
    out = capsys.readouterr().out
    assert "fc-tiny.onnx: its checkpoint is not at hand" in out
    assert "compared answer by answer with what export recorded of their models" in out.splitlines()[-1]
    text = page.read_text()
    assert "compared answer by answer with what its model answered when the file was exported." in text
    assert "No model was at hand" not in text
    assert "Changed answers: 0" in text


def damage(folder: Path) -> None:
    content = bytearray((folder / ANSWERS).read_bytes())
    content[-1] ^= 1
    (folder / ANSWERS).write_bytes(content)


def swap(folder: Path) -> None:
    """The file of other answers, under this one's name and hash."""
    (folder / ANSWERS).write_bytes(packed(np.zeros((60, 10), np.float32), Origin("ab" * 32, "cd" * 32)))
    relist(folder)


def shorten(folder: Path) -> None:
    rewrite(folder, lambda logits: logits[:-1])


def grow(folder: Path) -> None:
    """A file far above all bounds, most of it a hole."""
    os.truncate(folder / ANSWERS, 1 << 40)


def block(folder: Path) -> None:
    """A pipe that nobody writes to."""
    (folder / ANSWERS).unlink()
    os.mkfifo(folder / ANSWERS)


SPOILED: dict[str, tuple[Callable[[Path], None], str]] = {
    "damaged": (damage, "changed since its manifest.json was written"),
    "another model's": (swap, "holds the answers of another model, or to other images"),
    "too short": (shorten, "no finite logits float32 [60, 10]"),
    "too large": (grow, "cannot be read"),
    "no file": (block, "cannot be read"),
    "of another size": (lambda folder: relist(folder, size_bytes=5), "its manifest.json says 5: that was edited"),
}


@pytest.mark.parametrize("at_hand", [True, False])
@pytest.mark.parametrize("name", SPOILED)
def test_a_file_of_answers_that_is_not_as_listed_is_named_and_fails(
    name: str, at_hand: bool, folder: Path, runs: Path, tmp_path: Path, digits: Dataset
) -> None:
    spoil, reason = SPOILED[name]
    spoil(folder)
    report = verify_one(folder / "fc-tiny.onnx", runs if at_hand else tmp_path, dataset=digits)
    (failure,) = report.failures
    assert not report.readable
    assert failure.startswith(f"file: {folder / ANSWERS}")
    assert reason in failure


def test_answers_that_torch_does_not_give_fail_where_it_can_be_asked(folder: Path, runs: Path) -> None:
    rewrite(folder, lambda logits: logits + np.float32(0.5))
    report = verify_one(folder / "fc-tiny.onnx", runs)
    assert [failure for failure in report.failures if failure.startswith("answers: ")] == [
        next(
            failure
            for failure in report.failures
            if "answers.safetensors is off by 0.5 from the torch model" in failure
        )
    ]
    assert report.flips == 0


def test_where_they_are_missing_accuracies_are_compared_and_a_note_says_so(
    folder: Path, runs: Path, tmp_path: Path, digits: Dataset
) -> None:
    (folder / ANSWERS).unlink()
    with pytest.warns(UserWarning, match=r"answers\.safetensors is missing, though manifest\.json lists it: copy it"):
        report = verify_one(folder / "fc-tiny.onnx", tmp_path, dataset=digits)
    assert (report.passed, report.compared_with, report.flips) == (True, RECORDED, None)
    assert verify_one(folder / "fc-tiny.onnx", runs).compared_with == TORCH_MODEL


def test_answers_to_other_images_are_not_compared(folder: Path, runs: Path, digits: Dataset) -> None:
    other = dataclasses.replace(digits, ref=dataclasses.replace(digits.ref, sha256="0" * 64))
    rewrite(folder, lambda logits: logits + 1)
    assert verify_one(folder / "fc-tiny.onnx", runs, dataset=other).passed


@pytest.mark.parametrize("at_hand", [True, False])
def test_a_sample_is_the_same_every_time_and_said(
    at_hand: bool, folder: Path, runs: Path, tmp_path: Path, digits: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    where = runs if at_hand else tmp_path
    result = verify([folder / "fc-tiny.onnx"], runs=where, dataset=digits, sample=20, opener=HERE)
    (report,) = result.reports
    assert (result.samples, result.sampled_from, report.samples, report.sampled_from) == (20, 60, 20, 60)
    assert result.passed
    assert report.flips == 0
    assert verify([folder / "fc-tiny.onnx"], runs=where, dataset=digits, sample=20, opener=HERE) == result
    tables.print_table(verdict.verification(result))
    assert "passed: 1 file, 20 of 60 test images of tiny" in capsys.readouterr().out.splitlines()[-1]
    assert not (folder / manifest.PARITY_FILE).exists()


def test_what_changed_in_a_sample_is_named_by_its_place_in_the_whole_split(
    folder: Path, tmp_path: Path, digits: Dataset
) -> None:
    rewrite(folder, lambda logits: np.roll(logits, 1, axis=1))
    page = tmp_path / "report.html"
    report = verify_one(folder / "fc-tiny.onnx", tmp_path, dataset=digits, sample=20, html=page)
    chosen = np.sort(np.random.default_rng(0).permutation(60)[:20]).tolist()
    assert report.flip_indices == tuple(chosen)
    assert report.worst_image in chosen
    for index in (chosen[0], chosen[-1]):
        assert f"Test image {index}, a {digits.labels[digits.test.labels[index]]}" in page.read_text()


def test_a_sample_as_large_as_the_split_is_all_of_it(folder: Path, runs: Path) -> None:
    report = verify_one(folder / "fc-tiny.onnx", runs, sample=10_000)
    assert (report.samples, report.sampled_from) == (60, None)


def test_of_a_sample_a_recorded_accuracy_says_nothing(folder: Path, tmp_path: Path, digits: Dataset) -> None:
    path = folder / manifest.FILE
    path.write_text(dataclasses.replace(Manifest.read(path), answers=None).to_json())
    report = verify_one(folder / "fc-tiny.onnx", tmp_path, dataset=digits, sample=20)
    assert not report.readable
    assert "recorded the accuracy on all images, not on a sample" in report.failures[0]


def test_a_sample_of_none_is_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match="sample: at least 1 test image wanted, 0 given"):
        verify([folder], sample=0)


def test_the_manifest_of_an_earlier_version_is_read(folder: Path) -> None:
    record = json.loads((folder / manifest.FILE).read_text())
    assert isinstance(Manifest.from_json(json.dumps(record)).answers, Answers)
    del record["answers"]
    earlier = Manifest.from_json(json.dumps(record))
    assert earlier.answers is None
    assert "answers" not in earlier.to_dict()


def test_the_models_threads_do_not_change_its_answers(exports: Path, runs: Path, tmp_path: Path) -> None:
    from edgedigits import export

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        export(runs / "fc-tiny", "onnx", exports=tmp_path)
    finally:
        torch.set_num_threads(before)
    assert (tmp_path / "fc-tiny" / ANSWERS).read_bytes() == (exports / "fc-tiny" / ANSWERS).read_bytes()
