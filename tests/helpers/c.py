"""Generated C on this machine: compiled with a compiler's strictest warnings, and asked in a process of its own."""

import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt

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
