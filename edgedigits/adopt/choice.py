"""Which of the things in a file are the network's weights: alone, in a checkpoint, in a module, or in a list."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from edgedigits.adopt.inert.tensors import shown
from edgedigits.adopt.inert.values import Contents, Instance, Name
from edgedigits.adopt.modules import is_module, tensors_of, walk
from edgedigits.adopt.names import PACKED, as_tensor, is_unread
from edgedigits.runtime.safety import Refused

WRAPPERS = (  # names under which checkpoints keep the weights, the likeliest first
    "state_dict",
    "model_state_dict",
    "model_state",
    "model",
    "net",
    "network",
    "module",
    "weights",
    "params",
    "model_ema",
)
BESIDE = (
    "optim",
    "sched",
    "scaler",
    "loss",
    "hyper",
    "callback",
    "loop",
    "args",
    "config",
    "rng",
)  # and not the weights
MOST_WRAPPED = 5  # checkpoints inside each other


@dataclass(frozen=True)
class Choice:
    """The values among which the weights are, by name.

    module    that they were taken out of, where it is one
    remarks   in words, where they were found
    """

    named: Mapping[str, Any]
    module: Instance | None = None
    remarks: tuple[str, ...] = ()

    def other(self) -> Iterator[tuple[str, str, tuple[int, ...]]]:
        """Name, element type and shape of the tensors, whatever they hold."""
        for name, value in self.named.items():
            if (tensor := as_tensor(value)) is not None:
                yield name, tensor.element.name, tensor.shape


def choose(contents: Contents) -> Choice:
    """Find the weights. Raises Refused where there can be none."""
    root, remarks = contents.root, []
    for _ in range(MOST_WRAPPED):
        key = _wrapper(root)
        if key is None:
            break
        beside = [str(name) for name in _mapping(root) if name != key]
        remarks.append(f"taken from {shown(key)}" + (f"; beside it {_list(beside)}" if beside else ""))
        root = _mapping(root)[key]
    if is_module(root):
        return _of_module(contents, root, remarks)
    if isinstance(root, Name):
        raise Refused(f"only the name of a class ({shown(root.path)}), none of its weights: save its state_dict()")
    if as_tensor(root) is not None:
        raise Refused("one tensor without a name: save a state_dict()")
    return Choice(dict(_leaves(root)), remarks=tuple(remarks))


def _of_module(contents: Contents, root: Instance, remarks: list[str]) -> Choice:
    named = {
        f"{name}.{key}" if name else key: value
        for name, module in walk(root)
        for key, value in tensors_of(module).items()
    }
    if not any(_is_weight(name, value) for name, value in named.items()) and contents.constants:
        named = {f"c{number}": tensor for number, tensor in enumerate(contents.constants)}
        remarks = [*remarks, "its weights are constants without names, since it was frozen"]
    return Choice(named, root, tuple(remarks))


def _wrapper(value: Any) -> Any:
    """The key under which a checkpoint keeps the weights; None where it holds them itself, or none."""
    if is_module(value):
        return None
    held = _mapping(value)
    for key in WRAPPERS:
        if key in held and _holds_weights(held[key]):
            return key
    if any(_is_weight(str(name), one) for name, one in held.items()):
        return None
    likely = {key: _weight_count(one) for key, one in held.items() if not _is_beside(key) and _holds_weights(one)}
    parts = [key for key in likely if not is_module(held[key])]
    if len(parts) > 1 and len(parts) == len(likely) and len(parts) == len(held):
        return None  # a mapping of layers, each of which is a mapping of tensors
    return max(likely, key=likely.__getitem__) if likely else None


def _is_beside(key: Any) -> bool:
    return isinstance(key, str) and key.lower().startswith(BESIDE)


def _mapping(value: Any) -> Mapping[Any, Any]:
    """The named values of a mapping, of a list, or of an object that is no module: a trainer, a namespace."""
    if isinstance(value, Instance):
        made_of = {f"argument {number}": argument for number, argument in enumerate(value.arguments)}
        return {**made_of, **dict(_pairs(value)), **value.attributes}
    if isinstance(value, list | tuple):
        return dict(enumerate(value))
    return value if isinstance(value, dict) else {}


def _pairs(value: Instance) -> list[tuple[Any, Any]]:
    return [pair for pair in value.items if isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], str)]


def _holds_weights(value: Any) -> bool:
    """Whether a tensor with real values is in it: in a module, a mapping, a list or an object."""
    return _weight_count(value) > 0


def _weight_count(value: Any) -> int:
    """Elements of the tensors with real values in a module, a mapping, or mappings inside it."""
    if is_unread(value):
        return 0
    if is_module(value):
        pairs = [pair for _, module in walk(value) for pair in tensors_of(module).items()]
        return sum(_elements(str(key), one) for key, one in pairs)
    return sum(_elements(str(key), one) or _weight_count(one) for key, one in _mapping(value).items())


def _elements(name: str, value: Any) -> int:
    tensor = as_tensor(value)
    if tensor is not None:
        return tensor.count if tensor.element.is_float or tensor.scale is not None else 0
    return int(name.endswith(PACKED))


def _is_weight(name: str, value: Any) -> bool:
    """Whether a named value is a tensor with real values and axes, or a quantized layer's packed ones."""
    tensor = as_tensor(value)
    if tensor is None:
        return name.endswith(PACKED)
    return bool(tensor.shape) and (tensor.element.is_float or tensor.scale is not None)


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Values by name, those of mappings and lists inside under "outer.inner"."""
    if as_tensor(value) is not None or is_unread(value) or name.endswith(PACKED):
        yield name or "0", value
        return
    for key, one in _mapping(value).items():
        yield from _leaves(one, f"{name}.{key}" if name else str(key))


def _list(names: list[str]) -> str:
    return ", ".join(shown(name).strip("'") for name in names[:6]) + (", ..." if len(names) > 6 else "")
