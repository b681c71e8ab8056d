"""A picture of what was read on a picture: a box around each digit, with its label above."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgedigits.data.images import read_picture
from edgedigits.inference.numbers import DOUBTFUL, Number
from edgedigits.system import files

if TYPE_CHECKING:
    from PIL.Image import Image

SURE, DOUBTED = (20, 120, 60), (190, 30, 50)  # colours, also told apart by the label
SUFFIX = ".number.png"


def draw_boxes(source: str, numbers: Sequence[Number]) -> "Image":
    """A picture file with the boxes of its numbers. Raises DataError where it cannot be read."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.fromarray(read_picture(source).canvas).convert("RGB")
    pen = ImageDraw.Draw(image)
    thick = max(1, max(image.size) // 400)
    for digit in (digit for number in numbers for digit in number.digits):
        colour, box = SURE if digit.sure else DOUBTED, digit.box
        pen.rectangle((box.left - thick, box.top - thick, box.right + thick, box.bottom + thick), None, colour, thick)
        size = max(10, (box.bottom - box.top) // 3)
        label = digit.label if digit.sure else f"{digit.label}{DOUBTFUL}"
        pen.text((box.left, box.top - thick), label, colour, ImageFont.load_default(size), anchor="lb")
    return image


def write_boxes(source: str, numbers: Sequence[Number], folder: Path) -> Path:
    """The same as a PNG file in a folder, named after the picture; nothing that is there is replaced."""
    stem = Path(source).stem
    names = (f"{stem}{SUFFIX}" if not count else f"{stem}-{count}{SUFFIX}" for count in range(1 << 20))
    path = next(path for name in names if not (path := folder / name).exists())
    with files.staged(folder) as stage:
        draw_boxes(source, numbers).save(stage / path.name, "PNG")
    return path
