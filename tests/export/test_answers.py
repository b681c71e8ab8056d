"""`answers.safetensors`: what the torch model answers, beside the files, as plain data that anybody reads."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from edgedigits import export
from edgedigits.data.dataset import Dataset
from edgedigits.errors import ModelFileError, RecordError
from edgedigits.export import manifest
from edgedigits.export.answers import Origin, packed, unpacked
from edgedigits.models.checkpoint import read_checkpoint
from edgedigits.models.classifier import compute_logits
from edgedigits.models.weights import load_classifier
from edgedigits.records.artifact import ANSWERS, Answers, Manifest
from edgedigits.system import files

LOGITS = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
ORIGIN = Origin("ab" * 32, "cd" * 32)


def listed(content: bytes, samples: int = len(LOGITS)) -> Answers:
    """What a manifest says of a file of answers that EdgeDigits wrote."""
    return Answers(len(content), "", ORIGIN.checkpoint_sha256, ORIGIN.dataset_sha256, samples)


def test_they_are_the_torch_models_answers_to_all_test_images(exports: Path, runs: Path, digits: Dataset) -> None:
    folder, run = exports / "fc-tiny", read_checkpoint(runs / "fc-tiny")
    (name, logits) = next(iter(safetensors.numpy.load_file(folder / ANSWERS).items()))
    assert (name, logits.dtype, logits.shape) == ("logits", np.float32, (len(digits.test), 10))
    np.testing.assert_allclose(logits, compute_logits(load_classifier(run), digits.test.images), atol=1e-4)
    answers = Manifest.read(folder / manifest.FILE).answers
    assert answers == Answers(
        size_bytes=(folder / ANSWERS).stat().st_size,
        sha256=files.sha256(folder / ANSWERS),
        checkpoint_sha256=run.weights_sha256,
        dataset_sha256=digits.ref.sha256,
        samples=len(digits.test),
    )


def test_the_same_model_gives_the_same_bytes_which_hold_no_pickle(exports: Path, runs: Path, tmp_path: Path) -> None:
    export(runs / "fc-tiny", "onnx", exports=tmp_path)
    content = (tmp_path / "fc-tiny" / ANSWERS).read_bytes()
    assert content == (exports / "fc-tiny" / ANSWERS).read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    run = read_checkpoint(runs / "fc-tiny")
    origin = {"checkpoint_sha256": run.weights_sha256, "dataset_sha256": run.dataset.sha256}
    assert {name: json.loads(text) for name, text in header["__metadata__"].items()} == {"edgedigits.answers": origin}


def test_they_stay_where_the_images_are_gone_and_go_with_another_checkpoint(
    runs: Path, digits: Dataset, tmp_path: Path
) -> None:
    run, folder = read_checkpoint(runs / "fc-tiny"), tmp_path / "fc-tiny"
    other = dataclasses.replace(digits, ref=dataclasses.replace(digits.ref, sha256="0" * 64))
    export(run, "onnx", exports=tmp_path)
    before = Manifest.read(folder / manifest.FILE).answers
    with pytest.warns(UserWarning, match=r"answers\.safetensors left out: data set tiny"):
        export(run, "onnx", dataset=other, exports=tmp_path)
    assert before == Manifest.read(folder / manifest.FILE).answers
    assert (folder / ANSWERS).exists()
    copied = Path(shutil.copytree(runs / "fc-28-tiny", tmp_path / "runs" / "fc-tiny"))
    with pytest.warns(UserWarning, match="made from another checkpoint|left out"):
        export(dataclasses.replace(read_checkpoint(copied), name="fc-tiny"), "onnx", dataset=other, exports=tmp_path)
    assert Manifest.read(folder / manifest.FILE).answers is None
    assert not (folder / ANSWERS).exists()


def test_what_was_packed_comes_out_again() -> None:
    content = packed(LOGITS, ORIGIN)
    np.testing.assert_array_equal(unpacked(listed(content), content, 3), LOGITS)


PLAIN = {"logits": LOGITS}
SPOILED = {
    "no safetensors": (b"PK\x03\x04", "no file of answers"),
    "cut off": (packed(LOGITS, ORIGIN)[:-1], "no file of answers"),
    "without metadata": (safetensors.numpy.save(PLAIN), "no file of answers"),
    "other metadata": (safetensors.numpy.save(PLAIN, metadata={"format": "np"}), "no file of answers"),
    "metadata that is no JSON": (safetensors.numpy.save(PLAIN, metadata={"edgedigits.answers": "{"}), "no file of"),
    "another model's": (
        packed(LOGITS, Origin("ef" * 32, "cd" * 32)),
        "the answers of another model, or to other images",
    ),
    "another tensor": (
        safetensors.numpy.save({"weight": LOGITS}, metadata={"edgedigits.answers": ORIGIN.to_line()}),
        r"no finite logits float32 \[5, 3\]",
    ),
    "another type": (packed(LOGITS.astype(np.float64), ORIGIN), "no finite logits"),  # type: ignore[arg-type]
    "another shape": (packed(LOGITS[:4], ORIGIN), "no finite logits"),
    "not a number": (packed(np.full_like(LOGITS, np.nan), ORIGIN), "no finite logits"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_what_holds_no_answers_is_refused_by_name(name: str) -> None:
    content, reason = SPOILED[name]
    with pytest.raises(ModelFileError, match=rf"^answers\.safetensors: .*{reason}") as caught:
        unpacked(listed(content), content, 3)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"checkpoint_sha256": "ab"}, r"answers\.safetensors: checkpoint_sha256: the checkpoint's"),
        ({"file": "fc-tiny.onnx"}, "artifacts: no file twice wanted"),
        ({"file": "../answers.safetensors"}, "file: a name without folders wanted"),
        ({"samples": 0}, "samples: 1 or more wanted"),
    ],
)
def test_an_entry_that_contradicts_its_manifest_is_refused(
    change: dict[str, object], reason: str, exports: Path
) -> None:
    record = json.loads((exports / "fc-tiny" / manifest.FILE).read_text())
    record["answers"].update(change)
    with pytest.raises(RecordError, match=reason):
        Manifest.from_json(json.dumps(record))
