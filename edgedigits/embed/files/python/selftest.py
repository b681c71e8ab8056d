"""Prove this machine's runtime, and the program `digits.py` as it stands: `python selftest.py`.

Every golden input goes through the program as a picture in a file would. What reaches the model must
be the golden pixels, and the answer the golden answer. The exit code is 1 where it is not.
"""

import base64
import hashlib
import json
import platform
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent))  # also under python -I
sys.dont_write_bytecode = True  # the folder stays as it is

import digits
import numpy as np
import onnxruntime

LARGEST = (255, 1023)  # values of the golden PGM pictures, in turn
NORMALIZATIONS = ((0.5, 0.5), (0.1307, 0.3081))  # mean and standard deviation


class Case(NamedTuple):
    """A golden input on its way through the program.

    pixels   as they should reach the model, uint8 [height, width], from a picture whose largest value is `largest`
    given    what did reach it, or None
    answer   of the program, or None where it failed with `error`
    """

    name: str
    pixels: np.ndarray
    largest: int
    wanted: dict
    given: np.ndarray | None
    answer: digits.Answer | None
    error: str


def main() -> int:
    """Run all golden inputs, and say what is wrong."""
    golden = json.loads((digits.FOLDER / "golden.json").read_text(encoding="utf-8"))
    (model,) = golden["models"]
    machine = f"onnxruntime {onnxruntime.__version__}, Python {platform.python_version()}, {platform.machine()}"
    print(f"{machine}; golden answers by {golden['runtime']}")
    found = hashlib.sha256(digits.MODEL.read_bytes()).hexdigest()
    if found != model["sha256"]:
        print(f"FAILED: {digits.MODEL.name} has the SHA-256 {found[:12]}..., recorded is {model['sha256'][:12]}...")
        return 1
    cases = run(golden["inputs"], model["answers"])
    faults = [*wrong_pixels(cases), *wrong_answers(cases, model["tolerance"])]
    for fault in faults:
        print(f"FAILED: {fault}")
    if not faults:
        off = max(distance(case) for case in cases)
        print(f"passed: {len(cases)} golden inputs; logits off by {off:.1e} at most, {model['tolerance']:g} allowed")
    return 1 if faults else 0


def run(inputs: Sequence[dict], answers: Sequence[dict]) -> list[Case]:
    """Every golden input through the program, with the pixels that reach the model."""
    given = watch(digits.session())
    cases = []
    for index, (picture, wanted) in enumerate(zip(inputs, answers, strict=True)):
        pixels = decode(picture["pixels"], picture["height"], picture["width"])
        largest = LARGEST[index % len(LARGEST)]
        answer, error = None, ""
        given.clear()
        try:
            answer = digits.answer(digits.read_pgm(encode(pixels, largest)))
        except Exception as failure:  # whatever the program raises is what this is here to tell
            error = f"{type(failure).__name__}: {failure}".splitlines()[0]
        reached = given[-1].reshape(given[-1].shape[-2:]) if given else None
        cases.append(Case(picture["name"], pixels, largest, picture | wanted, reached, answer, error))
    return cases


def watch(session: onnxruntime.InferenceSession) -> list[np.ndarray]:
    """A list that gets whatever picture the session is given from now on."""
    given: list[np.ndarray] = []
    ask = session.run

    def watched(outputs: Sequence[str], feeds: dict[str, np.ndarray], *rest: object) -> list[np.ndarray]:
        given.append(next(iter(feeds.values())))
        return ask(outputs, feeds, *rest)

    session.run = watched
    return given


def decode(text: str, height: int, width: int) -> np.ndarray:
    """An image of the golden file."""
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width)


def encode(pixels: np.ndarray, largest: int) -> bytes:
    """A picture as a binary PGM, whose values go up to `largest`."""
    height, width = pixels.shape
    return b"P5\n# golden\n%d %d\n%d\n" % (width, height, largest) + stored(pixels, largest).tobytes()


def stored(pixels: np.ndarray, largest: int) -> np.ndarray:
    """The values in such a picture."""
    values = (pixels.astype(np.uint32) * largest + 127) // 255
    return values.astype(">u2" if largest > 255 else "u1")


def wrong_pixels(cases: Sequence[Case]) -> list[str]:
    """What is wrong with the pixels that reach the model."""
    lost = [case for case in cases if case.given is None]
    wrong = [case for case in cases if case.given is not None and not equal(case.given, case.pixels)]
    faults = [told(lost, cases, f"the model was not asked ({lost[0].error or 'not by session().run'})")] if lost else []
    return [*faults, told(wrong, cases, f"the pixels that reach the model {diagnosis(wrong)}")] if wrong else faults


def diagnosis(wrong: Sequence[Case]) -> str:
    """The usual mistake that makes these pixels of the golden ones."""
    tried = [dict(mistakes(case.pixels, case.largest)) for case in wrong]
    for name in tried[0]:
        if all(equal(case.given, made[name]) for case, made in zip(wrong, tried, strict=True)):
            return name
    first = wrong[0]
    if first.given.shape != first.pixels.shape:
        return f"are {list(first.given.shape)} of them, {list(first.pixels.shape)} wanted"
    return f"are others, and no usual mistake makes them of the golden ones ({first.given.dtype}, uint8 wanted)"


def mistakes(pixels: np.ndarray, largest: int) -> Iterable[tuple[str, np.ndarray]]:
    """What each usual mistake makes of a picture."""
    height, width = pixels.shape
    unit = pixels / 255
    yield "are inverted (255 - x)", 255 - pixels
    yield "are transposed: rows and columns are swapped", pixels.T
    yield "are cut into rows of the wrong length: height and width are swapped", pixels.reshape(width, height)
    yield "are upside down", pixels[::-1]
    yield "are mirrored", pixels[:, ::-1]
    yield "are divided by 255: the file takes 0 to 255, and scales them itself", unit
    yield "are divided by 255 before they become whole numbers", unit.astype(np.uint8)
    yield "are not scaled to 0..255: the picture's largest value is ignored", stored(pixels, largest).astype(np.uint8)
    yield "are float: the file takes uint8", pixels.astype(np.float32)
    yield "are black and white alone: a threshold is applied", 255 * (pixels > 127)
    for mean, std in NORMALIZATIONS:
        normalized = (unit - mean) / std
        name = f"are normalized with mean {mean} and standard deviation {std}: the file does that itself"
        yield name, normalized
        yield f"{name}; and then cast", normalized.astype(np.int64).astype(np.uint8)
    for count in (1, 2, 3):
        yield f"begin {count} bytes early: the header is read as pixels", np.roll(pixels, count)


def equal(given: np.ndarray, wanted: np.ndarray) -> bool:
    """Whether two images are the same; uint8 must be uint8."""
    alike = given.shape == wanted.shape and (given.dtype == np.uint8) == (wanted.dtype == np.uint8)
    return alike and np.allclose(given, wanted, rtol=0, atol=1e-5)


def wrong_answers(cases: Sequence[Case], tolerance: float) -> list[str]:
    """What is wrong with the answers to the right pixels."""
    faults = []
    right = [case for case in cases if case.given is not None and equal(case.given, case.pixels)]
    if failed := [case for case in right if case.answer is None]:
        faults.append(told(failed, cases, failed[0].error))
    answered = [case for case in right if case.answer is not None]
    if off := [case for case in answered if not distance(case) <= tolerance]:
        far = max(map(distance, off))
        faults.append(told(off, cases, f"logits are off by {far:.1e}, {tolerance:g} allowed: the runtime is at fault"))
    if other := [case for case in answered if not case.wanted["close"] and case.answer.label != case.wanted["answer"]]:
        found, wanted = other[0].answer.label, other[0].wanted["answer"]
        faults.append(
            told(other, cases, f"the answer is {found}, {wanted} wanted: mind the contract's threshold and labels")
        )
    return faults


def distance(case: Case) -> float:
    """How far the logits are from the golden ones."""
    return float(np.abs(case.answer.logits - case.wanted["logits"]).max())


def told(some: Sequence[Case], cases: Sequence[Case], what: str) -> str:
    """A fault, with the golden inputs that have it."""
    names = ", ".join(case.name for case in some[:3])
    return f"{len(some)} of {len(cases)} golden inputs: {what}. First: {names}"


if __name__ == "__main__":
    sys.exit(main())
