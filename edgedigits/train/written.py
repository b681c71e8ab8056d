"""Training images as people write and photograph digits, and what is no digit: for the recipe `reader`.

    images of MNIST, or their thinned strokes (`thinning.py`)
      └─ turned, slanted, bent ─ pen thin to thick ─ uneven ink ─ dust, a rest of a line ─ paper, noise, blur
           └─ framed anew, tightly or loosely, as canvas files frame ─ uint8 [n, 28, 28]

A whole batch at once, on a sheet of SHEET pixels a side, in which an image has twice its size. What each change is
worth is measured by leaving it out (`Pen`).
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgedigits.data.paper import BOX
from edgedigits.records.model import IMAGE_SHAPE
from edgedigits.train.augmentation import smooth

SHEET = 56  # pixels of a side
FIELD = 20  # cells of the longer side of a digit that is framed, as MNIST's were, and canvas files do
FRAME = IMAGE_SHAPE[0]
CENTRE = 14.0  # row and column where a framed digit's centre of mass is
BENDS = 4  # points of a side that a digit is bent at
FEW = 16  # pixels of a side of a coarse picture
BLOCK = 8  # pixels of a side that JPEG codes together
SPECKS = 0.003  # of the places for one, where there are any
PENCIL = 0.5  # of what is faded
UPRIGHT = 0.4  # of the rests of lines
CONTRAST = 0.05  # of full ink: less is none


@dataclass(frozen=True)
class Pen:
    """How far writing differs from MNIST's: each is the most that is drawn at random, or how often it happens.

    degrees      turned, each way
    slant        moved to the side per height
    stretch      wider or narrower than high
    bend         pixels of the sheet, that points of the digit are moved by
    thin, thick  the pen's line becomes so many pixels of the sheet thinner or thicker
    thinned      how often a digit is written with the thinnest pen
    uneven       ink that is lost along the digit
    dust, line   how often there are specks, and rests of a line
    noise        standard deviation on the sheet
    coarse       how often it comes from a picture of few pixels, or of coarse JPEG
    loose        pixels of the sheet, that the frame is too wide by, on each side
    plain        how often an image stays as it is
    """

    degrees: float = 15.0
    slant: float = 0.35
    stretch: float = 0.2
    bend: float = 2.2
    thin: float = 1.6
    thick: float = 2.4
    thinned: float = 0.2
    uneven: float = 0.6
    dust: float = 0.15
    line: float = 0.15
    noise: float = 0.12
    coarse: float = 0.2
    loose: float = 3.0
    plain: float = 0.15


class Writer:
    """Writes images anew, as its pen does, with the random numbers of a generator of its own."""

    def __init__(self, seed: int, device: torch.device, pen: Pen = Pen()) -> None:
        self.generator = torch.Generator().manual_seed(seed)
        self.device = device
        self.pen = pen
        self.patch = smooth(BENDS, SHEET).to(device)
        self.few = (smooth(FEW, SHEET) @ _averaged(FEW)).to(device)
        self.soft = _blurring().to(device)

    @torch.no_grad()
    def write(self, images: Tensor) -> Tensor:
        """Images uint8 `[n, 28, 28]`, digits or not, as float32 `[n, 28, 28]`, 0 to 255, written anew and framed."""
        sheets = self._inked(self._bent(images.float() / 255))
        pen, changes = self.pen, (self._faded, self._dusty, self._lined, self._coarse, self._coded, self._noisy)
        for share, change in zip((0.3, pen.dust, pen.line, pen.coarse, pen.coarse, 0.5), changes, strict=True):
            chosen = self._some(len(images), share)
            sheets[chosen] = change(sheets[chosen])
        loose = pen.loose * self._draw(len(images), 4) * (self._draw(len(images), 1) < 0.3)
        written, plain = frame(sheets, loose), self._some(len(images), pen.plain)
        written[plain] = images[plain].float()
        return written

    def _draw(self, *shape: int) -> Tensor:
        """Random numbers from 0 to 1."""
        return torch.rand(*shape, generator=self.generator).to(self.device)

    def _swing(self, *shape: int) -> Tensor:
        """Random numbers from -1 to 1."""
        return 2 * self._draw(*shape) - 1

    def _some(self, count: int, share: float) -> Tensor:
        """The numbers of so many images, taken at random."""
        return (self._draw(count) < share).nonzero()[:, 0]

    def _bent(self, images: Tensor) -> Tensor:
        """Images `[n, 28, 28]` on sheets `[n, 56, 56]`: turned, slanted, stretched and bent, around the middle."""
        count, pen = len(images), self.pen
        angle = math.radians(pen.degrees) * self._swing(count, 1, 1)
        slant, stretch = pen.slant * self._swing(count, 1, 1), 1 + pen.stretch * self._swing(count, 1, 1)
        along = (2 * torch.arange(SHEET, device=self.device) + 1) / SHEET - 1  # -1 to 1, as grid_sample counts
        bends = self.patch @ self._swing(2, count, BENDS, BENDS) @ self.patch.T * (2 * pen.bend / SHEET)
        x = torch.cos(angle) * stretch * along + (slant - torch.sin(angle)) * along[:, None] + bends[0]
        y = torch.sin(angle) * stretch * along + torch.cos(angle) * along[:, None] + bends[1]
        grid = torch.stack((x, y)).permute(1, 2, 3, 0)  # (n, 56, 56, 2), as two planes
        return nn.functional.grid_sample(images[:, None], grid, align_corners=False)[:, 0]

    def _inked(self, sheets: Tensor) -> Tensor:
        """Lines thinner or thicker: their edge lies where the blurred sheet has another value than half.

        A line's edge, blurred over five pixels, rises by about 0.17 a pixel.
        """
        count = len(sheets)
        soft = self.soft @ sheets @ self.soft.T
        draw = self._swing(count, 1, 1)
        wider = torch.where(draw < 0, draw * self.pen.thin, draw * self.pen.thick)
        level = (0.5 - 0.17 * wider).clamp(0.12, 0.8)
        strongest = soft.amax((1, 2), keepdim=True).clamp(min=CONTRAST)
        steep = 6 + 10 * self._draw(count, 1, 1)
        paper = torch.sigmoid(-level * steep)
        return (torch.sigmoid((soft / strongest - level) * steep) - paper) / (1 - paper)

    def _faded(self, sheets: Tensor) -> Tensor:
        """With less ink in patches and towards some side, or in grains, as of a pencil."""
        count = len(sheets)
        patches = self.patch @ self._draw(count, BENDS, BENDS) @ self.patch.T
        grains = self._draw(*sheets.shape) * self._draw(count, 1, 1)
        return sheets * (1 - self.pen.uneven * torch.where(self._draw(count, 1, 1) < PENCIL, grains, patches))

    def _dusty(self, sheets: Tensor) -> Tensor:
        """With specks of two by two pixels."""
        count = len(sheets)
        specks = (self._draw(count, SHEET // 2, SHEET // 2) < SPECKS) * self._draw(count, 1, 1)
        return torch.maximum(sheets, specks.repeat_interleave(2, 1).repeat_interleave(2, 2))

    def _lined(self, sheets: Tensor) -> Tensor:
        """With a rest of a line, ruled or of a box, that framing did not take away."""
        count = len(sheets)
        places = torch.arange(SHEET, device=self.device)
        middle, half = SHEET * self._draw(count, 1, 1), 0.5 + 0.8 * self._draw(count, 1, 1)
        begin, length = SHEET * self._swing(count, 1, 1), SHEET * (0.5 + self._draw(count, 1, 1))
        across = (places[:, None] - middle).abs() <= half
        line = across * ((places >= begin) & (places <= begin + length)) * (0.2 + 0.5 * self._draw(count, 1, 1))
        upright = self._draw(count, 1, 1) < UPRIGHT
        return torch.maximum(sheets, torch.where(upright, line.transpose(1, 2), line))

    def _coarse(self, sheets: Tensor) -> Tensor:
        """As from a picture of FEW pixels a side."""
        return self.few @ sheets @ self.few.T

    def _coded(self, sheets: Tensor) -> Tensor:
        """As from coarse JPEG."""
        return jpeg(sheets, 20 + 60 * self._draw(len(sheets)))

    def _noisy(self, sheets: Tensor) -> Tensor:
        """With noise, as fine as the sheet."""
        noise = torch.randn(sheets.shape, generator=self.generator).to(self.device)
        return sheets + noise * self.pen.noise * self._draw(len(sheets), 1, 1)


def _averaged(cells: int) -> Tensor:
    """The mean of a sheet's pixels in each cell along an axis, `[cells, 56]`."""
    return nn.functional.adaptive_avg_pool1d(torch.eye(SHEET), cells).T.contiguous()


def _blurring() -> Tensor:
    """The mean of each five pixels along an axis, `[56, 56]`."""
    places = torch.arange(SHEET)
    return ((places - places[:, None]).abs() <= 2).float() / 5


def jpeg(sheets: Tensor, step: Tensor) -> Tensor:
    """Sheets `[n, 56, 56]`, 0 to 1, as JPEG gives them back that rounds its waves to `step` levels of 255, `[n]`.

    The discrete cosine transform of blocks of 8 x 8 pixels, as in ITU-T T.81; one step for all waves.
    """
    waves = torch.arange(BLOCK, device=sheets.device, dtype=torch.float32)
    cosines = torch.cos(math.pi * (waves + 0.5) * waves[:, None] / BLOCK) * math.sqrt(2 / BLOCK)
    cosines[0] /= math.sqrt(2)
    blocks = sheets.view(-1, SHEET // BLOCK, BLOCK, SHEET // BLOCK, BLOCK).transpose(2, 3)  # (n, 7, 7, 8, 8)
    size = (step / 255).view(-1, 1, 1, 1, 1)
    kept = torch.round(cosines @ blocks @ cosines.T / size) * size
    return (cosines.T @ kept @ cosines).transpose(2, 3).reshape(sheets.shape)


def frame(sheets: Tensor, loose: Tensor) -> Tensor:
    """Sheets `[n, 56, 56]`, 0 to 1, framed as `data/framing.py` does: `[n, 28, 28]`, 0 to 255.

    loose   pixels, that the box is wider by at the left, the top, the right and the bottom, `[n, 4]`
    """
    strongest = sheets.amax((1, 2), keepdim=True)
    faintest = BOX * strongest[:, 0].clamp(min=CONTRAST)
    first, last = zip(*(_ends(sheets.amax(3 - axis) > faintest) for axis in (1, 2)), strict=True)  # rows, columns
    starts = torch.stack(first) - loose[:, :2].T  # (2, n)
    extents = torch.stack(last) + loose[:, 2:].T - starts
    longest = extents.amax(0)
    cells = (extents * FIELD / longest + 0.5).floor().clamp(1, FIELD)
    rows, columns = (_coverage(*of_axis) for of_axis in zip(starts, extents, cells, strict=True))  # (n, 20, 56)
    digits = rows @ sheets @ columns.transpose(1, 2)
    digits = 255 * digits / digits.amax((1, 2), keepdim=True).clamp(min=CONTRAST)
    down, right = (_placement(digits.sum(3 - axis), cells[axis - 1]) for axis in (1, 2))  # (n, 28, 20)
    return (down @ digits @ right.transpose(1, 2)).clamp(0, 255)


def _ends(inked: Tensor) -> tuple[Tensor, Tensor]:
    """Where the ink of `[n, places]` begins, and where it has ended: `[n]` each; all of it where there is none."""
    places = inked.shape[1]
    first = inked.int().argmax(1)
    last = places - inked.flip(1).int().argmax(1)
    return first.float(), last.float()


def _coverage(start: Tensor, extent: Tensor, cells: Tensor) -> Tensor:
    """How much of each pixel lies in each cell along an axis, `[n, 20, 56]`, over the width of a cell.

    A cell is at least a pixel wide. Those behind the last are empty.
    """
    index = torch.arange(FIELD, device=start.device)[None, :]
    step = (extent / cells)[:, None]
    width = step.clamp(min=1.0)
    begin = ((index + 0.5) * step - width / 2).clamp(min=0).minimum(extent[:, None] - width) + start[:, None]  # (n, 20)
    pixels = torch.arange(SHEET, device=start.device)
    ends = torch.minimum((begin + width)[..., None], pixels + 1.0)
    inside = (ends - torch.maximum(begin[..., None], pixels.float())).clamp(min=0)
    return inside / width[..., None] * (index < cells[:, None])[..., None]


def _placement(masses: Tensor, cells: Tensor) -> Tensor:
    """Where cells go along an axis, `[n, 28, 20]`, zeros and ones: their centre of mass at CENTRE, and all inside."""
    index = torch.arange(FIELD, device=masses.device)
    centre = (masses * index).sum(1) / masses.sum(1).clamp(min=1e-6)
    shift = (CENTRE - 0.5 - centre).ceil().clamp(min=0).minimum(FRAME - cells)
    places = torch.arange(FRAME, device=masses.device)[None, :, None]
    return (places == index[None, None, :] + shift[:, None, None]).float()
