"""Programs that tests need beyond Python: where they are, and what brings them."""

import shutil

import pytest

from edgedigits.runtime.engines.web import BROWSERS

COMMANDS = {
    "chromium": BROWSERS,
    "node": ("node",),
    "npm": ("npm",),
    "java": ("java",),
    "git": ("git",),
    "make": ("make",),
    "gcc": ("gcc",),
    "g++": ("g++",),
}
PACKAGES = {"chromium": "chromium", "node": "nodejs", "npm": "npm", "java": "default-jre-headless", "git": "git"}


def find(name: str) -> str | None:
    """The path of a program; None where this machine has none."""
    return next(filter(None, map(shutil.which, COMMANDS[name])), None)


def reason(name: str) -> str:
    """Why a test of it is skipped."""
    return f"{name} is not on this machine: apt-get install {PACKAGES.get(name, name)}"


def skipped_because(report: pytest.TestReport) -> str:
    """The reason of a skipped test's report."""
    found = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return found.removeprefix("Skipped: ")
