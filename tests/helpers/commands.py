"""Command lines in this process, where tests can take something away from them."""

import importlib.util
import sys

import pytest

from edgedigits.cli.main import main


def command(*words: object) -> int:
    """Run a command line; its exit code."""
    before = sys.argv
    sys.argv = ["edgedigits", *map(str, words)]
    try:
        main()
    except SystemExit as leaving:
        return int(leaving.code or 0)
    finally:
        sys.argv = before
    return 0


def take_away(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a Python package were not installed."""
    find = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == package else find(name))
