"""A folder for Node.js: `digits.mjs`, which needs onnxruntime-node alone, and its self-test."""

from collections.abc import Mapping

from edgedigits.embed import Package, static

NAME = "node"
INPUTS = ("canvas", "digit")
BOTH = False
SELFTEST = "npm install --ignore-scripts && node selftest.mjs"


def files(package: Package) -> Mapping[str, bytes]:
    """The programs, `package.json` and the README."""
    return static(package, NAME)
