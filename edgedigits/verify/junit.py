"""A verification as JUnit's XML, which CI systems read: a suite a file, a case a limit.

    Verification ──junit──> <testsuites> <testsuite name="exports/cnn/cnn.onnx"> <testcase name="max-flips"> ...

What is checked whatever the limits has a case of the check's name. A file that cannot be read is an error, a limit that
cannot be checked is skipped.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

from edgedigits.records.report import ParityReport, Verification
from edgedigits.verify.gate import CHECKED, is_about

NAME = "edgedigits verify"
ALWAYS = {  # checks that need no limit, and the figure without which there is none
    "probabilities": "softmax_diff",
    "deployed": "deployments",
    "robustness": "robustness",
}
FIGURES = ("sha256", "size_bytes", "samples", "reference_accuracy", "accuracy", "flips", "lost", "gained", "latency_us")
CAUSE = "cause:"  # with which the explanation among the failures begins
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Case:
    """A limit, or a check without one, of one file.

    failures   sentences of the report
    skipped    why it was not checked
    """

    name: str
    failures: tuple[str, ...] = ()
    skipped: str = ""


def junit(verification: Verification) -> str:
    """The XML document."""
    root = ElementTree.Element("testsuites", name=NAME)
    root.extend(_suite(report) for report in verification.reports)
    _count(root, list(root.iter("testcase")))
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def cases(report: ParityReport) -> list[Case]:
    """What was checked of a file: its limits, then what is always checked, then what else failed."""
    found = [*_limits(report), *_always(report)]
    told = {failure for case in found for failure in case.failures}
    rest: dict[str, list[str]] = {}
    for failure in report.failures:
        if failure not in told and not failure.startswith(CAUSE):
            rest.setdefault(failure.partition(":")[0], []).append(failure)
    return found + [Case(name, tuple(failures)) for name, failures in rest.items()]


def _limits(report: ParityReport) -> Iterator[Case]:
    """A case for each limit of a file; none of one that could not be read."""
    for limit in CHECKED:
        if report.readable and getattr(report.limits, limit) is not None:
            option = limit.replace("_", "-")
            failures = tuple(failure for failure in report.failures if is_about(failure, limit))
            reason = report.missing or "nothing was measured"
            yield Case(option, failures, f"not checked: {reason}" if option in report.unchecked else "")


def _always(report: ParityReport) -> Iterator[Case]:
    for name, figure in ALWAYS.items():
        failures = tuple(failure for failure in report.failures if failure.startswith(f"{name}:"))
        if failures or getattr(report, figure) not in (None, ()):
            yield Case(name, failures)


def _suite(report: ParityReport) -> ElementTree.Element:
    suite = ElementTree.Element("testsuite", name=_text(report.path))
    properties = ElementTree.SubElement(suite, "properties")
    for name in FIGURES:
        if (value := getattr(report, name)) is not None:
            ElementTree.SubElement(properties, "property", name=name, value=str(value))
    _count(suite, [_case(suite, case, report) for case in cases(report)])
    return suite


def _case(suite: ElementTree.Element, case: Case, report: ParityReport) -> ElementTree.Element:
    """One case, with all sentences of its file where it failed, since the cause stands among them."""
    element = ElementTree.SubElement(suite, "testcase", name=case.name, classname=_text(report.path))
    if case.failures:
        what = ElementTree.SubElement(element, "failure" if report.readable else "error")
        what.set("message", _text("; ".join(case.failures)))
        what.text = _text("\n".join(report.failures))
    elif case.skipped:
        ElementTree.SubElement(element, "skipped", message=_text(case.skipped))
    return element


def _count(suite: ElementTree.Element, found: list[ElementTree.Element]) -> None:
    suite.set("tests", str(len(found)))
    for counted, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(counted, str(sum(case.find(kind) is not None for case in found)))


def _text(words: str) -> str:
    """Words with what XML cannot hold, which names of files can, replaced."""
    return NOT_XML.sub("\N{REPLACEMENT CHARACTER}", words)
