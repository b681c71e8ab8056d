"""Numbers as rows of a score: those that `predict_numbers` gives, resumed and in parts as all scores are."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgedigits.data import drawn
from edgedigits.data.numbers import write_numbers
from edgedigits.errors import ModelFileError, UsageError
from edgedigits.inference import sinks
from edgedigits.inference.numbers import predict_numbers
from edgedigits.inference.score import score
from edgedigits.records.progress import Progress
from edgedigits.runtime.load import Opener

SHELF = Path(__file__).parents[2] / "exports" / "cnn"
FILE = SHELF / "cnn.canvas.onnx"
HERE = Opener(isolated=False)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Twelve numbers of drawn digits, an empty page, and a file that is no picture."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index, number in enumerate(write_numbers(*drawn.digits(40, seed=3), count=12, seed=4)):
        Image.fromarray(number.canvas).save(folder / f"{index}.png")
    Image.new("L", (300, 100), 255).save(folder / "empty.png")
    (folder / "none.png").write_text("none")
    return folder


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_row_has_what_predict_says(pictures: Path, tmp_path: Path) -> None:
    summary = score(FILE, pictures, tmp_path / "out.csv", number=True, opener=HERE)
    assert (summary.items, summary.errors) == (14, 2)
    said = {found.picture: found for found in predict_numbers(pictures, model=FILE, opener=HERE).numbers}
    rows = rows_of(tmp_path / "out.csv")
    assert len(rows) == 14
    for row in rows:
        found = said[row["path"]]
        assert row["label"] == (found.text or "")
        if found.error:
            assert row["error"] == found.error.removeprefix(f"{row['path']}: ")
            continue
        assert float(row["probability"]) == pytest.approx(min(digit.probability for digit in found.digits), abs=1e-6)
        assert ("unsure" in row["doubts"].split()) == (found.number is None)
    assert any("?" in row["label"] for row in rows)
    assert summary.doubts["unsure"] == sum("?" in row["label"] for row in rows)


def test_parts_and_interrupted_runs_have_the_rows_of_one(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sinks, "COMMIT_SECONDS", 0.0)
    score(FILE, pictures, tmp_path / "all.csv", number=True, opener=HERE)
    for part in ("0/2", "1/2"):
        score(FILE, pictures, tmp_path / f"{part[0]}.csv", number=True, shard=part, opener=HERE)
    parts = [rows_of(tmp_path / f"{part}.csv") for part in "01"]
    both = [row for pair in zip(*parts, strict=True) for row in pair]
    assert both == rows_of(tmp_path / "all.csv")

    def stop(progress: Progress) -> None:
        if progress.done == 2:
            raise KeyboardInterrupt

    arguments = {"number": True, "batch_size": 2, "opener": HERE}
    with pytest.raises(KeyboardInterrupt):
        score(FILE, pictures, tmp_path / "stopped.csv", observer=stop, **arguments)
    summary = score(FILE, pictures, tmp_path / "stopped.csv", resume=True, **arguments)
    assert summary.resumed >= 2
    assert (tmp_path / "stopped.csv").read_bytes() == (tmp_path / "all.csv").read_bytes()


def test_what_holds_no_numbers_is_refused(pictures: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "digits.npy", np.zeros((2, 28, 28), np.uint8))
    with pytest.raises(UsageError, match="numbers are read on pictures"):
        score(FILE, tmp_path / "digits.npy", tmp_path / "out.csv", number=True)
    with pytest.raises(ModelFileError, match="no canvas file"):
        score(SHELF / "cnn.onnx", pictures, tmp_path / "out.csv", number=True)
    assert not list(tmp_path.glob("out.csv*"))
