"""Which files are pictures: the one table of kinds, for `predict`, `score` and `train` alike, and why others are none.

A kind is here when Pillow decodes it by itself, and when the size in its header is the size of what is decoded, so
that the bounds on pixels hold. EPS would start Ghostscript, WMF is played by Windows; icons hold pictures of any size.
"""

import itertools
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edgedigits.errors import DataError
from edgedigits.records.record import Record

KINDS: Mapping[str, tuple[str, ...]] = {  # what Pillow calls each, and what the names of its files end with
    "PNG": (".png", ".apng"),
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "MPO": (".mpo",),  # a JPEG of a phone, with previews behind it; most are called .jpg
    "GIF": (".gif",),
    "BMP": (".bmp",),
    "DIB": (".dib",),
    "WEBP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "AVIF": (".avif",),
    "JPEG2000": (".jp2", ".j2k", ".jpx"),
    "PPM": (".pgm", ".ppm", ".pbm", ".pnm"),
    "QOI": (".qoi",),
    "PCX": (".pcx",),
    "PSD": (".psd",),
    "SGI": (".sgi",),
    "SUN": (".ras",),
    "TGA": (".tga",),  # known by no first bytes, so asked last
}
SUFFIXES = tuple(suffix for suffixes in KINDS.values() for suffix in suffixes)
SPOKEN = "PNG, JPEG, GIF, BMP, WebP, TIFF and so on"
LEFTOVERS = (".", "__MACOSX")  # names of what tools leave in folders begin so
ONE_PICTURE = ("MPO", "PSD")  # their further frames are previews and layers of the first

NO_PICTURE = "no picture, by its name"
FOLDER_LINK = "a link to a folder, which is not followed"
FOLDER = "folders of a folder are not looked into: name them to read their pictures"
_HEIC = (
    "HEIC is not read: convert it to JPEG (on a Mac: sips -s format jpeg IMAGE.heic --out IMAGE.jpg; "
    "elsewhere: heif-convert IMAGE.heic IMAGE.jpg; on an iPhone: Settings, Camera, Formats, Most Compatible)"
)
_PAGE = "drawn by a program, which is never started here: convert it to PNG"
_RAW = "a camera's raw data: convert it to JPEG"
_ICON = "an icon, which may hold pictures of any size: convert it to PNG"
REFUSED: Mapping[str, str] = {  # pictures that are not read, by what their names end with
    **dict.fromkeys((".heic", ".heif", ".hif"), _HEIC),
    **dict.fromkeys((".eps", ".ps", ".pdf", ".svg", ".wmf", ".emf"), _PAGE),
    **dict.fromkeys((".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf"), _RAW),
    **dict.fromkeys((".ico", ".icns", ".cur"), _ICON),
}
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1")  # after "ftyp", in the first bytes
MOST_EXAMPLES = 3
MOST_COUNTED = 1000  # pictures of a folder that is only told of


@dataclass(frozen=True)
class Skipped(Record):
    """Files that were left out for one reason, and the first few of them."""

    reason: str
    count: int
    examples: tuple[str, ...]

    def __str__(self) -> str:
        more = ", ..." if self.count > len(self.examples) else ""
        return f"skipped {self.count:,} ({', '.join(self.examples)}{more}): {self.reason}"


@dataclass(frozen=True)
class Skips:
    """What is left out while folders are walked, by reason: never more in memory, however many there are."""

    _found: dict[str, Skipped] = field(default_factory=dict)

    def add(self, path: str, reason: str) -> None:
        """Count one more."""
        before = self._found.get(reason, Skipped(reason, 0, ()))
        examples = before.examples if before.count >= MOST_EXAMPLES else (*before.examples, path)
        self._found[reason] = Skipped(reason, before.count + 1, examples)

    def clear(self) -> None:
        """Forget all: a walk begins anew."""
        self._found.clear()

    def all(self) -> tuple[Skipped, ...]:
        """All of them, a record a reason, in the order of their discovery."""
        return tuple(self._found.values())

    def lines(self) -> str:
        """The same for the end of an error's message: a line a reason."""
        return "".join(f"\n{skipped}" for skipped in self.all())


def is_picture(name: str) -> bool:
    """Whether a file's name is that of a picture that is read."""
    return name.lower().endswith(SUFFIXES)


def why_skipped(name: str) -> str:
    """Why a file of that name is not read: what it is, and what to do about it."""
    return REFUSED.get(os.path.splitext(name)[1].lower(), NO_PICTURE)  # noqa: PTH122 - of millions


def why_unknown(start: bytes) -> str:
    """Why a file that begins so is not read, whatever its name."""
    is_heic = start[4:8] == b"ftyp" and start[8:12] in HEIC_BRANDS
    return _HEIC if is_heic else f"none of these: {SPOKEN}"


def entries(folder: str | Path) -> list[tuple[str, bool]]:
    """Names in a folder, sorted, and whether each is a folder; hidden ones are left out. Raises DataError."""
    try:
        with os.scandir(folder) as found:
            return sorted(
                (entry.name, entry.is_dir(follow_symlinks=False))
                for entry in found
                if not entry.name.startswith(LEFTOVERS)
            )
    except OSError as error:
        raise DataError(f"{folder}: cannot be read ({error.strerror}).") from error


def walk(folder: str | Path, skips: Skips) -> Iterator[str]:
    """Paths of the pictures below a folder, folder by folder, sorted in each; hidden ones are left out.

    What else is there is counted in `skips`. Raises DataError on a folder that cannot be read.
    """
    for name, is_folder in entries(folder):
        path = os.path.join(folder, name)  # noqa: PTH118 - a Path apiece takes longer than the walk
        if is_folder:
            yield from walk(path, skips)
        elif is_picture(name):
            yield path
        else:
            skips.add(path, FOLDER_LINK if os.path.isdir(path) else why_skipped(name))  # noqa: PTH112


def listed(folder: str, skips: Skips) -> list[str]:
    """Paths of the pictures in a folder itself, sorted; what else is there is counted in `skips`. Raises DataError."""
    pictures = []
    for name, is_folder in entries(folder):
        path = os.path.join(folder, name)  # noqa: PTH118 - as above
        if is_folder:
            skips.add(f"{path} ({_holds(path)})", FOLDER)
        elif is_picture(name):
            pictures.append(path)
        else:
            skips.add(path, why_skipped(name))
    return pictures


def _holds(folder: str) -> str:
    """How many pictures lie below a folder, in words."""
    try:
        count = sum(1 for _ in itertools.islice(walk(folder, Skips()), MOST_COUNTED))
    except DataError:
        return "cannot be read"
    if count == MOST_COUNTED:
        return f"{count:,} pictures or more"
    return f"{count} picture{'s' if count != 1 else ''}"
