"""Pages that show no digit and no number: text, a code, a photograph. uint8 `[height, width]`, paper light."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from edgedigits.records.arrays import Uint8Array

SENTENCE = "The quick brown fox jumps over the lazy dog and runs away from it all day"
FINDER = np.pad(np.pad(np.ones((3, 3), np.int64), 1), 1, constant_values=1)  # in three corners of a QR code


def text(lines: int, size: int) -> Uint8Array:
    """Printed text, letters of so many pixels."""
    page = Image.new("L", (1000, 40 + lines * size * 3 // 2), 250)
    pen = ImageDraw.Draw(page)
    for index in range(lines):
        pen.text((20, 20 + index * size * 3 // 2), SENTENCE[index % 5 :], 20, ImageFont.load_default(size))
    return np.asarray(page)


def code(side: int = 29, cell: int = 12) -> Uint8Array:
    """What looks like a QR code."""
    dark = np.random.default_rng(1).integers(0, 2, (side, side))
    for rows, columns in ((slice(0, 8), slice(0, 8)), (slice(0, 8), slice(-8, None)), (slice(-8, None), slice(0, 8))):
        dark[rows, columns] = 0
    for rows, columns in ((slice(0, 7), slice(0, 7)), (slice(0, 7), slice(-7, None)), (slice(-7, None), slice(0, 7))):
        dark[rows, columns] = FINDER
    return np.pad(np.kron(1 - dark, np.ones((cell, cell))) * 255, 40, constant_values=255).astype(np.uint8)


def photograph() -> Uint8Array:
    """Waves, as of cloth or water."""
    y, x = np.indices((1200, 1600))
    waves = 128 + 60 * np.sin(x / 37 + 3 * np.sin(y / 53)) + 40 * np.sin(y / 11 + x / 90)
    return (waves + np.random.default_rng(1).normal(0, 12, x.shape)).clip(0, 255).astype(np.uint8)
