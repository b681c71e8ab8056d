"""What is doubtful about a canvas, each doubt by its own canvas, and none about a good one."""

import base64
import json
import subprocess

import numpy as np
import pytest

from edgedigits.data import canvases, drawn
from edgedigits.data.doubts import WORDS, Doubt, doubts, words_of
from edgedigits.embed.targets import get_target
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
    found = doubts(made)
    assert tuple(map(str, found)) == wanted
    assert doubts(255 - made) == found
    assert {doubt.word for doubt in found} <= WORDS.keys()


def test_a_pasted_digit_is_beyond_doubt_and_two_are_not() -> None:
    for image in drawn.digits(10, seed=0)[0]:
        made = canvases.paste(image)
        assert not [doubt for doubt in doubts(made) if doubt.word != "touches-border"]
        both = doubts(np.pad(np.concatenate([image, image], axis=1), 4))
        assert any("2 separate shapes" in str(doubt) for doubt in both)


def test_a_shape_that_winds_is_one_shape() -> None:
    made = canvas(*((top, 20, top + 6, 280) for top in range(20, 180, 16)))
    for index, top in enumerate(range(20, 164, 16)):
        side = 20 if index % 2 else 274
        made[top : top + 16, side : side + 6] = 255
    assert doubts(made) == ()


def odd_images() -> Uint8Array:
    """Images uint8 `[n, 28, 28]` of every kind: digits, pairs, noise, specks, faint and blank ones, cut off ones."""
    rng = np.random.default_rng(0)
    plain = drawn.digits(40, seed=4)[0]
    specks = (rng.random((40, 28, 28)) < np.linspace(0, 0.6, 40)[:, None, None]) * np.uint8(255)
    pairs = np.maximum(np.roll(plain, -9, axis=2), np.roll(plain, 9, axis=2))
    noise = rng.integers(0, 256, (20, 28, 28), dtype=np.uint8)
    faint = (plain * np.linspace(0, 0.5, 40)[:, None, None]).astype(np.uint8)
    levels = np.arange(0, 256, 5, dtype=np.uint8)[:, None, None] * np.ones((1, 28, 28), np.uint8)
    return np.concatenate([plain, specks, pairs, noise, faint, levels, np.roll(plain, 12, axis=1)])


def test_many_images_at_once_have_the_doubts_of_each() -> None:
    images = odd_images()
    for made in (images, 255 - images):
        wanted = [tuple(doubt.word for doubt in doubts(image)) for image in made]
        assert words_of(made) == wanted
        assert {word for words in wanted for word in words} == WORDS.keys() - {"several-frames"}
    assert words_of(images[:0]) == []


def test_a_doubt_is_a_word_of_a_fixed_vocabulary_with_its_sentence() -> None:
    assert list(WORDS) == ["empty", "low-contrast", "touches-border", "several-shapes", "several-frames"]
    assert Doubt.of("low-contrast", 39.6).to_dict() == {
        "word": "low-contrast",
        "sentence": "low contrast: 40 of 255 between ink and paper",
    }


@pytest.mark.parametrize("seed", range(3))
def test_shapes_are_counted_as_a_plain_flood_fill_counts_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    made = np.zeros((90, 96), np.uint8)
    for _ in range(12):
        top, left = rng.integers(2, 70), rng.integers(2, 80)
        made[top : top + rng.integers(1, 20), left : left + rng.integers(1, 15)] = 255
    heights = flood(made > 0)
    tall = sum(height >= max(heights) / 2 for height in heights)
    found = {doubt.word: doubt.sentence for doubt in doubts(made)}
    assert found.get("several-shapes") == (f"several digits: {tall} separate shapes" if tall > 1 else None)


def flood(inked: np.ndarray) -> list[int]:
    """The heights of the connected shapes, found pixel by pixel."""
    left, heights = set(zip(*map(list, np.nonzero(inked)), strict=True)), []
    while left:
        waiting, rows = [left.pop()], set()
        while waiting:
            row, column = waiting.pop()
            rows.add(row)
            near = {(row + down, column + right) for down in (-1, 0, 1) for right in (-1, 0, 1)} & left
            left -= near
            waiting += near
        heights.append(len(rows))
    return heights


@pytest.mark.needs("node")
def test_the_web_program_has_the_same_doubts() -> None:
    photos = [canvases.paste(image) for image in drawn.digits(10, seed=6)[0]]
    pairs = [np.concatenate([photo, photo], axis=1) for photo in photos[:3]]
    photos += [*pairs, *(photo // 5 + 90 for photo in photos[:5]), *(photo[40:, 30:] for photo in photos[:5])]
    pictures = [*odd_images()[::3], *photos]
    given = [
        {"pixels": base64.b64encode(np.ascontiguousarray(made).tobytes()).decode(), "shape": made.shape[::-1]}
        for made in pictures
    ]
    module = (get_target("web").programs / "doubts.js").read_text()
    program = f"""{module}
        import {{ readFileSync }} from "node:fs";
        const found = JSON.parse(readFileSync(0, "utf8")).map(({{ pixels, shape }}) =>
          doubts(new Uint8Array(Buffer.from(pixels, "base64")), ...shape));
        console.log(JSON.stringify(found));
    """
    command = ["node", "--input-type=module", "--eval", program]
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found == [[doubt.to_dict() for doubt in doubts(made)] for made in pictures]
    assert {doubt["word"] for doubts in found for doubt in doubts} == WORDS.keys() - {"several-frames"}
