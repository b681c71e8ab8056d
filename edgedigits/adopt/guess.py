"""The networks that tensors may belong to: every way of an image through them, every usual activation and pool.

Tensors do not say what stands between them. `candidates` makes a list of layers of each likely answer, the usual one
(relu, maximum pooling) first; which of them is right, training digits tell (`contest`).
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from edgedigits.adopt.built import with_columns
from edgedigits.adopt.geometry import Geometry, Place, Window, geometries
from edgedigits.adopt.modules import Module
from edgedigits.adopt.parts import NoFit, Stage, Trunk, read_trunk
from edgedigits.adopt.weights import Weights
from edgedigits.errors import UsageError
from edgedigits.records.arrays import Scores
from edgedigits.records.network import Input, Layer, Network

RESIZED = "resize"  # how a side other than 28 is reached, until it is asked
POOLS = ("max_pool", "avg_pool")
ACTIVATIONS: Mapping[str, tuple[str, Mapping[str, str]]] = {  # torch's modules: op, and its attributes by their names
    "ReLU": ("relu", {}),
    "LeakyReLU": ("leaky_relu", {"slope": "negative_slope"}),
    "Tanh": ("tanh", {}),
    "Sigmoid": ("sigmoid", {}),
    "ELU": ("elu", {"alpha": "alpha"}),
    "GELU": ("gelu", {"approximate": "approximate"}),
    "SiLU": ("silu", {}),
    "ReLU6": ("relu6", {}),
    "Hardswish": ("hardswish", {}),
}
POOLING = {"MaxPool2d": "max_pool", "AvgPool2d": "avg_pool"}
WEIGHTED = ("Conv2d", "Linear")
ORDERS = (  # behind a convolution, the usual one first
    ("norm", "act", "pool"),
    ("norm", "pool", "act"),
    ("act", "norm", "pool"),
    ("act", "pool", "norm"),
    ("pool", "norm", "act"),
    ("pool", "act", "norm"),
)

Activation = tuple[str, Mapping[str, Any]]  # an op and its attributes
USUAL: tuple[Activation, ...] = (("relu", {}), ("leaky_relu", {}), ("tanh", {}), ("sigmoid", {}))


@dataclass(frozen=True)
class Style:
    """What stands between layers with weights: the same everywhere in a network, where no module says otherwise.

    dense   the activation of dense layers, where it is another than that of convolutions
    order   in which what belongs to a convolution runs
    last    whether the output is activated too
    """

    activation: Activation = USUAL[0]
    dense: Activation | None = None
    pool: str = POOLS[0]
    order: tuple[str, ...] = ORDERS[0]
    last: bool = False


@dataclass(frozen=True)
class Candidate:
    """A network that tensors may belong to, and these by its names.

    words   its layers in words
    style   what stands between those with weights
    """

    network: Network
    tensors: Mapping[str, Scores]
    words: str
    style: Style


@dataclass(frozen=True)
class Clues:
    """What a file says beside its tensors, where it holds modules.

    settings      of convolutions, by name
    activations   those that there are; empty where none is a module
    behind        the one behind a layer, by its name, where there are several, and one behind each layer but the last
    pools         likewise
    windows       kernels and strides of pools
    last          whether the output is activated; None where that is not known
    """

    settings: Mapping[str, Mapping[str, Any]]
    activations: tuple[Activation, ...] = ()
    behind: Mapping[str, Activation] = field(default_factory=dict)
    pools: tuple[str, ...] = ()
    windows: tuple[Window, ...] = ()
    last: bool | None = None


@dataclass(frozen=True)
class Family:
    """The networks of one way through the convolutions, the usual one first; each is made when it is asked for.

    columns   of the scores, in the order of the classes that are asked for; None for all, as they stand
    """

    trunk: Trunk
    geometry: Geometry
    clues: Clues
    columns: tuple[int, ...] | None = None

    def __iter__(self) -> Iterator[Candidate]:
        """Those that compute different things. Raises NoFit where the columns cannot be picked."""
        known = set()
        for style in _styles(self.trunk, self.geometry, self.clues):
            made = _candidate(self.trunk, self.geometry, style, self.clues.behind)
            if (function := _function(made.network)) not in known:
                known.add(function)
                yield made if self.columns is None else _narrowed(made, self.columns)


def _narrowed(made: Candidate, columns: Sequence[int]) -> Candidate:
    network, tensors = with_columns(made.network, made.tensors, columns)
    return replace(made, network=network, tensors=tensors)


def candidates(weights: Weights, columns: Sequence[int] | None = None) -> list[Family]:
    """The networks that a file's tensors may belong to, by their way through the convolutions, the usual one first.

    columns   the classes to keep, where they are named

    Raises NoFit where there is none.
    """
    trunk, clues = read_trunk(weights), read_clues(weights.modules)
    picked = None if columns is None else tuple(columns)
    return [Family(trunk, geometry, clues, picked) for geometry in geometries(trunk, clues.settings, clues.windows)]


def read_clues(modules: Sequence[Module]) -> Clues:
    """What the modules of a file say, in the order in which they were made."""
    kinds = [module for module in modules if module.kind in {*ACTIVATIONS, *POOLING, *WEIGHTED}]
    acts = [module for module in kinds if module.kind in ACTIVATIONS]
    pools = [module for module in kinds if module.kind in POOLING]
    weighted = sum(module.kind in WEIGHTED for module in kinds)
    last = bool(kinds) and kinds[-1].kind in ACTIVATIONS and len(acts) == weighted
    return Clues(
        settings={module.name: module.settings for module in kinds if module.kind == "Conv2d"},
        activations=tuple({str(act): act for act in map(_activation, acts)}.values()),
        behind=_behind(kinds),
        pools=tuple(dict.fromkeys(POOLING[module.kind] for module in pools)),
        windows=tuple(dict.fromkeys(window for module in pools if (window := _window(module)))),
        last=last if acts else None,
    )


def _behind(modules: Sequence[Module]) -> Mapping[str, Activation]:
    """The activation behind each layer with weights, in the order in which modules were made: one each, or nothing."""
    found: dict[str, list[Activation]] = {}
    for module in modules:
        if module.kind in WEIGHTED:
            found[module.name] = []
        elif module.kind in ACTIVATIONS and found:
            found[next(reversed(found))].append(_activation(module))
    one_each = all(len(acts) == 1 for acts in list(found.values())[:-1])
    if not one_each or len({str(acts) for acts in found.values() if acts}) < 2:
        return {}
    return {name: acts[0] for name, acts in found.items() if acts}


def _activation(module: Module) -> Activation:
    op, names = ACTIVATIONS[module.kind]
    return op, {ours: module.settings[theirs] for ours, theirs in names.items() if theirs in module.settings}


def _window(module: Module) -> Window | None:
    """Kernel and stride of a square pool."""
    sizes = [module.settings.get(name) for name in ("kernel_size", "stride")]
    sides = [size[0] if isinstance(size, tuple | list) and len(set(size)) == 1 else size for size in sizes]
    kernel, stride = sides[0], sides[1] or sides[0]
    return (kernel, stride) if isinstance(kernel, int) and isinstance(stride, int) else None


def _styles(trunk: Trunk, geometry: Geometry, clues: Clues) -> Iterator[Style]:
    """What may stand between the layers; the usual style is the first."""
    pooled = any(place.pooled for place in geometry.places)
    lasts = (False, True) if clues.last is None else (clues.last,)
    for last, order, pool, (activation, dense) in itertools.product(
        lasts,
        ORDERS if trunk.convs else ORDERS[:3:2],
        (clues.pools or POOLS) if pooled else POOLS[:1],
        list(_activations(trunk, clues)),
    ):
        if not last or activation[0] == "relu" or clues.last:  # of those that squash, nobody makes logits
            yield Style(activation, dense, pool, order, last)


def _activations(trunk: Trunk, clues: Clues) -> Iterator[tuple[Activation, Activation | None]]:
    """Of convolutions, and of dense layers where they are others: only modules tell that there are two."""
    known = clues.activations or USUAL
    if clues.behind:
        yield known[0], None
        return
    yield from ((activation, None) for activation in known)
    if trunk.convs and trunk.denses and len(clues.activations) == 2:
        yield from itertools.permutations(clues.activations, 2)


def _function(network: Network) -> str:
    """What a network computes, in words: the same where pools and activations only change places for nothing."""
    described = network.describe()
    for op in ("relu", "leaky_relu", "tanh", "sigmoid", "relu6"):
        for pool in [layer for layer in described.split(", ") if layer.startswith("max_pool")]:
            described = described.replace(f"{pool}, {op}", f"{op}, {pool}")  # both keep the order of values
    return described


def _candidate(trunk: Trunk, geometry: Geometry, style: Style, behind: Mapping[str, Activation]) -> Candidate:
    made = _Making(style, geometry, behind)
    channels = trunk.convs[0].part.weight.shape[1] if trunk.convs else 1
    made.channels = channels
    for stage, place in zip(trunk.convs, geometry.places, strict=True):
        made.conv(stage, place, last=not trunk.denses and stage is trunk.convs[-1])
    made.end_convs()
    for stage in trunk.denses:
        made.dense(stage, last=stage is trunk.denses[-1])
    seen = Input("rgb" if channels == 3 else "nchw", geometry.side, fit=None if geometry.side == 28 else RESIZED)
    try:
        network = Network(tuple(made.layers), seen)
    except UsageError as error:
        raise NoFit(str(error)) from error
    return Candidate(network, made.tensors, ", ".join(made.words), style)


class _Making:
    """A list of layers in the making, with its tensors and its words."""

    def __init__(self, style: Style, geometry: Geometry, behind: Mapping[str, Activation]) -> None:
        self.style = style
        self.behind = behind
        self.geometry = geometry
        self.layers: list[Layer] = []
        self.tensors: dict[str, Scores] = {}
        self.words: list[str] = []
        self.channels = 1
        self.slopes: dict[str, str] = {}  # of a PReLU: the layer that has them, by the name of their part

    def conv(self, stage: Stage, place: Place, last: bool) -> None:
        """A convolution and what belongs to it."""
        weight = stage.part.weight
        groups = self.channels // weight.shape[1]
        kernel, padding, stride = weight.shape[2:], place.padding, place.stride
        said = [f"padding {padding}"] * bool(padding) + [f"stride {stride}"] * (stride > 1)
        said += [f"{groups} groups"] * (groups > 1)
        self._weighted(
            stage, said, channels=weight.shape[0], kernel=kernel, padding=padding, stride=stride, groups=groups
        )
        self.channels = weight.shape[0]
        for what in self.style.order:
            if what == "norm":
                self._norm(stage)
            elif what == "act" and (not last or self.style.last):
                self._act(stage)
            elif what == "pool" and place.pooled:
                self._pool(stage)

    def end_convs(self) -> None:
        """From planes to a row of values."""
        name = "mean" if self.geometry.mean else "flatten"
        self._add(Layer(name, self._free(name)), "global mean" if self.geometry.mean else name)

    def dense(self, stage: Stage, last: bool) -> None:
        """A dense layer and what belongs to it."""
        self._weighted(stage, [], features=stage.part.weight.shape[0])
        for what in self.style.order:
            if what == "norm":
                self._norm(stage)
            elif what == "act" and (not last or self.style.last):
                self._act(stage)

    def _weighted(self, stage: Stage, said: list[str], **attributes: Any) -> None:
        part = stage.part
        layer = Layer.of(part.op, part.name, bias="bias" in part.tensors, **attributes)
        self._add(layer, part.name + (f" ({', '.join(said)})" if said else ""))
        self._take(part.name, part.tensors)

    def _norm(self, stage: Stage) -> None:
        if stage.norm:
            self._add(Layer.of("batch_norm", stage.norm.name, affine="weight" in stage.norm.tensors), stage.norm.name)
            self._take(stage.norm.name, stage.norm.tensors)

    def _act(self, stage: Stage) -> None:
        if stage.slopes is None:
            usual = self.style.dense or self.style.activation if stage.part.op == "dense" else self.style.activation
            op, attributes = self.behind.get(stage.part.name, usual)
            self._add(Layer(op, self._free(f"{stage.part.name}_{op}"), (), attributes), op.replace("_", " "))
            return
        slopes = stage.slopes
        owner = self.slopes.setdefault(slopes.name, slopes.name)
        first = owner not in {layer.name for layer in self.layers}
        name = owner if first else self._free(f"{stage.part.name}_prelu")
        layer = Layer("prelu", name, (), {"slopes": slopes.outputs}, None if first else owner)
        self._add(layer, f"prelu {slopes.name}")
        self._take(slopes.name, slopes.tensors)

    def _pool(self, stage: Stage) -> None:
        kernel, stride = self.geometry.window
        layer = Layer.of(self.style.pool, self._free(f"{stage.part.name}_pool"), kernel=kernel, stride=stride)
        kind = "max pool" if self.style.pool == "max_pool" else "average pool"
        self._add(layer, f"{kind} {kernel}" + (f" (stride {stride})" if stride != kernel else ""))

    def _add(self, layer: Layer, words: str) -> None:
        self.layers.append(layer)
        self.words.append(words)

    def _take(self, name: str, tensors: Mapping[str, Scores]) -> None:
        self.tensors |= {f"{name}.{part}": tensor for part, tensor in tensors.items()}

    def _free(self, name: str) -> str:
        """A name that no layer has."""
        taken = {layer.name for layer in self.layers}
        while name in taken:
            name += "_"
        return name
