"""Embed an exported file: `embed("python", "cnn", "digits")` makes a folder that runs as it is.

A target is a module in this folder with the attributes of `Target`. Whatever the target, the folder
holds the model, `contract.json`, `labels.txt` and `golden.json`: inputs, and what the file answers to
them, so that the target's own self-test can prove runtime and preprocessing where it runs. What a
target adds lies in `files/<target>/`: a program, its self-test, a README, what installs the runtime.
"""

import base64
import functools
import importlib
import json
import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from edgedigits import files, formats, golden, safety
from edgedigits.errors import BadInput, ModelFileError, UsageError, unknown
from edgedigits.formats import Format
from edgedigits.golden import Golden, Ready
from edgedigits.load import open_file, require_format
from edgedigits.progress import Observer, Progress, ignore
from edgedigits.records import Contract, Embedding

if TYPE_CHECKING:
    import jinja2

TARGETS = tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))
STATIC = Path(__file__).parent / "files"
PREFERRED = (
    "onnx-canvas",
    "onnx-canvas-int8",
    "onnx",
    "onnx-int8",
    "onnx-static",
)  # of a name's files, the first there
MODEL = '"model.onnx"'  # in a target's programs: stands for the main file's name, quotes and all
EXAMPLE = "example.pgm"
EXAMPLE_DIGIT = 7  # the golden inputs begin with the drawn digits, 0 to 9


@dataclass(frozen=True)
class Package:
    """What a target makes its folder of.

    name      of the model: its file's name without the suffix
    models    file name to bytes; the first is the main one, the one beside it is its int8 file
    contract  of the main file
    golden    inputs with the answers of every file
    """

    name: str
    models: Mapping[str, bytes]
    contract: Contract
    golden: Golden

    @property
    def main(self) -> str:
        """The name of the main file."""
        return next(iter(self.models))

    @property
    def labels(self) -> tuple[str, ...]:
        """One string a class, in the order of the logits."""
        return self.contract.labels

    @property
    def canvas(self) -> bool:
        """Whether the main file takes any canvas; else it takes 28x28 pixels."""
        return self.contract.sides is not None


class Target(Protocol):
    """What a file in this folder provides.

    INPUTS     the kinds of file that it takes, of `formats.INPUTS`
    BOTH       whether it shows the int8 file beside the float one, where there is one
    SELFTEST   the command that runs its self-test, in its folder, once the runtime is installed
    """

    NAME: str
    INPUTS: tuple[str, ...]
    BOTH: bool
    SELFTEST: str

    def files(self, package: Package) -> Mapping[str, bytes]:
        """What it adds to the folder: names and bytes."""


def embed(
    target: str,
    model: str | Path,
    out: str | Path,
    *,
    exports: str | Path = "exports",
    force: bool = False,
    observer: Observer = ignore,
) -> Embedding:
    """Make a folder that runs a model in another program: the file, a program, and a self-test.

    target    of TARGETS: what the other program is written in
    model     an ONNX file, or a name below `exports`: then its canvas file, float first, or else its plain one
    out       the folder; it must be empty or missing
    force     write into a folder that is not empty: files of the same names are replaced, no other is touched

    The same model gives the same bytes. Raises UsageError on an unknown target, a file that it does not
    take, and a folder that is not empty; BadInput where there is no such model, and ModelFileError where
    it is damaged or no ONNX file.
    """
    module = get(target)
    folder = Path(out)
    _require_free(folder, force)
    paths = _find(str(model), module, Path(exports))
    observer(Progress(f"embed {paths[0].name}", 0, None))
    package = _package(paths)
    content = _shared(package) | dict(module.files(package))
    with files.staged(folder) as stage:
        for name, data in content.items():
            (stage / name).write_bytes(data)
    return Embedding(
        target=target,
        models=tuple(path.name for path in paths),
        files={name: len(data) for name, data in sorted(content.items())},
        selftest=module.SELFTEST,
        folder=folder,
    )


def get(name: str) -> Target:
    """The target of that name. Raises UsageError."""
    if name not in TARGETS:
        raise unknown("target", name, TARGETS)
    return cast(Target, importlib.import_module(f"{__name__}.{name}"))


def static(package: Package, target: str) -> dict[str, bytes]:
    """The files of `files/<target>/`: programs with the main file's name in them, templates (.jinja) rendered."""
    found = sorted(path for path in (STATIC / target).iterdir() if path.is_file())
    return dict(_filled(package, path) for path in found)


def example(package: Package) -> bytes:
    """A picture to try a program with: the first golden input that shows a 7, as a binary PGM."""
    picture = package.golden.inputs[EXAMPLE_DIGIT]
    return b"P5\n%d %d\n255\n" % (picture.width, picture.height) + base64.b64decode(picture.pixels)


def _filled(package: Package, path: Path) -> tuple[str, bytes]:
    """A file below STATIC, as it goes into the folder: its name there, and its bytes."""
    if path.suffix == ".jinja":
        text = _templates().get_template(path.relative_to(STATIC).as_posix()).render(package=package)
        return path.stem, text.encode()
    return path.name, path.read_bytes().replace(MODEL.encode(), json.dumps(package.main).encode())


@functools.cache
def _templates() -> "jinja2.Environment":
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(STATIC),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
    )


def _shared(package: Package) -> dict[str, bytes]:
    """What every target's folder holds."""
    texts = {
        "contract.json": package.contract.to_json(),
        "labels.txt": "".join(f"{label}\n" for label in package.labels),
        "golden.json": package.golden.to_line() + "\n",
    }
    return dict(package.models) | {name: text.encode() for name, text in texts.items()}


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
    path = Path(model)
    module = formats.of_file(path)
    if module is None:
        path, module = _named(model, target, exports)
    _require_takes(target, path, module)
    beside = path.with_name(path.name.removesuffix(module.SUFFIX) + module.SUFFIX.replace(".onnx", ".int8.onnx"))
    return [path, beside] if target.BOTH and f"{module.NAME}-int8" in formats.NAMES and beside.is_file() else [path]


def _named(name: str, target: Target, exports: Path) -> tuple[Path, Format]:
    """Of the files of a name below `exports`, or in a folder, the first that a target takes. Raises BadInput."""
    folder = exports / name if (exports / name).is_dir() else Path(name)
    for module in map(formats.get, PREFERRED):
        path = folder / f"{folder.name}{module.SUFFIX}"
        if module.INPUT in target.INPUTS and path.is_file():
            return path, module
    if folder.is_dir():
        raise BadInput(
            f"{folder}: no ONNX file here that takes a {' or '.join(target.INPUTS)}. "
            f"Make one with edgedigits export --format onnx --input {target.INPUTS[0]}."
        )
    known = sorted(found.name for found in exports.glob("*") if any(found.glob("*.onnx")))
    raise BadInput(f"{name}: no ONNX file, and no name below {exports} (there: {', '.join(known) or 'none'}).")


def _require_takes(target: Target, path: Path, module: Format) -> None:
    if module.OPSET is None:
        raise ModelFileError(
            f"{path}: a {module.NAME} file. What is embedded is ONNX: edgedigits export --format onnx."
        )
    if module.INPUT not in target.INPUTS:
        raise UsageError(
            f"{path}: takes a {module.INPUT}, and target {target.NAME} embeds files that take a "
            f"{' or '.join(target.INPUTS)}: edgedigits export --input {target.INPUTS[0]}."
        )


def _package(paths: Sequence[Path]) -> Package:
    """The files, once they have passed the checks of `edgedigits.safety` and answered in a process of their own.

    Raises ModelFileError.
    """
    ready = [_ready(path) for path in paths]
    main, contract = ready[0], ready[0].predictor.contract
    return Package(
        name=main.file.removesuffix(main.format.SUFFIX),
        models={file.file: file.content for file in ready},
        contract=contract,
        golden=golden.make(ready),
    )


def _ready(path: Path) -> Ready:
    module, predictor = require_format(path), open_file(path)
    contract = predictor.contract
    if contract.format != module.NAME:
        raise ModelFileError(
            f"{path}: {module.NAME} by its name, {contract.format} by its contract. Name it as exported."
        )
    if any(label.splitlines() != [label] for label in contract.labels):
        raise ModelFileError(f"{path}: a label is empty or has several lines, and labels.txt has one a line.")
    return Ready(path.name, safety.read(path), predictor, module)
