"""The archive of `torch.export`: JSON and raw weights, and never a pickle among them."""

import json
import math
import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgedigits.errors import ModelFileError, first_line
from edgedigits.records.artifact import CONTRACT_KEY, Contract, TensorInfo
from edgedigits.runtime.readers import Description, parse_contract
from edgedigits.runtime.safety import BOUNDS
from edgedigits.system import archive

GRAPH = "models/model.json"
WEIGHTS = "data/weights/"
RAW = ("weight_", "tensor_")  # begin the names of files with values alone; others are unpickled
TENSORS = (f"{WEIGHTS}weight_", "data/constants/tensor_")
CONFIGS = (f"{WEIGHTS}model_weights_config.json", "data/constants/model_constants_config.json")
EXAMPLE = "data/sample_inputs/model.pt"
PLAIN = {GRAPH, *CONFIGS, f"extra/{CONTRACT_KEY}", "archive_format", "archive_version", ".data/version", "byteorder"}
ELEMENTS = {7: ("float32", 4), 5: ("int64", 8), 4: ("int32", 4), 1: ("uint8", 1)}  # torch/_export/serde/schema.py


def read_contract(path: Path, content: bytes) -> Contract:
    """The contract of a file that holds nothing to unpickle. Raises ModelFileError."""
    return parse_contract(path, _read(path, content).get(f"extra/{CONTRACT_KEY}"))


def describe(path: Path, content: bytes) -> Description:
    """The program's graph and weights as they are stored. Raises ModelFileError."""
    records = _read(path, content)
    contract = parse_contract(path, records.get(f"extra/{CONTRACT_KEY}"))
    try:
        nodes = json.loads(records[GRAPH])["graph_module"]["graph"]["nodes"]
        operators = Counter(node["target"].removeprefix("torch.ops.") for node in nodes)
        tensors = tuple(_tensor_info(name, entry) for name, entry in _config(records, CONFIGS[0]).items())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelFileError(f"{path}: not a valid pt2 file ({first_line(error)}).") from error
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
        records = archive.read(content, BOUNDS.file_bytes)
        entries = [entry for name in CONFIGS for entry in _config(records, name).values()]
        pickled = [each for each in entries if each["use_pickle"] or not each["path_name"].startswith(RAW)]
    except (zipfile.BadZipFile, RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelFileError(f"{path}: not a valid pt2 file ({first_line(error)}).") from error
    strange = [name for name in records if name not in PLAIN and not name.startswith(TENSORS)]
    if pickled or strange != [EXAMPLE] or records[EXAMPLE]:
        raise ModelFileError(f"{path}: not a valid pt2 file of EdgeDigits: it holds more than a graph and its weights.")
    return records


def _config(records: Mapping[str, bytes], name: str) -> dict[str, Any]:
    config: dict[str, Any] = json.loads(records[name])["config"]
    return config
