"""ONNX files: `convert` makes the float graph of a torch model, `quantize_weights`, `quantize_integer` and
`quantize_static` its int8 forms, `framing` what stands before the network in a `canvas` file; `graph` builds and
prunes, `opset` goes back to 17."""
