"""What a file is, for every format; nothing in it is executed; and the table of runtimes."""

import functools
import io
import math
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper

from edgedigits import Scorer, bench, embed, load, verify
from edgedigits.cli.bench import inspection, readings
from edgedigits.cli.tables import print_table
from edgedigits.data.dataset import Dataset
from edgedigits.errors import BadInput, ModelFileError, UsageError
from edgedigits.export.formats import get_format
from edgedigits.models.checkpoint import read_checkpoint
from edgedigits.records.artifact import CONTRACT_KEY, TensorInfo, TensorSpec
from edgedigits.runtime import compatibility
from edgedigits.runtime.compatibility import loading_runtimes
from edgedigits.runtime.inspection import Inspection, ask_input, inspect, quantized_share
from edgedigits.runtime.load import Opener
from edgedigits.runtime.readers import Description, torchscript
from edgedigits.system import files
from tests.helpers import FEW_RUNS, FORMAT_NAMES, HERE, NEEDED, ONNX_ENGINES, PRESET_RUNS, few, files_of, forms_of
from tests.helpers.unknown import write_onnx


@pytest.fixture(scope="module")
def inspected(all_files: dict[tuple[str, str], Path], runs: Path) -> Callable[[str, str], Inspection]:
    """What each of the files is, by run and format; inspected once, most of them in this process, which is faster."""

    def found(name: str, format_name: str) -> Inspection:
        opener = Opener() if name == FEW_RUNS[0] else HERE
        return inspect(all_files[name, format_name], runs=runs, opener=opener)

    return functools.cache(found)


every_file = pytest.mark.parametrize(("name", "format_name"), few(files_of(PRESET_RUNS), files_of(FEW_RUNS)))
every_format = pytest.mark.parametrize("format_name", FORMAT_NAMES)


def test_every_format_describes_its_files(all_files: dict[tuple[str, str], Path]) -> None:
    kept = files_of(FEW_RUNS)
    assert {format_name for _, format_name in kept} == set(FORMAT_NAMES)
    assert all(HERE.describe(all_files[name, format_name]).contract.format == format_name for name, format_name in kept)


@every_file
def test_it_says_what_the_file_is(
    name: str,
    format_name: str,
    all_files: dict[tuple[str, str], Path],
    runs: Path,
    inspected: Callable[[str, str], Inspection],
) -> None:
    path, found = all_files[name, format_name], inspected(name, format_name)
    assert (found.path, found.format) == (str(path), format_name)
    assert (found.size_bytes, found.sha256) == (path.stat().st_size, files.sha256(path))
    assert found.contract == load(path).contract
    assert found.checkpoint == str(runs / name)
    is_text = get_format(format_name).container == "c"  # steps do what several layers did
    assert sum(found.operators.values()) >= (2 if is_text else 4)
    assert found.opset == get_format(format_name).box.opset
    assert [tensor.bytes for tensor in found.tensors] == sorted((t.bytes for t in found.tensors), reverse=True)
    # A number takes some letters in a text, and most of a small canvas file is its framing.
    least = 0.1 if is_text or get_format(format_name).input == "canvas" else 0.3
    assert least * path.stat().st_size < sum(tensor.bytes for tensor in found.tensors) < path.stat().st_size


@every_file
def test_parameters_and_their_quantized_share_are_counted(
    name: str, format_name: str, inspected: Callable[[str, str], Inspection], runs: Path
) -> None:
    found = inspected(name, format_name)
    wanted = read_checkpoint(runs / name).spec.network.parameters
    if get_format(format_name).precision == "float":
        assert (found.parameters, found.quantized_share) == (wanted, 0)
    else:  # scales come in addition
        assert wanted <= found.parameters <= 1.05 * wanted
        assert found.quantized_share > 0.8


def test_the_operators_of_the_framing_are_those_that_were_tried(
    all_files: dict[tuple[str, str], Path], runs: Path
) -> None:
    found = inspect(all_files["cnn-tiny", "onnx-canvas"], runs=runs)
    known = {*compatibility.FLOAT_OPERATORS, *compatibility.FRAMING_OPERATORS}
    before = {"Concat", "Gather"}  # in canvas files of earlier releases, which are inspected too
    assert {*compatibility.FRAMING_OPERATORS} - before < found.operators.keys() <= known
    versions = {runtime.name: runtime.minimum for runtime in found.runtimes}
    assert (versions["OpenVINO"], versions["OpenCV"], versions["tract"]) == ("2024.6", "5.0", "0.23")


@every_format
def test_a_file_whose_checkpoint_is_elsewhere_is_still_inspected(
    format_name: str, all_files: dict[tuple[str, str], Path], tmp_path: Path
) -> None:
    assert inspect(all_files["fc-tiny", format_name], runs=tmp_path).checkpoint is None


def test_tensors_have_name_type_shape_and_bytes(all_files: dict[tuple[str, str], Path]) -> None:
    path = all_files["fc-tiny", "onnx"]
    stored = {tensor.name: tensor for tensor in onnx.load(path).graph.initializer}
    for tensor in inspect(path).tensors:
        assert tensor.shape == tuple(stored[tensor.name].dims)
        assert tensor.bytes == math.prod(tensor.shape) * {"float32": 4, "int64": 8}[tensor.dtype]
    script = inspect(all_files["fc-tiny", "torchscript"])
    assert {(t.dtype, t.shape) for t in script.tensors if t.shape} == {
        ("float32", shape) for shape in ((50, 784), (50,), (10, 50), (10,))
    }


def test_operators_are_counted(all_files: dict[tuple[str, str], Path]) -> None:
    operators = inspect(all_files["cnn-tiny", "onnx"]).operators
    assert (operators["Conv"], operators["MaxPool"], operators["Gemm"], operators["Softmax"]) == (2, 2, 1, 1)
    script = inspect(all_files["cnn-tiny", "torchscript"]).operators
    assert (script["_convolution"], script["max_pool2d"], script["linear"], script["softmax"]) == (2, 2, 1, 1)
    quantized = inspect(all_files["cnn-tiny", "torchscript-int8"]).operators
    assert quantized["quantized.linear_dynamic"] == 1


@every_format
def test_nothing_is_loaded_into_a_runtime(
    format_name: str, all_files: dict[tuple[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("executed")

    monkeypatch.setattr(torch.jit, "load", forbidden)
    monkeypatch.setattr(torch, "load", forbidden)
    monkeypatch.setattr(onnxruntime, "InferenceSession", forbidden)
    assert inspect(all_files["fc-tiny", format_name]).parameters


def rewritten(path: Path, target: Path, **changes: bytes | None) -> Path:
    """A TorchScript archive with some records, named by their last part, replaced or left out."""
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as archive:
        for entry in source.infolist():
            content = changes.get(entry.filename.rpartition("/")[2].replace(".", "_"), source.read(entry))
            if content is not None:
                archive.writestr(entry.filename, content)
    return target


class Malicious:
    """A pickle that writes a file when it is loaded as Python loads pickles."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.target,)


def test_code_in_a_pickle_is_not_run(all_files: dict[tuple[str, str], Path], tmp_path: Path) -> None:
    victim = tmp_path / "was-here"
    content = pickle.dumps(Malicious(victim))
    path = rewritten(all_files["fc-tiny", "torchscript"], tmp_path / "a.torchscript.pt", data_pkl=content)
    assert inspect(path).parameters == 39_760
    assert not victim.exists()
    pickle.loads(content)
    assert victim.exists()


@every_format
@pytest.mark.parametrize("kept", [0.0, 0.3, 0.9])
def test_a_truncated_file_is_bad_input(
    format_name: str, kept: float, all_files: dict[tuple[str, str], Path], tmp_path: Path
) -> None:
    original = all_files["fc-tiny", format_name]
    path = tmp_path / original.name
    content = original.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(ModelFileError, match=f"^{path}: "):
        inspect(path)


@every_format
def test_a_file_that_is_no_model_is_bad_input(format_name: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{get_format(format_name).suffix}"
    path.write_text("not a model")
    with pytest.raises(ModelFileError, match=f"^{path}: not a valid"):
        inspect(path)


@every_format
def test_a_file_of_another_format_is_bad_input(
    format_name: str, all_files: dict[tuple[str, str], Path], tmp_path: Path
) -> None:
    other = FORMAT_NAMES[FORMAT_NAMES.index(format_name) - 1]
    path = tmp_path / f"a{get_format(format_name).suffix}"
    path.write_bytes(all_files["fc-tiny", other].read_bytes())
    with pytest.raises(ModelFileError, match=f"^{path}: "):
        inspect(path)


def foreign(path: Path, domain: str = "") -> Path:
    """A file as others export them: float pixels in, no contract; with an operator of a domain."""
    image = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["N", 1, 28, 28])
    answer = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["N", 10])
    nodes = [
        onnx.helper.make_node("Flatten", ["x"], ["flat"]),
        onnx.helper.make_node("Gemm", ["flat", "w"], ["z"]),
        onnx.helper.make_node("Relu", ["z"], ["y"], domain=domain),
    ]
    weight = onnx.numpy_helper.from_array(np.zeros((784, 10), np.float32), "w")
    graph = onnx.helper.make_graph(nodes, "theirs", [image], [answer], [weight])
    opsets = [onnx.helper.make_opsetid(name, 13) for name in dict.fromkeys(("", domain))]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


def test_an_onnx_file_of_somebody_else_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = inspect(foreign(tmp_path / "theirs.onnx"))
    assert (found.contract, found.format, found.opset, found.ir_version) == (None, "onnx", 13, 8)
    assert found.inputs == (TensorSpec("x", "float32", ("N", 1, 28, 28)),)
    assert found.outputs == (TensorSpec("y", "float32", ("N", 10)),)
    assert found.operators == {"Flatten": 1, "Gemm": 1, "Relu": 1}
    assert (found.parameters, found.tensors[0].bytes) == (7840, 4 * 7840)
    assert [lack.partition(":")[0] for lack in found.missing] == [
        "a contract",
        "one input of uint8 [batch, 28, 28]",
    ]
    assert found.runtimes[0].minimum == "1.9"  # by its IR version
    assert found.to_dict()["contract"] is None
    print_table(inspection(found))
    shown = capsys.readouterr().out
    assert "x, float32 [N, 1, 28, 28]" in shown
    assert "missing" in shown


def test_one_that_would_not_be_run_is_shown_and_says_why(tmp_path: Path) -> None:
    found = inspect(foreign(tmp_path / "theirs.onnx", "com.microsoft"))
    assert found.missing[-1] == "what is safe to run here: operator sets: ONNX's own alone wanted"
    assert (found.opset, found.operators["Relu"]) == (13, 1)


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        (onnx.helper.make_sequence_type_proto(onnx.helper.make_tensor_type_proto(1, [])), "sequence"),
        (onnx.helper.make_map_type_proto(7, onnx.helper.make_tensor_type_proto(1, [])), "map"),
        (onnx.helper.make_tensor_type_proto(0, [1]), "unknown"),
        (onnx.helper.make_tensor_type_proto(99, [1]), "unknown"),
        (onnx.TypeProto(), "unknown"),
    ],
)
def test_an_output_that_is_no_tensor_of_a_known_type_is_shown(kind: onnx.TypeProto, shown: str, tmp_path: Path) -> None:
    path = foreign(tmp_path / "theirs.onnx")
    model = onnx.load(path)
    model.graph.output[0].type.CopyFrom(kind)
    model.graph.initializer.add(name="odd", data_type=99, dims=[2])
    onnx.save(model, path)
    found = inspect(path)
    assert found.outputs[0].dtype == shown
    assert [(tensor.dtype, tensor.bytes) for tensor in found.tensors if tensor.name == "odd"] == [("unknown", 0)]


def test_one_with_a_contract_that_breaks_a_rule_is_bad_input(tmp_path: Path) -> None:
    path = foreign(tmp_path / "theirs.onnx", "com.microsoft")
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {CONTRACT_KEY: "{}"})
    onnx.save(model, path)
    with pytest.raises(ModelFileError, match="not a valid ONNX model"):
        inspect(path)


def test_its_input_is_found_by_asking(tmp_path: Path, digits_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_onnx(tmp_path / "theirs.onnx", "0..1, nchw", [1, 1, 28, 28])
    found = ask_input(path, dataset=digits_folder)
    assert found.rows[0].accuracy == max(row.accuracy for row in found.rows) > 0.9
    assert found.digits == 300
    print_table(readings(found))
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith(found.rows[0].words)
    assert "batch size baked in: it takes 1 image a call" in lines
    assert lines[-1] == "300 training digits, 10 classes, output logits"
    said = ask_input(path, said="mean/std, upright", dataset=digits_folder)
    assert {row.words for row in said.rows} == {"mean/std, nchw", "mean/std, nchw, dark ink"}


@pytest.mark.parametrize("format_name", ["onnx", "onnx-canvas"])
def test_a_file_that_says_what_its_input_is_is_not_asked_for_it(
    format_name: str, all_files: dict[tuple[str, str], Path]
) -> None:
    with pytest.raises(UsageError, match="its contract says what its input is"):
        ask_input(all_files["fc-tiny", format_name])


@pytest.mark.parametrize("domain", ["", "com.microsoft"])
def test_a_file_without_a_contract_is_not_asked(domain: str, tmp_path: Path) -> None:
    path = foreign(tmp_path / "theirs.onnx", domain)
    out = tmp_path / "out"
    said = f"{path.name}: carries no contract of EdgeDigits, so it cannot be asked. An ONNX file of somebody else's "
    then = "becomes a run by edgedigits adopt FILE; edgedigits verify FILE --against NAME compares it as it is."
    asked = (
        load,
        lambda path: Scorer(path).predictor,
        lambda path: bench([path]),
        lambda path: embed("python", path, out),
    )
    for ask in asked:
        with pytest.raises(ModelFileError) as raised:
            ask(path)
        assert str(raised.value).endswith(f"{said}{then}")
    (report,) = verify([path]).reports
    assert report.failures == (f"file: {path.parent}/{said}{then}",)


@pytest.mark.parametrize(
    ("record", "content", "complaint"),
    [
        ("edgedigits_contract", None, "carries no contract"),
        ("edgedigits_contract", b"{}", "its contract is damaged"),
        ("constants_pkl", None, "not a valid TorchScript file"),
        ("constants_pkl", b"\x80\x02", "not a valid TorchScript file"),
    ],
)
def test_a_torchscript_file_with_a_record_missing_or_damaged_is_bad_input(
    record: str, content: bytes | None, complaint: str, all_files: dict[tuple[str, str], Path], tmp_path: Path
) -> None:
    path = rewritten(all_files["fc-tiny", "torchscript"], tmp_path / "a.torchscript.pt", **{record: content})
    with pytest.raises(ModelFileError, match=f"^{path}: {complaint}"):
        inspect(path)


def test_a_changed_byte_in_a_torchscript_tensor_is_bad_input(
    all_files: dict[tuple[str, str], Path], tmp_path: Path
) -> None:
    content = bytearray(all_files["fc-tiny", "torchscript"].read_bytes())
    content[len(content) // 2] ^= 1
    path = tmp_path / "a.torchscript.pt"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=r"constants/.* is damaged"):
        inspect(path)


@pytest.mark.parametrize("name", ["missing.onnx", "a.txt", "."])
def test_a_path_that_is_no_model_file_is_bad_input(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=f"^{tmp_path / name}: "):
        inspect(tmp_path / name)


def test_the_quantized_share_leaves_out_shapes_and_scalars() -> None:
    tensors = [
        TensorInfo("w", "int8", (10, 30), 300),
        TensorInfo("v", "float32", (100,), 400),
        TensorInfo("shape", "int64", (2,), 16),
        TensorInfo("zero", "uint8", (), 1),
    ]
    assert quantized_share(tensors) == 0.75
    assert quantized_share(tensors[2:]) == 0


def described(operators: set[str], opset: int = 17, ir_version: int = 8, uses: tuple[str, ...] = ()) -> Description:
    """An ONNX file with such operators."""
    return Description(None, dict.fromkeys(operators, 1), (), opset, ir_version, uses=uses)


@pytest.mark.parametrize(
    ("opset", "ir_version", "native", "web"),
    [
        (17, 8, "1.12", "1.12"),
        (16, 8, "1.11", "1.11"),
        (11, 6, "1.0", "1.8"),
        (17, 9, "1.16", "1.16"),
        (17, 10, "1.18", "1.18"),
        (20, 10, "1.18", "1.18"),
        (23, 10, "1.23", "1.23"),
        (28, 14, None, None),
        (6, 3, None, None),
    ],
)
def test_the_oldest_onnx_runtime_follows_from_opset_and_ir_version(
    opset: int, ir_version: int, native: str | None, web: str | None
) -> None:
    found = {runtime.name: runtime for runtime in loading_runtimes(described({"Relu"}, opset, ir_version))}
    assert (found["ONNX Runtime"].minimum, found["ONNX Runtime Web"].minimum) == (native, web)
    assert found["ONNX Runtime"].loads is found["ONNX Runtime Web"].loads is (native is not None)


def test_this_onnx_runtime_accepts_what_the_table_says_it_does() -> None:
    installed = tuple(int(part) for part in onnxruntime.__version__.split(".")[:2])
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "graph", value[:1], value[1:])
    for version, opset, ir_version in compatibility.ONNX_RUNTIME:
        if version <= installed:
            model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir_version)
            onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize(
    ("operators", "uses", "opencv", "openvino", "tract"),
    [
        ({"Conv", "Gemm", "Softmax"}, (), "4.11", "2023.0", "0.21"),
        ({"Gemm", "QuantizeLinear"}, (), "5.0", "2023.0", "0.23.8"),
        ({"Gemm", "QuantizeLinear"}, ("QuantizeLinear behind Gemm",), False, "2023.0", "0.23.8"),
        ({"Gemm", "MatMulInteger"}, (), False, False, "0.21"),
        ({"QuantizeLinear"}, ("QuantizeLinear by a computed scale",), "5.0", "2023.0", False),
        ({"Equal"}, ("Equal of truth values",), False, "2024.6", False),
        ({"Gemm", "Einsum"}, (), None, None, None),
    ],
)
def test_other_runtimes_follow_from_the_operators(
    operators: set[str], uses: tuple[str, ...], opencv: object, openvino: object, tract: object
) -> None:
    found = {runtime.name: runtime for runtime in loading_runtimes(described(operators, uses=uses))}
    for name, wanted in (("OpenCV", opencv), ("OpenVINO", openvino), ("tract", tract)):
        runtime = found[name]
        said = runtime.minimum if runtime.loads else runtime.loads
        assert said == wanted
        assert (runtime.minimum is not None) == (runtime.loads is True)
        reason = {
            True: "the oldest release seen to answer right",
            False: "refused, up to",
            None: "not tried with Einsum",
        }
        assert reason[runtime.loads] in runtime.note


def test_how_openvino_is_to_be_called_is_said_and_what_older_opencvs_take() -> None:
    notes = {runtime.name: runtime.note for runtime in loading_runtimes(described({"Conv", "Gemm"}))}
    assert "set EXECUTION_MODE_HINT=ACCURACY: by default it computes in bfloat16" in notes["OpenVINO"]
    assert notes["OpenCV"].endswith("; before 5.0, one image a call")
    later = {runtime.name: runtime.note for runtime in loading_runtimes(described({"Conv", "Abs"}))}
    assert "before 5.0" not in later["OpenCV"]


def test_a_file_that_is_no_onnx_is_loaded_by_none_of_the_list(all_files: dict[tuple[str, str], Path]) -> None:
    assert {runtime.loads for runtime in inspect(all_files["fc-tiny", "pt2"]).runtimes} == {False}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.needs(*NEEDED.get(name, ())))
        for name in ("onnxruntime", "opencv", "openvino", "tract")  # in Node.js and in browsers it is ONNX Runtime, too
    ],
)
@pytest.mark.parametrize("preset", few(["cnn", "fc-deep", "fc"], ["cnn"]))  # the others use operators as one of these
def test_what_is_said_of_a_runtime_is_what_the_installed_one_does(
    name: str, preset: str, all_files: dict[tuple[str, str], Path], digits: Dataset
) -> None:
    """Of every file: whether it loads, and answers as in ONNX Runtime."""
    images = digits.test.images[:3]
    opener = Opener(engine=name, setting="exact", isolated=False)
    for form in (form for form in forms_of(f"{preset}-tiny") if get_format(form).container == "onnx"):
        path = all_files[f"{preset}-tiny", form]
        if not compatibility.loads_in(name, HERE.describe(path)):
            with pytest.raises(ModelFileError, match=f"{name} (cannot load it|fails to answer)"):
                opener.open(path)(images)
            continue
        rounded = get_format(form).precision in ("integer", "static")  # so are activations, and ties fall either way
        np.testing.assert_allclose(opener.open(path)(images)[0], load(path)(images)[0], atol=0.1 if rounded else 1e-4)


def test_an_engine_without_rules_is_one_of_which_nothing_is_said() -> None:
    ruled = {engine for rules in compatibility.RUNTIMES for engine in rules.engines}
    assert ruled <= set(ONNX_ENGINES)
    assert compatibility.loads_in("reference", described({"Gemm"})) is None


@every_format
def test_a_table_shows_the_facts(
    format_name: str, inspected: Callable[[str, str], Inspection], runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = inspected("cnn-deep-tiny", format_name)
    print_table(inspection(found))
    shown = capsys.readouterr().out
    for fact in (found.path, found.sha256, found.contract.checkpoint_sha256, f"{found.parameters:,}", str(runs)):
        assert fact in shown
    for runtime in found.runtimes:
        assert runtime.name in shown
    for tensor in found.tensors:
        assert f"{tensor.bytes:,}" in shown


def test_the_reader_of_tensors_takes_any_class_for_inert() -> None:
    reader = torchscript._TensorReader("data", pickle.dumps({"a": io.StringIO}))
    assert reader.load() == {"a": torchscript._Inert}
