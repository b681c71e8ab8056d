"""What tests need that not every machine has, programs and packages: where it is, and what brings it."""

import importlib.util
import shutil

import pytest

from edgedigits.runtime.engines.web import BROWSERS

COMMANDS = {
    "chromium": BROWSERS,
    "node": ("node",),
    "npm": ("npm",),
    "java": ("java",),
    "javac": ("javac",),
    "mvn": ("mvn",),
    "cargo": ("cargo",),
    "rustfmt": ("rustfmt",),
    "go": ("go",),
    "gofmt": ("gofmt",),
    "cmake": ("cmake",),
    "clang-format": ("clang-format",),
    "git": ("git",),
    "make": ("make",),
    "gcc": ("gcc",),
    "g++": ("g++",),
}
MODULES = ("tract",)  # of Python packages that have no wheel for every machine
PACKAGES = {
    "chromium": "chromium",
    "node": "nodejs",
    "npm": "npm",
    "java": "default-jre-headless",
    "javac": "default-jdk-headless",
    "mvn": "maven",
    "go": "golang-go",
    "gofmt": "golang-go",
    "git": "git",
}


def find(name: str) -> str | None:
    """The path of a program or a module; None where this machine has none."""
    if name in MODULES:
        spec = importlib.util.find_spec(name)
        return spec.origin if spec else None
    return next(filter(None, map(shutil.which, COMMANDS[name])), None)


def reason(name: str) -> str:
    """Why a test of it is skipped."""
    if name in MODULES:
        return f"{name} is not on this machine: pip install {name}"
    return f"{name} is not on this machine: apt-get install {PACKAGES.get(name, name)}"


def skipped_because(report: pytest.TestReport) -> str:
    """The reason of a skipped test's report."""
    found = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return found.removeprefix("Skipped: ")
