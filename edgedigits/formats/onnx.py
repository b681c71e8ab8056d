"""ONNX, float32: one self-contained file, opset 17, IR version 8, standard operators only."""

import contextlib
import functools
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
import torch

from edgedigits import formats
from edgedigits.errors import ModelFileError
from edgedigits.formats import Images, Predictor, Scores
from edgedigits.models import Deployed
from edgedigits.records import Contract

NAME = "onnx"
SUFFIX = ".onnx"
PACKAGES: tuple[str, ...] = ("torch", "onnx", "onnxscript")
OPSET: int | None = 17
IR_VERSION = 8  # the first that allows opset 17: older runtimes and other engines read it
LIMITS = formats.FLOAT_LIMITS

CONTRACT_KEY = "edgedigits.contract"
ELEMENT_TYPES = {"tensor(uint8)": "uint8", "tensor(float)": "float32"}
IMAGE_METADATA = {  # ONNX's own words for gray pixels from 0 to 255 (onnx, docs/MetadataProps.md)
    "Image.BitmapPixelFormat": "Gray8",
    "Image.NominalPixelRange": "NominalRange_0_255",
}


def unavailable() -> str | None:
    """ONNX needs nothing that is not installed with this package."""
    return None


def export(model: Deployed, contract: Contract, path: Path) -> None:
    """Write the model as an ONNX file: the same bytes for the same model in any folder."""
    save(graph(model), contract, path)


@functools.lru_cache(maxsize=1)  # the int8 format starts from the same graph
def graph(model: Deployed) -> bytes:
    """The serialized ONNX model of a torch model, bare of all metadata."""
    example = (torch.zeros(2, 28, 28, dtype=torch.uint8),)
    with _quiet():
        program = torch.onnx.export(
            model,
            example,
            dynamo=True,
            opset_version=OPSET,
            input_names=["image"],
            output_names=["logits", "probabilities"],
            dynamic_shapes=({0: "batch"},),
            external_data=False,
            verbose=False,
        )
    assert program is not None
    serialized: bytes = program.model_proto.SerializeToString(deterministic=True)
    return serialized


def save(serialized: bytes, contract: Contract, path: Path) -> None:
    """Clean a model, give it its contract, check it against the standard and write it."""
    model = onnx.load_model_from_string(serialized)
    _strip(model)
    model.ir_version = IR_VERSION
    onnx.helper.set_model_props(model, {CONTRACT_KEY: contract.to_line(), **IMAGE_METADATA})
    _require_opset(model)
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString(deterministic=True))


def _strip(model: onnx.ModelProto) -> None:
    """Remove what is not computed: stack traces with source paths, and shapes that quantization makes stale."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.initializer, *graph.input, *graph.output):
        del part.metadata_props[:]
        part.ClearField("doc_string")
    del graph.value_info[:]
    model.ClearField("domain")
    standard = [opset for opset in model.opset_import if opset.domain in ("", "ai.onnx")]
    del model.opset_import[:]
    model.opset_import.extend(standard)


def _require_opset(model: onnx.ModelProto) -> None:
    # torch's exporter keeps another opset, without an exception, when it cannot convert to the one asked for
    opsets = [(opset.domain, opset.version) for opset in model.opset_import]
    if opsets != [("", OPSET)]:
        raise ModelFileError(f"torch exported with the operator sets {opsets}, opset {OPSET} of ONNX alone wanted")
    foreign = {node.domain for node in model.graph.node} - {"", "ai.onnx"}
    if foreign:
        raise ModelFileError(f"operators outside the standard: {', '.join(sorted(foreign))}")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence torch's exporter: it prints, warns and logs that opset 17 is not its newest."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)


def load(path: Path) -> Predictor:
    """The file in ONNX Runtime, on one thread, which is fastest for models of this size.

    It is loaded from its bytes, so external data is refused, and only after ONNX's own checker has
    passed it: that keeps malformed graphs from crashing the runtime. Raises ModelFileError.
    """
    import onnxruntime

    serialized = formats.read_bytes(path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # its failures come as exceptions
    try:
        onnx.checker.check_model(serialized, full_check=True)
        session = onnxruntime.InferenceSession(serialized, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the exceptions of onnx and its runtime have no other base in common
        raise ModelFileError(f"{path}: not a valid ONNX model ({formats.first_line(error)}).") from error
    contract = formats.parse_contract(path, session.get_modelmeta().custom_metadata_map.get(CONTRACT_KEY))
    _require_signature(path, session, contract)
    outputs = [output.name for output in contract.outputs]

    def run(images: Images) -> tuple[Scores, Scores]:
        logits, probabilities = session.run(outputs, {contract.input.name: images})
        return logits, probabilities

    return Predictor(contract, run)


def _require_signature(path: Path, session: Any, contract: Contract) -> None:
    """Inputs and outputs as the contract says: names, element types, shapes."""
    wanted = [(spec.name, spec.dtype, tuple(spec.shape)) for spec in (contract.input, *contract.outputs)]
    found = [
        (value.name, ELEMENT_TYPES.get(value.type, value.type), tuple(value.shape))
        for value in (*session.get_inputs(), *session.get_outputs())
    ]
    if found != wanted:
        raise ModelFileError(f"{path}: inputs and outputs are {found}, its contract says {wanted}.")
