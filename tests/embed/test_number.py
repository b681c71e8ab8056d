"""What reads numbers in embedded programs: the same boxes, and the same pieces asked, in JavaScript as in Python."""

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest

from edgedigits.data import canvases, drawn
from edgedigits.data.number.constants import CONSTANTS
from edgedigits.data.number.reading import read_lines
from edgedigits.data.number.shapes import NoNumber
from edgedigits.data.numbers import write_numbers
from edgedigits.embed.embedder import embed
from edgedigits.embed.number import SCRIPT, python_files
from edgedigits.records.arrays import Uint8Array
from edgedigits.system import templates

FILE = Path(__file__).parents[2] / "exports" / "cnn" / "cnn.canvas.onnx"
THRESHOLD = 0.75
ASK = """
import { readFileSync } from "node:fs";
import { readLines, NoNumber } from "./numbers.mjs";

const sides = ({ top, left, bottom, right }) => [top, left, bottom, right];
const found = [];
for (const { width, height, pixels } of JSON.parse(readFileSync(0))) {
  const asked = [];
  const ask = (piece) => {
    const sum = piece.pixels.reduce((one, value, at) => (one * 31 + value * ((at % 97) + 1)) % 1000003, 0);
    asked.push([piece.width, piece.height, sum]);
    const probability = 0.5 + (sum % 1000) / 2000;
    const probabilities = new Float32Array(10).fill((1 - probability) / 9);
    probabilities[sum % 10] = probability;
    return { probabilities };
  };
  const picture = { width, height, pixels: new Uint8Array(Buffer.from(pixels, "base64")) };
  try {
    const lines = await readLines(picture, ask, THRESHOLD, true);
    const said = lines.map(({ pieces, marks }) => [
      pieces.map(({ box }) => sides(box)),
      marks.map(({ kind, box }) => [kind, ...sides(box)]),
    ]);
    found.push({ asked, said });
  } catch (error) {
    if (!(error instanceof NoNumber)) throw error;
    found.push({ asked, said: error.message });
  }
}
console.log(JSON.stringify(found));
"""


class Answer(NamedTuple):
    probabilities: npt.NDArray[np.float32]


def in_python(canvas: Uint8Array) -> dict[str, Any]:
    """What is asked and found, with a reader that answers whatever the pixels add up to."""
    asked: list[list[int]] = []

    def ask(piece: Uint8Array) -> Answer:
        total = 0
        for at, value in enumerate(piece.ravel().tolist()):
            total = (total * 31 + value * (at % 97 + 1)) % 1000003
        asked.append([piece.shape[1], piece.shape[0], total])
        probability = 0.5 + (total % 1000) / 2000
        probabilities = np.full(10, (1 - probability) / 9, np.float32)
        probabilities[total % 10] = probability
        return Answer(probabilities)

    try:
        lines = read_lines(canvas, ask, THRESHOLD, sheet=True)
    except NoNumber as error:
        return {"asked": asked, "said": str(error)}
    said = [
        [[list(piece.box) for piece in line.pieces], [[mark.kind, *mark.box] for mark in line.marks]] for line in lines
    ]
    return {"asked": asked, "said": said}


def pictures() -> list[Uint8Array]:
    """Numbers on all papers, apart and touching, a large one, a sheet, and what shows no digit."""
    images, labels = drawn.digits(40, seed=5)
    numbers = [number.canvas for touching in (0.0, 1.0) for number in write_numbers(images, labels, 9, 6, touching)]
    large = numbers[0].repeat(7, axis=0).repeat(7, axis=1)[:, :2047]
    sheet = np.vstack([numbers[0], numbers[0][::-1]])
    others = [canvas for kind in canvases.no_digits(2, 7, (200, 300)).values() for canvas in kind]
    return [*numbers, large, sheet, *others]


@pytest.mark.needs("node")
def test_javascript_finds_and_asks_what_python_does(tmp_path: Path) -> None:
    script = templates.from_folders(SCRIPT.parent).get_template(SCRIPT.name).render(constants=dict(CONSTANTS))
    (tmp_path / "numbers.mjs").write_text(script, encoding="utf-8")
    (tmp_path / "ask.mjs").write_text(ASK.replace("THRESHOLD", str(THRESHOLD)), encoding="utf-8")
    some = pictures()
    given = [
        {"width": each.shape[1], "height": each.shape[0], "pixels": base64.b64encode(each.tobytes()).decode()}
        for each in some
    ]
    command = ["node", str(tmp_path / "ask.mjs")]
    done = subprocess.run(command, input=json.dumps(given), text=True, capture_output=True, check=True)
    found = json.loads(done.stdout)
    assert len(found) == len(some)
    for canvas, theirs in zip(some, found, strict=True):
        assert theirs == in_python(canvas)
    assert sum(len(each["asked"]) for each in found) > 300


def test_every_constant_is_one_of_the_script() -> None:
    source = SCRIPT.read_text(encoding="utf-8")
    named = {word.strip() for word in source.split("const {")[1].split("}")[0].split(",")} - {""}
    assert named == set(CONSTANTS)


def test_python_files_need_nothing_of_edgedigits() -> None:
    for name, data in python_files().items():
        assert b"edgedigits" not in data.replace(b"EdgeDigits", b"").replace(b"`edgedigits", b""), name


def test_an_embedded_program_reads_numbers(tmp_path: Path) -> None:
    embed("python", FILE, tmp_path / "digits")
    page = np.full((100, 160), 235, np.uint8)
    page[30:70, [40, 41, 42, 43, 90, 91, 92, 93]] = 30
    for name, canvas in {"eleven": page, "blank": np.full_like(page, 235)}.items():
        np.save(tmp_path / f"{name}.npy", canvas)
    command = [sys.executable, "digits/digits.py", "--number", "eleven.npy", "blank.npy"]
    done = subprocess.run(command, cwd=tmp_path, text=True, capture_output=True, check=False)
    assert done.returncode == 1
    assert done.stdout == "eleven.npy: 11\n"
    assert done.stderr == "blank.npy: no number: the paper is empty\n"
