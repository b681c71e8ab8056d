"""The contract of a canvas file, in whatever format: what it takes, what comes out, and when that is no answer."""

import dataclasses

from edgedigits.data.canvases import SIDES
from edgedigits.data.framing import FRAME
from edgedigits.export.formats import Source, get_format
from edgedigits.records.artifact import ON_DARK, ON_LIGHT, Contract, TensorSpec

POLARITIES = {ON_DARK: "background 0, ink 255", ON_LIGHT: "background 255, ink 0"}  # by framing; else it is found out


def canvas_contract(source: Source) -> Contract:
    """A source's contract, made that of a canvas file."""
    refusal = source.require_refusal()
    where = "border" if refusal.framing or get_format(source.contract.format).container == "c" else "picture"
    either = f"either: the paper is what most of the {where} shows"
    classes = len(source.contract.labels)
    return dataclasses.replace(
        source.contract,
        input=TensorSpec("image", "uint8", ("height", "width")),
        outputs=(
            TensorSpec("logits", "float32", (classes,)),
            TensorSpec("probabilities", "float32", (classes,)),
            TensorSpec("seen", "uint8", (FRAME, FRAME)),
        ),
        polarity=POLARITIES.get(refusal.framing or "", either),
        sides=SIDES,
        temperature=refusal.temperature,
        threshold=refusal.threshold,
        framing=refusal.framing,
    )
