"""Weights that torch keeps in parts and puts together in every forward pass: pruned ones, weight norm, spectral norm.

The network needs what they make together. Sources: `torch.nn.utils.prune`; Salimans and Kingma 2016, arXiv:1602.07868;
Miyato et al. 2018, arXiv:1802.05957.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from edgedigits.adopt.inert.tensors import shown
from edgedigits.records.arrays import Scores
from edgedigits.runtime.safety import Refused


@dataclass(frozen=True)
class Kind:
    """One way of keeping a tensor in parts: how their names end, with {} for its own, and what they make together.

    make   gives None where the shapes of the parts do not fit together
    """

    title: str
    ends: tuple[str, ...]
    make: Callable[..., Scores | None]

    def names(self, first: str) -> tuple[str, tuple[str, ...]] | None:
        """The name of the whole, and of all its parts, where `first` is the name of the first of these."""
        pattern = re.escape(self.ends[0]).replace(r"\{\}", r"(\w+)")
        found = re.fullmatch(rf"(|.*\.){pattern}", first)
        return (found[1] + found[2], tuple(found[1] + end.format(found[2]) for end in self.ends)) if found else None


def _pruned(whole: Scores, mask: Scores) -> Scores | None:
    return np.asarray(whole * mask) if whole.shape == mask.shape else None


def _normed(lengths: Scores, directions: Scores) -> Scores | None:
    """Directions, each as long as it is said to be: along the axes where there is one length for all."""
    if lengths.ndim != directions.ndim:
        return None
    axes = tuple(axis for axis, side in enumerate(lengths.shape) if side == 1)
    if any(lengths.shape[axis] != side for axis, side in enumerate(directions.shape) if axis not in axes):
        return None
    norms = np.sqrt((directions.astype(np.float64) ** 2).sum(axis=axes, keepdims=True))
    return np.asarray(directions * (lengths / np.maximum(norms, np.finfo(np.float32).tiny)), np.float32)


def _spectral(weight: Scores, left: Scores, right: Scores) -> Scores | None:
    """A weight divided by its largest singular value, which training has estimated with these two vectors."""
    if not weight.size or left.shape != weight.shape[:1] or right.shape != (weight.size // weight.shape[0],):
        return None
    largest = float(left @ weight.reshape(len(left), -1) @ right)
    return np.asarray(weight / np.float32(largest)) if largest else None


KINDS = (
    Kind("pruning", ("{}_orig", "{}_mask"), _pruned),
    Kind("weight norm", ("{}_g", "{}_v"), _normed),
    Kind("weight norm", ("parametrizations.{}.original0", "parametrizations.{}.original1"), _normed),
    Kind("spectral norm", ("{}_orig", "{}_u", "{}_v"), _spectral),
    Kind(
        "spectral norm",
        ("parametrizations.{}.original", "parametrizations.{}.0._u", "parametrizations.{}.0._v"),
        _spectral,
    ),
)


def put_together(tensors: Mapping[str, Scores], remarks: list[str]) -> dict[str, Scores]:
    """The tensors, those that are kept in parts as one, in the place of their first part; which is remarked.

    Raises Refused where parts do not fit together.
    """
    wholes = {parts[0]: (kind, whole, parts) for kind, whole, parts in _found(tensors)}
    used = {part for _, _, parts in wholes.values() for part in parts}
    for title in dict.fromkeys(kind.title for kind, _, _ in wholes.values()):
        names = [shown(whole).strip("'") for kind, whole, _ in wholes.values() if kind.title == title]
        remarks.append(f"put together as {title} does: {', '.join(names[:3])}{', ...' if len(names) > 3 else ''}")
    together: dict[str, Scores] = {}
    for name, tensor in tensors.items():
        if name in wholes:
            kind, whole, parts = wholes[name]
            together[whole] = _made(kind, whole, [tensors[part] for part in parts])
        elif name not in used:
            together[name] = tensor
    return together


def _found(tensors: Mapping[str, Scores]) -> Iterator[tuple[Kind, str, tuple[str, ...]]]:
    for name in tensors:
        for kind in KINDS:
            names = kind.names(name)
            if names and all(part in tensors for part in names[1]):
                yield kind, *names


def _made(kind: Kind, name: str, parts: list[Scores]) -> Scores:
    made = kind.make(*parts)
    if made is None:
        shapes = " and ".join(str(list(part.shape)) for part in parts)
        raise Refused(f"tensor {shown(name)}: its parts, {shapes}, do not fit together as {kind.title} has them")
    return made
