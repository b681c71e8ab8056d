"""Whether git tracks a file: what does is replaced only when somebody asks for it.

git's index is read as it is stored (git's documentation, gitformat-index), so that it takes no git, and none that
refuses a folder of another user. Versions 2, 3 and 4 are known; of another, every file counts as tracked.
Names are compared as macOS and Windows do, without upper and lower case: elsewhere that keeps a file too many.
"""

import os
import struct
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

HEADER = struct.Struct(">4sII")  # "DIRC", version, entries
ENTRY = 62  # bytes of an entry before its name; its flags are the last two
EXTENDED = 0x4000  # in the flags: two more bytes of them follow
VERSIONS = (2, 3, 4)


def tracked(paths: Iterable[Path]) -> list[Path]:
    """Those of some paths that git tracks, in their order."""
    return [path for path in paths if os.path.lexists(path) and _is_tracked(path)]


def _is_tracked(path: Path) -> bool:
    place = path.parent.resolve() / path.name  # a link is replaced itself, not what it points to
    for top in place.parents:
        if (top / ".git").exists():
            names = _names(_git_folder(top) / "index")
            return names is None or _folded(os.fsencode(place.relative_to(top).as_posix())) in names
    return False


def _git_folder(top: Path) -> Path:
    """The folder with the index: `.git`, or what it names where it is a file, as in a worktree."""
    place = top / ".git"
    if place.is_dir():
        return place
    return top / place.read_text(encoding="utf-8").removeprefix("gitdir:").strip()


def _folded(name: bytes) -> str:
    return unicodedata.normalize("NFC", name.decode("utf-8", "surrogateescape")).casefold()


def _names(index: Path) -> set[str] | None:
    """What an index lists, folded; None where it cannot be read."""
    try:
        content = index.read_bytes()
        signature, version, count = HEADER.unpack_from(content)
        if signature != b"DIRC" or version not in VERSIONS:
            return None
        return set(map(_folded, _entries(content, version, count)))
    except FileNotFoundError:
        return set()  # nothing was added yet
    except (OSError, struct.error, ValueError):
        return None


def _entries(content: bytes, version: int, count: int) -> Iterator[bytes]:
    """The names of all entries. Raises ValueError where the index ends early."""
    place, name = HEADER.size, b""
    for _ in range(count):
        start = place
        flags = int.from_bytes(content[place + ENTRY - 2 : place + ENTRY], "big")
        place += ENTRY + (2 if flags & EXTENDED else 0)
        if version == 4:  # a name is stored as what differs from the one before
            cut, place = _offset(content, place)
            name = name[: len(name) - cut]
        else:
            name = b""
        end = content.index(b"\0", place)
        name += content[place:end]
        place = end + 1 if version == 4 else start + (end - start + 8) // 8 * 8  # padded to 8 bytes, 1 zero at least
        yield name


def _offset(content: bytes, place: int) -> tuple[int, int]:
    """A number of git's variable width, and the place behind it."""
    value = content[place] & 0x7F
    while content[place] & 0x80:
        place += 1
        value = ((value + 1) << 7) | (content[place] & 0x7F)
    return value, place + 1
