"""The gate, limit by limit: at its value it holds, beyond it fails and says by how much, and where."""

import dataclasses
from typing import Any

import pytest

from edgedigits.records.report import Deployment, Limits, ParityReport, Robustness
from edgedigits.verify import gate

LABELS = ("zero", "one", "two")
PASSING = ParityReport(
    name="fc",
    format="onnx",
    path="exports/fc/fc.onnx",
    sha256="ab",
    size_bytes=1000,
    dataset="mnist",
    samples=10_000,
    reference_accuracy=0.99,
    reference_by_class=(0.99, 0.99, None),
    accuracy=0.985,
    by_class=(0.99, 0.98, None),
    flips=2,
    flip_indices=(5, 77),
    flip_margins=(0.1, 0.6),
    flip_answers=((0, 1), (1, 2)),
    lost=60,
    gained=10,
    mcnemar_p=0.01,
    max_abs_diff=0.5,
    mean_abs_diff=0.1,
    p999_abs_diff=0.4,
    worst_image=77,
    softmax_diff=1e-7,
    latency_us=12.0,
    deployments=(Deployment("one image a call", 10_000, 2, 0, 0.0), Deployment("2 threads", 2000, 1, 0, 0.0)),
    robustness=(Robustness("noise", 500, 3, 0.5, None, None),),
)


def judge(limits: Limits, **changes: Any) -> list[str]:
    return gate.judge(dataclasses.replace(PASSING, limits=limits, **changes), LABELS)


@pytest.mark.parametrize(
    ("at", "beyond", "failure"),
    [
        (
            Limits(max_flips=2),
            Limits(max_flips=1),
            "flips: 2 of 10,000 answers changed, limit 1; image 77 worst, from one to two, where torch was 60% ahead",
        ),
        (
            Limits(max_drop=0.005),
            Limits(max_drop=0.0049),
            "accuracy: 0.50 points lost, limit 0.49; "
            "worst class 'one', 99.00% to 98.00% (60 lost, 10 gained, p = 0.01)",
        ),
        (
            Limits(max_logit_diff=0.5),
            Limits(max_logit_diff=0.49),
            "logits: off by 0.5, limit 0.49; image 77 worst",
        ),
        (Limits(min_accuracy=0.985), Limits(min_accuracy=0.986), "accuracy: 98.50%, at least 98.60% wanted"),
        (Limits(max_size=1000), Limits(max_size=999), "size: 1,000 bytes, limit 999"),
        (Limits(max_latency_us=12), Limits(max_latency_us=11), "latency: 12.0 us an image, median, limit 11"),
    ],
)
def test_a_limit_holds_at_its_value_and_fails_beyond_it(at: Limits, beyond: Limits, failure: str) -> None:
    assert judge(at) == []
    assert failure in judge(beyond)


def test_without_limits_everything_finite_passes() -> None:
    assert judge(Limits(), softmax_diff=0.0) == []


def test_what_is_not_finite_passes_no_limits_at_all() -> None:
    assert judge(Limits(), max_abs_diff=None, worst_image=3) == ["logits: not finite; image 3 first"]
    assert judge(Limits(), softmax_diff=None) == ["probabilities: not finite"]


def test_probabilities_that_are_no_softmax_pass_no_limits_at_all() -> None:
    assert judge(Limits(), softmax_diff=1e-4) == [
        "probabilities: off by 0.0001 from the softmax of the logits, limit 1e-05"
    ]


def test_flips_as_deployed_are_gated_as_flips_are() -> None:
    deployments = (Deployment("one image a call", 10_000, 7, 5, 0.1),)
    assert judge(Limits(max_flips=7), deployments=deployments) == []
    assert judge(Limits(max_flips=6), deployments=deployments) == [
        "deployed: 7 of 10,000 answers changed with one image a call, limit 6"
    ]


def test_agreement_off_the_test_set_is_gated_for_exact_files_alone() -> None:
    nothing_flipped = {"flips": 0, "flip_indices": (), "flip_margins": (), "flip_answers": (), "deployments": ()}
    assert judge(Limits(max_flips=0), **nothing_flipped) == [
        "robustness: 3 of 500 answers changed on noise images, limit 0"
    ]
    assert judge(Limits(max_flips=50)) == []


def test_every_limit_has_a_case_above() -> None:
    assert {field.name for field in dataclasses.fields(Limits)} == {
        "max_flips",
        "max_drop",
        "max_logit_diff",
        "min_accuracy",
        "max_size",
        "max_latency_us",
    }
