"""Folders around C files: they compile as they are, and their scores are the exact ones."""

import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from edgedigits.data import canvases, drawn
from edgedigits.embed.embedder import embed
from edgedigits.embed.wasm import classic
from edgedigits.errors import MissingCapability, ModelFileError, UsageError
from edgedigits.export.onnx import framing
from edgedigits.runtime.readers.c import read_canvas_network, read_network
from tests.helpers.c import STRICT
from tests.helpers.commands import take_away

TARGETS = ("arduino", "c", "wasm")
AVR_WARNINGS = (
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Wno-avr-rtlib-linking-quirks",
)  # the last is of linking, which is not done
ARDUINO = """
#pragma once
#include <stdint.h>
#define PROGMEM
#define F(text) text
#define pgm_read_byte(place) (*(const uint8_t *)(place))
unsigned long millis();
void delay(unsigned long);
struct Line {
  void begin(long);
  int available();
  int read();
  void print(const char *);
  void println(const char *);
  void println(unsigned long);
};
extern Line Serial;
void setup();
void loop();
"""
BOARD = """
#include "Arduino.h"
#include <stdio.h>
#include <stdlib.h>
static int next = -2;
unsigned long millis() { static unsigned long now; return now++ / 100; }
void delay(unsigned long) { exit(0); }
void Line::begin(long) {}
int Line::available() { if (next == -2) next = getchar(); if (next == EOF) exit(0); return 1; }
int Line::read() { int found = next; next = -2; return found; }
void Line::print(const char *text) { fputs(text, stdout); }
void Line::println(const char *text) { puts(text); fflush(stdout); }
void Line::println(unsigned long) { puts("0"); fflush(stdout); }
Line Serial;
int main() { setup(); for (;;) loop(); }
"""


PGMSPACE = """
#include <stdint.h>
#define PROGMEM __attribute__((section(".progmem.data")))
static inline uint8_t pgm_read_byte(const void *place)
{
    uint8_t found;
    __asm__("lpm %0, Z" : "=r"(found) : "z"(place));
    return found;
}
static inline uint16_t pgm_read_word(const void *place)
{
    return (uint16_t)(pgm_read_byte(place) | (uint16_t)pgm_read_byte((const uint8_t *)place + 1) << 8);
}
static inline uint32_t pgm_read_dword(const void *place)
{
    return pgm_read_word(place) | (uint32_t)pgm_read_word((const uint8_t *)place + 2) << 16;
}
"""  # as avr-libc has it, as far as it is asked


@pytest.fixture(scope="module")
def reading(exports: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a canvas file, by the model's name."""
    folder = tmp_path_factory.mktemp("embedded") / "reading"
    embed("c", "cnn-tiny", folder, input="canvas", exports=exports)
    return folder


@pytest.fixture(scope="module")
def folders(exports: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of each target."""
    folder = tmp_path_factory.mktemp("embedded")
    for target in TARGETS:
        embed(target, exports / "cnn-tiny" / "cnn-tiny.int8.c", folder / target)
    return folder


def run(folder: Path, *command: object, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(list(map(str, command)), cwd=folder, input=given, capture_output=True, check=False)


def lines(done: subprocess.CompletedProcess[bytes]) -> list[str]:
    assert (done.returncode, done.stderr) == (0, b""), done.stderr.decode()
    return done.stdout.decode().splitlines()


def pgm(picture: np.ndarray, header: str = "P5\n# drawn\n28 28\n255\n") -> bytes:
    return header.encode() + picture.tobytes()


@pytest.mark.needs("gcc", "make")
def test_the_c_folder_builds_without_a_warning_and_its_scores_are_exact(folders: Path) -> None:
    folder = folders / "c"
    environment = {**os.environ, "CFLAGS": " ".join(STRICT)}
    done = subprocess.run(["make", "test", "all"], cwd=folder, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert b"passed: 28 golden pictures, every score" in done.stdout
    assert lines(run(folder, "./digits", "example.pgm"))[0].startswith("example.pgm: ")


@pytest.mark.needs("gcc", "cmake")
def test_the_c_folder_builds_with_cmake(folders: Path, tmp_path: Path) -> None:
    for command in (("-S", folders / "c", "-B", tmp_path), ("--build", tmp_path)):
        assert run(tmp_path, "cmake", *command).returncode == 0
    assert lines(run(tmp_path, "./selftest")) == ["passed: 28 golden pictures, every score"]


@pytest.mark.needs("gcc", "make")
def test_a_score_that_is_off_by_one_is_named(folders: Path, tmp_path: Path) -> None:
    for path in (folders / "c").iterdir():
        if path.suffix != ".o" and path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    golden = (tmp_path / "golden.h").read_text()
    found = re.search(r"golden_scores.*\n    \{(-?\d+)", golden)
    assert found
    (tmp_path / "golden.h").write_text(golden.replace(found[0], found[0].replace(found[1], str(int(found[1]) + 1))))
    done = run(tmp_path, "make", "test")
    assert done.returncode != 0
    assert b"FAILED: drawn 0: 1 of 10 scores are others" in done.stdout


@pytest.mark.needs("gcc", "make")
def test_the_c_program_reads_pictures_and_names_those_that_are_none(
    folders: Path, tmp_path: Path, exports: Path
) -> None:
    folder = folders / "c"
    subprocess.run(["make", "digits"], cwd=folder, capture_output=True, check=True)
    images, _ = drawn.digits(10, seed=5)
    path = exports / "cnn-tiny" / "cnn-tiny.int8.c"
    wanted = read_network(path, path.read_bytes()).scores(images).argmax(1)
    for index, image in enumerate(images):
        (tmp_path / f"{index}.pgm").write_bytes(pgm(image))
    found = lines(run(tmp_path, folder / "digits", *(f"{index}.pgm" for index in range(10))))
    assert found == [f"{index}.pgm: {answer}" for index, answer in enumerate(wanted)]
    (tmp_path / "half.pgm").write_bytes(pgm(images[7] // 2, "P5 28 28 127\n"))
    assert lines(run(tmp_path, folder / "digits", "half.pgm")) == [f"half.pgm: {wanted[7]}"]
    bad = {
        "text.pgm": (b"hello", "no binary PGM picture (P5)"),
        "large.pgm": (pgm(images[0], "P5 29 28 255\n"), "28 x 28 pixels wanted"),
        "huge.pgm": (b"P5 99999999999999999999 28 255\n", "28 x 28 pixels wanted"),
        "deep.pgm": (pgm(images[0], "P5 28 28 65535\n"), "8 bits a pixel wanted"),
        "cut.pgm": (pgm(images[0])[:-1], "it is cut off"),
        "comment.pgm": (b"P5 #", "28 x 28 pixels wanted"),
    }
    for name, (content, reason) in bad.items():
        (tmp_path / name).write_bytes(content)
        done = run(tmp_path, folder / "digits", name)
        assert (done.returncode, done.stderr.decode()) == (1, f"{name}: {reason}\n")
    assert run(tmp_path, folder / "digits", "gone.pgm").stderr == b"gone.pgm: it cannot be opened\n"
    assert run(tmp_path, folder / "digits").returncode == 2


@pytest.mark.needs("gcc", "g++")
def test_the_sketches_answer_on_a_board_that_is_played(folders: Path, tmp_path: Path, exports: Path) -> None:
    library = folders / "arduino"
    (tmp_path / "Arduino.h").write_text(ARDUINO)
    (tmp_path / "board.cpp").write_text(BOARD)
    subprocess.run(
        ["gcc", "-std=c99", "-c", library / "src" / "cnn-tiny.int8.c", "-o", tmp_path / "model.o"], check=True
    )
    for name in ("Drawn", "Stream"):
        sketch = library / "examples" / name / f"{name}.ino"
        flags = ("-std=c++11", "-Wall", "-Wextra", "-Werror", f"-I{tmp_path}", f"-I{library / 'src'}")
        files = ("-x", "c++", sketch, tmp_path / "board.cpp", "-x", "none", tmp_path / "model.o")
        done = run(tmp_path, "g++", *flags, "-include", "Arduino.h", *files, "-o", name)
        assert done.returncode == 0, done.stderr.decode()
    assert re.fullmatch(r"This is a \d, read in ms: 0", lines(run(tmp_path, "./Drawn"))[0])
    images, _ = drawn.digits(10, seed=5)
    path = exports / "cnn-tiny" / "cnn-tiny.int8.c"
    wanted = read_network(path, path.read_bytes()).scores(images).argmax(1)
    assert lines(run(tmp_path, "./Stream", given=images.tobytes())) == list(map(str, wanted))


@pytest.mark.parametrize("processor", ["cortex_m0", "cortex_m4"])
def test_the_library_compiles_for_boards(processor: str, folders: Path, tmp_path: Path) -> None:
    library = folders / "arduino"
    (tmp_path / "Arduino.h").write_text(ARDUINO)
    target = ("-target", "thumb-freestanding-eabi", f"-mcpu={processor}", "-Os", "-Wall", "-Wextra", "-Werror", "-c")
    zig = (sys.executable, "-m", "ziglang")
    source = library / "src" / "cnn-tiny.int8.c"
    assert lines(run(tmp_path, *zig, "cc", "-std=c99", *target, source, "-o", "model.o")) == []
    for name in ("Drawn", "Stream"):
        sketch = library / "examples" / name / f"{name}.ino"
        flags = ("-std=c++11", f"-I{tmp_path}", f"-I{library / 'src'}", "-include", "Arduino.h", "-x", "c++")
        assert lines(run(tmp_path, *zig, "c++", *target, *flags, sketch, "-o", f"{name}.o")) == []


@pytest.mark.lengthy
def test_its_source_compiles_for_avr_where_constants_are_apart(folders: Path, reading: Path, tmp_path: Path) -> None:
    (tmp_path / "avr").mkdir()
    (tmp_path / "avr" / "pgmspace.h").write_text(PGMSPACE)
    flags = ("-target", "avr-freestanding-eabi", "-mcpu=atmega2560", "-Os", "-std=c99", *AVR_WARNINGS)
    command = (sys.executable, "-m", "ziglang", "cc", *flags, f"-I{tmp_path}", "-c")
    for source in (folders / "arduino" / "src" / "cnn-tiny.int8.c", reading / "cnn-tiny.canvas.int8.c"):
        done = run(tmp_path, *command, source, "-o", "model.o")
        assert done.returncode == 0, done.stderr.decode()
        assert b".progmem.data" in (tmp_path / "model.o").read_bytes()


def test_the_library_is_described_for_each_of_its_systems(folders: Path) -> None:
    library = folders / "arduino"
    properties = dict(line.split("=", 1) for line in (library / "library.properties").read_text().splitlines())
    assert properties["includes"] == "cnn_tiny_int8.h"
    assert {"name", "version", "author", "maintainer", "sentence", "paragraph", "category", "architectures"} <= (
        properties.keys()
    )
    described = json.loads((library / "library.json").read_text())
    for example in described["examples"]:
        for file in example["files"]:
            assert (library / example["base"] / file).is_file()
    (source,) = re.findall(r'SRCS "(.+?)"', (library / "CMakeLists.txt").read_text())
    assert (library / source).is_file()
    assert "A board with 8 kB of RAM or more is needed" in (library / "README.md").read_text()


def test_an_uno_is_enough_for_a_small_network(exports: Path, tmp_path: Path) -> None:
    made = embed("arduino", exports / "fc-tiny" / "fc-tiny.int8.c", tmp_path / "library")
    assert "An Uno (2 kB of RAM) is enough." in (made.folder / "README.md").read_text()


@pytest.mark.needs("node")
def test_the_module_runs_in_node_and_frames_as_canvas_files_do(folders: Path, tmp_path: Path) -> None:
    folder = folders / "wasm"
    assert lines(run(folder, "node", "selftest.mjs")) == ["passed: 28 golden pictures, every score"]
    pictures = [canvases.paste(image, (0.6, 3.2), (90, 110)) for image in drawn.digits(10, seed=5)[0]]
    pictures += [255 - pictures[3], np.zeros((9, 30), np.uint8), np.full((8, 8), 7, np.uint8), pictures[1][:, ::-1]]
    given = [{"height": len(each), "width": each.shape[1], "pixels": each.ravel().tolist()} for each in pictures]
    (tmp_path / "given.json").write_text(json.dumps(given))
    code = (
        f"import {{ frame }} from {json.dumps((folder / 'framing.js').as_uri())}; import fs from 'node:fs'; "
        "for (const { height, width, pixels } of JSON.parse(fs.readFileSync('given.json')))"
        " console.log(JSON.stringify(Array.from(frame(Float32Array.from(pixels), width, height))));"
    )
    found = lines(run(tmp_path, "node", "--input-type=module", "-e", code))
    for line, picture in zip(found, pictures, strict=True):
        apart = np.abs(np.array(json.loads(line)).reshape(28, 28) - framing.frame(picture).astype(int))
        assert apart.max() <= 1  # of float32 and float64


def test_page_and_module_are_small(folders: Path) -> None:
    folder = folders / "wasm"
    assert len(gzip.compress((folder / "index.html").read_bytes(), 9)) < 30_000
    assert len(gzip.compress((folder / "digits.js").read_bytes(), 9)) < 14_000
    assert not re.search(r"https?://|src=|^import ", (folder / "index.html").read_text(), re.M)


def test_the_page_opens_as_a_file_and_reads_what_is_drawn(browser: Browser, folders: Path) -> None:
    context = browser.new_context(offline=True, viewport={"width": 1200, "height": 760})
    page = context.new_page()
    troubles: list[str] = []
    page.on("console", lambda message: troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.goto((folders / "wasm" / "index.html").as_uri())
    answer = page.locator("#answer")
    expect(answer).to_have_text("nothing yet")
    box = page.locator("#canvas").bounding_box()
    assert box
    x, y, side = box["x"], box["y"], box["width"]
    page.mouse.move(x + 0.5 * side, y + 0.2 * side)
    page.mouse.down()
    page.mouse.move(x + 0.5 * side, y + 0.8 * side, steps=5)
    page.mouse.up()
    expect(answer).to_have_text(re.compile("^[0-9]$"))
    assert page.locator("#bars .best").count() == 1
    page.keyboard.press("Control+z")
    expect(answer).to_have_text("nothing yet")
    assert troubles == []
    context.close()


@pytest.mark.parametrize("target", TARGETS)
def test_the_same_file_gives_the_same_bytes(target: str, folders: Path, exports: Path, tmp_path: Path) -> None:
    made = embed(target, exports / "cnn-tiny" / "cnn-tiny.int8.c", tmp_path / "again")
    for name in made.files:
        assert (made.folder / name).read_bytes() == (folders / target / name).read_bytes(), name


@pytest.mark.parametrize("target", TARGETS)
def test_the_readme_lists_what_is_there(target: str, folders: Path) -> None:
    folder = folders / target
    table = (folder / "README.md").read_text().partition("## What is here")[2]
    listed = {name for row in re.findall(r"^\| (`.+?`) \|", table, re.M) for name in re.findall(r"`(.+?)`", row)}
    assert all((folder / name).exists() for name in listed)
    top = {path.name for path in folder.iterdir() if path.suffix not in (".o", "") or path.name == "Makefile"}
    assert top - {"README.md"} <= {Path(name).name for name in listed}


@pytest.mark.needs("gcc", "make")
def test_the_c_folder_of_a_canvas_file_builds_without_a_warning_and_every_integer_is_exact(reading: Path) -> None:
    environment = {**os.environ, "CFLAGS": " ".join(STRICT)}
    done = subprocess.run(["make", "test", "all"], cwd=reading, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert b"passed: 29 golden canvases, every integer" in done.stdout
    assert lines(run(reading, "./digits", "example.pgm"))[0].startswith("example.pgm: ")


@pytest.mark.needs("gcc", "make")
def test_an_integer_of_a_canvas_that_is_off_by_one_is_named(reading: Path, tmp_path: Path) -> None:
    for path in reading.iterdir():
        if path.suffix != ".o":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    golden = (tmp_path / "golden.h").read_text()
    assert golden.count("golden_pixels_3,\n        {\n            ") == 1
    (tmp_path / "golden.h").write_text(
        golden.replace("golden_pixels_3,\n        {\n            ", "golden_pixels_3,\n        {\n            10 + ")
    )
    done = run(tmp_path, "make", "test")
    assert done.returncode != 0
    assert b"FAILED: drawn 3: 1 integers are others" in done.stdout


@pytest.mark.needs("gcc", "make")
def test_the_c_program_reads_pictures_of_any_size(reading: Path, tmp_path: Path, exports: Path) -> None:
    subprocess.run(["make", "digits"], cwd=reading, capture_output=True, check=True)
    path = exports / "cnn-tiny" / "cnn-tiny.canvas.int8.c"
    pictures = [canvases.paste(image) for image in drawn.digits(8, seed=5)[0]] + [np.full((8, 2048), 9, np.uint8)]
    for index, picture in enumerate(pictures):
        header = f"P5 {picture.shape[1]} {picture.shape[0]} 255\n"
        (tmp_path / f"{index}.pgm").write_bytes(pgm(picture, header))
    labels = read_canvas_network(path, path.read_bytes()).answers(pictures)["label"].tolist()
    found = lines(run(tmp_path, reading / "digits", *(f"{index}.pgm" for index in range(len(pictures)))))
    assert found == [f"{index}.pgm: {'no digit' if label < 0 else label}" for index, label in enumerate(labels)]
    assert found[-1] == "8.pgm: no digit"
    for size in ("7 8", "8 7", "2049 8", "8 2049"):
        (tmp_path / "bad.pgm").write_bytes(f"P5 {size} 255\n".encode())
        done = run(tmp_path, reading / "digits", "bad.pgm")
        assert (done.returncode, done.stderr) == (1, b"bad.pgm: 8 to 2048 pixels a side wanted\n")


def test_a_canvas_file_is_embedded_by_its_path_or_by_what_it_takes(
    reading: Path, exports: Path, tmp_path: Path
) -> None:
    made = embed("c", exports / "cnn-tiny" / "cnn-tiny.canvas.int8.c", tmp_path / "c")
    assert all((made.folder / name).read_bytes() == (reading / name).read_bytes() for name in made.files)
    header = (reading / "cnn_tiny_canvas_int8.h").read_text()
    assert "cnn_tiny_canvas_int8_read(" in header
    assert "_scores(" not in header
    assert "any size" in (reading / "README.md").read_text()
    with pytest.raises(UsageError, match="target wasm embeds no files that take a canvas"):
        embed("wasm", "cnn-tiny", tmp_path / "wasm", input="canvas", exports=exports)
    with pytest.raises(UsageError, match="unknown input 'canvs': did you mean 'canvas'"):
        embed("c", "cnn-tiny", tmp_path / "other", input="canvs", exports=exports)
    with pytest.raises(UsageError, match="takes a canvas, and target c embeds files that take a digit"):
        embed("c", exports / "cnn-tiny" / "cnn-tiny.canvas.int8.c", tmp_path / "other", input="digit")
    with pytest.raises(UsageError, match="takes a canvas, and target arduino embeds files that take a digit"):
        embed("arduino", exports / "cnn-tiny" / "cnn-tiny.canvas.int8.c", tmp_path / "other")


def test_other_files_and_other_machines_are_refused(
    exports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ModelFileError, match=r"a onnx file, and target c embeds C files: edgedigits export --format c"):
        embed("c", exports / "cnn-tiny" / "cnn-tiny.onnx", tmp_path / "c")
    with pytest.raises(ModelFileError, match="a c-int8 file, and target python embeds ONNX files"):
        embed("python", exports / "cnn-tiny" / "cnn-tiny.int8.c", tmp_path / "python")
    take_away("ziglang", monkeypatch)
    with pytest.raises(MissingCapability, match="ziglang"):
        embed("wasm", exports / "cnn-tiny" / "cnn-tiny.int8.c", tmp_path / "wasm")
    assert list(tmp_path.iterdir()) == []


def test_each_import_of_a_page_becomes_a_function() -> None:
    source = 'import { a } from "./one.js";\n\na();\n'
    assert classic(source, {"one.js": b"export const a = () => 1;\nconst b = 2;\n"}) == (
        "{\nconst { a } = (() => {\nconst a = () => 1;\nconst b = 2;\n\nreturn { a };\n})();\n\na();\n}"
    )
