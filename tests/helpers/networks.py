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

EVERYTHING = Network(  # every op once or more
    (
        Layer.of("affine", "scaled", factor=2.0, term=-1.0),
        Layer.of("pad", "mirrored", padding=(2, 2, 2, 2), mode="reflect"),
        Layer.of("conv", "conv", channels=6, kernel=(3, 5), stride=2, padding=1),
        Layer.of("batch_norm", "norm"),
        Layer.of("leaky_relu", "a.leaky", slope=0.1),
        Layer.of("elu", "a.elu", alpha=0.5),
        Layer.of("gelu", "a.gelu"),
        Layer.of("gelu", "a.tanh", approximate="tanh"),
        Layer.of("silu", "a.silu"),
        Layer.of("hardswish", "a.hardswish"),
        Layer.of("prelu", "a.prelu", slopes=6),
        Layer.of("affine", "a.each", factor=(1.5, 1.0, 0.5, 1.0, 2.0, 1.0), term=0.25),
        Layer.of("relu6", "b.relu6"),
        Layer.of("tanh", "b.tanh", "a.each"),
        Layer.of("add", "sum", "b.relu6", "b.tanh"),
        Layer.of("mean", "gate.mean", keep=True),
        Layer.of("hardsigmoid", "gate.hardsigmoid"),
        Layer.of("multiply", "gated", "sum", "gate.hardsigmoid"),
        Layer.of("max_pool", "c.max", kernel=3, stride=2, padding=1, ceil=True),
        Layer.of("avg_pool", "c.avg", "gated", kernel=3, stride=2, padding=1, ceil=True, count_padding=False),
        Layer.of("concat", "joined", "c.max", "c.avg"),
        Layer.of("relu", "relu"),
        Layer.of("sigmoid", "sigmoid"),
        Layer.of("adaptive_avg_pool", "small", size=(4, 2)),
        Layer.of("dropout", "drop", p=0.1),
        Layer.of("reshape", "reshaped", shape=(8, 12)),
        Layer.of("softmax", "soft", axis=2),
        Layer.of("flatten", "flat"),
        Layer.of("dense", "head", features=10),
        Layer.of("log_softmax", "last"),
    )
)
