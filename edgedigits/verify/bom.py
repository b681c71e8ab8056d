"""Bills of materials in CycloneDX's form: what a folder of exported files holds, and what a model in it can do.

    manifest.json + parity.json ──folder_bom──> bom.json

A model is a component of the kind `machine-learning-model`, with its SHA-256, its card and the figures that were
verified of these bytes. Nothing of the machine or the hour is in it: the same files give the same document.
cyclonedx-python-lib writes no model cards yet, so this does, and the library's validator proves it.
"""

import json
import uuid
from collections.abc import Sequence
from typing import Any

from edgedigits import __version__
from edgedigits.export.formats import get_format
from edgedigits.records.artifact import Artifact
from edgedigits.records.model import Checkpoint
from edgedigits.records.report import ParityReport

FILE = "bom.json"
SPEC = "1.6"
MAKER = f"pkg:pypi/edgedigits@{__version__}"
Document = dict[str, Any]
USE = "Reading single, separate images of the classes; not where a wrong answer does harm and nobody looks again."


def document(subject: Document, components: Sequence[Document]) -> Document:
    """A document about `subject`, whose parts are `components`; its serial number comes from what it says."""
    maker = {"type": "application", "name": "edgedigits", "version": __version__, "purl": MAKER}
    about: Document = {
        "metadata": {"tools": {"components": [maker]}, "component": subject},
        "components": list(components),
        "dependencies": [
            {"ref": subject["bom-ref"], "dependsOn": sorted(component["bom-ref"] for component in components)}
        ],
    }
    return {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPEC}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPEC,
        "serialNumber": _serial(about),
        "version": 1,
        **about,
    }


def _serial(about: Document) -> str:
    return uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(about, sort_keys=True)).urn


def text(found: Document) -> str:
    """A document as a file has it."""
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def is_bom(content: str) -> bool:
    """Whether a file's text is a document of ours that nobody changed, and so may be replaced."""
    try:
        found = json.loads(content)
        about = {name: found[name] for name in ("metadata", "components", "dependencies")}
    except (ValueError, KeyError, TypeError):
        return False
    return bool(found.get("serialNumber") == _serial(about))


def folder_bom(
    record: Checkpoint, files: Sequence[tuple[Artifact, ParityReport]], card: str, licence: str | None = None
) -> Document:
    """The document of an export folder.

    record    of the torch model that the files come from
    files     each with what was verified of it
    card      where their card is, seen from the document
    licence   of the files; none is named where it is None
    """
    subject = {
        "type": "machine-learning-model",
        "bom-ref": f"model:{record.weights_sha256}",
        "name": record.name,
        "version": record.weights_sha256[:12],
    }
    return document(subject, [model(record, *file, card, licence) for file in files])


def model(
    record: Checkpoint, artifact: Artifact, report: ParityReport, card: str, licence: str | None = None
) -> Document:
    """The component that an exported file is."""
    return {
        "type": "machine-learning-model",
        "bom-ref": f"file:{artifact.sha256}",
        "name": artifact.file,
        "version": artifact.sha256[:12],
        "hashes": [{"alg": "SHA-256", "content": artifact.sha256}],
        **({"licenses": [{"license": {"name": licence}}]} if licence else {}),
        "externalReferences": [{"type": "model-card", "url": card}],
        "properties": [
            {"name": "edgedigits:format", "value": artifact.format},
            {"name": "edgedigits:size_bytes", "value": str(artifact.size_bytes)},
            {"name": "edgedigits:checkpoint_sha256", "value": artifact.checkpoint_sha256},
        ],
        "modelCard": {
            "modelParameters": _parameters(record, artifact),
            "quantitativeAnalysis": {"performanceMetrics": _figures(report)},
            "considerations": {"useCases": [USE]},
        },
    }


def _parameters(record: Checkpoint, artifact: Artifact) -> Document:
    canvas = get_format(artifact.format).input == "canvas"
    data = record.dataset
    return {
        "approach": {"type": "supervised"},
        "task": "image classification",
        "modelArchitecture": record.model,
        "datasets": [
            {"type": "dataset", "name": data.name, "description": f"training images; SHA-256 of all: {data.sha256}"}
        ],
        "inputs": [{"format": "uint8 [height, width]" if canvas else "uint8 [batch, 28, 28]"}],
        "outputs": [{"format": f"float32 [{'' if canvas else 'batch, '}{len(record.spec.labels)}]"}],
    }


def _figures(report: ParityReport) -> list[Document]:
    where = f"{report.samples} test images of {report.dataset}"
    found: list[Document] = [{"type": "accuracy", "value": str(report.accuracy), "slice": where}]
    if report.interval:
        low, high = map(str, report.interval)
        found[0]["confidenceInterval"] = {"lowerBound": low, "upperBound": high}
    if report.flips is not None:
        found.append({"type": "answers that differ from the torch model's", "value": str(report.flips), "slice": where})
    return found
