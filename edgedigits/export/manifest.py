"""An export folder's `manifest.json`: which files belong to it, and their SHA-256."""

import glob
from pathlib import Path

from edgedigits.errors import BadInput, ModelFileError
from edgedigits.export.formats import format_of
from edgedigits.records.artifact import MANIFEST, Artifact, Manifest
from edgedigits.records.model import Checkpoint
from edgedigits.records.report import ParityReport, Verification
from edgedigits.system import files

FILE = MANIFEST
PARITY_FILE = "parity.json"


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a folder; None where there is none. Raises RecordError when it is damaged."""
    files.recover(folder)
    path = folder / FILE
    return Manifest.read(path) if path.exists() else None


def merged(folder: Path, checkpoint: Checkpoint, written: list[Artifact]) -> Manifest:
    """The new manifest: what was written now, and what an earlier export of the same checkpoint wrote."""
    replaced = {artifact.format for artifact in written}
    kept = [
        artifact
        for artifact in _earlier(folder)
        if artifact.checkpoint_sha256 == checkpoint.weights_sha256
        and artifact.name == checkpoint.name
        and artifact.format not in replaced
    ]
    return Manifest(checkpoint.anonymous(), tuple(sorted([*kept, *written], key=lambda artifact: artifact.format)))


def remove_superseded(folder: Path, manifest: Manifest, stage: Path) -> None:
    """Let this model's files go that the manifest no longer lists, and the parity report of their bytes."""
    listed = {artifact.file for artifact in manifest.artifacts}
    own = {path.name for path in folder.glob(f"{glob.escape(manifest.checkpoint.name)}.*") if format_of(path)}
    for name in (*(own - listed), PARITY_FILE):
        files.remove_with(stage, name)


def _earlier(folder: Path) -> tuple[Artifact, ...]:
    try:
        manifest = read_manifest(folder)
    except BadInput:
        return ()  # damaged, and about to be replaced
    return manifest.artifacts if manifest else ()


def read_parity(folder: Path) -> Verification | None:
    """What `verify` found of a folder's files; None where it was not asked.

    A report counts for the bytes that it was made of: each must be of a file that the manifest lists, by the same
    SHA-256, size, format and name. Raises ModelFileError where one is not, and RecordError.
    """
    listing, path = read_manifest(folder), folder / PARITY_FILE
    if not path.exists():
        return None
    found = Verification.read(path)
    listed = {artifact.file: _identity(artifact) for artifact in listing.artifacts} if listing else {}
    for report in found.reports:
        name = Path(report.path).name
        if listed.get(name) != _identity(report):
            raise ModelFileError(f"{path}: reports on another {name} than {FILE} lists. Verify it anew.")
    return found


def _identity(about: Artifact | ParityReport) -> tuple[str, int, str, str]:
    return about.sha256, about.size_bytes, about.format, about.name
