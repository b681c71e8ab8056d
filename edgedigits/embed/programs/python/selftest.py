"""Prove this machine's runtime, and the program `digits.py` as it stands: `python selftest.py`.

Every golden input goes through the program as a picture in a file would. What reaches the model must be
the golden pixels, and the answer the golden answer. The exit code is 1 where it is not.
"""

import base64
import hashlib
import json
import platform
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent))  # also under python -I
sys.dont_write_bytecode = True  # the folder stays as it is

import digits
import numpy as np
import onnxruntime

LARGEST = (255, 1023)  # values of the golden pictures' PGM form, in turn
NORMALIZATIONS = ((0.5, 0.5), (0.1307, 0.3081))  # mean and standard deviation
ALTERED = "the pixels that reach the model"


class Case(NamedTuple):
    """A golden input that went through the program.

    pixels    that should reach the model, uint8 [height, width], from a picture whose values go up to `largest`
    wanted    the golden answer
    given     what did reach the model; empty where nothing did
    answer    the program's, or None where it failed with `error`
    """

    name: str
    pixels: np.ndarray
    largest: int
    wanted: dict[str, Any]
    given: np.ndarray
    answer: digits.Answer | None
    error: str


def main() -> int:
    """Run all golden inputs, and say what is wrong."""
    digits.write_any_letter()
    golden = json.loads((digits.FOLDER / "golden.json").read_text(encoding="utf-8"))
    (model,) = golden["models"]
    machine = f"onnxruntime {onnxruntime.__version__}, Python {platform.python_version()}, {platform.machine()}"
    print(f"{machine}; golden answers by {golden['runtime']}")
    found = hashlib.sha256(digits.MODEL.read_bytes()).hexdigest()
    if found != model["sha256"]:
        print(f"FAILED: {digits.MODEL.name} is another file: SHA-256 {found[:12]}..., not {model['sha256'][:12]}...")
        return 1
    cases = run(golden["inputs"], model["answers"])
    faults = find_faults(cases, model["tolerance"])
    for fault, some in faults.items():
        names = ", ".join(case.name for case in some[:3])
        detail = diagnosis(some) if fault == ALTERED else some[0].error
        print(f"FAILED: {len(some)} of {len(cases)} golden inputs ({names}, ...): {fault} {detail}".rstrip())
    if not faults:
        off = max(map(distance, cases))
        print(f"passed: {len(cases)} golden inputs, logits off by {off:.1e} at most, {model['tolerance']:g} allowed")
    return 1 if faults else 0


def run(inputs: Sequence[dict[str, Any]], answers: Sequence[dict[str, Any]]) -> list[Case]:
    """Each golden input through the program, beginning with the reading of a picture's file."""
    given = watched(digits.session())
    cases = []
    for index, (picture, wanted) in enumerate(zip(inputs, answers, strict=True)):
        pixels = decode(picture["pixels"], picture["height"], picture["width"])
        largest = LARGEST[index % len(LARGEST)]
        given.clear()
        answer, error = None, ""
        try:
            answer = digits.answer(digits.read_pgm(pgm(pixels, largest)))
        except Exception as failure:  # whatever the program raises is what this test is for
            error = f"{type(failure).__name__}: {failure}".splitlines()[0]
        reached = np.squeeze(given[-1]) if given else np.empty(0)
        cases.append(Case(picture["name"], pixels, largest, picture | wanted, reached, answer, error))
    return cases


def watched(session: onnxruntime.InferenceSession) -> list[np.ndarray]:
    """A list that gets what the model is given from now on."""
    given: list[np.ndarray] = []
    ask = session.run

    def run_and_note(names: Sequence[str], feeds: dict[str, np.ndarray], *rest: object) -> Any:
        given.extend(feeds.values())
        return ask(names, feeds, *rest)

    session.run = run_and_note
    return given


def decode(text: str, height: int, width: int) -> np.ndarray:
    """A golden image."""
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width)


def pgm(pixels: np.ndarray, largest: int) -> bytes:
    """A picture as a binary PGM, with values up to `largest`."""
    height, width = pixels.shape
    return b"P5\n# golden\n%d %d\n%d\n" % (width, height, largest) + stored(pixels, largest).tobytes()


def stored(pixels: np.ndarray, largest: int) -> np.ndarray:
    """The values in such a picture."""
    values = (pixels.astype(np.uint32) * largest + 127) // 255
    return values.astype(">u2" if largest > 255 else "u1")


def find_faults(cases: Sequence[Case], tolerance: float) -> dict[str, list[Case]]:
    """What is wrong, and with which golden inputs."""
    found: dict[str, list[Case]] = {}
    for case in cases:
        if fault := fault_of(case, tolerance):
            found.setdefault(fault, []).append(case)
    return found


def fault_of(case: Case, tolerance: float) -> str:
    """What is wrong with one golden input, or nothing."""
    if case.given.size and not same(case.given, case.pixels):
        return ALTERED
    if case.answer is None:
        return "the program fails:"
    if not case.given.size:
        return "the model was not asked through session().run"
    if not distance(case) <= tolerance:
        return f"the pixels are right, the logits off by more than {tolerance:g}: mind the runtime, and how it is read"
    if "seen" in case.wanted and not same(case.answer.seen, decode(case.wanted["seen"], 28, 28)):
        return "the network is shown another image than the golden one: the runtime computes otherwise"
    if case.answer.label != case.wanted["answer"] and not case.wanted["close"]:
        return "the logits are right, and the answer is not: mind the contract's labels and threshold"
    return ""


def diagnosis(altered: Sequence[Case]) -> str:
    """The usual mistake that explains all altered pixels."""
    tried = [list(mistakes(case.pixels, case.largest)) for case in altered]
    for index, (name, _) in enumerate(tried[0]):
        if all(same(case.given, made[index][1]) for case, made in zip(altered, tried, strict=True)):
            return name
    kinds = dict.fromkeys(f"{case.given.dtype} {list(case.given.shape)}" for case in altered)
    return f"are others, for no usual reason; they are {', '.join(list(kinds)[:2])}"


def mistakes(pixels: np.ndarray, largest: int) -> Iterable[tuple[str, np.ndarray]]:
    """What each usual mistake makes of a picture."""
    height, width = pixels.shape
    unit = pixels / 255
    values = stored(pixels, largest)
    yield "are inverted (255 - x)", 255 - pixels
    yield "are transposed: rows and columns are swapped", pixels.T
    yield "are cut into rows of the wrong length: height and width are swapped", pixels.reshape(width, height)
    yield "are upside down", pixels[::-1]
    yield "are mirrored", pixels[:, ::-1]
    yield "are divided by 255, which the file does itself", unit
    yield "are divided by 255, which the file does itself, and cast to whole numbers", unit.astype(np.uint8)
    for mean, std in NORMALIZATIONS:
        normalized = (unit - mean) / std
        name = f"are normalized with mean {mean} and standard deviation {std}, which the file does itself"
        yield name, normalized
        yield f"{name}, and cast to whole numbers", normalized.astype(np.int64).astype(np.uint8)
    yield "are float, not uint8", pixels.astype(np.float32)
    yield "are black and white alone", np.where(pixels > 127, 255, 0).astype(np.uint8)
    not_scaled = "are not scaled to 0..255 by the largest value that the picture's header names"
    yield not_scaled, values.astype(np.uint8)
    yield not_scaled, values.clip(max=255).astype(np.uint8)
    yield "are misread: the bytes of 16-bit values are swapped", scaled(values.byteswap(), largest)
    for early in (1, 2):
        content = pgm(pixels, largest)[-values.nbytes - early : -early]
        misread = np.frombuffer(content, values.dtype).reshape(height, width)
        yield (
            f"are misread, {early} too early: bytes of the picture's header are taken for pixels",
            scaled(misread, largest),
        )


def scaled(values: np.ndarray, largest: int) -> np.ndarray:
    """The pixels that a picture's values stand for."""
    return ((values.astype(np.uint32) * 255 + largest // 2) // largest).clip(max=255).astype(np.uint8)


def same(given: np.ndarray, wanted: np.ndarray) -> bool:
    """Whether two images are the same, both uint8 or both float."""
    if given.shape != wanted.shape or (given.dtype == np.uint8) != (wanted.dtype == np.uint8):
        return False
    return bool(np.allclose(given, wanted, rtol=0, atol=1e-5))


def distance(case: Case) -> float:
    """How far the logits are from the golden ones."""
    return float(np.abs(case.answer.logits - case.wanted["logits"]).max()) if case.answer else np.inf


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OSError as missing:
        sys.exit(f"FAILED: {missing}")
