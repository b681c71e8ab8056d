"""A list of layers in the making, from the graph of a torch module: which layer each value of the graph goes by.

What depends on weights and constants alone is computed at once, so that only what an image passes becomes a layer.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.export import ExportedProgram
from torch.fx import Node

from edgedigits.errors import BadInput, UsageError
from edgedigits.records.network import INPUT, Layer
from edgedigits.records.ops import Shape

TORCH = str(Path(torch.__file__).parent)
COUNTED = "num_batches_tracked"
NONE: Mapping[str, Any] = {}


class NoRow(BadInput):
    """Something in a module has no place in a list of layers; the message names it, and its line."""


@dataclass(frozen=True)
class Call:
    """One call of torch in a graph, with all arguments by the names of its schema; tensors are Nodes."""

    node: Node
    arguments: Mapping[str, Any]

    @classmethod
    def of(cls, node: Node) -> "Call":
        """The call that a node is."""
        schema = _schema(node)
        known = {argument.name: argument.default_value for argument in schema.arguments} if schema else {}
        return cls(node, known | dict(zip(known, node.args, strict=False)) | node.kwargs)

    @property
    def word(self) -> str:
        """What torch calls it: "conv2d"."""
        schema = _schema(self.node)
        return schema.name.split("::")[1] if schema else self.node.name

    @property
    def shape(self) -> tuple[int, ...]:
        """What it gives, with the batch."""
        return shape_of(self.node)

    def refused(self, reason: str) -> NoRow:
        """The error that names the call's line."""
        return NoRow(f"{line_of(self.node)}: {reason}")


def changes(node: Node) -> bool:
    """Whether a call changes its first argument in place."""
    schema = _schema(node)
    return bool(schema and schema.is_mutable)


def _schema(node: Node) -> Any:
    """What torch says of the function that a node calls; None where that is none of torch's own."""
    return getattr(node.target, "_schema", None)


def shape_of(node: Node) -> tuple[int, ...]:
    """The shape of a node's value, with the batch; nothing where it is no tensor."""
    return tuple(getattr(node.meta.get("val"), "shape", ()))


def line_of(node: Node) -> str:
    """Where the call stands in the user's own source: file, line, and the code there."""
    lines = (node.meta.get("stack_trace") or "").strip().splitlines()
    frames = [place for place, line in enumerate(lines) if line.lstrip().startswith("File ") and TORCH not in line]
    if not frames:
        return f"forward, at {node.name}"
    file, number, *_ = lines[frames[-1]].strip().removeprefix("File ").split(", ")
    code = lines[frames[-1] + 1].strip() if frames[-1] + 1 < len(lines) else ""
    return f"{Path(file.strip(chr(34))).name}:{number.removeprefix('line ')}: {code:.80}"


class Listing:
    """The layers so far.

    layers   in the order of the graph
    state    their tensors, float32, by the names that a state dict gives them
    values   the layer that a node's value goes by
    shapes   what each layer gave of one image when it was traced
    """

    def __init__(self, program: ExportedProgram) -> None:
        self.layers: list[Layer] = []
        self.state: dict[str, Tensor] = {}
        self.values: dict[Node, str] = {}
        self.shapes: dict[str, Shape] = {}
        self._constants: dict[Node, Tensor] = {}
        self._keys: dict[Node, str] = {}
        self._owners: dict[Node, str] = {}
        self._saved = program.state_dict
        self._holders = {key.rpartition(".")[0] for key in self._saved}  # modules with tensors of their own
        self._taken = {name for key in self._holders for name in (*_outer(key), key)}
        self._read_placeholders(program)

    def _read_placeholders(self, program: ExportedProgram) -> None:
        signature = program.graph_signature
        keys = {
            **signature.inputs_to_parameters,
            **signature.inputs_to_buffers,
            **signature.inputs_to_lifted_tensor_constants,
        }
        everything = {**program.constants, **self._saved}
        images = []
        for node in program.graph.nodes:
            if node.op == "placeholder" and node.name in keys:
                self._constants[node] = everything[keys[node.name]].detach()
                self._keys[node] = keys[node.name]
            elif node.op == "placeholder":
                images.append(node)
        if len(images) != 1:
            raise NoRow(f"forward takes {len(images)} tensors, one wanted: images")
        self.values[images[0]] = INPUT

    @property
    def last(self) -> str:
        """The last layer, or INPUT."""
        return self.layers[-1].name if self.layers else INPUT

    def compute(self, node: Node) -> bool:
        """Whether a call depends on constants alone; then its value is known from now on."""
        if changes(node) or any(known not in self._constants for known in node.all_input_nodes):
            return False
        arguments = torch.fx.node.map_arg((node.args, node.kwargs), self._constants.__getitem__)
        with torch.no_grad():
            self._constants[node] = node.target(*arguments[0], **arguments[1])  # type: ignore[operator]
        return True

    def constant(self, value: object) -> Tensor | None:
        """A tensor that no image changes; None of what an image does."""
        if isinstance(value, int | float):
            return torch.tensor(float(value))
        return self._constants.get(value) if isinstance(value, Node) else None

    def add(
        self,
        call: Call,
        op: str,
        *inputs: str,
        weights: Mapping[str, Any] = NONE,
        **attributes: Any,
    ) -> str:
        """Put a layer on the list: what a call does to its first argument, or to inputs that are named.

        weights   its tensors: the last parts of their names, and the nodes, tensors or None that they are
        """
        read = inputs or (self.value(call, next(iter(call.arguments.values()))),)
        held = {part: node for part, node in weights.items() if node is not None}
        name, tied = self._name(call, held)
        try:
            layer = Layer(op, name, () if read == (self.last,) else read, attributes, tied)
        except UsageError as error:
            raise call.refused(str(error).partition(": ")[2]) from error
        self.layers.append(layer)
        if tied is None:
            self.state |= {f"{name}.{part}": self._tensor(call, node) for part, node in held.items()}
        return name

    def value(self, call: Call, node: object) -> str:
        """The layer that an argument goes by. Raises NoRow where it is none that an image passes through."""
        if not (isinstance(node, Node) and node in self.values):
            raise call.refused("a constant where an image is wanted")
        return self.values[node]

    def tensor(self, call: Call, node: object) -> Tensor:
        """A weight. Raises NoRow where the image changes it."""
        found = node if isinstance(node, Tensor) else self.constant(node)
        if found is None:
            raise call.refused(f"{call.word} has weights that depend on the image")
        return found

    def _tensor(self, call: Call, node: object) -> Tensor:
        found = self.tensor(call, node)
        return found.to(torch.float32 if found.is_floating_point() else found.dtype).clone().contiguous()

    def counted(self, node: object) -> Tensor:
        """How many batches a normalization saw: as saved beside its mean, or none."""
        prefix = self._keys.get(node, "").rpartition(".")[0] if isinstance(node, Node) else ""
        counted: Tensor = self._saved.get(f"{prefix}.{COUNTED}", torch.tensor(0))
        return counted

    def _name(self, call: Call, held: Mapping[str, Any]) -> tuple[str, str | None]:
        """What to call a layer, and the earlier layer whose tensors it uses, if it does."""
        first = next(iter(held.values()), None)
        if isinstance(first, Node) and first in self._owners:
            return self._free(call.node.name), self._owners[first]
        name = (self._home(held) if held else self._module(call.node)) or self._free(call.node.name)
        self._taken |= {name, *_outer(name)}
        if isinstance(first, Node):
            self._owners[first] = name
        return name, None

    def _home(self, held: Mapping[str, Any]) -> str:
        """The module under which tensors are saved, each by its part's name; nothing where there is no such one."""
        keys = {part: self._keys.get(node, "") for part, node in held.items() if isinstance(node, Node)}
        homes = {key.removesuffix(f".{part}") if key.endswith(f".{part}") else "" for part, key in keys.items()}
        return homes.pop() if len(homes) == 1 else ""

    def _module(self, node: Node) -> str:
        """The path of torch's own module that made a call; nothing where a layer has that name, or it is another's."""
        path, kind = next(reversed((node.meta.get("nn_module_stack") or {"": ("", "")}).values()))
        free = path not in self._taken and not self._holders.intersection(_outer(path))
        return path if free and str(kind).startswith("torch.nn.modules.") else ""

    def _free(self, name: str) -> str:
        """A name like this one that no layer, and no part of a path to one, has."""
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name


def _outer(path: str) -> Iterator[str]:
    """The modules that a path leads through: "a.b" of "a.b.c", and "a"."""
    while path := path.rpartition(".")[0]:
        yield path


def numbers(made: Listing, call: Call, value: object) -> float | tuple[float, ...]:
    """A constant that is combined with an image: one number, or one a channel. Raises NoRow where it is more."""
    found = made.tensor(call, value).to(torch.float32)
    if found.numel() == 1:
        return found.item()
    shape = (*(1 for _ in range(len(call.shape) - found.ndim)), *found.shape)
    channels = call.shape[1:2]
    if (math.prod(shape),) != channels or shape[1:2] != channels:
        raise call.refused(f"a constant {list(found.shape)}, neither one number nor one a channel")
    return tuple(found.flatten().tolist())
