"""The words for a model's input, and what becomes of a digit in each."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from edgedigits.errors import UsageError
from edgedigits.runtime.readings import (
    FITS,
    LAYOUTS,
    SCALINGS,
    Input,
    in_words,
    is_unusual,
    parse,
    present,
    square_side,
)
from tests.helpers.unknown import digits, reading

SIZES = [{"side": 28, "fit": None}, *({"side": 32, "fit": fit} for fit in FITS.values()), {"side": 20, "fit": "resize"}]
GRID = [
    replace(Input(), layout=layout, ink=ink, turned=turned, **scaling, **size)
    for layout, size, scaling, ink, turned in itertools.product(
        LAYOUTS, SIZES, SCALINGS.values(), ("light", "dark"), (False, True)
    )
]
OWN = ["mean 0.2 std 0.5", "mean -0.1 std 2", "above 77, minus 0.5", "above 0", "minus 0.25", "-1..1, minus 0.25"]


def test_every_reading_is_said_in_words_that_are_understood() -> None:
    words = [in_words(one) for one in GRID]
    assert len(set(words)) == len(GRID)
    assert [reading(text) for text in words] == GRID


@pytest.mark.parametrize("text", OWN)
def test_pixels_of_ones_own_are_said_and_understood(text: str) -> None:
    assert in_words(reading(text)) == f"{text}, nchw"


def test_words_come_in_any_order_and_leave_things_open() -> None:
    assert parse(" NCHW ,mean/std") == parse("mean/std, nchw")
    assert parse("dark ink") == {"ink": "dark"}
    assert parse("28x28") == {"side": 28, "fit": None}
    assert parse("") == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("men/std", "did you mean 'mean/std'"),
        ("nchw, nhwc", "says twice what its layout is"),
        ("0..1, mean/std", "says twice what its mean is"),
        ("32x30 padded", "as wide as high wanted"),
        ("28x28 padded", "not 28"),
        ("20x20 padded", "cannot be padded to fewer"),
        ("9999x9999 resized", "8 to 512 pixels"),
        ("mean 0.5 std 0", "a std above 0 wanted"),
        ("above 255", "unknown word"),
        ("above 99999999999", "unknown word"),
    ],
)
def test_other_words_are_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said.replace("(", r"\(")):
        parse(text)


def test_the_layouts_are_those_of_a_batch() -> None:
    images = digits()[0][:3]
    shapes = {layout: present(Input(layout=layout), images).shape for layout in LAYOUTS}
    assert shapes == {
        "nchw": (3, 1, 28, 28),
        "nhw": (3, 28, 28),
        "flat": (3, 784),
        "nhwc": (3, 28, 28, 1),
        "rgb": (3, 3, 28, 28),
    }


def test_pixels_become_what_the_words_say() -> None:
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, 0, :4] = (0, 100, 128, 255)
    found = {word: present(reading(word), image)[0, 0, 0, :4] for word in SCALINGS}
    assert found["0..255"].tolist() == [0, 100, 128, 255]
    assert found["0..1"] == pytest.approx([0, 100 / 255, 128 / 255, 1])
    assert found["-1..1"] == pytest.approx([-1, 200 / 255 - 1, 256 / 255 - 1, 1], abs=1e-6)
    assert found["mean/std"] == pytest.approx((np.array([0, 100, 128, 255]) / 255 - 0.1307) / 0.3081, abs=1e-6)
    assert found["binarized"].tolist() == [0, 0, 1, 1]
    whole = present(reading("per image"), image)
    assert (float(whole.mean()), float(whole.std())) == pytest.approx((0, 1), abs=1e-4)
    assert present(reading("above 99, minus 0.5"), image)[0, 0, 0, :4].tolist() == [-0.5, 0.5, 0.5, 0.5]
    assert present(reading("dark ink"), image)[0, 0, 0, :4] == pytest.approx([1, 155 / 255, 127 / 255, 0])
    assert present(reading("transposed"), image)[0, 0, :4, 0] == pytest.approx([0, 100 / 255, 128 / 255, 1])
    assert all(present(reading(word), image).dtype == np.float32 for word in SCALINGS)


def test_paper_is_put_around_before_and_zeros_behind() -> None:
    image = np.full((1, 28, 28), 255, np.uint8)
    corner = {fit: present(reading(f"-1..1, 32x32 {fit}"), image)[0, 0, 0, 0] for fit in ("padded", "padded after")}
    assert corner == {"padded": -1, "padded after": 0}
    dark = present(reading("0..1, dark ink, 32x32 padded"), image)[0, 0]
    assert (dark[0, 0], dark[16, 16]) == (1, 0)


@pytest.mark.parametrize("side", [14, 20, 32, 64])
def test_images_are_resized_as_pillow_does_it(side: int) -> None:
    images = digits()[0][:5]
    found = present(replace(Input(), side=side, fit="resize", **SCALINGS["0..255"]), images)[:, 0]
    for image, small in zip(images, found, strict=True):
        wanted = np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BILINEAR))
        assert np.abs(small - wanted).max() <= 1  # Pillow computes in fixed point


def test_unusual_is_what_nearly_nobody_trains_with() -> None:
    assert [word for word in SCALINGS if is_unusual(reading(word))] == ["per image", "0..255"]


def test_the_side_of_a_square() -> None:
    assert [square_side(pixels) for pixels in (784, 1024, 785, 1, 0, 10**12)] == [28, 32, None, None, None, None]
