"""A whole C file in float: `print_floats(folded, about)` gives its text, the same for the same network everywhere."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edgedigits.errors import UsageError
from edgedigits.export.c.layers import Printed, constant, lines
from edgedigits.export.c.source import CONTRACT_VERSION, About, print_labels
from edgedigits.export.c.tables import floats, identifiers, real, string, table
from edgedigits.export.c.weights import in_blocks
from edgedigits.models.arithmetic import lifetimes, steps
from edgedigits.models.arithmetic.floats import plan_of
from edgedigits.models.arithmetic.folding import Folded
from edgedigits.models.arithmetic.steps import Step, Tensor

PARTS = Path(__file__).with_name("floats")
ORDER = ("dense", "convolve", "max_pool", "average", "add", "multiply", "concat", "pad")
BLOCK = 16  # outputs that are summed at a time
PIXELS = 28 * 28
FUNCTIONS = {  # of x; the first parameter may be one a channel
    "clip": "clip(x, {0}, {1})",
    "leaky": "x > 0.0f ? x : x * {0}",
    "elu": "x > 0.0f ? x : {0} * expm1f(x)",
    "gelu": "0.5f * x * (1.0f + erff(x * 0.70710678f))",
    "gelu-tanh": "0.5f * x * (1.0f + tanhf(0.79788456f * (x + 0.044715f * x * x * x)))",
    "silu": "x * 0.5f * (1.0f + tanhf(0.5f * x))",
    "hardswish": "x * clip(x / 6.0f + 0.5f, 0.0f, 1.0f)",
    "hardsigmoid": "clip(x / 6.0f + 0.5f, 0.0f, 1.0f)",
    "sigmoid": "0.5f * (1.0f + tanhf(0.5f * x))",
    "tanh": "tanhf(x)",
}
FROM_MATH = frozenset(("elu", "gelu", "gelu-tanh", "silu", "sigmoid", "tanh"))
MACROS = """\
#if defined(__AVR__)                            /* constants lie in another address space there */
#include <avr/pgmspace.h>
#define EDGEDIGITS_CONST const PROGMEM
#define EDGEDIGITS_FLOAT(place) (pgm_read_float(place))
#define EDGEDIGITS_UINT16(place) ((uint16_t)pgm_read_word(place))
#else
#ifndef EDGEDIGITS_CONST                        /* define it to put them into a section of your own */
#define EDGEDIGITS_CONST const
#endif
#define EDGEDIGITS_FLOAT(place) (*(place))
#define EDGEDIGITS_UINT16(place) (*(place))
#endif
"""


@dataclass(frozen=True)
class FloatPrinter:
    """Prints the steps of a network in float.

    names     of each layer in C
    offsets   where values lie in the scratch, in floats
    """

    folded: Folded
    names: Mapping[str, str]
    offsets: Mapping[int, int] = field(init=False)

    def __post_init__(self) -> None:
        sizes = {0: PIXELS} | {number: step.size for number, step in enumerate(self.folded.steps[:-1], 1)}
        object.__setattr__(self, "offsets", lifetimes.offsets(self.folded.steps, sizes))

    @property
    def scratch(self) -> int:
        """Bytes of scratch that it needs."""
        sizes = [PIXELS, *(step.size for step in self.folded.steps[:-1])]
        return 4 * max(self.offsets[number] + size for number, size in enumerate(sizes))

    def printed(self, number: int) -> Printed:
        """The step of that number, from 0. Raises UsageError where it has no form."""
        step = self.folded.steps[number]
        name, reads, result = self.names[step.name], [self._place(read) for read in step.reads], self._place(number + 1)
        ends = ", ".join(map(real, self.folded.clips[number]))
        match step:
            case steps.Dense():
                declared = constant(
                    f"dense_layer {name}",
                    lines((step.seen, step.size)),
                    f"    {name}_weight, {name}_bias",
                    f"    {ends}",
                )
                tables = floats(f"{name}_weight", self._weight(step)) + self._bias(step, name)
                return Printed(("dense",), tables + declared, (f"dense(&{name}, {reads[0]}, {result});",))
            case steps.Convolve():
                return self._convolve(step, name, ends, f"convolve(&{name}, {reads[0]}, {result});")
            case steps.MaxPool():
                sizes = lines(step.seen, step.plane[:2], step.kernel, (*step.stride, *step.padding, *step.dilation))
                call = f"max_pool(&{name}, {reads[0]}, {result});"
                return Printed(("max_pool",), constant(f"max_pooling {name}", sizes, f"    {ends}"), (call,))
            case steps.Average():
                return self._average(step, name, ends, f"average(&{name}, {reads[0]}, {result});")
            case steps.Lookup():
                return self._function(step, name, ends, f"{name}({reads[0]}, {result});")
            case steps.Add():
                calls = [
                    f"add({read}, {step.size}, {int(not place)}, {{}}, {result});" for place, read in enumerate(reads)
                ]
                unbounded = ", ".join(map(real, (-math.inf, math.inf)))
                bounds = [unbounded] * (len(reads) - 1) + [ends]
                return Printed(("add",), "", tuple(call.format(each) for call, each in zip(calls, bounds, strict=True)))
            case steps.Multiply():
                period = step.plane[2] if step.gate else step.size
                call = f"multiply({reads[0]}, {reads[1]}, {step.size}, {period}, {ends}, {result});"
                return Printed(("multiply",), "", (call,))
            case steps.Concat():
                return self._concat(step, reads, ends, result)
            case steps.Pad():
                sizes = lines(step.seen, (*step.plane[:2], *step.corner))
                call = f"pad(&{name}, {reads[0]}, {result});"
                return Printed(("pad",), constant(f"padding {name}", sizes, f"    {ends}"), (call,))
        raise TypeError(f"{type(step).__name__} is no kind of step")

    def _place(self, value: int) -> str:
        """Where a value lies, as an expression; the last are the scores."""
        return "scores" if value == len(self.folded.steps) else f"values + {self.offsets[value]}"

    def _weight(self, step: Step) -> Tensor:
        return self.folded.weights[f"{step.name}.weight"]

    def _bias(self, step: Step, name: str) -> str:
        return floats(f"{name}_bias", self.folded.weights[f"{step.name}.bias"])

    def _convolve(self, step: steps.Convolve, name: str, ends: str, call: str) -> Printed:
        groups = np.split(self._weight(step), step.groups, axis=-1)
        laid = np.concatenate([in_blocks(group, BLOCK) for group in groups])
        sizes = lines(
            step.seen,
            step.plane,
            step.kernel,
            (*step.stride, *step.padding),
            (*step.dilation, step.groups),
            step.window,
        )
        declared = constant(f"convolution {name}", sizes, f"    {name}_weight, {name}_bias", f"    {ends}")
        return Printed(("convolve",), floats(f"{name}_weight", laid) + self._bias(step, name) + declared, (call,))

    def _average(self, step: steps.Average, name: str, ends: str, call: str) -> Printed:
        edges = {"rows": step.rows, "columns": step.columns}
        tables = "".join(table(f"{name}_{kind}", np.array(edge, np.uint16)) for kind, edge in edges.items())
        places = f"    {name}_rows, {name}_columns"
        sizes = lines(step.seen[1:], step.plane[:2])
        declared = constant(f"averaging {name}", sizes, places, lines((step.divisor or 0,)), f"    {ends}")
        return Printed(("average",), tables + declared, (call,))

    def _function(self, step: steps.Lookup, name: str, ends: str, call: str) -> Printed:
        """A function of each value, printed as one of its own."""
        if step.function not in FUNCTIONS:
            raise UsageError(f"layer {step.name!r}: {step.function} has no form in C")
        given, tables = [real(each) for each in step.parameters], ""
        if step.channels:
            tables = floats(f"{name}_table", np.array(step.parameters))
            given = [f"EDGEDIGITS_FLOAT({name}_table + i % {step.plane[2]})"]
        found = f"clip({FUNCTIONS[step.function].format(*given)}, {ends})"
        body = f"""\
{tables}static void {name}(const float *values, float *result)
{{
    int32_t i;
    for (i = 0; i < {step.size}; i++) {{
        const float x = values[i];
        result[i] = {found};
    }}
}}
"""
        return Printed((), body, (call,))

    def _concat(self, step: steps.Concat, reads: list[str], ends: str, result: str) -> Printed:
        calls, first = [], 0
        pixels, stride = step.plane[0] * step.plane[1], step.plane[2]
        for read, count in zip(reads, step.channels, strict=True):
            calls.append(f"concat({read}, {pixels}, {count}, {stride}, {ends}, {result} + {first});")
            first += count
        return Printed(("concat",), "", tuple(calls))


def print_floats(folded: Folded, about: About) -> str:
    """The text of a C file in float. Raises UsageError where a layer has no form."""
    printer = FloatPrinter(folded, identifiers(step.name for step in folded.steps))
    printed = [printer.printed(number) for number in range(len(folded.steps))]
    needed = {part for each in printed for part in each.parts}
    maths = any(isinstance(step, steps.Lookup) and step.function in FROM_MATH for step in folded.steps)
    parts = [_part("common"), f"#define BLOCK {BLOCK}\n#define MOST {real(math.inf)}\n"]
    pieces = [
        _comment(folded, about, printer.scratch),
        "#include <stdint.h>\n" + ("#include <math.h>\n" if maths else ""),
        MACROS,
        _interface(folded.steps[-1].size, printer.scratch, about.stem),
        *parts,
        *(_part(name) for name in ORDER if name in needed),
        *filter(None, (each.constants for each in printed)),
        _scores(folded, about.stem, printed, printer.offsets[0]),
        print_labels(about),
        f"const char {about.stem}_contract[] =\n{string(about.contract)};\n",
        "#ifdef __cplusplus\n}\n#endif\n",
    ]
    return "\n".join(pieces)


def _part(name: str) -> str:
    return (PARTS / f"{name}.c").read_text(encoding="utf-8")


def _comment(folded: Folded, about: About, scratch: int) -> str:
    stem, big = about.stem, about.stem.upper()
    flash = 4 * sum(each.size for each in folded.weights.values())
    products = sum(step.products for step in folded.steps)
    return f"""\
/* {stem}: a digit classifier in float, by EdgeDigits. It needs no library but, for tanh and its like, that of math.h.
 *
 *     static float scratch[{big}_SCRATCH_BYTES / 4];
 *     float scores[{big}_CLASSES];
 *     {stem}_scores(image, scores, scratch);         the largest score is the answer
 *
 * image    28 x 28 bytes, row by row; ground 0, ink 255, the digit centred as in MNIST
 * scores   logits
 * size     {flash:,} bytes of weights, {scratch:,} of scratch; {products:,} products an image
 *
 * A pixel is seen as scale * pixel + offset. The layers, as they are computed:
 *
{plan_of(folded).replace("*/", "*" + chr(92) + "/")}
 */
"""


def _interface(classes: int, scratch: int, stem: str) -> str:
    return f"""\
#ifdef __cplusplus
extern "C" {{
#endif

#define EDGEDIGITS_C_CONTRACT {CONTRACT_VERSION}
#define {stem.upper()}_CLASSES {classes}
#define {stem.upper()}_SCRATCH_BYTES {scratch}

void {stem}_scores(const uint8_t *image, float *scores, void *scratch);
extern const char *const {stem}_labels[{stem.upper()}_CLASSES];
extern const char {stem}_contract[];
"""


def _scores(folded: Folded, stem: str, printed: list[Printed], first: int) -> str:
    calls = "\n".join(f"    {call}" for each in printed for call in each.calls)
    pixels = f"values[{first} + i]" if first else "values[i]"
    seen = f"(float)image[i] * {real(folded.scale)} + {real(folded.offset)}"
    return f"""\
void {stem}_scores(const uint8_t *image, float *scores, void *scratch)
{{
    float *const values = (float *)scratch;
    int32_t i;
    for (i = 0; i < {PIXELS}; i++) {{
        {pixels} = {seen};
    }}
{calls}
}}
"""
