"""The target `go`: built by its tools, proven by its self-test with ONNX Runtime's library, formatted by gofmt."""

from pathlib import Path

import pytest

from tests.helpers import languages
from tests.helpers.languages import FILES, Language

pytestmark = [pytest.mark.languages, pytest.mark.needs("go", "gofmt", "gcc")]
GO = Language(
    target="go",
    build="go mod tidy && go vet . && go build -o digits main.go",
    selftest="go test -v",
    program="./digits",
    sources=("digits.go", "main.go", "selftest_test.go"),
    mistake=(
        "digits.go",
        "byte(min(255, (value*255+largest/2)/largest))",
        "byte(255 - min(255, (value*255+largest/2)/largest))",
    ),
    environment={"ONNXRUNTIME_LIBRARY": languages.runtime_library()},
)


@pytest.fixture(scope="module")
def canvas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return GO.made(FILES["canvas"], tmp_path_factory.mktemp("go") / "canvas")


def test_the_selftest_passes(canvas: Path) -> None:
    languages.check_selftest(GO, canvas)


def test_a_mistake_of_the_program_is_named(tmp_path: Path) -> None:
    languages.check_mistake(GO, GO.made(FILES["digit"], tmp_path / "digits"))


def test_pictures_are_answered_and_what_is_none_is_named(canvas: Path) -> None:
    languages.check_pictures(GO, canvas, FILES["canvas"])


@pytest.mark.parametrize("kind", ["png", "jpg", "gif", "clear.png", "sixteen.png"])
def test_every_kind_of_picture_is_read_as_it_looks(kind: str, canvas: Path, tmp_path: Path) -> None:
    path = languages.picture(kind, tmp_path)
    done = GO.run(canvas, f"{GO.program} {path}")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{path}: 7 (")


def test_labels_may_hold_anything(tmp_path: Path) -> None:
    languages.check_labels(GO, tmp_path / "odd")


def test_what_the_readme_tells_works(canvas: Path) -> None:
    languages.check_readme(GO, canvas)


def test_a_library_that_is_not_there_is_named(canvas: Path) -> None:
    done = GO.run(canvas, "ONNXRUNTIME_LIBRARY=/nowhere/libonnxruntime.so ./digits example.pgm")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("ONNX Runtime cannot be loaded from /nowhere/libonnxruntime.so: ")


def test_the_sources_are_formatted(canvas: Path) -> None:
    done = GO.run(canvas, "gofmt -l .")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
