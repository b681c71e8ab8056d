"""An IntegerNetwork in torch gives the integers of its own numpy, to the last bit."""

import numpy as np
import pytest
import torch

from edgedigits.models.arithmetic import integers, quantizing
from edgedigits.models.integers import EXACT, Integers
from tests.models.arithmetic.test_folding import NETWORKS, folded, images


@pytest.mark.parametrize("name", NETWORKS)
def test_torch_gives_the_scores_of_numpy(name: str) -> None:
    network = quantizing.quantize(folded(NETWORKS[name]), images(20))
    found = Integers(network)(torch.from_numpy(images(20)))
    np.testing.assert_array_equal(found.numpy(), network.scores(images(20)))


def test_sums_that_float32_does_not_hold_are_exact_too() -> None:
    step = quantizing.steps.Dense("wide", (0,), (1, 1, 1), seen=28 * 28)
    weight = np.full((784, 1), 127, np.int8)
    weight[0] = 126  # 784 products make a sum of 25 bits, which is odd
    tables = {"wide.weight": weight, "wide.bias": np.zeros(1, np.int32)}
    tables |= {"wide.multiplier": np.array([2**15], np.uint16), "wide.shift": np.array([15], np.uint8)}
    network = integers.IntegerNetwork((integers.Counted(step, (0,), low=-(2**30), high=2**30),), tables, 1.0)
    white = np.full((1, 28, 28), 255, np.uint8)
    wanted = 255 * (783 * 127 + 126)
    assert wanted > EXACT
    assert wanted % 2 == 1
    assert Integers(network)(torch.from_numpy(white)).tolist() == [[wanted]]
