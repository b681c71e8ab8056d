"""JUnit's XML: every limit is a case, and a parser that others wrote reads what the report says."""

import dataclasses
from pathlib import Path

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped, TestSuite

from edgedigits.records.report import RECORDED, Limits, ParityReport, Verification
from edgedigits.verify import gate
from edgedigits.verify.gate import CHECKED
from edgedigits.verify.junit import ALWAYS, Case, cases, junit
from edgedigits.verify.references import NO_TORCH
from tests.verify.test_gate import LABELS, PASSING

ALL = Limits(
    max_flips=2,
    max_drop=0.005,
    max_logit_diff=0.5,
    min_accuracy=0.985,
    max_size=1000,
    max_latency_us=12,
    max_flash=1500,
    max_ram=600,
    max_instructions=9,
)  # all kept by PASSING
TIGHT = Limits(
    max_flips=1,
    max_drop=0.004,
    max_logit_diff=0.4,
    min_accuracy=0.99,
    max_size=999,
    max_latency_us=11,
    max_flash=1499,
    max_ram=599,
    max_instructions=8,
)  # none of them
UNREADABLE = ParityReport("c", "onnx", "c.onnx", "", 0, failures=("file: c.onnx is missing.",), readable=False)


def judged(report: ParityReport, **changes: object) -> ParityReport:
    """The report with the sentences that the gate finds for it."""
    changed = dataclasses.replace(report, **changes)  # type: ignore[arg-type]
    changed = dataclasses.replace(changed, unchecked=gate.unchecked(changed))
    failures = tuple(gate.judge(changed, LABELS))
    return dataclasses.replace(changed, failures=failures, passed=not failures)


def parsed(tmp_path: Path, *reports: ParityReport) -> JUnitXml:
    path = tmp_path / "junit.xml"
    path.write_text(junit(Verification.of(reports)), encoding="utf-8")
    return JUnitXml.fromfile(str(path))


def test_every_limit_and_every_check_without_one_is_a_case() -> None:
    options = [limit.replace("_", "-") for limit in CHECKED]
    assert cases(judged(PASSING, limits=ALL)) == [Case(name) for name in (*options, *ALWAYS)]


def test_a_difference_of_nothing_was_checked_too() -> None:
    assert Case("probabilities") in cases(judged(PASSING, softmax_diff=0.0))


@pytest.mark.parametrize("limit", CHECKED)
def test_a_limit_that_is_not_kept_fails_its_own_case(limit: str) -> None:
    """`max_drop` and `min_accuracy` are of one check, and each has its own case all the same."""
    only = Limits(**{limit: getattr(TIGHT, limit)})
    report = judged(PASSING, limits=only, deployments=(), robustness=())
    failed = [case for case in cases(report) if case.failures]
    assert failed == [Case(limit.replace("_", "-"), report.failures)]
    both = {case.name for case in cases(judged(PASSING, limits=TIGHT, deployments=(), robustness=())) if case.failures}
    assert both == {name.replace("_", "-") for name in CHECKED}


def test_no_failure_is_lost() -> None:
    broken = dataclasses.replace(
        judged(PASSING, limits=TIGHT), failures=("recorded: 1", "answers: 2", "flips: 3", "flips: 4", "cause: x")
    )
    told = [failure for case in cases(broken) for failure in case.failures]
    assert sorted(told) == ["answers: 2", "flips: 3", "flips: 4", "recorded: 1"]


def test_what_is_not_finite_fails_whatever_the_limits() -> None:
    report = judged(PASSING, limits=Limits(), max_abs_diff=None, worst_image=3)
    assert Case("logits", ("logits: not finite; image 3 first",)) in cases(report)


def test_a_parser_reads_suites_cases_and_figures(tmp_path: Path) -> None:
    failing = judged(PASSING, limits=TIGHT, path="exports/cnn/cnn.onnx")
    document = parsed(tmp_path, judged(PASSING, limits=ALL), failing, UNREADABLE)
    assert isinstance(document, JUnitXml)
    first, second, third = document
    assert (first.name, second.name, third.name) == ("exports/fc/fc.onnx", "exports/cnn/cnn.onnx", "c.onnx")
    assert (first.tests, first.failures, first.errors, first.skipped) == (12, 0, 0, 0)
    assert (second.tests, second.failures) == (12, 10)  # all limits, and `deployed`
    assert (third.tests, third.errors) == (1, 1)
    assert (document.tests, document.failures, document.errors) == (25, 10, 1)
    assert all(case.is_passed for case in first)
    assert {found.name: found.value for found in first.properties()}["reference_accuracy"] == "0.99"
    (flips,) = (case for case in second if case.name == "max-flips")
    (result,) = flips.result
    assert isinstance(result, Failure)
    assert result.message == failing.failures[0]
    assert result.text == "\n".join(failing.failures)
    assert "2 of 10,000 answers changed, limit 1" in result.message
    assert isinstance(result_of(third, "file"), Error)


def result_of(suite: TestSuite, name: str) -> object:
    (found,) = (case for case in suite if case.name == name)
    return found.result[0]


def test_a_limit_that_cannot_be_checked_is_skipped_with_the_reason(tmp_path: Path) -> None:
    lacking = judged(PASSING, limits=ALL, compared_with=RECORDED, missing=NO_TORCH, flips=None, max_abs_diff=None)
    lacking = dataclasses.replace(lacking, worst_image=None, flip_indices=())
    lacking = judged(lacking)
    (suite,) = parsed(tmp_path, lacking)
    for name in ("max-flips", "max-logit-diff"):
        skipped = result_of(suite, name)
        assert isinstance(skipped, Skipped)
        assert skipped.message == f"not checked: {NO_TORCH}"
    assert suite.skipped == 2


@pytest.mark.parametrize("name", ['a"b<c>&.onnx', "bell\a\0.onnx", "\ud800.onnx", "\N{SNOWMAN}.onnx", "]]>.onnx"])
def test_any_name_of_a_file_makes_a_document(name: str, tmp_path: Path) -> None:
    (suite,) = parsed(tmp_path, judged(PASSING, limits=TIGHT, path=name))
    shown = "".join("\N{REPLACEMENT CHARACTER}" if letter in "\a\0\ud800" else letter for letter in name)
    assert suite.name == shown
    assert next(iter(suite)).classname == shown
