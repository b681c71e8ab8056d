"""What programs around a C file are made of: its names and sizes, its header, and pictures with their exact scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgedigits.embed.golden import decoded
from edgedigits.runtime.readers.c import read_network, read_stem

if TYPE_CHECKING:
    from edgedigits.embed.golden import Golden

Rows = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Scored:
    """A picture, 28 rows of 28 values, and the scores that a C file must give it, each exactly."""

    name: str
    rows: Rows
    scores: tuple[int, ...]


@dataclass(frozen=True)
class Integers:
    """A C file, as programs around it need it.

    stem      what its names begin with
    object    the file that a compiler makes of it
    scratch   bytes that it is called with
    tables    bytes of constants
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
    network = read_network(path, content)
    pictures = [(found.name, decoded(found)) for found in golden.inputs]
    scores = network.scores(np.stack([picture for _, picture in pictures]))
    return Integers(
        stem=read_stem(content),
        object=f"{path.name.removesuffix('.c')}.o",
        scratch=network.scratch,
        tables=sum(table.nbytes for table in network.tables.values()),
        unit=network.unit,
        golden=tuple(
            Scored(name, _whole(picture.tolist()), tuple(found))
            for (name, picture), found in zip(pictures, scores.tolist(), strict=True)
        ),
    )


def _whole(rows: Sequence[Sequence[int]]) -> Rows:
    return tuple(tuple(row) for row in rows)
