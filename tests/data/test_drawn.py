"""Drawn digits: of MNIST's kind, always the same, each unlike the other."""

import numpy as np

from edgedigits.data import drawn


def test_they_are_as_the_contract_wants_them() -> None:
    images, labels = drawn.digits(30, seed=0)
    assert images.shape == (30, 28, 28)
    assert images.dtype == np.uint8
    assert labels.tolist() == list(range(10)) * 3
    assert (images.max(axis=(1, 2)) == 255).all()
    border = images[:, [0, -1]].sum() + images[:, :, [0, -1]].sum()
    assert border < 0.001 * images.sum()  # the foot of a 7, whose mass is high, may touch it


def test_their_mass_lies_at_the_centre_as_in_mnist() -> None:
    images, _ = drawn.digits(40, seed=1)
    rows, columns = np.indices((28, 28))
    mass = images.sum(axis=(1, 2))
    np.testing.assert_allclose((images * rows).sum(axis=(1, 2)) / mass, 13.5, atol=0.6)
    np.testing.assert_allclose((images * columns).sum(axis=(1, 2)) / mass, 13.5, atol=0.6)


def test_a_seed_gives_the_same_digits_and_another_others() -> None:
    first, again, other = (drawn.digits(20, seed)[0] for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any(axis=(1, 2)).all()


def test_no_two_are_alike() -> None:
    images, _ = drawn.digits(100, seed=0)
    assert len({image.tobytes() for image in images}) == 100
