"""Settings of engines that explain a difference; `test_verify.py` has the mistakes."""

from types import SimpleNamespace
from typing import Any

import pytest

from edgedigits.records.report import InSetting, ParityReport
from edgedigits.runtime.engines import get_engine
from edgedigits.verify.diagnose import diagnose

FILE: Any = SimpleNamespace(engine=get_engine("openvino"), reference=SimpleNamespace(torch=None))


def report(default: float, exact: float | None, judged: str = "default") -> ParityReport:
    """On a file in OpenVINO, with the largest difference of a logit in either setting."""
    settings = (
        InSetting("default", 0.99, 1, default, judged=judged == "default"),
        InSetting("exact", 0.99, 0, exact, judged=judged == "exact"),
    )
    return ParityReport("fc", "onnx", "fc.onnx", "", 0, max_abs_diff=default, settings=settings)


def test_a_difference_that_is_gone_in_the_exact_setting_comes_from_the_default_one() -> None:
    assert diagnose(FILE, report(0.12, 1e-5)) == (
        "openvino computes in bfloat16 where the processor has it, and may quantize activations; "
        "with EXECUTION_MODE_HINT=ACCURACY, 0 answers change and logits are off by 1e-05"
    )


@pytest.mark.parametrize(
    "found",
    [report(0.12, 0.1), report(0.12, None), report(0.12, 1e-5, judged="exact"), ParityReport("fc", "onnx", "", "", 0)],
)
def test_any_other_does_not(found: ParityReport) -> None:
    assert diagnose(FILE, found) is None
