"""Whether a picture is cropped to its digit: then all of it is looked at, and nothing is ground or a line.

Ink touches each side, and strokes, what is thick of it, hold most rows and columns: thin lines on paper do not. Ground
around a sheet fills two sides at least, where the bar of a digit fills one; and a box fills rows and columns near all.
"""

from edgedigits.data.cells import ALL, COLUMN, INDEX, ROW, Cells
from edgedigits.data.operators import Operators, Value

REACH = 2  # cells each way from one of a stroke
THICK, THIN = 17.5, 8.5  # cells that it fills there, at least, on large pictures and small ones: lines fill less
SMALL = 40  # cells of a small picture's longer side, which are pixels
HELD = 0.745  # of the rows, and of the columns, that strokes hold
FILLED = 0.895  # of a row or column, that is filled
ZONE = 0.25  # of the rows, or columns, that are near a side
GROUND, BOX = 2, 3  # sides


def is_crop(operators: Operators, ink: Value, sides: tuple[Value, Value], ends: list[Value]) -> Value:
    """1 where the ink, a mask, is a digit that fills the picture; else 0.

    sides   how many rows and columns of cells the picture has
    ends    masks of its first row and column, and of its last ones
    """
    return _Crop(operators).is_crop(ink, sides, ends)


class _Crop(Cells):
    def is_crop(self, ink: Value, sides: tuple[Value, Value], ends: list[Value]) -> Value:
        o = self.o
        least = o.Where(o.Less(o.Max(*sides), SMALL + 0.5), THIN, THICK)
        strokes = self.all(ink, self.above(self.counted(ink, REACH), least))
        held = [self.above(self.total(self.held(strokes, axis)), o.Mul(HELD, side)) for axis, side in enumerate(sides)]
        inked = [self.total(o.Mul(ink, end)) for end in ends]
        rows, columns = sides
        filled = [
            self.above(count, o.Mul(FILLED, length))
            for count, length in zip(inked, (columns, rows, columns, rows), strict=True)
        ]
        ground = self.above(o.Add(o.Add(*filled[:2]), o.Add(*filled[2:])), GROUND - 0.5)
        box = self.above(o.Add(*(self._lined(ink, axis, sides) for axis in (0, 1))), BOX - 0.5)
        return self.all(*held, *map(self.any, inked), o.Sub(1.0, o.Max(ground, box)))

    def _lined(self, ink: Value, axis: int, sides: tuple[Value, Value]) -> Value:
        """Near how many sides, 0 to 2, ink fills a row (axis 0) or a column (axis 1)."""
        o, places = self.o, INDEX.reshape((COLUMN, ROW)[axis])
        counts = o.MatMul(ink, ALL) if axis == 0 else o.MatMul(ALL.T, ink)
        lines = self.above(counts, o.Mul(FILLED, sides[1 - axis]))
        zone = o.Mul(ZONE, sides[axis])
        near = (self.above(zone, places), self.above(places, o.Sub(o.Sub(sides[axis], 1.0), zone)))
        first, last = (self.most(o.Mul(lines, side)) for side in near)
        return o.Add(first, last)
