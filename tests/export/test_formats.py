"""Every format: the contract of an exported file, whichever it is. A new format is tested by being there."""

import dataclasses
import importlib
import json
import shutil
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from edgedigits import export, load
from edgedigits.data import canvases
from edgedigits.data.dataset import Dataset
from edgedigits.errors import MissingCapability, ModelFileError, UsageError
from edgedigits.export import formats
from edgedigits.export.formats import Format, Source, format_of, get_format
from edgedigits.export.onnx import convert, framing, quantize_integer, quantize_static, quantize_weights
from edgedigits.export.onnx.graph import NETWORK
from edgedigits.models.checkpoint import read_checkpoint
from edgedigits.models.classifier import Classifier, Deployed
from edgedigits.models.weights import load_classifier
from edgedigits.records.network import Input
from edgedigits.runtime.predictor import CanvasPredictor
from edgedigits.runtime.readers.pt2 import CONFIGS
from edgedigits.runtime.safety import BOUNDS
from edgedigits.system import archive, files
from tests.helpers import (
    FEW_RUNS,
    FORMAT_NAMES,
    HERE,
    PRESET_RUNS,
    TUTORIALS,
    WITHOUT_INTEGERS,
    few,
    files_of,
    forms_of,
)
from tests.helpers.broken import GRAPHS

ONNX_FORMATS = [name for name in FORMAT_NAMES if get_format(name).container == "onnx"]
STORED = {  # preset: how many weights are stored in 8 bits
    "fc": 784 * 50,
    "fc-28": 784 * 28,
    "fc-deep": 784 * 784 + 784 * 500 + 500 * 50,
    "cnn": 16 * 8 * 9 + 784 * 10,
    "cnn-deep": 2 * 32 * 32 * 9 + 1568 * 100 + 100 * 50,
}
WEIGHTS = {  # and by how many products, which stay those of the float file
    "fc": ({"Gemm": 2}, STORED["fc"]),
    "fc-28": ({"Gemm": 2}, STORED["fc-28"]),
    "fc-deep": ({"Gemm": 4}, STORED["fc-deep"]),
    "cnn": ({"Conv": 2, "Gemm": 1}, STORED["cnn"]),
    "cnn-deep": ({"Conv": 3, "Gemm": 3}, STORED["cnn-deep"]),
}
INTEGER = {
    "fc": ({"MatMulInteger": 1, "Gemm": 1}, STORED["fc"]),
    "fc-28": ({"MatMulInteger": 1, "Gemm": 1}, STORED["fc-28"]),
    "fc-deep": ({"MatMulInteger": 3, "QuantizeLinear": 2, "DequantizeLinear": 2, "Gemm": 1}, STORED["fc-deep"]),
    "cnn-deep": (
        {"Conv": 3, "MatMulInteger": 1, "QuantizeLinear": 1, "DequantizeLinear": 1, "Gemm": 2},
        STORED["cnn-deep"],
    ),
}
STATIC = {  # in QDQ, a product that is quantized dequantizes its input, weights and bias
    "fc": ({"QuantizeLinear": 1, "DequantizeLinear": 3 + 1, "Gemm": 2}, STORED["fc"]),
    "fc-28": ({"QuantizeLinear": 1, "DequantizeLinear": 3 + 1, "Gemm": 2}, STORED["fc-28"]),
    "fc-deep": ({"QuantizeLinear": 3, "DequantizeLinear": 3 * 3 + 1, "Gemm": 4}, STORED["fc-deep"]),
    "cnn": ({"QuantizeLinear": 2, "DequantizeLinear": 2 * 3 + 1, "Conv": 2, "Gemm": 1}, STORED["cnn"]),
    "cnn-deep": ({"QuantizeLinear": 5, "DequantizeLinear": 4 * 3 + 2, "Conv": 3, "Gemm": 3}, STORED["cnn-deep"]),
}
INT8_LOGIT_DIFF = {"torchscript-static": 2.5}  # of 40


QUANTIZED = {
    "onnx-canvas-int8": WEIGHTS,
    "onnx-canvas-integer": INTEGER,
    "onnx-int8": WEIGHTS,
    "onnx-integer": INTEGER,
    "onnx-static": STATIC,
}
SEEN = {"name": "seen", "dtype": "uint8", "shape": [28, 28]}
TORCHSCRIPT_STATIC = {  # preset: operators of the traced code
    "fc": {"quantized.linear_relu": 1, "quantized.linear": 1},
    "fc-28": {"quantized.linear_relu": 1, "quantized.linear": 1},
    "fc-deep": {"quantized.linear_relu": 3, "quantized.linear": 1},
    "cnn": {"quantized.conv2d": 2, "quantized.linear": 1},
    "cnn-deep": {"quantized.conv2d_relu": 1, "quantized.conv2d": 2, "quantized.linear_relu": 2, "quantized.linear": 1},
}


FILES = files_of(PRESET_RUNS)
ONNX_FILES = [pair for pair in FILES if pair[1] in ONNX_FORMATS]
every_file = pytest.mark.parametrize(("name", "format_name"), few(FILES, files_of(FEW_RUNS)))
every_onnx_file = pytest.mark.parametrize(("name", "format_name"), few(ONNX_FILES, files_of(FEW_RUNS)))


def writers() -> Iterator[str]:
    """All functions of the package that write a format, as the table names them."""
    folder = Path(formats.__file__).parent
    for path in folder.glob("[!_]*/*.py"):
        module = importlib.import_module(f"edgedigits.export.{path.parent.name}.{path.stem}")
        for name, found in vars(module).items():
            if name.startswith("write") and found.__module__ == module.__name__:
                yield f"{module.__name__}:{name}"


def test_every_writer_is_a_format_and_every_format_is_tested_here() -> None:
    rows = [get_format(name) for name in FORMAT_NAMES]
    assert sorted(writers()) == sorted(str(row.writer) for row in rows)
    assert [row.name for row in rows] == list(FORMAT_NAMES)
    assert len({row.suffix for row in rows}) == len({(r.container, r.precision, r.input) for r in rows}) == len(rows)
    assert {row.container for row in rows} == formats.CONTAINERS.keys()
    assert {row.precision for row in rows} == set(formats.PRECISIONS)
    assert {row.input for row in rows} == set(formats.INPUTS)
    assert QUANTIZED.keys() == {name for name in ONNX_FORMATS if get_format(name).precision != "float"}
    assert STORED.keys() == WEIGHTS.keys() == STATIC.keys() == TORCHSCRIPT_STATIC.keys() == set(TUTORIALS)
    assert set(TUTORIALS) - INTEGER.keys() == {name.removesuffix("-tiny") for name in WITHOUT_INTEGERS}


@every_file
def test_it_answers_as_the_torch_model(
    name: str, format_name: str, all_files: dict[tuple[str, str], Path], runs: Path, digits: Dataset
) -> None:
    predict = load(all_files[name, format_name])
    logits, probabilities = predict(digits.test.images)
    shown = predict.answers(digits.test.images)[2]
    wanted, _ = load(runs / name)(shown)
    limits = get_format(format_name).limits
    assert logits.shape == probabilities.shape == (len(digits.test), 10)
    assert logits.dtype == probabilities.dtype == np.float32
    flips = int((logits.argmax(1) != wanted.argmax(1)).sum())
    assert flips <= (0 if limits.max_flips == 0 else 2)  # 8 bits may turn an answer that was undecided
    if format_name == "torchscript-static":  # its logits have 8 bits, too, and end where the range seen does
        wanted = wanted.clip(logits.min(), logits.max())
    assert np.abs(logits - wanted).max() <= (limits.max_logit_diff or INT8_LOGIT_DIFF.get(format_name, 0.75))
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-6)
    tempered = logits / (predict.contract.temperature or 1)
    odds = np.exp(tempered - tempered.max(1, keepdims=True))
    np.testing.assert_allclose(probabilities, odds / odds.sum(1, keepdims=True), atol=1e-6)


@every_file
def test_the_batch_is_dynamic(
    name: str, format_name: str, all_files: dict[tuple[str, str], Path], digits: Dataset
) -> None:
    predict = load(all_files[name, format_name])
    for count in (1, 2, 7):
        assert predict(digits.test.images[:count])[0].shape == (count, 10)


@every_onnx_file
def test_an_answer_does_not_depend_on_the_rest_of_its_batch(
    name: str, format_name: str, all_files: dict[tuple[str, str], Path], digits: Dataset
) -> None:
    predict = load(all_files[name, format_name])
    alone = np.concatenate([predict(image[None])[0] for image in digits.test.images])
    np.testing.assert_allclose(alone, predict(digits.test.images)[0], atol=2e-5)


@every_onnx_file
def test_a_blank_image_gets_finite_answers(name: str, format_name: str, all_files: dict[tuple[str, str], Path]) -> None:
    blank = np.zeros((3, 28, 28), dtype=np.uint8)
    logits, probabilities = load(all_files[name, format_name])(blank)
    assert np.isfinite(logits).all()
    assert np.isfinite(probabilities).all()


@every_file
def test_it_carries_its_contract(
    name: str, format_name: str, all_files: dict[tuple[str, str], Path], runs: Path
) -> None:
    contract = load(all_files[name, format_name]).contract
    run = read_checkpoint(runs / name)
    found = contract.to_dict()
    if get_format(format_name).input == "canvas":
        assert 0.2 <= found.pop("temperature") <= 5
        assert 0.1 < found.pop("threshold") < 1
        assert found.pop("sides") == [8, 2048]
        shows = "border" if get_format(format_name).container == "c" else "picture"
        assert found.pop("polarity") == f"either: the paper is what most of the {shows} shows"
        assert found.pop("input") == {"name": "image", "dtype": "uint8", "shape": ["height", "width"]}
        assert found.pop("outputs")[2:] == [SEEN]
        contract = dataclasses.replace(load(all_files[name, "onnx"]).contract, format=format_name)
        found = contract.to_dict() | found
    if get_format(format_name).container == "c":
        assert len(found.pop("source_sha256")) == 64
    assert found == {
        "format": format_name,
        "labels": list("0123456789"),
        "checkpoint_sha256": files.sha256(runs / name / "model.safetensors"),
        "dataset": "tiny",
        "test_accuracy": run.metrics.test_accuracy,
        "input": {"name": "image", "dtype": "uint8", "shape": ["batch", 28, 28]},
        "outputs": [
            {"name": "logits", "dtype": "float32", "shape": ["batch", 10]},
            {"name": "probabilities", "dtype": "float32", "shape": ["batch", 10]},
        ],
        "polarity": "background 0, ink 255",
        "range": [0, 255],
        "version": 1,
    }


@every_onnx_file
def test_an_onnx_file_is_bare_standard_and_old_enough(
    name: str, format_name: str, all_files: dict[tuple[str, str], Path]
) -> None:
    path = all_files[name, format_name]
    model = onnx.load(path, load_external_data=False)
    onnx.checker.check_model(model, full_check=True)
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 17)]
    assert model.ir_version == 8
    assert {node.domain for node in model.graph.node} == {""}
    assert not any(tensor.external_data for tensor in model.graph.initializer)
    assert not any(part.metadata_props or part.doc_string for part in (*model.graph.node, *model.graph.initializer))
    assert not model.functions
    assert {entry.key for entry in model.metadata_props} == {
        "edgedigits.contract",
        "Image.BitmapPixelFormat",
        "Image.NominalPixelRange",
    }


def test_onnx_metadata_is_readable_with_onnx_runtime_alone(exports: Path) -> None:
    session = onnxruntime.InferenceSession(exports / "fc-tiny" / "fc-tiny.onnx")
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["edgedigits.contract"])["labels"] == list("0123456789")
    assert metadata["Image.BitmapPixelFormat"] == "Gray8"
    assert metadata["Image.NominalPixelRange"] == "NominalRange_0_255"


@every_file
def test_nothing_of_this_machine_is_in_the_file(
    name: str, format_name: str, all_files: dict[tuple[str, str], Path], runs: Path
) -> None:
    path = all_files[name, format_name]
    contents = [path.read_bytes()]
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as zipped:
            assert {entry.date_time for entry in zipped.infolist()} == {archive.EPOCH}
            contents += [zipped.read(entry) for entry in zipped.infolist()]
    for secret in (Path(formats.__file__).parents[2], Path.home(), path.parent, runs):
        assert not any(str(secret).encode() in content for content in contents)


@pytest.mark.lengthy
@pytest.mark.parametrize("name", ["fc-tiny", "cnn-tiny"])
def test_another_process_in_another_folder_writes_the_same_bytes(
    name: str, all_files: dict[tuple[str, str], Path], runs: Path, tmp_path: Path
) -> None:
    program = f"import sys, edgedigits as ed\ned.export(sys.argv[1], {forms_of(name)!r}, exports=sys.argv[2])"
    contents = []
    for folder in ("here", "there/too"):
        command = [sys.executable, "-c", program, runs / name, tmp_path / folder]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
        contents.append({path.name: path.read_bytes() for path in (tmp_path / folder / name).iterdir()})
    assert contents[0] == contents[1]
    assert len(contents[0]) == len(forms_of(name)) + 2
    for format_name in {*ONNX_FORMATS, "pt2"} & {*forms_of(name)}:  # whatever this process has exported before
        path = all_files[name, format_name]
        assert contents[0][path.name] == path.read_bytes()


@pytest.mark.parametrize(("format_name", "preset"), [(form, name) for form in QUANTIZED for name in QUANTIZED[form]])
def test_quantization_happened_as_counted(
    format_name: str, preset: str, all_files: dict[tuple[str, str], Path]
) -> None:
    operators, weights = QUANTIZED[format_name][preset]
    graph = onnx.load(all_files[f"{preset}-tiny", format_name]).graph
    own = NETWORK if "canvas" in format_name else ""  # behind a framing, which is in float
    counted = Counter(node.op_type for node in graph.node if node.output[0].startswith(own))
    assert not {"ConvInteger"} & counted.keys()
    products = ("MatMulInteger", "QuantizeLinear", "DequantizeLinear", "Gemm", "MatMul", "Conv")
    assert {operator: counted[operator] for operator in products if counted[operator]} == operators
    eight_bit = [numpy_helper.to_array(tensor) for tensor in graph.initializer]
    assert sum(array.nbytes for array in eight_bit if array.dtype.itemsize == 1 and array.ndim >= 2) == weights


@pytest.mark.parametrize("preset", TUTORIALS)
def test_every_product_of_a_static_torchscript_file_is_quantized(
    preset: str, all_files: dict[tuple[str, str], Path]
) -> None:
    described = HERE.describe(all_files[f"{preset}-tiny", "torchscript-static"])
    products = {name: count for name, count in described.operators.items() if "linear" in name or "conv" in name}
    assert products == TORCHSCRIPT_STATIC[preset]


@pytest.mark.parametrize("preset", TUTORIALS)
@pytest.mark.parametrize("format_name", ["onnx-int8", "onnx-static"])
def test_an_int8_file_is_as_small_as_promised(
    format_name: str, preset: str, all_files: dict[tuple[str, str], Path]
) -> None:
    sizes = [all_files[f"{preset}-tiny", name].stat().st_size for name in (format_name, "onnx")]
    assert sizes[0] / sizes[1] <= (0.3 if preset.startswith("fc") else 0.45)


def test_the_pixels_of_a_normalized_model_are_multiplied_exactly(runs: Path, digits: Dataset, tmp_path: Path) -> None:
    """Mean and std move behind the integer product; with weights that 8 bits hold exactly, nothing is lost."""
    run = read_checkpoint(runs / "fc-tiny")
    classifier = load_classifier(run)
    weights = next(iter(classifier.parameters())).data
    weights.copy_((weights / weights.abs().amax(1, keepdim=True) * 127).round() / 127)
    normalized = Deployed(Classifier(classifier.network, Input(mean=0.1307, std=0.3081))).eval()
    contract = load(runs / "fc-tiny").contract
    answers = []
    for write in (convert.write, quantize_integer.write):
        write(Source(normalized, contract), tmp_path / "model.onnx")
        answers.append(load(tmp_path / "model.onnx")(digits.test.images)[0])
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-4)


def test_a_model_with_nothing_to_quantize_is_refused() -> None:
    node = onnx.helper.make_node("Relu", ["image"], ["logits"])
    values = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in ("image", "logits")]
    model = onnx.helper.make_model(onnx.helper.make_graph([node], "graph", values[:1], values[1:]))
    with pytest.raises(ModelFileError, match="nothing to quantize"):
        quantize_weights.quantize(model.SerializeToString())
    with pytest.raises(ModelFileError, match="nothing to multiply as integers: no dense layer of 1,000 weights"):
        quantize_integer.quantize(model.SerializeToString())


def test_an_opset_that_was_not_asked_for_is_refused(exports: Path, tmp_path: Path) -> None:
    path = exports / "fc-tiny" / "fc-tiny.onnx"
    model = onnx.load(path)
    model.opset_import[0].version = 18
    with pytest.raises(ModelFileError, match="opset 17 of ONNX alone wanted"):
        convert.save(model.SerializeToString(), load(path).contract, tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


@pytest.mark.parametrize("name", GRAPHS)
def test_an_onnx_file_that_breaks_the_contract_is_refused(name: str, exports: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(GRAPHS[name].spoil((exports / "fc-tiny" / "fc-tiny.onnx").read_bytes()))
    with pytest.raises(ModelFileError, match=GRAPHS[name].reason) as caught:
        load(path)
    assert str(path) in str(caught.value)


def test_torchscript_is_refused_where_torch_no_longer_supports_it(
    runs: Path, exports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 14, 0, "final", 0))
    with pytest.raises(MissingCapability, match=r"Python 3\.14") as caught:
        export(runs / "fc-tiny", ["torchscript"], exports=tmp_path)
    assert caught.value.exit_code == 4
    with pytest.raises(MissingCapability, match=r"Python 3\.14"):
        load(exports / "fc-tiny" / "fc-tiny.torchscript.pt")
    with pytest.warns(UserWarning, match="format torchscript left out"):
        artifacts = export(runs / "fc-tiny", quantize=True, exports=tmp_path)
    assert [artifact.format for artifact in artifacts] == ["onnx", "onnx-int8"]


@pytest.mark.parametrize(
    ("name", "format_name"),
    [
        ("cnn.onnx", "onnx"),
        ("cnn.int8.onnx", "onnx-int8"),
        ("cnn.integer.onnx", "onnx-integer"),
        ("cnn.torchscript.pt", "torchscript"),
        ("cnn.int8.torchscript.pt", "torchscript-int8"),
        ("cnn.static.onnx", "onnx-static"),
        ("cnn.static.torchscript.pt", "torchscript-static"),
        ("cnn.pt2", "pt2"),
        ("cnn.canvas.onnx", "onnx-canvas"),
        ("cnn.canvas.int8.onnx", "onnx-canvas-int8"),
        ("cnn.canvas.integer.onnx", "onnx-canvas-integer"),
        ("cnn.c", "c"),
        ("cnn.int8.c", "c-int8"),
        ("cnn.canvas.int8.c", "c-canvas-int8"),
    ],
)
def test_a_file_is_known_by_its_longest_suffix(name: str, format_name: str) -> None:
    row = format_of(Path(name))
    assert row is not None
    assert format_name == row.name
    assert format_of(Path("cnn.tflite")) is None


@pytest.mark.parametrize("shape", [(28,), (1, 2, 28, 28), (1, 32, 32)])
def test_images_of_another_shape_are_refused_alike_by_all(shape: tuple[int, ...], exports: Path, runs: Path) -> None:
    for path in (runs / "fc-tiny", *sorted((exports / "fc-tiny").glob("*.onnx"))):
        with pytest.raises(UsageError, match=r"uint8 \[.*28, 28\] wanted"):
            load(path)(np.zeros(shape, dtype=np.uint8))


def test_normalized_images_are_refused(runs: Path) -> None:
    with pytest.raises(UsageError, match="float32"):
        load(runs / "fc-tiny")(np.full((1, 28, 28), -0.42, dtype=np.float32))


def test_an_unknown_format_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'onnx'"):
        get_format("onx")


def names(rows: list[Format]) -> list[str]:
    return [row.name for row in rows]


def quantized(*wanted: str, method: str | None = None) -> list[str]:
    return names(formats.with_quantized([get_format(name) for name in wanted], method))


def test_the_int8_form_follows_each_float_format() -> None:
    assert quantized("torchscript", "onnx") == ["torchscript", "torchscript-int8", "onnx", "onnx-int8"]
    assert quantized("onnx", "torchscript", method="static") == [
        "onnx",
        "onnx-static",
        "torchscript",
        "torchscript-static",
    ]
    assert quantized("onnx", "torchscript", method="integer") == [
        "onnx",
        "onnx-integer",
        "torchscript",
        "torchscript-int8",
    ]
    assert quantized("torchscript", "onnx", method="weights") == ["torchscript", "onnx", "onnx-int8"]
    assert quantized("onnx-int8") == ["onnx-int8"]
    assert quantized("pt2", "onnx") == ["pt2", "onnx", "onnx-int8"]


def test_each_format_has_a_form_for_each_input_or_says_so() -> None:
    assert names(formats.for_input((), "digit")) == ["onnx", "torchscript"]
    assert names(formats.for_input((), "canvas")) == ["onnx-canvas"]
    mixed = ("onnx", "onnx-canvas", "onnx-int8")
    assert names(formats.for_input(mixed, "digit")) == list(mixed)
    assert names(formats.for_input(mixed, "canvas")) == ["onnx-canvas", "onnx-canvas", "onnx-canvas-int8"]
    assert quantized("onnx-canvas") == ["onnx-canvas", "onnx-canvas-int8"]
    assert quantized("onnx-canvas", method="integer") == ["onnx-canvas", "onnx-canvas-integer"]
    assert names(formats.for_input(("c-int8",), "canvas")) == ["c-canvas-int8"]
    assert names(formats.for_input(("c", "onnx"), "canvas", quantize=True)) == ["c-canvas-int8", "onnx-canvas"]
    assert quantized("c-canvas-int8", "onnx-canvas") == ["c-canvas-int8", "onnx-canvas", "onnx-canvas-int8"]
    with pytest.raises(UsageError, match="format c takes a canvas in 8 bits alone: add --quantize"):
        formats.for_input(("c",), "canvas")
    with pytest.raises(UsageError, match="format c takes no canvas: there is no such form of it"):
        formats.for_input(("c",), "canvas", quantize=True, method="weights")
    with pytest.raises(UsageError, match="format pt2 takes no canvas: there is no such form of it"):
        formats.for_input(("pt2",), "canvas", quantize=True)
    with pytest.raises(UsageError, match="unknown input 'canvs': did you mean 'canvas'"):
        formats.for_input(("onnx",), "canvs")


def test_to_quantize_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="nothing to quantize: pt2 has no form with the method static"):
        quantized("pt2", method="static")
    with pytest.raises(UsageError, match="nothing to quantize: torchscript has no form with the method weights"):
        quantized("torchscript", method="weights")
    with pytest.raises(UsageError, match="nothing to quantize: pt2 has no form in 8 bits"):
        quantized("pt2")
    with pytest.raises(UsageError, match="unknown method 'statik': did you mean 'static'"):
        quantized("onnx", method="statik")


@pytest.mark.parametrize("form", ["onnx-integer", "onnx-canvas-integer"])
def test_a_model_without_a_form_is_refused_by_name_and_nothing_is_written(
    form: str, runs: Path, tmp_path: Path
) -> None:
    said = f"cnn-tiny has no {form} form: no dense layer of 1,000 weights or more sees the pixels themselves, and none "
    with pytest.raises(UsageError, match=f"^{said}.*Nothing was written.$"):
        export([runs / "fc-tiny", runs / "cnn-tiny"], ["onnx", form], exports=tmp_path)
    assert not any(tmp_path.iterdir())


def test_the_weights_of_an_int8_file_are_constants_for_every_runtime(all_files: dict[tuple[str, str], Path]) -> None:
    """They become float by a Cast and a Mul of what is stored, and come to the same as the torch model's, rounded."""
    files = (all_files["cnn-deep-tiny", name] for name in ("onnx", "onnx-int8"))
    plain, quantized = (onnx.load(path).graph for path in files)
    stored, tensors = ({t.name: numpy_helper.to_array(t) for t in graph.initializer} for graph in (plain, quantized))
    makers = {node.output[0]: node for node in quantized.node}
    float_weights = [node.input[1] for node in plain.node if node.op_type in ("Conv", "Gemm")]
    for name, product in zip(float_weights, (n for n in quantized.node if n.op_type in ("Conv", "Gemm")), strict=True):
        if stored[name].size < 1_000:
            np.testing.assert_array_equal(tensors[product.input[1]], stored[name])
            continue
        scaled = makers[product.input[1]]
        integers, scales = tensors[makers[scaled.input[0]].input[0]], tensors[scaled.input[1]]
        assert (scaled.op_type, makers[scaled.input[0]].op_type, integers.dtype) == ("Mul", "Cast", np.int8)
        assert {int(found) for found in np.abs(integers).reshape(len(integers), -1).max(1)} == {127}
        assert (np.abs(integers * scales - stored[name]) <= scales / 2 * 1.0001).all()


@pytest.mark.parametrize("name", PRESET_RUNS)
@pytest.mark.parametrize(("format_name", "plain"), [("onnx-canvas", "onnx"), ("onnx-canvas-int8", "onnx-int8")])
def test_a_canvas_file_answers_as_the_plain_file_does_to_what_it_has_seen(
    format_name: str, plain: str, name: str, all_files: dict[tuple[str, str], Path], digits: Dataset
) -> None:
    predictor = load(all_files[name, format_name])
    assert isinstance(predictor, CanvasPredictor)
    for image in digits.test.images[::6]:
        reading = predictor.read(canvases.paste(image))
        np.testing.assert_array_equal(reading.seen, framing.frame(canvases.paste(image)))
        np.testing.assert_allclose(load(all_files[name, plain])(reading.seen[None])[0][0], reading.logits, atol=1e-5)


@pytest.mark.parametrize("format_name", ["c-canvas-int8", "onnx-canvas", "onnx-canvas-int8"])
def test_on_a_blank_canvas_all_probabilities_are_equal(
    format_name: str, all_files: dict[tuple[str, str], Path]
) -> None:
    predictor = load(all_files["cnn-tiny", format_name])
    assert isinstance(predictor, CanvasPredictor)
    reading = predictor.read(np.full((100, 300), 40, np.uint8))
    assert not reading.seen.any()
    np.testing.assert_allclose(reading.probabilities, 0.1, atol=1e-7)
    assert reading.probabilities.max() < (predictor.contract.threshold or 0)


def test_the_order_of_a_canvas_files_outputs_is_that_of_its_contract(all_files: dict[tuple[str, str], Path]) -> None:
    session = onnxruntime.InferenceSession(all_files["cnn-tiny", "onnx-canvas"])
    assert [(value.name, value.shape) for value in session.get_outputs()] == [
        ("logits", [10]),
        ("probabilities", [10]),
        ("seen", [28, 28]),
    ]
    assert [(value.name, value.shape) for value in session.get_inputs()] == [("image", ["height", "width"])]


@pytest.mark.parametrize("format_name", ["c-canvas-int8", "onnx-canvas"])
def test_a_canvas_file_is_not_written_without_its_threshold(format_name: str, runs: Path, tmp_path: Path) -> None:
    run, row = read_checkpoint(runs / "fc-tiny"), get_format(format_name)
    contract, images = load(runs / "fc-tiny").contract, np.zeros((1, 28, 28), np.uint8)
    source = Source(Deployed(load_classifier(run)).eval(), contract, calibration=images, spec=run.spec)
    with pytest.raises(UsageError, match="temperature and threshold wanted, none given"):
        row.write(source, tmp_path / f"model{row.suffix}")
    assert list(tmp_path.iterdir()) == []


def test_a_canvas_file_in_c_is_the_digit_file_behind_the_framing(
    all_files: dict[tuple[str, str], Path], digits: Dataset
) -> None:
    predictor = load(all_files["cnn-tiny", "c-canvas-int8"])
    logits, _, seen = predictor.answers(digits.test.images[::6])
    np.testing.assert_array_equal(logits, load(all_files["cnn-tiny", "c-int8"])(seen)[0])


def relation(*nodes: tuple[str, str, str], initializers: dict[str, np.ndarray]) -> bytes:
    """A float model of products and activations: (operator, inputs with spaces between them, output)."""
    made = [onnx.helper.make_node(operator, inputs.split(), [output]) for operator, inputs, output in nodes]
    image = onnx.helper.make_tensor_value_info("image", onnx.TensorProto.UINT8, ["batch", 28, 28])
    logits = onnx.helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, None)
    tensors = [numpy_helper.from_array(array, name) for name, array in initializers.items()]
    opset = onnx.helper.make_opsetid("", 17)
    return onnx.helper.make_model(  # type: ignore[no-any-return]
        onnx.helper.make_graph(made, "graph", [image], [logits], tensors), opset_imports=[opset], ir_version=8
    ).SerializeToString()


def answers(serialized: bytes, images: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(serialized, providers=["CPUExecutionProvider"])
    return session.run(None, {"image": images})[0]  # type: ignore[no-any-return]


DENSE = {  # weights that 64 levels hold exactly; a zero point of 25.5; hidden values on both sides of 0
    "shape": np.array([-1, 784]),
    "scale": np.float32(1 / 255),
    "offset": np.float32(-0.1),
    "first": np.random.default_rng(0).integers(0, 65, (784, 20)).astype(np.float32) / 64,
    "first_bias": np.linspace(-80, 0, 20, dtype=np.float32),
    "second": np.vstack([np.ones(60), np.random.default_rng(1).integers(0, 65, (19, 60)) / 64]).astype(np.float32),
    "second_bias": np.ones(60, np.float32),
}
PIXELS = [("Cast", "image", "cast"), ("Mul", "cast scale", "mul"), ("Add", "mul offset", "add")]


def dense(*between: tuple[str, str, str], source: str) -> bytes:
    """Two dense layers, and what stands between them; `source` is what the second multiplies."""
    nodes = [*PIXELS, ("Reshape", "add shape", "flat"), ("Gemm", "flat first first_bias", "hidden"), *between]
    model = onnx.load_model_from_string(
        relation(*nodes, ("Gemm", f"{source} second second_bias", "logits"), initializers=DENSE)
    )
    for node in model.graph.node:
        if node.op_type == "Cast":
            node.attribute.append(onnx.helper.make_attribute("to", onnx.TensorProto.FLOAT))
    return model.SerializeToString()  # type: ignore[no-any-return]


def test_the_bias_makes_up_for_a_zero_point_that_is_not_whole(digits: Dataset) -> None:
    """Pixels half a level off would move each hidden value by 0.8, and the logits by 8."""
    model = dense(("Relu", "hidden", "relu"), source="relu")
    quantized = quantize_static.quantize(model, digits.train.images)
    wanted, found = (answers(serialized, digits.test.images) for serialized in (model, quantized))
    assert wanted.max() > 100
    assert np.abs(wanted - found).max() < 2


@pytest.mark.parametrize("between", [[], [("Tanh", "hidden", "tanh")]])
def test_values_below_0_are_never_clipped_in_silence(between: list[tuple[str, str, str]], digits: Dataset) -> None:
    model = dense(*between, source=between[-1][-1] if between else "hidden")
    with pytest.raises(ModelFileError, match="below 0, and no ReLU takes it away"):
        quantize_static.quantize(model, digits.train.images)


def test_a_dead_channel_and_a_dead_layer_keep_their_bias(digits: Dataset) -> None:
    weights = {**DENSE, "first_bias": np.full(20, -1e6, np.float32), "second": np.zeros((20, 60), np.float32)}
    model = onnx.load_model_from_string(dense(("Relu", "hidden", "relu"), source="relu"))
    for tensor in model.graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(weights[tensor.name], tensor.name))
    quantized = quantize_static.quantize(model.SerializeToString(), digits.train.images)
    np.testing.assert_allclose(answers(quantized, digits.test.images), 1, rtol=1e-6)


def test_the_weights_of_a_static_file_do_not_overflow_16_bits(exports: Path) -> None:
    """x86 processors without VNNI add pairs of products of uint8 and int8 in 16 bits."""
    graph = onnx.load(exports / "cnn-tiny" / "cnn-tiny.static.onnx").graph
    stored = [numpy_helper.to_array(tensor) for tensor in graph.initializer]
    weights = [array for array in stored if array.dtype == np.int8 and array.ndim >= 2]
    assert {int(np.abs(array).max()) for array in weights} == {64}
    assert 2 * 64 * 255 < 2**15


@pytest.mark.parametrize("name", [name for name in FORMAT_NAMES if get_format(name).calibrated])
@pytest.mark.parametrize("images", [None, np.zeros((0, 28, 28), np.uint8)])
def test_calibration_without_images_is_refused(
    name: str, images: np.ndarray | None, runs: Path, tmp_path: Path
) -> None:
    run = read_checkpoint(runs / "fc-tiny")
    contract = dataclasses.replace(load(runs / "fc-tiny").contract, format=name)
    source = Source(Deployed(load_classifier(run)).eval(), contract, images)
    with pytest.raises(UsageError, match=f"{name}: images to calibrate on wanted"):
        get_format(name).write(source, tmp_path / "model")


def unpacked(path: Path) -> dict[str, bytes]:
    return archive.read(path.read_bytes(), BOUNDS.file_bytes)


def repacked(path: Path, **changes: bytes) -> Path:
    """A .pt2 file with other entries; a name is written with _ for what a keyword cannot hold."""
    records = {f"archive/{name}": content for name, content in unpacked(path).items()}
    named = {name.replace(".", "_").replace("/", "_"): name for name in records}
    for name, content in changes.items():
        records[named.get(f"archive_{name}", f"archive/{name}")] = content
    with zipfile.ZipFile(path, "w") as target:
        for name, content in records.items():
            target.writestr(name, content)
    return path


HOSTILE = b"cos\nsystem\n(S'echo hacked > hacked'\ntR."  # a pickle that runs a command when it is loaded


@pytest.mark.parametrize("name", ["data_sample_inputs_model_pt", "version", "serialized_state_dict.pt"])
def test_a_pt2_file_that_holds_a_pickle_is_refused_unread(
    name: str, exports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = repacked(Path(shutil.copy(exports / "fc-tiny" / "fc-tiny.pt2", tmp_path)), **{name: HOSTILE})
    for read in (HERE.open, HERE.describe):
        with pytest.raises(ModelFileError, match="holds more than a graph and its weights"):
            read(path)
    assert not (tmp_path / "hacked").exists()


@pytest.mark.parametrize(
    ("plain", "pickled"),
    [(b'"use_pickle": false', b'"use_pickle": true'), (b'"path_name": "weight_0"', b'"path_name": "opaque_obj_0"')],
)
def test_a_pt2_weight_that_is_marked_as_a_pickle_is_refused(
    plain: bytes, pickled: bytes, exports: Path, tmp_path: Path
) -> None:
    path = Path(shutil.copy(exports / "fc-tiny" / "fc-tiny.pt2", tmp_path))
    config = unpacked(path)[CONFIGS[0]]
    assert plain in config
    config = config.replace(plain, pickled)
    with pytest.raises(ModelFileError, match="holds more than a graph and its weights"):
        HERE.open(repacked(path, data_weights_model_weights_config_json=config))


def test_a_pt2_file_with_a_damaged_graph_is_refused(exports: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(exports / "fc-tiny" / "fc-tiny.pt2", tmp_path))
    repacked(path, models_model_json=b'{"graph_module": {}}')
    with pytest.raises(ModelFileError, match=r"fc-tiny\.pt2: pt2 cannot load it \(GraphModule"):
        HERE.open(path)
    with pytest.raises(ModelFileError, match="not a valid pt2 file"):
        HERE.describe(path)


def test_a_pt2_file_is_described_without_running_it(exports: Path) -> None:
    described = HERE.describe(exports / "fc-tiny" / "fc-tiny.pt2")
    assert described.contract.format == "pt2"
    assert described.operators["aten.linear.default"] == 2
    assert [(tensor.dtype, tensor.shape, tensor.bytes) for tensor in described.tensors][:2] == [
        ("float32", (50, 784), 4 * 50 * 784),
        ("float32", (50,), 4 * 50),
    ]
