"""A whole C file: `print_source(network, about)` gives its text, the same for the same network everywhere.

What is not the network's own, how a file is called and what stands around the network, is its Face: that of a digit
file is here, that of a canvas file in `canvas`.
"""

import math
import re
from dataclasses import dataclass
from pathlib import Path

from edgedigits.errors import UsageError
from edgedigits.export.c.layers import Printed, Printer, packed_sizes
from edgedigits.export.c.tables import WIDTH, identifiers, string
from edgedigits.export.c.weights import WIDTHS, are_packed, block_of, sizes_of
from edgedigits.models.arithmetic import steps
from edgedigits.models.arithmetic.integers import IntegerNetwork

PARTS = Path(__file__).with_name("integers")
ORDER = (
    "sums",
    "wide",
    "packed",
    *(f"packed_{kind}_{bits}" for bits in WIDTHS for kind in ("weight", "rows", "each")),
    "rows",
    "dense",
    "convolve",
    "convolve_groups",
    "max_pool",
    "average",
    "lookup",
    "add",
    "multiply",
    "concat",
    "pad",
    "paper",
    "cells",
    "frame",
    "decide",
)
ALWAYS_ROWS = "convolve_groups"
CONTRACT_VERSION = 1  # of what the file promises: EDGEDIGITS_C_CONTRACT
LEAST_WINDOW = 64  # values that are made wide at a time
MOST_STRING = 4095  # characters of one, which C99 promises to take
MACROS = """\
#if defined(__AVR__)                            /* constants lie in another address space there */
#include <avr/pgmspace.h>
#define EDGEDIGITS_CONST const PROGMEM
#define EDGEDIGITS_INT8(place) ((int8_t)pgm_read_byte(place))
#define EDGEDIGITS_UINT8(place) ((uint8_t)pgm_read_byte(place))
#define EDGEDIGITS_UINT16(place) ((uint16_t)pgm_read_word(place))
#define EDGEDIGITS_INT32(place) ((int32_t)pgm_read_dword(place))
#else
#ifndef EDGEDIGITS_CONST                        /* define it to put them into a section of your own */
#define EDGEDIGITS_CONST const
#endif
#define EDGEDIGITS_INT8(place) (*(place))
#define EDGEDIGITS_UINT8(place) (*(place))
#define EDGEDIGITS_UINT16(place) (*(place))
#define EDGEDIGITS_INT32(place) (*(place))
#endif
#if defined(__AVX2__) && defined(__GNUC__)      /* the same integers, in wide registers */
#define EDGEDIGITS_WIDE
#include <immintrin.h>
#endif
"""


@dataclass(frozen=True)
class About:
    """What a file says of itself.

    stem       what its names begin with
    labels     of the classes
    contract   as JSON on one line, ASCII
    """

    stem: str
    labels: tuple[str, ...]
    contract: str

    def __post_init__(self) -> None:
        for label in self.labels:
            if re.search(r'["\\\n\r?]|\*/|[^\x20-\x7e]', label):
                raise UsageError(f"label {label!r}: plain ASCII without quotes, newlines and */ wanted in a C file")
        if len(self.contract) > MOST_STRING:
            raise UsageError(f"contract: at most {MOST_STRING:,} characters wanted, {len(self.contract):,} given")


@dataclass(frozen=True)
class Face:
    """How a file is called, and what of it is not the network.

    usage        lines of the comment on top: how it is called, what it takes and what it gives
    scratch      bytes that it needs
    declared     its functions and types
    parts        names of further files in `integers/`
    constants    further tables and records
    head, tail   of the function that computes the scores of an image, and what follows it
    """

    usage: str
    scratch: int
    declared: str
    head: str
    parts: tuple[str, ...] = ()
    constants: str = ""
    tail: str = ""


def print_source(network: IntegerNetwork, about: About) -> str:
    """The text of a digit file."""
    stem, big = about.stem, about.stem.upper()
    head = f"void {stem}_scores(const uint8_t *image, int32_t *scores, void *scratch)"
    usage = f"""\
 *     int32_t scores[{big}_CLASSES];
 *     {stem}_scores(image, scores, scratch);         the largest score is the answer
 *
 * image    28 x 28 bytes, row by row; ground 0, ink 255, the digit centred as in MNIST"""
    return print_behind(Face(usage, network.scratch, f"{head};", head), network, about)


def print_behind(face: Face, network: IntegerNetwork, about: About) -> str:
    """The text of a file: a network behind a face."""
    printer = Printer(network, identifiers(each.step.name for each in network.steps))
    printed = [printer.printed(number) for number in range(len(network.steps))]
    needed = {part for each in printed for part in each.parts} | {*face.parts}
    parts = [_part("common"), *([_sizes(network)] if "sums" in needed else [])]
    parts += [_guarded(name, needed) for name in ORDER if name in needed]
    pieces = [
        _comment(face, network, about),
        "#include <stdint.h>\n",
        MACROS,
        _interface(face, network, about.stem),
        *parts,
        *(each.constants for each in printed),
        *([face.constants] if face.constants else []),
        _scores(face.head, printed),
        *([face.tail] if face.tail else []),
        print_labels(about),
        f"const char {about.stem}_contract[] =\n{string(about.contract)};\n",
        "#ifdef __cplusplus\n}\n#endif\n",
    ]
    return "\n".join(pieces)


def _guarded(name: str, needed: set[str]) -> str:
    """A part, where the compiler takes it: single rows are not summed in wide registers, but for groups of channels."""
    text = _part(name)
    return f"#if !defined(EDGEDIGITS_WIDE)\n{text}#endif\n" if name == "rows" and ALWAYS_ROWS not in needed else text


def _sizes(network: IntegerNetwork) -> str:
    """How many outputs are summed at a time, and in wide registers values; those of a convolution's place at once.

    Of packed layers, what holds their sizes: a record of 32 bits each takes more flash than many a layer's weights.
    """
    block = f"#define BLOCK {block_of(network.steps)}\n"
    if are_packed(network.steps):
        weighing = [each for each in network.steps if steps.weighs(each.step)]
        most = max(abs(number) for each in weighing for row in packed_sizes(each) for number in row)
        return f"{block}typedef int{16 if most < 2**15 else 32}_t extent;\n"
    return f"{block}#define WINDOW {max(LEAST_WINDOW, *(_taps(each.step) for each in network.steps))}\n"


def _taps(step: steps.Step) -> int:
    """Room for what a place of a convolution sums and a 0: an even number."""
    return (math.prod(step.weights_shape[:3]) // 2 + 1) * 2 if isinstance(step, steps.Convolve) else 0


def _part(name: str) -> str:
    """The text of a part; one for a number of bits that has no file of its own is made of that for any."""
    own = PARTS / f"{name}.c"
    if own.exists():
        return own.read_text(encoding="utf-8")
    kind, _, bits = name.rpartition("_")
    width, text = int(bits), (PARTS / f"{kind}.c").read_text(encoding="utf-8")
    read = ["(uint32_t)EDGEDIGITS_UINT8(row)"]
    read += [f"(uint32_t)EDGEDIGITS_UINT8(row + {place}) << {8 * place}" for place in range(1, width)]
    words = {"BITS": bits, "MASK": str(2**width - 1), "SIGN": str(2 ** (width - 1)), "READ": "\n        | ".join(read)}
    return re.sub("|".join(words), lambda word: words[word[0]], text)


def _comment(face: Face, network: IntegerNetwork, about: About) -> str:
    flash = sum(sizes_of(network))
    stem, big = about.stem, about.stem.upper()
    return f"""\
/* {stem}: a digit classifier in integers, by EdgeDigits. It needs no library and answers alike everywhere.
 *
 *     static uint32_t scratch[{big}_SCRATCH_BYTES / 4];
{face.usage}
 * scores   logits in steps of {network.unit!r}
 * size     {flash:,} bytes of tables, {face.scratch:,} of scratch; {network.products:,} products an image
 *
 * Values are bytes that stand for scale * (value - zero). A layer's sums, 32 bits, become values by
 * clip(floor(sum * multiplier / 2^shift + 1/2) + zero, low, high). The layers, as they are computed:
 *
{_plan(network)}
 */
"""


def _plan(network: IntegerNetwork) -> str:
    """The plan, with what would end the comment written otherwise."""
    return network.plan().replace("*/", "*\\/")


def _interface(face: Face, network: IntegerNetwork, stem: str) -> str:
    return f"""\
#ifdef __cplusplus
extern "C" {{
#endif

#define EDGEDIGITS_C_CONTRACT {CONTRACT_VERSION}
#define {stem.upper()}_CLASSES {network.classes}
#define {stem.upper()}_SCRATCH_BYTES {face.scratch}

{face.declared}
extern const char *const {stem}_labels[{stem.upper()}_CLASSES];
extern const char {stem}_contract[];
"""


def _scores(head: str, printed: list[Printed]) -> str:
    calls = "\n".join(f"    {call}" for each in printed for call in each.calls)
    return f"{head}\n{{\n    uint8_t *const values = (uint8_t *)scratch;\n{calls}\n}}\n"


def print_labels(about: About) -> str:
    """The labels of its classes."""
    names = ", ".join(f'"{label}"' for label in about.labels)
    if len(names) + 4 > WIDTH:
        names = ",\n    ".join(f'"{label}"' for label in about.labels)
    return f"const char *const {about.stem}_labels[{about.stem.upper()}_CLASSES] = {{\n    {names}\n}};\n"
