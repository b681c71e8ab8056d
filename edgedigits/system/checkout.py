"""Whether a command runs in EdgeDigits' own source, where `exports/` is the shelf."""

import tomllib
from pathlib import Path


def in_checkout(folder: Path = Path()) -> bool:
    """Whether a folder is the top of a copy of EdgeDigits' source."""
    try:
        with (folder / "pyproject.toml").open("rb") as file:
            project = tomllib.load(file).get("project", {})
    except (OSError, ValueError):
        return False
    return project.get("name") == "edgedigits" and (folder / "edgedigits" / "__init__.py").is_file()
