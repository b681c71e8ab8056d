"""A folder for Node.js: `digits.mjs`, which needs onnxruntime-node alone, and its self-test."""

from collections.abc import Mapping

from edgedigits.embed import EXAMPLE, Package, example, static

NAME = "node"
INPUTS = ("canvas", "digit")
BOTH = False
SELFTEST = "npm install --ignore-scripts && node selftest.mjs"


def files(package: Package) -> Mapping[str, bytes]:
    """The programs, what they require, the README, and a picture to try them with."""
    return static(package, NAME) | {EXAMPLE: example(package)}
