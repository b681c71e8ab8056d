"""What the tests of the embed targets that are compiled share: folders of files, built and run by commands."""

import json
import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from PIL import Image

from edgedigits.data import canvases, drawn
from edgedigits.embed.embedder import embed
from edgedigits.embed.targets import get_target
from edgedigits.records.artifact import CONTRACT_KEY
from edgedigits.runtime.load import Opener
from edgedigits.runtime.predictor import CanvasPredictor

SHELF = Path(__file__).parents[2] / "exports"
FILES = {"canvas": SHELF / "cnn" / "cnn.canvas.onnx", "digit": SHELF / "fc" / "fc.int8.onnx"}
VERDICT = r"passed: (\d+) golden inputs, logits off by (\S+) at most, (\S+) allowed"
SECONDS = 1800  # of a command: a first build compiles what it needs, too


@dataclass(frozen=True)
class Language:
    """How a target's folder is used, in a shell in it.

    build         makes the program
    selftest      runs the self-test of what was built
    program       runs the program; behind it come pictures
    sources       those in the folder that its formatter has a say in
    mistake       in a source: what stands there, and what inverts every picture in its place
    environment   beside this process's
    """

    target: str
    build: str
    selftest: str
    program: str
    sources: tuple[str, ...]
    mistake: tuple[str, str, str]
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, folder: Path, command: str) -> "subprocess.CompletedProcess[str]":
        """A command in a folder."""
        environment = os.environ | self.environment
        return subprocess.run(
            command,
            shell=True,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def made(self, model: Path, folder: Path) -> Path:
        """The folder of a model file, built."""
        embed(self.target, model, folder)
        done = self.run(folder, self.build)
        assert done.returncode == 0, done.stdout + done.stderr
        return folder


def check_selftest(language: Language, folder: Path) -> None:
    """It passes, all inputs within the tolerance."""
    done = language.run(folder, language.selftest)
    assert done.returncode == 0, done.stdout + done.stderr
    ((count, off, tolerance),) = re.findall(VERDICT, done.stdout)
    assert int(count) >= 24
    assert float(off) <= float(tolerance)


def check_mistake(language: Language, folder: Path) -> None:
    """A program that inverts its pictures fails the self-test."""
    name, old, new = language.mistake
    source = folder / name
    text = source.read_text()
    assert text.count(old) == 1
    source.write_text(text.replace(old, new))
    try:
        built = language.run(folder, language.build)
        assert built.returncode == 0, built.stdout + built.stderr
        done = language.run(folder, language.selftest)
        assert done.returncode != 0
        assert "the pixels that reach the model are others" in done.stdout
    finally:
        source.write_text(text)


def check_pictures(language: Language, folder: Path, model: Path) -> None:
    """Pictures are answered a line each, as Python answers them; what is none is named, and the exit code says so."""
    predictor = Opener().open(model)
    assert isinstance(predictor, CanvasPredictor)
    canvas = {f"{label}.pgm": canvases.paste(image) for label, image in enumerate(drawn.digits(10, seed=5)[0])}
    canvas["blank.pgm"] = np.full((40, 50), 200, np.uint8)
    wanted = []
    for name, image in canvas.items():
        Image.fromarray(image).save(folder / name)
        found = predictor.read(image).probabilities
        sure = found.max() >= (predictor.contract.threshold or 0)
        label = predictor.contract.labels[found.argmax()] if sure else "no digit"
        wanted.append(f"{name}: {label} ({found.max():.1%})")
    (folder / "short.pgm").write_bytes(b"P5 30 30 255\n123")
    (folder / "small.pgm").write_bytes(b"P5 2 3 255\n123456")
    (folder / "text.pgm").write_text("hello")
    wrong = ["short.pgm", "small.pgm", "text.pgm", "missing.pgm"]
    done = language.run(folder, f"{language.program} {' '.join([*canvas, *wrong])}")
    assert done.returncode == 1
    assert done.stdout.splitlines() == wanted
    assert [line.split(": ")[0] for line in done.stderr.splitlines()] == wrong
    usage = language.run(folder, language.program)
    assert (usage.returncode, usage.stdout) == (2, "")
    assert usage.stderr.startswith("usage: ")
    asked = language.run(folder, f"{language.program} --help")
    assert (asked.returncode, asked.stdout) == (0, usage.stderr)


def check_labels(language: Language, folder: Path) -> None:
    """Labels with quotes, backslashes and letters of any script come out as they are."""
    folder.mkdir()
    labels = ['"', "\\", "a\\n", "${7}", "{{ x }}", "%s", "é", "七", "' ; //", "*/"]
    model = onnx.load(FILES["digit"])
    (entry,) = (entry for entry in model.metadata_props if entry.key == CONTRACT_KEY)
    entry.value = json.dumps(json.loads(entry.value) | {"labels": labels})
    onnx.save(model, folder / "odd.int8.onnx")
    made = language.made(folder / "odd.int8.onnx", folder / "made")
    check_selftest(language, made)
    done = language.run(made, f"{language.program} example.pgm")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("example.pgm: 七 (")


def check_readme(language: Language, folder: Path) -> None:
    """Its commands are those of the target, and work; its list of files is whole."""
    lines = (folder / "README.md").read_text().splitlines()
    begin = lines.index("```sh") + 1
    commands = lines[begin : lines.index("```", begin)]
    assert " && ".join(commands[:-1]) == get_target(language.target).selftest
    for command in commands:
        done = language.run(folder, command)
        assert done.returncode == 0, done.stdout + done.stderr
    assert re.fullmatch(r"example\.pgm: (\d|no digit) \(\d+\.\d%\)\n", done.stdout)
    text = "\n".join(lines)
    for source in language.sources:
        assert f"`{source}`" in text


def runtime_library() -> str:
    """ONNX Runtime's library, as its Python package has it."""
    (found,) = Path(onnxruntime.__file__).parent.glob("capi/libonnxruntime.so*")
    return str(found)


def picture(kind: str, folder: Path) -> Path:
    """A drawn 7 on paper, as a picture of some kind."""
    made = Image.fromarray(255 - canvases.paste(drawn.digits(10, seed=5)[0][7], largest=(200, 200)))
    path = folder / f"7.{kind}"
    if kind == "sixteen.png":
        Image.fromarray(np.asarray(made).astype(np.uint16) * 257).save(path)
    elif kind == "clear.png":
        ink = made.point(lambda level: 255 - level)
        clear = Image.new("RGBA", made.size, (0, 0, 0, 0))
        clear.putalpha(ink if np.median(np.asarray(ink)) < 128 else made)
        clear.save(path)
    else:
        made.convert("RGB").save(path)
    return path
