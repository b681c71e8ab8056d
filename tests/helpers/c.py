"""Generated C on this machine: compiled with a compiler's strictest warnings, and asked in a process of its own."""

import struct
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgedigits.export.c.canvas import Answers, CanvasNetwork, answer_type, print_canvas
from edgedigits.export.c.source import About, print_source
from edgedigits.models.arithmetic.integers import IntegerNetwork
from edgedigits.records.arrays import Images

STEM = "small_int8"
ABOUT = About(STEM, tuple("0123456789"), '{"version":1,"labels":"0123456789"}')
STRICT = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror")
STANDARDS = {"gcc": ("gcc", "-std=c99"), "g++": ("g++", "-std=c++11", "-x", "c++")}
ASKS = """
#include <stdint.h>
#include <stdio.h>
void {stem}_scores(const uint8_t *image, int32_t *scores, void *scratch);
int main(void)
{{
    static uint8_t image[784];
    static int32_t scores[{classes}];
    static uint32_t scratch[{words}];
    while (fread(image, 1, sizeof image, stdin) == sizeof image) {{
        {stem}_scores(image, scores, scratch);
        fwrite(scores, sizeof *scores, {classes}, stdout);
    }}
    return 0;
}}
"""

READS = """
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
typedef struct {{ int32_t label; int32_t scores[{classes}]; uint8_t seen[784]; }} answered;
int32_t {stem}_read(const uint8_t *canvas, int32_t height, int32_t width, int32_t stride, answered *answer,
                    void *scratch);
int main(void)
{{
    int32_t asked[5];                               /* height, width, stride, bytes, and where the first row begins */
    while (fread(asked, sizeof asked, 1, stdin) == 1) {{
        uint8_t *const bytes = malloc((size_t)asked[3] + 1);
        uint32_t *const scratch = malloc({scratch});
        answered answer;
        if (!bytes || !scratch || fread(bytes, 1, (size_t)asked[3], stdin) != (size_t)asked[3]) {{
            return 1;
        }}
        if ({stem}_read(bytes + asked[4], asked[0], asked[1], asked[2], &answer, scratch) != answer.label) {{
            return 2;
        }}
        fwrite(&answer, sizeof answer, 1, stdout);
        free(bytes);
        free(scratch);
    }}
    return 0;
}}
"""
SANITIZED = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def printed(network: IntegerNetwork) -> str:
    return print_source(network, ABOUT)


def compiled(source: str, folder: Path, compiler: str, *flags: str) -> Path:
    """An object file. Raises CalledProcessError on a warning."""
    path, result = folder / f"{STEM}.c", folder / f"{STEM}.o"
    path.write_text(source, encoding="ascii")
    subprocess.run([*STANDARDS[compiler], *STRICT, *flags, "-c", path, "-o", result], check=True)
    return result


def asked(network: IntegerNetwork, images: Images, folder: Path, *flags: str) -> npt.NDArray[np.int32]:
    """The scores `[n, classes]` that the C file gives, from a program that gcc made with some flags."""
    main, program = folder / "main.c", folder / "ask"
    main.write_text(ASKS.format(stem=STEM, classes=network.classes, words=network.scratch // 4))
    unit = compiled(printed(network), folder, "gcc", *flags)
    subprocess.run(["gcc", *flags, main, unit, "-o", program], check=True)
    answer = subprocess.run([program], input=images.tobytes(), capture_output=True, check=True).stdout
    return np.frombuffer(answer, np.int32).reshape(-1, network.classes)


@dataclass(frozen=True)
class Asked:
    """A canvas as C is given it: bytes, of which the first row begins at `first`; or sides that it does not take."""

    height: int
    width: int
    stride: int
    content: bytes
    first: int = 0

    @classmethod
    def of(cls, canvas: Images, stride: int | None = None) -> "Asked":
        """A canvas with rows so far apart, 255 between them, and not a byte more; upside down where that is below 0."""
        height, width = canvas.shape
        far = abs(stride or width)
        padded = np.pad(canvas[::-1] if (stride or 0) < 0 else canvas, ((0, 0), (0, far - width)), constant_values=255)
        content = padded.tobytes()[: (height - 1) * far + width]
        return cls(height, width, stride or width, content, (height - 1) * far if (stride or 0) < 0 else 0)


def reader(found: CanvasNetwork, folder: Path, *flags: str) -> Path:
    """A program of gcc that reads canvases, each from memory that is not a byte longer."""
    main, program = folder / "main.c", folder / "read"
    main.write_text(READS.format(stem=STEM, classes=found.network.classes, scratch=found.scratch))
    unit = compiled(print_canvas(found, ABOUT), folder, "gcc", *flags)
    subprocess.run(["gcc", *flags, main, unit, "-o", program], check=True)
    return program


def read(program: Path, asked: Iterable[Asked], classes: int = 10) -> Answers:
    """What such a program answers. Raises CalledProcessError where a sanitizer finds a fault."""
    given = b"".join(
        struct.pack("<5i", each.height, each.width, each.stride, len(each.content), each.first) + each.content
        for each in asked
    )
    said = subprocess.run([program], input=given, stdout=subprocess.PIPE, check=True).stdout
    return np.frombuffer(said, answer_type(classes))
