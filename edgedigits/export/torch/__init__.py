"""Files that torch itself loads: `torchscript`, its int8 forms by torch's own quantization (`quantize`), and `pt2`,
the archive of `torch.export`."""
