"""The layers with weights that a file of tensors holds, in the order in which they seem to run.

    Part    one layer's tensors
    Stage   a convolution or a dense layer, with what belongs to it: its batch norm, the slopes of its PReLU
    Trunk   all stages: convolutions first, then dense layers

What has no weights (activations, pools, where things are flattened) is not here: `geometry` and `guess` find it.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from edgedigits.adopt.weights import Weights
from edgedigits.errors import CheckpointError
from edgedigits.records.arrays import Scores

CHANNELS = (1, 3)  # that the first convolution may see: gray, or three times the same
TAKEN = {  # op of a layer, by the names of its tensors and the axes of its weight
    ("weight", 4): "conv",
    ("weight", 2): "dense",
    ("weight", 1): "prelu",
    ("running_mean", 1): "batch_norm",
}
MOST_STEPS = 10_000  # of the search for an order
ALONE = "layer"  # the name of one whose tensors have none


class NoFit(CheckpointError):
    """Tensors of which no network is made here; the message says why, and what to do."""


@dataclass(frozen=True)
class Part:
    """A layer's tensors, by the last parts of their names; its own name is what stands before.

    op   "conv", "dense", "batch_norm" or "prelu"
    """

    op: str
    name: str
    tensors: Mapping[str, Scores]

    @property
    def outputs(self) -> int:
        """Channels or values that it gives."""
        return len(self.tensors["running_mean"] if self.op == "batch_norm" else self.weight)

    @property
    def weight(self) -> Scores:
        """Its weight."""
        return self.tensors["weight"]


@dataclass(frozen=True)
class Stage:
    """A convolution or a dense layer, and what belongs to it.

    gap   how many layers without weights stand between it and the next stage, where the names tell: "features.0"
          and "features.3" leave two; else None
    """

    part: Part
    norm: Part | None = None
    slopes: Part | None = None
    gap: int | None = None

    @property
    def parts(self) -> list[Part]:
        """All of it."""
        return [part for part in (self.part, self.norm, self.slopes) if part]


@dataclass(frozen=True)
class Trunk:
    """A network's stages, each of which takes what the one before gives."""

    convs: tuple[Stage, ...]
    denses: tuple[Stage, ...]

    @property
    def stages(self) -> tuple[Stage, ...]:
        """All, in order."""
        return self.convs + self.denses


def read_trunk(weights: Weights) -> Trunk:
    """The stages of a network without branches. Raises NoFit where the tensors are none of such a one."""
    parts = _parts(weights)
    taken = {part.weight.shape[1] for part in parts if part.op == "conv"}
    if taken and not taken & {*CHANNELS}:
        raise NoFit(f"none of its convolutions takes 1 or 3 channels, as digits have, the first takes {min(taken)}")
    order = list if weights.ordered else _natural
    convs = _chain([part for part in parts if part.op == "conv"], _follows_conv, order)
    denses = _chain([part for part in parts if part.op == "dense"], _follows_dense, order)
    if not (convs or denses):
        raise NoFit("neither a convolution nor a dense layer is in it")
    if denses and convs and denses[0].weight.shape[1] % convs[-1].outputs:
        raise NoFit(
            f"'{denses[0].name}' takes {denses[0].weight.shape[1]:,} values, no multiple of the {convs[-1].outputs} "
            f"channels of '{convs[-1].name}'"
        )
    stages = _with_norms([*convs, *denses], parts, weights.ordered)
    stages = [replace(stage, gap=_gap(stage, after)) for stage, after in zip(stages, [*stages[1:], None], strict=True)]
    return Trunk(tuple(stages[: len(convs)]), tuple(stages[len(convs) :]))


def _parts(weights: Weights) -> list[Part]:
    """The layers of a file, in its order. Raises NoFit where tensors are of no layer that is known here."""
    grouped: dict[str, dict[str, Scores]] = {}
    for name, tensor in weights.tensors.items():
        outer, _, last = name.rpartition(".")
        grouped.setdefault(outer, {})[last] = tensor
    return [Part(_op(name, tensors), name or ALONE, tensors) for name, tensors in grouped.items()]


def _op(name: str, tensors: Mapping[str, Scores]) -> str:
    known = {"weight", "bias", "running_mean", "running_var"}
    for part, axes in TAKEN:
        found = tensors.get(part)
        if found is not None and found.ndim == axes and tensors.keys() <= known:
            op = TAKEN[part, axes]
            if op == "prelu" and ("running_mean" in tensors or "bias" in tensors):
                continue
            return op
    shapes = ", ".join(f"{part} {list(tensor.shape)}" for part, tensor in tensors.items())
    raise NoFit(f"'{name}' is no convolution, dense layer, batch norm or PReLU: {shapes}")


def _follows_conv(before: Part | None, part: Part) -> bool:
    """Whether a convolution takes the channels of another, in groups perhaps, or begins."""
    channels = part.weight.shape[1]
    if before is None:
        return channels in CHANNELS
    groups, rest = divmod(before.outputs, channels)
    return bool(rest == 0 and part.outputs % groups == 0)


def _follows_dense(before: Part | None, part: Part) -> bool:
    return before is None or bool(part.weight.shape[1] == before.outputs)


def _natural(parts: Sequence[Part]) -> list[Part]:
    """By name, where 10 comes after 9."""
    return sorted(parts, key=lambda part: re.sub(r"\d+", lambda digits: digits[0].zfill(9), part.name))


def _chain(
    parts: Sequence[Part], follows: Callable[[Part | None, Part], bool], order: Callable[[Sequence[Part]], list[Part]]
) -> list[Part]:
    """The parts, each of which takes what the one before gives; in the order given, where that does. Raises NoFit."""
    for chain in _chains([], order(parts), follows, [0]):
        return chain
    listed = ", ".join(f"{part.name} {list(part.weight.shape)}" for part in order(parts)[:12])
    raise NoFit(f"none of its orders lets each layer take what the one before gives: {listed}")


def _chains(
    done: list[Part], rest: list[Part], follows: Callable[[Part | None, Part], bool], steps: list[int]
) -> Iterator[list[Part]]:
    """Orders of the rest behind what is done, the first-named first, until too many were tried."""
    steps[0] += 1
    if not rest:
        yield done
    for place, part in enumerate(rest):
        if steps[0] < MOST_STEPS and follows(done[-1] if done else None, part):
            yield from _chains([*done, part], rest[:place] + rest[place + 1 :], follows, steps)


def _with_norms(trunk: Sequence[Part], parts: Sequence[Part], ordered: bool) -> list[Stage]:
    """The stages: each batch norm, and each PReLU, with the layer that it stands behind. Raises NoFit."""
    found: dict[str, dict[str, Part]] = {part.name: {} for part in trunk}
    for op in ("batch_norm", "prelu"):
        loose = [part for part in parts if part.op == op]
        if op == "prelu" and len(loose) == 1 and len(trunk) > 2:  # one for all
            found = {name: {**have, op: loose[0]} for name, have in found.items()}
            continue
        for part, home in _homes(loose, trunk, parts, ordered):
            found[home.name][op] = part
    return [Stage(part, found[part.name].get("batch_norm"), found[part.name].get("prelu")) for part in trunk]


def _homes(
    loose: Sequence[Part], trunk: Sequence[Part], parts: Sequence[Part], ordered: bool
) -> Iterator[tuple[Part, Part]]:
    """Each loose part, with the stage that it belongs to: the one before it in the file, or the next that fits."""
    before: dict[str, Part] = {}
    last = None
    for part in parts:
        last = part if part in trunk else last
        if last is not None:
            before[part.name] = last
    homes = [before.get(part.name) for part in loose]
    distinct = len({home.name for home in homes if home}) == len(loose)
    if ordered and distinct and all(home and _fits(part, home) for part, home in zip(loose, homes, strict=True)):
        yield from ((part, home) for part, home in zip(loose, homes, strict=True) if home)
        return
    free = list(trunk)
    for part in _natural(loose):
        home = next((one for one in free if _fits(part, one)), None)
        if home is None:
            raise NoFit(f"'{part.name}' with {part.outputs} channels stands behind no layer that gives as many")
        free = free[free.index(home) + 1 :]
        yield part, home


def _fits(part: Part, home: Part) -> bool:
    return part.outputs == home.outputs or (part.op == "prelu" and part.outputs == 1)


def _gap(stage: Stage, after: Stage | None) -> int | None:
    """How many numbers are missing between the names of a stage and the next, in one nn.Sequential."""
    if after is None:
        return None
    ends = [part.name.rpartition(".") for part in (stage.parts[-1], after.part)]
    numbered = all(last.isdigit() for _, _, last in ends) and ends[0][0] == ends[1][0]
    found = int(ends[1][2]) - int(ends[0][2]) - 1 if numbered else 0
    return found if found > 0 else None  # none missing: an nn.ModuleList, or all the rest is in forward
