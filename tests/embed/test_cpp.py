"""The target `cpp`: built by CMake, proven by its self-test with ONNX Runtime's library, formatted by clang-format.

A user takes header and library from ONNX Runtime's release archive. Here the header is that of a Go module, and the
library that of the Python package.
"""

import json
import subprocess
from pathlib import Path

import pytest

from tests.helpers import languages
from tests.helpers.languages import FILES, Language

pytestmark = [pytest.mark.languages, pytest.mark.needs("cmake", "g++", "go", "clang-format")]
HEADERS = "github.com/yalue/onnxruntime_go@v1.27.0"


@pytest.fixture(scope="module")
def cpp(tmp_path_factory: pytest.TempPathFactory) -> Language:
    archive = tmp_path_factory.mktemp("onnxruntime")
    fetch = ["go", "mod", "download", "-json", HEADERS]
    done = subprocess.run(fetch, cwd=archive, check=True, capture_output=True, text=True)
    (archive / "include").symlink_to(json.loads(done.stdout)["Dir"])
    (archive / "lib").mkdir()
    for name in ("libonnxruntime.so", "libonnxruntime.so.1"):
        (archive / "lib" / name).symlink_to(languages.runtime_library())
    return Language(
        target="cpp",
        build='cmake -B build -DONNXRUNTIME="$ONNXRUNTIME" -DCMAKE_CXX_FLAGS="-Wall -Wextra -Werror" && '
        "cmake --build build",
        selftest="ctest --test-dir build --verbose",
        program="build/digits",
        sources=("digits.hpp", "digits.cpp", "selftest.cpp"),
        mistake=("digits.hpp", "std::min(255, (value", "255 - std::min(255, (value"),
        environment={"ONNXRUNTIME": str(archive)},
    )


@pytest.fixture(scope="module")
def canvas(cpp: Language, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cpp.made(FILES["canvas"], tmp_path_factory.mktemp("cpp") / "canvas")


def test_the_selftest_passes(cpp: Language, canvas: Path) -> None:
    languages.check_selftest(cpp, canvas)


def test_a_mistake_of_the_program_is_named(cpp: Language, tmp_path: Path) -> None:
    languages.check_mistake(cpp, cpp.made(FILES["digit"], tmp_path / "digits"))


def test_pictures_are_answered_and_what_is_none_is_named(cpp: Language, canvas: Path) -> None:
    languages.check_pictures(cpp, canvas, FILES["canvas"])


def test_labels_may_hold_anything(cpp: Language, tmp_path: Path) -> None:
    languages.check_labels(cpp, tmp_path / "odd")


def test_what_the_readme_tells_works(cpp: Language, canvas: Path) -> None:
    languages.check_readme(cpp, canvas)


def test_a_model_that_the_runtime_refuses_is_said_in_its_words(cpp: Language, tmp_path: Path) -> None:
    folder = cpp.made(FILES["digit"], tmp_path / "digits")
    (folder / "model.onnx").write_bytes(b"none")
    assert cpp.run(folder, cpp.build).returncode == 0
    done = cpp.run(folder, f"{cpp.program} example.pgm")
    assert (done.returncode, done.stdout) == (1, "")
    said, advice = done.stderr.splitlines()
    assert said.startswith("model.onnx: ")
    assert "rotobuf" in said
    assert advice == "Another file may do: edgedigits export --format onnx writes a float one."


def test_the_sources_are_formatted(cpp: Language, canvas: Path) -> None:
    done = cpp.run(canvas, f"clang-format --style=Google --dry-run --Werror {' '.join(cpp.sources)}")
    assert (done.returncode, done.stderr) == (0, "")
