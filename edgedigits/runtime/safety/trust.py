"""Which bytes are believed: those of bounded size that a manifest recorded, and code only where somebody trusts it.

A manifest proves that a file is what was exported, not who exported it: whoever can write the file can write its
manifest. So ONNX files, which are data, pass `check_onnx` wherever they come from, and commands run them in a process
of their own.
"""

import hashlib
from pathlib import Path

from edgedigits.errors import ModelFileError
from edgedigits.records.artifact import MANIFEST, Answers, Artifact, Manifest
from edgedigits.runtime.safety import BOUNDS
from edgedigits.system import files


def read_model(path: Path) -> bytes:
    """The bytes of a model file, as the manifest beside it recorded them. Raises ModelFileError, and RecordError.

    Whatever is done next is done with these bytes, so nothing can be put in the place of the file meanwhile.
    """
    files.recover(path.parent)
    content = _read(path)
    if (artifact := recorded(path)) is not None:
        require_recorded(path, hashlib.sha256(content).hexdigest(), len(content), artifact)
    return content


def read_listed(listed: Answers) -> bytes:
    """The bytes of what a manifest lists beside the model files, as it recorded them. Raises ModelFileError."""
    content = _read(listed.path)
    require_recorded(listed.path, hashlib.sha256(content).hexdigest(), len(content), listed)
    return content


def _read(path: Path) -> bytes:
    try:
        return files.read_bytes(path, BOUNDS.file_bytes)
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read ({error.strerror}).") from error


def require_recorded(path: Path, sha256: str, size: int, listed: Artifact | Answers) -> None:
    """Raise ModelFileError unless a file's SHA-256 and size in bytes are those that its manifest recorded."""
    if sha256 != listed.sha256:
        raise ModelFileError(
            f"{path} changed since its {MANIFEST} was written (SHA-256 {sha256[:12]}…, recorded "
            f"{listed.sha256[:12]}…). Export it anew."
        )
    if size != listed.size_bytes:
        raise ModelFileError(
            f"{path} has {size:,} bytes, its {MANIFEST} says {listed.size_bytes:,}: that was edited. Export it anew."
        )


def recorded(path: Path) -> Artifact | None:
    """What the manifest beside a file says of it; None where it is not listed. Raises RecordError."""
    files.recover(path.parent)
    listing = path.parent / MANIFEST
    if not listing.exists():
        return None
    return {artifact.file: artifact for artifact in Manifest.read(listing).artifacts}.get(path.name)


def require_trusted(path: Path, format_name: str, trust: bool = False) -> None:
    """Raise ModelFileError for a file that can hold code, unless its manifest lists it or the caller trusts it."""
    if not trust and recorded(path) is None:
        raise ModelFileError(
            f"{path}: {format_name} files can hold code that runs when they are loaded, and no {MANIFEST} beside it "
            "records this one.\nIf you know who made it, use --trust (in Python: trust=True), or take its ONNX file."
        )
