"""Other people's ONNX files become runs of ours: their weights stay as they are, and so does what they compute.

    theirs.onnx ──find_input──> reading ─┐
    theirs.onnx ──settled──> opset 17 ──freed──> any batch ──wrapped──> uint8 in, logits and probabilities out

`opset` brings a graph to the opset of our contract, `batch` frees it of a batch that was baked in, `wrap` puts in front
what the input's reading says, and behind what the contract promises; `file` does all of it, and asks the digits
whether the graph still answers as the file did. None of this needs torch.
"""
