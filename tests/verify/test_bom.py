"""Bills of materials: valid by CycloneDX's own schema, of these very bytes, and the same for the same files."""

import copy
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from edgedigits.export import manifest
from edgedigits.records.report import Verification
from edgedigits.verify import bom
from edgedigits.verify.card import FILE, card_bom

SHELF = Path(__file__).parents[2] / "exports"
FOLDERS = sorted(path.parent for path in SHELF.glob(f"*/{manifest.FILE}"))
VALIDATOR = JsonStrictValidator(SchemaVersion.from_version(bom.SPEC))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_shelf_has_valid_ones_of_its_files(folder: Path) -> None:
    content = (folder / bom.FILE).read_text(encoding="utf-8")
    assert VALIDATOR.validate_str(content) is None
    assert content == bom.text(card_bom(folder, "mit"))
    found = {part["name"]: part["hashes"][0]["content"] for part in json.loads(content)["components"]}
    models = [*folder.glob("*.onnx"), *folder.glob("*.c")]
    assert found == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in models}


def test_a_model_has_the_figures_that_were_verified_and_its_card() -> None:
    reports = {report.sha256: report for report in Verification.read(SHELF / "cnn" / manifest.PARITY_FILE).reports}
    for part in card_bom(SHELF / "cnn")["components"]:
        report = reports[part["hashes"][0]["content"]]
        accuracy, flips = part["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]
        assert (accuracy["value"], flips["value"]) == (str(report.accuracy), str(report.flips))
        assert part["externalReferences"] == [{"type": "model-card", "url": FILE}]
        assert "licenses" not in part
        assert part["type"] == "machine-learning-model"
    assert FILE in {path.name for path in (SHELF / "cnn").iterdir()}


SPOILED: dict[str, Any] = {
    "a hash that is none": lambda part: part["hashes"][0].update(content="none"),
    "a kind of component that is none": lambda part: part.update(type="model"),
    "a field that nobody knows": lambda part: part["modelCard"].update(figures=[]),
    "a figure that is no text": lambda part: part["modelCard"]["quantitativeAnalysis"].update(
        performanceMetrics=[{"value": 0.99}]
    ),
    "no name": lambda part: part.pop("name"),
}


@pytest.mark.parametrize("fault", SPOILED)
def test_the_validator_would_find_a_fault(fault: str) -> None:
    found = copy.deepcopy(card_bom(SHELF / "fc"))
    SPOILED[fault](found["components"][0])
    assert VALIDATOR.validate_str(json.dumps(found)) is not None


def test_only_what_nobody_changed_is_ours() -> None:
    content = bom.text(card_bom(SHELF / "fc"))
    assert bom.is_bom(content)
    for changed in (content.replace("fc.onnx", "other.onnx"), content[1:], "[]", "{}", "null"):
        assert not bom.is_bom(changed)
