"""Whatever somebody saved: the network's tensors come out, under their names, and what was done is said."""

import dataclasses
import os
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from edgedigits.adopt.weights import Weights, read_weights
from edgedigits.errors import CheckpointError
from tests.adopt import saving
from tests.adopt.networks import Small, small
from tests.adopt.saving import WAYS


def wanted() -> dict[str, np.ndarray]:
    state = small().state_dict()
    return {name: tensor.numpy() for name, tensor in state.items() if not name.endswith("num_batches_tracked")}


def written(way: str, folder: Path) -> Weights:
    path = folder / "weights.pt"
    WAYS[way](small(), path)
    return read_weights(path)


@pytest.mark.parametrize("way", WAYS)
def test_the_tensors_come_out_however_they_were_saved(way: str, tmp_path: Path) -> None:
    found = written(way, tmp_path)
    assert found.tensors.keys() == wanted().keys()
    for name, tensor in wanted().items():
        assert found.tensors[name].dtype == np.float32
        assert np.array_equal(found.tensors[name], tensor), name
    if found.ordered:
        assert list(found.tensors) == list(wanted()) or "parameters" in way
    assert found.ordered == (way != "safetensors")
    assert found.count == sum(tensor.size for tensor in wanted().values())


def save(value: Any, folder: Path) -> Path:
    path = folder / "weights.pt"
    torch.save(value, path)
    return path


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_become_float32_and_that_is_said(dtype: torch.dtype, tmp_path: Path) -> None:
    state = {name: tensor.to(dtype) for name, tensor in nn.Linear(4, 2).state_dict().items()}
    found = read_weights(save(state, tmp_path))
    assert {name: torch.tensor(array) for name, array in found.tensors.items()}.keys() == state.keys()
    for name, tensor in state.items():
        assert np.array_equal(found.tensors[name], tensor.float().numpy())
    assert found.remarks == (f"{str(dtype).removeprefix('torch.')} made float32: 2 of 2",)


def test_tensors_without_values_are_left_out(tmp_path: Path) -> None:
    found = read_weights(save({**nn.Linear(4, 2).state_dict(), "seen": torch.empty(0)}, tmp_path))
    assert list(found.tensors) == ["weight", "bias"]
    assert found.remarks == ("1 tensor without values left out: seen",)


def test_what_was_beside_the_weights_is_said(tmp_path: Path) -> None:
    assert written("checkpoint", tmp_path).remarks == (
        "taken from 'model_state_dict'; beside it epoch, best, when, args, losses, confusion, ...",
    )
    prefixed = written("several prefixes", tmp_path)
    assert (prefixed.prefix, prefixed.remarks) == ("module.model.", ("'module.model.' taken off the names",))
    observed = written("observed", tmp_path).remarks
    assert observed[0].startswith("4 tensors of quantization left out: conv.weight_fake_quant.scale, ")


def test_a_prefix_that_is_the_only_name_stays(tmp_path: Path) -> None:
    found = read_weights(save({"net": torch.ones(10, 784)}, tmp_path))
    assert (list(found.tensors), found.prefix) == (["net"], "")


def quantized(how: str) -> tuple[nn.Module, dict[str, np.ndarray]]:
    """A network whose layers hold 8 bits, and what they stand for."""
    ao = torch.ao.quantization
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's: it will go
        if how == "dynamic":
            model = ao.quantize_dynamic(
                nn.Sequential(nn.Flatten(), nn.Linear(784, 10)).eval(), {nn.Linear}, torch.qint8
            )
            layers = {"1": model[1]}
        else:
            whole = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(4 * 26 * 26, 10))
            prepared = ao.QuantWrapper(whole).eval()
            prepared.qconfig = ao.get_default_qconfig("fbgemm")
            ao.prepare(prepared, inplace=True)(torch.rand(4, 1, 28, 28))
            model = ao.convert(prepared)
            layers = {"0": model.module[0], "2": model.module[2]}
    wanted = {}
    for name, layer in layers.items():
        wanted[f"{name}.weight"] = layer.weight().dequantize().numpy()
        wanted[f"{name}.bias"] = layer.bias().detach().numpy()
    return model, wanted


SAVED: dict[str, Callable[[nn.Module, Path], None]] = {
    "state dict": saving.plain(saving.state),
    "whole module": saving.plain(lambda model: model),
    "script": saving.scripted(torch.jit.script),
}


@pytest.mark.parametrize("how", ["dynamic", "static"])
@pytest.mark.parametrize("saved", SAVED)
def test_layers_of_8_bits_are_made_float_however_they_were_saved(how: str, saved: str, tmp_path: Path) -> None:
    model, wanted = quantized(how)
    path = tmp_path / "weights.pt"
    SAVED[saved](model, path)
    found = read_weights(path)
    assert found.tensors.keys() == wanted.keys()
    for name, tensor in wanted.items():
        assert np.array_equal(found.tensors[name], tensor), name
    assert f"qint8 made float32: {len(wanted) // 2} of {len(wanted)}" in found.remarks


def _pruned() -> nn.Module:
    layer = nn.Linear(784, 10)
    prune.l1_unstructured(layer, "weight", 0.5)
    return layer


def _old_weight_norm() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's: it will go
        return nn.utils.weight_norm(nn.Conv2d(2, 3, 5))


PARTS: dict[str, Callable[[], nn.Module]] = {
    "pruning": _pruned,
    "weight norm": lambda: nn.utils.parametrizations.weight_norm(nn.Linear(784, 10)),
    "weight norm, old": _old_weight_norm,
    "spectral norm": lambda: nn.utils.parametrizations.spectral_norm(nn.Conv2d(2, 3, 5)),
    "spectral norm, old": lambda: nn.utils.spectral_norm(nn.Linear(784, 10)),
}


@pytest.mark.parametrize("name", PARTS)
def test_a_weight_that_is_kept_in_parts_is_put_together(name: str, tmp_path: Path) -> None:
    layer = PARTS[name]().eval()
    layer(torch.rand(1, 784) if isinstance(layer, nn.Linear) else torch.rand(1, 2, 28, 28))
    found = read_weights(save({f"fc.{key}": tensor for key, tensor in layer.state_dict().items()}, tmp_path))
    assert found.tensors.keys() == {"fc.weight", "fc.bias"}
    assert np.allclose(found.tensors["fc.weight"], layer.weight.detach().numpy(), atol=1e-6)
    assert found.remarks == (f"put together as {name.partition(',')[0]} does: fc.weight",)


def test_parts_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    parts = {"w_orig": torch.ones(1 << 16, 1), "w_mask": torch.ones(1, 1 << 16)}  # 16 GB, were they multiplied
    with pytest.raises(CheckpointError, match="do not fit together as pruning has them"):
        read_weights(save(parts, tmp_path))


@pytest.mark.parametrize("axis", [0, 1])
def test_scales_a_channel_are_used(axis: int, tmp_path: Path) -> None:
    count = (4, 6)[axis]
    scales, zeros = torch.linspace(0.1, 0.3, count), torch.arange(count)
    tensor = torch.quantize_per_channel(torch.randn(4, 6), scales, zeros, axis, torch.qint8)
    found = read_weights(save({"fc.weight": tensor}, tmp_path))
    assert np.allclose(found.tensors["fc.weight"], tensor.dequantize().numpy(), rtol=1e-6)


@pytest.mark.parametrize("way", ["whole module", "whole module, legacy", "pickled module", "script"])
def test_modules_say_their_sizes(way: str, tmp_path: Path) -> None:
    found = {module.name: module for module in written(way, tmp_path).modules}
    assert [module.kind for module in found.values()] == [
        "Small",
        "Conv2d",
        "BatchNorm2d",
        "LeakyReLU",
        "AvgPool2d",
        "Linear",
    ]
    assert tuple(found["conv"].settings["padding"]) == (1, 1)
    assert found["act"].settings["negative_slope"] == 0.2
    assert found["pool"].settings["kernel_size"] == 4
    assert found["bn"].settings["eps"] == 1e-5
    assert found[""].settings["training"] is False


def test_modules_are_named_as_the_tensors_are(tmp_path: Path) -> None:
    found = written("whole module, wrapped", tmp_path)
    assert [module.name for module in found.modules] == ["", "conv", "bn", "act", "pool", "fc"]
    assert found.modules[0].kind == "Small"


def test_a_trace_says_what_is_called(tmp_path: Path) -> None:
    found = {module.name: module.calls for module in written("trace", tmp_path).modules}
    assert [call.target for call in found[""]][:4] == [
        "(conv).forward",
        "(bn).forward",
        "(act).forward",
        "(pool).forward",
    ]
    assert [call.target for call in found[""]][-1] == "torch.log_softmax"
    (pool,) = found["pool"]
    assert (pool.target, pool.arguments[1]) == ("torch.avg_pool2d", "[4, 4]")


def test_a_frozen_trace_has_constants(tmp_path: Path) -> None:
    path = tmp_path / "frozen.pt"
    dense = nn.Sequential(nn.Flatten(), nn.Linear(784, 10)).eval()
    saving.scripted(lambda model: torch.jit.freeze(saving.trace(model)))(dense, path)
    found = read_weights(path)
    assert sorted(tensor.shape for tensor in found.tensors.values()) == [(10,), (10, 784)]
    assert found.remarks == ("its weights are constants without names, since it was frozen",)
    assert "torch.linear" in [call.target for call in found.modules[0].calls]


def test_the_source_of_a_class_comes_with_it(tmp_path: Path) -> None:
    found = written("whole module, legacy", tmp_path)
    assert "self.conv = nn.Conv2d(1, 3, 3, padding=1)" in found.sources[f"{Small.__module__}.Small"]


def test_sorted_names_say_nothing_of_the_order(tmp_path: Path) -> None:
    state = small().state_dict()
    assert not read_weights(save({name: state[name] for name in sorted(state)}, tmp_path)).ordered


REFUSED: dict[str, tuple[Any, str]] = {
    "no tensor": ({"epoch": 3, "name": "x"}, "no weights in it, but no tensor at all"),
    "a data set": (
        {"images": torch.zeros(20, 28, 28, dtype=torch.uint8), "labels": torch.zeros(20, dtype=torch.int64)},
        "no weights in it, but 'images' uint8 [20, 28, 28], 'labels' int64 [20]",
    ),
    "an optimizer": ({"optimizer": {"state": {0: {"step": 1}}}}, "no weights in it"),
    "sparse": ({"fc.weight": torch.eye(4).to_sparse()}, "tensor 'fc.weight' is of a kind that is not read"),
    "without values": (
        {"fc.weight": torch.ones(4, 4, device="meta")},
        "tensor 'fc.weight' is of a kind that is not read",
    ),
    "one tensor": (torch.zeros(10, 784), "one tensor without a name"),
    "vectors": ({"a": torch.zeros(4), "b": torch.zeros(3)}, "none of its 2 tensors has two axes"),
    "not a number": (
        {"fc.weight": torch.full((2, 2), float("nan"))},
        "tensor 'fc.weight' holds values that are not finite",
    ),
    "complex": (
        {"fc.weight": torch.zeros(2, 2, dtype=torch.complex64)},
        "no weights in it, but 'fc.weight' complex64 [2, 2]",
    ),
    "a class": (Small, "only the name of a class ('tests.adopt.networks.Small')"),
    "too large": ({"fc.weight": torch.zeros(1).expand(1 << 12, 1 << 12)}, "at most 4,194,304 elements wanted"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_network_is_refused_in_a_line(name: str, tmp_path: Path) -> None:
    value, words = REFUSED[name]
    path = save(value, tmp_path)
    with pytest.raises(CheckpointError) as caught:
        read_weights(path)
    said = str(caught.value)
    assert words in said
    assert said.startswith(f"{path}: ")
    assert "\n" not in said
    assert caught.value.exit_code == 3


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_weights(tmp_path / "none.pt")


class Evil:
    """Leaves a mark where a pickle of it is obeyed."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("where", ["zip", "legacy", "pickle"])
def test_nothing_that_a_file_asks_for_is_done(where: str, tmp_path: Path) -> None:
    path, mark = tmp_path / "evil.pt", tmp_path / "mark"
    value = {"state_dict": nn.Linear(784, 10).state_dict(), "more": Evil(mark)}
    if where == "pickle":
        path.write_bytes(pickle.dumps(value))
    else:
        torch.save(value, path, _use_new_zipfile_serialization=where == "zip")
    assert list(read_weights(path).tensors) == ["weight", "bias"]
    assert not mark.exists()
    pickle.loads(pickle.dumps(Evil(mark)))
    assert mark.exists()  # it would have been


def test_weights_stay_as_they_were_read(tmp_path: Path) -> None:
    found = written("state dict", tmp_path)
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.prefix = "x"  # type: ignore[misc]
