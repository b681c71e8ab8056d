"""The target `java`: built by Maven, proven by its self-test, formatted as google-java-format does."""

import subprocess
import zipfile
from pathlib import Path

import pytest

from edgedigits.system.maven import COPY
from tests.helpers import languages
from tests.helpers.languages import FILES, Language

pytestmark = [pytest.mark.languages, pytest.mark.needs("java", "javac", "mvn")]
JAVA = Language(
    target="java",
    build="mvn -B -q package",
    selftest="java -cp target/digits.jar digits.SelfTest",
    program="java -jar target/digits.jar",
    sources=("Digits.java", "Main.java", "SelfTest.java"),
    mistake=(
        "Main.java",
        "    return (byte) Math.min(255, (value * 255 + largest / 2) / largest);",
        "    return (byte) (255 - Math.min(255, (value * 255 + largest / 2) / largest));",
    ),
)
FORMATTER = "com.google.googlejavaformat:google-java-format:1.24.0:jar:all-deps"
ENGINE = Path(__file__).parents[2] / "edgedigits" / "runtime" / "engines" / "Answers.java"


@pytest.fixture(scope="module")
def canvas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return JAVA.made(FILES["canvas"], tmp_path_factory.mktemp("java") / "canvas")


def test_the_selftest_passes(canvas: Path) -> None:
    languages.check_selftest(JAVA, canvas)


def test_so_it_does_around_a_file_that_takes_digits(tmp_path: Path) -> None:
    languages.check_selftest(JAVA, JAVA.made(FILES["digit"], tmp_path / "digit"))


def test_a_mistake_of_the_program_is_named(tmp_path: Path) -> None:
    languages.check_mistake(JAVA, JAVA.made(FILES["canvas"], tmp_path / "digits"))


def test_pictures_are_answered_and_what_is_none_is_named(canvas: Path) -> None:
    languages.check_pictures(JAVA, canvas, FILES["canvas"])


def test_a_long_command_line_is_no_crash(canvas: Path) -> None:
    """ONNX Runtime 1.29 reads it for its telemetry with a recursion that overflows a thread of usual size."""
    done = JAVA.run(canvas, f"env -u ORT_DISABLE_TELEMETRY {JAVA.program} {' '.join(['example.pgm'] * 2000)}")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 2000


@pytest.mark.parametrize("kind", ["png", "jpg", "gif", "bmp", "clear.png", "sixteen.png"])
def test_every_kind_of_picture_is_read_as_it_looks(kind: str, canvas: Path, tmp_path: Path) -> None:
    path = languages.picture(kind, tmp_path)
    done = JAVA.run(canvas, f"{JAVA.program} {path}")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{path}: 7 (")


def test_labels_may_hold_anything(tmp_path: Path) -> None:
    languages.check_labels(JAVA, tmp_path / "odd")


def test_what_the_readme_tells_works(canvas: Path) -> None:
    languages.check_readme(JAVA, canvas)


def test_a_model_that_the_runtime_refuses_is_said_in_its_words(canvas: Path, tmp_path: Path) -> None:
    jar = tmp_path / "broken.jar"
    with zipfile.ZipFile(canvas / "target" / "digits.jar") as source, zipfile.ZipFile(jar, "w") as copy:
        for name in source.namelist():
            copy.writestr(name, b"none" if name.endswith(".onnx") else source.read(name))
    done = JAVA.run(canvas, f"java -cp {jar}:target/lib/* digits.Main example.pgm")
    assert (done.returncode, done.stdout) == (1, "")
    said, advice = done.stderr.splitlines()
    assert said.startswith("model.onnx: Error code - ORT_INVALID_PROTOBUF")
    assert advice == "Another file may do: edgedigits export --format onnx writes a float one."


def test_the_sources_are_formatted(canvas: Path, tmp_path: Path) -> None:
    copy = ["mvn", "-B", "-q", COPY, f"-Dartifact={FORMATTER}", f"-DoutputDirectory={tmp_path}"]
    subprocess.run(copy, cwd=tmp_path, check=True, capture_output=True)
    (jar,) = tmp_path.glob("*.jar")
    sources = [*(canvas / name for name in JAVA.sources), ENGINE]
    command = ["java", "-jar", jar, "--dry-run", "--set-exit-if-changed", *sources]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
