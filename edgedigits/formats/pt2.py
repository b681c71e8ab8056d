"""The archive of `torch.export`, float32: TorchScript's successor, contract inside.

torch says that files may not load in its later versions: the manifest names the one that wrote them.
"""

import io
import json
import math
import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from edgedigits import archive, formats
from edgedigits.errors import ModelFileError
from edgedigits.formats import Description, Images, Predictor, Scores, Source
from edgedigits.records import TensorInfo

NAME = "pt2"
SUFFIX = ".pt2"
PACKAGES: tuple[str, ...] = ("torch",)
DATA_ONLY = False
CALIBRATED = False
INPUT = "digit"
PREDICTOR = Predictor
OPSET: int | None = None
LIMITS = formats.FLOAT_LIMITS
SETTINGS: tuple[str, ...] = ("eager, 1 thread", "eager, 2 threads")

CONTRACT_FILE = "edgedigits.contract"
GRAPH = "models/model.json"
WEIGHTS = "data/weights/"
CONFIGS = (f"{WEIGHTS}model_weights_config.json", "data/constants/model_constants_config.json")
EXAMPLE = "data/sample_inputs/model.pt"
PLAIN = {GRAPH, *CONFIGS, f"extra/{CONTRACT_FILE}", "archive_format", "archive_version", ".data/version", "byteorder"}
ELEMENTS = {7: ("float32", 4), 5: ("int64", 8), 4: ("int32", 4), 1: ("uint8", 1)}  # torch/_export/serde/schema.py


def unavailable() -> str | None:
    """It needs nothing but torch."""
    return None


def export(source: Source, path: Path) -> None:
    """Write the exported program: the same bytes for the same model in any folder."""
    example = torch.zeros(2, 28, 28, dtype=torch.uint8)
    buffer = io.BytesIO()  # a file's name would become part of the bytes
    with formats.quiet(), torch.no_grad():
        program = torch.export.export(source.model, (example,), dynamic_shapes=({0: torch.export.Dim("batch")},))
        for node in program.graph.nodes:
            node.meta.pop("stack_trace", None)  # holds the paths of the source code
        program.example_inputs = None  # would be pickled
        torch.export.save(program, buffer, extra_files={CONTRACT_FILE: source.contract.to_line()})
    path.write_bytes(archive.bare(buffer.getvalue()))


def load(path: Path, setting: str | None = None) -> Predictor:
    """The program in torch, operator by operator. Raises ModelFileError, also for a file that holds a pickle."""
    content = formats.read_bytes(path)
    contract = formats.parse_contract(path, _read(path, content).get(f"extra/{CONTRACT_FILE}"))
    try:
        with formats.quiet():
            module = torch.export.load(io.BytesIO(content)).module()
    except Exception as error:  # a damaged graph raises whatever it meets
        raise ModelFileError(f"{path}: not a valid pt2 file ({formats.first_line(error)}).") from error
    threads = int((setting or SETTINGS[0]).split(", ")[1].split()[0])

    def run(images: Images) -> tuple[Scores, Scores]:
        with torch.inference_mode(), formats.torch_threads(threads):
            logits, probabilities = module(torch.from_numpy(images))
        return logits.numpy(), probabilities.numpy()

    return Predictor(contract, run)


def describe(path: Path) -> Description:
    """The program's graph and weights as they are stored. Raises ModelFileError."""
    records = _read(path, formats.read_bytes(path))
    contract = formats.parse_contract(path, records.get(f"extra/{CONTRACT_FILE}"))
    try:
        nodes = json.loads(records[GRAPH])["graph_module"]["graph"]["nodes"]
        operators = Counter(node["target"].removeprefix("torch.ops.") for node in nodes)
        tensors = tuple(_tensor_info(name, entry) for name, entry in _config(records, CONFIGS[0]).items())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelFileError(f"{path}: not a valid pt2 file ({formats.first_line(error)}).") from error
    return Description(contract, operators, tensors)


def _tensor_info(name: str, entry: Mapping[str, Any]) -> TensorInfo:
    dtype, size = ELEMENTS[entry["tensor_meta"]["dtype"]]
    shape = tuple(side["as_int"] for side in entry["tensor_meta"]["sizes"])
    return TensorInfo(name, dtype, shape, size * math.prod(shape))


def _read(path: Path, content: bytes) -> dict[str, bytes]:
    """The records of the archive, once it is sure that torch finds nothing to unpickle among them.

    torch.export.load would unpickle example inputs, weights that are marked so, and whatever older
    versions wrote: to load such a file is to run what it holds. Ours holds none of it.
    """
    try:
        records = archive.read(content)
        pickled = [entry for name in CONFIGS for entry in _config(records, name).values() if entry["use_pickle"]]
    except (zipfile.BadZipFile, RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelFileError(f"{path}: not a valid pt2 file ({formats.first_line(error)}).") from error
    strange = [name for name in records if name not in PLAIN and not name.startswith(f"{WEIGHTS}weight_")]
    if pickled or strange != [EXAMPLE] or records[EXAMPLE]:
        raise ModelFileError(f"{path}: not a valid pt2 file of EdgeDigits: it holds more than a graph and its weights.")
    return records


def _config(records: Mapping[str, bytes], name: str) -> dict[str, Any]:
    config: dict[str, Any] = json.loads(records[name])["config"]
    return config
