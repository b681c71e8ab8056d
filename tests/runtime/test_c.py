"""C files, read and run: their numbers come back, what was edited is refused, and native code gives the same scores."""

import gzip
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from edgedigits import load
from edgedigits.data import canvases
from edgedigits.data.canvases import SIDES
from edgedigits.data.dataset import Dataset
from edgedigits.errors import EdgeDigitsError, MissingCapability, ModelFileError
from edgedigits.export.c.canvas import CanvasNetwork, print_canvas
from edgedigits.export.c.source import print_source
from edgedigits.export.c.write import sealed
from edgedigits.export.formats import Source, get_format
from edgedigits.models.arithmetic.decision import MOST_LIMIT, NONE, ONE, Decision
from edgedigits.models.classifier import Deployed, build_classifier
from edgedigits.records.artifact import Contract
from edgedigits.records.model import ModelSpec
from edgedigits.runtime.engines import cc, cortex_m, find_engine, wasm
from edgedigits.runtime.load import Opener
from edgedigits.runtime.predictor import CanvasPredictor
from edgedigits.runtime.readers import c as reader
from edgedigits.runtime.readers import checked
from edgedigits.verify.verifier import verify
from tests.export.c.test_source import integers
from tests.helpers.c import ABOUT
from tests.helpers.canvases import fuzzed
from tests.models.arithmetic.test_folding import NETWORKS, images

BOXED = Opener(engine="wasm", trust=True)
EMULATED = Opener(engine="cortex-m", trust=True)
NATIVE = Opener(engine="cc", trust=True)


@pytest.fixture
def model(exports: Path) -> Path:
    return exports / "cnn-tiny" / "cnn-tiny.int8.c"


@pytest.mark.parametrize("name", NETWORKS)
def test_the_numbers_in_a_file_are_the_network(name: str) -> None:
    network = integers(name)
    again = reader.read_network(Path("a.int8.c"), print_source(network, ABOUT).encode())
    assert (again.steps, again.unit) == (network.steps, network.unit)
    assert again.tables.keys() == network.tables.keys()
    for key, table in network.tables.items():
        np.testing.assert_array_equal(again.tables[key], table)
        assert again.tables[key].dtype == table.dtype


@pytest.mark.parametrize("decision", [Decision(1, 1, ONE), Decision(65535, 46, MOST_LIMIT)])
def test_the_numbers_in_a_canvas_file_are_the_network_and_the_decision(decision: Decision) -> None:
    network = integers("cnn")
    content = print_canvas(CanvasNetwork(network, decision), ABOUT).encode()
    again = reader.read_canvas_network(Path("a.canvas.int8.c"), content)
    assert (again.network.plan(), again.decision) == (network.plan(), decision)
    with pytest.raises(ModelFileError, match="not a valid canvas file"):
        reader.read_canvas_network(Path("a.canvas.int8.c"), print_source(network, ABOUT).encode())
    with pytest.raises(ModelFileError, match="no decision in integers"):
        reader.read_canvas_network(Path("a.canvas.int8.c"), content.replace(b"{powers, ", b"{powers, 999999"))


@pytest.fixture
def model_in_float(tmp_path: Path) -> Path:
    spec = ModelSpec(NETWORKS["cnn"])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        deployed = Deployed(build_classifier(spec)).eval()
    contract = Contract("c", spec.labels, "0" * 64, "mnist", 0.5)
    get_format("c").write(Source(deployed, contract, spec=spec), path := tmp_path / "cnn.c")
    return path


@pytest.mark.needs("gcc")
@pytest.mark.parametrize("setting", [one.name for one in (cc.USUAL, *cc.VARIANTS)])
def test_native_code_gives_the_same_answers(setting: str, model: Path, digits: Dataset) -> None:
    found, wanted = NATIVE.in_setting(setting).open(model)(digits.test.images), load(model)(digits.test.images)
    for scores, others in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(scores, others)


@pytest.mark.needs("gcc")
def test_a_file_in_float_answers_alike_in_native_code_and_in_numpy(model_in_float: Path) -> None:
    native, numbers = NATIVE.open(model_in_float)(images(20)), Opener(trust=True).open(model_in_float)(images(20))
    np.testing.assert_allclose(native[0], numbers[0], atol=1e-4)
    assert reader.describe(model_in_float, model_in_float.read_bytes()).operators == {"convolve": 2, "dense": 1}


def test_a_file_in_float_answers_alike_in_webassembly(model_in_float: Path) -> None:
    boxed, numbers = BOXED.open(model_in_float)(images(20)), Opener(trust=True).open(model_in_float)(images(20))
    np.testing.assert_allclose(boxed[0], numbers[0], atol=1e-4)
    np.testing.assert_allclose(boxed[1], numbers[1], atol=1e-5)


def test_an_engine_without_a_library_refuses_files_in_float(model_in_float: Path) -> None:
    with pytest.raises(EdgeDigitsError, match="in float; engine cortex-m runs those in integers"):
        Opener(engine="cortex-m", trust=True).open(model_in_float)


@pytest.mark.parametrize("setting", [one.name for one in (wasm.USUAL, *wasm.VARIANTS)])
def test_webassembly_gives_the_same_answers(setting: str, model: Path, digits: Dataset) -> None:
    shown = np.concatenate([digits.test.images] * 4)  # more than fit into its memory at once
    found, wanted = BOXED.in_setting(setting).open(model)(shown), load(model)(shown)
    for scores, others in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(scores, others)


@pytest.mark.lengthy
@pytest.mark.parametrize("setting", [one.name for one in (cortex_m.USUAL, *cortex_m.VARIANTS)])
def test_an_emulated_microcontroller_gives_the_same_answers(setting: str, model: Path, digits: Dataset) -> None:
    shown = np.concatenate([digits.test.images] * 2)  # more than fit into its memory at once
    found, wanted = EMULATED.in_setting(setting).open(model)(shown), load(model)(shown)
    for scores, others in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(scores, others)


@pytest.fixture
def reading(exports: Path) -> Path:
    return exports / "cnn-tiny" / "cnn-tiny.canvas.int8.c"


@pytest.mark.needs("gcc")
@pytest.mark.parametrize("opener", [NATIVE, BOXED, EMULATED], ids=["cc", "wasm", "cortex-m"])
def test_every_engine_reads_canvases_alike(opener: Opener, reading: Path, digits: Dataset) -> None:
    largest = np.full((SIDES[1], SIDES[1]), 7, np.uint8)
    largest[900:1200, 1000:1100] = 200
    shown = [*fuzzed(60, seed=0, largest=64), *map(canvases.paste, digits.test.images[:20]), largest]
    found, numbers = opener.open(reading), load(reading)
    assert isinstance(found, CanvasPredictor)
    assert isinstance(numbers, CanvasPredictor)
    for part, wanted in zip(found.run(list(shown)), numbers.run(list(shown)), strict=True):
        np.testing.assert_array_equal(part, wanted)
    alone = found.read(shown[0])
    np.testing.assert_array_equal(alone.seen, numbers.read(shown[0]).seen)
    assert len(found.seconds(found.samples(1), 3)) == 3


@pytest.mark.parametrize("change", [("? best : -1", "? best : 0"), ("2 * 255 * ink", "2 * 254 * ink")])
def test_code_that_reads_a_canvas_otherwise_than_its_numbers_fails(
    change: tuple[str, str], reading: Path, tmp_path: Path
) -> None:
    text = reading.read_text()
    seal = load(reading).contract.source_sha256
    assert seal
    assert text.count(change[0]) == 1
    path = tmp_path / reading.name
    path.write_text(sealed(text.replace(*change).replace(seal, reader.UNSEALED)))
    found = BOXED.open(path)
    assert isinstance(found, CanvasPredictor)
    with pytest.raises(ModelFileError, match="of 40 answers are not those of the integers in the file"):
        found.run(list(fuzzed(40, seed=1, largest=64)))


def test_the_label_is_the_likeliest_digit_or_none_below_the_threshold(reading: Path) -> None:
    shown = [*fuzzed(200, seed=3, largest=64)]
    found, predictor = reader.read_canvas_network(reading, reading.read_bytes()).answers(shown), load(reading)
    assert isinstance(predictor, CanvasPredictor)
    logits, probabilities, _ = predictor.run(list(shown))
    sure = probabilities.max(axis=1) >= (predictor.contract.threshold or 0)
    wanted = np.where(sure, logits.argmax(axis=1), NONE)
    np.testing.assert_array_equal(found["label"], wanted)


def test_a_module_of_webassembly_is_small_and_asks_for_nothing(model: Path) -> None:
    import wasmtime

    file = checked(model, get_format("c-int8"), model.read_bytes())
    content = wasm.module(file, "-Os")
    assert len(content) < 12_000
    assert len(gzip.compress(content, 9)) < 10_000
    assert list(wasmtime.Module(wasmtime.Engine(), content).imports) == []


@pytest.mark.needs("gcc")
def test_a_file_of_another_name_is_run_too(model: Path, tmp_path: Path) -> None:
    (tmp_path / "other.int8.c").write_bytes(model.read_bytes())
    found = NATIVE.open(tmp_path / "other.int8.c")
    np.testing.assert_array_equal(found(images(3))[0], load(model)(images(3))[0])


@pytest.mark.needs("gcc")
@pytest.mark.parametrize("opener", [NATIVE, BOXED, EMULATED], ids=["cc", "wasm", "cortex-m"])
def test_code_that_computes_something_else_than_its_numbers_fails(
    opener: Opener, model: Path, runs: Path, tmp_path: Path
) -> None:
    """Sealed anew by somebody who can: the numbers are those that were exported, and the code is not."""
    text = model.read_text().replace("sums[o] += value *", "sums[o] -= value *")
    seal = load(model).contract.source_sha256
    assert seal
    path = tmp_path / model.name
    path.write_text(sealed(text.replace(seal, reader.UNSEALED)))
    (report,) = verify([path], runs=runs, opener=opener).reports
    assert not report.passed
    assert "scores are not those of the integers in the file" in report.failures[0]
    assert verify([path], runs=runs, opener=Opener(engine="integers", trust=True)).passed


@pytest.mark.parametrize("change", [(b"sums[o] +=", b"sums[o] -="), (b"};", b" };"), (b"contract[] =", b"contract[]=")])
def test_a_file_that_was_edited_is_refused(change: tuple[bytes, bytes], model: Path, tmp_path: Path) -> None:
    path = tmp_path / model.name
    path.write_bytes(model.read_bytes().replace(*change, 1))
    assert path.read_bytes() != model.read_bytes()
    with pytest.raises(ModelFileError, match=r"was edited|not a valid C file"):
        load(path, trust=True)


def test_native_code_is_run_by_name_alone_and_only_where_it_is_trusted(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / model.name
    path.write_bytes(model.read_bytes())
    with pytest.raises(ModelFileError, match="c-int8 files can hold code"):
        Opener(engine="cc").open(path)
    monkeypatch.setattr(subprocess, "run", None)
    assert load(path, trust=True)(images(1))[0].shape == (1, 10)


def test_a_compiler_that_is_missing_or_fails_is_said_in_a_line(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cc, "compiler", lambda: ["false"])
    with pytest.raises(
        MissingCapability, match=r"^the C compiler false fails \(exit code 1\). Install a newer one, or"
    ):
        NATIVE.open(model)
    monkeypatch.setattr(cc, "compiler", lambda: [sys.executable, "-c", "raise SystemExit('error: unknown -std=c99')"])
    with pytest.raises(MissingCapability, match=r"fails \(error: unknown -std=c99\)") as raised:
        NATIVE.open(model)
    assert len(str(raised.value).splitlines()) == 1
    monkeypatch.setattr(cc, "compiler", lambda: ["/nowhere/cc"])
    with pytest.raises(MissingCapability, match=r"^the C compiler cc cannot be run \("):
        NATIVE.open(model)
    monkeypatch.undo()
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    for name in ("cc", "wasm", "cortex-m"):
        with pytest.raises(MissingCapability, match=rf"^engine {name} needs ziglang: pip install"):
            find_engine(name)
