"""What programs around a C file are made of: its names and sizes, its header, and pictures with their exact scores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgedigits.embed.golden import decoded
from edgedigits.export.c.weights import sizes_of
from edgedigits.export.formats import require_format
from edgedigits.models.arithmetic.decision import POWERS
from edgedigits.records.arrays import Images
from edgedigits.runtime.readers.c import read_canvas_network, read_network, read_stem

if TYPE_CHECKING:
    from edgedigits.embed.golden import Golden

Rows = tuple[tuple[int, ...], ...]
Pictures = Mapping[str, Images]  # by their names


@dataclass(frozen=True)
class Scored:
    """A picture, row by row, and the scores that a C file must give it, each exactly.

    label   an index, or -1 where there is no digit, and
    seen    what the network is shown, 28 rows of 28 values: of canvas files
    """

    name: str
    rows: Rows
    scores: tuple[int, ...]
    label: int | None = None
    seen: Rows = ()


@dataclass(frozen=True)
class Integers:
    """A C file, as programs around it need it.

    stem      what its names begin with
    object    the file that a compiler makes of it
    scratch   bytes that it is called with
    tables    bytes of constants, weights of few bits packed
    unit      of a logit, that a score of 1 is
    golden    pictures with their scores
    """

    stem: str
    object: str
    scratch: int
    tables: int
    unit: float
    golden: tuple[Scored, ...]


def integers_of(path: Path, content: bytes, golden: Golden) -> Integers:
    """What is to be known of a C file, whose contract was read, for the golden pictures. Raises ModelFileError."""
    pictures = {found.name: decoded(found) for found in golden.inputs}
    takes_canvas = require_format(path).input == "canvas"
    known = (_read if takes_canvas else _scored)(path, content, pictures)
    network = read_network(path, content)
    return Integers(
        stem=read_stem(content),
        object=f"{path.name.removesuffix('.c')}.o",
        scratch=read_canvas_network(path, content).scratch if takes_canvas else network.scratch,
        tables=sum(sizes_of(network)) + (POWERS.nbytes if takes_canvas else 0),
        unit=network.unit,
        golden=tuple(known),
    )


def _scored(path: Path, content: bytes, pictures: Pictures) -> Iterator[Scored]:
    scores = read_network(path, content).scores(np.stack([*pictures.values()]))
    for (name, picture), found in zip(pictures.items(), scores.tolist(), strict=True):
        yield Scored(name, _whole(picture.tolist()), tuple(found))


def _read(path: Path, content: bytes, pictures: Pictures) -> Iterator[Scored]:
    answers = read_canvas_network(path, content).answers([*pictures.values()])
    for (name, picture), found in zip(pictures.items(), answers, strict=True):
        seen = _whole(found["seen"].tolist())
        yield Scored(name, _whole(picture.tolist()), tuple(found["scores"].tolist()), int(found["label"]), seen)


def _whole(rows: Sequence[Sequence[int]]) -> Rows:
    return tuple(tuple(row) for row in rows)
