"""ONNX, float32: one self-contained file, opset 17, IR version 8, standard operators only."""

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import onnx

from edgedigits.errors import ModelFileError
from edgedigits.export.formats import Source
from edgedigits.export.onnx.graph import IR_VERSION, OPSET
from edgedigits.export.onnx.opset import lower
from edgedigits.records.artifact import CONTRACT_KEY, Contract
from edgedigits.system import environment

if TYPE_CHECKING:
    from edgedigits.models.classifier import Deployed

IMAGE_METADATA = {  # ONNX's own words for gray pixels from 0 to 255 (onnx, docs/MetadataProps.md)
    "Image.BitmapPixelFormat": "Gray8",
    "Image.NominalPixelRange": "NominalRange_0_255",
}


def write(source: Source, path: Path) -> None:
    """Write the model as an ONNX file: the same bytes for the same model in any folder."""
    save(float_graph(source.model), source.contract, path)


@functools.lru_cache(maxsize=1)  # the quantized formats start from the same graph
def float_graph(model: "Deployed | bytes") -> bytes:
    """The serialized ONNX model of a torch model, bare of all metadata; a graph that is kept whole is one already."""
    if isinstance(model, bytes):
        return model
    import torch  # who frames or quantizes an ONNX graph needs none

    example = (torch.zeros(2, 28, 28, dtype=torch.uint8),)
    with environment.quiet():
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
    exported = program.model_proto
    lower(exported)
    serialized: bytes = exported.SerializeToString(deterministic=True)
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
