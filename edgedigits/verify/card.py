"""Model cards: `write_card(folder)` says in one Markdown page what an export folder's files are, do, and do not do.

    manifest.json + parity.json ──write_card──> README.md  bom.json

The front matter is that of the Hugging Face Hub, so that a folder can be published there as it is. Every figure is
one that `verify` measured for these very bytes; the words are in `templates/card.md.jinja`.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgedigits.errors import BadInput
from edgedigits.export import manifest
from edgedigits.export.formats import get_format
from edgedigits.export.manifest import read_manifest
from edgedigits.records.artifact import Artifact, Manifest, Refusal
from edgedigits.records.foreign import ForeignNetwork
from edgedigits.records.report import ParityReport
from edgedigits.records.words import describe, size
from edgedigits.runtime.safety.trust import read_model
from edgedigits.system import files, templates
from edgedigits.system.replace import require_replaceable
from edgedigits.verify import bom

if TYPE_CHECKING:
    import jinja2

FILE = "README.md"
TEMPLATE = "card.md.jinja"


@dataclass(frozen=True)
class Source:
    """A published data set as a card names it: its title, its name on the Hub, who made it."""

    title: str
    hub: str
    authors: str


MNIST = Source("MNIST", "ylecun/mnist", "Yann LeCun, Corinna Cortes and Christopher Burges")
SOURCES = {
    "mnist": MNIST,
    "mnist-5k": MNIST,
    "fashion": Source("Fashion-MNIST", "zalando-datasets/fashion_mnist", "Zalando SE"),
}


@dataclass(frozen=True)
class Row:
    """A file and what was verified of it."""

    artifact: Artifact
    report: ParityReport

    @property
    def canvas(self) -> bool:
        """Whether it takes pictures of any size."""
        return get_format(self.artifact.format).input == "canvas"

    @property
    def onnx(self) -> bool:
        """Whether ONNX Runtime loads it."""
        return get_format(self.artifact.format).container == "onnx"


def find_folders(exports: Path) -> list[Path]:
    """The export folders below `exports`. Raises BadInput where there is none."""
    found = sorted(path.parent for path in exports.glob(f"*/{manifest.FILE}"))
    if not found:
        raise BadInput(f"{exports}: no exported files here. Run edgedigits export, or name folders or --exports.")
    return found


def write_card(folder: Path, licence: str | None = None, force: bool = False) -> Path:
    """Write the card of an export folder into it, as README.md, and the bill of materials that it links, `bom.json`.

    licence   of the files, as an SPDX identifier; the card names none where it is None
    force     replace one that git tracks, or that somebody wrote or changed

    Raises BadInput where the folder's files were not verified as they are now, UsageError where what is there is
    not to be replaced, and MissingCapability where it cannot be written.
    """
    texts = {folder / FILE: card_text(folder, licence), folder / bom.FILE: bom.text(card_bom(folder, licence))}
    require_replaceable(texts, [path for path in texts if _is_ours(path)], force)
    with files.staged(folder) as stage:
        for path, text in texts.items():
            (stage / path.name).write_text(text, encoding="utf-8", newline="\n")
    return folder / FILE


def card_text(folder: Path, licence: str | None = None) -> str:
    """The card of an export folder; errors as those of `write_card`, but for UsageError."""
    listing, rows = _read(folder)
    record = listing.checkpoint
    text = _template().render(
        record=record,
        model="adopted file" if isinstance(record.spec.network, ForeignNetwork) else "torch model",
        answers=listing.answers,
        rows=rows,
        shown=min(rows, key=lambda row: (row.canvas, not row.onnx)),
        canvas_row=min((row for row in rows if row.canvas), key=lambda row: not row.onnx, default=None),
        refusal=_refusal(rows),
        conditions=_conditions(rows),
        source=SOURCES.get(record.dataset.name),
        recipe=describe(record.recipe) if record.recipe else None,
        digits=record.spec.labels == tuple("0123456789"),
        licence=licence,
    )
    return text + _mark(text)


def card_bom(folder: Path, licence: str | None = None, card: str = FILE) -> bom.Document:
    """The bill of materials of an export folder, which names the card where it is; errors as those of `card_text`."""
    listing, rows = _read(folder)
    return bom.folder_bom(listing.checkpoint, [(row.artifact, row.report) for row in rows], card, licence)


def _read(folder: Path) -> tuple[Manifest, list[Row]]:
    listing = read_manifest(folder)
    if listing is None:
        raise BadInput(f"{folder}: no {manifest.FILE} here. Name a folder that edgedigits export wrote.")
    return listing, _rows(folder, listing)


def _mark(text: str) -> str:
    """The last line of a card, which tells one that was left as it was written."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f"\n<!-- Written by EdgeDigits; SHA-256 of what is above: {digest[:16]} -->\n"


def _is_ours(path: Path) -> bool:
    """Whether a file is a card that nobody changed, or a bill of materials."""
    try:
        written = path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False
    if path.name == bom.FILE:
        return bom.is_bom(written)
    text, newline, mark = written.rpartition("\n<!--")
    return f"{newline}{mark}" == _mark(text)


def _rows(folder: Path, listing: Manifest) -> list[Row]:
    """The files of a folder with their reports, joined by hash. Raises BadInput where one has none."""
    found = manifest.read_parity(folder)
    if found is None:
        raise BadInput(f"{folder}: its files were not verified. Run edgedigits verify {folder}.")
    reports = {report.sha256: report for report in found.reports}
    rows = []
    for artifact in listing.artifacts:
        read_model(folder / artifact.file)  # as its manifest says, or refused
        if artifact.sha256 not in reports:
            where = folder / manifest.PARITY_FILE
            raise BadInput(f"{where}: no report of {artifact.file} as it is now. Run edgedigits verify {folder}.")
        rows.append(Row(artifact, reports[artifact.sha256]))
    return rows


def _refusal(rows: list[Row]) -> Refusal | None:
    return next((row.artifact.refusal for row in rows if row.artifact.refusal), None)


def _conditions(rows: list[Row]) -> list[tuple[str, list[str]]]:
    """For every condition off the test set that shows digits, the accuracy of each file."""
    names = [found.condition for found in rows[0].report.robustness if found.accuracy is not None]
    cells = [{found.condition: found.accuracy for found in row.report.robustness} for row in rows]
    return [(name, [_percent(found.get(name)) for found in cells]) for name in names]


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.2%}"


def _template() -> "jinja2.Template":
    environment = templates.from_folders(Path(__file__).parent / "templates")
    environment.filters |= {"percent": _percent, "size": size, "quoted": json.dumps}
    return environment.get_template(TEMPLATE)
