"""Picture files as canvases: every kind that is read, and every kind that is not."""

import io
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from edgedigits.data import images
from edgedigits.data.canvases import SIDES
from edgedigits.data.images import find_pictures, read_picture
from edgedigits.errors import DataError


def stroke(mode: str = "RGB", paper: object = "white", ink: object = "black", size: int = 120) -> Image.Image:
    """A vertical stroke in the middle of a picture."""
    image = Image.new(mode, (size, size), paper)  # type: ignore[arg-type]
    ImageDraw.Draw(image).rectangle((50, 20, 70, 100), fill=ink)  # type: ignore[arg-type]
    return image


DARK = np.asarray(stroke("L", 255, 0))


def is_dark_on_light(canvas: np.ndarray) -> bool:
    return bool(canvas.shape == DARK.shape and np.abs(canvas.astype(int) - DARK).mean() < 4)


def saved(image: Image.Image, path: Path, **options: object) -> str:
    image.save(path, **options)  # type: ignore[arg-type]
    return str(path)


def sixteen_bits() -> Image.Image:
    return Image.fromarray(DARK.astype(np.uint16) * 257)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (stroke, "rgb.png"),
        (stroke, "rgb.jpg"),
        (lambda: stroke("L", 255, 0), "gray.png"),
        (lambda: stroke().convert("1"), "bits.png"),
        (lambda: stroke().convert("P"), "palette.png"),
        (lambda: stroke().convert("CMYK"), "cmyk.jpg"),
        (sixteen_bits, "sixteen.png"),
        (lambda: stroke("RGBA", (255, 255, 255, 0), (0, 0, 0, 255)), "transparent.png"),
        (lambda: stroke("RGBA", (0, 0, 0, 0), (0, 0, 0, 255)), "transparent-black.png"),
    ],
)
def test_a_picture_is_read_whatever_its_mode(make: Callable[[], Image.Image], name: str, tmp_path: Path) -> None:
    found = read_picture(saved(make(), tmp_path / name))
    assert found.canvas.dtype == np.uint8
    assert is_dark_on_light(found.canvas)
    assert found.remarks == ()


def test_light_ink_on_nothing_lies_on_black(tmp_path: Path) -> None:
    image = stroke("RGBA", (255, 255, 255, 0), (255, 255, 255, 255))
    np.testing.assert_array_equal(read_picture(saved(image, tmp_path / "light.png")).canvas, 255 - DARK)


def test_a_picture_is_turned_as_its_exif_data_says(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    path = saved(stroke().rotate(90), tmp_path / "turned.jpg", exif=exif)
    assert is_dark_on_light(read_picture(path).canvas)


def test_of_an_animation_the_first_frame_is_read_and_that_is_said(tmp_path: Path) -> None:
    blank = Image.new("RGB", (120, 120), "white")
    path = saved(stroke(), tmp_path / "moving.png", save_all=True, append_images=[blank])
    found = read_picture(path)
    assert is_dark_on_light(found.canvas)
    assert found.remarks == ("several frames: the first is read",)


@pytest.mark.parametrize("name", ["large.png", "large.jpg"])
def test_a_large_picture_becomes_as_large_as_a_canvas_may_be(name: str, tmp_path: Path) -> None:
    path = saved(stroke().resize((4800, 2400)), tmp_path / name)
    assert read_picture(path).canvas.shape == (SIDES[1] // 2, SIDES[1])


def test_a_long_and_narrow_picture_stays_a_canvas(tmp_path: Path) -> None:
    path = saved(Image.new("L", (20_000, 9)), tmp_path / "long.png")
    assert read_picture(path).canvas.shape == (SIDES[0], SIDES[1])


def test_a_picture_of_100_megapixels_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(Image.new("1", (10_000, 10_001)), tmp_path / "huge.png")
    monkeypatch.setattr(Image.Image, "load", lambda _: pytest.fail("decoded"))
    with pytest.raises(DataError, match=r"huge\.png: 10000x10001 pixels, 50,000,000 at most"):
        read_picture(path)


def test_a_picture_that_pillow_takes_for_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(DataError, match="not a readable PNG or JPEG picture"):
        read_picture(saved(stroke(), tmp_path / "bomb.png"))


@pytest.mark.parametrize("content", [b"", b"hello", b"GIF89a" + bytes(100)])
def test_what_is_no_picture_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(DataError, match=r"x\.png: not a readable PNG or JPEG picture") as caught:
        read_picture(str(tmp_path / "x.png"))
    assert "BytesIO" not in str(caught.value)


def test_a_picture_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cut.png"
    stroke().resize((900, 900)).save(path)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(DataError, match=r"cut\.png: not a readable"):
        read_picture(str(path))


def test_a_picture_smaller_than_a_canvas_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="4x9 pixels, 8x8 at least"):
        read_picture(saved(Image.new("L", (4, 9)), tmp_path / "small.png"))


def test_32_bits_a_pixel_are_refused() -> None:
    with pytest.raises(ValueError, match="32 bits a pixel"):
        images.to_rgba(Image.new("F", (9, 9)))


def test_a_missing_picture_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.png: cannot be read \(No such file"):
        read_picture(str(tmp_path / "gone.png"))


def test_standard_input_is_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    content = io.BytesIO()
    stroke().save(content, "PNG")
    content.seek(0)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=content))
    assert is_dark_on_light(read_picture("-").canvas)


def test_a_folder_stands_for_the_pictures_in_it(tmp_path: Path) -> None:
    for name in ("b.png", "a.JPG", ".hidden.png", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "empty").mkdir()
    wanted = [str(tmp_path / "a.JPG"), str(tmp_path / "b.png")]
    assert find_pictures([str(tmp_path), "-", "x.png"]) == [*wanted, "-", "x.png"]
    with pytest.raises(DataError, match="empty: no PNG or JPEG file in this folder"):
        find_pictures([str(tmp_path / "empty")])
