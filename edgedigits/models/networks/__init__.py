"""The networks, one file each, and the layers that they share. A network is a class `Network(classes, **params)`, a
torch module from float images `[batch, 1, 28, 28]` to logits `[batch, classes]`."""
