"""A network that is kept whole, in a file of somebody else's: what it computes, its runtime alone knows."""

from dataclasses import dataclass

from edgedigits.records.network import Input
from edgedigits.records.record import Record, require

MODEL, ORIGINAL = "model.onnx", "original.onnx"  # in a run's folder: as we export it, and as it was found
GIVES = {  # what comes out of it: what that is called where a network is a list of layers
    "logits": "logits",
    "relu": "logits",
    "log-softmax": "log-probabilities",
    "softmax": "probabilities",
}


@dataclass(frozen=True)
class ForeignNetwork(Record):
    """An ONNX graph as another exporter wrote it, and how it is asked: in the place of a list of layers.

    input        how an image, uint8 [28, 28], becomes what the graph takes
    scores       which of its outputs are the scores
    kind         what they are, one of GIVES
    columns      of the scores: which is the first label's, the second's, ...
    parameters   numbers that its tensors hold
    operators    how often it has each, in words
    """

    input: Input
    scores: str
    kind: str
    columns: tuple[int, ...]
    parameters: int
    operators: str

    def __post_init__(self) -> None:
        require(self.kind in GIVES, "kind", " or ".join(GIVES), self.kind)
        plain = bool(self.columns) and min(self.columns) >= 0 and len(set(self.columns)) == len(self.columns)
        require(plain, "columns", "one for each label, none twice,", self.columns)

    @property
    def output(self) -> str:
        """What it gives: "logits", "log-probabilities" or "probabilities"."""
        return GIVES[self.kind]

    def describe(self) -> str:
        """What it is made of, in a line of words."""
        return f"an ONNX graph of {self.operators}"
