"""A class to fill in, for tensors of which no network was made: its layers are there, what is between them is not."""

from collections.abc import Iterator

from edgedigits.adopt.weights import Weights

MOST_LINES = 12  # of layers
HEAD = "Fill in what runs when, and name it with --net net.py:Net:"


def skeleton(weights: Weights) -> str:
    """The source of a torch module with a file's layers, and how it is adopted."""
    layers = list(_layers(weights))
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


def _layers(weights: Weights) -> Iterator[str]:
    """A line for each layer, in the order of the file."""
    names = dict.fromkeys(name.rpartition(".")[0] for name in weights.tensors)
    for name in names:
        shapes = {
            full.rpartition(".")[2]: tensor.shape
            for full, tensor in weights.tensors.items()
            if full.rpartition(".")[0] == name
        }
        yield f"        self.{name} = {_module(shapes)}"


def _module(shapes: dict[str, tuple[int, ...]]) -> str:
    """The module that has tensors of these shapes, as far as they tell."""
    weight = shapes.get("weight", ())
    bias = "" if "bias" in shapes else ", bias=False"
    if "running_mean" in shapes:
        return f"nn.BatchNorm2d({shapes['running_mean'][0]})"
    if len(weight) == 4:
        kernel = weight[2] if weight[2] == weight[3] else weight[2:]
        return f"nn.Conv2d({weight[1]}, {weight[0]}, {kernel}{bias})"
    if len(weight) == 2:
        return f"nn.Linear({weight[1]}, {weight[0]}{bias})"
    return "...  # " + ", ".join(f"{name} {list(shape)}" for name, shape in shapes.items())
