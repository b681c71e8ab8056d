"""Packages from npm that some engines and embed targets need: `modules("onnxruntime-web")` is a `node_modules` folder.

Each package has a folder here, with a lock file that says which versions, by their hashes. They are installed into
the user's cache folder when they are first needed, and without running any script of theirs.
"""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from edgedigits.errors import MissingCapability
from edgedigits.system.places import cache_folder

LOCKS = Path(__file__).parent
PACKAGES = tuple(sorted(path.parent.name for path in LOCKS.glob("*/package-lock.json")))
INSTALL_SECONDS = 300.0
LOOK_SECONDS = 0.5  # between two looks at how much is there
INSTALL = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error", "--prefer-offline")
PATIENCE = (  # a registry that is not there is known in seconds: npm's own retries take minutes
    *("--fetch-retries", "1", "--fetch-retry-mintimeout", "1000", "--fetch-retry-maxtimeout", "2000"),
    *("--fetch-timeout", "6000"),  # milliseconds without a byte; a slow download goes on
)
Watch = Callable[[int, int], None]  # called with the bytes that are there, and with those that will be
GET_NODE = "Install Node.js 20 or later with npm, with a network (nodejs.org, or your system's packages nodejs and npm)"


def node() -> str:
    """The Node.js executable. Raises MissingCapability."""
    return _executable("node")


def modules(package: str, watch: Watch = lambda _done, _total: None) -> Path:
    """The `node_modules` folder with one of PACKAGES and what it needs. Raises MissingCapability.

    The folder is named by the lock file's hash, so that another version of EdgeDigits finds its own.
    """
    lock = LOCKS / package / "package-lock.json"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    folder = _cache() / f"{package}-{digest[:12]}"
    if not folder.is_dir():
        _install(package, folder, watch)
    return folder / "node_modules"


def version(package: str) -> str:
    """The version of one of PACKAGES, installed if it was not. Raises MissingCapability."""
    about = modules(package) / package / "package.json"
    return str(json.loads(about.read_text(encoding="utf-8"))["version"])


def _cache() -> Path:
    return cache_folder() / "npm"


def _install(package: str, folder: Path, watch: Watch) -> None:
    """Install a package beside its place, then rename: what is there is whole."""
    npm = _executable("npm")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".tmp-", dir=folder.parent, ignore_cleanup_errors=True) as temporary:
            stage = Path(temporary) / "stage"
            shutil.copytree(LOCKS / package, stage)
            _run([npm, *INSTALL, *PATIENCE], stage, package, watch)
            if not folder.is_dir():  # another process may have been faster
                stage.rename(folder)
    except OSError as error:
        raise MissingCapability(f"cannot install {package} into {folder.parent}: {error.strerror}.") from error


def _run(command: list[str], folder: Path, package: str, watch: Watch) -> None:
    npm = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, "NO_UPDATE_NOTIFIER": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    stderr = _watched(npm, folder, package, watch)
    if npm.returncode:
        said = [line for line in stderr.splitlines() if line.startswith("npm error")]
        reason = said[0].removeprefix("npm error").strip() if said else f"exit code {npm.returncode}"
        raise MissingCapability(
            f"npm cannot install {package}: {reason}. It is needed once, with a network; without one, "
            "edgedigits embed python and the other engines work."
        )


def _watched(npm: subprocess.Popen[str], folder: Path, package: str, watch: Watch) -> str:
    """What npm says at its end. Until then the bytes are counted that it has unpacked. Raises MissingCapability."""
    about = json.loads((LOCKS / package / "package.json").read_text(encoding="utf-8"))
    end = time.monotonic() + INSTALL_SECONDS
    try:
        while True:
            try:
                return npm.communicate(timeout=LOOK_SECONDS)[1]
            except subprocess.TimeoutExpired as error:
                watch(_bytes_in(folder), about["unpackedSize"])
                if time.monotonic() > end:
                    raise MissingCapability(
                        f"npm did not install {package} within {INSTALL_SECONDS:.0f} seconds. Is there a network?"
                    ) from error
    finally:
        npm.kill()
        npm.wait()


def _bytes_in(folder: Path) -> int:
    """Of all files below a folder, in which npm adds and renames them meanwhile."""
    sizes = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            sizes += path.lstat().st_size
    return sizes


def _executable(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise MissingCapability(f"{name} is not on this machine. {GET_NODE}.")
    return found
