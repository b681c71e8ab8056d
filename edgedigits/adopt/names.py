"""Names of tensors: what belongs to the network, and what training, counting or quantizing left beside it."""

from collections.abc import Mapping
from typing import Any

from edgedigits.adopt.inert.rebuilding import array_tensor
from edgedigits.adopt.inert.tensors import Tensor, shown
from edgedigits.adopt.inert.values import Instance
from edgedigits.runtime.safety import Refused

PREFIXES = ("module", "_orig_mod", "model", "net", "network")  # DataParallel, torch.compile, Lightning and habits
PACKED = "_packed_params"  # of torch's quantized layers: weight and bias together
BATCHES = "num_batches_tracked"  # of batch norm, counted in training
COUNTED = ("total_ops", "total_params")  # of thop, which counts operations
UNREAD = "torch._utils._rebuild_"  # what is left of this: sparse tensors, such without values, such of other devices
OBSERVERS = ("activation_post_process", "weight_fake_quant", "fake_quant", "observer", "min_val", "max_val")
SCALES = ("scale", "zero_point")  # of activations, beside a quantized layer or where a network begins


def as_tensor(value: Any) -> Tensor | None:
    """A tensor of torch or an array of numpy; None for anything else. Raises what `array_tensor` raises."""
    if isinstance(value, Tensor):
        return value
    return array_tensor(value) if isinstance(value, Instance) else None


def is_unread(value: Any) -> bool:
    """Whether it is a tensor of a kind that is not read."""
    return isinstance(value, Instance) and value.class_name.startswith(UNREAD)


def entries(named: Mapping[str, Any], remarks: list[str]) -> dict[str, Tensor]:
    """The tensors among named values; packed parameters become weight and bias, which is remarked."""
    found: dict[str, Tensor] = {}
    packed = []
    for name, value in named.items():
        if (tensor := as_tensor(value)) is not None:
            found[name] = tensor
        elif is_unread(value):
            raise Refused(f"tensor {shown(name)} is of a kind that is not read ({shown(value.class_name)})")
        elif (pair := _unpacked(name, value)) is not None:
            layer = name.partition(f"{PACKED}")[0]
            packed.append(layer.removesuffix("."))
            found |= {f"{layer}{part}": tensor for part, tensor in pair.items()}
    if packed:
        remarks.append(f"packed parameters of quantized layers made float: {', '.join(map(_plain, packed))}")
    return found


def _unpacked(name: str, value: Any) -> dict[str, Tensor] | None:
    """Weight and bias of a quantized layer; None where this is none."""
    if name.rpartition(".")[2] != PACKED:
        return None
    flat = _flat(value)
    return dict(zip(("weight", "bias"), flat[:2], strict=False)) if flat else None


def _flat(value: Any) -> list[Tensor]:
    """The tensors with real values in what a quantized layer packs, in order."""
    if isinstance(value, Tensor):
        return [value] if value.element.is_float or value.scale is not None else []
    if isinstance(value, Instance):
        return _flat(value.state if value.state is not None else value.arguments)
    return [tensor for one in value for tensor in _flat(one)] if isinstance(value, list | tuple) else []


def without_stray(found: Mapping[str, Tensor], remarks: list[str]) -> dict[str, Tensor]:
    """The tensors that are the network's own, with real values; what else is left out is remarked."""
    kept = {name: tensor for name, tensor in found.items() if not _is_stray(name, found)}
    observed = [name for name in found if name not in kept and not _is_counted(name)]
    if observed:
        remarks.append(f"{_count(observed)} of quantization left out: {_list(observed)}")
    real = {name: tensor for name, tensor in kept.items() if tensor.element.is_float or tensor.scale is not None}
    if whole := [name for name in kept if name not in real]:
        remarks.append(f"{_count(whole)} of whole numbers left out: {_list(whole)}")
    if empty := [name for name, tensor in real.items() if not tensor.count]:
        remarks.append(f"{_count(empty)} without values left out: {_list(empty)}")
    return {name: tensor for name, tensor in real.items() if tensor.count}


def _is_counted(name: str) -> bool:
    return name.rpartition(".")[2] in (BATCHES, *COUNTED)


def _is_stray(name: str, found: Mapping[str, Tensor]) -> bool:
    """Whether a tensor was left by training, by counting operations, or by torch's quantization."""
    parts = name.split(".")
    if _is_counted(name) or any(part.startswith(OBSERVERS) for part in parts):
        return True
    beside = f"{name.rpartition('.')[0]}.".removeprefix(".")
    return parts[-1] in SCALES and found[name].count == 1 and all(f"{beside}{part}" in found for part in SCALES)


def common_prefix(names: Mapping[str, Any]) -> str:
    """What all names begin with and no network needs: "module.", or several of those."""
    prefix = ""
    while True:
        heads = {name.removeprefix(prefix).partition(".")[0] for name in names}
        tails = all("." in name.removeprefix(prefix) for name in names)
        if len(heads) != 1 or not tails or (head := heads.pop()) not in PREFIXES:
            return prefix
        prefix += f"{head}."


def _count(names: list[str]) -> str:
    return f"{len(names)} tensor{'s' if len(names) != 1 else ''}"


def _list(names: list[str]) -> str:
    return ", ".join(map(_plain, names[:3])) + (", ..." if len(names) > 3 else "")


def _plain(name: str) -> str:
    return shown(name).strip("'")
