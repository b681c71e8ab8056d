"""Picture files as canvases: every kind that is read, and every kind that is not."""

import io
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from edgedigits.data import images, kinds
from edgedigits.data.canvases import SIDES
from edgedigits.data.doubts import Doubt
from edgedigits.data.images import find_pictures, read_image, read_picture
from edgedigits.data.kinds import KINDS, REFUSED, Skips
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
    assert found.remarks == (Doubt("several-frames", "several frames: the first is read"),)


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
    with pytest.raises(DataError, match="not a readable picture"):
        read_picture(saved(stroke(), tmp_path / "bomb.png"))


@pytest.mark.parametrize("content", [b"", b"hello", b"GIF89a" + bytes(100)])
def test_what_is_no_picture_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(DataError, match=r"x\.png: not a readable picture") as caught:
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
    for name in ("b.png", "a.JPG", "c.webp", ".hidden.png", "notes.txt", "IMG_1.HEIC", "IMG_2.heic", "page.eps"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "more" / "deep").mkdir(parents=True)
    (tmp_path / "more" / "deep" / "x.png").write_bytes(b"")
    skips = Skips()
    wanted = [str(tmp_path / name) for name in ("a.JPG", "b.png", "c.webp")]
    assert find_pictures([str(tmp_path), "-", "x.png"], skips) == [*wanted, "-", "x.png"]
    found = {skipped.examples: skipped.reason for skipped in skips.all()}
    heic = tuple(str(tmp_path / name) for name in ("IMG_1.HEIC", "IMG_2.heic"))
    assert found == {
        heic: REFUSED[".heic"],
        (f"{tmp_path}/more (1 picture)",): kinds.FOLDER,
        (f"{tmp_path}/notes.txt",): kinds.NO_PICTURE,
        (f"{tmp_path}/page.eps",): REFUSED[".eps"],
    }


def test_a_folder_without_pictures_says_what_it_holds_instead(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"empty: no picture in this folder \(PNG, JPEG, GIF.*\)\.$"):
        find_pictures([str(tmp_path / "empty")], Skips())
    (tmp_path / "empty" / "IMG_1.heic").write_bytes(b"")
    with pytest.raises(DataError, match=r"\nskipped 1 \(.*IMG_1\.heic\): HEIC is not read: convert it to JPEG"):
        find_pictures([str(tmp_path / "empty")], Skips())


def test_what_is_skipped_is_counted_and_the_first_few_are_named() -> None:
    skips = Skips()
    for number in range(2000):
        skips.add(f"{number}.txt", kinds.NO_PICTURE)
    (found,) = skips.all()
    assert str(found) == "skipped 2,000 (0.txt, 1.txt, 2.txt, ...): no picture, by its name"


def test_a_large_folder_inside_is_counted_no_further_than_it_helps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kinds, "MOST_COUNTED", 3)
    for number in range(5):
        (tmp_path / "many").mkdir(exist_ok=True)
        (tmp_path / "many" / f"{number}.png").touch()
    skips = Skips()
    assert kinds.listed(str(tmp_path), skips) == []
    assert skips.all()[0].examples == (f"{tmp_path}/many (3 pictures or more)",)


WRITABLE = [kind for kind in KINDS if kind not in ("PSD", "SUN")]  # Pillow reads these two, and does not write them


@pytest.mark.parametrize("kind", WRITABLE)
def test_every_kind_is_read_by_predict_score_and_train_alike(kind: str, tmp_path: Path) -> None:
    for suffix in KINDS[kind]:
        path = tmp_path / f"a{suffix.upper()}"
        stroke("RGB").save(path, "JPEG2000" if kind == "JPEG2000" else kind)
        assert is_dark_on_light(read_picture(str(path)).canvas)
        assert np.abs(read_image(path, dark_ink=True).astype(int) - images_reference()).max() < 60
        assert kinds.is_picture(path.name)


def images_reference() -> np.ndarray:
    small = stroke("L", 255, 0).resize((28, 28), Image.Resampling.LANCZOS)
    return 255 - np.asarray(small).astype(int)


def test_a_photo_of_a_phone_with_its_preview_is_a_picture_without_a_remark(tmp_path: Path) -> None:
    for name in ("phone.jpg", "phone.mpo"):
        stroke().save(tmp_path / name, "MPO", save_all=True, append_images=[stroke().resize((60, 60))])
        with Image.open(tmp_path / name) as file:
            assert (file.format, file.n_frames) == ("MPO", 2)
        found = read_picture(str(tmp_path / name))
        assert is_dark_on_light(found.canvas)
        assert found.remarks == ()


@pytest.mark.parametrize("brand", [b"heic", b"mif1"])
def test_a_heic_file_under_any_name_says_how_to_convert_it(brand: bytes, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"\0\0\0\x18ftyp" + brand + bytes(40))
    for read in (lambda path: read_picture(str(path)), read_image):
        with pytest.raises(DataError, match=r"photo\.jpg: not a readable .*HEIC is not read: convert it to JPEG"):
            read(tmp_path / "photo.jpg")


def test_a_kind_that_this_pillow_lacks_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(stroke(), tmp_path / "a.webp")
    monkeypatch.delitem(Image.OPEN, "WEBP")
    monkeypatch.setattr(Image, "init", lambda: True)
    with pytest.raises(DataError, match="not a readable picture"):
        read_picture(path)


@pytest.mark.parametrize("suffix", [".eps", ".pdf", ".svg", ".wmf", ".ico", ".dng"])
def test_no_kind_that_starts_a_program_or_hides_its_size_is_a_picture(suffix: str) -> None:
    assert not kinds.is_picture(f"a{suffix}")
    assert "convert it to" in kinds.why_skipped(f"a{suffix}")


def test_the_table_knows_what_pillow_knows() -> None:
    known = Image.registered_extensions()
    assert {suffix: known[suffix] for suffixes in KINDS.values() for suffix in suffixes} == {
        suffix: "BMP" if suffix == ".bmp" else kind for kind, suffixes in KINDS.items() for suffix in suffixes
    }


def test_a_file_that_makes_pillow_raise_anything_is_named(tmp_path: Path) -> None:
    """A TIFF whose strips lie at an offset that is a fraction: Pillow raises a TypeError."""
    path = Path(saved(stroke("L", 255, 0), tmp_path / "odd.tif"))
    content = bytearray(path.read_bytes())
    entry = content.index((273).to_bytes(2, "little") + (4).to_bytes(2, "little"))  # StripOffsets, of type LONG
    content[entry + 2 : entry + 4] = (11).to_bytes(2, "little")  # FLOAT
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"odd\.tif: not a readable picture"):
        read_picture(str(path))
    with pytest.raises(DataError, match=r"odd\.tif: not a readable image"):
        read_image(path)


@pytest.mark.parametrize("dark_ink", [False, True])
def test_dark_ink_on_nothing_is_ink(dark_ink: bool, tmp_path: Path) -> None:
    """As a page's canvas saves what was drawn: on a dark ground nothing of it would be seen."""
    path = Path(saved(stroke("RGBA", (0, 0, 0, 0), (0, 0, 0, 255)), tmp_path / "drawn.png"))
    wanted = read_image(Path(saved(stroke("L", 255, 0), tmp_path / "paper.png")), dark_ink=True)
    assert (read_image(path, dark_ink) == wanted).all()
    assert wanted.max() == 255


def test_an_empty_folder_among_others_is_named_and_the_others_are_found(tmp_path: Path) -> None:
    picture, empty = saved(stroke(), tmp_path / "a.png"), tmp_path / "empty"
    empty.mkdir()
    assert find_pictures([picture, str(empty)], Skips()) == [picture, str(empty)]
    with pytest.raises(DataError, match="empty: no picture in this folder"):
        read_picture(str(empty))
    with pytest.raises(DataError, match="empty: no picture in this folder"):
        find_pictures([str(empty)], Skips())


@pytest.mark.parametrize(("paper", "ink"), [((60, 150, 60), (220, 60, 104)), ((150, 100, 60), (60, 118, 220))])
def test_ink_as_bright_as_its_paper_is_read_by_its_colour(
    paper: tuple[int, ...], ink: tuple[int, ...], tmp_path: Path
) -> None:
    picture = Image.new("RGB", (200, 200), paper)
    picture.paste(ink, (90, 40, 110, 160))
    assert np.ptp(np.asarray(picture.convert("L"))) < 16
    assert np.ptp(read_picture(saved(picture, tmp_path / "colour.png")).canvas) > 100


def test_ink_that_grey_shows_is_read_as_grey(tmp_path: Path) -> None:
    picture = Image.new("RGB", (200, 200), (230, 228, 220))
    picture.paste((40, 40, 140), (90, 40, 110, 160))
    np.testing.assert_array_equal(
        read_picture(saved(picture, tmp_path / "pen.png")).canvas, np.asarray(picture.convert("L"))
    )
