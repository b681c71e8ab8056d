"""The target `cpp`: built by CMake, proven by its self-test in ONNX Runtime and in OpenCV, formatted by clang-format.

A user takes OpenCV's headers and libraries from its own packages. Here they are those that Maven Central has for Java,
4.13, which loads files that take digits; of files that take canvases, OpenCV 5 is needed.
"""

import subprocess
import zipfile
from pathlib import Path

import pytest

from edgedigits.system import files
from edgedigits.system.maven import COPY
from tests.helpers import languages, onnxruntime
from tests.helpers.languages import FILES, Language

pytestmark = [pytest.mark.languages, pytest.mark.needs("cmake", "g++", "npm", "clang-format")]
FLOAT = languages.SHELF / "cnn" / "cnn.onnx"
SOURCES = ("digits.hpp", "digits.cpp", "selftest.cpp")
OPENCV = {  # artifacts of Maven Central, and their SHA-256
    "opencv:4.13.0-1.5.13": "220dbce78ff172e3bf94eb510bdfc184f82d0b0e6ee279038acd3b80bb7b7b9a",
    "openblas:0.3.31-1.5.13": "7a5e1494e0565b6e06a5d93f8b29993c9ed33239cb9ffab84909360f245b4688",
}
NATIVE = "linux-x86_64"
CONFIG = """
set(PLACE "${CMAKE_CURRENT_LIST_DIR}/org/bytedeco/opencv/linux-x86_64")
set(OpenCV_INCLUDE_DIRS "${PLACE}/include")
file(GLOB OpenCV_LIBS "${PLACE}/libopencv_dnn.so.*" "${PLACE}/libopencv_core.so.*")
"""  # instead of OpenCV's own, which in Maven Central's archive names folders that are not there


def language(options: str, environment: dict[str, str]) -> Language:
    """C++ as CMake builds it with options."""
    return Language(
        target="cpp",
        build=f'cmake -B build {options} -DCMAKE_CXX_FLAGS="-Wall -Wextra -Werror" && cmake --build build',
        selftest="ctest --test-dir build --verbose",
        program="build/digits",
        sources=SOURCES,
        mistake=("digits.hpp", "std::min(255, (value", "255 - std::min(255, (value"),
        environment=environment,
    )


@pytest.fixture(scope="module")
def cpp(tmp_path_factory: pytest.TempPathFactory) -> Language:
    archive = onnxruntime.unpack(tmp_path_factory.mktemp("onnxruntime") / "archive")
    return language('-DONNXRUNTIME="$ONNXRUNTIME"', {"ONNXRUNTIME": str(archive)})


@pytest.fixture(scope="module")
def opencv(tmp_path_factory: pytest.TempPathFactory) -> Language:
    folder = tmp_path_factory.mktemp("opencv")
    for artifact, sha256 in OPENCV.items():
        wanted = f"-Dartifact=org.bytedeco:{artifact}:jar:{NATIVE}"
        subprocess.run(["mvn", "-B", "-q", COPY, wanted, f"-DoutputDirectory={folder}"], cwd=folder, check=True)
        name, _, version = artifact.partition(":")
        archive = folder / f"{name}-{version}-{NATIVE}.jar"
        assert files.sha256(archive) == sha256
        with zipfile.ZipFile(archive) as jar:
            jar.extractall(folder)
    place, blas = (folder / "org" / "bytedeco" / name / NATIVE for name in ("opencv", "openblas"))
    (folder / "OpenCVConfig.cmake").write_text(CONFIG)
    options = f"-DDIGITS_OPENCV=ON -DOpenCV_DIR={folder} -DCMAKE_EXE_LINKER_FLAGS=-Wl,-rpath-link,{place}:{blas}"
    return language(options, {"LD_LIBRARY_PATH": f"{place}:{blas}"})


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


@pytest.mark.needs("mvn")
class TestOpencv:
    @pytest.mark.parametrize("file", [FLOAT, FILES["digit"]], ids=["float", "int8"])
    def test_the_selftest_passes(self, file: Path, opencv: Language, tmp_path: Path) -> None:
        languages.check_selftest(opencv, opencv.made(file, tmp_path / "digits"))

    def test_a_model_that_it_refuses_is_said_in_its_words(self, opencv: Language, tmp_path: Path) -> None:
        """This one is before 5.0."""
        folder = opencv.made(FILES["canvas"], tmp_path / "canvas")
        done = opencv.run(folder, f"{opencv.program} example.pgm")
        assert (done.returncode, done.stdout) == (1, "")
        *_, said, advice = done.stderr.splitlines()
        assert said.startswith("model.onnx: ")
        assert advice == "Another file may do: edgedigits export --format onnx writes a float one."


def test_the_sources_are_formatted(cpp: Language, canvas: Path) -> None:
    done = cpp.run(canvas, f"clang-format --style=Google --dry-run --Werror {' '.join(cpp.sources)}")
    assert (done.returncode, done.stderr) == (0, "")
