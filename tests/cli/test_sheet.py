"""Tables that fit: whatever the width, no line is longer, no figure is broken over two lines, nothing is lost."""

import io

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from edgedigits.cli.sheet import Sheet

WIDTHS = (40, 60, 80, 120, 10_000)
VERDICTS = Sheet(
    ("file", "verdict", "flips>", "torch>", "file>", "± 95%>", "lost>", "gained>", "p>", "logits off by>", "size>"),
    rows=[
        ("cnn.onnx", Text("passed"), "0", "99.51%", "99.52%", "0.14", "0", "0", "1", "1.2e-05", "228.4 kB"),
        (
            "cnn.int8.onnx",
            Text("FAILED"),
            "1,512",
            "99.53%",
            "84.55%",
            "0.70",
            "1,502",
            "3",
            "1e-300",
            "7.7e+01",
            "65 B",
        ),
    ],
)
PICTURES = Sheet(
    ("picture", "answer", "probability>", "doubts"),
    prose=("answer", "doubts"),
    rows=[
        ("scans/a.png", "7", "99.5%", ""),
        (
            "scans/数字.png",
            "no digit (would be 3 at 88%, needs 93%)",
            "",
            "touches the border: part of it may be missing",
        ),
    ],
)
PATHS = Sheet(("file",), rows=[("cnn/README.md",), ("fc/README.md",)])
LONG = Sheet(("file", "size>"), rows=[("exports/" + "x" * 150 + "/cnn.onnx", "228.4 kB")])
SHEETS = {"verdicts": VERDICTS, "pictures": PICTURES, "paths": PATHS}


def lines(sheet: Sheet, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(sheet)
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined,no-any-return]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", SHEETS)
def test_no_line_is_longer_than_the_width(name: str, width: int) -> None:
    assert max(cell_len(line) for line in lines(SHEETS[name], width)) <= width


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", SHEETS)
def test_no_figure_is_broken_and_nothing_is_lost(name: str, width: int) -> None:
    sheet = SHEETS[name]
    shown = lines(sheet, width)
    for row in sheet.rows:
        for heading, cell in zip(sheet.headings, map(str, row), strict=True):
            if heading in sheet.prose:
                assert all(word in "\n".join(shown) for word in cell.split())
            else:
                assert any(cell in line for line in shown)
    named = [
        heading for index, heading in enumerate(sheet.headings) if index and any(str(row[index]) for row in sheet.rows)
    ]
    assert all(heading.rstrip(">") in "\n".join(shown) for heading in named)


def test_where_there_is_room_a_row_is_a_line() -> None:
    assert len(lines(VERDICTS, 120)) == 1 + 2
    assert lines(VERDICTS, 120)[2].split()[:3] == ["cnn.int8.onnx", "FAILED", "1,512"]


def test_a_second_block_names_its_rows_again() -> None:
    shown = lines(VERDICTS, 80)
    assert len(shown) == 2 * (1 + 2) + 1
    assert [line.split()[0] for line in shown if line] == 2 * ["file", "cnn.onnx", "cnn.int8.onnx"]
    assert shown[2].split()[:3] == ["cnn.int8.onnx", "FAILED", "1,512"]


def test_a_second_block_leaves_out_the_rows_that_it_knows_nothing_of() -> None:
    shown = [line.split()[0] for line in lines(PICTURES, 70) if line and not line.startswith(" ")]
    assert shown == ["picture", "scans/a.png", "scans/数字.png", "picture", "scans/数字.png"]


def test_where_there_is_little_room_a_row_is_a_sentence() -> None:
    shown = lines(VERDICTS, 40)
    assert shown[:2] == ["cnn.onnx", "  verdict passed, flips 0, torch 99.51%,"]
    assert len([line for line in shown if line.endswith(("kB", " B"))]) == len(
        VERDICTS.rows
    )  # no comma behind the last


def test_a_name_that_fits_on_no_line_is_folded_and_its_figures_stand_below() -> None:
    shown = lines(LONG, 60)
    assert "".join(shown[:-1]) == LONG.rows[0][0]
    assert shown[-1] == "  size 228.4 kB"


def test_prose_is_wrapped_between_words() -> None:
    shown = lines(PICTURES, 80)
    assert max(map(cell_len, shown)) <= 80
    assert len(shown) > 1 + 2
    words = " ".join(PICTURES.rows[1][3].split()) if isinstance(PICTURES.rows[1][3], str) else ""
    assert all(any(word in line.split() for line in shown) for word in words.split())


def test_a_sheet_without_rows_is_nothing() -> None:
    assert lines(Sheet(("file", "size>")), 80) == []
