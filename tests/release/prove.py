"""What must hold of archives before anybody publishes them."""

import email
import os
import subprocess
import tarfile
import zipfile
from email.message import Message
from pathlib import Path

import twine.commands.check

from edgedigits import __version__
from tests.helpers.environments import new_python

SELFTEST = "selftest.py"


def metadata(wheel: Path) -> Message:
    """The core metadata of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


def check_metadata(sdist: Path, wheel: Path) -> None:
    """Raise SystemExit where what an index would show is not what this tree says."""
    if twine.commands.check.check([str(sdist), str(wheel)], strict=True):
        raise SystemExit("twine does not take these archives")
    found = metadata(wheel)
    wanted = {"Name": "edgedigits", "Version": __version__, "License-Expression": "MIT", "Requires-Python": ">=3.11"}
    for name, value in wanted.items():
        if found[name] != value:
            raise SystemExit(f"{wheel.name}: {name} is {found[name]!r}, {value!r} wanted")
    with zipfile.ZipFile(wheel) as archive:
        require("edgedigits/py.typed" in archive.namelist(), f"{wheel.name} has no py.typed")
    with tarfile.open(sdist) as archive:
        require(f"{sdist.name.removesuffix('.tar.gz')}/README.md" in archive.getnames(), f"{sdist.name} has no README")


def require(held: bool, message: str) -> None:
    """Raise SystemExit with a message where something does not hold."""
    if not held:
        raise SystemExit(message)


def run_installed(wheel: Path, folder: Path, exports: Path) -> None:
    """Install a wheel into a new environment, embed a model there, and run its self-test.

    What the wheel needs comes from this environment, so that no index is asked. Raises CalledProcessError.
    """
    environment = folder / "environment"
    python = str(new_python(environment))
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(*arguments: str) -> None:
        subprocess.run([python, *arguments], check=True, cwd=environment, env=variables, stdout=subprocess.DEVNULL)

    run("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(wheel))
    run("-c", "import edgedigits as e, pathlib as p, sys; assert p.Path(e.__file__).is_relative_to(sys.prefix)")
    run("-m", "edgedigits", "--version")
    run("-m", "edgedigits", "embed", "python", "fc", "--exports", str(exports), "--out", "digits")
    run(str(environment / "digits" / SELFTEST))
