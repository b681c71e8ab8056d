"""Markdown: a page that others' parser reads shows the words of the terminal, whatever stands in them."""

import dataclasses

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from edgedigits.cli.markdown import MARK, markdown
from edgedigits.cli.verdict import verification
from edgedigits.records.report import ParityReport, Verification
from tests.verify.test_gate import PASSING

PASSED = dataclasses.replace(PASSING, passed=True, interval=(0.98, 0.99))
FAILED = dataclasses.replace(PASSED, path="b.onnx", passed=False, failures=("flips: 12", "cause: a | b"))


def tokens(*reports: ParityReport) -> list[Token]:
    return MarkdownIt().enable("table").parse(markdown("EdgeDigits", verification(Verification.of(reports))))


def inside(found: list[Token], kind: str) -> list[str]:
    """The text of all elements of a kind, as a reader sees it."""
    return [
        "".join(child.content for child in inner.children or () if child.type in ("text", "text_special"))
        for opened, *later in (found[index:] for index, token in enumerate(found) if token.type == f"{kind}_open")
        for inner in [next(token for token in later if token.type == "inline")]
    ]


def test_the_verdict_stands_first_then_tables_then_what_is_wrong() -> None:
    found = tokens(PASSED, FAILED)
    assert found[0].content.strip() == MARK
    assert inside(found, "heading") == ["EdgeDigits"]
    assert inside(found, "paragraph")[0] == "FAILED: 1 of 2 files"
    headings, cells = inside(found, "th"), inside(found, "td")
    assert headings[:4] == ["file", "verdict", "flips", "torch"]
    assert cells[:4] == ["exports/fc/fc.onnx", "passed", "2", "99.00%"]
    assert cells[headings.index("size") + 1 :][:2] == ["b.onnx", "FAILED"]
    assert inside(found, "list_item")[-2:] == ["b.onnx flips: 12", "b.onnx cause: a | b"]


@pytest.mark.parametrize(
    "name",
    ["a|b.onnx", "`a`.onnx", "<b>&amp;.onnx", "*a*_b_.onnx", "[a](b).onnx", "a\nb.onnx", "~~a~~$b$.onnx", "\\|.onnx"],
)
def test_any_name_of_a_file_is_shown_as_it_is(name: str) -> None:
    found = tokens(dataclasses.replace(PASSED, path=name), FAILED)
    assert inside(found, "td")[0] == " ".join(name.split())
    assert not [token for token in found if token.type == "html_block" and token.content.strip() != MARK]
