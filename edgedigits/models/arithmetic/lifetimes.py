"""Where values lie in memory that is used again: a place is free once the last step that reads it has run."""

from collections.abc import Mapping, Sequence

from edgedigits.models.arithmetic.steps import Step


def offsets(steps: Sequence[Step], sizes: Mapping[int, int]) -> dict[int, int]:
    """Where each value begins, of those that `sizes` has the sizes of, by its number; each takes the first free place.

    The scores, which nothing reads, are the caller's.
    """
    last = {read: number for number, step in enumerate(steps, 1) for read in step.reads}
    found: dict[int, int] = {}
    for number in sorted(sizes):
        live = sorted((found[other], sizes[other]) for other in found if last[other] >= number)
        offset = 0
        for begin, taken in live:
            if offset + sizes[number] <= begin:
                break
            offset = max(offset, begin + taken)
        found[number] = offset
    return found
