"""What a person means by a name: a path, a file's name, an exported model's or a run's. One resolver for all commands.

find_place   a file or a folder of exported files
find_file    a file: of a folder the first one of the formats that are wanted
"""

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path

from edgedigits.errors import BadInput, ModelFileError
from edgedigits.export.formats import CONTAINERS, FORMATS, PRECISIONS, Format, format_of
from edgedigits.models.checkpoint import RECORD, RUNS
from edgedigits.records.artifact import MANIFEST

EXPORTS = Path("exports")


def find_place(name: str | Path, exports: Path = EXPORTS, runs: Path = RUNS) -> Path:
    """The path that is named; a run's folder and its name stand for its folder below `exports`.

    A path that leads nowhere is returned as it is: whoever opens it says what is missing. Raises ModelFileError where
    a name is none, with the nearest one, and BadInput where it is that of a run that was not exported.
    """
    path = Path(name)
    if path.is_dir() and not (path / RECORD).exists():
        return path
    if path.is_file() or (len(path.parts) > 1 and not path.is_dir()):
        return path
    folder = exports / path.name
    if folder.is_dir():
        return folder
    if beside := sorted(exports.glob(f"*/{_literal(path.name)}")):
        return beside[0]
    if (runs / path.name / RECORD).exists() or (path / RECORD).exists():
        raise BadInput(f"{path} was not exported yet: edgedigits export --model {path}, then name it again.")
    raise ModelFileError(_unknown(path.name, exports))


def find_file(
    name: str | Path, wanted: Iterable[Format] | None = None, exports: Path = EXPORTS, runs: Path = RUNS
) -> Path:
    """The model file that is named, as `find_place` finds it; in a folder, the first of the formats that are wanted.

    Raises what `find_place` raises, and BadInput where a folder has no such file.
    """
    place = find_place(name, exports, runs)
    if not place.is_dir() or format_of(place):  # whoever reads it says that it is a folder
        return place
    rows = list(wanted or preferred(("digit", "canvas")))
    for row in rows:
        path = place / f"{place.name}{row.suffix}"
        if path.is_file():
            return path
    first = rows[0]
    raise BadInput(
        f"{place}: no {first.box.title} file here that takes a {' or '.join(dict.fromkeys(row.input for row in rows))}."
        f" Make one with edgedigits export --format {first.container} --input {first.input}."
    )


def preferred(inputs: Sequence[str], container: str | None = None) -> list[Format]:
    """The formats that take one of some inputs: by input, then container, ONNX first, then precision, float first."""
    boxes = list(CONTAINERS)
    taken = [row for row in FORMATS if row.input in inputs and container in (None, row.container)]
    return sorted(
        taken, key=lambda row: (inputs.index(row.input), boxes.index(row.container), PRECISIONS.index(row.precision))
    )


def _unknown(name: str, exports: Path) -> str:
    """In words, that a name is none: the nearest one, and what there is."""
    models = sorted(path.parent.name for path in exports.glob(f"*/{MANIFEST}"))
    files = [path.name for model in models for path in sorted((exports / model).iterdir()) if format_of(path)]
    near = difflib.get_close_matches(name.lower(), [*models, *files], n=1, cutoff=0.5)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    listed = f"Below {exports}: {', '.join(models)}." if models else f"Nothing is below {exports}."
    return f"{name} is missing: no file, and no model of that name.{hint} {listed}"


def _literal(name: str) -> str:
    """A name as a glob pattern that matches it alone."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)
