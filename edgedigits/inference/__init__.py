"""Files put to work: `predict` reads pictures, `score` answers images of any
number, from `sources` into `sinks`."""
