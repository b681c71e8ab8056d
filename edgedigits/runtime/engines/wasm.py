"""C files in WebAssembly: compiled by ziglang and run by wasmtime, both of PyPI. What they do there, they do in a box.

Every score in integers must be the one that the numbers in the file give in numpy.
"""

import tempfile
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

from edgedigits.errors import MissingCapability
from edgedigits.records.arrays import EVALUATION_BATCH, Images
from edgedigits.runtime.compiled import answering, build, zig
from edgedigits.runtime.engines import DEFAULT, Engine, Setting
from edgedigits.runtime.predictor import ModelFile, Session
from edgedigits.runtime.readers.c import in_float

HARNESS = Path(__file__).with_name("wasm.c")
EXPORTS = ("images_at", "scores_at", "answer")
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
    memory, images_at, scores_at = exports["memory"], exports["images_at"](store), exports["scores_at"](store)

    def some(images: Images) -> bytes:
        memory.write(store, images.tobytes(), images_at)
        exports["answer"](store, len(images))
        return bytes(memory.read(store, scores_at, scores_at + 4 * len(file.contract.labels) * len(images)))

    def said(images: Images) -> bytes:
        starts = range(0, len(images), EVALUATION_BATCH)
        return b"".join(some(images[start : start + EVALUATION_BATCH]) for start in starts)

    return answering(file, said)


def module(file: ModelFile, flags: str, batch: int = EVALUATION_BATCH) -> bytes:
    """The module of a C file, with what asks it so many images at a time. Raises MissingCapability."""
    exported = [f"-Wl,--export={name}" for name in EXPORTS]
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
