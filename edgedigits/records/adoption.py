"""Where an adopted model comes from: whose file it was, and what training digits said of its layers and its input."""

from dataclasses import dataclass, field

from edgedigits.records.record import OPTIONAL, Record, require

# how layers become known: tried on digits, followed through a module's forward, or not at all: then its graph is kept
STRUCTURES = ("guessed", "traced", "kept")


@dataclass(frozen=True)
class Tried(Record):
    """Something that may be so, in words, and what training digits say of it: mean cross-entropy in nats, accuracy.

    loss   None where the scores are not finite
    """

    words: str
    loss: float | None
    accuracy: float


@dataclass(frozen=True)
class Adoption(Record):
    """How a model was adopted.

    file        the name of the file it came from; of a module given in Python, its class
    sha256      of that file; of a module, of its tensors' bytes
    container   in words, what it was: "torch zip", "safetensors", "module"
    structure   one of STRUCTURES
    layers      in words, in the order in which they run
    digits      training digits that the readings were shown
    readings    of its input, as `runtime.readings` says them: first the one that was taken, then the next best
    rivals      other structures that fit the weights, beside the one that was taken, which is the first
    remarks     in words, what was done to the weights, and what is to be said of the model
    """

    file: str
    sha256: str
    container: str
    structure: str
    layers: str
    digits: int
    readings: tuple[Tried, ...]
    rivals: tuple[Tried, ...] = field(default=(), metadata=OPTIONAL)
    remarks: tuple[str, ...] = field(default=(), metadata=OPTIONAL)

    def __post_init__(self) -> None:
        require(self.structure in STRUCTURES, "structure", " or ".join(STRUCTURES), self.structure)
        require(len(self.readings) > 0, "readings", "one at least", self.readings)
