"""Figures measured anew, into the files of `edgedigits/bench`: `python -m edgedigits.cli.measure training`."""

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.text import Text

from edgedigits.bench.figures import FILE, PUBLISHED, QUICK, Measured, Measurement, find_figures, read_figures
from edgedigits.bench.reader import Reading
from edgedigits.bench.records import FOLDER
from edgedigits.bench.training import FOR_DEVICES, FORMATS, GAINING, measure, plans
from edgedigits.cli.sheet import Sheet
from edgedigits.cli.voice import one_line_errors
from edgedigits.records.words import over_seeds, percent


def main(arguments: Sequence[str]) -> None:
    """Measure, print, and write: all of it, or what is named while the rest stays."""
    parser = argparse.ArgumentParser(prog="python -m edgedigits.cli.measure")
    what = parser.add_subparsers(required=True)
    training = what.add_parser("training", help="presets beside the loops of their tutorials, and their files")
    training.add_argument("model", nargs="*")
    training.set_defaults(run=lambda options: measure_training(options.model))
    engines = what.add_parser("engines", help="the files of exports/ in every engine")
    engines.add_argument("engine", nargs="*")
    engines.add_argument("--times", action="store_true", help="leave the answers as they are")
    engines.add_argument("--runs", type=Path, default=Path("build/runs"))
    engines.set_defaults(run=lambda options: measure_engines(options.engine, options.times, options.runs))
    languages = what.add_parser("languages", help="what embed makes in each language: sizes and times")
    languages.add_argument("--onnxruntime", type=Path, required=True, help="a folder as its release archive is")
    languages.add_argument("--cargo", type=Path, default=Path("build/cargo"), help="where cargo builds")
    languages.set_defaults(run=lambda options: measure_languages(options.onnxruntime, options.cargo))
    reader = what.add_parser("reader", help="what canvas files read and what they refuse")
    reader.add_argument("file", nargs="*", type=Path, help="printed alone; without any, those of exports/ are written")
    reader.add_argument("--strangers", type=Path, help="a folder of folders of pictures, each with a labels.csv")
    reader.add_argument("--group", default="", help="of sets, by a part of its name; the others stand as they were")
    reader.add_argument("--seeds", action="store_true", help="keep what is named: trainings with other seeds")
    reader.set_defaults(
        run=lambda options: measure_reader(options.file, options.strangers, options.group, options.seeds)
    )
    contact = what.add_parser("contact", help="sheets of the pictures that a canvas file reads wrongly or refuses")
    contact.add_argument("file", type=Path)
    contact.add_argument("folder", type=Path, help="where a PNG file of each set goes")
    contact.add_argument("--strangers", type=Path, help="as of reader")
    contact.add_argument("--group", default="", help="of sets, by a part of its name; by default all")
    contact.set_defaults(run=lambda asked: write_contact(asked.file, asked.folder, asked.strangers, asked.group))
    records = what.add_parser("records", help="train all presets of few bits, each seed that is missing, two at a time")
    records.set_defaults(run=lambda options: work_off_records(options.runs, options.into))
    record = what.add_parser("record", help="one of these trainings")
    record.add_argument("preset")
    record.add_argument("seed", type=int)
    record.set_defaults(run=lambda options: measure_record(options.preset, options.seed, options.runs, options.into))
    for queued in (records, record):
        queued.add_argument("--runs", type=Path, default=Path("build/records"))
        queued.add_argument("--into", type=Path, default=FOLDER)
    search = what.add_parser("search", help="networks of few bits that take a number of bytes")
    search.add_argument("budget", type=int, help="bytes")
    search.add_argument("--family", default="cnn", help="cnn or fc")
    search.set_defaults(run=lambda options: search_networks(options.budget, options.family))
    gpu = what.add_parser("gpu", help="how fast a GPU trains fc to 98% and cnn to 99%")
    gpu.set_defaults(run=lambda _: race_gpu())
    tables = what.add_parser("tables", help="write exports/README.md from what was measured")
    tables.set_defaults(run=lambda _: write_tables(Path("exports")))
    options = parser.parse_args(arguments)
    options.run(options)


def measure_training(names: Sequence[str]) -> None:
    """All trainings, or those of the named models, and one bench of their files."""
    import tempfile

    from edgedigits.bench.bench import bench, slower
    from edgedigits.cli import tables
    from edgedigits.cli.bench import benchmark
    from edgedigits.data.load import load_data
    from edgedigits.export.exporter import export
    from edgedigits.models.presets import PRESETS
    from edgedigits.system import files

    sets = {name: load_data(name) for name in ("mnist", "fashion")}
    with tempfile.TemporaryDirectory() as folder:
        runs, exports = Path(folder) / "runs", Path(folder) / "exports"
        training = {}
        for plan in plans():
            known = None if plan.model in (names or PRESETS) else find_figures(plan.model, plan.recipe, plan.dataset)
            training[plan] = known or measure(plan, sets[plan.dataset], runs)
            print(plan.model, plan.recipe, plan.dataset, training[plan].mean, training[plan].seconds, flush=True)
        trained = [path for path in sorted((runs / "default").iterdir()) if "-fashion" not in path.name]
        artifacts = export(trained, FORMATS, quantize=True, exports=exports)
        artifacts += export([run for run in trained if run.name in GAINING], "onnx-integer", exports=exports)
        artifacts += export([run for run in trained if run.name in FOR_DEVICES], "c-int8", exports=exports)
        inference = bench(artifacts, runs=runs / "default")
    rows = [dataclasses.replace(row, path=Path(row.path).name) for row in inference.rows]
    rows += [row for row in read_figures().inference.rows if names and row.name not in names]
    inference = dataclasses.replace(inference, rows=tuple(rows), slower=tuple(slower(rows)))
    found = Measured(tuple(training.values()), inference)
    files.write_text(FILE, found.to_json())
    tables.print_table(trainings(found.training))
    tables.print_table(benchmark(found.inference))


def measure_engines(names: Sequence[str], times: bool, runs: Path) -> None:
    """All engines that run ONNX files, or those named, on the files of `exports/`; with `times`, their times alone."""
    from edgedigits.bench import engines
    from edgedigits.runtime.engines import engines_of
    from edgedigits.system import files
    from edgedigits.system.environment import machine

    known = [engine.name for engine in engines_of("onnx")]
    before = engines.read_comparison().rows if engines.FILE.exists() else ()
    measured = []
    for row in engines.Bench(runs).compare(names or known, before if times else ()):
        print(row.to_line(), flush=True)
        measured.append(row)
    rows = [row for row in before if row.engine.name not in (names or known)] + measured
    rows.sort(key=lambda row: known.index(row.engine.name))
    files.write_text(engines.FILE, engines.Comparison(machine(), tuple(rows)).to_json())


def measure_languages(onnxruntime: Path, cargo: Path) -> None:
    """The embed targets of all languages, in one run."""
    import tempfile

    from edgedigits.bench import languages
    from edgedigits.system import files, npm
    from edgedigits.system.environment import machine

    tools = languages.Tools(onnxruntime, npm.modules("onnxruntime-node"), cargo)
    rows = []
    with tempfile.TemporaryDirectory() as work:
        for row in languages.compare(Path("exports"), Path(work), tools):
            print(row.to_line(), flush=True)
            rows.append(row)
    files.write_text(languages.FILE, languages.Languages(machine(), tuple(rows)).to_json())


def measure_reader(paths: Sequence[Path], strangers: Path | None, group: str, seeds: bool) -> None:
    """Canvas files on all sets of pictures, or on some: those named, or the shelf's.

    Where no strangers' pictures are given, the shelf's files that did not change keep what was measured of theirs.
    """
    from edgedigits.bench import pictures, reader
    from edgedigits.cli import tables
    from edgedigits.system import files

    before, shelf = reader.read_seeds() if seeds else reader.read_readings(), reader.shelf_files(Path("exports"))
    if group and not paths and not {files.sha256(path) for path in shelf} <= {row.sha256 for row in before}:
        sys.exit("A file of exports/ changed since all sets were read: read them all, without --group.")
    readers, sets = reader.Readers(paths or shelf), pictures.sets(strangers)
    for of_set in (each for each in sets if group in each.group):
        for tally in readers.read(of_set):
            print(tally.to_line(), file=sys.stderr, flush=True)
    groups = {pictures.STRANGERS, *(each.group for each in sets)}
    rows = readers.readings(() if paths and not seeds else [row.of_groups(groups) for row in before])
    if seeds:
        others = [row for row in before if row.sha256 not in {one.sha256 for one in rows}]
        files.write_text(reader.SEEDS, reader.Readings((*others, *rows)).to_json())
    elif not paths:
        files.write_text(reader.FILE, reader.Readings(rows).to_json())
    tables.print_table(readings(rows))


def write_contact(file: Path, folder: Path, strangers: Path | None, group: str) -> None:
    """Contact sheets of what a canvas file misses."""
    from edgedigits.bench import pictures
    from edgedigits.bench.contact import write_sheets
    from edgedigits.inference.predict import open_canvas_file
    from edgedigits.runtime.load import Opener

    sets = [one for one in pictures.sets(strangers) if group in one.group]
    for path in write_sheets(open_canvas_file(file, Opener()), sets, folder):
        print(path, flush=True)


def readings(rows: Sequence[Reading]) -> RenderableType:
    """What files read, in each group of sets: of several of one name, trainings with several seeds, the mean."""
    from edgedigits.bench.pictures import DIGIT, NOTHING
    from edgedigits.bench.reader import by_name, means

    sheet = Sheet(("file", "n>", "pictures", "samples>", "right>", "wrong>", "refused>", "calibration error>"))
    for name, of_name in by_name(rows).items():
        for group, shares in means(of_name).items():
            tally = of_name[0].by_group()[group]
            counts = (str(len(of_name)), group, f"{tally.samples:,}")
            right = None if tally.show == NOTHING else shares.right
            error = shares.calibration_error if tally.show == DIGIT else None
            sheet.add_row(name, *counts, *map(percent, (right, shares.wrong, shares.refused, error)))
    return sheet


def work_off_records(runs: Path, into: Path) -> None:
    """All trainings of the records that are not measured yet; ends with exit code 1 where one failed."""
    from edgedigits.bench import records

    failed = 0
    for name, seed, code in records.work_off(runs, into):
        print(name, seed, "measured" if code == 0 else f"failed with exit code {code}", flush=True)
        failed += code != 0
    if failed:
        sys.exit(f"{failed} trainings failed; run it again to go on with them.")


def measure_record(preset: str, seed: int, runs: Path, into: Path) -> None:
    """One training of the records."""
    from edgedigits.bench import records

    print(records.measure(preset, seed, runs, into).to_line(), flush=True)


def search_networks(budget: int, family: str) -> None:
    """The search for networks of a number of bytes; prints the best of its last round."""
    from edgedigits.bench.search import search

    trials = []
    for trial in search(budget, family):
        print(trial.to_line(), flush=True)
        trials.append(trial)
    longest = max(trial.epochs for trial in trials)
    best = max((trial for trial in trials if trial.epochs == longest), key=lambda each: each.held_out)
    print(f"best: {best.held_out:.2%} held out, {best.bytes:,} bytes: {best.network}")


def race_gpu() -> None:
    """How fast the GPU of this machine trains."""
    from edgedigits.bench import gpu
    from edgedigits.system import files

    found = gpu.race()
    files.write_text(gpu.FILE, found.to_json())
    print(found.to_json())


def write_tables(exports: Path) -> None:
    """The page of figures beside the files of a folder."""
    from edgedigits.bench import shelf
    from edgedigits.system import files

    files.write_text(exports / shelf.FILE, shelf.shelf_text(exports))


def trainings(found: Sequence[Measurement]) -> RenderableType:
    """Each preset's training, ours beside the published loop of its tutorial, and how both were measured."""
    sheet = Sheet(
        (
            "model",
            "tutorial's loop: seconds>",
            "test accuracy>",
            "ours",
            "epochs>",
            "seconds>",
            "test accuracy>",
            "faster>",
        )
    )
    known = {(entry.model, entry.recipe): entry for entry in found if entry.dataset == "mnist"}
    for (model, recipe), ours in known.items():
        published = known.get((model, PUBLISHED))
        if published and recipe in ("default", "long", QUICK):
            sheet.add_row(
                model,
                f"{published.seconds:.1f}",
                f"{published.mean:.2%}",
                recipe,
                str(ours.epochs),
                f"{ours.seconds:.2f}",
                over_seeds(ours.mean, ours.spread, len(ours.seeds)),
                f"{published.seconds / ours.seconds:.1f} times",
            )
    machines = " and ".join(dict.fromkeys(entry.machine for entry in found))
    how = f"seconds of the training loop alone, median; the tutorial's loop n=1, as published; {machines}"
    return Group(sheet, Text(how, style="dim"))


if __name__ == "__main__":
    with one_line_errors():
        main(sys.argv[1:])
