"""What must hold of archives before anybody publishes them."""

import email
import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Callable
from email.message import Message
from pathlib import Path

import twine.commands.check

from edgedigits import __version__

SELFTEST = "selftest.py"
RUNNING = ("--out", "digits")


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
    run = new_environment(folder / "environment")
    run("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(wheel))
    run("-c", "import edgedigits as e, pathlib as p, sys; assert p.Path(e.__file__).is_relative_to(sys.prefix)")
    run("-m", "edgedigits", "--version")
    run("-m", "edgedigits", "embed", "python", "fc", "--exports", str(exports), *RUNNING)
    run(str(folder / "environment" / "digits" / SELFTEST))


def new_environment(folder: Path) -> Callable[..., None]:
    """A virtual environment that sees this one's packages but for EdgeDigits; what runs its Python in its folder."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (python,) = (found for found in folder.glob("*/python*") if found.stem == "python")
    shown = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.run([python, "-c", shown], check=True, capture_output=True, text=True).stdout.strip()
    seen = [sysconfig.get_path("purelib"), *(path for path in sys.path if path.endswith("site-packages"))]
    Path(site, "at-hand.pth").write_text("\n".join(dict.fromkeys(seen)), encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(*arguments: str) -> None:
        command = [str(python.absolute()), *arguments]
        subprocess.run(command, check=True, cwd=folder, env=environment, stdout=subprocess.DEVNULL)

    return run
