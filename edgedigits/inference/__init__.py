"""Files put to work: `predict` reads pictures, `numbers` lines of digits on them, and `boxes` shows where; `score`
answers images of any number, from `sources` into `sinks`."""
