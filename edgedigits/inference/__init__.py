"""Files put to work: `predict` reads pictures and says what is doubtful (`doubts`), `score` answers images of any
number, from `sources` into `sinks`."""
