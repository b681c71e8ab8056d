"""What a C file takes of a microcontroller, measured in an emulator: `footprint(path)` gives a Footprint.

The file is compiled as a project would (`-Os`, unused sections dropped), and nothing but its `_scores` is kept, or of a
canvas file its `_read`. Digits that are drawn here go through it, enlarged on canvases where it takes such;
instructions are counted block by block, and the stack is painted before.
"""

import struct
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgedigits.data import drawn
from edgedigits.errors import MissingCapability
from edgedigits.export.c.weights import sizes_of
from edgedigits.export.formats import format_of, require_format
from edgedigits.models.arithmetic.decision import POWERS
from edgedigits.models.arithmetic.integers import IntegerNetwork
from edgedigits.records.arrays import Images
from edgedigits.records.artifact import MANIFEST
from edgedigits.records.footprint import MAIN, Footprint
from edgedigits.records.model import IMAGE_SHAPE
from edgedigits.runtime.blocks import Blocks
from edgedigits.runtime.compiled import build, takes_canvas, zig
from edgedigits.runtime.engines import cortex_m
from edgedigits.runtime.engines.cortex_m import IMAGES, SCORES, SCRATCH, STACK
from edgedigits.runtime.predictor import ModelFile
from edgedigits.runtime.readers import checked
from edgedigits.runtime.readers.c import read_canvas_network, read_network, read_stem
from edgedigits.runtime.safety.trust import read_model, recorded

UNTRUSTED = f"no {MANIFEST} beside it lists it, and so its code is not compiled"
CONTAINER = "c"  # of files that have a footprint
PROCESSORS = ("cortex-m0", MAIN, "cortex-m4")
CLANG = ("-target", "thumb-freestanding-eabi")
FLAGS = ("-Os", "-fno-builtin", "-fno-unwind-tables", "-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections")
DIGITS, SEED = 3, 20  # drawn; of one digit and another, instructions differ by 2% or so
ENLARGED, MARGIN = 3, 6  # times, and pixels around it: a digit on a canvas
PAINT, PAINTED = b"\xa5", 1 << 16  # bytes below the top of the stack
IN_MEMORY, STORED = 2, 1  # a section's flag and kind, in ELF: what is in flash


def is_for_devices(path: Path) -> bool:
    """Whether a file has a footprint: a C file in integers has."""
    row = format_of(path)
    return row is not None and row.container == CONTAINER and row.precision != "float"


def footprint(path: Path, trust: bool = False) -> Footprint | None:
    """What a file takes; None where it is no C file. Raises ModelFileError where it is damaged or was edited.

    trust   compile it although no manifest beside it lists it

    What this machine lacks to measure is said in it. Nothing of the file is run but in the emulator.
    """
    if not is_for_devices(path):
        return None
    file = checked(path, require_format(path), read_model(path))
    known = _known(file)
    if not trust and recorded(path) is None:
        return replace(known, missing=UNTRUSTED)
    try:
        cortex_m.version()
        return _measured(file, known)
    except MissingCapability as error:
        return replace(known, missing=str(error))


def _known(file: ModelFile) -> Footprint:
    """What the numbers in a file say."""
    if not takes_canvas(file):
        return counted(read_network(file.path, file.content))
    found = read_canvas_network(file.path, file.content)
    known = counted(found.network)
    return replace(known, scratch=found.scratch, tables=known.tables + POWERS.nbytes)


def counted(network: IntegerNetwork) -> Footprint:
    """What the numbers of a network say, without a compiler."""
    weights, tables = sizes_of(network)
    return Footprint(tables=tables, weights=weights, scratch=network.scratch, products=round(network.products))


def _measured(file: ModelFile, known: Footprint) -> Footprint:
    images = [_on_canvas(image) if takes_canvas(file) else image for image in drawn.digits(DIGITS, SEED)[0]]
    programs = {name: compiled(file, name) for name in PROCESSORS}
    runs = {name: executed(program, name, images) for name, program in programs.items()}
    return replace(
        known,
        code=flash_of(programs[MAIN]) - known.tables - known.weights,
        stack=runs[MAIN][1],
        instructions={name: round(count) for name, (count, _) in runs.items()},
    )


def compiled(file: ModelFile, processor: str, *flags: str, gcc: str | None = None) -> bytes:
    """An ELF program that holds what a file's `_scores` or `_read` needs, and begins there. Raises MissingCapability.

    flags   further ones, behind `-Os`
    gcc     a compiler of GNU's for Arm, in the place of ziglang's clang
    """
    if gcc:
        command = [gcc, "-mthumb", "-nostdlib", f"-mcpu={processor}", *FLAGS]
    else:
        command = [*zig("cortex-m"), *CLANG, f"-mcpu={processor.replace('-', '_')}", *FLAGS]
    entry = f"-Wl,-e,{read_stem(file.content)}_{'read' if takes_canvas(file) else 'scores'}"
    with tempfile.TemporaryDirectory(prefix="edgedigits-") as folder:
        return build(file, cortex_m.HARNESS, Path(folder) / "model.elf", [*command, entry, *flags]).read_bytes()


def executed(program: bytes, processor: str, images: Sequence[Images] | Images) -> tuple[float, int]:
    """The instructions of an image `[28, 28]` or a canvas of another size, on average; and the stack at the deepest."""
    emulator = cortex_m.started(program, processor)
    blocks = Blocks(emulator, len(program))  # before it first runs, or translated blocks are not counted
    emulator.mem_write(STACK - PAINTED, PAINT * PAINTED)
    for image in images:
        emulator.mem_write(IMAGES, image.tobytes())
        sides = () if image.shape == IMAGE_SHAPE else (*image.shape, image.shape[1])  # height, width, stride
        cortex_m.call(emulator, cortex_m.entry_of(program), IMAGES, *sides, SCORES, SCRATCH)
    executed = sum(
        entered * thumb_instructions(bytes(emulator.mem_read(address, size))) for entered, address, size in blocks
    )
    left = bytes(emulator.mem_read(STACK - PAINTED, PAINTED))
    return executed / len(images), len(left.lstrip(PAINT))


def _on_canvas(image: Images) -> Images:
    """A digit on a canvas, a few times larger."""
    return np.pad(image.repeat(ENLARGED, axis=0).repeat(ENLARGED, axis=1), MARGIN)


def thumb_instructions(code: bytes) -> int:
    """How many instructions of 2 and 4 bytes lie in a piece of Thumb code."""
    halves = struct.unpack(f"<{len(code) // 2}H", code)
    found = at = 0
    while at < len(halves):
        at += 2 if halves[at] >> 11 in (0b11101, 0b11110, 0b11111) else 1
        found += 1
    return found


def flash_of(program: bytes) -> int:
    """The bytes of an ELF program of 32 bits that are in flash: of the sections that are stored and have a place."""
    (begin,) = struct.unpack_from("<I", program, 32)
    size, count = struct.unpack_from("<HH", program, 46)
    sections = [struct.unpack_from("<6I", program, begin + number * size) for number in range(count)]
    return sum(length for _, kind, flags, _, _, length in sections if kind == STORED and flags & IN_MEMORY)
