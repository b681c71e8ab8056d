"""Sinks: how rows look in each format, and an output that is whole or unfinished, whatever happens."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

from edgedigits.errors import DataError, MissingCapability, RecordError, UsageError
from edgedigits.inference import sinks
from edgedigits.inference.sinks import CSV, JSON_LINES, Answers, Journal, Output, Plan
from edgedigits.inference.sources import Batch, Ids
from edgedigits.system import files

PLAN = Plan(model_sha256="abc", input="paths", dark_ink=False, batch_size=3, shard="0/1")
DOUBTS = [(), ("low-contrast", "touches-border"), ()]
LABELS = ("T-shirt, top", "bag")
PATHS = ["a.png", 'b,"\n.png', "c\udcff.png"]
IMAGES = np.zeros((3, 28, 28), np.uint8)
ANSWERS = Answers(np.array([0, 1, 1]), np.array([0.5, 1, 1 / 3], np.float32))
HEADER = CSV["index"].header


def batch(start: int) -> Batch:
    return Batch(range(start, start + 3), IMAGES)


def append(output: Output, start: int) -> None:
    output.append(batch(start), CSV["index"].rows(batch(start), LABELS, ANSWERS, DOUBTS), DOUBTS)


def groups(count: int = 4) -> Iterator[Ids]:
    return (range(start, start + 3) for start in range(0, 3 * count, 3))


def test_csv_rows_are_read_back() -> None:
    rows = CSV["path"].header.encode() + CSV["path"].rows(
        Batch(PATHS, IMAGES, {2: "no, image"}), LABELS, ANSWERS, DOUBTS
    )
    assert list(csv.DictReader(io.StringIO(rows.decode(), newline=""))) == [
        {"path": "a.png", "label": "T-shirt, top", "probability": "0.500000", "error": "", "doubts": ""},
        {
            "path": 'b,"\n.png',
            "label": "bag",
            "probability": "1.000000",
            "error": "",
            "doubts": "low-contrast touches-border",
        },
        {"path": "c\\udcff.png", "label": "", "probability": "", "error": "no, image", "doubts": ""},
    ]
    assert CSV["index"].rows(batch(7), LABELS, ANSWERS, DOUBTS).decode() == (
        '7,"T-shirt, top",0.500000,\n8,bag,1.000000,low-contrast touches-border\n9,bag,0.333333,\n'
    )


def test_json_lines_are_read_back() -> None:
    rows = JSON_LINES["path"].rows(Batch(PATHS, IMAGES, {2: 'no "image"'}), LABELS, ANSWERS, DOUBTS)
    assert [json.loads(row) for row in rows.splitlines()] == [
        {"path": "a.png", "label": "T-shirt, top", "probability": 0.5, "error": None, "doubts": []},
        {"path": 'b,"\n.png', "label": "bag", "probability": 1, "error": None, "doubts": list(DOUBTS[1])},
        {"path": "c\\udcff.png", "label": None, "probability": None, "error": 'no "image"', "doubts": []},
    ]
    rows = JSON_LINES["index"].rows(batch(7), LABELS, ANSWERS, DOUBTS)
    assert json.loads(rows.splitlines()[2]) == {"index": 9, "label": "bag", "probability": 0.333333, "doubts": []}


def test_parquet_has_the_rows_and_their_types(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sinks, "PARQUET_BLOCK", 100)  # several row groups
    path, layout = tmp_path / "out.parquet", CSV["path"]
    with Output(path, PLAN, layout.header) as output:
        for _ in range(4):
            found = Batch(PATHS, IMAGES, {2: "no, image"})
            output.append(found, layout.rows(found, LABELS, ANSWERS, DOUBTS))
        output.finish()
    table = pyarrow.parquet.read_table(path)
    assert dict(zip(table.schema.names, map(str, table.schema.types), strict=True)) == {
        "path": "string", "label": "string", "probability": "double", "error": "string", "doubts": "string",
    }  # fmt: skip
    assert table.num_rows == 12
    assert pyarrow.parquet.ParquetFile(path).num_row_groups > 1
    assert table.to_pylist()[-2:] == [
        {
            "path": 'b,"\n.png',
            "label": "bag",
            "probability": 1.0,
            "error": None,
            "doubts": "low-contrast touches-border",
        },
        {"path": "c\\udcff.png", "label": None, "probability": None, "error": "no, image", "doubts": None},
    ]
    assert [file.name for file in tmp_path.iterdir()] == ["out.parquet"]


@pytest.mark.parametrize("suffix", sinks.LAYOUTS)
def test_an_output_without_rows_is_whole(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"out{suffix}"
    layout = sinks.layout(path, "index")
    with Output(path, PLAN, layout.header) as output:
        output.finish()
    if suffix == ".parquet":
        table = pyarrow.parquet.read_table(path)
        assert (table.num_rows, table.schema.names) == (0, ["index", "label", "probability", "doubts"])
    else:
        assert path.read_text() == layout.header


def test_an_unknown_suffix_is_a_usage_error_and_a_missing_extra_has_its_own() -> None:
    with pytest.raises(UsageError, match=r"'\.parket': did you mean '\.parquet'"):
        sinks.layout(Path("out.parket"), "index")
    with pytest.raises(UsageError, match="unknown kind of output 'out'"):
        sinks.layout(Path("out"), "index")


def test_parquet_without_pyarrow_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingCapability, match=r"edgedigits\[parquet\]") as caught:
        sinks.layout(Path("out.parquet"), "index")
    assert caught.value.exit_code == 4
    assert sinks.layout(Path("out.csv"), "index") is CSV["index"]


@pytest.fixture
def unfinished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An output of which two batches are in the journal, and of a third one a part is on the disk."""
    monkeypatch.setattr(sinks, "COMMIT_SECONDS", 0)
    path = tmp_path / "out.csv"
    with Output(path, PLAN, HEADER) as output:
        for start in (0, 3):
            append(output, start)
    with output.partial.open("ab") as file:
        file.write(b"6,b")
    return path


def test_what_the_journal_does_not_count_is_cut_off_and_the_rest_is_gone_on_with(unfinished: Path) -> None:
    with Output(unfinished, PLAN, HEADER, resume=True) as output:
        assert (output.journal.items, output.journal.errors) == (6, 0)
        assert [list(ids) for ids in output.remaining(groups())] == [[6, 7, 8], [9, 10, 11]]
        for start in (6, 9):
            append(output, start)
        output.finish()
    assert [line.split(",")[0] for line in unfinished.read_text().splitlines()] == ["index", *map(str, range(12))]
    assert [file.name for file in unfinished.parent.iterdir()] == ["out.csv"]


def test_an_unfinished_output_is_not_begun_anew_silently(unfinished: Path) -> None:
    before = {file.name: file.read_bytes() for file in unfinished.parent.iterdir()}
    with pytest.raises(UsageError, match=r"an earlier run did not finish it\. Add --resume, or remove"):
        Output(unfinished, PLAN, HEADER)
    assert {file.name: file.read_bytes() for file in unfinished.parent.iterdir()} == before


@pytest.mark.parametrize("resume", [False, True])
def test_a_finished_output_is_left_alone(resume: bool, tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("precious")
    with pytest.raises(UsageError, match=r"out\.csv: exists already"):
        Output(tmp_path / "out.csv", PLAN, HEADER, resume)
    assert [file.read_text() for file in tmp_path.iterdir()] == ["precious"]


def test_an_output_that_came_meanwhile_is_left_alone(tmp_path: Path) -> None:
    with Output(tmp_path / "out.csv", PLAN, HEADER) as output:
        (tmp_path / "out.csv").write_text("precious")
        with pytest.raises(UsageError, match="exists already"):
            output.finish()
    assert (tmp_path / "out.csv").read_text() == "precious"


@pytest.mark.parametrize(
    ("field", "value"),
    [("model_sha256", "def"), ("input", "other"), ("dark_ink", True), ("batch_size", 4), ("shard", "1/2")],
)
def test_another_plan_does_not_go_on(field: str, value: object, unfinished: Path) -> None:
    before = unfinished.with_name("out.csv.partial").read_bytes()
    with pytest.raises(UsageError, match=f"begun with {field} {getattr(PLAN, field)}, now {value}"):
        Output(unfinished, replace(PLAN, **{field: value}), HEADER, resume=True)  # type: ignore[arg-type]
    assert unfinished.with_name("out.csv.partial").read_bytes() == before


def test_other_items_are_refused(unfinished: Path) -> None:
    for changed in (iter([range(1, 4), range(3, 6)]), iter([range(3)]), groups(0)):
        with (
            Output(unfinished, PLAN, HEADER, resume=True) as output,
            pytest.raises(DataError, match="other items than are there now"),
        ):
            output.remaining(changed)


def test_rows_without_a_journal_are_not_ours(tmp_path: Path) -> None:
    (tmp_path / "out.csv.partial").write_text("precious")
    with pytest.raises(RecordError, match=r"out\.csv\.journal: cannot be read"):
        Output(tmp_path / "out.csv", PLAN, HEADER, resume=True)
    assert (tmp_path / "out.csv.partial").read_text() == "precious"


def test_rows_that_are_fewer_than_the_journal_says_are_refused(unfinished: Path) -> None:
    unfinished.with_name("out.csv.partial").write_bytes(HEADER.encode())
    with pytest.raises(DataError, match="shorter than"):
        Output(unfinished, PLAN, HEADER, resume=True)


def test_a_damaged_journal_is_refused(unfinished: Path) -> None:
    unfinished.with_name("out.csv.journal").write_text('{"plan": {}}')
    with pytest.raises(RecordError, match="is missing"):
        Output(unfinished, PLAN, HEADER, resume=True)


def test_a_kill_between_the_files_leaves_what_can_be_resumed(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.with_name("out.csv.partial").write_bytes(b"")  # killed before the first journal
    with Output(path, PLAN, HEADER, resume=True) as output:
        assert output.journal.items == 0
    path.with_name("out.csv.partial").unlink()  # killed after the last rename, and the output taken away
    with Output(path, PLAN, HEADER) as output:
        output.finish()
    assert path.read_text() == HEADER


def test_two_processes_do_not_write_the_same_output(unfinished: Path) -> None:
    pytest.importorskip("fcntl")
    with Output(unfinished, PLAN, HEADER, resume=True), pytest.raises(UsageError, match="another process"):
        Output(unfinished, PLAN, HEADER, resume=True)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
def test_no_rows_are_written_behind_a_gap(unfinished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes after rows that a full disk refused must not be counted."""
    with Output(unfinished, PLAN, HEADER, resume=True) as output, Path("/dev/full").open("wb", buffering=0) as full:
        monkeypatch.setattr(output, "_file", full)
        with pytest.raises(MissingCapability, match="No space left"):
            append(output, 6)
        with pytest.raises(ValueError, match="closed file"):
            append(output, 9)
    assert Journal.read(unfinished.with_name("out.csv.journal")).items == 6


def test_a_folder_that_cannot_be_written_is_a_missing_capability(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MissingCapability, match="cannot write to"):
        Output(tmp_path / "file" / "out.csv", PLAN, HEADER)


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    with Output(tmp_path / "a" / "b" / "out.csv", PLAN, HEADER) as output:
        output.finish()
    assert files.sha256(tmp_path / "a" / "b" / "out.csv")
