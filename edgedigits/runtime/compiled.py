"""C files, compiled for the engines that run them, and held to the numbers in them."""

import importlib.util
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgedigits.errors import MissingCapability, UsageError
from edgedigits.models.metrics import softmax
from edgedigits.records.arrays import Images, Scores
from edgedigits.runtime.predictor import Call, ModelFile
from edgedigits.runtime.readers.c import in_float, read_network, read_stem

SECONDS = 120  # that a compiler may take
Answer = Callable[[Images], npt.NDArray[np.int32]]  # the scores of images, [n, classes]


def zig(engine: str) -> list[str]:
    """The command of ziglang's C compiler, which has every target. Raises MissingCapability."""
    if importlib.util.find_spec("ziglang") is None:
        raise MissingCapability(f"engine {engine} needs ziglang: pip install 'edgedigits[c]', with a network")
    return [sys.executable, "-m", "ziglang", "cc", "-fno-sanitize=all"]


def build(file: ModelFile, harness: Path, program: Path, command: Sequence[str]) -> Path:
    """A program that a compiler's `command` makes of a C file and of what asks it; beside it lies the source.

    Raises RuntimeError where it is not compiled.
    """
    source, stem = program.with_suffix(".model.c"), read_stem(file.content)
    source.write_bytes(file.content)
    names = {
        "SCORES": f"{stem}_scores",
        "CLASSES": f"{stem.upper()}_CLASSES",
        "SCRATCH": f"{stem.upper()}_SCRATCH_BYTES",
        "SCORE": "float" if in_float(file.content) else "int32_t",
    }
    defined = [f"-D{name}={value}" for name, value in names.items()]
    libraries = ["-lm"] if in_float(file.content) else []
    run([*command, "-std=c99", *defined, f'-DMODEL="{source}"', str(harness), "-o", str(program), *libraries])
    return program


def require_integers(file: ModelFile, engine: str) -> None:
    """Raise UsageError where a file computes in float, for which an engine has no library."""
    if in_float(file.content):
        raise UsageError(
            f"{file.path}: in float; engine {engine} runs those in integers, and cc or integers runs this."
        )


def run(command: Sequence[str]) -> str:
    """What a compiler says. Raises RuntimeError, with its own first line, where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    if done.returncode:
        raise RuntimeError(f"{Path(command[0]).name} fails: {done.stderr.strip().partition(chr(10))[0]}")
    return done.stdout


def held(file: ModelFile, answer: Answer) -> Call:
    """Logits and probabilities of images out of scores, each of which is the one that the file's own numbers give.

    What is called raises RuntimeError where one is not.
    """
    network = read_network(file.path, file.content)

    def call(images: Images) -> tuple[Scores, Scores]:
        scores = answer(images)
        if differ := int((scores != network.scores(images)).sum()):
            raise RuntimeError(f"{differ:,} of {scores.size:,} scores are not those of the integers in the file")
        logits = (scores * network.unit).astype(np.float32)
        return logits, softmax(logits)

    return call
