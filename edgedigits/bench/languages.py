"""What `embed` makes in each language, in `languages.json`: how large it is, and how fast it answers beside Python.

    a file of cnn ──embed──> a folder ──its language's tools──> a program, and the timer of `programs/` ──> microseconds

`make targets` measures it anew, on the machine at hand. A timer is a program as a user would write it: it asks the
target's library for one picture a call, and prints the median. Rounds go through all targets in turn.
"""

import os
import statistics
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

import numpy as np

from edgedigits.embed.embedder import embed
from edgedigits.errors import MissingCapability
from edgedigits.records.record import Record

FILE = Path(__file__).with_name("languages.json")
PROGRAMS = Path(__file__).parent / "programs"
PICTURES, INTEGERS = "cnn.onnx", "cnn.int8.c"  # the files that are embedded, of the folder of cnn
ROUNDS = 3
WORDS = 300  # letters at the end of what a command that fails says
SECONDS = 1800.0  # of a command: the first build of a language compiles what it needs, too
SHARED = ("contract.json", "labels.txt")
CMAKE_TIMER = """
add_executable(timer timer.cpp)
target_include_directories(timer PRIVATE "${CMAKE_CURRENT_BINARY_DIR}")
target_link_libraries(timer PRIVATE runtime)
"""


@dataclass(frozen=True)
class LanguageRow(Record):
    """What a target makes of a file.

    compiler        or interpreter, with its version, in its own words
    program_bytes   of what is shipped: the program with its model, or the files that it reads
    runtime_bytes   of the libraries that it needs beside; without interpreter or JVM
    latency_us      median microseconds of one picture a call, through the target's library
    """

    target: str
    file: str
    compiler: str
    program_bytes: int
    runtime_bytes: int
    latency_us: float


@dataclass(frozen=True)
class Languages(Record):
    """A row a target, all of one run, and the processor that they were measured on."""

    machine: str
    rows: tuple[LanguageRow, ...]


def read_languages() -> tuple[LanguageRow, ...]:
    """What ships with the package; nothing, until it was measured once."""
    return Languages.read(FILE).rows if FILE.exists() else ()


@dataclass(frozen=True)
class Plan:
    """How a target's folder becomes a program and a timer, by commands of a shell in it; `$` names what is in `Tools`.

    timer     of PROGRAMS, and where it goes
    version   prints what compiles or runs it
    build     makes the program and the timer
    ask       runs the timer
    program   what is shipped: paths or patterns
    runtime   what it needs beside that
    more      what is added to files of the folder, that they build the timer
    """

    target: str
    timer: tuple[str, str]
    version: str
    build: str
    ask: str
    program: tuple[str, ...]
    runtime: tuple[str, ...] = ()
    file: str = PICTURES
    more: Mapping[str, str] | None = None


PLANS = (
    Plan(
        target="python",
        timer=("timer.py", "timer.py"),
        version="$PYTHON --version",
        build=":",
        ask="$PYTHON timer.py",
        program=("digits.py", PICTURES, *SHARED),
        runtime=("$SITE/onnxruntime", "$SITE/numpy", "$SITE/numpy.libs"),
    ),
    Plan(
        target="node",
        timer=("timer.mjs", "timer.mjs"),
        version="echo Node.js $(node --version)",
        build="ln -s $NODE_MODULES node_modules",
        ask="node timer.mjs",
        program=("digits.mjs", PICTURES, *SHARED),
        runtime=("$NODE_MODULES",),
    ),
    Plan(
        target="java",
        timer=("Timer.java", "Timer.java"),
        version="javac --version",
        build="mvn -B -q package",
        ask="java -cp target/digits.jar digits.Timer",
        program=("target/digits.jar",),
        runtime=("target/lib/*.jar",),
    ),
    Plan(
        target="cpp",
        timer=("timer.cpp", "timer.cpp"),
        version="c++ --version",
        build="cmake -B build -DONNXRUNTIME=$ONNXRUNTIME && cmake --build build",
        ask="build/timer",
        program=("build/digits",),
        runtime=("$ONNXRUNTIME_LIBRARY",),
        more={"CMakeLists.txt": CMAKE_TIMER},
    ),
    Plan(
        target="rust",
        timer=("timer.rs", "examples/timer.rs"),
        version="rustc --version",
        build="cargo build --release --quiet --bins --examples",
        ask="$CARGO_TARGET_DIR/release/examples/timer",
        program=("$CARGO_TARGET_DIR/release/digits",),
    ),
    Plan(
        target="go",
        timer=("timer.go", "timer.go"),
        version="go version",
        build="go mod tidy && go build -o digits main.go && go build -o timer timer.go",
        ask="./timer",
        program=("digits",),
        runtime=("$ONNXRUNTIME_LIBRARY",),
    ),
    Plan(
        target="c",
        timer=("timer.c", "timer.c"),
        version="cc --version",
        build="make && cc -O2 -o timer timer.c cnn.int8.o",
        ask="./timer",
        program=("digits",),
        file=INTEGERS,
    ),
    Plan(
        target="wasm",
        timer=("timer.wasm.mjs", "timer.mjs"),
        version="echo Node.js $(node --version)",
        build=":",
        ask="node timer.mjs",
        program=("digits.js",),
        file=INTEGERS,
    ),
)


@dataclass(frozen=True)
class Tools:
    """What this machine has.

    onnxruntime    a folder as ONNX Runtime's release archive is: `include`, `lib`
    node_modules   with onnxruntime-node
    cargo          a folder for what cargo builds, so that an engine is compiled once
    """

    onnxruntime: Path
    node_modules: Path
    cargo: Path

    @property
    def environment(self) -> dict[str, str]:
        """Of all commands."""
        own = {
            "PYTHON": sys.executable,
            "SITE": str(Path(np.__file__).parents[1]),
            "NODE_MODULES": str(self.node_modules.absolute()),
            "ONNXRUNTIME": str(self.onnxruntime.absolute()),
            "ONNXRUNTIME_LIBRARY": str(self.onnxruntime.absolute() / "lib" / "libonnxruntime.so"),
            "CARGO_TARGET_DIR": str(self.cargo.absolute()),
        }
        return {**os.environ, **own}


def compare(exports: Path, work: Path, tools: Tools, plans: Sequence[Plan] = PLANS) -> Iterator[LanguageRow]:
    """A row for each plan, for the files of `exports/cnn`, built in folders below `work`.

    Raises MissingCapability where a language's tools are not here, or fail.
    """
    builds = [Build(plan, work / plan.target, tools.environment) for plan in plans]
    for build in builds:
        build.make(exports)
    rounds = [[build.ask() for build in builds] for _ in range(ROUNDS)]
    for build, times in zip(builds, zip(*rounds, strict=True), strict=True):
        yield build.row(statistics.median(times))


@dataclass(frozen=True)
class Build:
    """A plan, in its folder."""

    plan: Plan
    folder: Path
    environment: Mapping[str, str]

    def make(self, exports: Path) -> None:
        """Embed the file, and build program and timer."""
        embed(self.plan.target, exports / "cnn" / self.plan.file, self.folder)
        source, place = self.plan.timer
        timer = self.folder / place
        timer.parent.mkdir(exist_ok=True)
        timer.write_bytes((PROGRAMS / source).read_bytes())
        for name, text in (self.plan.more or {}).items():
            with (self.folder / name).open("a", encoding="utf-8") as file:
                file.write(text)
        self._run(self.plan.build)

    def ask(self) -> float:
        """Median microseconds of one picture, as the timer prints it."""
        return float(self._run(self.plan.ask))

    def row(self, latency_us: float) -> LanguageRow:
        """With sizes as they are after the build."""
        return LanguageRow(
            target=self.plan.target,
            file=self.plan.file,
            compiler=self._run(self.plan.version).strip().splitlines()[0],
            program_bytes=_size(self._found(self.plan.program)),
            runtime_bytes=_size(self._found(self.plan.runtime)),
            latency_us=round(latency_us, 2),
        )

    def _found(self, patterns: Iterable[str]) -> Iterator[Path]:
        for pattern in patterns:
            place = self.folder / Template(pattern).substitute(self.environment)
            yield from sorted(place.parent.glob(place.name))

    def _run(self, command: str) -> str:
        done = subprocess.run(
            command,
            shell=True,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        if done.returncode:
            said = " ".join((done.stderr or done.stdout).split())[-WORDS:]
            raise MissingCapability(f"target {self.plan.target}: {command}: exit code {done.returncode}: {said}")
        return done.stdout


def _size(paths: Iterable[Path]) -> int:
    """Bytes of files, and of all files in folders."""
    within = (each for path in paths for each in (path.rglob("*") if path.is_dir() else (path,)))
    return sum(path.stat().st_size for path in within if path.is_file() and path.suffix != ".pyc")
