"""The figures of a C file on devices, each beside what is demanded of it."""

import gzip
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgedigits.errors import ModelFileError
from edgedigits.export.formats import require_format
from edgedigits.records.arrays import Images
from edgedigits.records.footprint import MAIN
from edgedigits.records.report import ParityReport
from edgedigits.runtime import footprint
from edgedigits.runtime.compiled import build
from edgedigits.runtime.engines import cc, cortex_m, wasm
from edgedigits.runtime.load import Opener
from edgedigits.runtime.predictor import ModelFile, latency_us
from edgedigits.runtime.readers import checked
from edgedigits.runtime.readers.c import read_network

GCC = "arm-none-eabi-gcc"
ENGINES = (cc.ENGINE, wasm.ENGINE, cortex_m.ENGINE)
CLOCK = Path(__file__).with_name("clock.c")
TIMED = 500  # images whose time is taken


@dataclass(frozen=True)
class Demands:
    """What a preset's file must reach; None is nothing.

    accuracy, flips      on all test images
    flash, scratch       bytes on a Cortex-M3, compiled for size
    instructions         of an image there, compiled for speed
    module, zipped       bytes of it in WebAssembly
    """

    accuracy: float | None = None
    flips: int | None = None
    flash: int | None = None
    scratch: int | None = None
    instructions: int | None = None
    module: int | None = None
    zipped: int | None = None


DEMANDS = {
    "cnn": Demands(0.9895, 40, 11_000, 2_400, 1_500_000, 12_000, 9_500),
    "fc-28": Demands(flash=24_000),
    "fc": Demands(flash=41_500),
}
RECORDS = {"cnn-2k": Demands(0.9925, None, 5_000, 6_144, 8_000_000)}  # those of few bits that have some


@dataclass(frozen=True)
class Proof:
    """A figure: what of, what was found, what is demanded, and whether that is reached."""

    what: str
    found: str
    wanted: str
    holds: bool


def at_most(what: str, found: float, limit: float | None) -> Proof:
    """A figure that may not be larger."""
    return Proof(what, f"{found:,.0f}", "-" if limit is None else f"<= {limit:,}", limit is None or found <= limit)


def answers(report: ParityReport, demands: Demands) -> Iterator[Proof]:
    """Those of a file that was verified."""
    yield Proof("verify", "passed" if report.passed else "; ".join(report.failures), "passed", report.passed)
    accuracy, least = report.accuracy or 0.0, demands.accuracy
    yield Proof("accuracy", f"{accuracy:.2%}", "-" if least is None else f">= {least:.2%}", accuracy >= (least or 0.0))
    if report.flips is None:
        yield Proof("flips", f"not known: {report.missing}", "known", False)
    else:
        yield at_most("flips", report.flips, demands.flips)


def sizes(path: Path, demands: Demands) -> Iterator[Proof]:
    """What a file takes of a Cortex-M3, of each compiler that is here, and of a page."""
    file = opened(path)
    yield at_most("scratch", read_network(path, file.content).scratch, demands.scratch)
    for name, gcc in compilers().items():
        yield at_most(f"flash, {name} -Os", footprint.flash_of(footprint.compiled(file, MAIN, gcc=gcc)), demands.flash)
    module = wasm.module(file, "-Os", batch=1)
    yield at_most("wasm module", len(module), demands.module)
    yield at_most("wasm module, gzipped", len(gzip.compress(module, 9)), demands.zipped)


def instructions(path: Path, demands: Demands, images: Images) -> Iterator[Proof]:
    """The mean of the instructions of images, compiled for speed by each compiler that is here."""
    file = opened(path)
    for name, gcc in compilers().items():
        program = footprint.compiled(file, MAIN, "-O2", gcc=gcc)
        mean, _ = footprint.executed(program, MAIN, images)
        yield at_most(f"instructions of {len(images):,} images, {name} -O2", mean, demands.instructions)


def same_scores(path: Path, images: Images, emulated: int) -> Iterator[Proof]:
    """That each engine, in each setting and variant, gives every score that numpy gives.

    emulated   so many of the images on each processor
    """
    for engine in ENGINES:
        for setting in (*engine.settings, *engine.variants):
            asked = images[: emulated if engine is cortex_m.ENGINE else None]
            what = f"{engine.name}, {setting}: scores that differ, of {10 * len(asked):,}"
            try:
                Opener(engine=engine.name, setting=setting.name, trust=True).open(path).in_batches(asked)
                yield Proof(what, "0", "0", True)
            except ModelFileError as error:
                yield Proof(what, str(error), "0", False)


def times(path: Path, beside: Path, images: Images) -> Iterator[Proof]:
    """Microseconds of an image on this machine, against ONNX Runtime's for the float file, in one run."""
    with tempfile.TemporaryDirectory() as folder:
        command = [*cc.compiler(), "-O3", "-march=native"]
        program = build(opened(path), CLOCK, Path(folder) / "clock", command)
        said = subprocess.run([program], input=images[:TIMED].tobytes(), capture_output=True, check=True).stdout
    limit = round(latency_us(Opener().open(beside)), 1)
    found = float(said)
    yield Proof("us an image, native", f"{found:.1f}", f"<= {limit} (ONNX Runtime)", found <= limit)


def compilers() -> dict[str, str | None]:
    """Those for Arm that are here, by their names."""
    found = shutil.which(GCC)
    return {"clang": None} | ({GCC: found} if found else {})


def opened(path: Path) -> ModelFile:
    """A file that has passed its reader's checks."""
    return checked(path, require_format(path), path.read_bytes())
