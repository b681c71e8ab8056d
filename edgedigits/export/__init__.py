"""The stage that exports: `exporter` is the stage, `formats` the table of what it can write, `manifest` what lies in
its folders. Writers are in `onnx/` and `torch/`; `calibration` and `rejection` choose on training digits what files
need to know beyond the weights."""
