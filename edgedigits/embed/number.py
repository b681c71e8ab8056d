"""What reads lines of digits in embedded programs: the Python files themselves, or their likeness in JavaScript."""

from collections.abc import Mapping
from pathlib import Path

from edgedigits.data import number
from edgedigits.data.number.constants import CONSTANTS
from edgedigits.embed.package import PROGRAMS, Package, rendered

PACKAGE = number.__name__
FOLDER = PACKAGE.rpartition(".")[2]  # of the Python files, beside the program that imports them
SCRIPT = PROGRAMS / "number_parts" / "numbers.js.jinja"


def python_files() -> Mapping[str, bytes]:
    """The files of `edgedigits.data.number`, which import each other from the folder that they are in."""
    found = sorted(Path(number.__file__).parent.glob("*.py"))
    return {f"{FOLDER}/{path.name}": path.read_bytes().replace(PACKAGE.encode(), FOLDER.encode()) for path in found}


def script(package: Package) -> bytes:
    """The same as one module of JavaScript."""
    return rendered(package, SCRIPT, constants=dict(CONSTANTS))
