"""The C that is printed in float: without a warning, with torch's logits, and read back as it was written."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from edgedigits.errors import ModelFileError, RecordError, UsageError
from edgedigits.export.c.floats_source import FUNCTIONS, print_floats
from edgedigits.models.arithmetic import floats, steps
from edgedigits.models.arithmetic.folding import fold
from edgedigits.models.classifier import compute_logits
from edgedigits.records.arrays import Images, Scores
from edgedigits.records.network import Input, Layer, Network
from edgedigits.runtime.readers import c as reader
from tests.helpers.c import ABOUT, ASKS, STEM, compiled
from tests.models.arithmetic.test_folding import NETWORKS, built, folded, images

ACTIVATIONS = Network(
    (
        Layer.of("dense", "exp", features=12),  # as a function of math.h is called
        *(Layer.of(op, f"{op}.0") for op in ("tanh", "sigmoid", "silu", "hardswish", "hardsigmoid", "elu", "gelu")),
        Layer.of("dense", "head", features=10),
    ),
    Input(layout="flat"),
)
CASES = NETWORKS | {"activations": ACTIVATIONS}
LENGTHY = ("fc-deep",)  # ten megabytes of numbers to compile
every_case = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.lengthy if name in LENGTHY else ()) for name in CASES]
)


def asked(source: str, shown: Images, folder: Path, *flags: str) -> Scores:
    main, program = folder / "main.c", folder / "ask"
    words = int(re.findall(r"_SCRATCH_BYTES (\d+)$", source, re.M)[0]) // 4
    text = ASKS.format(stem=STEM, classes=10, words=words)
    main.write_text(text.replace("int32_t *scores", "float *scores").replace("int32_t scores", "float scores"))
    unit = compiled(source, folder, "gcc", *flags)
    subprocess.run(["gcc", *flags, main, unit, "-o", program, "-lm"], check=True)
    answer = subprocess.run([program], input=shown.tobytes(), capture_output=True, check=True).stdout
    return np.frombuffer(answer, np.float32).reshape(len(shown), 10)


@pytest.mark.lengthy
@pytest.mark.needs("gcc")
@every_case
def test_the_scores_are_torchs_logits_under_sanitizers(name: str, tmp_path: Path) -> None:
    flags = ("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    found = asked(print_floats(folded(CASES[name]), ABOUT), images(6), tmp_path, *flags)
    wanted = compute_logits(built(CASES[name]), images(6))
    if CASES[name].output == "log-probabilities":
        found = found - np.log(np.exp(found.astype(np.float64)).sum(axis=1, keepdims=True)).astype(np.float32)
    np.testing.assert_allclose(found, wanted, atol=1e-4 * max(1.0, float(np.ptp(wanted))))


@pytest.mark.lengthy
@pytest.mark.needs("gcc", "g++")
@pytest.mark.parametrize("compiler", ["gcc", "g++"])
@every_case
def test_compilers_have_nothing_to_say(name: str, compiler: str, tmp_path: Path) -> None:
    compiled(print_floats(folded(CASES[name]), ABOUT), tmp_path, compiler, "-O2")


@every_case
def test_it_is_read_as_it_was_written(name: str) -> None:
    plain = folded(CASES[name])
    again = reader.read_folded(Path("small.c"), print_floats(plain, ABOUT).encode())
    assert (again.steps, again.clips) == (plain.steps, plain.clips)
    assert (again.scale, again.offset) == (plain.scale, plain.offset)
    assert again.weights.keys() == plain.weights.keys()
    for key, weight in plain.weights.items():
        np.testing.assert_array_equal(again.weights[key].astype(np.float32), weight.astype(np.float32))


def test_the_library_is_asked_for_no_more_than_needed() -> None:
    assert "math.h>" not in print_floats(folded(NETWORKS["cnn"]), ABOUT)
    assert "#include <math.h>" in print_floats(folded(ACTIVATIONS), ABOUT)


def test_every_function_has_a_form() -> None:
    assert FUNCTIONS.keys() == steps.FUNCTIONS.keys()


def test_what_has_no_form_is_refused_by_its_name() -> None:
    network = Network((Layer.of("flatten", "f"), Layer.of("softmax", "x"), Layer.of("dense", "head", features=10)))
    with pytest.raises(UsageError, match=r"^layer 'x': softmax before the end"):
        fold(network, {name: np.zeros(weight.shape) for name, weight in network.weights.items()})


def test_what_is_no_plan_is_refused() -> None:
    with pytest.raises(RecordError, match="no network in floats"):
        floats.of_plan('{"scale": 1, "offset": 0, "steps": [{"kind": "guess"}]}', {})
    with pytest.raises(ModelFileError, match="does not say its layers"):
        reader.read_folded(Path("small.c"), b"int x;")
    text = print_floats(folded(NETWORKS["fc"]), ABOUT).replace("static EDGEDIGITS_CONST float", "static float", 1)
    with pytest.raises(ModelFileError, match="no network in floats"):
        reader.read_folded(Path("small.c"), text.encode())
