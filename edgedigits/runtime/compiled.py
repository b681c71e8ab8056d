"""C files, compiled for the engines that run them, and held to the numbers in them."""

import importlib.util
import subprocess
import sys
import timeit
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from edgedigits.errors import MissingCapability, UsageError, first_line
from edgedigits.export.c.canvas import Answers, CanvasNetwork, answer_type
from edgedigits.models.metrics import softmax, tempered
from edgedigits.records.arrays import Images, Scores
from edgedigits.runtime.predictor import Clock, Inputs, ModelFile, Outputs, Session
from edgedigits.runtime.readers.c import in_float, read_canvas_network, read_network, read_stem

SECONDS = 120  # that a compiler may take
ANOTHER = "Install a newer one, or with a network: pip install 'edgedigits[c]'."
Answer = Callable[[Images], npt.NDArray[np.int32]]  # the scores of images, [n, classes]


def zig(engine: str) -> list[str]:
    """The command of ziglang's C compiler, which has every target. Raises MissingCapability."""
    if importlib.util.find_spec("ziglang") is None:
        raise MissingCapability(f"engine {engine} needs ziglang: pip install 'edgedigits[c]', with a network")
    return [sys.executable, "-m", "ziglang", "cc", "-fno-sanitize=all"]


def build(file: ModelFile, harness: Path, program: Path, command: Sequence[str]) -> Path:
    """A program that a compiler's `command` makes of a C file and of what asks it; beside it lies the source.

    Raises MissingCapability where it is not compiled: whoever generated it has compiled it.
    """
    source, stem = program.with_suffix(".model.c"), read_stem(file.content)
    source.write_bytes(file.content)
    names = {"CLASSES": f"{stem.upper()}_CLASSES", "SCRATCH": f"{stem.upper()}_SCRATCH_BYTES"}
    if takes_canvas(file):
        names |= {"READ": f"{stem}_read", "ANSWER": f"{stem}_answer"}
    else:
        names |= {"SCORES": f"{stem}_scores", "SCORE": "float" if in_float(file.content) else "int32_t"}
    defined = [f"-D{name}={value}" for name, value in names.items()]
    libraries = ["-lm"] if in_float(file.content) else []
    run([*command, "-std=c99", *defined, f'-DMODEL="{source}"', str(harness), "-o", str(program), *libraries])
    return program


def takes_canvas(file: ModelFile) -> bool:
    """Whether it is a canvas file, which has `<stem>_read`; digit files have `<stem>_scores`."""
    return file.format.input == "canvas"


def require_integers(file: ModelFile, engine: str) -> None:
    """Raise UsageError where a file computes in float, for which an engine has no library."""
    if in_float(file.content):
        raise UsageError(f"{file.path}: in float; engine {engine} runs those in integers, and cc or wasm runs this.")


def run(command: Sequence[str]) -> str:
    """What a compiler says. Raises MissingCapability, with the line in which it names an error, where it fails."""
    name = "ziglang" if "ziglang" in command else Path(command[0]).name
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MissingCapability(f"the C compiler {name} cannot be run ({first_line(error)}). {ANOTHER}") from error
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        line = next((line for line in said if "error" in line), said[0]).strip()
        raise MissingCapability(f"the C compiler {name} fails ({line}). {ANOTHER}")
    return done.stdout


def answering(file: ModelFile, said: Callable[[Images], bytes]) -> Session:
    """Logits and probabilities out of the scores that a program says of images, as bytes: those in float are logits."""
    if in_float(file.content):
        return Session(lambda images: answered(np.frombuffer(said(images), np.float32).reshape(len(images), -1)))
    return held(file, lambda images: np.frombuffer(said(images), np.int32).reshape(len(images), -1))


def answered(logits: npt.NDArray[np.floating]) -> tuple[Scores, Scores]:
    """Logits, and probabilities, as files give them."""
    found = logits.astype(np.float32)
    return found, softmax(found)


def held(file: ModelFile, answer: Answer) -> Session:
    """Logits and probabilities of images out of scores, each of which is the one that the file's own numbers give.

    What is called raises RuntimeError where one is not. Measured is the code alone.
    """
    network = read_network(file.path, file.content)

    def call(images: Images) -> tuple[Scores, Scores]:
        scores = answer(images)
        _require_same(scores, network.scores(images), "scores")
        return answered(scores * network.unit)

    return Session(call, clock=_clock(lambda inputs: answer(cast(Images, inputs))))


def packed(canvas: Images) -> bytes:
    """A canvas as programs take it: height and width, then the rows."""
    return np.array(canvas.shape, np.int32).tobytes() + canvas.tobytes()


def reading(file: ModelFile, said: Callable[[Sequence[Images]], bytes]) -> Session:
    """The outputs of a canvas file out of the answers that a program says of canvases, as bytes.

    Each answer is the one that the file's own numbers give: what is called raises RuntimeError where one is not.
    """
    found = read_canvas_network(file.path, file.content)
    kind = answer_type(found.network.classes)

    def many(canvases: Sequence[Images]) -> Outputs:
        answers = np.frombuffer(said(canvases), kind)
        _require_same(answers, found.answers(canvases), "answers")
        return outputs(file, found, answers)

    return of_canvases(many, clock=_clock(lambda inputs: said(list(inputs))))


def of_canvases(many: Callable[[Sequence[Images]], Outputs], clock: Clock | None = None) -> Session:
    """A session of what answers several canvases: one is a list of one."""
    return Session(lambda canvas: [output[0] for output in many([canvas])], clock=clock, many=many)


def outputs(file: ModelFile, found: CanvasNetwork, answers: Answers) -> Outputs:
    """Logits, calibrated probabilities and what was seen, out of the answers of a canvas file that computes `found`."""
    logits = (answers["scores"] * found.network.unit).astype(np.float32)
    return logits, softmax(tempered(logits, answers["seen"], file.contract.temperature or 1.0)), answers["seen"]


def _require_same(found: npt.NDArray[Any], wanted: npt.NDArray[Any], what: str) -> None:
    """Raise RuntimeError unless code says what the numbers in its file give."""
    if differ := int((found != wanted).sum()):
        raise RuntimeError(f"{differ:,} of {found.size:,} {what} are not those of the integers in the file")


def _clock(ask: Callable[[Inputs], object]) -> Clock:
    """The seconds of each of some calls."""
    return lambda inputs, calls: [timeit.timeit(lambda: ask(inputs), number=1) for _ in range(calls)]
