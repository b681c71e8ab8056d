"""An archive of Maven Central that an engine needs: `unpacked(ONNXRUNTIME)` is a folder with it and its libraries.

It is fetched by Maven into the user's cache folder when it is first needed, and checked by its SHA-256.
"""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from edgedigits.errors import MissingCapability
from edgedigits.system import files
from edgedigits.system.places import cache_folder

COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
FETCH_SECONDS = 300.0
GET_JAVA = "Install a JDK of 17 or later and Maven, with a network: the packages default-jdk-headless and maven"
SYSTEMS = {"linux": "linux", "darwin": "osx", "win32": "win"}
PROCESSORS = {"x86_64": "x64", "AMD64": "x64", "aarch64": "aarch64", "arm64": "aarch64"}


@dataclass(frozen=True)
class Archive:
    """An archive, by its coordinates.

    natives   the folder in it that has the libraries of every system and processor in folders of their own
    """

    group: str
    name: str
    version: str
    sha256: str
    natives: str

    @property
    def file(self) -> str:
        """Its file's name."""
        return f"{self.name}-{self.version}.jar"


ONNXRUNTIME = Archive(
    group="com.microsoft.onnxruntime",
    name="onnxruntime",
    version="1.29.0",
    sha256="5933bbc0c6c4d89afc04bf7c11011de23a947509c1352e5bf5936e62a84e4d10",
    natives="ai/onnxruntime/native",
)


def executable(name: str) -> str:
    """The path of `java`, `javac` or `mvn`. Raises MissingCapability."""
    found = shutil.which(name)
    if found is None:
        raise MissingCapability(f"{name} is not on this machine. {GET_JAVA}.")
    return found


def unpacked(archive: Archive) -> Path:
    """The folder with an archive, and beside it the libraries for this machine. Raises MissingCapability.

    It is named by the archive's hash, so that another version of EdgeDigits finds its own.
    """
    folder = cache_folder() / "maven" / f"{archive.name}-{archive.version}-{archive.sha256[:12]}"
    if not folder.is_dir():
        _install(archive, folder)
    return folder


def _install(archive: Archive, folder: Path) -> None:
    """Fetch and unpack an archive beside its place, then rename: what is there is whole."""
    mvn = executable("mvn")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".tmp-", dir=folder.parent, ignore_cleanup_errors=True) as temporary:
            stage = Path(temporary) / "stage"
            stage.mkdir()
            _fetch(mvn, archive, stage)
            _unpack_natives(archive, stage)
            if not folder.is_dir():  # another process may have been faster
                stage.rename(folder)
    except OSError as error:
        raise MissingCapability(f"cannot install {archive.file} into {folder.parent}: {error.strerror}.") from error


def _fetch(mvn: str, archive: Archive, folder: Path) -> None:
    coordinates = f"{archive.group}:{archive.name}:{archive.version}"
    command = [mvn, "--batch-mode", "--quiet", COPY, f"-Dartifact={coordinates}", f"-DoutputDirectory={folder}"]
    try:
        done = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=FETCH_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise MissingCapability(
            f"Maven did not fetch {archive.file} within {FETCH_SECONDS:.0f} seconds. Is there a network?"
        ) from error
    if done.returncode:
        said = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("[ERROR]")]
        reason = said[0].removeprefix("[ERROR]").strip()[:200] if said else f"exit code {done.returncode}"
        raise MissingCapability(f"Maven cannot fetch {archive.file}: {reason}. It is needed once, with a network.")
    found = files.sha256(folder / archive.file)
    if found != archive.sha256:
        raise MissingCapability(
            f"Maven fetched another {archive.file} than was published: SHA-256 {found[:12]}..., "
            f"not {archive.sha256[:12]}... Remove it from Maven's own cache, and ask where it came from."
        )


def _unpack_natives(archive: Archive, folder: Path) -> None:
    place = f"{archive.natives}/{SYSTEMS.get(sys.platform, os.name)}-{PROCESSORS.get(platform.machine(), '?')}/"
    with zipfile.ZipFile(folder / archive.file) as jar:
        inside = [name for name in jar.namelist() if name.startswith(place) and "/" not in name.removeprefix(place)]
        libraries = [name for name in inside if name != place]
        if not libraries:
            raise MissingCapability(f"{archive.file} has no library for {sys.platform} on {platform.machine()}.")
        for name in libraries:
            (folder / name.removeprefix(place)).write_bytes(jar.read(name))
