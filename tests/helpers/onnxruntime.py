"""A folder as ONNX Runtime's release archive is, `include` and `lib`: `python -m tests.helpers.onnxruntime FOLDER`.

A user takes the archive from ONNX Runtime's releases. No registry has it, but a package of npm has its headers, in the
frameworks for Apple's devices. The library is that of the Python package; its API only grows, so that it may be newer.
"""

import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path, PurePosixPath

from edgedigits.system import files
from tests.helpers.languages import runtime_library

PACKAGE = "com.github.asus4.onnxruntime@0.4.9"
SHA256 = "e59788788818fdde1b2e522e766a21ba0f7d8391de55737abf81e32cc801785d"
HEADERS = PurePosixPath("package/Plugins/iOS~/onnxruntime.xcframework/ios-arm64/onnxruntime.framework/Headers")
LIBRARIES = ("libonnxruntime.so", "libonnxruntime.so.1")  # what a program is linked with, and what it then looks for


def unpack(folder: Path) -> Path:
    """Make such a folder, which is empty or missing; it is returned."""
    for name in ("include", "lib"):
        (folder / name).mkdir(parents=True)
    with tempfile.TemporaryDirectory() as place:
        fetch = ["npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", place, PACKAGE]
        subprocess.run(fetch, check=True, capture_output=True)
        (package,) = Path(place).iterdir()
        assert files.sha256(package) == SHA256
        with tarfile.open(package) as archive:
            for member in archive:
                path = PurePosixPath(member.name)
                if path.parent == HEADERS and (found := archive.extractfile(member)):
                    (folder / "include" / path.name).write_bytes(found.read())
    for name in LIBRARIES:
        (folder / "lib" / name).symlink_to(runtime_library())
    return folder


if __name__ == "__main__":
    target = Path(sys.argv[1])
    if not target.exists():
        unpack(target)
