"""Somebody else's ONNX file as a Predictor: shown images as it takes them, its scores in the order of labels."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edgedigits.errors import ModelFileError
from edgedigits.models.metrics import softmax
from edgedigits.records.arrays import EVALUATION_BATCH, Images, Scores
from edgedigits.runtime.asking import Asker, Way, askers
from edgedigits.runtime.finding import Found
from edgedigits.runtime.foreign import as_declared, as_unknown, open_session, scores_among
from edgedigits.runtime.load import Opener
from edgedigits.runtime.predictor import Inputs, Predictor
from edgedigits.runtime.readings import Input, present

LEAST = np.float32(np.finfo(np.float32).tiny)  # of a probability, or its logarithm would be endless
TRIED = 3  # images to see how many it takes a call


@dataclass(frozen=True)
class ForeignPredictor(Predictor):
    """A file without a contract, ready to answer as others do.

    What comes out as probabilities, it gives as their logarithms, which are logits too. Its `contract` is what stands
    for one: names, types and shapes of the graph.

    asker     how many images it takes a call
    reading   how it is shown them
    found     what else is known of it
    """

    asker: Asker
    reading: Input
    found: Found

    @classmethod
    def open(cls, path: Path, found: Found, opener: Opener) -> "ForeignPredictor":
        """A file whose input was found. Raises ModelFileError and MissingCapability, also where no reading is right."""
        reading = found.taken()
        contract, session = open_session(path, opener)
        shape = {"layout": reading.layout, "side": reading.side}
        asker = askers(as_unknown(path, contract, session), np.zeros((TRIED, 28, 28), np.uint8), shape)[0]
        return cls(contract, session, asker, reading, found)

    @property
    def fixed(self) -> int | None:
        """Images that it takes a call, no more and no fewer; None where it takes any number."""
        return 1 if self.asker.way.bare else self.asker.way.batch

    def in_batches(self, images: Images, size: int = EVALUATION_BATCH) -> tuple[Scores, Scores, Images]:  # noqa: ARG002
        """The answers to uint8 images `[n, 28, 28]`, as many a call as it takes."""
        return self._answered(self.asker, images)

    def alone(self, images: Images) -> Scores:
        """The logits of images that are given to the file one a call, where it takes one."""
        way = self.asker.way
        return self._answered(self.asker if way.batch or way.bare else replace(self.asker, way=Way(1)), images)[0]

    def _answered(self, asker: Asker, images: Images) -> tuple[Scores, Scores, Images]:
        try:
            scores = asker.answers(self.reading, images)[:, list(self.found.columns)].astype(np.float32)
        except ValueError as error:  # it answers some batches with scores, and others with something else
            raise ModelFileError(f"{self.found.name}: {error} came out, scores wanted") from error
        logits = np.log(np.maximum(scores, LEAST)) if self.found.output == "softmax" else scores
        return logits, softmax(logits), images

    def samples(self, count: int) -> Inputs:
        """Inputs to measure times with: of one that takes so many images a call and no others, that many."""
        images = super().samples(self.fixed or count)
        shown = as_declared(present(self.reading, np.asarray(images)), self.contract.input)
        return shown[0] if self.asker.way.bare else shown

    @property
    def scores(self) -> str:
        """The output that its scores come out of."""
        outputs = self.session.call(np.asarray(self.samples(1)))
        return self.names[scores_among(outputs, self.names)]

    @property
    def names(self) -> tuple[str, ...]:
        """What its outputs are called."""
        return tuple(output.name for output in self.contract.outputs)
