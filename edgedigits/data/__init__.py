"""Data sets, from wherever they are into memory as uint8 arrays: `load` finds the right one of `published` (fetched
by `download`), a `folder` of pictures, `idx_sets` of files (`idx`) or a `pixel_csv`; `dataset` is what comes out.
`kinds` says what is a picture, `images` decodes it, `paper`, `transposed` and `doubts` (with `shapes`) say what is odd
about it. `canvases` and `drawn` make pictures that no data set has: digits pasted somewhere, drawn, or none. `framing`
says in whole numbers what a network is shown of a canvas. `number` finds lines of digits on a picture, and `numbers`
makes such pictures."""
