"""Embed an exported file: `embed("python", "cnn", "digits")` makes a folder that runs as it is.

Whatever the target, the folder holds the model, `contract.json`, `labels.txt` and golden inputs, with what the file
answers to them, so that the target's own self-test can prove runtime and preprocessing where it
runs. What a target adds is in its record (`targets.py`): programs, their self-test, a README.
"""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edgedigits.embed.golden import Ready, make_golden
from edgedigits.embed.integer import integers_of
from edgedigits.embed.package import Package
from edgedigits.embed.targets import Target, get_target
from edgedigits.errors import ModelFileError, UsageError
from edgedigits.export.formats import CONTAINERS, Format, int8_form, require_format
from edgedigits.records.arguments import checked
from edgedigits.records.progress import Observer, Progress, ignore
from edgedigits.records.record import LOCAL, Record
from edgedigits.runtime.compatibility import loading_runtimes
from edgedigits.runtime.load import Opener
from edgedigits.runtime.names import find_file
from edgedigits.runtime.packages import bring
from edgedigits.runtime.safety.trust import read_model
from edgedigits.system import files

ONNX = "onnx"  # the container of what most targets embed
STEPS = 3  # that progress names


@dataclass(frozen=True)
class Embedding(Record):
    """A folder that runs a model in another program.

    models     its model files, the main one first
    files      all that was written, with sizes in bytes
    selftest   the command that proves runtime and preprocessing, run in the folder
    """

    target: str
    models: tuple[str, ...]
    files: Mapping[str, int]
    selftest: str
    folder: Path = field(default=Path(), compare=False, metadata=LOCAL)

    @property
    def size_bytes(self) -> int:
        """Of all files."""
        return sum(self.files.values())


@checked
def embed(
    target: str,
    model: str | Path,
    out: str | Path,
    *,
    input: str | None = None,  # noqa: A002 - the word that the command line uses
    exports: str | Path = "exports",
    force: bool = False,
    opener: Opener = Opener(),  # noqa: B008 - it is frozen
    observer: Observer = ignore,
) -> Embedding:
    """Make a folder that runs a model in another program: the file, a program, and a self-test.

    target    of TARGETS: what the other program is written in
    model     a file of the target's container, or a model's name below `exports`: of ONNX then its canvas file, float
              first, or else its plain one
    out       the folder; it must be empty or missing
    input     what the file takes, of INPUTS, where a target takes files of several kinds; by default its preferred one
    force     write into a folder that is not empty: files of the same names are replaced, no other is touched
    opener    how the model is opened, to be asked for the self-test

    The same model gives the same bytes. Raises UsageError on an unknown target, a file that it does not
    take, and a folder that is not empty; BadInput where there is no such model, and ModelFileError where
    it is damaged or no ONNX file.
    """
    made_for = get_target(target)
    folder = Path(out)
    _require_free(folder, force)
    paths = _find(str(model), made_for.taking(input), Path(exports))
    observer(Progress(f"embed: ask {paths[0].name}", 0, STEPS))
    package = _package(paths, opener, made_for)
    _require_runs(made_for, paths[0], package)
    package = package.renamed(made_for.model)
    observer(Progress(f"embed: programs and runtime of {target}", 1, STEPS))
    bring(made_for.packages, observer)
    content = _shared(package, made_for) | made_for.files(package)
    observer(Progress(f"embed: write {folder}", 2, STEPS))
    _write(folder, content)
    return Embedding(
        target=target,
        models=tuple(package.models),
        files={name: len(data) for name, data in sorted(content.items())},
        selftest=made_for.selftest,
        folder=folder,
    )


def _write(folder: Path, content: Mapping[str, bytes]) -> None:
    """All files, by their paths below a folder: nothing appears there before everything is written."""
    parents = sorted({(folder / name).parent for name in content})
    with contextlib.ExitStack() as stack:
        stages = {parent: stack.enter_context(files.staged(parent)) for parent in parents}
        for name, data in content.items():
            path = folder / name
            (stages[path.parent] / path.name).write_bytes(data)


def _shared(package: Package, target: Target) -> dict[str, bytes]:
    """What every target's folder holds: that of C files has its golden inputs in C."""
    texts = {
        "contract.json": package.contract.to_json(),
        "labels.txt": "".join(f"{label}\n" for label in package.labels),
    }
    if target.container == ONNX:
        texts["golden.json"] = package.golden.to_line() + "\n"
    models = {f"{target.place}{name}": content for name, content in package.models.items()}
    return models | {name: text.encode() for name, text in texts.items()}


def _require_free(folder: Path, force: bool) -> None:
    """Raise UsageError unless a folder can be filled without a file of somebody else being lost.

    Raises MissingCapability where that cannot be known.
    """
    with files.writing(folder):
        exists, is_folder = folder.exists(), folder.is_dir()
        taken = is_folder and any(folder.iterdir())
    if exists and not is_folder:
        raise UsageError(f"{folder}: not a folder. Name another --out.")
    if taken and not force:
        raise UsageError(
            f"{folder}: not empty. Name another --out, or use --force to replace the files of an embedding."
        )


def _find(model: str, target: Target, exports: Path) -> list[Path]:
    """The main file, and the int8 file beside it where the target shows both."""
    path = find_file(model, target.formats, exports)
    row = require_format(path)
    _require_takes(target, path, row)
    quantized = int8_form(row) if target.both else None
    beside = path.with_name(path.name.removesuffix(row.suffix) + quantized.suffix) if quantized else path
    return [path, beside] if beside != path and beside.is_file() else [path]


def _require_takes(target: Target, path: Path, row: Format) -> None:
    if row.container != target.container:
        wanted = CONTAINERS[target.container].title
        raise ModelFileError(
            f"{path}: a {row.name} file, and target {target.name} embeds {wanted} files: edgedigits export --format "
            f"{target.formats[0].name}."
        )
    if row.input not in target.inputs:
        raise UsageError(
            f"{path}: takes a {row.input}, and target {target.name} embeds files that take a "
            f"{' or '.join(target.inputs)}: edgedigits export --input {target.inputs[0]}."
        )


def _require_runs(target: Target, path: Path, package: Package) -> None:
    """Raise ModelFileError where the runtime that a target's programs call is known to refuse the file."""
    for runtime in package.runtimes:
        if runtime.name == target.runtime and runtime.loads is False:
            raise ModelFileError(
                f"{path}: {runtime.name}, which target {target.name} runs files in, does not load it ({runtime.note}). "
                "It loads what edgedigits export --format onnx --quantize writes."
            )


def _package(paths: Sequence[Path], opener: Opener, target: Target) -> Package:
    """The files, once they have passed the checks of `runtime/safety` and answered.

    Raises ModelFileError.
    """
    ready = [_ready(path, opener) for path in paths]
    main, contract, golden = ready[0], ready[0].predictor.contract, make_golden(ready)
    is_onnx = target.container == ONNX
    return Package(
        name=main.file.removesuffix(main.format.suffix),
        models={file.file: file.content for file in ready},
        contract=contract,
        golden=golden,
        runtimes=loading_runtimes(opener.describe(paths[0])) if is_onnx else (),
        integers=None if is_onnx else integers_of(paths[0], main.content, golden),
    )


def _ready(path: Path, opener: Opener) -> Ready:
    row, predictor = require_format(path), opener.open(path)
    contract = predictor.contract
    if contract.format != row.name:
        raise ModelFileError(f"{path}: {row.name} by its name, {contract.format} by its contract. Name it as exported.")
    if any(label.splitlines() != [label] for label in contract.labels):
        raise ModelFileError(f"{path}: a label is empty or has several lines, and labels.txt has one a line.")
    return Ready(path.name, read_model(path), predictor, row)
