"""What is doubtful about a canvas, each doubt by its own canvas, and none about a good one."""

import numpy as np
import pytest

from edgedigits.data import canvases, drawn
from edgedigits.inference.doubts import doubts
from edgedigits.records.arrays import Uint8Array


def canvas(*boxes: tuple[int, int, int, int], ink: int = 255) -> Uint8Array:
    """Filled boxes (top, left, bottom, right) on black."""
    made = np.zeros((200, 300), np.uint8)
    for top, left, bottom, right in boxes:
        made[top:bottom, left:right] = ink
    return made


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        (canvas(), ("empty: nothing differs from the paper",)),
        (canvas((50, 50, 150, 70), ink=10), ("empty: nothing differs from the paper",)),
        (canvas((50, 50, 150, 70), ink=40), ("low contrast: 40 of 255 between ink and paper",)),
        (canvas((50, 50, 200, 70)), ("touches the border: part of it may be missing",)),
        (canvas((50, 50, 150, 70), (50, 100, 120, 120)), ("several digits: 2 separate shapes",)),
        (canvas((50, 50, 150, 70), (50, 70, 60, 200), (50, 200, 150, 220)), ()),
        (canvas((50, 50, 150, 70), (20, 100, 40, 200)), ()),  # the flat part of a 5
        (
            canvas((0, 50, 150, 70), (50, 100, 140, 120), ink=50),
            (
                "low contrast: 50 of 255 between ink and paper",
                "touches the border: part of it may be missing",
                "several digits: 2 separate shapes",
            ),
        ),
    ],
)
def test_each_doubt_has_its_reason_in_either_polarity(made: Uint8Array, wanted: tuple[str, ...]) -> None:
    assert doubts(made) == doubts(255 - made) == wanted


def test_a_pasted_digit_is_beyond_doubt_and_two_are_not() -> None:
    for image in drawn.digits(10, seed=0)[0]:
        made = canvases.paste(image)
        assert not [doubt for doubt in doubts(made) if not doubt.startswith("touches")]
        both = doubts(np.pad(np.concatenate([image, image], axis=1), 4))
        assert any("2 separate shapes" in doubt for doubt in both)


def test_a_shape_that_winds_is_one_shape() -> None:
    made = canvas(*((top, 20, top + 6, 280) for top in range(20, 180, 16)))
    for index, top in enumerate(range(20, 164, 16)):
        side = 20 if index % 2 else 274
        made[top : top + 16, side : side + 6] = 255
    assert doubts(made) == ()
