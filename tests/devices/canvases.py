"""Fuzzed canvases, read by the C of a small network: on this machine under sanitizers, in WebAssembly, and emulated.

Each answer, of the label, the scores and every pixel that was seen, must be the one that the numbers give in numpy.
"""

import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from edgedigits.data.canvases import SIDES
from edgedigits.export.c.canvas import CanvasNetwork, print_canvas
from edgedigits.export.formats import get_format
from edgedigits.models.arithmetic.decision import Decision
from edgedigits.records.arrays import Images
from edgedigits.records.artifact import Contract
from edgedigits.runtime.engines import cortex_m, wasm
from edgedigits.runtime.predictor import ModelFile
from tests.devices.proofs import Proof
from tests.export.c.test_source import small
from tests.helpers.c import ABOUT, SANITIZED, Asked, read, reader
from tests.helpers.canvases import fuzzed

SMALL = 64  # pixels, the longest side of most
TOGETHER = 2_000  # small ones that are in memory at once
FEWER = 1_000  # for each canvas of up to the longest side, so many small ones
EMULATED = 100  # for each that is emulated, so many here


def small_canvas() -> CanvasNetwork:
    """A network whose weights are the same on every machine, and of which a good part of answers is none."""
    network = small()
    return CanvasNetwork(network, Decision.of(network.unit, temperature=1.3, threshold=0.4))


def proofs(count: int) -> Iterator[Proof]:
    """That no answer to so many small canvases differs, nor to fewer large ones, nor to fewer elsewhere."""
    found = small_canvas()
    with tempfile.TemporaryDirectory() as folder:
        program = reader(found, Path(folder), "-O1", *SANITIZED)

        def here(canvases: Sequence[Images]) -> None:
            differ = int((read(program, map(Asked.of, canvases)) != found.answers(canvases)).sum())
            if differ:
                raise RuntimeError(f"{differ:,} of {len(canvases):,}")

        yield _proof("sanitizers", here, count)
        yield _proof("sanitizers", here, -(-count // FEWER), SIDES[1])
    file = in_memory(found)
    for engine in (wasm.ENGINE, cortex_m.ENGINE):
        for setting in engine.settings + engine.variants:
            many = engine.session(file, setting).many
            assert many
            yield _proof(f"{engine.name}, {setting}", many, -(-count // EMULATED))


def _proof(where: str, ask: Callable[[Sequence[Images]], object], count: int, largest: int = SMALL) -> Proof:
    """That `ask`, which raises where an answer differs or a sanitizer finds a fault, takes all canvases."""
    what = f"{where}: answers that differ, of {count:,} canvases of up to {largest} pixels"
    together = max(1, TOGETHER * SMALL**2 // largest**2)
    try:
        for seed, start in enumerate(range(0, count, together)):
            ask(list(fuzzed(min(together, count - start), seed, largest)))
    except (RuntimeError, subprocess.CalledProcessError) as error:
        return Proof(what, str(error), "0", False)
    return Proof(what, "0", "0", True)


def in_memory(found: CanvasNetwork) -> ModelFile:
    """A file, as engines get it."""
    contract = Contract("c-canvas-int8", ABOUT.labels, "0" * 64, "none", 0.0, temperature=1.3, threshold=0.4)
    content = print_canvas(found, ABOUT).encode("ascii")
    return ModelFile(Path("small.canvas.int8.c"), get_format(contract.format), content, contract)
