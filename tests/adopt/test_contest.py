"""Which candidates go on to be shown more digits, and which of those that are left is believed."""

import pytest

from edgedigits.adopt.contest import LEFT, MANY, SLACK, Judged, leaders, left, near, pick
from edgedigits.adopt.guess import Candidate, Style
from edgedigits.records.network import Input, Layer, Network
from edgedigits.runtime.finding import Found, Row

NETWORK = Network((Layer("flatten", "flatten"), Layer.of("dense", "fc", features=10)), Input())


def judged(loss: float | None, accuracy: float = 0.95, activation: str = "relu", rank: int = 0) -> Judged:
    """A candidate with that loss, in nats, and accuracy in its best reading."""
    found = Found("theirs.pt", (Row(Input(), "0..1, nchw", loss, accuracy),), MANY, 10, tuple(range(10)), "logits")
    return Judged(Candidate(NETWORK, {}, activation, Style((activation, {}))), found, "", rank)


def test_those_go_on_whose_loss_is_near_the_least() -> None:
    best, beside, far, endless = judged(0.1), judged(0.2), judged(0.21), judged(None)
    assert near([far, best, beside, endless], 1_000_000) == [best, beside]


def test_of_fewer_digits_a_loss_says_less() -> None:
    best, other = judged(0.1), judged(0.2 + SLACK / 20)
    assert near([best, other], 20) == [best, other]
    assert near([best, other], 80) == [best]


def test_where_none_reads_digits_all_go_on() -> None:
    everyone = [judged(0.1, accuracy=0.5), judged(9.0, accuracy=0.79), judged(None, accuracy=0.1)]
    assert near(everyone, MANY) == everyone


def test_the_best_of_each_activation_is_kept_beside_the_usual_one() -> None:
    usual = judged(3.0, activation="relu", rank=0)
    relu = [judged(0.1 + rank / 100, activation="relu", rank=rank) for rank in range(1, 9)]
    tanh = [judged(loss, activation="tanh", rank=10) for loss in (2.0, 1.0)]
    everyone = [usual, *relu, *tanh]
    assert leaders(everyone) == [relu[0], tanh[1]]
    assert left(everyone) == [usual, relu[0], tanh[1], *relu[1 : LEFT - 1]]


@pytest.mark.parametrize(
    ("loss", "accuracy", "is_better"),
    [(0.08, 0.96, True), (0.08, 0.951, False), (0.095, 0.99, False), (0.04, 0.95, True), (0.04, 0.949, False)],
)
def test_the_usual_one_stays_unless_another_is_clearly_better(loss: float, accuracy: float, is_better: bool) -> None:
    usual, other = judged(0.1), judged(loss, accuracy, "tanh", rank=1)
    assert pick([usual, other]) is (other if is_better else usual)


def test_of_several_that_are_better_the_more_usual_one_is_taken() -> None:
    usual, sigmoid, tanh = judged(1.0), judged(0.100, 0.96, "sigmoid", rank=5), judged(0.105, 0.96, "tanh", rank=2)
    assert pick([usual, sigmoid, tanh]) is tanh
    assert pick([usual, judged(0.05, 0.96, "sigmoid", rank=5), tanh]).candidate.words == "sigmoid"
