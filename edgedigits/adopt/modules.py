"""What a file says of its network's layers, where it holds modules and not tensors alone.

A pickled module is an Instance with `_parameters`, `_buffers` and `_modules`; TorchScript keeps the same as plain
attributes, and what a layer does as the text of its `forward`. Quantized convolutions are a tuple in both.
"""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from edgedigits.adopt.inert import code
from edgedigits.adopt.inert.code import Call
from edgedigits.adopt.inert.values import Contents, Instance
from edgedigits.adopt.names import PACKED

PARTS = ("_parameters", "_buffers", "_modules")
TORCHSCRIPT = "TorchScript"
QUANTIZED = (  # what the state of a quantized convolution holds, in order (torch/ao/nn/quantized/modules/conv.py)
    *("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "transposed", "output_padding"),
    *("groups", "padding_mode", "weight", "bias"),
)
MANGLED = "___torch_mangle_"  # in the names of classes that TorchScript has several of
MOST_SETTINGS = 100  # attributes of a module


@dataclass(frozen=True)
class Module:
    """A module of a network, as its file describes it.

    name       its prefix in the state dict, without a dot at the end; "" is the whole network
    settings   its own attributes that are numbers, text or tuples of them: `kernel_size`, `stride`, `negative_slope`
    calls      what its `forward` calls, in order, where TorchScript says it
    """

    name: str
    class_name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    calls: tuple[Call, ...] = ()

    @property
    def kind(self) -> str:
        """Its class without the package: "Conv2d"."""
        return self.class_name.rpartition(".")[2]


def is_module(value: Any) -> bool:
    """Whether it stands for a module of torch, or of TorchScript."""
    return isinstance(value, Instance) and (_is_flat(value) or all(part in _own(value) for part in PARTS))


def _is_flat(value: Instance) -> bool:
    """Whether a module's tensors, and the modules inside it, are attributes like any other."""
    scripted = value.class_name.startswith(("__torch__.", "code/")) and isinstance(value.state, dict)
    return scripted or _is_quantized(value)


def _is_quantized(value: Instance) -> bool:
    state = value.state
    return ".quantized." in value.class_name and isinstance(state, tuple) and len(state) >= len(QUANTIZED)


def walk(value: Instance, name: str = "") -> Iterator[tuple[str, Instance]]:
    """A module and those inside it, each with its name, in the order in which they were made."""
    yield name, value
    own = _own(value)
    inside = own if _is_flat(value) else _entries(own.get("_modules"))
    for key, child in inside.items():
        if is_module(child):
            yield from walk(child, f"{name}.{key}" if name else str(key))


def tensors_of(module: Instance) -> dict[str, Any]:
    """What a module's `state_dict` has of its own: parameters and buffers, not those of modules inside it."""
    own = _own(module)
    if _is_flat(module):
        return {str(key): value for key, value in own.items() if not is_module(value)}
    passing = own.get("_non_persistent_buffers_set") or ()
    buffers = {key: value for key, value in _entries(own.get("_buffers")).items() if key not in passing}
    packed = {PACKED: own[PACKED]} if PACKED in own else {}
    return {str(key): value for key, value in {**_entries(own.get("_parameters")), **buffers, **packed}.items()}


def describe(contents: Contents, root: Instance) -> tuple[Module, ...]:
    """The modules below one, and itself, in the order in which they were made."""
    read = functools.cache(code.read)
    texts = contents.sources if contents.container == TORCHSCRIPT else {}
    return tuple(_described(name, module, texts, read) for name, module in walk(root))


def _described(name: str, module: Instance, texts: Mapping[str, str], read: Any) -> Module:
    settings = {
        str(key): value
        for key, value in list(_own(module).items())[:MOST_SETTINGS]
        if not str(key).startswith("_") and _is_setting(value)
    }
    text = texts.get(_file_of(module.class_name), "")
    found = read(text).get(module.class_name.rpartition(".")[2]) if text else None
    title = _unmangled(module.class_name)
    if found is None:
        return Module(name, title, settings)
    return Module(name, title, {**found.settings, **settings}, found.calls)


def _file_of(class_name: str) -> str:
    """The file of an archive that has the code of a TorchScript class: `__torch__.net.Net` is in `__torch__/net.py`."""
    if class_name.startswith("code/"):
        return class_name.removeprefix("code/")
    return f"{class_name.rpartition('.')[0].replace('.', '/')}.py"


def _unmangled(class_name: str) -> str:
    parts = class_name.removeprefix("__torch__.").split(".")
    return ".".join(part for part in parts if not part.startswith(MANGLED))


def _is_setting(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return len(value) <= 4 and all(isinstance(one, int | float) for one in value)
    return isinstance(value, str | int | float | bool) and len(str(value)) <= 80


def _own(value: Instance) -> Mapping[Any, Any]:
    """The attributes of a module; `torch.fx` passes those of its own to a function instead."""
    if _is_quantized(value):
        return dict(zip(QUANTIZED, value.state, strict=False))
    if not value.attributes and value.arguments and isinstance(value.arguments[0], dict):
        return value.arguments[0]
    return value.attributes


def _entries(value: Any) -> Mapping[Any, Any]:
    """A mapping of a module's, which older classes of torch keep as an object."""
    if isinstance(value, Instance):
        return dict(pair for pair in value.items if isinstance(pair, tuple))
    return value if isinstance(value, dict) else {}
