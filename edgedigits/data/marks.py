"""Which ink of a sheet is the digit's: not lines across the paper, not specks, not what grain and shade leave.

lines    a cell or two thin and nearly straight, along most of the sheet: ruled, squared, a box around
specks   small and alone, where there is much more ink elsewhere. A dot alone is a digit
digit    the rest that is strong, and weaker ink that lies next to it
"""

import dataclasses
from dataclasses import dataclass

from edgedigits.data.cells import Cells
from edgedigits.data.edges import SHORTEST, beyond_edges
from edgedigits.data.operators import Operators, Value

LEAST = 3  # levels, and
GRAIN = 8  # times the grain: ink is darker
STRONG = 0.35  # of the strongest ink, and
STRONG_GRAIN = 12  # times the grain: strong ink is darker
TOGETHER = 6  # cells from strong ink to what belongs to it
AROUND = 2  # cells around the digit, which hold its faint edge

LENGTH = 0.85  # of the sheet: what is looked at of a line
UNBROKEN = 0.92  # of that, what is ink, its own or a stroke's
OWN = 0.25  # of that, what is thin
STRONGER = 2  # times a line's mean: ink of a stroke that runs along it

SPECKS = ((1, 2), (3, 2))  # cells each way from the middle, and beyond, where nothing may be
SPECK = 0.08  # of all ink


@dataclass(frozen=True)
class Ink:
    """How much darker than the paper the cells of a sheet are, in levels; and how much lighter it is, for comparison.

    strength   `[SIDE, SIDE]`, 0 beyond the sheet
    sheet      a mask
    lighter    the sum over `plain` cells of nothing but paper
    """

    strength: Value
    sheet: Value
    lighter: Value
    plain: Value


def find_digit(operators: Operators, ink: Ink) -> Value:
    """The cells that hold the digit, and those around it: a mask."""
    return _Strokes(operators).digit(ink)


class _Strokes(Cells):
    def digit(self, ink: Ink) -> Value:
        o = self.o
        times = o.Mul(ink.strength, ink.plain)
        inked = self.above(times, o.Add(o.Mul(float(GRAIN), ink.lighter), o.Mul(float(LEAST), ink.plain)))
        lines = self._lines(inked, ink)
        lines = o.Max(lines, beyond_edges(o, inked, lines, ink.sheet))
        strokes = self._without_specks(self.without(inked, lines))
        strongest = self.most(o.Mul(ink.strength, strokes))
        strong = self.all(
            strokes,
            self.above(ink.strength, o.Mul(STRONG, strongest)),
            self.above(times, o.Mul(float(STRONG_GRAIN), ink.lighter)),
        )
        kept = o.Mul(strokes, self.any(self.counted(strong, TOGETHER)))
        return self.all(self.widened(kept, AROUND), ink.sheet, o.Sub(1.0, lines))

    def _lines(self, inked: Value, ink: Ink) -> Value:
        """The cells of lines, and where they cross."""
        upright = self._lines_down(inked, ink)
        turned = dataclasses.replace(ink, strength=self.turned(ink.strength), sheet=self.turned(ink.sheet))
        across = map(self.turned, self._lines_down(self.turned(inked), turned))
        found, places = zip(upright, across, strict=True)
        return self.o.Max(self.o.Max(*found), self.all(inked, *places))

    def _lines_down(self, inked: Value, ink: Ink) -> tuple[Value, Value]:
        """What is thin, less than three cells, and belongs to a line down; and where such lines are.

        Strokes may cross a line, and it may lie a cell beside itself here and there.
        """
        o = self.o
        thin = o.Sub(inked, self.opened(inked, ink.sheet, self._aside))
        side = self.total(self.held(ink.sheet, 0))
        reach = o.Floor(o.Mul(LENGTH / 2, side))
        window, length = self.window(reach), o.Add(o.Mul(2.0, reach), 1.0)
        middles = self.all(
            self.above(self.down(self._aside(inked), window), o.Mul(UNBROKEN, length)),
            self.above(self.down(self._aside(thin), window), o.Mul(OWN, length)),
            self.above(side, SHORTEST - 0.5),
        )
        place = self.any(self.down(middles, window))
        count, sum_of = self.down(thin, window), self.down(o.Mul(ink.strength, thin), window)
        drawn = self.above(o.Mul(ink.strength, count), o.Mul(float(STRONGER), sum_of))
        return self.without(o.Mul(thin, place), drawn), place

    def _aside(self, mask: Value) -> Value:
        """A mask and the cells right beside it, to the left and right."""
        return self.turned(self.raised(self.turned(mask)))

    def _without_specks(self, inked: Value) -> Value:
        o = self.o
        most = o.Mul(SPECK, self.total(inked))
        for reach, gap in SPECKS:
            here, around = self.counted(inked, reach), self.counted(inked, reach + gap)
            alone = self.all(self.any(here), self.above(0.5, o.Sub(around, here)), self.above(most, here))
            inked = self.without(inked, self.widened(alone, reach))
        return inked
