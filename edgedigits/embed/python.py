"""A folder for Python: `digits.py`, which needs onnxruntime and numpy alone, and its self-test."""

from collections.abc import Mapping

from edgedigits.embed import EXAMPLE, Package, example, static

NAME = "python"
INPUTS = ("canvas", "digit")
BOTH = False
SELFTEST = "pip install -r requirements.txt && python selftest.py"


def files(package: Package) -> Mapping[str, bytes]:
    """The programs, what they require, the README, and a picture to try them with."""
    return static(package, NAME) | {EXAMPLE: example(package)}
