"""Specks: ink that is small and alone, where there is much more elsewhere. A dot that is all there is, is a digit."""

from edgedigits.data.cells import Cells
from edgedigits.data.operators import Value

SPECKS = ((1, 2), (3, 2))  # cells each way from the middle, and beyond, where nothing may be
SPECK = 0.08  # of all ink


def without_specks(cells: Cells, inked: Value) -> Value:
    """A mask of ink without its specks."""
    o = cells.o
    most = o.Mul(SPECK, cells.total(inked))
    for reach, gap in SPECKS:
        here, around = cells.counted(inked, reach), cells.counted(inked, reach + gap)
        alone = cells.all(cells.any(here), cells.above(0.5, o.Sub(around, here)), cells.above(most, here))
        inked = cells.without(inked, cells.any(cells.counted(alone, reach)))
    return inked
