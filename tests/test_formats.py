"""Every format: the contract of an exported file, whichever it is. A new format is tested by being there."""

import json
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from edgedigits import checkpoint, export, files, formats, load, models
from edgedigits.data import Dataset
from edgedigits.errors import MissingCapability, ModelFileError, UsageError
from edgedigits.formats import onnx as float_onnx
from edgedigits.formats import onnx_int8, torchscript
from edgedigits.presets import PRESETS

PRESET_RUNS = [f"{name}-tiny" for name in PRESETS]
ONNX_FORMATS = [name for name in formats.NAMES if name.startswith("onnx")]
QUANTIZED = {  # preset: how its products are multiplied in 8 bits, and how many weights are stored so
    "fc": ({"MatMulInteger": 1, "Gemm": 1}, 784 * 50),
    "fc-28": ({"MatMulInteger": 1, "Gemm": 1}, 784 * 28),
    "fc-deep": (
        {"MatMulInteger": 3, "QuantizeLinear": 2, "DequantizeLinear": 2, "Gemm": 1},
        784 * 784 + 784 * 500 + 500 * 50,
    ),
    "cnn": ({"Conv": 2, "DequantizeLinear": 1, "Gemm": 1}, 784 * 10),
    "cnn-deep": (
        {"Conv": 3, "MatMulInteger": 1, "QuantizeLinear": 1, "DequantizeLinear": 2, "Gemm": 2},
        1568 * 100 + 100 * 50,
    ),
}


@pytest.fixture(scope="module")
def all_files(tmp_path_factory: pytest.TempPathFactory, runs: Path) -> dict[tuple[str, str], Path]:
    """Every preset in every format."""
    folder = tmp_path_factory.mktemp("all")
    artifacts = [
        artifact
        for name in PRESET_RUNS
        for artifact in export(runs / name, formats.FLOAT_NAMES, quantize=True, exports=folder)
    ]
    return {(artifact.name, artifact.format): artifact.path for artifact in artifacts}


every_file = pytest.mark.parametrize(
    ("name", "format_name"), [(name, format_name) for name in PRESET_RUNS for format_name in formats.NAMES]
)
every_onnx_file = pytest.mark.parametrize(
    ("name", "format_name"), [(name, format_name) for name in PRESET_RUNS for format_name in ONNX_FORMATS]
)


def test_every_file_in_the_folder_is_a_format_and_is_tested_here() -> None:
    found = {path.stem.replace("_", "-") for path in Path(formats.__file__).parent.glob("*.py")} - {"--init--"}
    assert found == set(formats.NAMES)
    assert {module.NAME for module in map(formats.get, formats.NAMES)} == found
    assert QUANTIZED.keys() == PRESETS.keys()


@every_file
def test_it_answers_as_the_torch_model(
    name: str, format_name: str, all_files: dict[tuple[str, str], Path], runs: Path, digits: Dataset
) -> None:
    logits, probabilities = load(all_files[name, format_name])(digits.test.images)
    wanted, _ = load(runs / name)(digits.test.images)
    limits = formats.get(format_name).LIMITS
    assert logits.shape == probabilities.shape == (len(digits.test), 10)
    assert logits.dtype == probabilities.dtype == np.float32
    assert (logits.argmax(1) != wanted.argmax(1)).sum() == 0
    assert np.abs(logits - wanted).max() <= (limits.max_logit_diff or 0.5)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-6)
    np.testing.assert_allclose(probabilities, np.exp(logits) / np.exp(logits).sum(1, keepdims=True), atol=1e-6)


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
    run = checkpoint.load(runs / name)
    assert contract.to_dict() == {
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
        with zipfile.ZipFile(path) as archive:
            assert {entry.date_time for entry in archive.infolist()} == {torchscript.EPOCH}
            contents += [archive.read(entry) for entry in archive.infolist()]
    for secret in (Path(models.__file__).parents[2], Path.home(), path.parent, runs):
        assert not any(str(secret).encode() in content for content in contents)


@pytest.mark.parametrize("name", ["fc-tiny", "cnn-tiny"])
def test_another_process_in_another_folder_writes_the_same_bytes(
    name: str, all_files: dict[tuple[str, str], Path], runs: Path, tmp_path: Path
) -> None:
    program = (
        "import sys, edgedigits as ed\n"
        "ed.export(sys.argv[1], ['onnx', 'torchscript'], quantize=True, exports=sys.argv[2])"
    )
    contents = []
    for folder in ("here", "there/too"):
        command = [sys.executable, "-c", program, runs / name, tmp_path / folder]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
        contents.append({path.name: path.read_bytes() for path in (tmp_path / folder / name).iterdir()})
    assert contents[0] == contents[1]
    assert len(contents[0]) == len(formats.NAMES) + 1
    for format_name in ONNX_FORMATS:  # whatever this process has exported before
        path = all_files[name, format_name]
        assert contents[0][path.name] == path.read_bytes()


@pytest.mark.parametrize("preset", QUANTIZED)
def test_quantization_happened_as_counted(preset: str, all_files: dict[tuple[str, str], Path]) -> None:
    operators, weights = QUANTIZED[preset]
    graph = onnx.load(all_files[f"{preset}-tiny", "onnx-int8"]).graph
    counted = Counter(node.op_type for node in graph.node)
    products = ("MatMulInteger", "QuantizeLinear", "DequantizeLinear", "Gemm", "MatMul", "Conv", "ConvInteger")
    assert {operator: counted[operator] for operator in products if counted[operator]} == operators
    eight_bit = [numpy_helper.to_array(tensor) for tensor in graph.initializer]
    assert sum(array.nbytes for array in eight_bit if array.dtype.itemsize == 1 and array.ndim == 2) == weights


@pytest.mark.parametrize("preset", PRESETS)
def test_an_int8_file_is_as_small_as_promised(preset: str, all_files: dict[tuple[str, str], Path]) -> None:
    sizes = [all_files[f"{preset}-tiny", name].stat().st_size for name in ("onnx-int8", "onnx")]
    assert sizes[0] / sizes[1] <= (0.3 if preset.startswith("fc") else 0.45)


def test_the_pixels_of_a_normalized_model_are_multiplied_exactly(runs: Path, digits: Dataset, tmp_path: Path) -> None:
    """Mean and std move behind the integer product; with weights that 8 bits hold exactly, nothing is lost."""
    run = checkpoint.load(runs / "fc-tiny")
    classifier = checkpoint.load_model(run)
    weights = next(iter(classifier.parameters())).data
    weights.copy_((weights / weights.abs().amax(1, keepdim=True) * 127).round() / 127)
    normalized = models.Deployed(models.Classifier(classifier.network, mean=0.1307, std=0.3081)).eval()
    contract = load(runs / "fc-tiny").contract
    answers = []
    for module in (float_onnx, onnx_int8):
        module.export(normalized, contract, tmp_path / "model.onnx")
        answers.append(module.load(tmp_path / "model.onnx")(digits.test.images)[0])
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-4)


def test_a_model_with_nothing_to_quantize_is_refused() -> None:
    node = onnx.helper.make_node("Relu", ["image"], ["logits"])
    values = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in ("image", "logits")]
    model = onnx.helper.make_model(onnx.helper.make_graph([node], "graph", values[:1], values[1:]))
    with pytest.raises(ModelFileError, match="nothing to quantize"):
        onnx_int8.quantize(model.SerializeToString())


def test_an_opset_that_was_not_asked_for_is_refused(exports: Path, tmp_path: Path) -> None:
    path = exports / "fc-tiny" / "fc-tiny.onnx"
    model = onnx.load(path)
    model.opset_import[0].version = 18
    with pytest.raises(ModelFileError, match="opset 17 of ONNX alone wanted"):
        float_onnx.save(model.SerializeToString(), load(path).contract, tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


def rename_output(model: onnx.ModelProto) -> None:
    model.graph.output[0].name = model.graph.node[-2].output[0] = model.graph.node[-1].input[0] = "scores"


def fix_batch(model: onnx.ModelProto) -> None:
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 1


def drop_contract(model: onnx.ModelProto) -> None:
    del model.metadata_props[:]


def break_contract(model: onnx.ModelProto) -> None:
    onnx.helper.set_model_props(model, {"edgedigits.contract": '{"version": 1}'})


def use_foreign_operator(model: onnx.ModelProto) -> None:
    model.graph.node[-1].domain = "com.example"


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (rename_output, "its contract says"),
        (fix_batch, "its contract says"),
        (drop_contract, "carries no contract"),
        (break_contract, "its contract is damaged"),
        (use_foreign_operator, "not a valid ONNX model"),
    ],
)
def test_an_onnx_file_that_breaks_the_contract_is_refused(
    spoil: object, reason: str, exports: Path, tmp_path: Path
) -> None:
    model = onnx.load(exports / "fc-tiny" / "fc-tiny.onnx")
    spoil(model)  # type: ignore[operator]
    path = tmp_path / "model.onnx"
    onnx.save(model, path)
    with pytest.raises(ModelFileError, match=reason) as caught:
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
        ("cnn.torchscript.pt", "torchscript"),
        ("cnn.int8.torchscript.pt", "torchscript-int8"),
    ],
)
def test_a_file_is_known_by_its_longest_suffix(name: str, format_name: str) -> None:
    module = formats.of_file(Path(name))
    assert module is not None
    assert format_name == module.NAME
    assert formats.of_file(Path("cnn.tflite")) is None


@pytest.mark.parametrize("shape", [(28, 28), (1, 1, 28, 28), (1, 32, 32)])
def test_images_of_another_shape_are_refused_alike_by_all(shape: tuple[int, ...], exports: Path, runs: Path) -> None:
    for path in (runs / "fc-tiny", *sorted((exports / "fc-tiny").glob("*.onnx"))):
        with pytest.raises(UsageError, match=r"uint8 \[batch, 28, 28\] wanted"):
            load(path)(np.zeros(shape, dtype=np.uint8))


def test_images_of_another_type_are_refused(runs: Path) -> None:
    with pytest.raises(UsageError, match="float32"):
        load(runs / "fc-tiny")(np.zeros((1, 28, 28), dtype=np.float32))  # type: ignore[arg-type]


def test_an_unknown_format_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'onnx'"):
        formats.get("onx")


def test_the_int8_form_follows_each_float_format() -> None:
    assert formats.with_quantized(("torchscript", "onnx")) == ("torchscript", "torchscript-int8", "onnx", "onnx-int8")
    assert formats.with_quantized(("onnx-int8",)) == ("onnx-int8",)
