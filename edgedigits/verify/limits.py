"""The limits of `verify`: a format's defaults, then a table in pyproject.toml, then the command line.

The table `[tool.edgedigits.verify]` and the command line use the same words and the same units: points
and percent, which people write, where records hold fractions.
"""

import dataclasses
import tomllib
from pathlib import Path

from edgedigits.errors import UsageError, unknown
from edgedigits.records.report import Limits

PYPROJECT = Path("pyproject.toml")
PERCENT = ("max_drop", "min_accuracy")  # 0.2 means 0.002 in the record
NAMES = tuple(field.name.replace("_", "-") for field in dataclasses.fields(Limits))


def from_options(**options: float | None) -> Limits:
    """Limits as the command line gives them. Raises UsageError on a value out of range."""
    given = {name: value for name, value in options.items() if value is not None}
    return Limits(**{name: value / 100 if name in PERCENT else value for name, value in given.items()})  # type: ignore[arg-type]


def from_pyproject(path: Path = PYPROJECT) -> Limits:
    """Limits of the table `[tool.edgedigits.verify]`; none where there is no such file or table.

    Raises UsageError, which names the file, on a word that is no limit or a value that is no number.
    """
    if not path.is_file():
        return Limits()
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("edgedigits", {}).get("verify", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: not readable as TOML ({error}).") from error
    for name, value in table.items():
        if name not in NAMES:
            raise UsageError(f"{path}: {unknown('limit', name, NAMES)}")
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise UsageError(f"{path}: {name}: a number wanted, {value!r} given")
    try:
        return from_options(**{name.replace("-", "_"): value for name, value in table.items()})
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


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
