"""An export folder's `manifest.json`: which files belong to it, and their SHA-256."""

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

from edgedigits.errors import BadInput, ModelFileError
from edgedigits.records.artifact import ANSWERS, MANIFEST, Answers, Artifact, Manifest
from edgedigits.records.model import Checkpoint
from edgedigits.records.report import ParityReport, Verification
from edgedigits.system import files
from edgedigits.system.replace import named, require_replaceable

FILE = MANIFEST
PARITY_FILE = "parity.json"


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a folder; None where there is none. Raises RecordError when it is damaged."""
    files.recover(folder)
    path = folder / FILE
    return Manifest.read(path) if path.exists() else None


def merged(folder: Path, checkpoint: Checkpoint, written: list[Artifact], answers: Answers | None = None) -> Manifest:
    """The new manifest: what was written now, and what an earlier export of the same checkpoint wrote."""
    earlier, record = _earlier(folder), checkpoint.anonymous()
    if earlier is None or (earlier.checkpoint.weights_sha256, earlier.checkpoint.name) != (
        record.weights_sha256,
        record.name,
    ):
        return Manifest(record, _in_order(written), answers=answers)
    replaced = {artifact.format for artifact in written}
    kept = [artifact for artifact in earlier.artifacts if artifact.format not in replaced]
    return Manifest(record, _in_order([*kept, *written]), answers=answers or earlier.answers)


def _in_order(artifacts: Iterable[Artifact]) -> tuple[Artifact, ...]:
    return tuple(sorted(artifacts, key=lambda artifact: artifact.format))


def require_own(folder: Path, names: Iterable[str], force: bool) -> None:
    """Raise UsageError where an export of files of these names would replace or remove what is not its own.

    Its own are the files that the folder's manifest lists, the manifest, and the report beside it.
    """
    listed = _listed_names(_earlier(folder))
    own = {*listed, FILE, PARITY_FILE} if listed else set()
    touched = (folder / name for name in (*names, ANSWERS, FILE, PARITY_FILE, *listed))
    require_replaceable(touched, {folder / name for name in own}, force)


def remove_superseded(folder: Path, manifest: Manifest, stage: Path) -> None:
    """Let files go that the folder's manifest lists and the new one does not, and the reports of bytes that are gone.

    A note says which files of another checkpoint are replaced, and which are removed.
    """
    earlier, listed = _earlier(folder), _listed_names(manifest)
    others = [
        folder / artifact.file
        for artifact in (earlier.artifacts if earlier else ())
        if artifact.checkpoint_sha256 != manifest.checkpoint.weights_sha256 and (folder / artifact.file).exists()
    ]
    kinds = {
        "replaced": [path for path in others if path.name in listed],
        "removed": [path for path in others if path.name not in listed],
    }
    for what, paths in kinds.items():
        if paths:
            warnings.warn(f"{what}: {named(paths)}, made from another checkpoint", stacklevel=5)
    for name in _listed_names(earlier) - listed:
        files.remove_with(stage, name)
    if kept := [report for report in _reports(folder) if _listed(report, manifest.artifacts)]:
        (stage / PARITY_FILE).write_text(Verification.of(kept).to_json(), encoding="utf-8", newline="\n")
    else:
        files.remove_with(stage, PARITY_FILE)


def _listed_names(manifest: Manifest | None) -> set[str]:
    return {listed.file for listed in manifest.listed} if manifest else set()


def _earlier(folder: Path) -> Manifest | None:
    try:
        return read_manifest(folder)
    except BadInput:
        return None  # damaged, and about to be replaced


def read_parity(folder: Path) -> Verification | None:
    """What `verify` found of a folder's files; None where it was not asked.

    A report counts for the bytes that it was made of: each must be of a file that the manifest lists, by the same
    SHA-256, size, format and name. Raises ModelFileError where one is not, and RecordError.
    """
    listing, path = read_manifest(folder), folder / PARITY_FILE
    if not path.exists():
        return None
    found = Verification.read(path)
    for report in found.reports:
        if not _listed(report, listing.artifacts if listing else ()):
            name = Path(report.path).name
            raise ModelFileError(f"{path}: reports on another {name} than {FILE} lists. Verify it anew.")
    return found


def beside(folder: Path, new: Sequence[ParityReport]) -> list[ParityReport]:
    """New reports of a folder's files, and the earlier ones of its other files as they are now, by file name."""
    listing, fresh = _earlier(folder), {Path(report.path).name for report in new}
    artifacts = listing.artifacts if listing else ()
    kept = [found for found in _reports(folder) if _listed(found, artifacts) and Path(found.path).name not in fresh]
    return sorted([*new, *kept], key=lambda report: Path(report.path).name)


def _reports(folder: Path) -> tuple[ParityReport, ...]:
    try:
        return Verification.read(folder / PARITY_FILE).reports
    except BadInput:  # none, or damaged and about to be replaced
        return ()


def _listed(report: ParityReport, artifacts: Iterable[Artifact]) -> bool:
    """Whether a report is of the bytes that a manifest lists by its file's name."""
    listed = {artifact.file: _identity(artifact) for artifact in artifacts}
    return listed.get(Path(report.path).name) == _identity(report)


def _identity(about: Artifact | ParityReport) -> tuple[str, int, str, str]:
    return about.sha256, about.size_bytes, about.format, about.name
