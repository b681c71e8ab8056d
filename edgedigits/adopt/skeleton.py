"""A class to fill in, for tensors of which no network was made: its layers are there, what is between them is not."""

from collections.abc import Iterator, Mapping
from typing import Any

from edgedigits.adopt.modules import Module
from edgedigits.adopt.weights import Weights

MOST_LINES = 12  # of layers
HEAD = "Fill in what runs when, and name it with --net net.py:Net:"
ALONE = "layer"  # the name of one whose tensors have none
TORCH, ACTIVATION = (
    "torch.",
    ".activation.",
)  # what the classes of torch's own modules, and of its activations, are called by
CONV = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}  # settings, and what they are where nothing is said
PLAIN: Mapping[str, Mapping[str, Any]] = {  # settings of modules without weights
    "MaxPool2d": {"kernel_size": None, "stride": None, "padding": 0},
    "AvgPool2d": {"kernel_size": None, "stride": None, "padding": 0},
    "AdaptiveAvgPool2d": {"output_size": None},
    "LeakyReLU": {"negative_slope": 0.01},
    "Dropout": {"p": 0.5},
    "Dropout2d": {"p": 0.5},
}
Nested = dict[str, Any]  # sources of modules, and mappings of them


def own_classes(weights: Weights) -> tuple[str, ...]:
    """Classes of a file's modules that are none of torch's: what their forward does is not in it."""
    return tuple(dict.fromkeys(one.kind for one in weights.modules if not one.class_name.startswith(TORCH)))


def skeleton(weights: Weights) -> str:
    """The source of a torch module with a file's layers, and how it is adopted."""
    layers = [_assigned(name, source) for name, source in _nested(weights).items()]
    cut = [f"        # and {len(layers) - MOST_LINES} more"] if len(layers) > MOST_LINES else []
    lines = [
        HEAD,
        "from torch import nn",
        "class Net(nn.Module):",
        "    def __init__(self):",
        "        super().__init__()",
        *layers[:MOST_LINES],
        *cut,
        "    def forward(self, x):  # [n, 1, 28, 28]",
        "        ...",
    ]
    return "\n".join(lines)


def _nested(weights: Weights) -> Nested:
    """The layers in the order of the file, those inside others in mappings, by the parts of their names."""
    tensors: dict[str, dict[str, tuple[int, ...]]] = {}
    for full, tensor in weights.tensors.items():
        name, _, part = full.rpartition(".")
        tensors.setdefault(name, {})[part] = tensor.shape
    told = {one.name: one for one in weights.modules if one.class_name.startswith(TORCH)}
    names = [name for name, one in told.items() if name in tensors or one.kind in PLAIN or ACTIVATION in one.class_name]
    nested: Nested = {}
    for name in dict.fromkeys([*names, *tensors]):
        *outer, last = (name or ALONE).split(".")
        inside = nested
        for part in outer:
            held = inside.setdefault(part, {})
            inside = held if isinstance(held, dict) else {}
        inside[last] = _module(tensors.get(name, {}), told.get(name))
    return nested


def _assigned(name: str, source: str | Nested) -> str:
    text = _source(source)
    if name.isidentifier():
        return f"        self.{name} = {text}"
    return f'        self.add_module("{name}", {text})'


def _source(found: str | Nested) -> str:
    if isinstance(found, str):
        return found
    inside = ", ".join(f'"{name}": {_source(one)}' for name, one in found.items())
    return f"nn.ModuleDict({{{inside}}})"


def _module(shapes: Mapping[str, tuple[int, ...]], told: Module | None) -> str:
    """The module that has tensors of these shapes, as far as they and the file tell; of others, the shapes in words."""
    weight = shapes.get("weight", ())
    bias = "" if "bias" in shapes else ", bias=False"
    settings = told.settings if told else {}
    if "running_mean" in shapes:
        return f"nn.{told.kind if told else 'BatchNorm2d'}({shapes['running_mean'][0]})"
    if len(weight) == 4:
        kernel = weight[2] if weight[2] == weight[3] else weight[2:]
        groups = settings.get("groups", 1)
        return f"nn.Conv2d({', '.join([f'{weight[1] * groups}, {weight[0]}, {kernel}', *_said(settings, CONV)])}{bias})"
    if len(weight) == 2:
        return f"nn.Linear({weight[1]}, {weight[0]}{bias})"
    if told and not shapes:
        return f"nn.{told.kind}({', '.join(_said(settings, PLAIN.get(told.kind, {})))})"
    return repr(", ".join(f"{name} {list(shape)}" for name, shape in shapes.items()))


def _said(settings: Mapping[str, Any], usual: Mapping[str, Any]) -> Iterator[str]:
    """Settings that are not the usual ones, as arguments."""
    for name, value in usual.items():
        found = settings.get(name, value)
        alike = isinstance(found, tuple | list) and len(set(found)) == 1
        one = found[0] if alike else found
        if one != value:
            yield f"{name}={one!r}"
