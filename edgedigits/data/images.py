"""Picture files as canvases: decoded, turned upright, without transparency, grey, of a size that a canvas may have."""

import io
import math
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgedigits.data import kinds
from edgedigits.data.canvases import SIDES
from edgedigits.data.dataset import MOST_BYTES
from edgedigits.data.doubts import Doubt
from edgedigits.data.paper import ink_is_light
from edgedigits.errors import DataError
from edgedigits.records.arrays import Uint8Array
from edgedigits.records.model import IMAGE_SHAPE
from edgedigits.system import files

if TYPE_CHECKING:
    from PIL.Image import Image

STDIN = "-"
NO_PICTURE = f"no picture in this folder ({kinds.SPOKEN})"
LOOKED_AT = 256  # pixels a side of a small picture, to tell how much its colours show
MORE_CONTRAST = 2.0  # times that of grey, in one of the colours: it is taken instead
MOST_CANVAS_PIXELS = 50_000_000  # of a picture to decode: 200 MB as RGBA
MOST_PIXELS = 64 << 20  # of an image: four bytes each, before it is made small


@dataclass(frozen=True)
class Picture:
    """A canvas uint8 `[height, width]`, and what of the file it does not show."""

    canvas: Uint8Array
    remarks: tuple[Doubt, ...] = ()


def find_pictures(sources: list[str], skips: kinds.Skips) -> list[str]:
    """The pictures that are meant: a folder stands for those in it, and what else is there is counted in `skips`.

    Raises DataError where a folder alone is meant, and holds none.
    """
    found: list[str] = []
    for source in sources:
        is_folder = source != STDIN and Path(source).is_dir()
        here = kinds.listed(source, skips) if is_folder else [source]
        if not here and len(sources) == 1:
            raise DataError(f"{source}: {NO_PICTURE}.{skips.lines()}")
        found += here or [source]  # to be named among the others
    return found


def read_picture(source: str) -> Picture:
    """A picture file of any of KINDS, or standard input for "-". Raises DataError, also on too many pixels, undecoded.

    Of an animation the first frame is taken. CMYK, palettes and 16 bits become 8 bits of grey. Transparent
    parts become black where what is visible is light, else white.
    """
    from PIL import Image, UnidentifiedImageError

    if source != STDIN and Path(source).is_dir():
        raise DataError(f"{source}: {NO_PICTURE}.")
    try:
        content = _stdin() if source == STDIN else files.read_bytes(Path(source), MOST_BYTES)
    except OSError as error:
        raise DataError(f"{source}: cannot be read ({error.strerror}).") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of many pixels: they are counted below
            with Image.open(io.BytesIO(content), formats=_decoders()) as file:
                moves = getattr(file, "is_animated", False) and file.format not in kinds.ONE_PICTURE
                remarks = (Doubt.of("several-frames"),) if moves else ()
                return Picture(_canvas(file), remarks)
    except DataError as error:
        raise DataError(f"{source}: {error}") from error
    except Exception as error:  # a damaged file makes Pillow's decoders raise anything: no base is common to it
        reason = kinds.why_unknown(content) if isinstance(error, UnidentifiedImageError) else str(error)
        raise DataError(f"{source}: not a readable picture ({reason}).") from error


def canvas_of(picture: "Image") -> Uint8Array:
    """A picture in memory as a canvas, as `read_picture` makes one of a file. Raises DataError."""
    try:
        return _canvas(picture)
    except DataError:
        raise
    except Exception as error:  # likewise
        raise DataError(f"not a readable picture ({error}).") from error


def image_of(picture: "Image", dark_ink: bool = False) -> Uint8Array:
    """A picture in memory as uint8 `[28, 28]`, as `read_image` makes one of a file. Raises DataError."""
    try:
        return _image(picture, dark_ink)
    except DataError:
        raise
    except Exception as error:  # likewise
        raise DataError(f"not a readable picture ({error}).") from error


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
    if width * height > MOST_CANVAS_PIXELS:
        raise DataError(f"{width}x{height} pixels, {MOST_CANVAS_PIXELS:,} at most. Make it smaller first.")
    if min(width, height) < SIDES[0]:
        raise DataError(f"{width}x{height} pixels, {SIDES[0]}x{SIDES[0]} at least.")


def _canvas(file: "Image") -> Uint8Array:
    from PIL import Image

    _require_size(file)
    file.draft("RGB", (SIDES[1], SIDES[1]))  # lets JPEG decode a smaller picture
    image = to_rgba(file)
    image.thumbnail((SIDES[1], SIDES[1]), Image.Resampling.BOX)
    gray, visible = np.asarray(image.convert("L")), np.asarray(image.getchannel("A"))
    if visible.min() < 255:
        paper = 0 if ink_is_light(gray, visible) else 255
        ground = Image.new("RGBA", image.size, (paper,) * 3 + (255,))
        image = Image.alpha_composite(ground, image)
    canvas = np.array(_plane(image.convert("RGB")))
    short = [max(0, SIDES[0] - side) for side in canvas.shape]  # of a very long and narrow picture
    return np.pad(canvas, [(0, missing) for missing in short], mode="edge")


def _plane(picture: "Image") -> "Image":
    """A picture in colour as grey; or of its colours the one that shows most, where grey shows hardly anything.

    Ink and paper of two colours may be equally bright: red on green, blue on brown.
    """
    gray, *colours = picture.convert("L"), *picture.split()
    spreads = [float(np.asarray(plane.reduce(-(-max(plane.size) // LOOKED_AT))).std()) for plane in (gray, *colours)]
    best = int(np.argmax(spreads[1:]))
    return colours[best] if spreads[1 + best] > MORE_CONTRAST * spreads[0] else gray


def _is_dark_on_nothing(image: "Image") -> bool:
    """Whether what is visible of a picture with transparent parts is dark: on a dark ground nothing of it would be."""
    visible = np.asarray(image.getchannel("A"))
    return bool(visible.min() < 255) and not ink_is_light(np.asarray(image.convert("L")), visible)


def _decoders() -> list[str]:
    """The kinds of picture that this Pillow decodes, of KINDS."""
    from PIL import Image

    Image.init()
    return [kind for kind in kinds.KINDS if kind in Image.OPEN]


def read_image(path: Path, dark_ink: bool = False) -> Uint8Array:
    """An image file as uint8 `[28, 28]`, background 0 and ink 255.

    Any of KINDS, of any size and mode: turned as its EXIF data says, transparent parts taken as
    ground, made gray, scaled with anti-aliasing to fit, and centred. Raises DataError.
    """
    from PIL import Image, UnidentifiedImageError

    content = b""
    try:
        content = files.read_bytes(path, MOST_BYTES)
        with Image.open(io.BytesIO(content), formats=_decoders()) as file:
            return _image(file, dark_ink)
    except UnidentifiedImageError as error:  # its message has an address in memory
        raise DataError(f"{path}: not a readable image ({kinds.why_unknown(content)}). Mend or remove it.") from error
    except Exception as error:  # likewise
        raise DataError(f"{path}: not a readable image ({error}). Mend or remove it.") from error


def _image(file: "Image", dark_ink: bool) -> Uint8Array:
    """An image of any size and mode as uint8 `[28, 28]`. Raises ValueError where it is too large."""
    from PIL import Image, ImageOps

    if (pixels := math.prod(file.size)) > MOST_PIXELS:
        raise ValueError(f"{pixels:,} pixels, at most {MOST_PIXELS:,} wanted")
    image = to_rgba(file)
    dark_ink = dark_ink or _is_dark_on_nothing(image)
    ground = 255 if dark_ink else 0
    flat = Image.alpha_composite(Image.new("RGBA", image.size, (ground,) * 3 + (255,)), image)
    gray = ImageOps.pad(flat.convert("L"), IMAGE_SHAPE, Image.Resampling.LANCZOS, color=ground)
    values = np.array(gray, dtype=np.uint8)  # a copy, since Pillow's own pixels cannot be written to
    return 255 - values if dark_ink else values
