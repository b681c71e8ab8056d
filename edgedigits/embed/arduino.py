"""A library for Arduino, PlatformIO and ESP-IDF: the network in `src`, and two sketches that ask it."""

from collections.abc import Mapping

from edgedigits.embed.package import EXAMPLE_DIGIT, PROGRAMS, Package, rendered

PARTS = PROGRAMS / "arduino_parts"
SOURCE = "src/"
MARKS = " +#"  # of a drawing's pixels: paper, half of ink, ink


def arduino_files(package: Package) -> Mapping[str, bytes]:
    """The header and the sketches."""
    drawing = drawn(package.c.golden[EXAMPLE_DIGIT].rows)
    return {
        f"{SOURCE}{package.c.stem}.h": rendered(package, PROGRAMS / "c_header.jinja"),
        "examples/Drawn/Drawn.ino": rendered(package, PARTS / "Drawn.ino.jinja"),
        "examples/Drawn/drawing.h": rendered(package, PARTS / "drawing.h.jinja", drawing=drawing),
        "examples/Stream/Stream.ino": rendered(package, PARTS / "Stream.ino.jinja"),
    }


def drawn(rows: tuple[tuple[int, ...], ...]) -> list[str]:
    """A picture as lines of MARKS."""
    return ["".join(MARKS[(value + 64) // 128] for value in row) for row in rows]
