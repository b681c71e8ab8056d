"""Read the digit on a picture, or a number, with the ONNX file beside this one.

On the command line: `python digits.py PICTURE ...`. In a program: `from digits import answer, read, read_number`, then
`answer(read("photo.png")).label`, or `answer(image).label` with an image uint8 [height, width]; `read_number(image)`
reads a line of digits.
"""

import functools
import io
import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # of onnxruntime, which reads it when it is imported

import numpy as np
import onnxruntime
from number.reading import Line, Piece, read_lines
from number.shapes import NoNumber

if TYPE_CHECKING:
    from PIL import Image

FOLDER = Path(__file__).resolve().parent
MODEL = FOLDER / "model.onnx"
CONTRACT = json.loads((FOLDER / "contract.json").read_text(encoding="utf-8"))

NUMBER = "--number"
USAGE = """usage: python digits.py [--number] PICTURE ...

Read the digit on pictures, or, with --number, a line of up to 12 digits, "?" where one is not sure: binary PGM and .npy
files, and with Pillow (pip install pillow, with a network) PNG, JPEG, GIF, BMP, WebP and TIFF files. An answer a line.
The exit code is 1 where a picture could not be read, or shows no number.

examples:
  python digits.py example.pgm
  python digits.py --number photo.jpg
  python digits.py photo.jpg scan.png"""

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")  # that Pillow decodes without another program
MOST_PIXELS = 50_000_000  # of a picture to decode: 200 MB as RGBA

SPACE = rb"(?:\s|#[^\n]*\n)+"  # between the words of a PGM header, with its comments
PGM = re.compile(SPACE.join([rb"P5", rb"(\d{1,5})", rb"(\d{1,5})", rb"(\d{1,5})"]) + rb"\s")


class Answer(NamedTuple):
    """What the file answers to a picture.

    label           of the digit, or None: no digit
    probability     of the likeliest label
    probabilities   of all, float32 [labels], and the logits that they come from
    seen            what the network was shown, uint8 [28, 28]
    """

    label: str | None
    probability: float
    probabilities: np.ndarray
    logits: np.ndarray
    seen: np.ndarray

    def __str__(self) -> str:
        return f"{'no digit' if self.label is None else self.label} ({self.probability:.1%})"


def answer(image: np.ndarray) -> Answer:
    """The answer to a picture, uint8 [height, width], with its values from 0 to 255 as they are. Raises ValueError."""
    names = [output["name"] for output in CONTRACT["outputs"]]
    values = session().run(names, {CONTRACT["input"]["name"]: prepare(image)})
    found = dict(zip(names, values, strict=True))
    probabilities = found["probabilities"].reshape(-1)
    best = int(probabilities.argmax())
    is_digit = probabilities[best] >= CONTRACT.get("threshold", 0)
    return Answer(
        label=CONTRACT["labels"][best] if is_digit else None,
        probability=float(probabilities[best]),
        probabilities=probabilities,
        logits=found["logits"].reshape(-1),
        seen=found.get("seen", image),
    )


class Number(NamedTuple):
    """A line of digits.

    number   its digits, or None unless all are sure
    text     the same with "?" for each that is not
    pieces   of the picture, from left to right: a `box` (top, left, bottom, right) and an `answer` each
    marks    what stands beside them: a `kind` ("point", "minus", "space") and a `box` each
    """

    number: str | None
    text: str
    pieces: tuple[Piece[Answer], ...]
    marks: tuple[Any, ...]

    def __str__(self) -> str:
        return self.text


def read_number(image: np.ndarray) -> Number:
    """The number on a picture, uint8 [height, width], as `answer` takes it. Raises ValueError where there is none."""
    (line,) = lines_of_digits(image, sheet=False)
    return line


def read_sheet(image: np.ndarray) -> list[Number]:
    """The numbers on a picture of several lines, from top to bottom. Raises ValueError where there is none."""
    return lines_of_digits(image, sheet=True)


def lines_of_digits(image: np.ndarray, *, sheet: bool) -> list[Number]:
    """The numbers on a picture. Raises ValueError."""
    if "sides" not in CONTRACT or "framing" in CONTRACT:
        raise ValueError("this file takes pictures as a whole; a canvas file that finds digits on them reads numbers")
    prepare(image)
    try:
        lines = read_lines(image, answer, CONTRACT.get("threshold", 0), sheet)
    except NoNumber as why:
        raise ValueError(str(why)) from None
    return [spelled(line) for line in lines]


def spelled(line: Line[Answer]) -> Number:
    """A line as text."""
    text = "".join(piece.answer.label or "?" for piece in line.pieces)
    return Number(None if "?" in text else text, text, line.pieces, line.marks)


def prepare(image: np.ndarray) -> np.ndarray:
    """The picture as the file takes it: all scaling and normalization is inside the file. Raises ValueError."""
    if image.dtype != np.uint8 or image.ndim != 2:
        raise ValueError(f"uint8 [height, width] wanted, {image.dtype} {list(image.shape)} given")
    shortest, longest = CONTRACT.get("sides", (28, 28))
    if min(image.shape) < shortest or max(image.shape) > longest:
        raise ValueError(f"sides of {shortest} to {longest} pixels wanted, {list(image.shape)} given")
    takes_batch = len(CONTRACT["input"]["shape"]) == 3
    return image[None] if takes_batch else image


@functools.cache
def session() -> onnxruntime.InferenceSession:
    """The model, loaded when it is first asked."""
    options = onnxruntime.SessionOptions()
    # One thread is the fastest for a network of this size. ONNX Runtime computes in float32 as it comes; README.md says
    # what another runtime must be told to do so.
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(MODEL, options, providers=["CPUExecutionProvider"])


def read(path: str | Path) -> np.ndarray:
    """The picture in a file, uint8 [height, width]. Raises OSError, and ValueError where it holds none."""
    if Path(path).suffix == ".npy":
        return read_npy(path)
    data = Path(path).read_bytes()
    return read_pgm(data) if PGM.match(data) else read_with_pillow(data)


def read_npy(path: str | Path) -> np.ndarray:
    """The array in a .npy file. Raises OSError, and ValueError where it is damaged."""
    try:
        return np.asarray(np.load(path, allow_pickle=False))
    except OSError:
        raise
    except Exception as error:  # numpy reads the header as Python source: its errors have no other base in common
        raise ValueError(f"no readable .npy file ({type(error).__name__})") from error


def read_pgm(data: bytes) -> np.ndarray:
    """The picture in a binary PGM, uint8 [height, width], whatever its largest value. Raises ValueError."""
    header = PGM.match(data)
    if header is None:
        raise ValueError("no binary PGM picture (P5)")
    width, height, largest = map(int, header.groups())
    if not 0 < largest < 65536:
        raise ValueError(f"PGM picture with values up to {largest}: 1 to 65535 wanted")
    values = np.frombuffer(data, ">u2" if largest > 255 else "u1", width * height, header.end())
    scaled = (values.astype(np.uint32) * 255 + largest // 2) // largest
    return scaled.clip(max=255).astype(np.uint8).reshape(height, width)


def read_with_pillow(data: bytes) -> np.ndarray:
    """The picture in any of FORMATS: turned upright, grey, no larger than the file takes. Raises ValueError."""
    try:
        from PIL import Image, ImageOps, UnidentifiedImageError
    except ImportError:
        raise ValueError(
            "no binary PGM picture (P5); to read other kinds, with a network: pip install pillow"
        ) from None
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as file:
            if file.width * file.height > MOST_PIXELS:
                raise ValueError(f"{file.width}x{file.height} pixels, at most {MOST_PIXELS:,} wanted")
            image = ImageOps.exif_transpose(file)
            if image.mode in ("I", "F"):  # Pillow would clip them to 0..255, whatever they mean
                raise ValueError("32 bits a pixel; 8 or 16 wanted")
            if image.mode.startswith("I;16"):  # Pillow would clip 16 bits to 8, not scale them
                image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
            image = on_paper(image.convert("RGBA")).convert("L")
    except UnidentifiedImageError:
        raise ValueError(f"none of these kinds of picture: {', '.join(FORMATS)}") from None
    except ValueError:
        raise
    except Exception as error:  # a damaged file makes Pillow's decoders raise anything
        raise ValueError(f"not a readable picture ({error})") from None
    if longest := CONTRACT.get("sides", [0])[-1]:
        image.thumbnail((longest, longest), Image.Resampling.BOX)
    return np.array(image)


def on_paper(image: "Image.Image") -> "Image.Image":
    """An RGBA picture without its transparency: light ink lies on black, dark ink on white."""
    from PIL import Image

    visible = np.asarray(image.getchannel("A"))
    is_light = visible.any() and np.average(np.asarray(image.convert("L")), weights=visible) > 127.5
    paper = Image.new("RGBA", image.size, (0, 0, 0, 255) if is_light else (255, 255, 255, 255))
    return Image.alpha_composite(paper, image)


def write_any_letter() -> None:
    """Let a console of cp1252 or ASCII show names and labels with letters that it lacks: escaped, not as an error."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def main() -> int:
    """Print an answer for each picture that the command line names."""
    write_any_letter()
    if {"-h", "--help"} & set(sys.argv[1:]):
        print(USAGE)
        return 0
    if len(sys.argv) < 2:
        print(USAGE, file=sys.stderr)
        return 2
    ask, unread = read_number if NUMBER in sys.argv else answer, 0
    for name in (given for given in sys.argv[1:] if given != NUMBER):
        try:
            print(f"{name}: {ask(read(Path(name)))}")
        except (OSError, ValueError) as error:
            print(f"{name}: {getattr(error, 'strerror', None) or error}", file=sys.stderr)
            unread += 1
    return 1 if unread else 0


if __name__ == "__main__":
    sys.exit(main())
