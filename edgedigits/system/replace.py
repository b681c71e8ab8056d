"""What a command may replace or remove: what EdgeDigits made and git does not track; all else when somebody asks."""

import os
from collections.abc import Collection, Iterable
from pathlib import Path

from edgedigits.errors import UsageError
from edgedigits.system.tracked import tracked

HOW = "Name another folder, or replace it with --force (in Python: force=True)."


def require_replaceable(paths: Iterable[Path], ours: Collection[Path], force: bool = False) -> None:
    """Raise UsageError where one of some files is there and must stay.

    ours    those that EdgeDigits is known to have made
    force   somebody asks for it: then nothing must stay
    """
    if force:
        return
    present = [path for path in dict.fromkeys(paths) if os.path.lexists(path)]
    if kept := tracked(present):
        raise UsageError(f"{named(kept)}: tracked by git. {HOW}")
    if foreign := [path for path in present if path not in ours]:
        raise UsageError(f"{named(foreign)}: not made by EdgeDigits. {HOW}")


def named(paths: list[Path]) -> str:
    """Some paths in a line: the first, and how many more."""
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return f"{paths[0]}{more}"
