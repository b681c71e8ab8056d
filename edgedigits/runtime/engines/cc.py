"""C files as native code: compiled by this machine's compiler, or by ziglang of PyPI, and run in a process of its own.

It is run by name alone (`--engine cc`), and only what a manifest lists or somebody trusts: nothing shuts it in. Every
score must be the one that the numbers in the file give in numpy.
"""

import importlib.util
import shutil
import subprocess
import sys
import tempfile
import weakref
from pathlib import Path

import numpy as np

from edgedigits.errors import MissingCapability
from edgedigits.models.metrics import softmax
from edgedigits.records.arrays import Images, Scores
from edgedigits.runtime.engines import Engine
from edgedigits.runtime.predictor import ModelFile, Session
from edgedigits.runtime.readers.c import read_network, read_stem

COMPILERS = ("cc", "gcc", "clang")
SETTINGS = ("-O3 -march=native", "-O0", "-Os")
SECONDS = 120  # that a compiler may take
PROGRAM = Path(__file__).with_name("cc.c")


def compiler() -> list[str]:
    """The command of a C compiler. Raises MissingCapability."""
    if found := next(filter(None, map(shutil.which, COMPILERS)), None):
        return [found]
    if importlib.util.find_spec("ziglang"):
        return [sys.executable, "-m", "ziglang", "cc"]
    raise MissingCapability(
        "engine cc needs a C compiler: gcc or clang, or pip install 'edgedigits[c]', with a network"
    )


def version() -> str:
    """Of the compiler. Raises MissingCapability."""
    said = _run([*compiler(), "--version"])
    return said.partition("\n")[0].strip()


def session(file: ModelFile, setting: str | None) -> Session:
    """A program that answers images from its input. Raises MissingCapability; RuntimeError where it is not compiled."""
    network = read_network(file.path, file.content)
    folder = tempfile.TemporaryDirectory(prefix="edgedigits-")
    program = _built(file, Path(folder.name), (setting or SETTINGS[0]).split())

    def call(images: Images) -> tuple[Scores, Scores]:
        answer = subprocess.run([program], input=images.tobytes(), capture_output=True, check=True).stdout
        scores = np.frombuffer(answer, np.int32).reshape(len(images), network.classes)
        if differ := int((scores != network.scores(images)).sum()):
            raise RuntimeError(f"{differ:,} of {scores.size:,} scores are not those of the integers in the file")
        logits = (scores * network.unit).astype("float32")
        return logits, softmax(logits)

    weakref.finalize(call, folder.cleanup)
    return Session(call)


def _built(file: ModelFile, folder: Path, flags: list[str]) -> Path:
    """The program of a file's bytes."""
    source, program = folder / "model.c", folder / "model"
    source.write_bytes(file.content)
    stem = read_stem(file.content)
    names = [f"-DSCORES={stem}_scores", f"-DCLASSES={stem.upper()}_CLASSES", f"-DSCRATCH={stem.upper()}_SCRATCH_BYTES"]
    _run([*compiler(), "-std=c99", *flags, *names, f'-DMODEL="{source}"', str(PROGRAM), "-o", str(program)])
    return program


def _run(command: list[str]) -> str:
    """What a compiler says. Raises RuntimeError, with its own first line, where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    if done.returncode:
        raise RuntimeError(f"{Path(command[0]).name} fails: {done.stderr.strip().partition(chr(10))[0]}")
    return done.stdout


ENGINE = Engine(
    name="cc",
    title="the C compiler of this machine, native code",
    version=version,
    session=session,
    containers=("c",),
    settings=SETTINGS,
    concurrent=True,
)
