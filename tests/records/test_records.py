import dataclasses
import importlib
import json
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import edgedigits
from edgedigits.bench.bench import Benchmark, BenchRow, Ratios
from edgedigits.bench.engines import Comparison, EngineRow
from edgedigits.bench.figures import Measured, Measurement
from edgedigits.bench.gpu import Raced, Races
from edgedigits.bench.languages import LanguageRow, Languages
from edgedigits.bench.numbers import Counts
from edgedigits.bench.reader import Reading, Readings, Tally
from edgedigits.bench.records import RecordRun
from edgedigits.bench.search import Trial
from edgedigits.cli.documents import (
    AdoptedRun,
    Cards,
    DataFile,
    DataFiles,
    EmbeddedFolder,
    Exported,
    ExportedFile,
    ModelCard,
    Models,
    PresetFacts,
    TrainedRun,
    Training,
)
from edgedigits.data.doubts import Doubt
from edgedigits.data.kinds import Skipped
from edgedigits.embed.embedder import Embedding
from edgedigits.embed.golden import Golden, GoldenAnswer, GoldenInput, GoldenModel
from edgedigits.errors import RecordError, UsageError
from edgedigits.export.answers import Origin
from edgedigits.inference.numbers import Box, Digit, Number, Numbers
from edgedigits.inference.predict import Prediction, Predictions
from edgedigits.inference.score import ScoreSummary
from edgedigits.inference.sinks import Journal, Plan
from edgedigits.models.arithmetic.steps import (
    Add,
    Average,
    Concat,
    Convolve,
    Dense,
    Lookup,
    MaxPool,
    Multiply,
    Pad,
    Step,
)
from edgedigits.records.adoption import Adoption, Tried
from edgedigits.records.artifact import (
    Answers,
    Artifact,
    Calibration,
    Contract,
    Manifest,
    Refusal,
    TensorInfo,
    TensorSpec,
)
from edgedigits.records.earlier import EarlierSpec
from edgedigits.records.footprint import Footprint
from edgedigits.records.foreign import ForeignNetwork
from edgedigits.records.graph import Call, Graph, Held
from edgedigits.records.model import Checkpoint, DatasetRef, Epoch, History, Metrics, ModelSpec, Recipe
from edgedigits.records.network import Input
from edgedigits.records.record import Record
from edgedigits.records.report import Deployment, EngineRef, InSetting, Limits, ParityReport, Robustness, Verification
from edgedigits.runtime.compatibility import Runtime
from edgedigits.runtime.finding import Found, Row
from edgedigits.runtime.inspection import Inspection
from edgedigits.runtime.readers import Description
from edgedigits.train.resume import Unfinished
from edgedigits.verify.reproduce import Reproduced, Reproduction
from tests.helpers.networks import RESIDUAL

EARLIER = EarlierSpec("cnn", {"blocks": ((8, 8), (16,)), "hidden": (9,)}, ("a", "ß", "日本"), mean=0.5, std=0.25)
SPEC = ModelSpec(EARLIER.network, EARLIER.labels)
RECIPE = Recipe(epochs=3, batch_size=64, lr=1e-3, optimizer="adamw", betas=(0.5, 0.999), schedule="one-cycle", shift=2)
CHECKPOINT = Checkpoint(
    name="cnn-letters",
    model="cnn",
    spec=SPEC,
    recipe=RECIPE,
    dataset=DatasetRef("letters", "5e", source="/home/me/letters", dark_ink=True),
    metrics=Metrics(0.98, 0.99, None, 1.25),
    versions={"torch": "2.15.0"},
    device="cpu",
    threads=2,
    weights_sha256="ab",
    folder=Path("runs/cnn-letters"),
)
ARTIFACT = Artifact(
    "cnn-letters", "onnx", "cnn-letters.onnx", 37_000, "cd", "ab", 17, {"onnx": "1.23.2"}, folder=Path("exports/cnn")
)
REPORT = ParityReport(
    name="cnn",
    format="onnx-int8",
    path="exports/cnn/cnn.int8.onnx",
    sha256="cd",
    size_bytes=14_000,
    dataset="mnist",
    samples=10_000,
    reference_accuracy=0.99,
    reference_interval=(0.988, 0.992),
    accuracy=0.9899,
    interval=(0.9879, 0.9919),
    flips=3,
    flip_indices=(7, 8, 9),
    lost=2,
    gained=1,
    max_abs_diff=0.125,
    limits=Limits(max_flips=2, max_drop=0.002),
    failures=("flips: 3 of 10,000 answers changed, limit 2",),
)
ANSWERS = Answers(400_000, "cd", ARTIFACT.checkpoint_sha256, "ef", samples=10_000)
RATIOS = Ratios(0.25, 0.5, 0.75, 2.0)
BENCH_ROW = BenchRow("fc", "onnx-int8", "fc.int8.onnx", "ab", 40_000, 0.98, 2, 6.5, 9.25, 1e6, to_torch=RATIOS)
BENCHMARK = Benchmark("mnist", 10_000, 1, 256, 2_000, "x86_64", {"torch": "2.15.0"}, (BENCH_ROW,), ("it is slower",))
MEASUREMENT = Measurement("fc", "tutorial", "mnist", 1, (0, 1), (0.92, 0.93), (0.91, 0.92), (3.5, 3.25), "x86_64")
ENGINE_ROW = EngineRow(EngineRef("openvino", "2026.4.1"), "fc.onnx", "ab", 10_000, 0, 0, 1e-6, latency_us=4.5)
LANGUAGE_ROW = LanguageRow("go", "cnn.onnx", "go version go1.26", 3_700_000, 29_400_000, 20.5)
CONTRACT = Contract("onnx", ("0", "1"), "ab", "mnist", 0.99)
TENSOR = TensorInfo("weights", "uint8", (784, 50), 39_200)
RUNTIME = Runtime("OpenCV", None, None, "not tried")
INSPECTION = Inspection(
    path="fc.int8.onnx",
    format="onnx-int8",
    size_bytes=40_000,
    sha256="cd",
    contract=Contract("onnx-int8", ("0", "1"), "ab", "mnist", 0.99),
    checkpoint=None,
    operators={"Gemm": 2},
    opset=17,
    ir_version=8,
    tensors=(TENSOR,),
    parameters=39_200,
    quantized_share=1.0,
    runtimes=(RUNTIME,),
)
REFUSAL = Refusal(0.9, 0.95, 3_000, error_before=0.007, error_after=0.004, refused={"digits": 0.05})
PREDICTION = Prediction("seven.png", "7", 0.97, {"1": 0.03, "7": 0.97}, (Doubt.of("touches-border"),))
ROW = Row(Input(side=32, fit="pad"), "0..1, nchw, 32x32 padded", 0.25, 0.97, ("0..1, nhw, 32x32 padded",))
TRIED = Tried("flatten, fc1, relu, fc2", None, 0.1)
ADOPTION = Adoption("model.pt", "cd", "torch zip", "guessed", TRIED.words, 3_000, (TRIED,), (TRIED,), ("rounded",))
FOREIGN = ForeignNetwork(
    Input(layout="nhwc"), "scores", "softmax", tuple(range(10)), 7_850, "2 nodes: 1 Flatten, 1 Gemm"
)
PLAN = Plan("ab", "digits", dark_ink=True, batch_size=256, shard="0/4")
RELU = Call("relu", "aten.relu.default", ({"value": "@input"},))
GOLDEN_INPUT = GoldenInput("blank", 28, 28, "AAAA")
GOLDEN_ANSWER = GoldenAnswer((0.5, -2.25), "0", close=False)
GOLDEN_MODEL = GoldenModel("cnn.onnx", "cd", 1e-4, (GOLDEN_ANSWER, GoldenAnswer((0.0, 0.0), None, close=True)))
TRAINED = TrainedRun.of(CHECKPOINT)
EXPORTED = ExportedFile.of(ARTIFACT)
PRESET = PresetFacts("fc", "flatten, dense", 39_760, "uint8 28x28", {"default": RECIPE}, (MEASUREMENT,))
DATA_FILE = DataFile("mnist", "t10k-labels-idx1-ubyte", "missing", "fetch it")
FOOTPRINT = Footprint(238, 9064, 2352, 290_080, 1232, 436, {"cortex-m0": 2_014_509, "cortex-m3": 1_524_990})
PLANE = (14, 14, 8)
STEPS: tuple[Step, ...] = (
    Step("logits", (4,), (1, 1, 10)),
    Convolve("0", (0,), PLANE, seen=(28, 28, 1), kernel=(3, 3), padding=(1, 1), pool=(2, 2)),
    Dense("fc", (1,), (1, 1, 10), seen=1568),
    MaxPool("pool", (1,), (7, 7, 8), seen=PLANE, kernel=(2, 2), stride=(2, 2)),
    Average("mean", (1,), (1, 1, 8), seen=PLANE, rows=(0, 14), columns=(0, 14), divisor=196),
    Lookup("prelu", (1,), PLANE, function="prelu", parameters=(0.25, 0.5), channels=True),
    Add("sum", (1, 2), PLANE),
    Multiply("gate", (1, 2), PLANE, gate=True),
    Concat("side by side", (1, 2), (14, 14, 16), channels=(8, 8)),
    Pad("pad", (0,), (32, 32, 1), seen=(28, 28, 1), corner=(2, 2)),
)
TALLY = Tally("letters of our pen", "all", "nothing", samples=300, right=0, wrong=9, gaps=(0.0, -1.5))
READING = Reading("reader.canvas.onnx", "cd", 0.8, (TALLY,))
DIGIT = Digit(Box(top=10, left=4, bottom=38, right=24), "4", 0.75, sure=False)
NUMBER = Number("photo.png", None, "?", (DIGIT,), (Doubt("minus", "a minus or a dash before the first digit"),))
RACED = Raced("fc", "default", 0.98, (0.9805, 0.981), (0.5, 0.5), (4.0, 4.25), flips=0)
RECORD_RUN = RecordRun("cnn-2k", 0, RECIPE, "ab", 0.9925, 0.993, 1_976, 2_060, 60_000, 15.5, "cd", "x86_64", 14.25)
EXAMPLES: list[Record] = [
    *STEPS,
    TRAINED,
    Training((TRAINED,)),
    AdoptedRun.of(CHECKPOINT, ADOPTION),
    EXPORTED,
    Exported((EXPORTED, ExportedFile.of(dataclasses.replace(ARTIFACT, opset=None, refusal=REFUSAL)))),
    EmbeddedFolder("out", 41_828, "python", ("cnn.onnx",), {"cnn.onnx": 38_828, "digits.py": 3_000}, "selftest.py"),
    ModelCard("cnn", "exports/cnn/README.md"),
    Cards.of([Path("exports/cnn/README.md")]),
    PRESET,
    Models((PRESET,)),
    DATA_FILE,
    DataFiles((DATA_FILE, DataFile("mnist", "t10k-images-idx3-ubyte", "whole", None))),
    Deployment("one image a call", samples=10_000, flips=3, changed=1, max_abs_diff=0.25),
    Robustness("noise", samples=500, flips=0, max_abs_diff=None, reference_accuracy=None, accuracy=None),
    Calibration(samples=500, sha256="c" * 64),
    REFUSAL,
    dataclasses.replace(ARTIFACT, refusal=REFUSAL),
    Contract("onnx-canvas", ("0", "1"), "ab", "mnist", 0.99, sides=(8, 2048), temperature=0.9, threshold=0.95),
    RATIOS,
    BENCH_ROW,
    BENCHMARK,
    MEASUREMENT,
    Measured((MEASUREMENT,), BENCHMARK),
    ENGINE_ROW,
    Comparison("x86_64", (ENGINE_ROW, EngineRow(EngineRef("web", "1.23.2"), "fc.onnx", "ab", failure="no browser"))),
    LANGUAGE_ROW,
    Languages("x86_64", (LANGUAGE_ROW,)),
    Description(CONTRACT, {"Gemm": 2}, (TENSOR,), opset=17, ir_version=8),
    TENSOR,
    RUNTIME,
    INSPECTION,
    FOOTPRINT,
    CHECKPOINT.setup(),
    Unfinished(CHECKPOINT.setup(), 30, (Epoch(1, 0.5, 0.9, 1e-3, 1.0, 60_000.0),), 0.25, 1.25),
    ScoreSummary("fc.onnx", "cd", "digits", "answers.csv", "0/4", 10_000, 2, 4_096, 0.5, 11_808.0),
    Doubt.of("touches-border"),
    Skipped("no picture of a kind that is read", 2, ("notes.txt", "b.heic")),
    DIGIT.box,
    DIGIT,
    NUMBER,
    Numbers("cnn.canvas.onnx", 0.9, (NUMBER, Number("none.png", error="none.png: cannot be read"))),
    Counts(exact=95, wrong=1, refused=4),
    RACED,
    Races("a card", "x86_64", (RACED,)),
    RECORD_RUN,
    Trial(2_000, "cnn", 3, 10, "adamw 0.01", "conv 8, 10", 1_976, 60_000, 0.985, 120.0),
    TALLY,
    READING,
    Readings((READING,)),
    PREDICTION,
    Predictions("cnn.canvas.onnx", 0.9, (PREDICTION, Prediction("none.png", error="none.png: cannot be read"))),
    PLAN,
    Journal(PLAN, items=256, errors=1, size=4_096),
    GOLDEN_INPUT,
    GOLDEN_ANSWER,
    GOLDEN_MODEL,
    Golden("onnxruntime 1.23.2", (GOLDEN_MODEL,), (GOLDEN_INPUT, GoldenInput("a canvas", 8, 8, "AAAA", seen="AAAA"))),
    Embedding("python", ("cnn.onnx",), {"cnn.onnx": 38_828, "digits.py": 3_000}, "python selftest.py", Path("out")),
    ROW,
    Found("theirs.onnx", (ROW,), 3_000, 10, tuple(range(10)), "logits", ("it takes 1 image a call",)),
    TRIED,
    ADOPTION,
    dataclasses.replace(CHECKPOINT, recipe=None, adopted=ADOPTION),
    SPEC,
    ModelSpec(FOREIGN),
    FOREIGN,
    EARLIER,
    RESIDUAL,
    RESIDUAL.layers[6],
    Held((2, 3), "int64", learned=False),
    RELU,
    Graph({"fc.weight": Held((10, 784))}, (RELU,)),
    Input(layout="flat", side=32, range=(-1.0, 1.0), ink="dark", turned=True, fit="resize", threshold=77),
    RECIPE,
    CHECKPOINT.dataset,
    Epoch(1, 0.5, 0.9, 1e-3, 2.0, 1e5, validation_loss=0.4, validation_accuracy=0.91),
    History((Epoch(1, 0.5, 0.9, 1e-3, 2.0, 1e5), Epoch(2, 0.4, 0.9, 1e-3, 2.0, 1e5))),
    CHECKPOINT.metrics,
    CHECKPOINT,
    TensorSpec("image", "uint8", ("batch", 28, 28)),
    CONTRACT,
    ARTIFACT,
    dataclasses.replace(ARTIFACT, format="torchscript", opset=None),
    Manifest(CHECKPOINT, (ARTIFACT,)),
    ANSWERS,
    Manifest(CHECKPOINT, (ARTIFACT,), answers=ANSWERS),
    Origin("ab", "cd"),
    Reproduced("cnn.onnx", recorded="ab", found="cd", same=False),
    Reproduction("cnn", False, (Reproduced("cnn.onnx", "ab", "cd", same=False),), ("threads: 2 then, 1 now",)),
    REPORT.limits,
    EngineRef("openvino", "2026.4.1"),
    EngineRef("openvino", "2026.4.1", "exact"),
    InSetting("exact", 0.99, 0, 1e-5, judged=True),
    REPORT,
    Verification(False, "mnist", 10_000, (REPORT, ParityReport("fc", "onnx", "fc.onnx", "", 0, readable=False))),
]


def below(kind: type[Record]) -> Iterator[type[Record]]:
    for child in kind.__subclasses__():
        yield child
        yield from below(child)


def test_every_record_type_has_an_example() -> None:
    for module in pkgutil.walk_packages(edgedigits.__path__, "edgedigits."):
        if not module.name.endswith(".__main__"):  # which would begin to work
            importlib.import_module(module.name)
    kinds = {kind for kind in below(Record) if kind.__module__.startswith("edgedigits.")}
    assert kinds == {type(example) for example in EXAMPLES}
    assert len({kind.__name__ for kind in kinds}) == len(kinds)  # by which schemas call them


@pytest.mark.parametrize("record", EXAMPLES, ids=lambda record: type(record).__name__)
class TestRoundTrip:
    def test_a_document_reads_back_equal(self, record: Record) -> None:
        assert type(record).from_json(record.to_json()) == record
        assert type(record).from_json(record.to_line().encode()) == record

    def test_what_was_read_back_writes_the_same_bytes(self, record: Record) -> None:
        assert type(record).from_json(record.to_json()).to_json() == record.to_json()

    def test_a_line_is_one_line_and_a_document_ends_with_a_newline(self, record: Record) -> None:
        assert "\n" not in record.to_line()
        assert record.to_json().endswith("}\n")
        assert json.loads(record.to_line()) == json.loads(record.to_json()) == json.loads(json.dumps(record.to_dict()))

    def test_a_file_reads_back_equal(self, record: Record, tmp_path: Path) -> None:
        (tmp_path / "record.json").write_text(record.to_json(), encoding="utf-8")
        assert type(record).read(tmp_path / "record.json") == record


def test_lists_come_back_as_tuples_and_integers_as_the_floats_they_stand_for() -> None:
    spec = EarlierSpec.from_json('{"family": "cnn", "params": {"blocks": [[8], [16]]}, "mean": 1}')
    assert spec.params == {"blocks": ((8,), (16,))}
    assert type(spec.mean) is float


@pytest.mark.parametrize("record", [CHECKPOINT, ARTIFACT])
def test_where_a_record_was_found_is_not_written(record: Checkpoint | Artifact) -> None:
    assert "folder" not in record.to_dict()
    assert type(record).from_dict(record.to_dict()).folder == Path()


@pytest.mark.parametrize("record", [CONTRACT, ARTIFACT])
def test_what_came_later_is_left_out_where_it_is_not_used(record: Record) -> None:
    assert record.to_dict().keys().isdisjoint({"sides", "temperature", "threshold", "refusal"})


@pytest.mark.parametrize("changes", [{"temperature": 0.0}, {"threshold": 1.5}, {"threshold": -0.1}])
def test_a_refusal_out_of_range_is_refused(changes: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=next(iter(changes))):
        Contract("onnx-canvas", ("0", "1"), "ab", "mnist", 0.99, **changes)  # type: ignore[arg-type]


def test_an_anonymous_checkpoint_differs_only_in_the_path_of_the_data() -> None:
    anonymous = CHECKPOINT.anonymous()
    assert "/home/me" not in anonymous.to_json()
    assert dataclasses.replace(anonymous, dataset=CHECKPOINT.dataset) == CHECKPOINT


def test_the_path_of_an_artifact_is_in_the_folder_where_it_was_found() -> None:
    assert ARTIFACT.path == Path("exports/cnn/cnn-letters.onnx")


def test_a_contract_has_an_output_column_for_each_label() -> None:
    contract = Contract("onnx", ("cat", "dog", "eel"), "ab", "animals", 0.9)
    assert [(output.name, output.shape) for output in contract.outputs] == [
        ("logits", ("batch", 3)),
        ("probabilities", ("batch", 3)),
    ]


def recipe_json(**changes: Any) -> str:
    return json.dumps({**RECIPE.to_dict(), **changes})


@pytest.mark.parametrize(
    ("kind", "text", "complaint"),
    [
        (Recipe, '{"epochs": 1, "lr": 0.1}', "Recipe: field 'batch_size' is missing"),
        (Recipe, recipe_json(learning_rate=1), "Recipe: unknown field 'learning_rate'"),
        (Recipe, recipe_json(epochs="5"), "Recipe.epochs: int wanted, str found"),
        (Recipe, recipe_json(epochs=5.0), "Recipe.epochs: int wanted, float found"),
        (Recipe, recipe_json(epochs=True), "Recipe.epochs: int wanted, bool found"),
        (Recipe, recipe_json(lr=True), "Recipe.lr: float wanted, bool found"),
        (Recipe, recipe_json(lr=None), "Recipe.lr: float wanted, NoneType found"),
        (Recipe, recipe_json(betas=0.9), "Recipe.betas: list wanted, float found"),
        (Recipe, recipe_json(betas=[0.9, "x"]), "Recipe.betas[1]: float wanted, str found"),
        (Recipe, recipe_json(epochs=0), "Recipe: epochs: at least 1 wanted, 0 given"),
        (Recipe, recipe_json(lr=10**400), "Recipe.lr: a finite number wanted"),
        (Recipe, recipe_json().replace("0.001", "1e999"), "Recipe.lr: a finite number wanted"),
        (Recipe, recipe_json().replace("0.001", "NaN"), "Recipe: not JSON (NaN is no number)"),
        (Recipe, recipe_json().replace("0.001", "-Infinity"), "Recipe: not JSON (-Infinity is no number)"),
        (Recipe, "[]", "Recipe: dict wanted, list found"),
        (Recipe, "", "Recipe: not JSON"),
        (Recipe, recipe_json()[:-1], "Recipe: not JSON"),
        (Recipe, "9" * 5000, "Recipe: not JSON"),
        (ModelSpec, '{"family": "fc", "params": []}', "ModelSpec.params: dict wanted, list found"),
        (History, '{"epochs": [{"epoch": 1}]}', "History.epochs[0]: field 'accuracy' is missing"),
        (TensorSpec, '{"name": "a", "dtype": "b", "shape": [null]}', "TensorSpec.shape[0]: str wanted, NoneType found"),
        (Limits, '{"max_flips": 1.5}', "Limits.max_flips: int wanted, float found"),
        (Checkpoint, json.dumps({**CHECKPOINT.to_dict(), "folder": "/etc"}), "Checkpoint: unknown field 'folder'"),
        (
            Checkpoint,
            json.dumps({**CHECKPOINT.to_dict(), "versions": {"torch": 2}}),
            "Checkpoint.versions.torch: str wanted, int found",
        ),
        (
            Checkpoint,
            json.dumps({**CHECKPOINT.to_dict(), "spec": {**SPEC.to_dict(), "labels": ["a"]}}),
            "Checkpoint.spec: labels: at least two classes wanted, ('a',) given",
        ),
        (Manifest, json.dumps({**Manifest(CHECKPOINT, ()).to_dict(), "version": 2}), "Manifest: version: 1 wanted"),
    ],
)
def test_a_document_that_is_no_such_record_is_refused_and_named(
    kind: type[Record], text: str, complaint: str, tmp_path: Path
) -> None:
    path = tmp_path / "record.json"
    path.write_text(text)
    with pytest.raises(RecordError) as caught:
        kind.read(path)
    assert str(caught.value).startswith(f"{path}: {complaint}")


@pytest.mark.parametrize("levels", [600, 100_000])  # too deep for the record; too deep for Python's JSON reader
def test_deep_nesting_is_refused(levels: int) -> None:
    with pytest.raises(RecordError, match=r"ModelSpec: not JSON \(maximum recursion depth"):
        ModelSpec.from_json('{"family": "fc", "params": {"hidden": ' + "[" * levels + "]" * levels + "}}")


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(RecordError, match="Limits: not JSON"):
        Limits.from_json(b'{"max_flips": "\xff\xfe"}')


def test_a_missing_file_is_named_once(tmp_path: Path) -> None:
    with pytest.raises(RecordError) as caught:
        Limits.read(tmp_path / "no.json")
    assert str(caught.value) == f"{tmp_path / 'no.json'}: cannot be read (No such file or directory)"


def test_what_is_not_finite_is_never_written() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        dataclasses.replace(CHECKPOINT.metrics, train_seconds=float("nan")).to_json()


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("epochs", 0, "at least 1"),
        ("batch_size", 0, "at least 1"),
        ("lr", 0.0, "a positive number"),
        ("lr", float("nan"), "a positive number"),
        ("lr", float("inf"), "a positive number"),
        ("optimizer", "sgd", "adam or adamw or muon"),
        ("betas", (0.9,), "two of 0..1"),
        ("betas", (0.9, 1.0), "two of 0..1"),
        ("weight_decay", -0.1, "0 or more"),
        ("schedule", "cosine", "constant or one-cycle"),
        ("shift", 9, "0 to 8 pixels"),
        ("shift", -1, "0 to 8 pixels"),
        ("validation", 0.6, "0 to 0.5"),
        ("validation", -0.1, "0 to 0.5"),
        ("seed", -1, "0 or more"),
        ("seed", 2**63, "0 or more"),
    ],
)
def test_a_recipe_keeps_its_rules(field: str, value: Any, rule: str) -> None:
    with pytest.raises(UsageError) as caught:
        dataclasses.replace(RECIPE, **{field: value})
    assert str(caught.value) == f"{field}: {rule} wanted, {value!r} given"


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("labels", ("0",), "at least two classes"),
        ("labels", ("0", "1", "0"), "no class twice"),
    ],
)
def test_a_model_spec_keeps_its_rules(field: str, value: Any, rule: str) -> None:
    with pytest.raises(UsageError) as caught:
        dataclasses.replace(SPEC, **{field: value})
    assert str(caught.value) == f"{field}: {rule} wanted, {value!r} given"


@pytest.mark.parametrize("record", [CONTRACT, Manifest(CHECKPOINT, ())])
def test_a_later_version_is_not_misread(record: Contract | Manifest) -> None:
    with pytest.raises(UsageError, match="version: 1 wanted, 2 given"):
        dataclasses.replace(record, version=2)


@pytest.mark.parametrize("record", EXAMPLES, ids=lambda record: type(record).__name__)
def test_a_record_cannot_be_changed(record: Record) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(record, dataclasses.fields(record)[0].name, None)  # type: ignore[arg-type]


def test_reading_records_needs_no_torch_and_no_numpy() -> None:
    code = (
        "import sys; from edgedigits.records import artifact, model, progress, record, report, words; "
        "sys.exit(bool({'torch', 'numpy'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_checkpoint_was_trained_or_adopted() -> None:
    adopted = dataclasses.replace(CHECKPOINT, recipe=None, adopted=ADOPTION)
    with pytest.raises(UsageError, match="was adopted, and how it was trained is not known"):
        adopted.setup()
    for recipe, source in ((None, None), (RECIPE, ADOPTION)):
        with pytest.raises(UsageError, match="recipe: one, or where it was adopted"):
            dataclasses.replace(CHECKPOINT, recipe=recipe, adopted=source)
    with pytest.raises(UsageError, match="structure: guessed or traced or kept wanted"):
        dataclasses.replace(ADOPTION, structure="known")
