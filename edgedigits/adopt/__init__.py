"""Other people's trained networks: `traced` makes the list of layers of a torch module, by `listing`, which takes its
graph apart, and `aten`, the table from torch's words to our ops."""
