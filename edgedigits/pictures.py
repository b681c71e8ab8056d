"""Picture files as canvases: decoded, turned upright, without transparency, grey, of a size that a canvas may have."""

import io
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgedigits import files
from edgedigits.data import MOST_BYTES, Uint8Array
from edgedigits.errors import DataError
from edgedigits.framing import SIDES

if TYPE_CHECKING:
    from PIL.Image import Image

STDIN = "-"
FORMATS = ("PNG", "JPEG")
SUFFIXES = (".png", ".jpg", ".jpeg")
MOST_PIXELS = 50_000_000  # of a picture to decode: 200 MB as RGBA


@dataclass(frozen=True)
class Picture:
    """A canvas uint8 `[height, width]`, and what of the file it does not show."""

    canvas: Uint8Array
    remarks: tuple[str, ...] = ()


def find(sources: list[str]) -> list[str]:
    """The pictures that are meant: a folder stands for its PNG and JPEG files. Raises DataError where it has none."""
    found: list[str] = []
    for source in sources:
        here = [source]
        if source != STDIN and Path(source).is_dir():
            shown = (path for path in Path(source).iterdir() if not path.name.startswith("."))
            here = sorted(str(path) for path in shown if path.suffix.lower() in SUFFIXES)
        if not here:
            raise DataError(f"{source}: no PNG or JPEG file in this folder.")
        found += here
    return found


def read(source: str) -> Picture:
    """A PNG or JPEG file, or standard input for "-". Raises DataError; 50 megapixels and more are not even decoded.

    Of an animation the first frame is taken. CMYK, palettes and 16 bits become 8 bits of grey. Transparent
    parts become black where what is visible is light, else white.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        content = _stdin() if source == STDIN else files.read_bytes(Path(source), MOST_BYTES)
    except OSError as error:
        raise DataError(f"{source}: cannot be read ({error.strerror}).") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of many pixels: they are counted below
            with Image.open(io.BytesIO(content), formats=FORMATS) as file:
                _require_size(file)
                remarks = ("several frames: the first is read",) if getattr(file, "is_animated", False) else ()
                file.draft("L", (SIDES[1], SIDES[1]))  # lets JPEG decode a smaller picture
                return Picture(_canvas(file), remarks)
    except DataError as error:
        raise DataError(f"{source}: {error}") from error
    except (OSError, ValueError, RuntimeError, SyntaxError, Image.DecompressionBombError) as error:
        reason = "none of these" if isinstance(error, UnidentifiedImageError) else str(error)
        raise DataError(f"{source}: not a readable PNG or JPEG picture ({reason}).") from error


def _stdin() -> bytes:
    content = sys.stdin.buffer.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise DataError(f"{STDIN}: more than {MOST_BYTES:,} bytes.")
    return content


def to_rgba(file: "Image") -> "Image":
    """An image of any mode, turned as its EXIF data says. Raises ValueError on 32 bits a pixel."""
    from PIL import Image, ImageOps

    image = ImageOps.exif_transpose(file)
    if image.mode in ("I", "F"):  # Pillow would clip them to 0..255, whatever they mean
        raise ValueError("32 bits a pixel; 8 or 16 wanted")
    if image.mode.startswith("I;16"):  # Pillow would clip 16 bits to 8, not scale them
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    return image.convert("RGBA")


def _require_size(file: "Image") -> None:
    width, height = file.size
    if width * height > MOST_PIXELS:
        raise DataError(f"{width}x{height} pixels, {MOST_PIXELS:,} at most. Make it smaller first.")
    if min(width, height) < SIDES[0]:
        raise DataError(f"{width}x{height} pixels, {SIDES[0]}x{SIDES[0]} at least.")


def _canvas(file: "Image") -> Uint8Array:
    from PIL import Image

    image = to_rgba(file)
    gray, visible = np.asarray(image.convert("L")), np.asarray(image.getchannel("A"))
    if visible.min() < 255:
        light = np.average(gray, weights=visible) > 127 if visible.any() else True
        ground = Image.new("RGBA", image.size, (0, 0, 0, 255) if light else (255, 255, 255, 255))
        image = Image.alpha_composite(ground, image)
    small = image.convert("L")
    small.thumbnail((SIDES[1], SIDES[1]), Image.Resampling.BOX)
    canvas = np.array(small)
    short = [max(0, SIDES[0] - side) for side in canvas.shape]  # of a very long and narrow picture
    return np.pad(canvas, [(0, missing) for missing in short], mode="edge")
