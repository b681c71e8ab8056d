"""The bill of materials of a release: archives, what they need, what they bring from npm, and the models."""

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from email.message import Message
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement

from edgedigits import __version__
from edgedigits.system.npm import LOCKS
from edgedigits.verify import bom
from edgedigits.verify.bom import Document
from edgedigits.verify.card import FILE, card_bom, find_folders

CONSTRAINTS = Path(__file__).parents[2] / ".ci" / "constraints.txt"
LICENCE = "MIT"


def release_bom(metadata: Message, archives: Mapping[str, str], exports: Path) -> Document:
    """The document. Raises SystemExit where it is not as CycloneDX's schema says.

    archives   SHA-256 by file name
    """
    subject = {
        "type": "application",
        "bom-ref": "edgedigits",
        "name": "edgedigits",
        "version": __version__,
        "licenses": [{"license": {"id": LICENCE}}],
        "purl": bom.MAKER,
    }
    parts = [*_archives(archives), *_required(metadata.get_all("Requires-Dist", [])), *_from_npm(), *_models(exports)]
    found = bom.document(subject, list({part["bom-ref"]: part for part in parts}.values()))
    require_valid(found)
    return found


def require_valid(found: Document) -> None:
    """Raise SystemExit where a document is not as CycloneDX's own schema says."""
    version = SchemaVersion.from_version(bom.SPEC)
    if error := JsonStrictValidator(version).validate_str(json.dumps(found)):
        raise SystemExit(f"bom.json: {error}")


def _archives(archives: Mapping[str, str]) -> Iterator[Document]:
    for name, sha256 in archives.items():
        hashes = [{"alg": "SHA-256", "content": sha256}]
        yield {"type": "file", "bom-ref": f"file:{sha256}", "name": name, "version": __version__, "hashes": hashes}


def _required(lines: Iterable[str]) -> Iterator[Document]:
    """Packages that pip brings, in the versions that were tested; pip checks their bytes, which differ by machine."""
    pinned = dict(re.findall(r"^([\w.-]+)==(\S+)$", CONSTRAINTS.read_text(encoding="utf-8"), flags=re.MULTILINE))
    tested = {_normal(name): version for name, version in pinned.items()}
    for requirement in map(Requirement, lines):
        extra = str(requirement.marker or "").partition("extra == ")[2].strip("\"' ")
        name = _normal(requirement.name)
        if extra in ("dev", "release") or name == "edgedigits":
            continue
        yield {
            "type": "library",
            "bom-ref": f"pypi:{name}",
            "name": name,
            "version": tested[name],
            "scope": "optional" if extra else "required",
            "purl": f"pkg:pypi/{name}@{tested[name]}",
            "properties": [{"name": "edgedigits:requires", "value": str(requirement.specifier)}],
        }


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _from_npm() -> Iterator[Document]:
    """What engines and pages bring from npm, by the hashes of their lock files."""
    for lock in sorted(LOCKS.glob("*/package-lock.json")):
        for place, package in json.loads(lock.read_text(encoding="utf-8"))["packages"].items():
            if place:
                name = place.rpartition("node_modules/")[2]
                algorithm, _, digest = package["integrity"].partition("-")
                content = base64.b64decode(digest).hex()
                yield {
                    "type": "library",
                    "bom-ref": f"npm:{name}@{package['version']}",
                    "name": name,
                    "version": package["version"],
                    "scope": "optional",
                    "hashes": [{"alg": f"SHA-{algorithm.removeprefix('sha')}", "content": content}],
                    "purl": f"pkg:npm/{name.replace('@', '%40')}@{package['version']}",
                }


def _models(exports: Path) -> Iterator[Document]:
    for folder in find_folders(exports):
        yield from card_bom(folder, LICENCE, f"exports/{folder.name}/{FILE}")["components"]
