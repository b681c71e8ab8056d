"""Data sets, from wherever they are into memory as uint8 arrays: `load` finds the right one of `published` (fetched
by `download`), a `folder` of pictures, `idx_sets` of files (`idx`) or a `pixel_csv`; `kinds` says what is a picture,
`images` decodes it, `paper` and `transposed` notice how images lie; `dataset` is what comes out. `canvases` and
`drawn` make pictures that no data set has: digits pasted somewhere, drawn by a pen, or none at all."""
