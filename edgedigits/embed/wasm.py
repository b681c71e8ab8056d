"""A network in WebAssembly: a module without a runtime, and a page that holds all that it needs."""

import base64
import html
import json
import re
from collections.abc import Mapping
from pathlib import Path

from edgedigits.embed.package import PROGRAMS, Package, rendered
from edgedigits.export.formats import require_format
from edgedigits.records.words import size
from edgedigits.runtime.engines import wasm
from edgedigits.runtime.readers import checked

PARTS = PROGRAMS / "wasm_parts"
PAD = PROGRAMS / "web"  # the sheet to draw on, and its style, are those of the page with ONNX Runtime
SIZE = "-Os"
IMPORT = re.compile(r'^import \{ (.+) \} from "\./(.+)";$', re.M)
EXPORT = re.compile(r"^export (?=const|class|async|function)", re.M)


def wasm_files(package: Package) -> Mapping[str, bytes]:
    """Module, page and golden scores. Raises MissingCapability where this machine lacks the compiler."""
    code = compiled(package)
    modules = {
        "digits.js": rendered(package, PARTS / "digits.js.jinja", wasm=base64.b64encode(code).decode()),
        "framing.js": (PARTS / "framing.js").read_bytes(),
        "pad.js": (PAD / "pad.js").read_bytes(),
    }
    golden = [{"name": each.name, "rows": each.rows, "scores": each.scores} for each in package.c.golden]
    return {
        "digits.js": modules["digits.js"],
        "framing.js": modules["framing.js"],
        "golden.json": json.dumps(golden, separators=(",", ":")).encode() + b"\n",
        "index.html": _page(package, len(code), modules).encode(),
    }


def compiled(package: Package) -> bytes:
    """The package's file as a module, for one image at a time. Raises MissingCapability."""
    path = Path(package.main)
    return wasm.module(checked(path, require_format(path), package.models[package.main]), SIZE, batch=1)


def _page(package: Package, count: int, modules: Mapping[str, bytes]) -> str:
    """The page, all inlined: browsers run a classic script from a file, too."""
    contract = package.contract
    model = f"Model {contract.checkpoint_sha256[:12]}…, {contract.test_accuracy:.2%} right on the test images of "
    known = {
        "/* style.css */": (PAD / "style.css").read_text(encoding="utf-8"),
        "/* script */": classic((PARTS / "page.js").read_text(encoding="utf-8"), modules),
        "<!-- bytes -->": size(count),
        "<!-- model -->": html.escape(f"{model}{contract.dataset}."),
    }
    page = (PARTS / "index.html").read_text(encoding="utf-8")
    for mark, text in known.items():
        page = page.replace(mark, text)
    return page


def classic(source: str, modules: Mapping[str, bytes]) -> str:
    """A module's text as a classic script's: each module that it imports becomes a function that is called there."""

    def inlined(found: re.Match[str]) -> str:
        body = EXPORT.sub("", modules[found[2]].decode())
        return f"const {{ {found[1]} }} = (() => {{\n{body}\nreturn {{ {found[1]} }};\n}})();"

    return f"{{\n{IMPORT.sub(inlined, source)}}}"
