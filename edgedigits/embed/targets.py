"""The table of embed targets: what other programs are written in, and what is in the folder that is made for each.

A target is a record and a folder of programs. A new one is a row and `programs/<language>/`; a plug-in adds one by an
entry point in the group `edgedigits.targets` (`edgedigits/system/plugins.py`).
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from edgedigits.embed import arduino, number
from edgedigits.embed.package import EXAMPLE, PROGRAMS, Package, example, filled, rendered
from edgedigits.embed.wasm import wasm_files
from edgedigits.errors import UsageError, unknown
from edgedigits.export.formats import INPUTS, Format
from edgedigits.runtime.names import preferred
from edgedigits.system import npm
from edgedigits.system.plugins import Registry

WEB_PACKAGE = "onnxruntime-web"
MODEL_FILE = "model.onnx"  # where sources name it, since not every compiler takes any name
LINES = "golden.tsv"
WEB_RUNTIME = {  # in the folder, by names that every server knows, and in that package
    "ort.js": "ort.wasm.bundle.min.mjs",
    "ort.wasm": "ort-wasm-simd-threaded.wasm",
}


@dataclass(frozen=True)
class Target:
    """What another program is written in.

    title      as people call it
    programs   a folder: files that hold "model.onnx" get the model's name in its place, templates (.jinja) are rendered
    canvas     a folder of those that are others where the model takes a canvas
    selftest   the command that runs its self-test, in its folder, once the runtime is installed
    container  of the files that it takes
    inputs     what these take, of `formats.INPUTS`, the preferred one first
    integers   whether it takes the form in integers alone
    place      what stands before the model's name in the folder: "src/"
    both       whether it shows the int8 file beside the float one, where there is one
    packages   that it needs from npm, installed when they are first needed
    model      what its model file is called, where its programs are compiled with it; else as it was exported
    runtime    of `runtime/compatibility.py`, that its programs call
    extra      what else goes into the folder: names and bytes
    """

    name: str
    title: str
    programs: Path
    selftest: str
    container: str = "onnx"
    inputs: tuple[str, ...] = INPUTS[::-1]
    integers: bool = False
    place: str = ""
    both: bool = False
    packages: tuple[str, ...] = ()
    model: str | None = None
    canvas: Path | None = None
    runtime: str = "ONNX Runtime"
    extra: Callable[[Package], Mapping[str, bytes]] = lambda _: {}

    @property
    def formats(self) -> list[Format]:
        """Those that it takes, the preferred one first."""
        rows = preferred(self.inputs, self.container)
        return [row for row in rows if not self.integers or row.precision != "float"]

    def taking(self, input_name: str | None) -> "Target":
        """The same, of files that take the input that is named, if any. Raises UsageError where it takes none such."""
        if input_name is None:
            return self
        if input_name not in INPUTS:
            raise unknown("input", input_name, INPUTS)
        if input_name not in self.inputs:
            raise UsageError(f"target {self.name} embeds no files that take a {input_name}")
        return dataclasses.replace(self, inputs=(input_name,))

    def files(self, package: Package) -> dict[str, bytes]:
        """All that it adds to a package's folder. Raises MissingCapability where its runtime cannot be had."""
        others = filled(package, self.canvas) if self.canvas and package.canvas else {}
        return filled(package, self.programs) | others | dict(self.extra(package))


def _example(package: Package) -> dict[str, bytes]:
    return {EXAMPLE: example(package)}


def _node_files(package: Package) -> dict[str, bytes]:
    return _example(package) | {"numbers.mjs": number.script(package)}


def _python_files(package: Package) -> dict[str, bytes]:
    return _example(package) | dict(number.python_files())


def _c_files(package: Package) -> dict[str, bytes]:
    """What C programs of a folder include, beside an example."""
    return _example(package) | {
        f"{package.c.stem}.h": rendered(package, PROGRAMS / "c_header.jinja"),
        "golden.h": rendered(package, PROGRAMS / ("c_canvas_golden.jinja" if package.canvas else "c_golden.jinja")),
    }


def _compiled(package: Package) -> dict[str, bytes]:
    """The example, and the golden inputs in lines, for languages whose libraries read no JSON."""
    return _example(package) | {LINES: package.golden.to_lines(package.labels).encode()}


def _web_files(package: Package) -> dict[str, bytes]:
    source = npm.modules(WEB_PACKAGE) / WEB_PACKAGE / "dist"
    runtime = {name: (source / file).read_bytes() for name, file in WEB_RUNTIME.items()}
    return runtime | {"numbers.js": number.script(package)}


TARGETS: Registry[Target] = Registry(
    "target",
    {
        target.name: target
        for target in (
            Target(
                name="arduino",
                title="Arduino, PlatformIO and ESP-IDF",
                programs=PROGRAMS / "arduino",
                selftest="arduino-cli compile --fqbn arduino:avr:mega --library . examples/Drawn",
                container="c",
                inputs=("digit",),
                integers=True,
                place=arduino.SOURCE,
                extra=arduino.arduino_files,
            ),
            Target(
                name="c",
                title="C or C++",
                programs=PROGRAMS / "c",
                canvas=PROGRAMS / "c_canvas",
                selftest="make test",
                container="c",
                inputs=("digit", "canvas"),
                integers=True,
                extra=_c_files,
            ),
            Target(
                name="cpp",
                title="C++",
                programs=PROGRAMS / "cpp",
                selftest='cmake -B build -DONNXRUNTIME="$ONNXRUNTIME" && cmake --build build && '
                "ctest --test-dir build --verbose",
                model=MODEL_FILE,
                extra=_compiled,
            ),
            Target(
                name="go",
                title="Go",
                programs=PROGRAMS / "go",
                selftest="go mod tidy && go test -v",
                model=MODEL_FILE,
                extra=_compiled,
            ),
            Target(
                name="java",
                title="Java",
                programs=PROGRAMS / "java",
                selftest="mvn -q package && java -cp target/digits.jar digits.SelfTest",
                model=MODEL_FILE,
                extra=_compiled,
            ),
            Target(
                name="node",
                title="Node.js",
                programs=PROGRAMS / "node",
                selftest="npm install --ignore-scripts && node selftest.mjs",
                extra=_node_files,
            ),
            Target(
                name="python",
                title="Python",
                programs=PROGRAMS / "python",
                selftest="pip install -r requirements.txt && python selftest.py",
                extra=_python_files,
            ),
            Target(
                name="rust",
                title="Rust",
                programs=PROGRAMS / "rust",
                selftest="cargo test --release -- --nocapture",
                model=MODEL_FILE,
                runtime="tract",
                extra=_compiled,
            ),
            Target(
                name="wasm",
                title="WebAssembly without a runtime",
                programs=PROGRAMS / "wasm",
                selftest="node selftest.mjs",
                container="c",
                inputs=("digit",),
                integers=True,
                extra=wasm_files,
            ),
            Target(
                name="web",
                title="a page for browsers",
                programs=PROGRAMS / "web",
                selftest="python -m http.server  # and open selftest.html there",
                inputs=("canvas",),
                both=True,
                packages=(WEB_PACKAGE,),
                extra=_web_files,
            ),
        )
    },
    Target,
)


def get_target(name: str) -> Target:
    """The target of that name. Raises UsageError, with the nearest name."""
    return TARGETS[name]
