"""What `verify` writes for CI systems: where it goes, and what is said before any work is done."""

import dataclasses
import shutil
from pathlib import Path

import pytest
from junitparser import JUnitXml

from edgedigits.cli import reports
from edgedigits.cli.markdown import MARK
from edgedigits.records.report import Verification
from edgedigits.verify import verifier
from tests.cli.test_cli import Cli, edgedigits  # noqa: F401 - a fixture
from tests.verify.test_gate import PASSING


@pytest.fixture
def verify(edgedigits: Cli, exports: Path, digits_folder: Path) -> Cli:  # noqa: F811
    """A command that compares a file with another."""
    file, other = (exports / "fc-tiny" / f"fc-tiny{suffix}" for suffix in (".int8.onnx", ".onnx"))
    common = ("verify", file, "--against", other, "--dataset", digits_folder)
    return lambda *arguments: edgedigits(*common, *arguments)


@pytest.fixture
def unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever verifies is a failure of the test."""
    monkeypatch.setattr(verifier, "verify", lambda *_, **__: pytest.fail("verified in vain"))


def test_both_are_written_and_the_exit_code_is_as_ever(verify: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("summary.md").write_text("before\n")
    monkeypatch.setenv(reports.VARIABLE, "summary.md")
    passed = verify("--junit", "junit.xml", "--markdown", "verdict.md")
    assert passed.code == 0, passed.err
    assert JUnitXml.fromfile("junit.xml").failures == 0
    failed = verify("--junit", "junit.xml", "--markdown", "summary", "--max-size", 10)
    assert failed.code == 1
    assert JUnitXml.fromfile("junit.xml").failures == 1  # replaced: it is ours
    assert Path("verdict.md").read_text(encoding="utf-8").startswith(MARK)
    before, *after = Path("summary.md").read_text(encoding="utf-8").splitlines()
    assert (before, after[0]) == ("before", MARK)
    assert any("limit 10" in line for line in after)


@pytest.mark.usefixtures("unasked")
@pytest.mark.parametrize("option", ["--junit", "--markdown"])
class TestBeforeTheWork:
    def test_a_file_of_somebody_else_is_kept(self, option: str, verify: Cli) -> None:
        Path("mine").write_text("mine")
        done = verify(option, "mine")
        assert (done.code, Path("mine").read_text()) == (2, "mine")
        assert "mine: not made by EdgeDigits." in done.err

    def test_a_folder_is_no_file(self, option: str, verify: Cli) -> None:
        Path("folder").mkdir()
        done = verify(option, "folder")
        assert done.code == 2
        assert "folder is a folder: name a file in it" in done.err


@pytest.mark.usefixtures("unasked")
@pytest.mark.parametrize("option", ["--junit", "--markdown"])
def test_a_folder_that_is_not_there_is_said_before_the_work(option: str, verify: Cli) -> None:
    done = verify(option, Path("nowhere", "report"))
    assert (done.code, done.out) == (2, "")
    assert done.err == f"edgedigits: {Path('nowhere', 'report')}: there is no folder nowhere. Make it first.\n"
    assert not Path("nowhere").exists()


@pytest.mark.usefixtures("unasked")
def test_a_summary_is_for_github_alone(verify: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(reports.VARIABLE, raising=False)
    done = verify("--markdown", "summary")
    assert done.code == 2
    assert "--markdown summary is for GitHub Actions, which set GITHUB_STEP_SUMMARY" in done.err


def test_a_file_that_cannot_be_read_is_an_error_of_the_document(
    exports: Path,
    digits_folder: Path,
    edgedigits: Cli,  # noqa: F811
) -> None:
    shutil.copy(exports / "fc-tiny" / "fc-tiny.onnx", "good.onnx")
    Path("bad.onnx").write_bytes(b"none")
    options = ("--against", "good.onnx", "--dataset", digits_folder, "--junit", "junit.xml")
    assert edgedigits("verify", "bad.onnx", *options).code == 3
    document = JUnitXml.fromfile("junit.xml")
    assert (document.tests, document.errors) == (1, 1)


def test_an_annotation_is_one_command_whatever_the_words() -> None:
    report = dataclasses.replace(PASSING, path="a,b:c\n%.onnx", failures=("size: 10% more,\nlimit 9::x",))
    (line,) = reports.annotated(Verification.of([report]))
    assert line == ("::error file=a%2Cb%3Ac%0A%25.onnx,title=edgedigits verify::size: 10%25 more,%0Alimit 9::x")
