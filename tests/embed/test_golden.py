"""Golden inputs: enough of each kind, always the same, with the answers that the file gives."""

import base64
import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from edgedigits.data.framing import frame, rounding_margin
from edgedigits.embed import golden
from edgedigits.embed.golden import INT8_TOLERANCE, SURE, Golden, GoldenInput, Ready, make_golden
from edgedigits.export.formats import require_format
from edgedigits.records.arrays import Uint8Array
from edgedigits.runtime.engines.onnxruntime import VARIANTS
from edgedigits.runtime.load import Opener

SHELF = Path(__file__).parents[2] / "exports"
NAMES = ("cnn.onnx", "cnn.int8.onnx", "cnn.canvas.onnx", "cnn.canvas.int8.onnx")


def ready(path: Path, setting: str | None = None) -> Ready:
    return Ready(path.name, path.read_bytes(), Opener(setting=setting).open(path), require_format(path))


def picture(golden_input: GoldenInput) -> Uint8Array:
    pixels = np.frombuffer(base64.b64decode(golden_input.pixels), np.uint8)
    return pixels.reshape(golden_input.height, golden_input.width)


@pytest.fixture(scope="module")
def made() -> dict[str, Golden]:
    return {name: make_golden([ready(SHELF / "cnn" / name)]) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_there_are_enough_of_each_kind(name: str, made: dict[str, Golden]) -> None:
    kinds = [entry.name.split()[0].rstrip("s,") for entry in made[name].inputs]
    assert len(kinds) >= 24
    assert {
        kind: kinds.count(kind) >= 3 for kind in ("drawn", "between", "blank", "noise", "scribble")
    } == dict.fromkeys(("drawn", "between", "blank", "noise", "scribble"), True)
    assert [entry.name for entry in made[name].inputs[:10]] == [f"drawn {digit}" for digit in range(10)]
    assert len({entry.name for entry in made[name].inputs}) == len(kinds)


@pytest.mark.parametrize("name", NAMES)
def test_the_drawn_digits_are_read_and_the_blends_are_nearly_ties(name: str, made: dict[str, Golden]) -> None:
    (model,) = made[name].models
    tops = [np.sort(answer.logits)[-2:] for answer in model.answers]
    assert sum(answer.answer == str(digit) for digit, answer in enumerate(model.answers[:10])) >= 9
    between = [
        high - low for (low, high), entry in zip(tops, made[name].inputs, strict=True) if "between" in entry.name
    ]
    assert max(between) < 0.5
    assert min(high - low for low, high in tops[:10]) > 1


def test_canvases_have_many_sizes_and_both_polarities(made: dict[str, Golden]) -> None:
    pictures = [picture(entry) for entry in made["cnn.canvas.onnx"].inputs]
    assert len({image.shape for image in pictures}) > 20
    assert min(min(image.shape) for image in pictures) == 8
    assert max(max(image.shape) for image in pictures) == 400
    light = sum(np.median(image) > 127 for image in pictures[:16])
    assert 4 <= light <= 12


def test_canvases_are_framed_alike_whoever_adds(made: dict[str, Golden]) -> None:
    for entry in made["cnn.canvas.onnx"].inputs:
        assert rounding_margin(picture(entry)) >= SURE
        assert base64.b64decode(entry.seen or "") == frame(picture(entry)).tobytes()


@pytest.mark.needs("tract")
@pytest.mark.parametrize("name", NAMES)
def test_another_engine_gives_the_same_answers(name: str, made: dict[str, Golden]) -> None:
    (model,) = made[name].models
    predictor = Opener(engine="tract").open(SHELF / "cnn" / name)
    for entry, answer in zip(made[name].inputs, model.answers, strict=True):
        found = golden.ask(predictor, picture(entry))
        assert np.abs(found.logits - answer.logits).max() <= model.tolerance
        assert entry.seen is None or base64.b64decode(entry.seen) == found.seen.tobytes()


@pytest.mark.parametrize("name", NAMES)
def test_the_answers_are_those_of_the_file_alone(name: str, made: dict[str, Golden]) -> None:
    session = onnxruntime.InferenceSession(SHELF / "cnn" / name, providers=["CPUExecutionProvider"])
    contract = json.loads(session.get_modelmeta().custom_metadata_map["edgedigits.contract"])
    (model,) = made[name].models
    for entry, answer in zip(made[name].inputs, model.answers, strict=True):
        image = picture(entry)
        logits, probabilities, *seen = session.run(None, {"image": image if "canvas" in name else image[None]})
        assert np.abs(logits.ravel() - answer.logits).max() <= model.tolerance
        refused = probabilities.max() < contract.get("threshold", 0)
        assert answer.close or answer.answer == (None if refused else str(probabilities.argmax()))
        if seen:
            assert base64.b64decode(entry.seen or "") == seen[0].tobytes()
    assert entry.seen is None or "canvas" in name


def test_the_same_file_gives_the_same_record(made: dict[str, Golden]) -> None:
    again = make_golden([ready(SHELF / "cnn" / "cnn.canvas.onnx")])
    assert again.to_line() == made["cnn.canvas.onnx"].to_line()
    assert Golden.from_json(again.to_line()) == again


def test_two_files_share_the_inputs_and_have_answers_each() -> None:
    files = [ready(SHELF / "cnn" / name) for name in ("cnn.canvas.onnx", "cnn.canvas.int8.onnx")]
    found = make_golden(files)
    assert [model.file for model in found.models] == [file.file for file in files]
    first, second = found.models
    scores = [score for answer in first.answers for score in answer.logits]
    assert first.tolerance == pytest.approx(1e-4 * (max(scores) - min(scores)), rel=0.05)
    assert second.tolerance == INT8_TOLERANCE
    assert first.answers != second.answers
    assert len(first.answers) == len(second.answers) == len(found.inputs)


@pytest.mark.parametrize("name", ["cnn.int8.onnx", "cnn.canvas.int8.onnx"])
def test_an_int8_file_stays_within_its_tolerance_in_every_setting(name: str, made: dict[str, Golden]) -> None:
    (model,) = made[name].models
    for variant in VARIANTS:
        predictor = ready(SHELF / "cnn" / name, variant.name).predictor
        for entry, answer in zip(made[name].inputs, model.answers, strict=True):
            logits = golden.ask(predictor, picture(entry)).logits
            assert np.abs(logits - answer.logits).max() < INT8_TOLERANCE / 2
