"""What a C file takes of a microcontroller: known before anybody flashes one."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from edgedigits.records.record import Record

MAIN = "cortex-m3"  # the processor whose flash and stack are told


@dataclass(frozen=True)
class Footprint(Record):
    """What the code of a file takes, compiled for size by clang for a Cortex-M3; RAM and flash in bytes.

    code           what is in flash beside tables and weights; None where this machine lacks the compiler
    tables         biases, multipliers, shifts and looked-up values, in flash
    weights        in flash
    scratch        RAM that the caller hands over
    stack          at the deepest, found by painting it in an emulator; None where this machine lacks that
    products       multiply-accumulates of an image
    instructions   executed for an image, or a canvas of 96 x 96 pixels, mean of drawn digits, by processor:
                   instructions, not cycles
    missing        why figures are missing, and what brings them
    """

    tables: int
    weights: int
    scratch: int
    products: int
    code: int | None = None
    stack: int | None = None
    instructions: Mapping[str, int] = field(default_factory=dict)
    missing: str | None = None

    @property
    def flash(self) -> int | None:
        """All of it."""
        return None if self.code is None else self.code + self.tables + self.weights

    @property
    def ram(self) -> int | None:
        """Scratch and stack."""
        return None if self.stack is None else self.scratch + self.stack
