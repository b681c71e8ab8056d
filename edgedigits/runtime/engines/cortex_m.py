"""C files on microcontrollers: compiled for Cortex-M by ziglang, run in the emulator unicorn, both of PyPI.

As many processors are emulated at once as this process may use: the emulator runs outside of Python's lock. Every score
must be the one that the numbers in the file give in numpy.
"""

import queue
import struct
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgedigits.errors import MissingCapability
from edgedigits.export.c.canvas import answer_type
from edgedigits.records.arrays import Images
from edgedigits.runtime.compiled import build, held, reading, require_integers, takes_canvas, zig
from edgedigits.runtime.engines import DEFAULT, Engine, Setting
from edgedigits.runtime.predictor import ModelFile, Session
from edgedigits.system.processors import allowed

HARNESS = Path(__file__).with_name("cortex_m.c")
FLAGS = (
    "-target",
    "thumb-freestanding-eabi",
    "-Os",
    "-fno-builtin",
    "-Wl,-e,answer",
    "-Wl,--no-gc-sections",
)
USUAL = Setting(DEFAULT, {"processor": "cortex-m3"})
VARIANTS = tuple(Setting(name, {"processor": name}) for name in ("cortex-m0", "cortex-m4"))
BATCH = 100  # images that are in its memory at once
FLASH, IMAGES, SCORES, SCRATCH, STACK = 0, 0x20000000, 0x20400000, 0x20500000, 0x20800000  # addresses
IN_REGISTERS = 4  # arguments of a function; further ones lie on the stack
FLASH_BYTES, RAM_BYTES = 0x10000000, STACK - IMAGES
STOP = FLASH_BYTES - 4  # where it returns to
LOADED = 1  # a segment's kind, in ELF


def version() -> str:
    """Of unicorn. Raises MissingCapability."""
    zig("cortex-m")
    try:
        return version_of("unicorn")
    except PackageNotFoundError as error:
        raise MissingCapability("engine cortex-m needs unicorn: pip install 'edgedigits[c]', with a network") from error


def session(file: ModelFile, setting: Setting) -> Session:
    """A processor with the program in its flash. Raises MissingCapability."""
    version()
    require_integers(file, "cortex-m")
    processor = setting.options["processor"]
    with tempfile.TemporaryDirectory(prefix="edgedigits-") as folder:
        program = Path(folder) / "model.elf"
        content = build(
            file, HARNESS, program, [*zig("cortex-m"), *FLAGS, f"-mcpu={processor.replace('-', '_')}"]
        ).read_bytes()
    entry, classes = entry_of(content), len(file.contract.labels)
    idle: queue.SimpleQueue[Any] = queue.SimpleQueue()
    for _ in range(allowed()):
        idle.put(started(content, processor))

    def shared(ask: Callable[[Any, Images], bytes], parts: Sequence[Images]) -> bytes:
        """What all emulators together answer to parts, in their order."""

        def one(part: Images) -> bytes:
            emulator = idle.get()
            try:
                return ask(emulator, part)
            finally:
                idle.put(emulator)

        with ThreadPoolExecutor(allowed()) as pool:
            return b"".join(pool.map(one, parts))

    def scored(emulator: Any, images: Images) -> bytes:
        emulator.mem_write(IMAGES, images.tobytes())
        call(emulator, entry, IMAGES, len(images), SCORES, SCRATCH)
        return bytes(emulator.mem_read(SCORES, 4 * classes * len(images)))

    def read(emulator: Any, canvas: Images) -> bytes:
        emulator.mem_write(IMAGES, canvas.tobytes())
        call(emulator, entry, IMAGES, *canvas.shape, SCORES, SCRATCH)
        return bytes(emulator.mem_read(SCORES, answer_type(classes).itemsize))

    def answer(images: Images) -> npt.NDArray[np.int32]:
        parts = [images[start : start + BATCH] for start in range(0, len(images), BATCH)]
        return np.frombuffer(shared(scored, parts), np.int32).reshape(len(images), classes)

    if takes_canvas(file):
        return reading(file, lambda canvases: shared(read, canvases))
    return held(file, answer)


def call(emulator: Any, entry: int, *arguments: int) -> None:
    """Call a function with numbers, and wait until it returns."""
    from unicorn import arm_const as registers

    rest = arguments[IN_REGISTERS:]
    stack = STACK - -(-len(rest) // 2) * 8  # it is a multiple of 8
    emulator.mem_write(stack, struct.pack(f"<{len(rest)}I", *rest))
    given = {f"R{number}": value for number, value in enumerate(arguments[:IN_REGISTERS])}
    given |= {"SP": stack, "LR": STOP | 1}
    for name, value in given.items():
        emulator.reg_write(getattr(registers, f"UC_ARM_REG_{name}"), value)
    emulator.emu_start(entry | 1, STOP)


def started(content: bytes, processor: str) -> Any:
    """An emulator with a program in its flash, and memory."""
    import unicorn
    from unicorn import arm_const

    make: Any = unicorn.unicorn.Uc
    emulator = make(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
    emulator.ctl_set_cpu_model(getattr(arm_const, f"UC_CPU_ARM_{processor.replace('-', '_').upper()}"))
    emulator.mem_map(FLASH, FLASH_BYTES, unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC)
    emulator.mem_map(IMAGES, RAM_BYTES, unicorn.UC_PROT_READ | unicorn.UC_PROT_WRITE)
    for address, segment in segments_of(content):
        emulator.mem_write(address, segment)
    return emulator


def entry_of(content: bytes) -> int:
    """Where an ELF program of 32 bits begins."""
    return int(struct.unpack_from("<I", content, 24)[0]) & ~1


def segments_of(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The addresses and bytes of what an ELF program of 32 bits has in flash."""
    (begin,) = struct.unpack_from("<I", content, 28)
    size, count = struct.unpack_from("<HH", content, 42)
    for number in range(count):
        kind, offset, address, _, length = struct.unpack_from("<5I", content, begin + number * size)
        if kind == LOADED and length:
            yield address, content[offset : offset + length]


ENGINE = Engine(
    name="cortex-m",
    title="an emulated Cortex-M, in unicorn",
    version=version,
    session=session,
    containers=("c",),
    settings=(USUAL,),
    variants=VARIANTS,
    patience=10,
)
