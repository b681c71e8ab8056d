"""The target `rust`: built by cargo, proven by its self-test in tract, formatted by rustfmt."""

import os
from pathlib import Path

import pytest

from edgedigits.embed.embedder import embed
from edgedigits.errors import ModelFileError
from edgedigits.export.onnx import quantize_integer
from tests.helpers import languages
from tests.helpers.languages import FILES, Language

ROOT = Path(__file__).parents[2]
in_rust = [pytest.mark.languages, pytest.mark.needs("cargo", "rustfmt"), pytest.mark.timeout(3600)]
RUST = Language(
    target="rust",
    build="cargo build --release --quiet",
    selftest="cargo test --release -- --nocapture",
    program="cargo run --release --quiet --",
    sources=("digits.rs", "main.rs", "selftest.rs"),
    mistake=("digits.rs", ".min(255) as u8;", ".min(255) as u8 ^ 255;"),
    environment={
        "CARGO_TARGET_DIR": os.environ.get("CARGO_TARGET_DIR", str(ROOT / "build" / "cargo")),
        "CARGO_PROFILE_RELEASE_LTO": "off",  # each test links anew
        "CARGO_PROFILE_RELEASE_OPT_LEVEL": "1",  # tract is compiled for a few dozen pictures
    },
)


@pytest.fixture(scope="module")
def canvas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return RUST.made(FILES["canvas"], tmp_path_factory.mktemp("rust") / "canvas")


class TestBuilt:
    pytestmark = in_rust

    def test_the_selftest_passes(self, canvas: Path) -> None:
        languages.check_selftest(RUST, canvas)

    def test_pictures_are_answered_and_what_is_none_is_named(self, canvas: Path) -> None:
        languages.check_pictures(RUST, canvas, FILES["canvas"])

    def test_what_the_readme_tells_works(self, canvas: Path) -> None:
        languages.check_readme(RUST, canvas)

    def test_a_mistake_of_the_program_is_named(self, canvas: Path) -> None:
        languages.check_mistake(RUST, canvas)

    def test_labels_may_hold_anything(self, tmp_path: Path) -> None:
        languages.check_labels(RUST, tmp_path / "odd")

    def test_the_sources_are_formatted(self, canvas: Path) -> None:
        done = RUST.run(canvas, f"rustfmt --edition 2021 --check {' '.join(RUST.sources)}")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_model_that_tract_refuses_is_said_before_anything_is_written(tmp_path: Path) -> None:
    path = tmp_path / "fc-deep.onnx"
    path.write_bytes(quantize_integer.quantize((languages.SHELF / "fc-deep" / path.name).read_bytes()))
    said = r"fc-deep\.onnx: tract, which target rust runs files in, does not load it \(.*\)\. It loads what edgedigits"
    with pytest.raises(ModelFileError, match=said):
        embed("rust", path, tmp_path / "out")
    assert not (tmp_path / "out").exists()
