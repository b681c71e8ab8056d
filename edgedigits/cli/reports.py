"""What `verify` writes for CI systems: JUnit's XML, Markdown, and GitHub's summary with its annotations."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgedigits.cli.markdown import MARK, markdown
from edgedigits.cli.voice import say
from edgedigits.errors import MissingCapability, UsageError
from edgedigits.system import files
from edgedigits.system.replace import require_replaceable

if TYPE_CHECKING:
    from rich.console import Group

    from edgedigits.records.report import Verification

SUMMARY = "summary"  # of --markdown: the file that GitHub shows below a job
VARIABLE = "GITHUB_STEP_SUMMARY"  # names it
JUNIT_MARK = '<testsuites name="edgedigits verify"'
LOOK = 200  # bytes in which the marks stand


@dataclass(frozen=True)
class Reports:
    """Where the reports go; None where there is none.

    junit      a file
    markdown   a file, or SUMMARY
    """

    junit: Path | None = None
    markdown: str | None = None

    def require_places(self, force: bool = False) -> None:
        """Raise UsageError or MissingCapability now, not after the verification, where one cannot be written."""
        if self.junit:
            _require_place(self.junit, JUNIT_MARK, force)
        if self.markdown == SUMMARY:
            _summary()
        elif self.markdown:
            _require_place(Path(self.markdown), MARK, force)

    def write(self, result: Verification, shown: Group) -> None:
        """Write them. Raises MissingCapability.

        shown   what the command prints of the result
        """
        from edgedigits.verify.junit import junit

        if self.junit:
            files.write_text(self.junit, junit(result))
        if self.markdown == SUMMARY:
            _append(_summary(), markdown("EdgeDigits", shown))
            for line in annotated(result):
                say(line)
        elif self.markdown:
            files.write_text(Path(self.markdown), markdown("EdgeDigits", shown))


def annotated(result: Verification) -> list[str]:
    """A line for each failure, which GitHub shows at its file: a workflow command, read from a job's log."""
    return [
        f"::error file={_plain(report.path, ':,')},title=edgedigits verify::{_plain(failure)}"
        for report in result.reports
        for failure in report.failures
    ]


def _plain(words: str, more: str = "") -> str:
    """Words without the characters that end a workflow command, or, with `more`, a property of one."""
    for letter in "%\r\n" + more:  # % first: the others become one
        words = words.replace(letter, f"%{ord(letter):02X}")
    return words


def _require_place(path: Path, mark: str, force: bool) -> None:
    if path.is_dir():
        raise UsageError(f"{path} is a folder: name a file in it.")
    if not path.parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent}. Make it first.")
    require_replaceable([path], [path] if _bears(path, mark) else [], force)
    files.require_writable(path.parent)


def _bears(path: Path, mark: str) -> bool:
    """Whether a file begins as one of ours."""
    try:
        with path.open("rb") as file:
            return mark.encode() in file.read(LOOK)
    except OSError:
        return False


def _summary() -> Path:
    """The file of this step's summary. Raises UsageError outside GitHub's Actions."""
    if not (named := os.environ.get(VARIABLE)):
        raise UsageError(f"--markdown {SUMMARY} is for GitHub Actions, which set {VARIABLE}: name a file elsewhere.")
    return Path(named)


def _append(path: Path, text: str) -> None:
    try:
        with path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(f"{text}\n")
    except OSError as error:
        raise MissingCapability(f"{path}: cannot be written ({error.strerror}).") from error
