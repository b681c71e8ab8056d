"""Small networks to train and to describe in tests."""

from edgedigits.records.earlier import EarlierSpec
from edgedigits.records.model import ModelSpec
from edgedigits.records.network import Layer, Network


def fc(*hidden: int) -> ModelSpec:
    """Dense layers of those widths and ten classes, with ReLU between them, named as the preset's."""
    return ModelSpec(EarlierSpec("fc", {"hidden": hidden}).network)


RESIDUAL = Network(  # what strangers write: a block with a shortcut, depthwise convolutions, shared weights, a gate
    (
        Layer.of("conv", "stem.0", channels=4, kernel=3, stride=2, padding=1, bias=False),
        Layer.of("batch_norm", "stem.1"),
        Layer.of("hardswish", "stem.2"),
        Layer.of("conv", "block.depth", channels=4, kernel=3, padding=1, groups=4),
        Layer.of("prelu", "block.act", slopes=4),
        Layer.of("add", "block.sum", "stem.2", "block.act"),
        Layer(
            "conv",
            "block.again",
            attributes={"channels": 4, "kernel": 3, "padding": 1, "groups": 4},
            tied="block.depth",
        ),
        Layer.of("adaptive_avg_pool", "gate.pool", size=1),
        Layer.of("sigmoid", "gate.act"),
        Layer.of("multiply", "gate.out", "block.again", "gate.act"),
        Layer.of("concat", "join", "block.sum", "gate.out"),
        Layer.of("mean", "pool"),
        Layer.of("dropout", "drop", p=0.25),
        Layer.of("dense", "head", features=10),
    )
)
