"""The gate: what is right passes, and whatever is wrong fails for its own reason."""

import copy
import dataclasses
import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper

from edgedigits.cli import tables
from edgedigits.cli.verdict import verification
from edgedigits.data.dataset import Dataset, Split
from edgedigits.data.paper import BOX
from edgedigits.errors import BadInput, DataError, MissingCapability, ModelFileError, UsageError
from edgedigits.export import manifest
from edgedigits.export.calibration import activation_ranges
from edgedigits.export.exporter import export
from edgedigits.export.formats import DEFAULT_CONTAINERS, Source, get_format
from edgedigits.export.manifest import read_manifest
from edgedigits.export.onnx import convert, quantize_static
from edgedigits.models.checkpoint import read_checkpoint
from edgedigits.models.classifier import Deployed, build_classifier
from edgedigits.models.weights import load_classifier, load_reference
from edgedigits.records.artifact import ANSWERS, Artifact, Manifest
from edgedigits.records.report import RECORDED, Limits, ParityReport, Verification
from edgedigits.system import files
from edgedigits.train.trainer import train
from edgedigits.verify import torch_model
from edgedigits.verify.verifier import verify
from tests.helpers import FORMAT_NAMES, HERE, ONNX, forms_of, keep
from tests.helpers.broken import DAMAGES, GRAPHS, LIES, MISTAKES


@pytest.fixture
def exported(exports: Path, tmp_path: Path) -> Path:
    """A copy of the exports, to be changed."""
    return Path(shutil.copytree(exports, tmp_path / "exports"))


@pytest.fixture
def earlier(exported: Path) -> Path:
    """The same as earlier versions exported it: without answers."""
    for folder in exported.iterdir():
        path = folder / manifest.FILE
        path.write_text(dataclasses.replace(Manifest.read(path), answers=None).to_json())
        (folder / ANSWERS).unlink()
    return exported


FEW = ("onnx", "onnx-int8")


@pytest.fixture
def a_few(exported: Path) -> Path:
    """The same with two files a model, for what is told of all files together."""
    for folder in exported.iterdir():
        keep(folder, *FEW)
    return exported


def rewrite(artifact: Path, content: bytes, manifest_agrees: bool = True) -> None:
    """Put other bytes in the place of an exported file, and make its manifest agree, or not."""
    artifact.write_bytes(content)
    listing = read_manifest(artifact.parent)
    if manifest_agrees and listing:
        entries = [
            dataclasses.replace(entry, sha256=files.sha256(artifact), size_bytes=len(content))
            if entry.file == artifact.name
            else entry
            for entry in listing.artifacts
        ]
        text = dataclasses.replace(listing, artifacts=tuple(entries)).to_json()
        (artifact.parent / manifest.FILE).write_text(text)


def verify_one(path: Path, runs: Path, **options: object) -> ParityReport:
    (report,) = verify([path], runs=runs, **options).reports  # type: ignore[arg-type]
    return report


def suffixed(folder: Path, name: str) -> Path:
    return folder / "fc-tiny" / f"fc-tiny{get_format(name).suffix}"


def test_every_file_that_was_exported_passes(exported: Path, runs: Path, digits: Dataset) -> None:
    result = verify(runs=runs, exports=exported)
    assert result.passed
    assert {(report.name, report.format) for report in result.reports} == {
        (name, format_name) for name in ("fc-tiny", "cnn-tiny") for format_name in forms_of(name)
    }
    assert (result.dataset, result.samples) == ("tiny", len(digits.test))


def test_the_report_counts_what_a_recount_counts(exported: Path, runs: Path, digits: Dataset) -> None:
    run = read_checkpoint(runs / "fc-tiny")
    classifier = load_classifier(run)
    next(iter(classifier.parameters())).data *= 0.02  # most answers change
    path = suffixed(exported, "onnx")
    contract = HERE.open(path).contract
    ONNX.write(Source(Deployed(classifier).eval(), contract), path)
    rewrite(path, path.read_bytes())
    report = verify_one(path, runs)

    right = HERE.open(suffixed(exported, "onnx"))(digits.test.images)[0].argmax(1)
    reference = Deployed(load_classifier(run)).eval()
    wanted = np.array([int(reference(image[None])[0].argmax()) for image in torch.from_numpy(digits.test.images)])
    labels = digits.test.labels
    assert report.flip_indices == tuple(np.flatnonzero(right != wanted))
    assert report.flips == len(report.flip_indices) > 5
    assert report.lost == ((wanted == labels) & (right != labels)).sum()
    assert report.gained == ((wanted != labels) & (right == labels)).sum()
    assert report.accuracy == (right == labels).mean()
    assert report.reference_accuracy == (wanted == labels).mean()


@pytest.mark.parametrize("format_name", DEFAULT_CONTAINERS)
@pytest.mark.parametrize("name", MISTAKES)
def test_a_model_exported_with_a_mistake_fails_for_it(name: str, format_name: str, exported: Path, runs: Path) -> None:
    mistake, path = MISTAKES[name], suffixed(exported, format_name)
    contract = HERE.open(path).contract
    deployed = Deployed(load_classifier(read_checkpoint(runs / "fc-tiny")))
    spoiled = mistake.spoil(copy.deepcopy(deployed)).eval()
    get_format(format_name).write(Source(spoiled, contract), path)  # type: ignore[arg-type]
    rewrite(path, path.read_bytes())
    report = verify_one(path, runs)
    assert not report.passed
    assert any(failure.startswith(mistake.reason) for failure in report.failures), report.failures


@pytest.mark.parametrize("format_name", FORMAT_NAMES)
@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_file_fails_for_it(name: str, format_name: str, exported: Path, runs: Path) -> None:
    damage, path = DAMAGES[name], suffixed(exported, format_name)
    rewrite(path, damage.spoil(path.read_bytes()), damage.manifest_agrees)
    report = verify_one(path, runs)
    assert not report.passed
    assert not report.readable
    assert damage.reason in report.failures[0]
    assert str(path) in report.failures[0]


@pytest.mark.parametrize("name", GRAPHS)
def test_an_onnx_file_that_breaks_its_contract_fails_for_it(name: str, exported: Path, runs: Path) -> None:
    damage, path = GRAPHS[name], suffixed(exported, "onnx")
    rewrite(path, damage.spoil(path.read_bytes()), damage.manifest_agrees)
    report = verify_one(path, runs)
    assert not report.passed
    assert damage.reason in report.failures[0]


def test_a_stale_manifest_fails_the_files_beside_it(exported: Path, digits: Dataset, tmp_path: Path) -> None:
    stale = (exported / "fc-tiny" / manifest.FILE).read_text()
    newer = dataclasses.replace(train("fc", digits, runs=tmp_path, epochs=1, device="cpu"), name="fc-tiny")
    export(newer, ["onnx"], exports=exported)
    (exported / "fc-tiny" / manifest.FILE).write_text(stale)
    report = verify_one(suffixed(exported, "onnx"), tmp_path)
    assert not report.passed
    assert "changed since its manifest.json was written" in report.failures[0]


def test_a_file_calibrated_on_raw_pixels_fails_for_the_answers_that_change(
    exported: Path, runs: Path, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scales come from a network that was fed 0..255 where it is deployed on 0..1: all but ink is rounded away."""
    deployed = Deployed(load_classifier(read_checkpoint(runs / "cnn-tiny"))).eval()
    raw = MISTAKES["pixels not scaled"].spoil(copy.deepcopy(deployed)).eval()
    raw_graph = onnx.load_model_from_string(convert.float_graph(raw))  # type: ignore[arg-type]
    monkeypatch.setattr(quantize_static, "activation_ranges", lambda _, images: activation_ranges(raw_graph, images))
    path = exported / "cnn-tiny" / "cnn-tiny.static.onnx"
    contract = HERE.open(path).contract
    quantize_static.write(Source(deployed, contract, digits.train.images), path)
    rewrite(path, path.read_bytes())
    report = verify_one(path, runs, limits=Limits(max_flips=0))
    assert report.readable
    assert report.flip_indices
    assert report.failures[0].startswith(f"flips: {report.flips:,} of")
    assert f"image {report.flip_indices[int(np.argmax(report.flip_margins))]} worst" in report.failures[0]


@pytest.mark.parametrize("name", LIES)
def test_a_contract_that_lies_fails_for_it(name: str, exported: Path, runs: Path) -> None:
    lie, reason = LIES[name]
    path = suffixed(exported, "onnx")
    contract = HERE.open(path).contract
    changed = dataclasses.replace(contract, **lie(contract))  # type: ignore[arg-type]
    model = Deployed(load_classifier(read_checkpoint(runs / "fc-tiny"))).eval()
    ONNX.write(Source(model, changed), path)
    rewrite(path, path.read_bytes())
    report = verify_one(path, runs)
    assert not report.passed
    assert reason in report.failures[0]


def off_by_a_pixel(model: onnx.ModelProto) -> None:
    """The framing puts the digit elsewhere than `seen` says."""
    (node,) = (node for node in model.graph.node if node.op_type == "Reshape" and "seen" in node.input)
    model.graph.node.insert(
        list(model.graph.node).index(node), helper.make_node("Pad", ["seen", "moved"], ["seen.moved"])
    )
    model.graph.initializer.append(numpy_helper.from_array(np.array([1, 0, -1, 0]), "moved"))
    node.input[0] = "seen.moved"


def cooled(model: onnx.ModelProto) -> None:
    """The probabilities have another temperature than the contract says."""
    (node,) = (node for node in model.graph.node if node.op_type == "Div" and node.input[0] == "logits")
    model.graph.initializer.append(numpy_helper.from_array(np.float32(9), "nine"))
    node.input[1] = "nine"


def blinded(model: onnx.ModelProto) -> None:
    """The box's threshold is so high that nothing is ever in it."""
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.shape == () and values == np.float32(BOX):
            tensor.CopyFrom(numpy_helper.from_array(np.float32(2), tensor.name))


@pytest.mark.parametrize(
    ("spoil", "reason"), [(off_by_a_pixel, "logits: off by"), (cooled, "probabilities: off"), (blinded, "accuracy: ")]
)
def test_a_canvas_file_with_a_mistake_fails_for_it(
    spoil: Callable[[onnx.ModelProto], None], reason: str, exported: Path, runs: Path
) -> None:
    path = suffixed(exported, "onnx-canvas")
    model = onnx.load(path)
    spoil(model)
    rewrite(path, model.SerializeToString())
    report = verify_one(path, runs)
    assert report.readable, report.failures
    assert any(failure.startswith(reason) for failure in report.failures), report.failures


def test_one_broken_file_does_not_hide_the_others(a_few: Path, runs: Path) -> None:
    path = suffixed(a_few, "onnx")
    rewrite(path, b"", manifest_agrees=False)
    result = verify(runs=runs, exports=a_few)
    assert not result.passed
    assert [report.path for report in result.reports if not report.passed] == [str(path)]
    assert len(result.reports) == 2 * len(FEW)


def test_a_file_that_its_manifest_does_not_list_fails(a_few: Path, runs: Path) -> None:
    stray = shutil.copy(suffixed(a_few, "onnx"), a_few / "fc-tiny" / "other.onnx")
    result = verify(runs=runs, exports=a_few)
    assert [report.path for report in result.reports if not report.passed] == [str(stray)]
    assert "not in the manifest.json beside it" in verify_one(Path(stray), runs).failures[0]


def test_a_file_that_is_gone_fails(a_few: Path, runs: Path) -> None:
    suffixed(a_few, "onnx").unlink()
    result = verify(runs=runs, exports=a_few)
    assert [report.failures[0] for report in result.reports if not report.passed] == [
        f"file: {suffixed(a_few, 'onnx')} is missing. Export it anew."
    ]


def test_a_file_alone_in_another_folder_finds_its_checkpoint_by_hash(exports: Path, runs: Path, tmp_path: Path) -> None:
    copied = Path(shutil.copy(suffixed(exports, "onnx"), tmp_path / "reader.onnx"))
    assert verify_one(copied, runs).passed
    assert not (tmp_path / manifest.PARITY_FILE).exists()


def test_a_file_with_neither_checkpoint_nor_manifest_fails_and_says_where_it_was_sought(
    exports: Path, tmp_path: Path
) -> None:
    copied = Path(shutil.copy(suffixed(exports, "onnx"), tmp_path / "reader.onnx"))
    report = verify_one(copied, tmp_path / "elsewhere")
    assert not report.passed
    assert not report.readable
    assert str(tmp_path / "elsewhere") in report.failures[0]


@pytest.mark.lengthy
def test_without_its_checkpoint_a_file_is_compared_with_what_its_manifest_recorded(
    earlier: Path, tmp_path: Path, digits: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "report.html"
    result = verify([earlier / "fc-tiny"], runs=tmp_path, dataset=digits, html=page)
    assert result.passed
    assert {report.format for report in result.reports} == set(FORMAT_NAMES)
    for report in result.reports:
        assert report.compared_with == RECORDED
        recorded = Manifest.read(earlier / report.name / manifest.FILE).checkpoint
        assert report.reference_accuracy == recorded.metrics.test_accuracy
        assert (report.flips, report.mcnemar_p, report.max_abs_diff) == (None, None, None)
        assert all(found.flips is None for found in report.deployments)
        limited = report.limits.max_flips is not None, report.limits.max_logit_diff is not None
        assert ("max-flips" in report.unchecked, "max-logit-diff" in report.unchecked) == limited
    tables.print_table(verification(result))
    out = capsys.readouterr().out
    assert "its checkpoint is not at hand" in out
    assert "not answer by answer; not checked: flips, logits" in out.splitlines()[-1]
    assert "No model was at hand" in page.read_text()
    assert "not answer by answer; not checked: flips, logits." in page.read_text()
    assert "answer as their models" not in page.read_text()
    assert Verification.read(earlier / "fc-tiny" / manifest.PARITY_FILE).reports[0].compared_with == RECORDED


@pytest.mark.parametrize(
    ("limits", "unchecked"),
    [
        (Limits(max_flips=0), ["flips: max-flips 0 cannot be checked, since its checkpoint is not at hand"]),
        (
            Limits(max_logit_diff=9.0),
            ["logits: max-logit-diff 9 cannot be checked, since its checkpoint is not at hand"],
        ),
        (Limits(max_drop=0.5, min_accuracy=0.1, max_size=10**6, max_latency_us=1e9), []),
    ],
)
def test_a_limit_that_was_asked_for_and_cannot_be_checked_fails_by_name(
    limits: Limits, unchecked: list[str], earlier: Path, tmp_path: Path, digits: Dataset
) -> None:
    path = suffixed(earlier, "onnx")
    report = verify_one(path, tmp_path, dataset=digits, limits=limits)
    step = "name the folder of its run with --runs, or leave it out"
    assert list(report.failures) == [f"{sentence}: {step}" for sentence in unchecked]
    assert report.passed == (not unchecked)


def test_fewer_right_answers_than_the_manifest_recorded_fail(earlier: Path, tmp_path: Path, digits: Dataset) -> None:
    for name in ("onnx", "onnx-int8"):
        path = suffixed(earlier, name)
        contract = HERE.open(path).contract
        spec = Manifest.read(path.parent / manifest.FILE).checkpoint.spec
        spoiled = Deployed(build_classifier(spec)).eval()
        get_format(name).write(Source(spoiled, contract), path)  # weights that nobody trained
        rewrite(path, path.read_bytes())
        report = verify_one(path, tmp_path, dataset=digits, html=tmp_path / "report.html")
        assert report.readable
        checks = [failure.partition(":")[0] for failure in report.failures]
        assert ("recorded" if name == "onnx" else "accuracy") in checks, report.failures


def test_the_accuracy_of_other_images_than_the_recorded_ones_says_nothing(
    exported: Path, tmp_path: Path, digits: Dataset
) -> None:
    other = dataclasses.replace(digits, ref=dataclasses.replace(digits.ref, sha256="0" * 64))
    report = verify_one(suffixed(exported, "onnx"), tmp_path, dataset=other)
    assert not report.readable
    assert "recorded the accuracy on other images" in report.failures[0]


@pytest.mark.parametrize(
    ("chosen", "reason"), [(slice(0), "has no images in its test split"), (None, "has only images of '3'")]
)
def test_a_test_set_that_tells_nothing_is_an_error(
    chosen: slice | None, reason: str, exports: Path, runs: Path, digits: Dataset
) -> None:
    of_one_class = np.flatnonzero(digits.test.labels == 3)
    kept = of_one_class if chosen is None else chosen
    test = Split(digits.test.images[kept], digits.test.labels[kept])
    with pytest.raises(DataError, match=f"{digits.ref.name} {reason}"):
        verify([suffixed(exports, "onnx")], dataset=dataclasses.replace(digits, test=test), runs=runs)


def test_a_damaged_checkpoint_fails_the_files_made_from_it(exported: Path, runs: Path, tmp_path: Path) -> None:
    copied = Path(shutil.copytree(runs, tmp_path / "runs"))
    weights = copied / "fc-tiny" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    report = verify_one(suffixed(exported, "onnx"), copied)
    assert not report.passed
    assert report.failures[0].startswith(f"checkpoint: {weights}: changed since it was recorded")


def test_nothing_to_verify_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="Run edgedigits export"):
        verify(exports=tmp_path)


def test_a_folder_stands_for_the_files_in_it(a_few: Path, runs: Path, tmp_path: Path) -> None:
    result = verify([a_few / "fc-tiny"], runs=runs)
    suffixes = sorted(get_format(name).suffix for name in FEW)
    assert [Path(report.path).name for report in result.reports] == [f"fc-tiny{suffix}" for suffix in suffixes]
    with pytest.raises(BadInput, match="no exported files here"):
        verify([tmp_path], runs=runs)


def test_a_name_of_no_format_fails(tmp_path: Path, runs: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(b"x")
    assert "no format has its suffix" in verify_one(path, runs).failures[0]


def test_a_data_set_with_another_number_of_classes_is_an_error(exports: Path, runs: Path, digits: Dataset) -> None:
    few = dataclasses.replace(digits, labels=digits.labels[:3])
    with pytest.raises(DataError, match="3 classes, model fc-tiny has 10"):
        verify([suffixed(exports, "onnx")], dataset=few, runs=runs)


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(max_flips=3), "flips: "),
        (Limits(max_drop=0.01), "accuracy: "),
        (Limits(max_logit_diff=1e-9), "logits: "),
    ],
)
def test_limits_replace_the_defaults_one_by_one(limits: Limits, reason: str, exported: Path, runs: Path) -> None:
    wide = Limits(max_flips=10_000, max_drop=1.0, max_logit_diff=1e9)
    path = suffixed(exported, "onnx")
    contract = HERE.open(path).contract
    deployed = Deployed(load_classifier(read_checkpoint(runs / "fc-tiny")))
    ONNX.write(Source(MISTAKES["class columns swapped"].spoil(deployed).eval(), contract), path)  # type: ignore[arg-type]
    rewrite(path, path.read_bytes())
    assert verify_one(path, runs, limits=wide).passed
    narrow = dataclasses.replace(wide, **{k: v for k, v in vars(limits).items() if v is not None})
    failures = verify_one(path, runs, limits=narrow).failures
    checks = {failure.partition(":")[0] for failure in failures}
    assert checks - {"deployed"} == {reason.partition(":")[0], "cause"}  # flips count as deployed, too


def test_logits_of_a_wide_range_may_be_off_by_more_unless_a_limit_is_asked_for(
    exported: Path, runs: Path, digits: Dataset
) -> None:
    path = suffixed(exported, "onnx")
    logits = HERE.open(path).in_batches(digits.test.images)[0]
    found = verify_one(path, runs).limits.max_logit_diff
    assert found == pytest.approx(1e-4 * (logits.max() - logits.min()), rel=1e-3)
    assert found > 1e-4
    assert verify_one(path, runs, limits=Limits(max_logit_diff=1e-4)).limits.max_logit_diff == 1e-4


def test_a_limit_holds_exactly_at_its_value(exported: Path, runs: Path) -> None:
    path = suffixed(exported, "onnx")
    contract = HERE.open(path).contract
    deployed = Deployed(load_classifier(read_checkpoint(runs / "fc-tiny")))
    ONNX.write(Source(MISTAKES["class columns swapped"].spoil(deployed).eval(), contract), path)  # type: ignore[arg-type]
    rewrite(path, path.read_bytes())
    found = verify_one(path, runs)
    assert found.flips is not None
    assert found.accuracy is not None
    assert found.reference_accuracy is not None
    exact = Limits(found.flips, found.reference_accuracy - found.accuracy, found.max_abs_diff)
    assert verify_one(path, runs, limits=exact).passed
    assert not verify_one(path, runs, limits=dataclasses.replace(exact, max_flips=found.flips - 1)).passed


def test_the_parity_report_is_written_beside_the_files(a_few: Path, runs: Path) -> None:
    result = verify(runs=runs, exports=a_few)
    written = Verification.read(a_few / "fc-tiny" / manifest.PARITY_FILE)
    assert written.reports == tuple(report for report in result.reports if report.name == "fc-tiny")
    assert json.loads((a_few / "cnn-tiny" / manifest.PARITY_FILE).read_text())["passed"] is True


def test_one_file_verified_keeps_the_reports_of_the_others(a_few: Path, runs: Path) -> None:
    verify(runs=runs, exports=a_few)
    folder = a_few / "fc-tiny"
    path, before = folder / manifest.PARITY_FILE, Verification.read(folder / manifest.PARITY_FILE)
    verify([folder / "fc-tiny.onnx"], runs=runs, limits=Limits(max_size=1))
    after = Verification.read(path)
    assert [report.path for report in after.reports] == [report.path for report in before.reports]
    assert [report.path for report in after.reports if not report.passed] == [str(folder / "fc-tiny.onnx")]
    assert not after.passed
    stale, *others = before.reports
    stale = dataclasses.replace(stale, sha256="0" * 64)
    path.write_text(dataclasses.replace(before, reports=(stale, *others)).to_json())
    verify([folder / "fc-tiny.onnx"], runs=runs)
    assert [report.path for report in Verification.read(path).reports] == [report.path for report in others]


def test_an_empty_list_is_none_and_not_all(exports: Path, runs: Path) -> None:
    with pytest.raises(UsageError, match="artifacts: an empty list"):
        verify([], runs=runs, exports=exports)


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_the_verdict_of_a_read_only_folder_is_told_and_not_kept(
    number: int, a_few: Path, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, _: str) -> None:
        with files.writing(path.parent):
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(files, "write_text", refuse)
    with pytest.warns(UserWarning, match=r"parity\.json: the verdict is not kept there, since the folder is read-only"):
        assert verify([a_few / "fc-tiny"], runs=runs).passed


def test_a_full_disk_is_no_read_only_folder(a_few: Path, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, _: str) -> None:
        with files.writing(path.parent):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files, "write_text", refuse)
    with pytest.raises(MissingCapability, match="No space left"):
        verify([a_few / "fc-tiny"], runs=runs)


def test_a_page_of_somebody_else_stays(exported: Path, runs: Path, tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    page.write_text("<!doctype html><title>mine</title>")
    files = [exported / "fc-tiny" / "fc-tiny.onnx"]
    with pytest.raises(UsageError, match=r"index\.html: not made by EdgeDigits\. .*--force"):
        verify(files, runs=runs, html=page)
    verify(files, runs=runs, html=page, force=True)
    verify(files, runs=runs, html=page)  # over one of its own
    assert "EdgeDigits" in page.read_text()


def test_artifacts_can_be_given_as_the_records_that_export_returns(runs: Path, tmp_path: Path) -> None:
    artifacts = export(runs / "fc-tiny", ["onnx"], quantize=True, exports=tmp_path)
    assert all(isinstance(artifact, Artifact) for artifact in artifacts)
    assert verify(artifacts, runs=runs).passed


def test_a_damaged_manifest_is_an_error_that_names_it(exported: Path, runs: Path) -> None:
    path = exported / "fc-tiny" / manifest.FILE
    path.write_text(path.read_text()[:-20])
    with pytest.raises(BadInput, match=str(path)):
        verify(runs=runs, exports=exported)


def test_a_manifest_with_a_tampered_hash_fails_its_file(a_few: Path, runs: Path) -> None:
    path = a_few / "fc-tiny" / manifest.FILE
    listing = Manifest.read(path)
    tampered = [dataclasses.replace(entry, sha256="f" * 64) for entry in listing.artifacts]
    path.write_text(dataclasses.replace(listing, artifacts=tuple(tampered)).to_json())
    failed = [report for report in verify(runs=runs, exports=a_few).reports if not report.passed]
    assert len(failed) == len(FEW)


def test_the_reference_is_asked_once_for_all_files(a_few: Path, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(
        torch_model, "load_reference", lambda record: calls.append(record.name) or load_reference(record)
    )
    verify(runs=runs, exports=a_few)
    assert sorted(calls) == ["cnn-tiny", "fc-tiny"]


def test_more_images_than_a_batch_are_all_compared(exported: Path, runs: Path, digits: Dataset) -> None:
    repeats = 40
    many = Split(np.tile(digits.test.images, (repeats, 1, 1)), np.tile(digits.test.labels, repeats))
    larger = dataclasses.replace(digits, test=many)
    result = verify([suffixed(exported, "onnx")], dataset=larger, runs=runs)
    assert result.samples == repeats * len(digits.test)
    assert result.passed


def test_a_model_file_error_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"gone\.onnx"):
        HERE.open(tmp_path / "gone.onnx")
