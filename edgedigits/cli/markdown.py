"""What a command prints, as GitHub's Markdown: for the summary of a job, or a comment."""

import re
from collections.abc import Sequence

from rich.console import Group
from rich.text import Text

from edgedigits.cli.sheet import Cell, Sheet

MARK = "<!-- Written by EdgeDigits -->"  # the first line, which no page shows
SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~$:-])")
ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def markdown(title: str, result: Group) -> str:
    """A page of a title, a result's tables, and its lines as a list; its last line, the verdict, comes first."""
    *parts, verdict = [part for part in result.renderables if part != ""]
    blocks = [f"### {title}", f"**{_escaped(str(verdict))}**"]
    lines: list[str] = []
    for part in parts:
        if isinstance(part, Sheet):
            blocks += ["\n".join(lines), _table(part)] if lines else [_table(part)]
            lines = []
        elif isinstance(part, Text):
            lines.append(f"- {_escaped(part.plain)}")
    return "\n\n".join([MARK, *blocks, *(["\n".join(lines)] if lines else [])]) + "\n"


def _table(sheet: Sheet) -> str:
    rules = ["---:" if heading.endswith(">") else "---" for heading in sheet.headings]
    rows = [[heading.rstrip(">") for heading in sheet.headings], *sheet.rows]
    lines = [_row(row) for row in rows]
    return "\n".join([lines[0], f"| {' | '.join(rules)} |", *lines[1:]])


def _row(cells: Sequence[Cell]) -> str:
    return f"| {' | '.join(_escaped(str(cell)) for cell in cells)} |"


def _escaped(words: str) -> str:
    """Words on one line that mean themselves: a path may hold what Markdown or HTML would take for more."""
    line = " ".join(words.split())
    return SPECIAL.sub(r"\\\1", re.sub("[&<>]", lambda found: ENTITIES[found[0]], line))
