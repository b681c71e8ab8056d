"""Ways in which people save a network: each takes one and a path, and writes the file."""

import argparse
import json
import pickle
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import nn

from tests.adopt.networks import Trainer, Wrapped

Save = Callable[[nn.Module, Path], None]


def plain(make: Callable[[nn.Module], Any], legacy: bool = False) -> Save:
    """With torch.save, in its zip format or the one before."""
    return lambda model, path: torch.save(make(model), path, _use_new_zipfile_serialization=not legacy)


def pickled(make: Callable[[nn.Module], Any], protocol: int) -> Save:
    """With the standard library's pickle."""
    return lambda model, path: path.write_bytes(pickle.dumps(make(model), protocol)) and None


def state(model: nn.Module) -> dict[str, torch.Tensor]:
    """Its state dict."""
    return model.state_dict()


def checkpoint(model: nn.Module) -> dict[str, Any]:
    """With what training leaves beside the weights: optimizer, numbers of numpy, options, a losses' list."""
    optimizer = torch.optim.Adam(model.parameters())
    return {
        "epoch": 3,
        "best": np.float64(0.98),
        "when": np.datetime64("2020-01-01"),
        "args": argparse.Namespace(lr=0.1, names=["a"]),
        "losses": [0.5, 0.25],
        "confusion": np.zeros((10, 10)),
        "optimizer_state_dict": optimizer.state_dict(),
        "model_state_dict": model.state_dict(),
    }


def arrays(model: nn.Module) -> dict[str, np.ndarray]:
    """Arrays of numpy by name; the matrix is stored column by column."""
    found = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    return {**found, "fc.weight": np.asfortranarray(found["fc.weight"])}


def scripted(how: Callable[[nn.Module], Any]) -> Save:
    """As TorchScript."""

    def save(model: nn.Module, path: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.jit.save(how(model), path)

    return save


def trace(model: nn.Module) -> Any:
    """Its TorchScript, from one example."""
    return torch.jit.trace(model, torch.zeros(1, 1, 28, 28))


def old_script(model: nn.Module, path: Path) -> None:
    """TorchScript as torch 1.0 to 1.3 wrote it: modules in JSON, with text where there are large numbers."""
    tensors, records = [], {}

    def describe(module: nn.Module, name: str) -> dict[str, Any]:
        own = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
        parameters = []
        for key, tensor in own:
            records[f"tensors/{len(tensors)}"] = tensor.detach().numpy().tobytes()
            parameters.append({"name": key, "tensorId": str(len(tensors)), "isBuffer": key not in module._parameters})
            tensors.append(
                {
                    "dims": [str(side) for side in tensor.shape],
                    "strides": [str(stride) for stride in tensor.stride()],
                    "offset": "0",
                    "dataType": "FLOAT" if tensor.is_floating_point() else "INT64",
                    "data": {"key": f"tensors/{len(tensors)}"},
                    "device": "cpu",
                }
            )
        inside = [describe(child, key) for key, child in module.named_children()]
        arena = {"key": f"code/{name or 'net'}.py"}
        return {"name": name, "parameters": parameters, "submodules": inside, "torchscriptArena": arena}

    main = describe(model, "")
    with zipfile.ZipFile(path, "w") as target:
        target.writestr("net/model.json", json.dumps({"protoVersion": "2", "mainModule": main, "tensors": tensors}))
        for key, content in records.items():
            target.writestr(f"net/{key}", content)


def as_safetensors(model: nn.Module, path: Path) -> None:
    """With Hugging Face's library, which sorts the names."""
    safetensors.torch.save_file({name: tensor.contiguous() for name, tensor in state(model).items()}, path)


WAYS: dict[str, Save] = {
    "state dict": plain(state),
    "state dict, legacy": plain(state, legacy=True),
    "checkpoint": plain(checkpoint),
    "checkpoint, legacy": plain(checkpoint, legacy=True),
    "checkpoint in a checkpoint": plain(lambda model: {"state": {"net": state(model)}, "step": 1}),
    "wrapper of an unknown name": plain(lambda model: {"digits": state(model), "optimizer": {"state": {}}}),
    "moving average": plain(lambda model: {"model_ema": state(model), "epoch": 1}),
    "DataParallel": plain(lambda model: state(nn.DataParallel(model))),
    "several prefixes": plain(lambda model: state(nn.DataParallel(Wrapped(model)))),
    "compiled": plain(lambda model: {f"_orig_mod.{name}": tensor for name, tensor in state(model).items()}),
    "whole module": plain(lambda model: model),
    "whole module, legacy": plain(lambda model: model, legacy=True),
    "whole module in a checkpoint": plain(lambda model: {"epoch": 1, "model": model}),
    "whole module, wrapped": plain(Wrapped),
    "an object that holds it": plain(Trainer),
    "whole module, compiled": plain(torch.compile),
    "whole module of torch.fx": plain(torch.fx.symbolic_trace),
    "with another in a tuple": plain(lambda model: (state(model), 3, {"lr": 0.1})),
    "parameters": plain(lambda model: dict(model.named_parameters()) | dict(model.named_buffers())),
    "pickle 0": pickled(state, 0),
    "pickle 2": pickled(state, 2),
    "pickle 4": pickled(state, 4),
    "pickle 5": pickled(state, 5),
    "pickled module": pickled(lambda model: model, 4),
    "arrays, pickle 0": pickled(arrays, 0),
    "arrays, pickle 2": pickled(arrays, 2),
    "arrays, pickle 5": pickled(arrays, 5),
    "arrays": plain(arrays),
    "mappings of layers": plain(
        lambda model: {name: dict(layer.state_dict()) for name, layer in model.named_children() if layer.state_dict()}
    ),
    "script": scripted(torch.jit.script),
    "trace": scripted(trace),
    "script, old": old_script,
    "safetensors": as_safetensors,
    "without the count of batches": plain(
        lambda model: {name: tensor for name, tensor in state(model).items() if "num_batches" not in name}
    ),
    "operations counted": plain(lambda model: {**state(model), "total_ops": torch.zeros(1, dtype=torch.float64)}),
    "observed": plain(
        lambda model: {
            **state(model),
            "conv.weight_fake_quant.scale": torch.ones(3),
            "conv.activation_post_process.min_val": torch.zeros(()),
            "quant.scale": torch.ones(1),
            "quant.zero_point": torch.zeros(1, dtype=torch.int64),
        }
    ),
    "a view, transposed in memory": plain(
        lambda model: {**state(model), "fc.weight": state(model)["fc.weight"].t().contiguous().t()}
    ),
    "a part of a larger tensor": plain(
        lambda model: {**state(model), "fc.bias": torch.cat([torch.zeros(5), state(model)["fc.bias"]])[5:]}
    ),
    "doubles": plain(lambda model: {name: tensor.double() for name, tensor in state(model).items()}),
}
