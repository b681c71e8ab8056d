"""Somebody's class with somebody's weights, in a process of its own, with limits on time and memory.

The class is taken out of its file (`extracted`), made, given the weights, asked and traced there; what comes back are
the layers and their tensors, never code. What it prints goes nowhere, and files that it writes go with its folder.
"""

import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from edgedigits.adopt.adopted import Adopted, NoReading, Told
from edgedigits.adopt.extracted import extract, parse_place
from edgedigits.adopt.fitting import Choice, Stored, find_arguments
from edgedigits.adopt.own import of_module
from edgedigits.adopt.parts import NoFit
from edgedigits.adopt.weights import Weights
from edgedigits.data.dataset import Dataset, Split
from edgedigits.errors import (
    BadInput,
    CheckpointError,
    EdgeDigitsError,
    MissingCapability,
    ModelFileError,
    UsageError,
    first_line,
)
from edgedigits.records.adoption import Adoption
from edgedigits.records.model import DatasetRef
from edgedigits.records.network import Network
from edgedigits.runtime.finding import Found
from edgedigits.system.places import temporary_folder

ROOT = Path(__file__).parents[2]  # where this package is imported from
START = "import sys; sys.path.insert(0, sys.argv[1]); from edgedigits.adopt.apart import main; main(sys.argv[2])"
SECONDS = 60.0
MEMORY = 16 << 30  # bytes of address space, of which torch alone takes a part
MOST_LISTED = 8  # names of tensors that do not fit: ten lines in all
REQUEST, WEIGHTS, DIGITS = "request.json", "weights.safetensors", "digits.npz"
NETWORK, RECORD, TENSORS, ERROR = "network.json", "record.json", "tensors.safetensors", "error.json"
KINDS = {kind.__name__: kind for kind in (UsageError, BadInput, CheckpointError, NoFit, MissingCapability)}


@dataclass(frozen=True)
class Source:
    """Where a class is, and how it is made.

    net         "net.py:Net": a .py or .ipynb file, and a class in it or a function that returns a module
    arguments   of its constructor, by name
    timeout     seconds that all of it may take
    """

    net: str
    arguments: Mapping[str, Any]
    timeout: float = SECONDS

    @classmethod
    def of(cls, net: str, arguments: str, timeout: float) -> "Source":
        """The same, with arguments as JSON. Raises UsageError."""
        parse_place(net)
        try:
            given = json.loads(arguments or "{}")
        except ValueError as error:
            raise UsageError(f"args: JSON wanted, {arguments!r:.60} given ({first_line(error)})") from error
        if not isinstance(given, dict):
            raise UsageError(f"args: a JSON object of arguments by name wanted, {arguments!r:.60} given")
        return cls(net, given, timeout)


def of_class(weights: Weights, source: Source, dataset: Dataset, told: Told) -> Adopted:
    """A class with weights, as a network. Raises what goes wrong there, and BadInput where it takes too long."""
    path, name = parse_place(source.net)
    with temporary_folder() as folder:
        _put(folder, weights, source, dataset, told)
        command = [sys.executable, "-P", "-B", "-c", START, str(ROOT), str(folder)]
        try:
            code = _run(command, folder, source.timeout)
        except subprocess.TimeoutExpired as error:
            took = f"{name} did not end within {source.timeout:g} s"
            raise BadInput(f"{path}: {took}. Is there an endless loop? --timeout gives more.") from error
        if (folder / ERROR).exists():
            raise _error(json.loads((folder / ERROR).read_text(encoding="utf-8")))
        if not (folder / NETWORK).exists():
            raise BadInput(f"{path}: {name} ended its process (exit code {code}).")
        network, record = Network.read(folder / NETWORK), Adoption.read(folder / RECORD)
        tensors = load_file(folder / TENSORS)
    record = replace(
        record,
        file=weights.path.name,
        sha256=weights.sha256,
        container=weights.container,
        remarks=(f"its class is {name} of {path.name}", *weights.remarks, *record.remarks),
    )
    return Adopted(network, tensors, record)


def _run(command: Sequence[str], folder: Path, timeout: float) -> int:
    """The exit code of a command, which ends with all that it started. Raises TimeoutExpired."""
    nowhere = subprocess.DEVNULL  # not into memory: it may print without end
    with subprocess.Popen(
        command, cwd=folder, stdin=nowhere, stdout=nowhere, stderr=nowhere, start_new_session=True
    ) as process:
        try:
            return process.wait(timeout)
        finally:
            with suppress(ProcessLookupError, PermissionError):  # nothing is left
                os.killpg(process.pid, signal.SIGKILL) if hasattr(os, "killpg") else process.kill()


def _put(folder: Path, weights: Weights, source: Source, dataset: Dataset, told: Told) -> None:
    """Write what the process needs."""
    path, name = parse_place(source.net)
    request = {
        "path": str(path.absolute()),
        "name": name,
        "arguments": dict(source.arguments),
        "prefix": weights.prefix,
        "weights": str(weights.path),
        "said": told.said,
        "told": list(told.labels),
        "labels": list(dataset.labels),
    }
    (folder / REQUEST).write_text(json.dumps(request), encoding="utf-8", newline="\n")
    save_file({key: torch.from_numpy(np.array(tensor)) for key, tensor in weights.tensors.items()}, folder / WEIGHTS)
    train, test = dataset.train, dataset.test
    np.savez(
        folder / DIGITS,
        train_images=train.images,
        train_labels=train.labels,
        test_images=test.images,
        test_labels=test.labels,
    )


def _error(found: dict[str, Any]) -> EdgeDigitsError:
    if found["found"]:
        return NoReading(found["message"], Found.from_dict(found["found"]))
    return KINDS[found["kind"]](found["message"])


def main(place: str) -> None:
    """What the process does in its folder."""
    folder = Path(place)
    with suppress(ImportError, ValueError, OSError):  # not on Windows, and not where less is allowed
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    try:
        made = _made(folder)
    except EdgeDigitsError as error:
        found = error.found.to_dict() if isinstance(error, NoReading) else None
        kind = next(one.__name__ for one in type(error).__mro__ if one.__name__ in KINDS)
        said = {"message": _in_words(error, folder), "kind": kind, "found": found}
        (folder / ERROR).write_text(json.dumps(said), encoding="utf-8", newline="\n")
        return
    save_file({name: torch.as_tensor(tensor).contiguous() for name, tensor in made.tensors.items()}, folder / TENSORS)
    (folder / RECORD).write_text(made.record.to_json(), encoding="utf-8", newline="\n")
    (folder / NETWORK).write_text(made.network.to_json(), encoding="utf-8", newline="\n")


def _in_words(error: EdgeDigitsError, folder: Path) -> str:
    """An error, behind the line that raised where a forward did."""
    path = Path(json.loads((folder / REQUEST).read_text(encoding="utf-8"))["path"])
    if not isinstance(error, ModelFileError) or not isinstance(error.__cause__, Exception):
        return str(error)
    place = _line(error.__cause__, path)
    return str(error) if place == str(path) else f"{place}: {error}"


def _made(folder: Path) -> Adopted:
    request = json.loads((folder / REQUEST).read_text(encoding="utf-8"))
    path = Path(request["path"])
    sys.path.append(str(path.parent))  # where what it imports may be
    stored = Stored(load_file(folder / WEIGHTS), request["prefix"])
    module, told = _module(path, request["name"], request["arguments"], stored)
    _fit(module, stored, request)
    with np.load(folder / DIGITS) as digits:
        train, test = (Split(digits[f"{part}_images"], digits[f"{part}_labels"]) for part in ("train", "test"))
    dataset = Dataset(DatasetRef("digits", "", "digits"), tuple(request["labels"]), train, test)
    made = of_module(module.eval(), dataset, Told(request["said"], tuple(request["told"])))
    said = [f"arguments told by the shapes of its weights: {json.dumps(told)}"] if told else []
    return replace(made, record=replace(made.record, remarks=(*said, *made.record.remarks)))


def _module(path: Path, name: str, given: Choice, stored: Stored) -> tuple[nn.Module, Choice]:
    """The class, made, and the arguments that the weights told. Raises BadInput, which names the line, where its code
    raises."""
    code = extract(path, name)
    namespace: dict[str, Any] = {"__name__": path.stem}
    try:
        exec(code, namespace)
        maker = namespace[name]
        told = find_arguments(maker, given, stored)
        module = maker(**given, **told)
    except UsageError as error:
        raise UsageError(f"{path}: {name} {error}") from error
    except Exception as error:
        raise BadInput(f"{_line(error, path)}: {type(error).__name__}: {first_line(error)}") from error
    if not isinstance(module, nn.Module):
        raise BadInput(f"{path}: {name} gives {type(module).__name__}, a torch module wanted")
    return module, told


def _line(error: Exception, path: Path) -> str:
    """The last line of a file that an error came through."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f"{path}:{frames[-1].lineno}" if frames else str(path)


def _fit(module: nn.Module, stored: Stored, request: Mapping[str, Any]) -> None:
    """Put the weights into the module. Raises NoFit where names or shapes are others."""
    wrong = stored.mismatches(module)
    if wrong:
        more = [f"and {len(wrong) - MOST_LISTED} more"] if len(wrong) > MOST_LISTED else []
        head = f"{request['weights']}: its weights do not fit {request['name']} of {request['path']}"
        raise NoFit("\n".join([head, *wrong[:MOST_LISTED], *more]))
    module.load_state_dict(stored.named_for(module), strict=False)
