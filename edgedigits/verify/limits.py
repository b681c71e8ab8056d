"""The limits of `verify`: a format's defaults, then a table in pyproject.toml, then the command line.

The table `[tool.edgedigits.verify]` and the command line use the same words and the same units: points
and percent, which people write, where records hold fractions. Answers are whole: `max-flips` 0 is none, but one answer
may always be lost as far as `max-drop` goes, which is finer than an image in a small test split (`gate.images_needed`).
How far logits may be off is by default a part of their range (`Limits.scaled`); what is asked for is taken as it is.
"""

import dataclasses
import difflib
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgedigits.errors import UsageError, unknown
from edgedigits.records.report import Limits

PYPROJECT = Path("pyproject.toml")
TOOL, TABLES = "edgedigits", ("verify",)  # [tool.edgedigits.verify]
MISSPELT = 0.8  # how near to ours a table's name is taken for a misspelt one; 1 is the same
PERCENT = ("max_drop", "min_accuracy")  # 0.2 means 0.002 in the record
NAMES = tuple(field.name.replace("_", "-") for field in dataclasses.fields(Limits))


def from_options(**options: float | None) -> Limits:
    """Limits as the command line gives them. Raises UsageError on a value out of range."""
    given = {name: value for name, value in options.items() if value is not None}
    return Limits(**{name: value / 100 if name in PERCENT else value for name, value in given.items()})  # type: ignore[arg-type]


def from_pyproject(path: Path = PYPROJECT) -> Limits:
    """Limits of the table `[tool.edgedigits.verify]`; none where there is no such file or table.

    Raises UsageError, which names the file, on a table whose name is nearly ours, a word that is no limit or a value
    that is no number: limits that nobody reads would let everything pass.
    """
    if not path.is_file():
        return Limits()
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: not readable as TOML ({error}).") from error
    try:
        return _limits(_our_table(document))
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


def _our_table(document: dict[str, Any]) -> dict[str, Any]:
    """What stands under `[tool.edgedigits.verify]`. Raises UsageError on tables that are nearly that one."""
    for name in _tables(document):
        if name != f"tool.{TOOL}" and _is_meant(name.rpartition(".")[2]):
            raise UsageError(f"[{name}]: did you mean [tool.{TOOL}]?")
    ours = _table(_table(document.get("tool", {}), "tool").get(TOOL, {}), f"tool.{TOOL}")
    for name in ours:
        if name in NAMES:
            raise UsageError(f"{name} stands under [tool.{TOOL}]: put it under [tool.{TOOL}.{TABLES[0]}]")
        if name not in TABLES:
            raise unknown(f"table under [tool.{TOOL}]", name, TABLES)
    return _table(ours.get("verify", {}), f"tool.{TOOL}.verify")


def _tables(document: dict[str, Any]) -> Iterator[str]:
    """The names of the tables in a document, and of those in them."""
    for name, table in document.items():
        if isinstance(table, dict):
            yield name
            yield from (f"{name}.{inner}" for inner, value in table.items() if isinstance(value, dict))


def _table(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UsageError(f"{name}: a table wanted, {value!r} given")
    return value


def _is_meant(name: str) -> bool:
    plain = name.lower().replace("-", "").replace("_", "")
    return difflib.SequenceMatcher(None, plain, TOOL).ratio() >= MISSPELT


def _limits(table: dict[str, Any]) -> Limits:
    for name, value in table.items():
        if name not in NAMES:
            raise unknown("limit", name, NAMES)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise UsageError(f"{name}: a number wanted, {value!r} given")
    return from_options(**{name.replace("-", "_"): value for name, value in table.items()})


def replaced(limits: Limits, changes: Limits) -> Limits:
    """The limits, with the fields that `changes` sets."""
    return dataclasses.replace(limits, **{name: value for name, value in vars(changes).items() if value is not None})


def require_possible(limits: Limits, reference_accuracy: float, samples: int) -> None:
    """Raise UsageError when no file could keep these limits together."""
    if limits.min_accuracy is None or limits.max_flips is None:
        return
    best = min(1.0, reference_accuracy + limits.max_flips / samples)
    if limits.min_accuracy > best + 1e-12:
        raise UsageError(
            f"limits contradict each other: min-accuracy {limits.min_accuracy:.2%} is out of reach with max-flips "
            f"{limits.max_flips}, since the torch model itself has {reference_accuracy:.2%}"
        )
