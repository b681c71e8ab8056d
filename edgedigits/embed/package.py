"""What a target makes its folder of, and how programs become files of it."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgedigits.system import templates

if TYPE_CHECKING:
    from edgedigits.embed.golden import Golden
    from edgedigits.embed.integer import Integers
    from edgedigits.records.artifact import Contract
    from edgedigits.runtime.compatibility import Runtime

PROGRAMS = Path(__file__).parent / "programs"
MODEL = '"model.onnx"'  # in a target's programs: stands for the main file's name, quotes and all
EXAMPLE = "example.pgm"
EXAMPLE_DIGIT = 7  # the golden inputs begin with the drawn digits, 0 to 9


@dataclass(frozen=True)
class Package:
    """What a target makes its folder of.

    name      of the model: its file's name without the suffix
    models    file name to bytes; the first is the main one, the one beside it is its int8 file
    contract  of the main file
    golden    inputs with the answers of every file
    runtimes  what runtimes make of the main file
    integers  of a C file; None of others
    """

    name: str
    models: Mapping[str, bytes]
    contract: Contract
    golden: Golden
    runtimes: tuple[Runtime, ...] = ()
    integers: Integers | None = None

    @property
    def main(self) -> str:
        """The name of the main file."""
        return next(iter(self.models))

    def renamed(self, name: str | None) -> Package:
        """The same with its main file alone, by another name; as it is where that is None."""
        return self if name is None else dataclasses.replace(self, models={name: self.models[self.main]})

    @property
    def c(self) -> Integers:
        """Of a C file."""
        assert self.integers is not None, "C targets take C files"
        return self.integers

    @property
    def labels(self) -> tuple[str, ...]:
        """One string a class, in the order of the logits."""
        return self.contract.labels

    @property
    def canvas(self) -> bool:
        """Whether the main file takes any canvas; else it takes 28x28 pixels."""
        return self.contract.sides is not None


def filled(package: Package, programs: Path) -> dict[str, bytes]:
    """The files of a folder of programs, with the main file's name in them, templates (.jinja) rendered."""
    found = sorted(path for path in programs.iterdir() if path.is_file())
    return dict(_filled(package, path) for path in found)


def example(package: Package) -> bytes:
    """A picture to try a program with: the first golden input that shows a 7, as a binary PGM."""
    picture = package.golden.inputs[EXAMPLE_DIGIT]
    return b"P5\n%d %d\n255\n" % (picture.width, picture.height) + base64.b64decode(picture.pixels)


def rendered(package: Package, path: Path, **more: object) -> bytes:
    """A template, filled with a package and what else it names."""
    template = templates.from_folders(path.parent, PROGRAMS).get_template(path.name)
    return template.render(package=package, **more).encode()


def _filled(package: Package, path: Path) -> tuple[str, bytes]:
    """A program, as it goes into the folder: its name there, and its bytes."""
    if path.suffix == ".jinja":
        return path.stem, rendered(package, path)
    return path.name, path.read_bytes().replace(MODEL.encode(), json.dumps(package.main).encode())
