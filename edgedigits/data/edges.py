"""Thick lines along the sides of a sheet, of a printed box or a table's cell: they, and what lies beyond them.

line    ink along most of the sheet, of any thickness, at most a quarter of the sheet from its side, and turned a little
apart   further in, at most GAP cells behind it, is a row without other ink: a digit's own bar has its stem there

Lines that are thin are found wherever they are (`marks.py`); of others only these are told from thick strokes.
"""

from edgedigits.data.cells import ALL, Cells
from edgedigits.data.operators import Operators, Value

ALONG = 0.9  # of the sheet, that a line fills
ZONE = 0.25  # of the sheet, from its side
GAP = 3  # cells
BOX = 3  # sides with such lines make a box, which no digit's own bars do: then nothing need be apart
SHORTEST = 40  # cells of a sheet's sides, on which lines can be told from strokes


def beyond_edges(operators: Operators, inked: Value, lines: Value, sheet: Value) -> Value:
    """The cells of such lines, and those between them and the sheet's sides: a mask.

    inked, sheet   masks
    lines          those that are found already: no ink
    """
    return _Edges(operators).beyond(inked, lines, sheet)


class _Edges(Cells):
    def beyond(self, inked: Value, lines: Value, sheet: Value) -> Value:
        o = self.o
        rows, columns = self._lines(inked, sheet), self._lines(self.turned(inked), self.turned(sheet))
        rest = self.without(inked, o.Max(lines, o.Max(*rows), self.turned(o.Max(*columns))))
        count = o.Add(*(o.Add(*map(self.most, lines)) for lines in (rows, columns)))
        boxed = self.above(count, BOX - 0.5)
        across, upright = (
            self._cut(rows, rest, boxed),
            self.turned(self._cut(columns, self.turned(rest), boxed)),
        )
        return o.Mul(sheet, o.Max(across, upright))

    def _summed(self, mask: Value) -> Value:
        """How many cells of a mask lie in each row, `[SIDE, 1]`."""
        return self.o.MatMul(mask, ALL)

    def _lines(self, inked: Value, sheet: Value) -> tuple[Value, Value]:
        """The rows that ink fills, near the sheet's upper side, and near its lower one: `[SIDE, 1]` each."""
        o = self.o
        held = self.any(self._summed(sheet))
        height, width = self.total(held), self.most(self._summed(sheet))
        filled = self._summed(self.all(self.raised(inked), sheet))
        lines = self.all(
            self.above(filled, o.Mul(ALONG, self._summed(sheet))),
            self.above(o.Min(height, width), SHORTEST - 0.5),
        )
        zone = o.Add(o.Mul(ZONE, height), 1.0)
        upper, lower = (self.above(zone, o.MatMul(order, held)) for order in (self.not_after, self.not_before))
        return o.Mul(lines, upper), o.Mul(lines, lower)

    def _cut(self, lines: tuple[Value, Value], rest: Value, boxed: Value) -> Value:
        """The rows of lines that are a box's, or apart from all other ink, and those beyond, `[SIDE, 1]`."""
        bare = self.o.Sub(1.0, self.any(self._summed(rest)))
        next_rows = self._next()
        orders = (
            (self.not_before, self.not_after, next_rows),
            (self.not_after, self.not_before, self.turned(next_rows)),
        )
        cuts = (self._cut_at(side, bare, boxed, *order) for side, order in zip(lines, orders, strict=True))
        return self.o.Max(*cuts)

    def _next(self) -> Value:
        """Where row i is one of the GAP next after row j, `[SIDE, SIDE]`."""
        return self.all(self.above(self.behind, 0.5), self.above(GAP + 0.5, self.behind))

    def _cut_at(self, lines: Value, bare: Value, boxed: Value, outwards: Value, inwards: Value, behind: Value) -> Value:
        """The same at one side: the matrices sum up what lies further in, further out, and right behind on its way."""
        o = self.o
        line = self.any(o.MatMul(outwards, lines))  # and what lies beyond it
        near = self.without(self.any(o.MatMul(behind, line)), line)
        gap = o.Mul(near, bare)
        passed = self.any(o.MatMul(inwards, gap))
        apart = self.most(gap)
        return o.Max(o.Mul(boxed, line), o.Mul(apart, o.Max(line, self.without(near, passed))))
