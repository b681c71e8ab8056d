"""A folder for Python: `digits.py`, which needs onnxruntime and numpy alone, and its self-test."""

from collections.abc import Mapping

from edgedigits.embed import Package, static

NAME = "python"
INPUTS = ("canvas", "digit")
BOTH = False
SELFTEST = "python selftest.py"


def files(package: Package) -> Mapping[str, bytes]:
    """The programs, their requirements and the README."""
    return static(package, NAME)
