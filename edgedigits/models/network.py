"""A network as a torch module, made from its list of layers by one walk."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from edgedigits.records.network import INPUT, Network, refused
from edgedigits.system.plugins import resolved


@dataclass(frozen=True)
class Step:
    """A layer at work. Its module is looked up each time, since quantization puts another in its place.

    folder, key   the module that holds its own, and its name there
    inputs        names of what it reads; empty: what the step before gave
    kept          whether a later step asks for what it gives, by its name
    """

    name: str
    folder: nn.Module
    key: str
    inputs: tuple[str, ...]
    kept: bool


class Walk(nn.Module):
    """The layers, one after the other, from what the first sees, float `[batch, ...]`, to what the last gives.

    A layer's module is where its name says, `features.0` in `self.features`, so the state dict has the layers' names.
    Raises UsageError where a name is one that torch does not take.

    listed   what it is made from
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.listed = network
        for layer, inputs in network.steps():
            if layer.tied is None:
                form: Any = resolved(layer.row.form)
                self._place(layer.name, form(layer.values, tuple(network.shapes[name] for name in inputs)))
        self._steps = self._planned(network)

    def _place(self, name: str, module: nn.Module) -> None:
        """Put a layer's module where its name says."""
        folder: nn.Module = self
        *folders, last = name.split(".")
        try:
            for part in folders:
                if not isinstance(getattr(folder, part, None), nn.Module):
                    folder.add_module(part, nn.Module())
                folder = getattr(folder, part)
            folder.add_module(last, module)
        except KeyError as error:
            raise refused(name, "torch modules have something else of this name") from error

    def _planned(self, network: Network) -> tuple[Step, ...]:
        """What is done in order; what the next layer alone reads needs no name."""
        before, read = INPUT, []
        for layer, inputs in network.steps():
            read.append(() if inputs == (before,) else inputs)
            before = layer.name
        named = {name for inputs in read for name in inputs}
        steps = []
        for layer, inputs in zip(network.layers, read, strict=True):
            folder, _, key = (layer.tied or layer.name).rpartition(".")
            steps.append(Step(layer.name, self.get_submodule(folder), key, inputs, layer.name in named))
        return tuple(steps)

    def forward(self, x: Tensor) -> Tensor:
        """What the last layer gives, `[batch, classes]`."""
        kept = {INPUT: x}
        for step in self._steps:
            module: Any = step.folder._modules[step.key]  # many times faster than an attribute of a module
            x = module(*(kept[name] for name in step.inputs)) if step.inputs else module(x)
            if step.kept:
                kept[step.name] = x
        return x
