"""C files in WebAssembly: compiled by ziglang and run by wasmtime, both of PyPI. What they do there, they do in a box.

Every score in integers must be the one that the numbers in the file give in numpy.
"""

import tempfile
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

from edgedigits.errors import MissingCapability
from edgedigits.export.c.canvas import answer_type
from edgedigits.records.arrays import EVALUATION_BATCH, Images
from edgedigits.runtime.compiled import answering, build, reading, takes_canvas, zig
from edgedigits.runtime.engines import DEFAULT, Engine, Setting
from edgedigits.runtime.predictor import ModelFile, Session
from edgedigits.runtime.readers.c import in_float

HARNESS = Path(__file__).with_name("wasm.c")
SCORING = ("images_at", "scores_at", "answer")
READING = ("canvas_at", "answer_at", "read")
BARE = ("-target", "wasm32-freestanding", "-fno-builtin", "-nostdlib", "-Wl,--no-entry")
WITH_MATH = ("-target", "wasm32-wasi", "-mexec-model=reactor")  # tanh and its like; nothing that leaves the box
USUAL = Setting(DEFAULT, {"flags": "-Os"})
VARIANTS = (Setting("O3", {"flags": "-O3"}),)


def version() -> str:
    """Of wasmtime. Raises MissingCapability."""
    zig("wasm")
    try:
        return version_of("wasmtime")
    except PackageNotFoundError as error:
        raise MissingCapability("engine wasm needs wasmtime: pip install 'edgedigits[c]', with a network") from error


def session(file: ModelFile, setting: Setting) -> Session:
    """An instance of the module. Raises MissingCapability."""
    version()
    import wasmtime

    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    exports: Any = wasmtime.Instance(
        store, wasmtime.Module(engine, module(file, setting.options["flags"])), []
    ).exports(store)
    given, found, ask = READING if takes_canvas(file) else SCORING
    memory, given_at, found_at = exports["memory"], exports[given](store), exports[found](store)
    classes = len(file.contract.labels)

    def asked(content: bytes, count: int, *numbers: int) -> bytes:
        memory.write(store, content, given_at)
        exports[ask](store, *numbers)
        return bytes(memory.read(store, found_at, found_at + count))

    def read(canvases: Sequence[Images]) -> bytes:
        size = answer_type(classes).itemsize
        return b"".join(asked(canvas.tobytes(), size, *canvas.shape) for canvas in canvases)

    def said(images: Images) -> bytes:
        starts = range(0, len(images), EVALUATION_BATCH)
        parts = [images[start : start + EVALUATION_BATCH] for start in starts]
        return b"".join(asked(part.tobytes(), 4 * classes * len(part), len(part)) for part in parts)

    return reading(file, read) if takes_canvas(file) else answering(file, said)


def module(file: ModelFile, flags: str, batch: int = EVALUATION_BATCH) -> bytes:
    """The module of a C file, with what asks it so many images at a time. Raises MissingCapability."""
    exported = [f"-Wl,--export={name}" for name in (READING if takes_canvas(file) else SCORING)]
    target = WITH_MATH if in_float(file.content) else BARE
    command = [*zig("wasm"), *target, "-Wl,--strip-all", *exported, f"-DBATCH={batch}", flags]
    with tempfile.TemporaryDirectory(prefix="edgedigits-") as folder:
        return build(file, HARNESS, Path(folder) / "model.wasm", command).read_bytes()


ENGINE = Engine(
    name="wasm",
    title="WebAssembly, in wasmtime",
    version=version,
    session=session,
    containers=("c",),
    settings=(USUAL,),
    variants=VARIANTS,
)
