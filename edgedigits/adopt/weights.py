"""The weights of a network out of whatever somebody saved: `read_weights(path)` gives Weights, and builds nothing else.

A state dict alone or anywhere in a checkpoint, whole modules, TorchScript, lists of arrays: the tensors come out under
their own names, as float32, without what training and quantization left beside them; what was done is said.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edgedigits.adopt import inert, modules
from edgedigits.adopt.choice import Choice, choose
from edgedigits.adopt.inert.tensors import Tensor, real, shown
from edgedigits.adopt.inert.values import Contents, Instance
from edgedigits.adopt.modules import Module
from edgedigits.adopt.names import common_prefix, entries, without_stray
from edgedigits.adopt.reparametrized import put_together
from edgedigits.errors import CheckpointError, first_line
from edgedigits.records.arrays import Scores
from edgedigits.runtime.safety import BOUNDS, Refused
from edgedigits.system import files

MOST_ELEMENTS = BOUNDS.file_bytes // 4  # of all tensors together, as float32


@dataclass(frozen=True)
class Weights:
    """The tensors of a network, as a file holds them.

    container   in words, as `inert.Contents` has it
    tensors     float32 by name, in the file's order
    ordered     whether that order says in which order the layers were made
    prefix      what all names began with, and do not here: "module."
    modules     the layers, where the file holds modules; else empty
    sources     source text that came with them, by class or file
    remarks     in words, what was done: what was left out, unpacked, rounded
    """

    path: Path
    sha256: str
    container: str
    tensors: Mapping[str, Scores]
    ordered: bool = True
    prefix: str = ""
    modules: tuple[Module, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """All parameters."""
        return sum(tensor.size for tensor in self.tensors.values())


def read_weights(path: Path) -> Weights:
    """The weights in a file of torch, a pickle, TorchScript or safetensors, read without running anything.

    Raises CheckpointError where it cannot be read, is damaged, is of another framework or holds no weights.
    """
    try:
        content = files.read_bytes(path, BOUNDS.file_bytes)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror}).") from error
    contents = inert.read(path, content)
    try:
        return _weights(path, hashlib.sha256(content).hexdigest(), contents)
    except Refused as error:
        raise CheckpointError(f"{path}: {error}.") from error
    except inert.DAMAGED as error:
        raise CheckpointError(f"{path}: damaged ({first_line(error)}).") from error


def _weights(path: Path, sha256: str, contents: Contents) -> Weights:
    choice = choose(contents)
    remarks = list(choice.remarks)
    found = without_stray(entries(choice.named, remarks), remarks)
    prefix = common_prefix(found)
    if prefix:
        remarks.append(f"'{prefix}' taken off the names")
    parts = {name.removeprefix(prefix): _array(name, tensor) for name, tensor in found.items()}
    _require_weights(choice, found, parts)
    remarks += _rounded(found)
    tensors = put_together(parts, remarks)
    return Weights(
        path=path,
        sha256=sha256,
        container=contents.container,
        tensors=tensors,
        ordered=contents.ordered and not _is_sorted(list(tensors)),
        prefix=prefix,
        modules=_modules(contents, choice.module, prefix),
        sources=contents.sources,
        remarks=tuple(remarks),
    )


def _array(name: str, tensor: Tensor) -> Scores:
    try:
        found = real(tensor)
    except Refused as error:
        raise Refused(f"tensor {shown(name)}: {error}") from error
    if not np.isfinite(found).all():
        raise Refused(f"tensor {shown(name)} holds values that are not finite: the training failed")
    return found


def _require_weights(choice: Choice, found: Mapping[str, Tensor], tensors: Mapping[str, Scores]) -> None:
    """Raise Refused where there is nothing that could be a network's weights."""
    if not found:
        kinds = [f"{shown(name)} {kind} {list(shape)}" for name, kind, shape in choice.other()]
        raise Refused(f"no weights in it, but {', '.join(kinds[:3]) or 'no tensor at all'}")
    if all(tensor.ndim < 2 for tensor in tensors.values()):
        raise Refused(f"no weights in it: none of its {len(tensors)} tensors has two axes")
    if (count := sum(tensor.size for tensor in tensors.values())) > MOST_ELEMENTS:
        raise Refused(f"{count:,} parameters, at most {MOST_ELEMENTS:,} wanted")


def _is_sorted(names: list[str]) -> bool:
    """Whether somebody sorted the names: a module of torch has a weight before its bias, the alphabet has not."""
    return names == sorted(names) and any(name.endswith("bias") for name in names)


def _rounded(found: Mapping[str, Tensor]) -> list[str]:
    """A remark for each element type that became float32."""
    kinds = Counter(tensor.element.name for tensor in found.values())
    return [f"{kind} made float32: {count} of {len(found)}" for kind, count in kinds.items() if kind != "float32"]


def _modules(contents: Contents, module: Instance | None, prefix: str) -> tuple[Module, ...]:
    """The modules of a file, named as its tensors are now."""
    if module is None:
        return ()
    outer = prefix.removesuffix(".")
    described = modules.describe(contents, module)
    inside = [one for one in described if not prefix or one.name == outer or one.name.startswith(prefix)]
    return tuple(
        Module(one.name.removeprefix(outer).removeprefix("."), one.class_name, one.settings, one.calls)
        for one in inside
    )
