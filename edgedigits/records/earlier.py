"""How the first version described a network: by the name of a family, and the widths of its layers.

Its checkpoints and manifests are read on. And where a network is one that it had words for, the weights file still says
them: a file's SHA-256 is the checkpoint's name everywhere, so the same training has to give the same bytes.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from edgedigits.errors import RecordError, UsageError, unknown
from edgedigits.records.network import IMAGE_SHAPE, Input, Layer, Network
from edgedigits.records.record import Record, require


@dataclass(frozen=True)
class EarlierSpec(Record):
    """What a ModelSpec was.

    family       "fc" or "cnn"
    params       widths of its layers: `hidden`, and of a cnn `blocks`
    mean, std    of the pixels after scaling to 0..1
    """

    family: str
    params: Mapping[str, Any]
    labels: tuple[str, ...] = tuple("0123456789")
    mean: float = 0.0
    std: float = 1.0
    input_shape: tuple[int, ...] = IMAGE_SHAPE

    def __post_init__(self) -> None:
        require(self.input_shape == IMAGE_SHAPE, "input_shape", f"{IMAGE_SHAPE}", self.input_shape)

    @property
    def network(self) -> Network:
        """The layers that it stands for. Raises UsageError where it stands for none."""
        if self.family not in FAMILIES:
            raise unknown("network", self.family, FAMILIES)
        try:
            layers = FAMILIES[self.family][0](len(self.labels), **self.params)
            return Network(layers, Input(mean=self.mean, std=self.std))
        except (TypeError, UsageError) as error:
            message = f"network '{self.family}' cannot take the parameters {dict(self.params)}: {error}"
            raise UsageError(message) from error

    @classmethod
    def of(cls, network: Network, labels: tuple[str, ...]) -> "EarlierSpec | None":
        """The words for a network; None where the first version had none."""
        seen = network.input
        plain = seen == Input(mean=seen.mean, std=seen.std)
        for family, (layers, params) in FAMILIES.items():
            found = params(network.layers)
            if plain and layers(len(labels), **found) == network.layers:
                return cls(family, found, labels, seen.mean, seen.std)
        return None


def modernized(data: dict[str, Any], where: str) -> dict[str, Any]:
    """A ModelSpec's JSON, from that of an EarlierSpec. Raises RecordError; `where` is what it calls the record."""
    spec = EarlierSpec.from_dict(data, where)
    try:
        return {"network": spec.network.to_dict(), "labels": list(spec.labels)}
    except UsageError as error:
        raise RecordError(f"{where}: {error}") from error


def _dense(prefix: str, widths: tuple[int, ...]) -> Iterator[Layer]:
    """Dense layers, with ReLU between them and none on the output."""
    for place, width in enumerate(widths):
        if place:
            yield Layer("relu", f"{prefix}.{2 * place - 1}")
        yield Layer.of("dense", f"{prefix}.{2 * place}", features=width)


def _fc(classes: int, hidden: tuple[int, ...]) -> tuple[Layer, ...]:
    return (Layer("flatten", "flatten"), *_dense("layers", (*hidden, classes)))


def _cnn(classes: int, blocks: tuple[tuple[int, ...], ...], hidden: tuple[int, ...] = ()) -> tuple[Layer, ...]:
    """Blocks of 3x3 convolutions, each halved by pooling before its last ReLU, then dense layers."""
    return (*_features(blocks), Layer("flatten", "flatten"), *_dense("head", (*hidden, classes)))


def _features(blocks: tuple[tuple[int, ...], ...]) -> Iterator[Layer]:
    names = (f"features.{place}" for place in itertools.count())
    for widths in blocks:
        for place, width in enumerate(widths, start=1):
            yield Layer.of("conv", next(names), channels=width, kernel=3, padding=1)
            if place == len(widths):
                yield Layer.of("max_pool", next(names), kernel=2)
            yield Layer("relu", next(names))


def _hidden(layers: tuple[Layer, ...]) -> tuple[int, ...]:
    return tuple(layer.attributes["features"] for layer in layers if layer.op == "dense")[:-1]


def _fc_params(layers: tuple[Layer, ...]) -> dict[str, Any]:
    return {"hidden": _hidden(layers)}


def _cnn_params(layers: tuple[Layer, ...]) -> dict[str, Any]:
    """A block ends where something is pooled."""
    blocks: list[tuple[int, ...]] = [()]
    for layer in layers:
        if layer.op == "conv":
            blocks[-1] += (layer.attributes["channels"],)
        if layer.op == "max_pool":
            blocks.append(())
    hidden = _hidden(layers)
    return {"blocks": tuple(blocks[:-1])} | ({"hidden": hidden} if hidden else {})


FAMILIES: Mapping[str, tuple[Callable[..., tuple[Layer, ...]], Callable[[tuple[Layer, ...]], dict[str, Any]]]] = {
    "fc": (_fc, _fc_params),  # from classes and parameters to layers, and from layers to parameters
    "cnn": (_cnn, _cnn_params),
}
