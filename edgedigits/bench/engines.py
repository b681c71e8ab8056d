"""Every engine on the files of `exports/`, in `engines.json`; `make engines` measures it anew, on the machine at hand.

Answers do not depend on how busy a machine is, times do: `make engines TIMES=1` takes the times alone anew.
"""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgedigits.errors import ModelFileError
from edgedigits.export.formats import format_of
from edgedigits.records.arrays import Images, Scores
from edgedigits.records.record import Record
from edgedigits.records.report import EngineRef
from edgedigits.runtime.engines import find_engine, get_engine
from edgedigits.runtime.load import Opener
from edgedigits.runtime.predictor import latency_us
from edgedigits.system import files
from edgedigits.verify import parity
from edgedigits.verify.candidates import Opened, find_candidates, open_candidate
from edgedigits.verify.deployment import QUICK
from edgedigits.verify.references import References

SLOW = 5  # an engine of that much patience is slow
FILE = Path(__file__).with_name("engines.json")


@dataclass(frozen=True)
class EngineRow(Record):
    """One file, by its name and its SHA-256, in one engine and setting.

    samples        test images: all, but of canvas files the first QUICK, of which `verify` asks all, and in an engine
                   of much patience a tenth of them
    flips          answers that differ from the torch model's
    changed        answers that differ from the file's own in ONNX Runtime
    max_abs_diff   largest difference of a logit from the torch model's, of what the network was shown
    latency_us     median microseconds of one image a call, on one thread
    failure        why the engine does not run it, in its own words; then there are no figures
    """

    engine: EngineRef
    file: str
    sha256: str
    samples: int = 0
    flips: int | None = None
    changed: int | None = None
    max_abs_diff: float | None = None
    latency_us: float | None = None
    failure: str = ""


@dataclass(frozen=True)
class Comparison(Record):
    """All rows, those of an engine next to each other, and the processor that they were measured on."""

    machine: str
    rows: tuple[EngineRow, ...]


def read_comparison() -> Comparison:
    """What ships with the package."""
    return Comparison.read(FILE)


class Bench:
    """The files, and what each answers in ONNX Runtime, which is asked once."""

    def __init__(self, runs: Path, exports: Path = Path("exports")) -> None:
        self.targets = [target for target in find_candidates((), exports) if _is_compared(target.path)]
        self.references = References(runs, None, None)
        self.standard: dict[Path, Scores] = {}

    def compare(self, names: Sequence[str], known: Sequence[EngineRow] = ()) -> Iterator[EngineRow]:
        """A row for each engine named, in each of its settings, and each file.

        Where one is known already, its times alone are measured.
        """
        before = {(row.engine, row.sha256): row for row in known if not row.failure}
        settings = [(name, setting.name) for name in names for setting in get_engine(name).settings]
        for engine in itertools.starmap(find_engine, settings):
            opener = Opener(engine=engine.name, setting=engine.setting)
            for target in self.targets:
                sha256 = files.sha256(target.path)
                row = before.get((engine, sha256), EngineRow(engine, target.path.name, sha256))
                try:
                    file = open_candidate(target, self.references, opener)
                    row = row if row.samples else self._answered(row, file)
                    yield dataclasses.replace(row, latency_us=latency_us(file.predictor))
                except ModelFileError as error:
                    yield dataclasses.replace(row, failure=str(error).removeprefix(f"{target.path}: "))

    def _answered(self, row: EngineRow, file: Opened) -> EngineRow:
        """The row with what the file's answers are."""
        model = file.reference.torch
        assert model
        images = _asked(file)
        if file.predictor.one_by_one and get_engine(row.engine.name).patience >= SLOW:
            images = images[: QUICK // 10]
        logits, _, shown = file.predictor.in_batches(images)
        return dataclasses.replace(
            row,
            samples=len(images),
            flips=parity.changed(model.logits[: len(images)], logits),
            changed=parity.changed(self._standard(file)[: len(images)], logits),
            max_abs_diff=parity.difference(model.ask(shown), logits).largest,
        )

    def _standard(self, file: Opened) -> Scores:
        if file.path not in self.standard:
            self.standard[file.path] = Opener().open(file.path).in_batches(_asked(file))[0]
        return self.standard[file.path]


def _asked(file: Opened) -> Images:
    """The test images that a file is asked in every engine."""
    return file.reference.test.images[: QUICK if file.predictor.one_by_one else None]


def _is_compared(path: Path) -> bool:
    """An ONNX file, of canvases one in float: behind its framing, an int8 file is what it is without."""
    row = format_of(path)
    return row is not None and row.container == "onnx" and (row.input == "digit" or row.precision == "float")
