"""C files as native code: compiled by this machine's compiler, or by ziglang of PyPI, and run in a process of its own.

It is run by name alone (`--engine cc`), and only what a manifest lists or somebody trusts: nothing shuts it in. Every
score in integers must be the one that the numbers in the file give in numpy.
"""

import shutil
import subprocess
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path

from edgedigits.records.arrays import Images
from edgedigits.runtime.compiled import answering, build, packed, reading, run, takes_canvas, zig
from edgedigits.runtime.engines import DEFAULT, Engine, Setting
from edgedigits.runtime.predictor import ModelFile, Session

COMPILERS = ("cc", "gcc", "clang")
USUAL = Setting(DEFAULT, {"flags": "-O3 -march=native"})
VARIANTS = (Setting("O0", {"flags": "-O0"}), Setting("Os", {"flags": "-Os"}))
HARNESS = Path(__file__).with_name("cc.c")


def compiler() -> list[str]:
    """The command of a C compiler. Raises MissingCapability."""
    found = next(filter(None, map(shutil.which, COMPILERS)), None)
    return [found] if found else zig("cc")


def version() -> str:
    """Of the compiler. Raises MissingCapability."""
    return run([*compiler(), "--version"]).partition("\n")[0].strip()


def session(file: ModelFile, setting: Setting) -> Session:
    """A program that answers images from its input. Raises MissingCapability."""
    folder = tempfile.TemporaryDirectory(prefix="edgedigits-")
    command = [*compiler(), *setting.options["flags"].split()]
    program = build(file, HARNESS, Path(folder.name) / "model", command)

    def answered(asked: bytes) -> bytes:
        return subprocess.run([program], input=asked, capture_output=True, check=True).stdout

    def read(canvases: Sequence[Images]) -> bytes:
        return answered(b"".join(map(packed, canvases)))

    def said(images: Images) -> bytes:
        return answered(images.tobytes())

    weakref.finalize(answered, folder.cleanup)
    return reading(file, read) if takes_canvas(file) else answering(file, said)


ENGINE = Engine(
    name="cc",
    title="the C compiler of this machine, native code",
    version=version,
    session=session,
    containers=("c",),
    settings=(USUAL,),
    variants=VARIANTS,
    concurrent=True,
)
