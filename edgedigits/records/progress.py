"""What a stage tells while it works. The library emits; the command line draws."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Progress:
    """`done` of `total` units of a task, with figures to show beside the bar (loss, accuracy, ...).

    total   None where it is not known beforehand
    """

    task: str
    done: int
    total: int | None
    figures: Mapping[str, float] = field(default_factory=dict)


Observer = Callable[[Progress], None]


def ignore(_: Progress) -> None:
    """The observer that shows nothing."""
