"""Numbers and names as C writes them."""

import re
import textwrap
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from edgedigits.errors import UsageError

WIDTH = 110  # of a line
KEYWORDS = """
alignas alignof and and_eq asm auto bitand bitor bool break case catch char char16_t char32_t class compl
const const_cast constexpr continue decltype default delete do double dynamic_cast else enum explicit export
extern false float for friend goto if inline int long mutable namespace new noexcept not not_eq nullptr
operator or or_eq private protected public register reinterpret_cast restrict return short signed sizeof
static static_assert static_cast struct switch template this thread_local throw true try typedef typeid
typename union unsigned using virtual void volatile wchar_t while xor xor_eq
"""  # of C99 and C++11
OWN = """
rescale clip smaller scaling begin add_rows add_products finish dense dense_layer convolution convolve
add_window grouped_convolution convolve_groups add_places max_pooling max_pool largest_of averaging average
sum_of mean_of lookup add addition multiply multiplication concat pad padding image scores scratch values
i x result see load store load_row load_pair add_pairs add_windows widen sum_inputs sum_pool
SHORTEST LONGEST WIDEST CONTRAST BOX BOX_PARTS FIELD FRAME CENTRE TIE DIGIT_BITS STEPS PARTS ONE BITS
sheet is_sheet row_of find_extremes border add_pixel tones find_tones contrast_of darkest_ink
span span_of find_box width_of start_of covered sum_across sum_cells ink_of make_digit place_of place_digit
frame power_of deciding decide decision powers score canvas height width stride answer asked has_ink
"""  # what the file itself calls so
MATHS = """
acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh drem erf erfc exp exp10 exp2 expm1 fabs fdim
finite floor fma fmax fmin fmod frexp gamma hypot ilogb isinf isnan j0 j1 jn ldexp lgamma llrint llround log
log10 log1p log2 logb lrint lround modf nan nearbyint nextafter nexttoward pow remainder remquo rint round
scalb scalbln scalbn signgam significand sin sincos sinh sqrt tan tanh tgamma trunc y0 y1 yn
"""  # of math.h
SUFFIXES = ("_weight", "_bias", "_multiplier", "_shift", "_table", "_rows", "_columns", "_zeros", "_inputs")
TAKEN = frozenset((KEYWORDS + OWN).split()) | {f"{name}{kind}" for name in MATHS.split() for kind in ("", "f", "l")}


def stem_of(file: str) -> str:
    """What the functions of a file begin with: `cnn_int8` of `cnn.int8.c`. Raises UsageError where C takes no such."""
    stem = re.sub(r"[^A-Za-z0-9]", "_", file.removesuffix(".c"))
    if not re.match(r"[A-Za-z]", stem):
        raise UsageError(f"{file}: names in C begin with a letter; give the run another name, and export it anew.")
    return stem


def identifiers(names: Iterable[str]) -> dict[str, str]:
    """A name in C for each layer, no two alike."""
    found: dict[str, str] = {}
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9]", "_", name)
        plain = plain if re.match(r"[A-Za-z]", plain) and plain not in TAKEN else f"layer_{plain}"
        plain += "_layer" if plain.endswith(SUFFIXES) else ""
        while plain in found.values():
            plain += "_"
        found[name] = plain
    return found


def table(name: str, numbers: npt.NDArray[np.integer]) -> str:
    """A constant array, of its own type."""
    flat = numbers.ravel()
    return _array(f"{flat.dtype}_t", name, [str(number) for number in flat.tolist()])


def floats(name: str, numbers: npt.NDArray[np.floating]) -> str:
    """A constant array of float."""
    return _array("float", name, [real(number) for number in numbers.ravel().tolist()])


def real(number: float) -> str:
    """A float of C, with as many digits as tell it from the next; what is infinite is the largest."""
    most = np.finfo(np.float32).max
    return f"{np.float32(np.clip(number, -most, most))!s}f"


def _array(kind: str, name: str, numbers: list[str]) -> str:
    lines = "\n".join(
        textwrap.wrap(
            ", ".join(numbers), WIDTH, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False
        )
    )
    return f"static EDGEDIGITS_CONST {kind} {name}[{len(numbers)}] = {{\n{lines}\n}};\n"


def string(text: str) -> str:
    """A string of C: ASCII, without what would be a trigraph, in lines that end behind commas."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("?", "\\?")
    lines = [""]
    for piece in re.findall(r"[^,]*,|[^,]+$", escaped):
        if len(lines[-1]) + len(piece) > WIDTH:
            lines.append("")
        lines[-1] += piece
    return "\n".join(f'    "{line}"' for line in lines)
