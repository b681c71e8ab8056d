"""Fully connected networks: 784 pixels, hidden layers, classes."""

from torch import Tensor, nn

from edgedigits.models.networks.layers import dense
from edgedigits.records.model import IMAGE_SHAPE


class Network(nn.Module):
    """`hidden` gives the widths of the hidden layers, in order."""

    def __init__(self, classes: int, hidden: tuple[int, ...]) -> None:
        super().__init__()
        pixels = IMAGE_SHAPE[0] * IMAGE_SHAPE[1]
        self.layers = nn.Sequential(*dense((pixels, *hidden, classes)))

    def forward(self, x: Tensor) -> Tensor:
        """Logits `[batch, classes]` of normalized images `[batch, 1, 28, 28]`."""
        logits: Tensor = self.layers(x.flatten(1))  # (B, 784) -> (B, classes)
        return logits
