"""The network as data: one list of layers, read by everything that has to know it.

    Input    how an image, uint8 [28, 28], becomes what the first layer sees
    Layer    op, name, attributes, and the names of the layers that it reads
    Network  the input and the layers, in the order in which they run

A layer's tensors are `<name>.weight`, `<name>.bias`, ...: names are the prefixes of the state dict. Shapes are inferred
by one walk (`Network.shapes`), which finds what contradicts itself, by the layer's name; so no Network exists whose
layers do not fit. What an op is, its row in `records/ops.py` says.
"""

import functools
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from edgedigits.errors import UsageError, unknown
from edgedigits.records.arguments import checked
from edgedigits.records.attributes import REQUIRED, Attribute
from edgedigits.records.graph import INPUT as INPUT
from edgedigits.records.ops import OPS, Op, Shape, Shapes, Weight
from edgedigits.records.record import OPTIONAL, Record, require

IMAGE_SHAPE = (28, 28)
MOST_LAYERS = 10_000
MOST_VALUES = 2**24  # that a layer gives for one image
MOST_NAME = 255  # characters of a layer's name
LAYOUTS: Mapping[str, tuple[int, ...]] = {  # of one image; 0 stands for the side, -1 for all pixels
    "nchw": (1, 0, 0),
    "nhw": (0, 0),
    "flat": (-1,),
    "nhwc": (0, 0, 1),
    "rgb": (3, 0, 0),  # three times the same
}
INKS = ("light", "dark")
FITS = ("pad", "pad-last", "resize")


@checked
@dataclass(frozen=True)
class Input(Record):
    """How an image, uint8 [28, 28], background 0 and ink 255, becomes what the first layer sees; in this order:

    turned      rows and columns are exchanged, as in EMNIST's files
    threshold   pixels above it become 255, the others 0; None: they stay as they are
    ink         "dark": the image is inverted
    fit         how a side other than 28 is reached: "pad" with paper, "pad-last" with zeros after normalizing,
                "resize" bilinearly
    side        of the square that the network sees, in pixels
    range       what 0 and 255 become
    mean, std   then subtracted, and divided by
    own         whether each image's own mean and standard deviation are, instead
    layout      one of LAYOUTS, for the batch: "nchw" is [N, 1, side, side], "flat" [N, side * side]
    """

    layout: str = "nchw"
    side: int = IMAGE_SHAPE[0]
    range: tuple[float, ...] = (0.0, 1.0)
    mean: float = 0.0
    std: float = 1.0
    ink: str = "light"
    turned: bool = False
    own: bool = False
    fit: str | None = field(default=None, metadata=OPTIONAL)
    threshold: int | None = field(default=None, metadata=OPTIONAL)

    def __post_init__(self) -> None:
        require(self.layout in LAYOUTS, "layout", " or ".join(LAYOUTS), self.layout)
        require(1 <= self.side <= 1024, "side", "1 to 1024 pixels", self.side)
        finite = len(self.range) == 2 and all(abs(end) < math.inf for end in self.range)
        require(finite and self.range[0] < self.range[1], "range", "what 0 and 255 become, rising,", self.range)
        require(abs(self.mean) < math.inf, "mean", "a finite number", self.mean)
        require(0 < self.std < math.inf, "std", "a positive number", self.std)
        require(self.ink in INKS, "ink", " or ".join(INKS), self.ink)
        require(self.threshold is None or 0 <= self.threshold <= 254, "threshold", "0 to 254", self.threshold)
        require(self.fit is None or self.fit in FITS, "fit", " or ".join(FITS), self.fit)
        same = self.side == IMAGE_SHAPE[0]
        require(
            same == (self.fit is None), "fit", f"one for a side of other than {IMAGE_SHAPE[0]}, and only then", self.fit
        )
        require(
            same or self.fit == "resize" or self.side > IMAGE_SHAPE[0], "fit", "resize for a smaller side", self.fit
        )

    @property
    def shape(self) -> Shape:
        """Of one image as the first layer sees it."""
        return tuple({0: self.side, -1: self.side**2}.get(size, size) for size in LAYOUTS[self.layout])


@checked
@dataclass(frozen=True)
class Layer(Record):
    """One layer.

    op          a row of `ops.OPS`
    name        the prefix of its tensors in the state dict, and what other layers call it
    inputs      names of earlier layers, or INPUT; empty: the layer before, the first one reads INPUT
    attributes  as the op's row names them; those that have their default value are left out
    tied        an earlier layer of the same op and attributes, whose tensors are its own too; None: it has its own
    """

    op: str
    name: str
    inputs: tuple[str, ...] = field(default=(), metadata=OPTIONAL)
    attributes: Mapping[str, Any] = field(default_factory=dict, metadata=OPTIONAL)
    tied: str | None = field(default=None, metadata=OPTIONAL)

    def __post_init__(self) -> None:
        require_name(self.name)
        try:
            object.__setattr__(self, "attributes", _read(self.row, self.attributes))
        except UsageError as error:
            raise refused(self.name, str(error)) from error

    @classmethod
    def of(cls, op: str, name: str, *inputs: str, **attributes: Any) -> "Layer":
        """The same, written shorter."""
        return cls(op, name, inputs, attributes)

    @property
    def row(self) -> Op:
        """What its op is. Raises UsageError, with the nearest name; MissingCapability where a plug-in does not load."""
        return OPS[self.op]

    @property
    def values(self) -> Mapping[str, Any]:
        """All its attributes, also those that have their default value."""
        return {name: attribute.default for name, attribute in self.row.attributes.items()} | dict(self.attributes)


def refused(layer: str, reason: str) -> UsageError:
    """The error of a layer that cannot be as it is described."""
    return UsageError(f"layer '{layer}': {reason}")


def require_name(name: str) -> None:
    """Raise UsageError where a layer cannot be called so, since a state dict could not."""
    parts = name.split(".")
    plain = all(parts) and name.isprintable() and not name.startswith("@") and len(name) <= MOST_NAME
    require(plain, "name", "printable words with dots between them", name[:MOST_NAME])


def _read(row: Op, given: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes in their one form, in the order of the row, without those that have their default value."""
    for name in given:
        if name not in row.attributes:
            raise unknown("attribute", str(name), row.attributes or ["none"])
    found = {}
    for name, attribute in row.attributes.items():
        if name in given:
            found[name] = _value(name, attribute, given[name])
        elif attribute.default is REQUIRED:
            raise UsageError(f"{name}: {attribute.wanted} wanted, nothing given")
    return {name: value for name, value in found.items() if value != row.attributes[name].default}


def _value(name: str, attribute: Attribute, given: Any) -> Any:
    try:
        return attribute.read(given)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{name}: {attribute.wanted} wanted, {given!r:.60} given") from error


@checked
@dataclass(frozen=True)
class Network(Record):
    """A network: layers in the order in which they run. Raises UsageError, which names the layer that does not fit."""

    layers: tuple[Layer, ...]
    input: Input = Input()

    def __post_init__(self) -> None:
        require(1 <= len(self.layers) <= MOST_LAYERS, "layers", f"1 to {MOST_LAYERS:,}", len(self.layers))
        _require_names([layer.name for layer in self.layers])
        self._require_read()
        self._require_tied()

    def _require_read(self) -> None:
        """Every layer reads what comes before it, and is read, but for the last."""
        names = {layer.name for layer in self.layers}
        before, read = {INPUT}, set[str]()
        for layer, inputs in self.steps():
            for name in inputs:
                if name not in before:
                    what = "does not come before it" if name in names else "is no layer"
                    raise refused(layer.name, f"reads '{name}', which {what}")
            before.add(layer.name)
            read.update(inputs)
        for layer in self.layers[:-1]:
            if layer.name not in read:
                raise refused(layer.name, "no layer reads what it gives")

    def _require_tied(self) -> None:
        """Layers that share tensors would hold the same ones."""
        own: dict[str, tuple[str, Any, Any]] = {}
        for layer, inputs in self.steps():
            kind = layer.op, layer.attributes, self._held(layer, inputs)
            if layer.tied is None:
                own[layer.name] = kind
            elif own.get(layer.tied) != kind:
                raise refused(layer.name, f"is tied to '{layer.tied}', which is no earlier layer with the same tensors")

    def steps(self) -> Iterator[tuple[Layer, tuple[str, ...]]]:
        """Each layer, with the names of what it reads."""
        before = INPUT
        for layer in self.layers:
            yield layer, layer.inputs or (before,)
            before = layer.name

    @functools.cached_property
    def shapes(self) -> Mapping[str, Shape]:
        """What each layer gives of one image, by its name, and what the first is given, by INPUT."""
        shapes = {INPUT: self.input.shape}
        for layer, inputs in self.steps():
            shapes[layer.name] = _shape(layer, tuple(shapes[name] for name in inputs))
        return shapes

    @functools.cached_property
    def weights(self) -> Mapping[str, Weight]:
        """All its tensors, by their names in the state dict, in the order of the layers."""
        found: dict[str, Weight] = {}
        for layer, inputs in self.steps():
            if layer.tied is None:
                found |= {f"{layer.name}.{name}": weight for name, weight in self._held(layer, inputs).items()}
        return found

    def _held(self, layer: Layer, inputs: tuple[str, ...]) -> Mapping[str, Weight]:
        return layer.row.weights(self.shapes[inputs[0]], layer.values)

    @property
    def parameters(self) -> int:
        """How many numbers training changes."""
        return sum(math.prod(weight.shape) for weight in self.weights.values() if weight.learned)

    @property
    def bits(self) -> int | None:
        """The most bits that a weight was trained with; None where no layer says how many."""
        return max((layer.values["bits"] for layer in self.layers if layer.values.get("bits")), default=None)

    @property
    def opaque(self) -> Layer | None:
        """The first layer of which torch alone knows what it computes; None where there is none."""
        return next((layer for layer in self.layers if layer.row.opaque), None)

    @property
    def output(self) -> str:
        """What it gives: "logits", "log-probabilities" or "probabilities"."""
        return self.layers[-1].row.gives

    def with_classes(self, classes: int) -> "Network":
        """The same, but that the last layer that says how many values it gives, gives one a class."""
        for place in reversed(range(len(self.layers))):
            layer = self.layers[place]
            if layer.row.width:
                changed = replace(layer, attributes={**layer.attributes, layer.row.width: classes})
                return replace(self, layers=(*self.layers[:place], changed, *self.layers[place + 1 :]))
        raise UsageError("layers: one that says how many values it gives wanted, or the classes cannot be changed")

    def describe(self) -> str:
        """Its layers in a line of words."""
        return ", ".join(" ".join((layer.op, *map(_word, layer.attributes.items()))) for layer in self.layers)


def _word(attribute: tuple[str, Any]) -> str:
    return f"{attribute[0]}={attribute[1]}".replace(" ", "")


def _require_names(names: list[str]) -> None:
    """No two layers have a name, and none a name inside another's, where that one's tensors are."""
    known = Counter(names)
    for name, times in known.items():
        if times > 1:
            raise refused(name, f"{times} layers have this name")
        outer = {name[: dot.start()] for dot in re.finditer(r"\.", name)}
        if inside := outer & known.keys():
            raise refused(name, f"its name lies inside that of layer '{min(inside)}'")


def _shape(layer: Layer, inputs: Shapes) -> Shape:
    """What a layer gives. Raises UsageError where that cannot be."""
    several = layer.row.several
    if (len(inputs) > 1) != several:
        wanted = "two inputs or more" if several else "one input"
        raise refused(layer.name, f"{layer.op} takes {wanted}, {len(inputs)} given")
    try:
        shape = layer.row.shape(inputs, layer.values)
    except ValueError as error:
        raise refused(layer.name, f"{layer.op}: {error}") from error
    if math.prod(shape) > MOST_VALUES:
        raise refused(layer.name, f"gives {math.prod(shape):,} values an image, at most {MOST_VALUES:,} wanted")
    return shape
