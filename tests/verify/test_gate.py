"""The gate, limit by limit: at its value it holds, beyond it fails and says by how much, and where."""

import dataclasses
from typing import Any

import pytest

from edgedigits.records.footprint import Footprint
from edgedigits.records.report import DEVICE_LIMITS, RECORDED, Deployment, Limits, ParityReport, Robustness
from edgedigits.verify import gate
from edgedigits.verify.references import AWAY, REMEDIES

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
    footprint=Footprint(200, 1000, 500, 7, code=300, stack=100, instructions={"cortex-m0": 12, "cortex-m3": 9}),
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
            "logits: off by 0.5, limit 0.49, which grows with their range; image 77 worst",
        ),
        (Limits(min_accuracy=0.985), Limits(min_accuracy=0.986), "accuracy: 98.50%, at least 98.60% wanted"),
        (Limits(max_size=1000), Limits(max_size=999), "size: 1,000 bytes, limit 999"),
        (Limits(max_flash=1500), Limits(max_flash=1499), "flash: 1,500 bytes on cortex-m3, limit 1,499"),
        (Limits(max_ram=600), Limits(max_ram=599), "ram: 600 bytes of scratch and stack on cortex-m3, limit 599"),
        (
            Limits(max_instructions=9),
            Limits(max_instructions=8),
            "instructions: 9 an image on cortex-m3, limit 8",
        ),
        (Limits(max_latency_us=12), Limits(max_latency_us=11), "latency: 12.0 us an image, median, limit 11"),
    ],
)
def test_a_limit_holds_at_its_value_and_fails_beyond_it(at: Limits, beyond: Limits, failure: str) -> None:
    assert judge(at) == []
    assert failure in judge(beyond)


def test_a_limit_of_logits_that_was_asked_for_is_what_it_is() -> None:
    limits = Limits(max_logit_diff=0.1234)
    report = dataclasses.replace(PASSING, limits=limits)
    assert gate.judge(report, LABELS, limits) == ["logits: off by 0.5, limit 0.123; image 77 worst"]


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
        *DEVICE_LIMITS,
    }


WITHOUT_ANSWERS = {
    "compared_with": RECORDED,
    "missing": AWAY,
    **dict.fromkeys(("flips", "lost", "gained", "mcnemar_p", "max_abs_diff", "worst_image")),
    **dict.fromkeys(("flip_indices", "flip_margins", "flip_answers", "deployments", "robustness"), ()),
    "reference_accuracy": PASSING.accuracy,
}
MISSING = {
    "max_flips": (WITHOUT_ANSWERS, "flips: max-flips 3 cannot be checked, since its checkpoint is not at hand: "),
    "max_logit_diff": (WITHOUT_ANSWERS, "logits: max-logit-diff 3 cannot be checked, since its checkpoint is not at "),
    "max_latency_us": ({"latency_us": None}, "latency: max-latency-us 3 cannot be checked, since nothing was measured"),
    "max_flash": ({"footprint": None}, "flash: max-flash 3 cannot be checked, since nothing was measured"),
    "max_ram": (
        {"footprint": Footprint(1, 2, 3, 4, missing="engine cortex-m needs ziglang")},
        "ram: max-ram 3 cannot be checked, since engine cortex-m needs ziglang",
    ),
    "max_instructions": ({"footprint": None}, "instructions: max-instructions 3 cannot be checked"),
}


@pytest.mark.parametrize("name", MISSING)
def test_a_limit_that_cannot_be_checked_fails_where_it_was_asked_for_and_is_named_else(name: str) -> None:
    changes, failure = MISSING[name]
    limits = Limits(**{name: 3})
    report = dataclasses.replace(PASSING, limits=limits, **changes)
    assert gate.unchecked(report) == (name.replace("_", "-"),)
    assert gate.judge(report, LABELS) == []
    (found,) = gate.judge(report, LABELS, asked=limits)
    assert found.startswith(failure)


def test_each_reason_why_answers_are_not_known_has_a_next_step() -> None:
    for reason, step in REMEDIES.items():
        (found,) = gate.judge(
            dataclasses.replace(PASSING, limits=Limits(max_flips=0), **{**WITHOUT_ANSWERS, "missing": reason}),
            LABELS,
            Limits(max_flips=0),
        )
        assert found == f"flips: max-flips 0 cannot be checked, since {reason}: {step}, or leave it out"


def test_what_was_found_can_be_checked() -> None:
    every = Limits(max_flips=9, max_drop=1.0, max_logit_diff=9.0, min_accuracy=0.1, max_size=9999, max_latency_us=99.0)
    every = dataclasses.replace(every, max_flash=1500, max_ram=600, max_instructions=9)
    report = dataclasses.replace(PASSING, limits=every)
    assert gate.unchecked(report) == ()
    assert gate.judge(report, LABELS, asked=every) == []
    assert set(gate.CHECKED) == {field.name for field in dataclasses.fields(Limits)}


@pytest.mark.parametrize(
    ("samples", "lost", "limit", "fails"),
    [
        (100, 1, 0.002, False),  # 1 point, which is a single image
        (100, 2, 0.002, True),
        (100, 2, 0.02, False),
        (1000, 2, 0.002, False),
        (1000, 3, 0.002, True),
        (100, 1, 0.0, False),
        (100, 2, 0.0, True),
    ],
)
def test_the_loss_of_a_single_image_never_fails(samples: int, lost: int, limit: float, fails: bool) -> None:
    right = samples - samples // 10
    accuracies = {"reference_accuracy": right / samples, "accuracy": (right - lost) / samples}
    found = judge(Limits(max_drop=limit), samples=samples, lost=lost, gained=0, **accuracies)
    assert bool(found) == fails


def test_a_single_flip_fails_where_none_may() -> None:
    one = {"flips": 1, "flip_indices": (5,), "flip_margins": (0.1,), "flip_answers": ((0, 1),)}
    (found, *_) = judge(Limits(max_flips=0), samples=100, **one)
    assert found.startswith("flips: 1 of 100 answers changed, limit 0")


@pytest.mark.parametrize(
    ("samples", "limit", "needed"),
    [(100, 0.002, 500), (499, 0.002, 500), (500, 0.002, None), (50, 0.003, 334), (60, 0.0, None), (60, None, None)],
)
def test_how_many_images_a_limit_needs(samples: int, limit: float | None, needed: int | None) -> None:
    assert gate.images_needed(dataclasses.replace(PASSING, samples=samples, limits=Limits(max_drop=limit))) == needed


def test_what_is_not_finite_somewhere_passes_no_limits_at_all() -> None:
    assert judge(Limits(), deployments=(Deployment("2 threads", 2000, 0, 0, None),)) == [
        "deployed: logits not finite with 2 threads"
    ]
    assert judge(Limits(), robustness=(Robustness("noise", 500, 0, None, None, None),)) == [
        "robustness: logits not finite on noise images"
    ]
