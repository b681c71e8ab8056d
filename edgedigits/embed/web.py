"""A folder for the web: a page on which digits are drawn, and read in the browser. Any static host serves it."""

from collections.abc import Mapping

from edgedigits import npm
from edgedigits.embed import Package, static

NAME = "web"
INPUTS = ("canvas",)
BOTH = True
SELFTEST = "python -m http.server  # and open selftest.html there"
RUNTIME = {  # in the folder, by names that every server knows, and in the package onnxruntime-web
    "ort.js": "ort.wasm.bundle.min.mjs",
    "ort.wasm": "ort-wasm-simd-threaded.wasm",
}


def files(package: Package) -> Mapping[str, bytes]:
    """The page, its self-test, the README, and the runtime. Raises MissingCapability where that cannot be had."""
    source = npm.modules("onnxruntime-web") / "onnxruntime-web" / "dist"
    return static(package, NAME) | {name: (source / file).read_bytes() for name, file in RUNTIME.items()}
