"""Whether files are what was verified: by their manifest and `parity.json` alone, without asking a model or an image.

find_unverified(["exports/cnn/cnn.onnx", "exports/cnn/manifest.json"]) -> sentences, of what is not as it should be
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from edgedigits.errors import BadInput
from edgedigits.export import manifest
from edgedigits.export.formats import format_of
from edgedigits.records.artifact import MANIFEST, Artifact
from edgedigits.runtime.safety.trust import read_model

RECORDS = (MANIFEST, manifest.PARITY_FILE)


def find_unverified(paths: Iterable[Path]) -> list[str]:
    """A sentence for each file that its manifest does not list, or that did not pass with these bytes.

    paths   changed files. A `manifest.json` or `parity.json` stands for all files of its folder; where a folder has no
            manifest, its files are somebody else's, and nothing is said of them
    """
    changed: dict[Path, set[str]] = {}
    for path in paths:
        changed.setdefault(path.parent, set()).add(path.name)
    return [sentence for folder, names in changed.items() for sentence in _of_folder(folder, names)]


def _of_folder(folder: Path, names: set[str]) -> Iterator[str]:
    try:
        listing = manifest.read_manifest(folder)
        passed = _passed(folder)
    except BadInput as error:
        yield str(error)
        return
    if listing is None:
        return
    listed = {artifact.file: artifact for artifact in listing.artifacts}
    wanted = names if names.isdisjoint(RECORDS) else names | listed.keys()
    for name in sorted(wanted - {*RECORDS}):
        yield from _of_file(folder / name, listed.get(name), passed)


def _passed(folder: Path) -> dict[str, bool]:
    """Whether files passed, by their SHA-256. Raises BadInput."""
    found = manifest.read_parity(folder)
    return {report.sha256: report.passed for report in found.reports} if found else {}


def _of_file(path: Path, listed: Artifact | None, passed: dict[str, bool]) -> Iterator[str]:
    if listed is None:
        if format_of(path):
            yield f"{path} is not in the {MANIFEST} beside it. Export it anew, or remove it."
        return
    try:
        read_model(path)
    except BadInput as error:
        yield str(error)
        return
    if listed.sha256 not in passed:
        yield f"{path} was not verified as it is now. Run edgedigits verify {path}."
    elif not passed[listed.sha256]:
        yield f"{path} did not pass when it was verified. Run edgedigits verify {path}."
