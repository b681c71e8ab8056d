"""The page of figures beside the files of `exports/`: `shelf_text(exports)`, all of it from what was measured.

    measured.json + engines.json + languages.json + reader.json
    + the parity.json of each folder ──shelf_text──> exports/README.md

The words are in `templates/shelf.md.jinja`; no figure stands in them.
"""

from collections.abc import Sequence
from pathlib import Path

from edgedigits.bench import pictures
from edgedigits.bench.engines import EngineRow, read_comparison
from edgedigits.bench.figures import PUBLISHED, QUICK, Measurement, find_figures, read_figures
from edgedigits.bench.languages import read_languages
from edgedigits.bench.reader import read_readings, read_seeds
from edgedigits.bench.reader_tables import ReaderTables
from edgedigits.bench.record_tables import records, trials
from edgedigits.export import manifest
from edgedigits.models.presets import PRESETS, RECORDS
from edgedigits.records.report import EngineRef, ParityReport, Verification
from edgedigits.records.words import count, over_seeds, size
from edgedigits.runtime.engines import get_engine
from edgedigits.runtime.footprint import PROCESSORS
from edgedigits.system import templates

FILE = "README.md"
TEMPLATE = "shelf.md.jinja"
QUICK_CLAIMS = {"fc": "93.2%"}  # accuracies that the short tutorials are known for
TIMED = ("torch", "torchscript", "torchscript-int8", "onnx", "onnx-int8", "onnx-integer")  # in the table of latencies
TUTORIALS = {name: preset for name, preset in PRESETS.items() if preset.tutorial}

Row = Sequence[str]


def shelf_text(exports: Path) -> str:
    """The page for a folder of exported files of presets. Raises RecordError where a report is missing."""
    environment = templates.from_folders(Path(__file__).parent / "templates")
    environment.filters["table"] = _table
    return environment.get_template(TEMPLATE).render(
        models=models(),
        reader_models=reader_models(),
        fashion={recipe: f"{_known('fc-28', recipe, 'fashion').mean:.2%}" for recipe in ("tutorial", "default")},
        quick=quick_sentences(),
        long=long_sentences(),
        files=files(exports),
        latencies=latencies(),
        records=records(),
        trials=trials(),
        devices=devices(),
        engines=engines(),
        languages=languages(),
        readers=ReaderTables(read, read_seeds()) if (read := read_readings()) else None,
        counts={"flawed": pictures.FLAWED, "written": pictures.WRITTEN, "blank": pictures.BLANK},
        times=engine_times(),
        titles={name: get_engine(name).title for name in dict.fromkeys(engine.name for engine in _by_engine())},
        settings={name: _settings(name) for name in dict.fromkeys(engine.name for engine in _by_engine())},
    )


def models() -> list[Row]:
    """A preset of a tutorial a row: what it is, and its training beside the published loop."""
    rows: list[Row] = []
    for name, preset in TUTORIALS.items():
        published, tutorial, default = (_known(name, recipe) for recipe in (PUBLISHED, "tutorial", "default"))
        rows.append(
            (
                f"`{name}`",
                preset.network,
                f"{preset.spec.network.parameters:,}",
                f"{published.mean:.2%}",
                f"{published.seconds:.1f}",
                f"{tutorial.mean:.2%}",
                _accuracy(default),
                f"{default.seconds:.1f}",
                f"{published.seconds / default.seconds:.1f}",
            )
        )
    return rows


def reader_models() -> list[Row]:
    """A preset of no tutorial a row: what it is, and its training, where that was measured."""
    own = {name: find_figures(name, "default") for name in PRESETS if name not in TUTORIALS}
    return [
        (
            f"`{name}`",
            PRESETS[name].network,
            f"{PRESETS[name].spec.network.parameters:,}",
            str(found.epochs),
            f"{found.seconds:.0f}",
            _accuracy(found),
        )
        for name, found in own.items()
        if found
    ]


def quick_sentences() -> list[str]:
    """How soon the accuracy of the shortest tutorial is passed."""
    sentences = []
    for name, claim in QUICK_CLAIMS.items():
        quick, published = _known(name, QUICK), _known(name, PUBLISHED)
        sentences.append(
            f"`{name}` passes {claim} with `--epochs {quick.epochs}`: {_accuracy(quick)} in {quick.seconds:.2f} "
            f"seconds, {published.seconds / quick.seconds:.0f} times as fast as its tutorial."
        )
    return sentences


def long_sentences() -> list[str]:
    """What the long recipes reach, of those that were measured."""
    known = {name: find_figures(name, "long") for name in PRESETS}
    return [
        f"`{name}` reaches {_accuracy(found)} with `--recipe long`, {found.epochs} epochs: {found.seconds:.1f} seconds."
        for name, found in known.items()
        if found
    ]


def files(exports: Path) -> list[Row]:
    """A file a row, from the parity reports beside the files."""
    return [
        (
            f"`{Path(report.path).name}`",
            size(report.size_bytes),
            f"{report.reference_accuracy:.2%}",
            f"{report.accuracy:.2%}",
            str(report.flips),
        )
        for name in (*PRESETS, *RECORDS)
        if (exports / name).is_dir()
        for report in _reports(exports / name)
    ]


def latencies() -> list[Row]:
    """A preset a row: median microseconds of one image in each format, and the int8 file's over the float file's."""
    known = {(row.name, row.format): row for row in read_figures().inference.rows}
    rows: list[Row] = []
    for name in sorted({name for name, _ in known}, key=list(PRESETS).index):
        measured = [known.get((name, form)) for form in TIMED]
        cells = ["-" if row is None else f"{row.latency_us:.1f}" for row in measured]
        ratios = [known[name, form].to_float for form in ("onnx-int8", "onnx-integer") if (name, form) in known]
        rows.append((f"`{name}`", *cells, " / ".join(f"{ratio.latency:.2f}" for ratio in ratios if ratio)))
    return rows


def devices() -> list[Row]:
    """A C file a row: bytes on a Cortex-M3, and what an image takes, multiply-accumulates and instructions."""
    rows: list[Row] = []
    for row in read_figures().inference.rows:
        if found := row.footprint:
            counts = (found.flash, found.scratch, found.stack, found.products, *map(found.instructions.get, PROCESSORS))
            rows.append((f"`{row.path}`", *map(count, counts)))
    return rows


def engines() -> list[Row]:
    """An engine a row: answers that differ from the torch model's, and of canvas files from ONNX Runtime's."""
    rows: list[Row] = []
    for engine, known in _by_engine().items():
        floats = [known[f"{preset}.onnx"] for preset in TUTORIALS]
        flips = [row.flips for row in floats if row.flips is not None]
        apart = [row.max_abs_diff for row in floats if row.max_abs_diff is not None]
        rows.append(
            (
                f"`{engine.name}` {engine.version}{_called(engine)}",
                f"{sum(flips)} of {sum(row.samples for row in floats):,}" if len(flips) == len(floats) else "-",
                f"{max(apart):.1e}" if len(apart) == len(floats) else "-",
                *(_flips(known[f"{preset}.int8.onnx"]) for preset in TUTORIALS),
                _changed([known[f"{preset}.canvas.onnx"] for preset in TUTORIALS]),
            )
        )
    return rows


def engine_times() -> list[Row]:
    """An engine a row: microseconds of one image, float / int8, of each preset."""
    rows: list[Row] = []
    for engine, known in _by_engine().items():
        pairs = [[known[f"{preset}{suffix}.onnx"].latency_us for suffix in ("", ".int8")] for preset in TUTORIALS]
        cells = [" / ".join("-" if us is None else f"{us:,.0f}" for us in pair) for pair in pairs]
        rows.append((f"`{engine.name}`{_called(engine)}", *cells))
    return rows


def languages() -> list[Row]:
    """An embed target a row: bytes of its program and of what it needs beside it, and the time of one picture."""
    rows = read_languages()
    python = next((row.latency_us for row in rows if row.target == "python"), 1.0)
    return [
        (
            f"`{row.target}`",
            f"`{row.file}`",
            size(row.program_bytes),
            size(row.runtime_bytes) if row.runtime_bytes else "-",
            f"{row.latency_us:.1f}",
            f"{row.latency_us / python:.2f}",
            row.compiler,
        )
        for row in rows
    ]


def _by_engine() -> dict[EngineRef, dict[str, EngineRow]]:
    """What was measured, by engine and setting, and by file; engines that were not measured are left out."""
    found: dict[EngineRef, dict[str, EngineRow]] = {}
    for row in read_comparison().rows:
        found.setdefault(row.engine, {})[row.file] = row
    return found


def _called(engine: EngineRef) -> str:
    return f", {engine.setting}" if engine.setting else ""


def _settings(name: str) -> str:
    """In words, how an engine is called otherwise than by default; empty where it is not."""
    return "; ".join(f"{setting.name}: `{setting}`" for setting in get_engine(name).settings if setting.options)


def _reports(folder: Path) -> tuple[ParityReport, ...]:
    return Verification.read(folder / manifest.PARITY_FILE).reports


def _known(model: str, recipe: str, dataset: str = "mnist") -> Measurement:
    found = find_figures(model, recipe, dataset)
    assert found is not None
    return found


def _accuracy(found: Measurement) -> str:
    return over_seeds(found.mean, found.spread, len(found.seeds))


def _flips(row: EngineRow) -> str:
    return "-" if row.flips is None else str(row.flips)


def _changed(rows: Sequence[EngineRow]) -> str:
    """How many of a canvas file's answers differ from those in ONNX Runtime."""
    found = [row.changed for row in rows if row.changed is not None]
    return f"{sum(found)} of {sum(row.samples for row in rows):,}" if found else "-"


def _table(rows: Sequence[Row], *heads: str) -> str:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
