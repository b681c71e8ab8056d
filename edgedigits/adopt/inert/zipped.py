"""Zip archives of torch: what `torch.save` writes, TorchScript, and TorchScript as torch 1.0 to 1.3 wrote it."""

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

from edgedigits.adopt.inert import foreign
from edgedigits.adopt.inert.legacy import Storages
from edgedigits.adopt.inert.opcodes import Interpreter
from edgedigits.adopt.inert.tensors import ELEMENTS, Storage, Tensor, shown
from edgedigits.adopt.inert.values import Budget, Contents, Instance, require_tree
from edgedigits.runtime.safety import BOUNDS, Refused
from edgedigits.system import archive

CODE = "code/"
DATA_TYPES = {  # of model.json (caffe2.proto): the element type of each
    "FLOAT": "float32",
    "DOUBLE": "float64",
    "FLOAT16": "float16",
    "INT64": "int64",
    "INT32": "int32",
    "INT16": "int16",
    "INT8": "int8",
    "UINT8": "uint8",
    "BYTE": "uint8",
    "BOOL": "bool",
}
SUBMODULES = 40  # inside each other


def read(content: bytes) -> Contents:
    """An archive of torch. Raises Refused, and ValueError and the like where it is damaged."""
    try:
        records = archive.read(content, BOUNDS.file_bytes)
    except zipfile.BadZipFile as error:
        raise Refused(f"damaged: {error}") from error
    foreign.require_torch(content, records)
    found = next(make(records) for name, make in KINDS.items() if name in records)
    require_tree([found.root])
    return found


def _saved(records: Mapping[str, bytes]) -> Contents:
    """What `torch.save` wrote."""
    root, sources = _unpickled(records, "data", Budget())
    return Contents("torch zip", root, sources=sources)


def _script(records: Mapping[str, bytes]) -> Contents:
    """TorchScript: modules with their tensors, and the constants that its code uses."""
    budget = Budget()
    root, _ = _unpickled(records, "data", budget)
    constants, _ = _unpickled(records, "constants", budget)
    if not isinstance(constants, tuple):
        raise TypeError("constants are no tuple")
    tensors = tuple(constant for constant in constants if isinstance(constant, Tensor))
    return Contents("TorchScript", root, constants=tensors, sources=_code(records))


def _unpickled(records: Mapping[str, bytes], name: str, budget: Budget) -> tuple[Any, dict[str, str]]:
    """The value of `<name>.pkl`, whose storages are the records `<name>/<key>`, and the source text it carries."""
    storages = Storages(big=records.get("byteorder") == b"big")

    def nested(_: bytes) -> Any:
        raise Refused("a file inside a file")

    root = Interpreter(storages.find, budget, nested).run(io.BytesIO(records[f"{name}.pkl"]))
    for key, storage in storages.found.items():
        storage.fill(records[f"{name}/{key}"])
    return root, storages.sources


def _code(records: Mapping[str, bytes]) -> dict[str, str]:
    """The source text of an archive, by the name of its file."""
    return {
        name.removeprefix(CODE): text.decode("utf-8", "replace")
        for name, text in records.items()
        if name.startswith(CODE) and name.endswith(".py")
    }


def _old_script(records: Mapping[str, bytes]) -> Contents:
    """TorchScript of torch 1.0 to 1.3: its modules are JSON, its tensors records of their own."""
    try:
        model = json.loads(records["model.json"])
    except RecursionError as error:
        raise Refused("its model.json is nested too deep") from error
    tensors = [_old_tensor(entry, records) for entry in model.get("tensors", [])]
    root = _old_module(model["mainModule"], tensors, depth=0)
    return Contents("TorchScript", root, sources=_code(records))


def _old_tensor(entry: Any, records: Mapping[str, bytes]) -> Tensor:
    kind = entry.get("dataType", "FLOAT")
    if kind not in DATA_TYPES:
        raise Refused(f"a tensor of {shown(kind)}")
    element, key = ELEMENTS[DATA_TYPES[kind]], entry["data"]["key"]
    storage = Storage(element, key, len(records[key]) // element.size, entry.get("device", "cpu"))
    storage.fill(records[key])
    shape, strides = (tuple(map(int, entry.get(name, ()))) for name in ("dims", "strides"))
    return Tensor(storage, element, int(entry.get("offset", 0)), shape, strides)


def _old_module(entry: Any, tensors: list[Tensor], depth: int) -> Instance:
    if depth > SUBMODULES:
        raise Refused(f"more than {SUBMODULES} modules inside each other")
    state: dict[str, Any] = {}
    for parameter in entry.get("parameters", []):
        state[str(parameter["name"])] = tensors[int(parameter.get("tensorId", 0))]
    for module in entry.get("submodules", []):
        state[str(module["name"])] = _old_module(module, tensors, depth + 1)
    return Instance(entry.get("torchscriptArena", {}).get("key", "?"), state=state)


KINDS: dict[str, Callable[[Mapping[str, bytes]], Contents]] = {  # by the record that only they have
    "model.json": _old_script,
    "constants.pkl": _script,
    "data.pkl": _saved,
}
